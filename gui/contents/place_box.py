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
from gui.settings import remembered
from gui.widgets.cell import Role, place
from gui.widgets.controls import ComboBox
from gui.widgets.package_delegate import PackageDelegate

_MEMORY = "contents/place"
_WIDTH = 260
_POPUP_WIDTH = 480


class PlaceBox(ComboBox):
    """`place` is a mirror's name or an address; `place_chosen(text)` follows a choice and Return, never typing alone:
    looking may ask somebody far away."""

    place_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.place = ""
        self.mirrors: dict[str, Mirror] = {}
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
        self.mirrors = {mirror.name: mirror for mirror in mirrors}
        text = self.currentText()
        self.blockSignals(True)
        self.clear()
        for number, mirror in enumerate(mirrors):
            self.addItem(mirror.name)
            self.setItemData(number, (place(mirror.fetch.url or mirror.fetch.raw),), Role.DETAIL)
        self.view().setMinimumWidth(max(self.width(), theme.scaled(_POPUP_WIDTH)))
        self.setEditText(text)
        self.blockSignals(False)

    @property
    def mirror(self) -> Mirror | None:
        """The mirror that `place` is, None for an address."""
        return self.mirrors.get(self.place)

    def set_place(self, place: str) -> None:
        """Show `place` without telling, and offer it the next time."""
        self._show_place(place)
        remembered().setValue(_MEMORY, place)

    def offer_first(self) -> None:
        """Show what is chosen already or was the last time, else a folder."""
        kept = self.place or str(remembered().value(_MEMORY) or "")
        local = next((name for name, mirror in self.mirrors.items() if mirror.fetch.folder is not None), "")
        self._show_place(kept if kept in self.mirrors or words.is_address(kept) else local)

    def _show_place(self, place: str) -> None:
        self.place = place
        self.blockSignals(True)
        self.setEditText(place)
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
