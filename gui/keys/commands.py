# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What people do with keys: the dialogs, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.engine.calls.keys import ExportKeys, LookAtKeys, UntrustKeys
from core.services.keys_values import Key, KeyOffer, KeySource, MirrorKeys
from gui import messages
from gui.engine_client import EngineClient
from gui.keys import words
from gui.keys.dialogs import AllowDialog, CreateDialog, ImportDialog, PublishDialog, TrustDialog
from gui.keys.spack_commands import key_lines
from gui.widgets.choosing import Choice, choose_path
from gui.widgets.commands import Commands
from gui.widgets.commands_dialog import CommandsDialog
from gui.widgets.dialogs import MessageDialog, ask


class KeyCommands(Commands):
    """`done(sentence)` when something was changed. `mirrors` are those whose keys are known."""

    done = Signal(str)

    def __init__(self, client: EngineClient, window: QWidget) -> None:
        super().__init__(client, window)
        self.mirrors: tuple[MirrorKeys, ...] = ()

    async def show_spack(self, keys: Sequence[Key]) -> None:
        await ask(CommandsDialog(key_lines(keys), self._window))

    async def create(self) -> None:
        dialog = CreateDialog(self._client, self.instance, self._window)
        if await ask(dialog) and dialog.key is not None:
            self.done.emit(words.created(dialog.key))

    async def trust_file(self) -> None:
        file = await choose_path(self._window, words.FILE_TITLE, Choice.FILE, self._client)
        if file:
            await self._trust(await self._client.call(LookAtKeys(self.instance, KeySource(file=file))))

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
        file = await choose_path(
            self._window, words.EXPORT_TITLE, Choice.NEW_FILE, self._client, name=words.EXPORT_NAME
        )
        if file:
            names = tuple(key.fingerprint for key in keys)
            await self._client.call(ExportKeys(self.instance, names, file))
            self.done.emit(words.exported(keys, file))

    async def untrust(self, keys: Sequence[Key]) -> None:
        secret = any(key.secret for key in keys)
        buttons = ((messages.CANCEL, 0), (words.DELETE if secret else words.UNTRUST, 1))
        title, text = words.untrust_title(keys), words.untrust_text(keys)
        details = "\n".join(words.fingerprint(key.fingerprint) for key in keys)
        if await ask(MessageDialog(title, text, buttons, details=details, parent=self._window)):
            names = tuple(key.fingerprint for key in keys)
            await self._client.call(UntrustKeys(self.instance, names, signing=secret))
            self.done.emit(words.deleted(keys))
