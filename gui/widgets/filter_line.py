# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The field that narrows a list."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from gui import icons, messages, theme
from gui.widgets.controls import IconButton

_DEBOUNCE_MS = 80


class FilterLine(QLineEdit):
    """A search field. `filter_changed(text)` follows typing by a moment; Escape clears, Down goes to the list."""

    filter_changed = Signal(str)
    leave_requested = Signal()

    def __init__(self, placeholder: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(name)
        self._clear = IconButton("close", messages.CLEAR_FILTER)
        self._clear.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Escape does the same
        self._clear.setCursor(Qt.CursorShape.ArrowCursor)
        self._clear.clicked.connect(self.reset)
        self._clear.hide()
        row = QHBoxLayout(self)  # the field's own actions stay small whatever the size of text
        row.setContentsMargins(0, 0, theme.SPACE_XS, 0)
        row.addStretch(1)
        row.addWidget(self._clear)
        theme.density_changed.connect(self._fit_text_size)
        self._fit_text_size()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DEBOUNCE_MS)
        self._timer.timeout.connect(self._on_pause)
        self.textChanged.connect(self._on_text)

    def _fit_text_size(self) -> None:
        beside = theme.icon_size() + theme.SPACE_XS
        self.setTextMargins(beside, 0, beside if self.text() else 0, 0)

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
        self._fit_text_size()
        self._timer.start()

    def _on_pause(self) -> None:
        self.filter_changed.emit(self.text())

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        icons.paint(QPainter(self), self.rect().adjusted(theme.SPACE_S, 0, 0, 0), "search", "dim")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.reset()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.leave_requested.emit()
        else:
            super().keyPressEvent(event)
