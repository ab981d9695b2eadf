# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Taking packages out of a build cache into a folder: as they are stored, unpacked, or only their specs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from core.engine.calls.downloads import DownloadPackage, SaveSpec, UnpackPackage
from core.foundation.text import visible
from core.services.download_values import PackageId
from core.services.values import ContentsRow, Step
from gui import messages
from gui.contents import copy_words as words
from gui.engine_client import EngineClient
from gui.settings import remembered
from gui.widgets.controls import Button
from gui.widgets.form_rows import FormRows
from gui.widgets.labels import WrappedLabel
from gui.widgets.mono_text import MonoText
from gui.widgets.path_edit import PathEdit
from gui.widgets.task_dialog import TaskDialog

_HEIGHT = 380
_DONE_HEIGHT = 90
_MEMORY = "contents/folder"


class Taking(Enum):
    """What is taken: the verb and what is said about it."""

    STORED = (words.DOWNLOAD, words.DOWNLOAD_TEXT)
    FILES = (words.UNPACK, words.UNPACK_TEXT)
    SPEC = (words.SAVE, words.SAVE_TEXT)


class DownloadDialog(TaskDialog):
    """`rows` are packages, taken one after another; what failed is told and the rest goes on when it is tried again."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        place: str,
        rows: Sequence[ContentsRow],
        taking: Taking,
        *,
        parent: QWidget | None = None,
    ) -> None:
        verb, text = taking.value
        super().__init__(words.several(verb, rows), verb, parent, height=_HEIGHT)
        self._client = client
        self._instance = instance
        self._place = place
        self._left = list(rows)
        self._total = len(rows)
        self._taking = taking
        self._here = client.place.is_here
        self._memory = _MEMORY if self._here else f"{_MEMORY} {client.place.title}"
        self.folder = PathEdit(words.CHOOSE_FOLDER, folder=True, engine=client)
        self.folder.edit.setText(str(remembered().value(self._memory) or (Path.home() if self._here else "")))
        self.status = WrappedLabel(tone="dim")
        self.taken = MonoText(verb, least_height=_DONE_HEIGHT)
        self.taken.hide()
        self.open_button = Button(words.OPEN_FOLDER)
        self.open_button.hide()
        self.extra_buttons.addWidget(self.open_button)
        form = FormRows()
        form.add(words.FOLDER, self.folder)
        self.body.addWidget(WrappedLabel(text, tone="dim"))
        self.body.addWidget(form)
        self.body.addWidget(self.status)
        self.body.addWidget(self.taken, 1)
        self.body.addStretch(0)
        self.folder.edit.textChanged.connect(lambda _text: self._allow())
        self.open_button.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(self.directory)))
        self.confirm_button.clicked.connect(lambda: self.work(self._take))
        self._allow()

    def open(self) -> None:
        super().open()
        self.folder.edit.setFocus()
        self.folder.edit.selectAll()

    @property
    def directory(self) -> str:
        text = self.folder.edit.text().strip()
        return str(Path(text).expanduser()) if text and self._here else text

    @property
    def close_text(self) -> str:
        return messages.CANCEL if self._left else messages.CLOSE

    async def _take(self) -> None:
        self.notice.clear()
        remembered().setValue(self._memory, self.directory)
        while self._left:
            row = self._left[0]
            self._show_step(0)
            self._note(await self._take_one(row))
            self._left.pop(0)
        self.status.setText(words.all_done(self._total))
        self.status.set_tone("ok")

    async def _take_one(self, row: ContentsRow) -> str:
        """What lies in the folder now."""
        package = PackageId(row.name, row.version, row.hash)
        where = (self._instance, self._place)
        if self._taking is Taking.STORED:
            call = DownloadPackage(*where, package, self.directory)
            return words.downloaded(await self._client.call(call, self._on_steps))
        if self._taking is Taking.FILES:
            unpack = UnpackPackage(*where, package, self.directory)
            return words.unpacked(await self._client.call(unpack, self._on_steps))
        return visible(await self._client.call(SaveSpec(*where, row.key, self.directory)))

    def _on_steps(self, steps: list[Step]) -> None:
        self._show_step(steps[-1].done)

    def _show_step(self, done: int) -> None:
        row = self._left[0]
        size = row.stored_bytes if self._taking is Taking.STORED else None
        step = words.step(self._total - len(self._left) + 1, self._total, row)
        self.status.setText(step + words.bytes_done(done, size))

    def _note(self, line: str) -> None:
        self.taken.appendPlainText(line)
        self.taken.show()
        self.open_button.setVisible(self._here)
        self.make_room()

    def on_stopped(self) -> None:
        self.status.setText(words.DOWNLOAD_STOPPED)

    def on_working(self) -> None:
        self._allow()

    def _allow(self) -> None:
        self.folder.setEnabled(not self.working)
        self.confirm_button.setVisible(bool(self._left))
        self.forbid("" if self.directory and not self.working else words.WHY_NO_FOLDER)

    def done(self, result: int) -> None:
        self.folder.tasks.cancel_all()
        super().done(result)
