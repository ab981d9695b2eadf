# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The frame of dialogs that ask the engine one thing and list the answer. GUI thread only."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from core.foundation.errors import MirrordeckError
from gui import messages, theme
from gui.theme import FontRole
from gui.widgets.cell import CellDelegate
from gui.widgets.controls import Button
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Label
from gui.widgets.page import TaskOwner
from gui.widgets.refresh_line import RefreshLine
from gui.widgets.table import TablePane, TableView

_WIDTH, _HEIGHT = 760, 600


class AskingDialog(QDialog):
    """Title, `above`, the list, `below`, and buttons: `extra_buttons` at the left, closing, then what is added to
    `buttons`. Open it with `ask`. `table` and `memory` are as in `TableView`."""

    def __init__(self, title: str, table: str, memory: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._question: asyncio.Task[None] | None = None
        self.setWindowTitle(title)
        self.resize(theme.scaled(_WIDTH), theme.scaled(_HEIGHT))
        self.busy_line = RefreshLine()
        self.table = TableView(table, memory)
        self.table.setItemDelegate(CellDelegate(self.table))
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-search", messages.COUNTING)
        self.close_button = Button(messages.CLOSE)
        self.close_button.clicked.connect(self.reject)
        self.above, self.below = QVBoxLayout(), QVBoxLayout()
        self.extra_buttons, self.buttons = QHBoxLayout(), QHBoxLayout()
        for row in (self.extra_buttons, self.buttons):
            row.setSpacing(theme.SPACE_S)
        self.buttons.addLayout(self.extra_buttons)
        self.buttons.addStretch()
        self.buttons.addWidget(self.close_button)
        content = QVBoxLayout()
        content.setContentsMargins(theme.PAGE_MARGIN, theme.SPACE_L, theme.PAGE_MARGIN, theme.SPACE_XL)
        for column in (content, self.above, self.below):
            column.setSpacing(theme.SPACE_M)
        content.addWidget(Label(title, FontRole.TITLE))
        content.addLayout(self.above)
        content.addWidget(self.pane, 1)
        content.addLayout(self.below)
        content.addLayout(self.buttons)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.busy_line)
        outer.addLayout(content)
        self.finished.connect(lambda _result: self.tasks.cancel_all())

    def ask_engine(self, question: Coroutine[Any, Any, None], meanwhile: str) -> None:
        """Await `question` instead of an earlier one, with `meanwhile` in place of the list; then what it raises."""
        self.tasks.cancel_all()
        self.show_instead(meanwhile)
        self.busy_line.set_running(True)
        self._question = self.tasks.start(self._ask(question))
        self._question.add_done_callback(self._on_answered)

    async def _ask(self, question: Coroutine[Any, Any, None]) -> None:
        try:
            await question
        except MirrordeckError as error:
            info = error.info()
            self.show_instead(info.title, messages.sentences(info.why, *info.remedies))

    def _on_answered(self, task: asyncio.Task[None]) -> None:
        if task is self._question and not task.cancelled():  # whoever closed the dialog has perhaps deleted it
            self.busy_line.set_running(False)

    def show_instead(self, sentence: str, detail: str = "") -> None:
        """Say something in place of the list."""
        self.empty.show_message("empty-search", sentence, detail)
        self.pane.show_instead(self.empty)
