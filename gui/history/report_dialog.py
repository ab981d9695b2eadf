# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A report for others: looked at first, saved where one wants it, sent by nobody."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from core.engine.calls.history import CollectReport, SaveReport
from core.services.support_values import SupportFile
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.history import words
from gui.widgets.choosing import Choice, choose_path
from gui.widgets.controls import ComboBox
from gui.widgets.labels import Label
from gui.widgets.mono_text import MonoText
from gui.widgets.task_dialog import TaskDialog

_LEAST_HEIGHT = 220


class ReportDialog(TaskDialog):
    """Shows each file exactly as it would be saved."""

    def __init__(
        self, client: EngineClient, instance: str, *, read_only: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(words.REPORT, words.REPORT_SAVE, parent)
        self._client = client
        self._instance = instance
        self._read_only = read_only
        self.files: tuple[SupportFile, ...] = ()
        sentence = Label(words.REPORT_SENTENCE)
        sentence.setWordWrap(True)
        self.body.addWidget(sentence)
        self.choice = ComboBox()
        self.choice.setAccessibleName(words.REPORT_FILES)
        self.choice.currentIndexChanged.connect(self._on_chosen)
        self.body.addWidget(self.choice)
        self.text = MonoText(words.REPORT_TEXT, words.REPORT_READING, least_height=theme.scaled(_LEAST_HEIGHT))
        self.body.addWidget(self.text, 1)
        self.cancel_button.setText(self.close_text)
        self.forbid(words.REPORT_READING)
        self.confirm_button.clicked.connect(lambda: self.work(self._save))
        self.work(self._collect)

    @property
    def close_text(self) -> str:
        return messages.CLOSE

    async def _collect(self) -> None:
        self.files = await self._client.call(CollectReport(self._instance))
        self.choice.addItems([file.name for file in self.files])
        self.forbid(messages.WHY_READ_ONLY if self._read_only else "")

    def _on_chosen(self, place: int) -> None:
        if 0 <= place < len(self.files):
            self.text.setPlainText(self.files[place].text)

    async def _save(self) -> None:
        file = await choose_path(self, words.REPORT_SAVE_TITLE, Choice.NEW_FILE, self._client, name=words.REPORT_NAME)
        if file:
            await self.save_to(file)

    async def save_to(self, path: str) -> None:
        """Save exactly what was shown. Raises what the engine answers."""
        await self._client.call(SaveReport(self.files, path))
        self.notice.show_notice(words.report_saved(path), "", tone="ok")
