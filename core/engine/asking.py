# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The keyring of whoever is at the other end of the connection, as a back end of `Keyring`. Kept in memory only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Literal

from core.engine.messages import CredentialAnswer, NeedCredential
from core.foundation.secret import Secret
from core.mirrors.credentials.backends import KeyringLockedElsewhere, NoKeyring, WindowAway
from core.mirrors.credentials.keyrings import UNLOCK, Keyring

_LONGEST_S = 120.0
Send = Callable[[NeedCredential], None]


class KeyringElsewhere:
    """Asks for logins through a connection that may break and come back. Thread-safe.

    Every question waits for its answer for two minutes at most.
    """

    title = "keyring of the window"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._send: Send | None = None
        self._waiting: dict[int, Future[CredentialAnswer]] = {}
        self._number = 0

    def keyring(self) -> Keyring:
        """A `Keyring` that asks here."""
        return Keyring(lambda: self, elsewhere=True)

    def connect(self, send: Send) -> None:
        """Questions go out by `send` from now on."""
        with self._lock:
            self._send = send

    def disconnect(self, send: Send) -> None:
        """`send` works no more: who waits for an answer to it is told."""
        with self._lock:
            if self._send is not send:
                return
            self._send = None
            waiting = list(self._waiting.values())
        for future in waiting:
            with suppress(Exception):  # answered in this moment
                future.set_exception(WindowAway())

    def answered(self, answer: CredentialAnswer) -> None:
        """What came back; answers that nobody waits for are dropped."""
        with self._lock:
            future = self._waiting.pop(answer.id, None)
        if future is not None:
            with suppress(Exception):  # the connection was lost in this moment
                future.set_result(answer)

    def get_password(self, service: str, username: str) -> str | None:
        found = self._ask("unlock" if username == UNLOCK else "get", service, username)
        return found.reveal() if found is not None else None

    def set_password(self, service: str, username: str, password: str) -> None:
        self._ask("set", service, username, Secret(password))

    def delete_password(self, service: str, username: str) -> None:
        self._ask("delete", service, username)

    def _ask(
        self,
        action: Literal["get", "set", "delete", "unlock"],
        service: str,
        account: str,
        secret: Secret | None = None,
    ) -> Secret | None:
        """Raises WindowAway, KeyringLockedElsewhere and NoKeyring."""
        future: Future[CredentialAnswer] = Future()
        with self._lock:
            if self._send is None:
                raise WindowAway
            send = self._send
            self._number += 1
            number = self._number
            self._waiting[number] = future
        try:
            send(NeedCredential(number, action, service, account, secret))
            answer = future.result(_LONGEST_S)
        except TimeoutError:
            raise NoKeyring("it was not answered for two minutes") from None
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        if answer.locked:
            raise KeyringLockedElsewhere
        if answer.error is not None:
            raise NoKeyring(answer.error)
        return answer.secret
