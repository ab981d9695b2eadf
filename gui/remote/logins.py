# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins of the keyring here for engines elsewhere: a person agrees once, then the keyring is asked in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from core.engine.messages import CredentialAnswer, NeedCredential
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled
from core.mirrors.credentials.keyrings import Keyring
from core.remote.answering import answer_need
from gui.remote import words
from gui.remote.connection import RemoteConnection
from gui.settings import remembered
from gui.threads import in_thread
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.page import TaskOwner

_TRUSTED_KEY = "remote/trusted-with-logins"
_SEND, _SEND_ALL = 1, 2


class RemoteLogins:
    """Answers each `NeedCredential` of a connection, until `leave`."""

    def __init__(self, connection: RemoteConnection, window: QWidget, keyring: Callable[[], Keyring] = Keyring) -> None:
        self._connection = connection
        self._window = window
        self._keyring = keyring()
        self._allowed: set[str] = set()
        self._refused: set[str] = set()
        self._turn = asyncio.Lock()
        self._token = CancelToken()
        self._tasks = TaskOwner()
        connection.credential_wanted.connect(self._on_wanted)

    def leave(self) -> None:
        self._token.cancel()
        self._tasks.cancel_all()

    def _on_wanted(self, need: NeedCredential) -> None:
        self._tasks.start(self._answer(need))

    async def _answer(self, need: NeedCredential) -> None:
        try:
            answer = await in_thread(lambda: answer_need(need, self._keyring, self._token), "keyring-answer")
        except Cancelled:
            return
        if need.action == "set" and answer.error is None:
            self._allowed.add(need.account)  # it has it already
        if answer.secret is not None and not await self._agreed(need.account):
            answer = CredentialAnswer(need.id, error=words.LOGIN_NOT_SENT)
        self._connection.answer(answer)

    async def _agreed(self, account: str) -> bool:
        """Whether the login of `account` may leave this computer; a person is asked for one after the other."""
        async with self._turn:
            title = self._connection.place.title
            trusted = _trusted()
            if account in self._refused:
                return False
            if account in self._allowed or title in trusted:
                return True
            buttons = ((words.DO_NOT_SEND, 0), (words.SEND_ALL, _SEND_ALL), (words.SEND, _SEND))
            text = words.login_wanted(title, account)
            answer = await ask(MessageDialog(words.login_title(title), text, buttons, parent=self._window))
            if answer == _SEND_ALL:
                remembered().setValue(_TRUSTED_KEY, "\n".join([*trusted, title]))
            (self._allowed if answer else self._refused).add(account)
            return bool(answer)


def _trusted() -> list[str]:
    """Titles of places that get every login they ask for."""
    return str(remembered().value(_TRUSTED_KEY) or "").splitlines()
