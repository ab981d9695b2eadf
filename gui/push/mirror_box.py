# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where to push: one of the mirrors, or anything typed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from core.mirrors.model import Mirror
from gui.push import words
from gui.widgets.cell import Role, place
from gui.widgets.controls import ComboBox
from gui.widgets.package_delegate import PackageDelegate

_DEBOUNCE_MS = 350
_POPUP_WIDTH = 480


class MirrorBox(ComboBox):
    """`target_changed` follows a choice at once and typing after a pause; Return ends the pause."""

    target_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mirrors: dict[str, Mirror] = {}
        self._told: str | None = ""
        self.edit = QLineEdit()
        self.setLineEdit(self.edit)
        self.setCompleter(None)  # type: ignore[arg-type]  # it swallows Return while the text is marked
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setAccessibleName(words.TO_NAME)
        self.edit.setAccessibleName(words.TO_NAME)  # it has the focus
        self.setToolTip(words.TO_NAME)
        self.edit.setPlaceholderText(words.TO_PLACEHOLDER)
        self.setItemDelegate(PackageDelegate(self))
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_DEBOUNCE_MS)
        self._pause.timeout.connect(self._tell)
        self.editTextChanged.connect(self._on_edited)
        self.activated.connect(self._tell)

    @property
    def target(self) -> str:
        return self.currentText().strip()

    @property
    def mirror(self) -> Mirror | None:
        """The mirror that has been chosen; None for anything else."""
        return self._mirrors.get(self.target)

    def set_target(self, text: str) -> None:
        """Choose `text` without telling."""
        self._told = text
        self.blockSignals(True)
        self.setEditText(text)
        self.edit.selectAll()
        self.blockSignals(False)

    def set_mirrors(self, mirrors: Sequence[Mirror]) -> None:
        """Offer `mirrors`; what is chosen stays chosen, and marked where the next key replaces it."""
        text, marked = self.currentText(), self.edit.selectedText()
        self._mirrors = {mirror.name: mirror for mirror in mirrors}
        self.blockSignals(True)
        self.clear()
        for number, mirror in enumerate(mirrors):
            self.addItem(mirror.name)
            self.setItemData(number, (address(mirror),), Role.DETAIL)
        self.view().setMinimumWidth(max(self.width(), _POPUP_WIDTH))
        self.setEditText(text)
        if marked == text:
            self.edit.selectAll()
        self.blockSignals(False)

    def _on_edited(self) -> None:
        self._told = None  # even what comes out the same is told: meanwhile it was something else
        self._pause.start()

    def _tell(self) -> None:
        self._pause.stop()
        if self.target != self._told:
            self._told = self.target
            self.target_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._tell()
        super().keyPressEvent(event)


def address(mirror: Mirror) -> str:
    """Where a push to `mirror` goes; what is written if that leads nowhere."""
    return place(mirror.push.url or mirror.push.raw)
