# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What may be chosen about container images, folded away until it is wanted."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from core.caches.oci.names import check_user_tag
from core.foundation.errors import UsageError
from core.registry.references import ImageReference, ReferenceError, parse_image, parse_mirror_url
from core.transfers.plan import PushOptions, PushPlan
from gui import icons, theme
from gui.push import words
from gui.theme import FontRole
from gui.widgets.controls import Button, CheckBox
from gui.widgets.labels import ElidedLabel, Label

_DEBOUNCE_MS = 600
_SQUASHED_LAYERS = 100
_MOST_LAYERS = 126  # one less than runs, for what somebody puts on top
_NUMBER_WIDTH = 56
_FIELDS = (words.BASE_IMAGE, words.TAG)


class ImageOptions(QWidget):
    """`editing` follows every key, `changed` a choice at once and typing after a pause, `unfolded` a look inside.

    What is chosen stays while it is folded away and while another kind of target hides it.
    """

    editing = Signal()
    changed = Signal()
    unfolded = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._target: ImageReference | None = None
        self.fold = Button("", flat=True)
        self.base_edit, self.tag_edit = QLineEdit(), QLineEdit()
        self.base_edit.setPlaceholderText(words.BASE_PLACEHOLDER)
        self.tag_edit.setPlaceholderText(words.TAG_PLACEHOLDER)
        self.base_hint, self.tag_hint = (ElidedLabel("", FontRole.SMALL, "dim") for _ in _FIELDS)
        self.squash_box = CheckBox(words.SQUASH)
        self.squash_edit = QLineEdit(str(_SQUASHED_LAYERS))
        self.squash_edit.setValidator(QIntValidator(1, _MOST_LAYERS, self))
        self.squash_edit.setAccessibleName(words.SQUASH_NAME)
        self.squash_edit.setFixedWidth(theme.scaled(_NUMBER_WIDTH))
        self.layers = ElidedLabel(words.LAYERS, tone="dim")
        self.complete_box = CheckBox(words.COMPLETE)
        self.environment = ElidedLabel("", FontRole.SMALL, "dim")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_DEBOUNCE_MS)
        self._lay_out()
        self._connect()
        self._unfold(wanted=False)
        self._show_hints()

    def _lay_out(self) -> None:
        self.content = QWidget()
        grid = QGridLayout(self.content)
        grid.setContentsMargins(theme.SPACE_XL, 0, 0, theme.SPACE_XS)
        grid.setHorizontalSpacing(theme.SPACE_S)
        grid.setVerticalSpacing(2)
        fields = zip(_FIELDS, (self.base_edit, self.tag_edit), (self.base_hint, self.tag_hint), strict=True)
        for place, (text, edit, hint) in enumerate(fields):
            label = Label(text, tone="dim")
            label.setBuddy(edit)
            edit.setAccessibleName(text)
            grid.addWidget(label, 0, 2 * place)
            grid.addWidget(edit, 0, 2 * place + 1)
            grid.addWidget(hint, 1, 2 * place + 1)
            grid.setColumnStretch(2 * place + 1, 1)
        squash = QHBoxLayout()
        squash.setSpacing(theme.SPACE_S)
        squash.addWidget(self.squash_box)
        squash.addWidget(self.squash_edit)
        squash.addWidget(self.layers, 1)
        grid.addLayout(squash, 2, 0, 1, 4)
        grid.addWidget(self.complete_box, 3, 0, 1, 4)
        grid.addWidget(self.environment, 4, 0, 1, 4)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_XS)
        column.addWidget(self.fold)
        column.addWidget(self.content)

    def _connect(self) -> None:
        self.fold.clicked.connect(lambda: self._unfold(wanted=self.content.isHidden()))
        for edit in (self.base_edit, self.tag_edit, self.squash_edit):
            edit.textEdited.connect(self._on_edited)
        self._pause.timeout.connect(self.changed)
        for box in (self.squash_box, self.complete_box):
            box.clicked.connect(self._on_clicked)

    # ---- what is chosen ----

    @property
    def problem(self) -> str:
        """Why what was typed cannot be used, "" if it can."""
        fields = zip(_FIELDS, (self._base_problem(), self._tag_problem()), strict=True)
        for name, problem in fields:
            if problem:
                return f"{name}: {problem}"
        counts = self.squash_edit.hasAcceptableInput() or not self._squashes
        return "" if counts else words.not_layers(_MOST_LAYERS)

    def applied_to(self, options: PushOptions) -> PushOptions:
        """`options` with what is chosen here."""
        return replace(
            options,
            base_image=self._base,
            tag=self._tag,
            squash_to=int(self.squash_edit.text() or 1) if self._squashes else None,
            complete_left_out=self.complete_box.isChecked(),
        )

    def squash(self) -> None:
        """Choose squashing, in sight."""
        self._unfold(wanted=True)
        self.squash_box.setChecked(True)
        self._on_clicked()

    @property
    def _base(self) -> str:
        return self.base_edit.text().strip()

    @property
    def _tag(self) -> str:
        return self.tag_edit.text().strip()

    @property
    def _squashes(self) -> bool:
        return bool(self._tag) and self.squash_box.isChecked()

    def _base_problem(self) -> str:
        try:
            self._base_reference()
        except ReferenceError:
            return words.NOT_AN_IMAGE
        return ""

    def _base_reference(self) -> ImageReference | None:
        if not self._base:
            return None
        return parse_mirror_url(self._base) if "://" in self._base else parse_image(self._base)

    def _tag_problem(self) -> str:
        if not self._tag:
            return ""
        try:
            check_user_tag(self._tag)
        except UsageError:
            return words.NOT_A_TAG
        return ""

    # ---- showing ----

    def set_target(self, target: ImageReference | None) -> None:
        """The repository images will be in; hidden without one."""
        self._target = target
        self.setVisible(target is not None)
        self._show_hints()

    def show_plan(self, plan: PushPlan) -> None:
        """What the plan found out about images."""
        facts = plan.images
        self.environment.setText(words.environment(facts) if facts is not None else "")
        self.layers.setText(words.layers(facts.tag_layers if facts is not None else 0))

    def _show_hints(self) -> None:
        problem = self._base_problem()
        base = None if problem else self._base_reference()
        self.base_hint.setText(problem or words.base_hint(base))
        self.base_hint.set_tone("bad" if problem else "dim")
        problem = self._tag_problem()
        self.tag_hint.setText(problem or words.tag_hint(self._tag, self._target))
        self.tag_hint.set_tone("bad" if problem else "dim")
        for widget in (self.squash_box, self.squash_edit):
            widget.setEnabled(bool(self._tag))
            widget.setToolTip("" if self._tag else words.WHY_NO_SQUASH)
        folded = self.content.isHidden()
        self.fold.setText(words.image_options(self._base, self._tag) if folded else words.IMAGE_OPTIONS)

    def _unfold(self, *, wanted: bool) -> None:
        self.content.setVisible(wanted)
        icons.bind(self.fold, "chevron-down" if wanted else "chevron-right", "accent")
        self._show_hints()
        self.unfolded.emit()

    def _on_edited(self) -> None:
        self._show_hints()
        self.editing.emit()
        self._pause.start()

    def _on_clicked(self) -> None:
        self._pause.stop()
        self.changed.emit()
