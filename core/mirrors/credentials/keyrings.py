# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The desktop's keyring, which may be absent, locked, or busy asking a person for as long as they like."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import CacheError, PermissionDenied
from core.foundation.secret import Secret
from core.foundation.text import visible
from core.mirrors.credentials.backends import SECRET_SERVICE, Backend, NoKeyring, choose_backend, name_of
from core.mirrors.credentials.states import CredentialState
from core.registry.credentials import Credential
from core.registry.strict_json import decode_object

SERVICE = "mirrordeck"
# Asking for this account has a keyring ask for its password.
UNLOCK = "unlock"
_T = TypeVar("_T")
_POLL_S = 0.1
_KEEP_ANSWER_S = 60.0
_NOTHING = Secret("")
_LOCKED = "the keyring is locked"


@dataclass(frozen=True, slots=True)
class KeyringAnswer:
    """`state` is STORED, MISSING, LOCKED, NO_KEYRING or WAITING; `name` is the keyring's."""

    state: CredentialState
    name: str = ""
    note: str = ""
    credential: Credential | None = field(default=None, repr=False, compare=False)


class Keyring:
    """Logins by account in the desktop's keyring. Thread-safe.

    Every call to the desktop is made in a thread of its own, one after the other, because nobody knows when it returns.
    """

    def __init__(
        self,
        choose: Callable[[], Backend] = choose_backend,
        *,
        elsewhere: bool = False,
        timeout_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """`elsewhere`: the keyring belongs to another computer or account, and what is in it stays in this process."""
        self.elsewhere = elsewhere
        self._choose = choose
        self._timeout_s = timeout_s
        self._clock = clock or Clock()
        self._backend: Backend | None = None
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._reads: dict[str, _Read] = {}

    def read(self, account: str) -> KeyringAnswer:
        """What is stored for `account`, within `timeout_s`; does not make the Secret Service ask for its password.

        WAITING means that the keyring has not answered; asked again, the answer is given once it is there. While one
        account waits that long, the others are WAITING at once.
        """
        read = self._started_read(account)
        try:
            answer = read.future.result(max(0.0, self._oldest_start() + self._timeout_s - self._clock.monotonic()))
        except TimeoutError:
            return KeyringAnswer(CredentialState.WAITING, note="the keyring has not answered yet")
        self._forget(account)
        return answer

    def unlock(self, token: CancelToken) -> None:
        """Have the keyring ask for its password if it is locked. Takes as long as the person does.

        Raises PermissionDenied if it stays locked or there is none, Cancelled when `token` is.
        """
        self._ask("The keyring is not unlocked", lambda backend: backend.get_password(SERVICE, UNLOCK), token)

    def store(self, account: str, credential: Credential, token: CancelToken) -> None:
        """Keep `credential`, unlocking the keyring if needed, and read it back.

        Raises PermissionDenied (locked, absent, refused, forgets what it is given) and Cancelled.
        """
        entry = entry_of(credential)

        def write(backend: Backend) -> None:
            backend.set_password(SERVICE, account, entry)
            if backend.get_password(SERVICE, account) != entry:
                raise NoKeyring("it does not give back what it was given")

        self._ask("The keyring did not take the login", write, token, hidden=credential.secret)
        self._forget(account)

    def delete(self, account: str, token: CancelToken) -> bool:
        """Remove the login for `account`; False if there was none. Raises as `store` does."""

        def remove(backend: Backend) -> bool:
            # Asking for more would have the Secret Service make a keyring only to find it empty.
            if _quiet_obstacle(backend) is CredentialState.MISSING or backend.get_password(SERVICE, account) is None:
                return False
            backend.delete_password(SERVICE, account)
            return True

        removed = self._ask("The keyring did not remove the login", remove, token)
        self._forget(account)
        return removed

    def _started_read(self, account: str) -> _Read:
        with self._guard:
            now = self._clock.monotonic()
            read = self._reads.get(account)
            if read is None or now > read.end + _KEEP_ANSWER_S:
                read = self._reads[account] = _Read(now)
                read.future.add_done_callback(read.ended(self._clock))
                self._in_thread(read.future, lambda: self._read_now(account))
            return read

    def _oldest_start(self) -> float:
        """When the call began that the others wait for."""
        with self._guard:
            starts = [read.start for read in self._reads.values() if not read.future.done()]
        return min(starts, default=self._clock.monotonic())

    def _forget(self, account: str) -> None:
        with self._guard:
            self._reads.pop(account, None)

    def _in_thread(self, future: Future[_T], call: Callable[[], _T]) -> None:
        def run() -> None:
            with self._turn:
                try:
                    future.set_result(call())
                except BaseException as error:  # raised to whoever asks for the result
                    future.set_exception(error)

        # A daemon: a keyring that never answers must not keep the program from ending.
        threading.Thread(target=run, name="keyring", daemon=True).start()

    def _read_now(self, account: str) -> KeyringAnswer:
        try:
            backend = self._opened()
            obstacle = _quiet_obstacle(backend)
            if obstacle is not None:
                note = _LOCKED if obstacle is CredentialState.LOCKED else ""
                return KeyringAnswer(obstacle, name_of(backend), note)
            entry = backend.get_password(SERVICE, account)
        except Exception as error:  # libraries of the desktop raise whatever they like
            return self._failed(error)
        if entry is None:
            return KeyringAnswer(CredentialState.MISSING, name_of(backend))
        credential = credential_in(entry)
        if credential is None:
            return KeyringAnswer(
                CredentialState.MISSING, name_of(backend), f"the keyring's entry {account} is not one of Mirrordeck"
            )
        return KeyringAnswer(CredentialState.STORED, name_of(backend), credential=credential)

    def _opened(self) -> Backend:
        if self._backend is None:
            self._backend = self._choose()
        return self._backend

    def _failed(self, error: Exception) -> KeyringAnswer:
        name = name_of(self._backend) if self._backend is not None else ""
        note = _LOCKED_ERRORS.get(type(error).__name__)
        if note is not None:
            return KeyringAnswer(CredentialState.LOCKED, name, note)
        self._backend = None
        return KeyringAnswer(CredentialState.NO_KEYRING, name, _words(error))

    def _ask(self, title: str, call: Callable[[Backend], _T], token: CancelToken, hidden: Secret = _NOTHING) -> _T:
        """`call` made in a thread and waited for without limit, until `token` is cancelled."""

        def unless_cancelled() -> _T:
            token.raise_if_cancelled()
            backend = self._opened()
            _unlock(backend)
            return call(backend)

        future: Future[_T] = Future()
        self._in_thread(future, unless_cancelled)
        while True:
            token.raise_if_cancelled()
            try:
                error = future.exception(_POLL_S)
            except TimeoutError:
                continue
            if error is None:
                return future.result()
            why = self._failed(error).note if isinstance(error, Exception) else ""
            raise PermissionDenied(title, type(error).__name__ if _holds(why, hidden) else why)


def entry_of(credential: Credential) -> str:
    """What a keyring keeps."""
    return json.dumps({"user": credential.user, "secret": credential.secret.reveal()})


def credential_in(entry: str) -> Credential | None:
    """What `entry_of` wrote; None for anything else."""
    try:
        found = decode_object(entry.encode(), "the keyring's entry")
    except (CacheError, ValueError):
        return None
    user, secret = found.get("user"), found.get("secret")
    if not isinstance(user, str) or not isinstance(secret, str) or not secret:
        return None
    return Credential(user, Secret(secret))


class _Read:
    """A question put to the keyring at `start` and answered at `end`."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.end = math.inf
        self.future: Future[KeyringAnswer] = Future()

    def ended(self, clock: Clock) -> Callable[[Future[KeyringAnswer]], None]:
        def note_time(_future: Future[KeyringAnswer]) -> None:
            self.end = clock.monotonic()

        return note_time


# By name: the libraries are imported late, and not all of them everywhere.
_LOCKED_ERRORS = {
    "KeyringLocked": _LOCKED,
    "LockedException": _LOCKED,
    "PromptDismissedException": _LOCKED,
    "KeyringLockedElsewhere": _LOCKED,
    "WindowAway": "the window that has the keyring is not connected",
    "InitError": "the keyring has to ask for a password first, and cannot or was not answered",
}


def _quiet_obstacle(backend: Backend) -> CredentialState | None:
    """Why reading would make the Secret Service ask a person, or None: found without asking them."""
    if f"{type(backend).__module__}.{type(backend).__qualname__}" != SECRET_SERVICE:
        return None
    import secretstorage

    with closing(secretstorage.dbus_init()) as bus:
        try:
            locked = secretstorage.Collection(bus).is_locked()
        except secretstorage.ItemNotFoundException:
            return CredentialState.MISSING
    return CredentialState.LOCKED if locked else None


def _unlock(backend: Backend) -> None:
    """Have a locked Secret Service ask a person; its library would do so as well, but leave the connection open where
    they refuse."""
    if _quiet_obstacle(backend) is not CredentialState.LOCKED:
        return
    import secretstorage
    from keyring.errors import KeyringLocked

    with closing(secretstorage.dbus_init()) as bus:
        collection = secretstorage.Collection(bus)
        collection.unlock()
        if collection.is_locked():
            raise KeyringLocked


def _words(error: Exception) -> str:
    return visible(str(error))[:300] or type(error).__name__


def _holds(text: str, hidden: Secret) -> bool:
    """True if `hidden` can be read in `text`, as it is or as JSON writes it."""
    secret = hidden.reveal()
    return bool(secret) and (secret in text or json.dumps(secret)[1:-1] in text)
