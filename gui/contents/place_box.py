# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where to look: one of the mirrors, or anything typed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from core.mirrors.model import Mirror
from gui import theme
from gui.contents import words
from gui.widgets.cell import Role, place
from gui.widgets.controls import ComboBox
from gui.widgets.package_delegate import PackageDelegate

_WIDTH = 260
_POPUP_WIDTH = 480


class PlaceBox(ComboBox):
    """`place_chosen(text)` follows a choice and Return, never typing alone: looking may ask somebody far away."""

    place_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit()
        self.setLineEdit(self.edit)
        self.setCompleter(None)  # type: ignore[arg-type]  # it swallows Return while the text is marked
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumWidth(theme.scaled(_WIDTH))
        self.setAccessibleName(words.PLACE_NAME)
        self.setToolTip(words.PLACE_NAME)
        self.edit.setAccessibleName(words.PLACE_NAME)
        self.edit.setPlaceholderText(words.PLACE_PLACEHOLDER)
        self.setItemDelegate(PackageDelegate(self))
        self.activated.connect(self._tell)

    def set_mirrors(self, mirrors: Sequence[Mirror]) -> None:
        """Offer `mirrors`; the text stays."""
        text = self.currentText()
        self.blockSignals(True)
        self.clear()
        for number, mirror in enumerate(mirrors):
            self.addItem(mirror.name)
            self.setItemData(number, (place(mirror.fetch.url or mirror.fetch.raw),), Role.DETAIL)
        self.view().setMinimumWidth(max(self.width(), theme.scaled(_POPUP_WIDTH)))
        self.setEditText(text)
        self.blockSignals(False)

    def set_place(self, text: str) -> None:
        """Show `text` without telling."""
        self.blockSignals(True)
        self.setEditText(text)
        self.edit.setCursorPosition(0)
        self.blockSignals(False)

    def _tell(self) -> None:
        if text := self.currentText().strip():
            self.place_chosen.emit(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._tell()
            return
        super().keyPressEvent(event)
