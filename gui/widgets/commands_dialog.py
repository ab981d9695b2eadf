# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Spack's own commands for what is on the screen."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from core.services.values import CopyLine
from gui import messages, theme
from gui.theme import FontRole
from gui.widgets.command_line import CommandLine
from gui.widgets.controls import Button
from gui.widgets.labels import Label

_WIDTH = 720


def spack_line(*words: str) -> str:
    """A command of Spack as one types it."""
    return shlex.join(("spack", *words))


class CommandsDialog(QDialog):
    """A command on each line, each with a button that copies it."""

    def __init__(self, lines: Sequence[CopyLine], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(messages.SPACK_COMMANDS)
        self.setFixedWidth(theme.scaled(_WIDTH))
        margin = theme.PAGE_MARGIN
        column = QVBoxLayout(self)
        column.setContentsMargins(margin, theme.SPACE_L, margin, margin)
        column.setSpacing(theme.SPACE_S)
        column.addWidget(Label(messages.SPACK_COMMANDS, FontRole.TITLE))
        column.addWidget(Label(messages.SPACK_COMMANDS_TEXT, tone="dim"))
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
