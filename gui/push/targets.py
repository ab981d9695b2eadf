# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where a push goes: one mirror, or several in one plan."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.mirrors.model import Mirror
from core.registry.references import ImageReference, ReferenceError, parse_mirror_url
from core.transfers.plan import PushPlan
from gui import theme
from gui.push import words
from gui.push.mirror_box import MirrorBox, address
from gui.theme import FontRole
from gui.widgets.cell import place
from gui.widgets.controls import Button, IconButton
from gui.widgets.labels import ElidedLabel, Label


class TargetRow(QWidget):
    """A mirror, where that is, and what its plan says."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = MirrorBox()
        self.address = ElidedLabel("", tone="dim", mode=Qt.TextElideMode.ElideMiddle)
        self.contact = ElidedLabel("", FontRole.SMALL, "dim")
        self.state = ElidedLabel("", FontRole.SMALL, "dim")
        self.remove = IconButton("close", words.REMOVE_TARGET)
        label = Label(words.TO, tone="dim")
        label.setBuddy(self.box)
        line = QHBoxLayout()
        line.setSpacing(theme.SPACE_S)
        line.addWidget(label)
        line.addWidget(self.box, 1)
        line.addWidget(self.address, 1)
        line.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(line)
        column.addWidget(self.state)
        column.addWidget(self.contact)

    @property
    def registry(self) -> ImageReference | None:
        """The repository of a registry that the target is; None for other targets."""
        mirror = self.box.mirror
        try:
            return parse_mirror_url(self.box.target if mirror is None else mirror.push.url)
        except ReferenceError:
            return None

    def show_plan(self, plan: PushPlan | None, *, one_of_several: bool) -> None:
        """What is known of the target, as far as there is a plan of it."""
        mirror, registry = self.box.mirror, self.registry
        where = address(mirror) if mirror is not None else place(plan.mirror_url if plan is not None else "")
        self.address.setText(where if where != place(self.box.target) else "")
        self.contact.setText(words.contact(registry, plan.registry if plan else None) if registry is not None else "")
        self.contact.setVisible(registry is not None)
        self.state.setVisible(one_of_several)
        self.state.setText(words.target_state(plan) if plan is not None else "")
        self.state.set_tone("bad" if plan is not None and plan.blockers else "dim")
        self.remove.setVisible(one_of_several)


class Targets(QWidget):
    """`editing` follows every key, `changed` a choice at once and typing after a pause, `looked_at` another row that
    has the keyboard. There is always a first row."""

    editing = Signal()
    changed = Signal()
    looked_at = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[TargetRow] = []
        self.current = 0
        self._mirrors: Sequence[Mirror] = ()
        self._plans: dict[str, PushPlan] = {}  # by target
        self.add_button = Button(words.ADD_TARGET, flat=True, icon="plus")
        self.add_button.clicked.connect(self._on_add)
        self._column = QVBoxLayout()
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.SPACE_S)
        bottom = QHBoxLayout()
        bottom.addWidget(self.add_button)
        bottom.addStretch()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addLayout(self._column)
        outer.addLayout(bottom)
        self._add_row()

    @property
    def names(self) -> tuple[str, ...]:
        """What is chosen, each once; never an empty one."""
        return tuple(dict.fromkeys(row.box.target for row in self.rows if row.box.target))

    @property
    def registry(self) -> ImageReference | None:
        """The first repository of a registry among them."""
        return next((row.registry for row in self.rows if row.registry is not None), None)

    @property
    def signable(self) -> tuple[Mirror | None, PushPlan | None] | None:
        """The first target that can have signatures, as far as it is known; None among registries only."""
        row = next((row for row in self.rows if row.registry is None), None)
        return (row.box.mirror, self._plans.get(row.box.target)) if row is not None else None

    @property
    def plan(self) -> PushPlan | None:
        """Of the row that was looked at last, if there is one."""
        return self._plans.get(self.rows[self.current].box.target)

    def set_mirrors(self, mirrors: Sequence[Mirror]) -> None:
        self._mirrors = mirrors
        for row in self.rows:
            row.box.set_mirrors(mirrors)

    def show_plans(self, plans: Sequence[PushPlan]) -> None:
        """Plans in the order of `names`, or none while they are made."""
        self._plans = dict(zip(self.names, plans, strict=True)) if plans else {}
        several = len(self.rows) > 1
        for row in self.rows:
            row.show_plan(self._plans.get(row.box.target), one_of_several=several)

    def _add_row(self) -> TargetRow:
        row = TargetRow()
        row.box.set_mirrors(self._mirrors)
        row.box.editTextChanged.connect(self.editing)
        row.box.target_changed.connect(self.changed)
        row.box.installEventFilter(self)
        row.remove.clicked.connect(lambda: self._on_remove(row))
        self.rows.append(row)
        self._column.addWidget(row)
        return row

    def _on_add(self) -> None:
        """One more, with the first mirror that is no target yet and can be pushed to."""
        taken = set(self.names)
        free = (mirror.name for mirror in self._mirrors if mirror.name not in taken and mirror.push.url)
        row = self._add_row()
        row.box.set_target(next(free, ""))
        row.box.edit.setFocus()
        self.changed.emit()

    def _on_remove(self, row: TargetRow) -> None:
        self.rows.remove(row)
        self.current = min(self.current, len(self.rows) - 1)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
        self.rows[self.current].box.edit.setFocus()
        self.changed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn:
            at = next((at for at, row in enumerate(self.rows) if row.box is watched), self.current)
            if at != self.current:
                self.current = at
                self.looked_at.emit()
        return False
