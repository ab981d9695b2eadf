# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which instance is open, here or elsewhere, and which others the selector offers. GUI thread only."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.engine.calls.instances import ListInstances, OpenInstance
from core.foundation.errors import EngineGone, MirrordeckError
from core.remote.address import HERE, Address, Place
from core.services.values import InstanceInfo
from gui import messages
from gui.engine_client import EngineClient
from gui.remote import words
from gui.remote.addresses import forget_others, remember_address, remembered_addresses
from gui.remote.open_dialog import OpenDialog
from gui.side_bar import Offer, SideBar
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.page import TaskOwner

_STOP = 1


class Opening(QObject):
    """`current` is the open instance, at the client's current place.

    Signals: `begun(sentence)` when one is being opened, `opened(InstanceInfo)` when it is the current one, and
    `failed(MirrordeckError)`.
    """

    begun = Signal(str)
    opened = Signal(object)
    failed = Signal(object)

    def __init__(self, client: EngineClient, side_bar: SideBar, window: QWidget) -> None:
        super().__init__(window)
        self.current: InstanceInfo | None = None
        self._client = client
        self._side_bar = side_bar
        self._window = window
        self._known: dict[Place, tuple[InstanceInfo, ...]] = {}
        self._first = (HERE, OpenInstance())
        self._opening: asyncio.Task[None] | None = None
        self.tasks = TaskOwner()
        side_bar.instance_chosen.connect(self._on_chosen)
        side_bar.open_requested.connect(self.choose)
        side_bar.disconnect_requested.connect(lambda place: self.tasks.start(self._disconnect(place)))

    def open_first(self, place: Place, call: OpenInstance) -> None:
        """Open what the window was started for, now and until something else was opened."""
        self._first = place, call
        self._begin(place, call)

    def open(self, call: OpenInstance) -> None:
        """Open another instance at the current place."""
        self._begin(self._client.place, call)

    def open_known(self, info: InstanceInfo) -> None:
        self.open(_call_for(info))

    def reopen(self) -> None:
        """Open the current instance again, in an engine that may not know it."""
        if self.current is None:
            self._begin(*self._first)
        else:
            self.open_known(self.current)

    def choose(self) -> None:
        """Have a person say where another instance is."""
        self.tasks.start(self._choose())

    async def _choose(self) -> None:
        dialog = OpenDialog(self._client, self._window)
        if await ask(dialog) and dialog.info is not None:
            await self._show(dialog.place, dialog.info)

    def _on_chosen(self, offer: Offer) -> None:
        call = _call_for(offer.info) if offer.info is not None else OpenInstance(offer.address.path or None)
        self._begin(offer.address.place, call)

    def _begin(self, place: Place, call: OpenInstance) -> None:
        """Open one; what is being opened meanwhile is not wanted any more."""
        if self._opening is not None:
            self._opening.cancel()
        self._opening = self.tasks.start(self._open(place, call))

    async def _open(self, place: Place, call: OpenInstance) -> None:
        self.begun.emit(messages.OPENING_INSTANCE if place.is_here else words.connecting(place.title))
        try:
            connection = await self._client.reach(place)
            info = await connection.call(call)
        except EngineGone as error:
            if not place.is_here:
                self.failed.emit(error)
            return  # the window says so itself
        except MirrordeckError as error:
            self.failed.emit(error)
            return
        await self._show(place, info)

    # ---- leaving a place ----

    async def _disconnect(self, place: Place) -> None:
        totals = self._client.unfinished().get(place)
        if totals is not None:
            text = words.active_elsewhere(place.title, messages.unfinished_transfers(totals.moving, totals.waiting))
            buttons = ((messages.CANCEL, 0), (words.STOP_AND_DISCONNECT, _STOP))
            if await ask(MessageDialog(messages.CLOSE_TITLE, text, buttons, parent=self._window)) != _STOP:
                return
        self._known.pop(place, None)
        if self._client.place == place:
            self.current = None
            self._client.switch(HERE)
            known = self._known.get(HERE)
            self._begin(HERE, _call_for(known[0]) if known else OpenInstance())
        elif self.current is not None:
            self._side_bar.show_instances(self._offers(), Offer.of(self._client.place, self.current))
        await self._client.disconnect_from(place)

    def list_again(self) -> None:
        """An instance was forgotten."""
        self.tasks.start(self._list_again())

    async def _list_again(self) -> None:
        place, info = self._client.place, self.current
        if info is not None:
            await self._list(place, info)
            forget_others(place, {Offer.of(place, each).address for each in self._known[place]})
            self._side_bar.show_instances(self._offers(), Offer.of(place, info))

    async def _show(self, place: Place, info: InstanceInfo) -> None:
        await self._list(place, info)
        if not place.is_here:
            remember_address(Address(place, info.root or info.install_root))
        self.current = info
        self._client.switch(place)
        self._side_bar.show_instances(self._offers(), Offer.of(place, info))
        self.opened.emit(info)

    async def _list(self, place: Place, info: InstanceInfo) -> None:
        try:
            connection = await self._client.reach(place)
            known = await connection.call(ListInstances())
        except MirrordeckError:
            known = ()
        self._known[place] = (info, *(each for each in known if each.id != info.id))

    def _offers(self) -> list[Offer]:
        """Those of the current place, then of the others that were reached, then what was opened in earlier runs."""
        here = self._client.place
        places = [here, *(place for place in self._known if place != here)]
        offers = [Offer.of(place, info) for place in places for info in self._known[place]]
        shown = {offer.address for offer in offers}
        return offers + [Offer(address) for address in remembered_addresses() if address not in shown]

    def show_none(self) -> None:
        """There is no instance."""
        self._side_bar.show_instances([Offer(address) for address in remembered_addresses()], None)


def _call_for(info: InstanceInfo) -> OpenInstance:
    return OpenInstance(info.root or info.install_root, info.environment or None)
