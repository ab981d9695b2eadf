# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What few people need, folded away until it is wanted."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui import icons, theme
from gui.widgets.controls import Button


class Fold(QWidget):
    """A flat button above `content`, which it shows and hides."""

    def __init__(self, text: str, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.content = content
        self.button = Button(text, flat=True)
        self.button.clicked.connect(lambda: self.set_open(wanted=self.content.isHidden()))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_XS)
        column.addWidget(self.button)
        column.addWidget(content)
        self.set_open(wanted=False)

    def set_open(self, *, wanted: bool) -> None:
        self.content.setVisible(wanted)
        icons.bind(self.button, "chevron-down" if wanted else "chevron-right", "accent")
