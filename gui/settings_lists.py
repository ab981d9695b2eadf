# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is known by name and may be forgotten: Spack instances and saved pushes. For the Settings page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.engine.calls.instances import ForgetInstance, ListInstances, OpenInstance
from core.engine.calls.presets import ListPresets, RemovePreset, SavePreset
from core.engine.calls.push import PlanPush, StartPush
from core.engine.messages import Call
from core.foundation.errors import EngineGone, MirrordeckError
from core.foundation.text import visible
from core.remote.address import Address
from core.services.values import InstanceInfo, SavedPush
from core.transfers.plan import Decision
from gui import messages, preferences
from gui import settings_words as words
from gui.engine_client import EngineClient
from gui.push.keeping import PresetName
from gui.side_bar import instance_text
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.entry_list import Entry, EntryButton, EntryList
from gui.widgets.page import TaskOwner

_YES = 1


class KnownInstances(QObject):
    """`view` lists the instances opened before. `show_wanted(InstanceInfo)`, `changed` after one was forgotten, and
    `failed(ErrorInfo)`."""

    show_wanted = Signal(object)
    changed = Signal()
    failed = Signal(object)

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._shown = ""
        self._known: tuple[InstanceInfo, ...] = ()
        self.tasks = TaskOwner()
        self.view = EntryList(words.INSTANCES)

    async def load(self, instance_id: str) -> None:
        """List them; `instance_id` is the one the pages show."""
        self._shown = instance_id
        try:
            self._known = await self._client.call(ListInstances())
        except EngineGone:
            return  # the window says so itself
        except MirrordeckError as error:
            self.failed.emit(error.info())
        self.show_known()

    def forget(self) -> None:
        """They were those of another engine."""
        self._known = ()
        self.show_known()

    def show_known(self) -> None:
        """Once more, as the settings are now."""
        self.view.show_entries([self._entry(info) for info in self._known], words.NO_INSTANCES)

    def _entry(self, info: InstanceInfo) -> Entry:
        address = self._address(info)
        here, first = info.id == self._shown, address == preferences.now().first_instance
        detail = (words.SHOWN_NOW * here, words.OPENED_FIRST * first, messages.READ_ONLY * (not info.writable))
        wanted = "" if first else address
        return Entry(
            visible(instance_text(info)),
            messages.facts(*detail),
            (
                EntryButton(words.SHOW, partial(self.show_wanted.emit, info), words.WHY_SHOWN * here),
                EntryButton(
                    words.NOT_FIRST if first else words.OPEN_FIRST,
                    partial(preferences.change, first_instance=wanted),
                ),
                EntryButton(words.FORGET, lambda: self.tasks.start(self._forget(info)), words.WHY_NOT_FORGOTTEN * here),
            ),
        )

    async def _forget(self, info: InstanceInfo) -> None:
        try:
            await self._client.call(ForgetInstance(info.id))
        except MirrordeckError as error:
            self.failed.emit(error.info())
            return
        if self._address(info) == preferences.now().first_instance:
            preferences.change(first_instance="")
        await self.load(self._shown)
        self.changed.emit()

    def _address(self, info: InstanceInfo) -> str:
        return str(Address(self._client.place, info.root or info.install_root))


class SavedPushes(QObject):
    """`view` lists the presets; each can be pushed, renamed and deleted. `pushed` once one has been queued,
    `failed(ErrorInfo)`."""

    pushed = Signal()
    failed = Signal(object)

    def __init__(self, client: EngineClient, why_no_push: Callable[[], str], parent: QWidget) -> None:
        super().__init__(parent)
        self._client = client
        self._window = parent
        self._why_no_push = why_no_push
        self._presets: dict[str, SavedPush] = {}
        self._pushing: asyncio.Task[None] | None = None
        self.tasks = TaskOwner()
        self.view = EntryList(words.PRESETS)
        self.view.show_entries([], words.NO_PRESETS)

    async def load(self) -> None:
        try:
            self._presets = await self._client.call(ListPresets())
        except EngineGone:
            return  # the window says so itself
        except MirrordeckError as error:
            self.failed.emit(error.info())
        self._show()

    def forget(self) -> None:
        """They were those of another engine."""
        self._presets = {}
        self._show()

    def _show(self) -> None:
        entries = [self._entry(name, saved) for name, saved in self._presets.items()]
        self.view.show_entries(entries, words.NO_PRESETS)

    def _entry(self, name: str, saved: SavedPush) -> Entry:
        why_not = self._why_no_push()
        return Entry(
            visible(name),
            visible(words.preset(saved)),
            (
                EntryButton(words.PUSH_PRESET, partial(self._start, name), why_not),
                EntryButton(words.RENAME, lambda: self.tasks.start(self._rename(name)), why_not),
                EntryButton(words.DELETE, lambda: self.tasks.start(self._delete(name)), why_not),
            ),
        )

    # ---- pushing ----

    def _start(self, name: str) -> None:
        if self._pushing is None or self._pushing.done():
            self._pushing = self.tasks.start(self._push(name, self._presets[name]))

    async def _push(self, name: str, saved: SavedPush) -> None:
        """Plan anew, say what would be pushed, and queue it after a yes."""
        try:
            instance = await self._client.call(OpenInstance(saved.instance, saved.environment or None))
            calls = [PlanPush(instance.id, request) for request in saved.request.to_each(saved.also)]
            plans = [await self._client.call(call) for call in calls]
            blockers = [blocker for plan in plans for blocker in plan.blockers]
            if blockers:
                self.failed.emit(blockers[0])
                return
            count = sum(1 for plan in plans for _ in plan.of(Decision.PUSH))
            yes = (words.push_count(count), _YES)
            something = count or any(plan.images is not None for plan in plans)
            buttons = ((messages.CANCEL, 0), yes) if something else ((messages.CLOSE, 0),)
            mirrors = ", ".join(visible(plan.mirror) for plan in plans)
            title = words.PUSH_TITLE.format(name=visible(name), mirror=mirrors)
            text = "\n".join(words.plan_text(plan) for plan in plans)
            if await ask(MessageDialog(title, text, buttons, parent=self._window)) == _YES:
                first, *others = [plan.id for plan in plans]
                await self._client.call(StartPush(first, also=tuple(others)))
                self.pushed.emit()
        except MirrordeckError as error:
            self.failed.emit(error.info())

    # ---- names ----

    async def _rename(self, name: str) -> None:
        saved = self._presets[name]
        dialog = PresetName(self._window, name, title=words.RENAME_TITLE, text=words.RENAME_TEXT)
        while await ask(dialog):
            new, replace = dialog.name, dialog.replace
            if new == name:
                return
            try:
                await self._client.call(SavePreset(new, saved, replace=replace))
            except MirrordeckError as error:
                dialog = PresetName(self._window, new, error, title=words.RENAME_TITLE, text=words.RENAME_TEXT)
                continue
            await self._change(RemovePreset(name))
            return

    async def _delete(self, name: str) -> None:
        buttons = ((messages.CANCEL, 0), (words.DELETE, _YES))
        title = words.DELETE_TITLE.format(name=visible(name))
        if await ask(MessageDialog(title, words.DELETE_TEXT, buttons, parent=self._window)) == _YES:
            await self._change(RemovePreset(name))

    async def _change(self, call: Call[None]) -> None:
        try:
            await self._client.call(call)
        except MirrordeckError as error:
            self.failed.emit(error.info())
        await self.load()
