# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A command on one line with a button that copies it."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.services.values import CopyLine
from gui import messages, theme
from gui.theme import FontRole
from gui.widgets.controls import IconButton
from gui.widgets.labels import ElidedLabel, Label

_LINE_HEIGHT = 26
_PURPOSE_WIDTH = 176


class CommandLine(QWidget):
    """A command with its purpose before it and a button that copies it. Of several lines the first is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._copied = ""
        self._purpose = Label("", tone="dim")
        self._purpose.setMinimumWidth(theme.scaled(_PURPOSE_WIDTH))
        self.text = ElidedLabel("", FontRole.MONO)
        self.text.make_selectable()
        self.copy_button = IconButton("copy", messages.COPY)
        self.copy_button.setFixedHeight(_LINE_HEIGHT)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._copied))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self._purpose)
        row.addWidget(self.text, 1)
        row.addWidget(self.copy_button)

    def show_line(self, line: CopyLine | None) -> None:
        self.setVisible(line is not None)
        if line is not None:
            self._purpose.setText(line.purpose)
            self._copied = line.text
            first, *others = line.text.splitlines() or [""]
            self.text.setText(f"{first} …" if others else first)
            self.text.setAccessibleDescription(line.text if others else "")
            name = messages.COPY_COMMAND.format(purpose=line.purpose)
            self.copy_button.setAccessibleName(name)
            self.copy_button.setToolTip(name)
