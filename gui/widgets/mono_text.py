# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Text in the desktop's monospace that can be read, selected and copied."""

from __future__ import annotations

from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

from gui import theme
from gui.theme import FontRole


class MonoText(QPlainTextEdit):
    """`name` is its accessible name. It takes the height it is given and not less than `least_height` pixels."""

    def __init__(self, name: str, text: str = "", *, least_height: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setReadOnly(True)
        theme.use_font(self, FontRole.MONO)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.setMinimumHeight(least_height)

    def fit_lines(self, count: int) -> None:
        """Be just high enough for `count` lines from now on."""
        self.ensurePolished()  # the theme sets the margins
        margins, frame = self.contentsMargins(), self.document().documentMargin()
        edges = margins.top() + margins.bottom() + 2 * round(frame) + theme.SPACE_XS
        self.setFixedHeight(count * self.fontMetrics().lineSpacing() + edges)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
