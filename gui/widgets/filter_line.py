# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The field that narrows a list."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from gui import icons, messages

_DEBOUNCE_MS = 80


class FilterLine(QLineEdit):
    """A search field. `filter_changed(text)` follows typing by a moment; Escape clears, Down goes to the list."""

    filter_changed = Signal(str)
    leave_requested = Signal()

    def __init__(self, placeholder: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(name)
        self.setProperty("leading", True)
        glass = QAction(name, self)  # a screen reader takes the picture for a button
        glass.setEnabled(False)
        icons.bind(glass, "search", "dim")
        self.addAction(glass, QLineEdit.ActionPosition.LeadingPosition)
        self._clear = QAction(messages.CLEAR_FILTER, self)
        self._clear.triggered.connect(self.reset)
        icons.bind(self._clear, "close", "dim")
        self.addAction(self._clear, QLineEdit.ActionPosition.TrailingPosition)
        self._clear.setVisible(False)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DEBOUNCE_MS)
        self._timer.timeout.connect(self._on_pause)
        self.textChanged.connect(self._on_text)

    def reset(self) -> None:
        """Clear the text and tell at once."""
        self.clear()
        self._timer.stop()
        self._on_pause()

    def set_text_now(self, text: str) -> None:
        """Show `text` without telling: whoever sets it knows."""
        self.setText(text)
        self.leave()

    def leave(self) -> None:
        """Tell nothing any more of what was typed."""
        self._timer.stop()

    def _on_text(self) -> None:
        self._clear.setVisible(bool(self.text()))
        self._timer.start()

    def _on_pause(self) -> None:
        self.filter_changed.emit(self.text())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.reset()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.leave_requested.emit()
        else:
            super().keyPressEvent(event)
