# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a list shows while there is nothing in it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui import icons, theme
from gui.theme import FontRole
from gui.widgets.controls import Button
from gui.widgets.labels import Label

_TEXT_WIDTH = 560
_LEAST_WIDTH = 320


class EmptyState(QWidget):
    """A line drawing, one sentence, a quieter second one, and at most two buttons."""

    def __init__(self, drawing: str, sentence: str, detail: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = layout = QVBoxLayout(self)
        layout.setSpacing(theme.SPACE_S)
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence = Label("", FontRole.STRONG)
        self._detail = Label("", tone="dim")
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(theme.SPACE_S)
        self._buttons.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(2)
        layout.addWidget(self._picture)
        layout.addSpacing(theme.SPACE_S)
        for label in (self._sentence, self._detail):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.addSpacing(theme.SPACE_S)
        layout.addLayout(self._buttons)
        layout.addStretch(3)
        self.show_message(drawing, sentence, detail)

    def show_message(self, drawing: str, sentence: str, detail: str = "") -> None:
        icons.bind_label(self._picture, drawing, "control_line")
        self._sentence.setText(sentence)
        self._detail.setText(detail)
        self._detail.setVisible(bool(detail))

    @property
    def sentence(self) -> str:
        return self._sentence.text()

    def add_button(self, button: Button) -> None:
        self._buttons.addWidget(button)

    def minimumSizeHint(self) -> QSize:
        """Its margins follow its width; they must not keep it wide."""
        return QSize(theme.scaled(_LEAST_WIDTH), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        side = max(theme.SPACE_XL, (self.width() - theme.scaled(_TEXT_WIDTH)) // 2)
        self._layout.setContentsMargins(side, theme.SPACE_XL, side, theme.SPACE_XL)
