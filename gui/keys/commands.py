# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What people do with keys: the dialogs, and what follows from them."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from core.engine.calls.keys import ExportKeys, LookAtKeys, UntrustKeys
from core.foundation.errors import MirrordeckError
from core.services.keys_values import Key, KeyOffer, KeySource, MirrorKeys
from gui import messages
from gui.engine_client import EngineClient
from gui.keys import words
from gui.keys.dialogs import AllowDialog, CreateDialog, ImportDialog, PublishDialog, TrustDialog
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.page import TaskOwner


class KeyCommands(QObject):
    """Signals: `done(sentence)` when something was changed, `failed(ErrorInfo)`. One command at a time.

    `mirrors` are those whose keys are known.
    """

    done = Signal(str)
    failed = Signal(object)

    def __init__(self, client: EngineClient, window: QWidget) -> None:
        super().__init__(window)
        self.tasks = TaskOwner()
        self.instance = ""
        self.mirrors: tuple[MirrorKeys, ...] = ()
        self._client = client
        self._window = window

    def run(self, command: Coroutine[Any, Any, None]) -> None:
        """Run one of the commands below; what it raises is told by `failed`."""
        if self.tasks.busy:
            command.close()
        else:
            self.tasks.start(self._guard(command))

    async def _guard(self, command: Coroutine[Any, Any, None]) -> None:
        try:
            await command
        except MirrordeckError as error:
            self.failed.emit(error.info())

    async def create(self) -> None:
        dialog = CreateDialog(self._client, self.instance, self._window)
        if await ask(dialog) and dialog.key is not None:
            self.done.emit(words.created(dialog.key))

    async def trust_file(self) -> None:
        chooser = QFileDialog(self._window, words.FILE_TITLE)
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chosen: list[str] = []
        chooser.filesSelected.connect(chosen.extend)
        if await ask(chooser) and chosen:
            await self._trust(await self._client.call(LookAtKeys(self.instance, KeySource(file=chosen[0]))))

    async def import_from_mirror(self) -> None:
        dialog = ImportDialog(self._client, self.instance, self.mirrors, self._window)
        if await ask(dialog) and dialog.offer is not None:
            await self._trust(dialog.offer)

    async def _trust(self, offer: KeyOffer) -> None:
        dialog = TrustDialog(self._client, self.instance, offer, self._window)
        if await ask(dialog):
            self.done.emit(words.trusted(dialog.trusted))

    async def publish(self, keys: Sequence[Key]) -> None:
        dialog = PublishDialog(self._client, self.instance, self.mirrors, keys, self._window)
        if await ask(dialog):
            self.done.emit(words.published(keys, dialog.mirror))

    async def allow(self, keys: Sequence[Key]) -> None:
        dialog = AllowDialog(self._client, self.instance, self.mirrors, keys, self._window)
        if await ask(dialog):
            self.done.emit(words.allowed(dialog.mirror, dialog.chosen))

    async def export(self, keys: Sequence[Key]) -> None:
        chooser = QFileDialog(self._window, words.EXPORT_TITLE)
        chooser.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        chooser.selectFile(words.EXPORT_NAME)
        chosen: list[str] = []
        chooser.filesSelected.connect(chosen.extend)
        if await ask(chooser) and chosen:
            names = tuple(key.fingerprint for key in keys)
            await self._client.call(ExportKeys(self.instance, names, chosen[0]))
            self.done.emit(words.exported(keys, chosen[0]))

    async def untrust(self, keys: Sequence[Key]) -> None:
        secret = any(key.secret for key in keys)
        buttons = ((messages.CANCEL, 0), (words.DELETE if secret else words.UNTRUST, 1))
        title, text = words.untrust_title(keys), words.untrust_text(keys)
        details = "\n".join(words.fingerprint(key.fingerprint) for key in keys)
        if await ask(MessageDialog(title, text, buttons, details=details, parent=self._window)):
            names = tuple(key.fingerprint for key in keys)
            await self._client.call(UntrustKeys(self.instance, names, signing=secret))
            self.done.emit(words.deleted(keys))
