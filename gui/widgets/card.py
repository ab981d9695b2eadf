# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A quiet box on the page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gui import theme
from gui.theme import FontRole
from gui.widgets.labels import ElidedLabel


class Card(QFrame):
    """A surface with a hairline around it; put content into `body`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.body = QVBoxLayout(self)
        padding = theme.CARD_PADDING
        self.body.setContentsMargins(padding, theme.SPACE_M, padding, theme.SPACE_M)
        self.body.setSpacing(theme.SPACE_S)


class Fact(QWidget):
    """A caption in small capitals above one line of text (or a big number)."""

    def __init__(
        self,
        caption: str,
        text: str = "–",
        *,
        big: bool = False,
        elide_mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.caption = ElidedLabel(caption, FontRole.CAPTION, "dim")
        self.value = ElidedLabel(text, FontRole.BIG if big else FontRole.BODY, mode=elide_mode)
        layout.addWidget(self.caption)
        layout.addWidget(self.value)

    def set(self, text: str, tone: str = "text") -> None:
        self.value.setText(text)
        self.value.set_tone(tone)
