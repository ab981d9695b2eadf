# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What other people have to do to use a mirror, ready to be copied."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from core.services.mirror_values import MirrorDetails
from core.services.values import CopyLine
from gui import theme
from gui.mirrors import words
from gui.widgets.command_line import CommandLine
from gui.widgets.controls import Button
from gui.widgets.labels import ElidedLabel

_LEAST_HEIGHT = 60


class UsersView(QWidget):
    """One line for each thing to do, and all of them as one block."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._details: MirrorDetails | None = None
        self.lines: list[CommandLine] = []
        self.sentence = ElidedLabel("", tone="dim")
        self.copy_button = Button(words.COPY_ALL, icon="copy")
        self.copy_button.clicked.connect(self._on_copy)
        top = QHBoxLayout()
        top.addWidget(self.sentence, 1)
        top.addWidget(self.copy_button)
        content = QWidget()
        content.setObjectName("scroll-content")
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, theme.SPACE_S, 0)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumHeight(_LEAST_HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, theme.SPACE_XS, 0, 0)
        layout.setSpacing(theme.SPACE_XS)
        layout.addLayout(top)
        layout.addWidget(area, 1)

    def show_details(self, details: MirrorDetails | None, instead: str = "") -> None:
        """What `details` say; `instead` of it while there are none."""
        self._details = details
        self.sentence.setText(words.USERS_SENTENCE if details is not None else instead)
        self.copy_button.setEnabled(details is not None)
        wanted = list(details.users_must_do) if details is not None else []
        if details is not None and details.ci_snippet:
            wanted.append(CopyLine(words.CI_PURPOSE, details.ci_snippet))
        while len(self.lines) < len(wanted):
            line = CommandLine()
            self._column.insertWidget(len(self.lines), line)
            self.lines.append(line)
        for number, line in enumerate(self.lines):
            line.show_line(wanted[number] if number < len(wanted) else None)

    def _on_copy(self) -> None:
        if self._details is not None:
            QGuiApplication.clipboard().setText(words.users_block(self._details))
