# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Makes the connections of a window to engines elsewhere, and answers what they ask a person."""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from core.engine.calls.settings import SettingsChanged
from core.engine.messages import Absent
from core.foundation.errors import EngineGone
from core.foundation.secret import Secret
from core.foundation.settings import Settings, Wishes
from core.remote.address import Place
from core.remote.launch import engine_argv
from gui import preferences
from gui.remote import words
from gui.remote.askpass import Askpass, Question
from gui.remote.askpass_dialog import answer_of_person
from gui.remote.connection import RemoteConnection
from gui.remote.install_dialog import InstallDialog
from gui.remote.logins import RemoteLogins
from gui.threads import in_thread
from gui.widgets.dialogs import ask
from gui.widgets.page import TaskOwner


class RemoteGuide(QObject):
    """`connect_to` is for `EngineClient.connector`; `leave` when the window closes, after its engines have ended."""

    def __init__(self, window: QWidget, *, read_only: bool) -> None:
        super().__init__(window)
        self._window = window
        self._read_only = read_only
        self._helpers: list[Askpass | RemoteLogins] = []
        self._copying: set[RemoteConnection] = set()
        self._tasks = TaskOwner()

    async def connect_to(self, place: Place) -> RemoteConnection:
        """A connection to `place`, not started yet. Raises UsageError, StorageFailed."""
        argv = await in_thread(partial(self._argv, place), "engine-command")
        made: list[RemoteConnection] = []

        async def answer(question: Question) -> Secret | None:
            answer = await answer_of_person(question, self._in_front)
            if answer is None:
                made[0].wait_for_person()
            return answer

        askpass = Askpass(place.title, answer, self)
        connection = RemoteConnection(place, argv, askpass.environment)
        made.append(connection)
        connection.install_wanted.connect(partial(self._on_install_wanted, connection))
        connection.greeted.connect(lambda _hello: self._tell_wishes(connection, preferences.now()))
        preferences.changed.connect(partial(self._tell_wishes, connection))
        self._helpers += [askpass, RemoteLogins(connection, self._window)]
        return connection

    def leave(self) -> None:
        self._tasks.cancel_all()
        for helper in self._helpers:
            helper.leave()

    def _argv(self, place: Place) -> list[str]:
        return engine_argv(
            place,
            session=uuid.uuid4().hex,
            read_only=self._read_only,
            wait_s=preferences.now().remote_wait_s,
            askpass=True,
        )

    def _tell_wishes(self, connection: RemoteConnection, settings: Settings) -> None:
        if connection.met:
            self._tasks.start(self._follow(connection, Wishes.of(settings)))

    async def _follow(self, connection: RemoteConnection, wishes: Wishes) -> None:
        with suppress(EngineGone):  # the next greeting comes with the wishes of then
            await connection.call(SettingsChanged(wishes))

    @property
    def _in_front(self) -> QWidget:
        """What a question has to stand above to be seen."""
        return QApplication.activeModalWidget() or self._window

    def _on_install_wanted(self, connection: RemoteConnection, absent: Absent) -> None:
        if connection in self._copying:
            return  # its dialog says so
        if not absent.can_install:
            connection.refuse(words.prompt(absent.why))
            return
        self._copying.add(connection)
        self._tasks.start(self._install(connection, absent))

    async def _install(self, connection: RemoteConnection, absent: Absent) -> None:
        try:
            if not await ask(InstallDialog(connection, absent, self._in_front)):
                connection.refuse(words.not_copied(connection.place.title))
        finally:
            self._copying.discard(connection)
