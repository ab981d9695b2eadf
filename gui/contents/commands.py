# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What people do with a build cache and its entries: one dialog each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QWidget

from core.engine.calls.instances import ListInstances
from core.services.values import ContentsRow
from gui.actions import Actions
from gui.contents import copy_words, removal_words, sign_words, words
from gui.contents.allowing import deletable, packages_of, unsigned
from gui.contents.bundle_dialogs import ExportDialog, ImportDialog
from gui.contents.copy_dialog import CopyDialog, CopyPlanDialog
from gui.contents.download_dialog import DownloadDialog, Taking
from gui.contents.free_dialog import FreeDialog
from gui.contents.free_form import Preset
from gui.contents.install_dialog import InstallDialog
from gui.contents.migrate_dialog import MigrateDialog, OldLayoutDialog
from gui.contents.notices import Told
from gui.contents.removal_dialog import DeleteDialog, RemovalDialog
from gui.contents.sign_dialog import SignDialog
from gui.contents.spack_commands import cache_lines
from gui.contents.trash_dialog import TrashDialog
from gui.contents.verify_dialog import VerifyDialog
from gui.engine_client import EngineClient
from gui.widgets.commands import Commands
from gui.widgets.commands_dialog import CommandsDialog
from gui.widgets.dialogs import ask


class ContentsCommands(Commands):
    """Signals: `changed(Told)` where the build cache is not as it was, `started()` for what is in the queue now.

    `rows` are those selected, packages or not.
    """

    changed = Signal(object)
    started = Signal()

    def __init__(self, client: EngineClient, window: QWidget) -> None:
        super().__init__(client, window)
        self.place = ""

    def connect_actions(
        self, a: Actions, chosen: Callable[[], Sequence[ContentsRow]], why_no_change: Callable[[], str]
    ) -> None:
        """Run the commands by their actions, with the rows that are `chosen` by then."""
        commands: dict[QAction, Callable[[], Coroutine[Any, Any, None]]] = {
            a.verify_cache: lambda: self.verify(why_no_change()),
            a.delete_entries: lambda: self.delete(deletable(chosen())),
            a.free_space: self.free,
            a.prune_cache: self.prune,
            a.show_trash: self.trash,
            a.copy_entries: lambda: self.copy(packages_of(chosen())),
            a.export_bundle: lambda: self.export(packages_of(chosen())),
            a.import_bundle: self.import_bundle,
            a.sign_entries: lambda: self.sign(unsigned(chosen())),
            a.migrate_cache: self.migrate,
            a.delete_old_layout: self.delete_old_layout,
            a.download_entries: lambda: self.take(packages_of(chosen()), Taking.STORED),
            a.unpack_entries: lambda: self.take(packages_of(chosen()), Taking.FILES),
            a.save_spec: lambda: self.take(packages_of(chosen()), Taking.SPEC),
            a.install_here: lambda: self.install(packages_of(chosen())),
            a.show_contents_commands: lambda: self.show_spack(
                packages_of(chosen()), migrate=a.migrate_cache.isEnabled()
            ),
        }
        for action, command in commands.items():
            action.triggered.connect(lambda _checked=False, wanted=command: self.run(wanted()))

    # ---- checking ----

    async def verify(self, why_no_change: str) -> None:
        dialog = VerifyDialog(self._client, self.instance, self.place, why_no_change=why_no_change, parent=self._window)
        await ask(dialog)
        if dialog.changed:
            self.changed.emit(Told(words.REPAIRED))

    # ---- signing ----

    async def sign(self, rows: Sequence[ContentsRow]) -> None:
        dialog = SignDialog(self._client, self.instance, self.place, rows, self._window)
        await ask(dialog)
        if dialog.changed and dialog.step is not None:
            self.changed.emit(Told(sign_words.TITLE_DONE, sign_words.result(dialog.step)))
        elif dialog.ended:
            self.changed.emit(Told(sign_words.NOTHING_LEFT, tone="info"))

    # ---- deleting ----

    async def delete(self, rows: Sequence[ContentsRow]) -> None:
        keys = tuple(row.key for row in rows)
        await self._remove(DeleteDialog(self._client, self.instance, self.place, keys, self._window))

    async def free(self) -> None:
        await self._remove(FreeDialog(self._client, self.instance, self.place, parent=self._window))

    async def prune(self) -> None:
        dialog = FreeDialog(self._client, self.instance, self.place, preset=Preset.SPACK, parent=self._window)
        await self._remove(dialog)

    async def _remove(self, dialog: RemovalDialog) -> None:
        if await ask(dialog) != QDialog.DialogCode.Accepted or dialog.outcome is None:
            return
        found = dialog.removal.plan
        registry = found is not None and not found.capabilities.frees_at_once
        title, text = removal_words.deleted(dialog.outcome, registry=registry)
        tone = "warn" if dialog.outcome.kept else "ok"
        if dialog.outcome.trash:
            told = Told(title, text, tone, words.SHOW_TRASH, lambda: self.run(self.trash()))
        else:
            told = Told(title, text, tone)
        self.changed.emit(told)

    async def trash(self) -> None:
        dialog = TrashDialog(self._client, self.instance, self.place, self._window)
        await ask(dialog)
        if dialog.changed:
            self.changed.emit(Told(words.RESTORED))

    # ---- copying ----

    async def copy(self, rows: Sequence[ContentsRow]) -> None:
        environment = await self._environment()
        await self._queue(
            CopyDialog(self._client, self.instance, self.place, rows, environment=environment, parent=self._window)
        )

    async def export(self, rows: Sequence[ContentsRow]) -> None:
        environment = await self._environment()
        await self._queue(
            ExportDialog(self._client, self.instance, self.place, rows, environment=environment, parent=self._window)
        )

    async def import_bundle(self) -> None:
        await self._queue(ImportDialog(self._client, self.instance, self.place, self._window))

    async def migrate(self) -> None:
        await self._queue(MigrateDialog(self._client, self.instance, self.place, self._window))

    async def delete_old_layout(self) -> None:
        dialog = OldLayoutDialog(self._client, self.instance, self.place, self._window)
        if await ask(dialog) and dialog.deleted is not None:
            self.changed.emit(Told(*copy_words.old_deleted(dialog.deleted)))

    async def _queue(self, dialog: CopyPlanDialog) -> None:
        if await ask(dialog) == QDialog.DialogCode.Accepted:
            self.started.emit()

    async def _environment(self) -> str:
        """The active one, "" without."""
        known = await self._client.call(ListInstances())
        return next((info.environment for info in known if info.id == self.instance), "")

    # ---- taking out ----

    async def take(self, rows: Sequence[ContentsRow], taking: Taking) -> None:
        await ask(DownloadDialog(self._client, self.instance, self.place, rows, taking, parent=self._window))

    async def show_spack(self, rows: Sequence[ContentsRow], *, migrate: bool) -> None:
        await ask(CommandsDialog(cache_lines(self.place, rows, migrate=migrate), self._window))

    async def install(self, rows: Sequence[ContentsRow]) -> None:
        hashes = tuple(row.hash for row in rows)
        dialog = InstallDialog(self._client, self.instance, self.place, hashes, parent=self._window)
        await ask(dialog)
        if dialog.ended is not None and dialog.ended.done:
            self.changed.emit(Told(words.INSTALLED_HERE))
