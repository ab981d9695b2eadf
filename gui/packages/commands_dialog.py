# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Spack's own commands for what is on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from core.services.values import CopyLine
from gui import messages, theme
from gui.packages import words
from gui.theme import FontRole
from gui.widgets.command_line import CommandLine
from gui.widgets.controls import Button
from gui.widgets.labels import Label


class CommandsDialog(QDialog):
    """A command on each line, each with a button that copies it."""

    def __init__(self, lines: Sequence[CopyLine], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(words.COMMANDS_TITLE)
        self.setFixedWidth(720)
        margin = theme.PAGE_MARGIN
        column = QVBoxLayout(self)
        column.setContentsMargins(margin, theme.SPACE_L, margin, margin)
        column.setSpacing(theme.SPACE_S)
        column.addWidget(Label(words.COMMANDS_TITLE, FontRole.TITLE))
        column.addWidget(Label(words.COMMANDS_TEXT, tone="dim"))
        column.addSpacing(theme.SPACE_S)
        self.lines = [CommandLine() for _ in lines]
        for widget, line in zip(self.lines, lines, strict=True):
            widget.show_line(line)
            column.addWidget(widget)
        close = Button(messages.CLOSE)
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(close)
        column.addSpacing(theme.SPACE_S)
        column.addLayout(row)
