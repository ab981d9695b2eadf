# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where a mirror's login comes from, in a fixed order, and the source a registry connection asks.

Typed for this run, the keyring's entry, the variables named in Spack's configuration, a command, and the logins of
docker and podman where a person chose to use them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.foundation.errors import AuthRequired
from core.foundation.secret import Secret
from core.mirrors.credentials.commands import CommandLogins
from core.mirrors.credentials.docker import DockerLogins
from core.mirrors.credentials.files import exposure
from core.mirrors.credentials.identity import (
    account_of,
    connection_of,
    host_of,
    repository_of,
    token_account_of,
)
from core.mirrors.credentials.keyrings import Keyring, KeyringAnswer
from core.mirrors.credentials.states import CredentialState, Direction, Login
from core.mirrors.model import Connection, Mirror
from core.registry.credentials import Credential

_STATE_WITH_SECRET_IN_FILE = frozenset({CredentialState.NONE_NEEDED, CredentialState.MISSING})


class SessionCredentials:
    """Logins typed for this run; gone with the process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logins: dict[str, Credential] = {}

    def get(self, account: str) -> Credential | None:
        with self._lock:
            return self._logins.get(account)

    def put(self, account: str, credential: Credential) -> None:
        with self._lock:
            self._logins[account] = credential

    def forget(self, account: str) -> None:
        with self._lock:
            self._logins.pop(account, None)


class Credentials:
    """All sources of logins. Thread-safe; may wait for a desktop or a program, but for a bounded time."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        keyring: Keyring,
        session: SessionCredentials | None = None,
        commands: CommandLogins | None = None,
        docker: DockerLogins | None = None,
        docker_for: Callable[[str], bool] = lambda _host: True,
    ) -> None:
        """`environ` is the instance's; `docker` is used for the hosts where a person asked for it, by `docker_for`."""
        self._environ = environ
        self._keyring = keyring
        self.session = session or SessionCredentials()
        self._commands = commands or CommandLogins({}, environ)
        self._docker = docker
        self._docker_for = docker_for

    def state(self, mirror: Mirror, direction: Direction) -> Login:
        """Where the login comes from or why there is none, without its secret and without running any program."""
        return replace(self._login(mirror, direction, run=False), credential=None)

    def login(self, mirror: Mirror, direction: Direction) -> Login:
        """The login itself; its `credential` is None where there is none, and `state` and `note` say why."""
        return self._login(mirror, direction, run=True)

    def container_login(self, host: str, repository: str, *, run: bool = True) -> Login | None:
        """What docker or podman would use there; None without such a login, or where nobody chose to use them."""
        if self._docker is None or not self._docker_for(host):
            return None
        return self._docker.login(host, repository) if run else self._docker.known(host, repository)

    def keyring(self) -> KeyringAnswer:
        """Whether the keyring can be read, as far as it tells in time: MISSING says that it can."""
        return self._keyring.read("")

    @property
    def keyring_elsewhere(self) -> bool:
        """Whether the keyring's logins belong to another computer or account: none of them may leave this process."""
        return self._keyring.elsewhere

    def in_keyring(self, account: str) -> KeyringAnswer:
        """What the keyring has under `account`, as far as it tells in time."""
        return self._keyring.read(account)

    def unlock_keyring(self, token: CancelToken) -> None:
        """See `Keyring.unlock`."""
        self._keyring.unlock(token)

    def forget_answers(self, account: str) -> None:
        """Forget what is only remembered for this run: what was typed, and what a command said."""
        self.session.forget(account)
        self._commands.forget(account)

    def store(self, mirror: Mirror, direction: Direction, credential: Credential, token: CancelToken) -> None:
        """Keep a login in the keyring and nowhere else. Raises PermissionDenied and Cancelled; see `Keyring.store`."""
        self._keyring.store(account_of(mirror, direction), credential, token)
        self.session.forget(account_of(mirror, direction))

    def token(self, mirror: Mirror, direction: Direction) -> Secret | None:
        """The token of an object store, from the keyring or the variable that the configuration names."""
        account, variable = token_account_of(mirror, direction), connection_of(mirror, direction).token_variable
        if not account:
            return None
        answer = self._keyring.read(account)
        if answer.credential is not None:
            return answer.credential.secret
        return Secret(self._environ[variable]) if self._environ.get(variable) else None

    def keep(self, account: str, credential: Credential, token: CancelToken) -> None:
        """Keep a login in the keyring under any account. Raises as `store` does."""
        self._keyring.store(account, credential, token)

    def drop(self, account: str, token: CancelToken) -> bool:
        """Forget what the keyring has under `account`; False if that is nothing. Raises as `store` does."""
        return self._keyring.delete(account, token)

    def delete(self, mirror: Mirror, direction: Direction, token: CancelToken) -> bool:
        """Forget a login here and in the keyring; False if the keyring had none. Raises as `store` does."""
        self.session.forget(account_of(mirror, direction))
        return self._keyring.delete(account_of(mirror, direction), token)

    def _login(self, mirror: Mirror, direction: Direction, *, run: bool) -> Login:
        connection = connection_of(mirror, direction)
        account = account_of(mirror, direction)
        if typed := self.session.get(account):
            return Login(CredentialState.SESSION, typed.user, "typed for this run", credential=typed)
        kept = self._kept(connection, account)
        if kept.credential is not None:
            return kept
        command = self._commands.login(account, self._user(connection)) if run else self._commands.known(account)
        docker = None
        if command is None or command.state is CredentialState.MISSING:
            docker = self.container_login(host_of(connection), repository_of(connection), run=run)
        for found in (command, docker):
            if found is not None and found.state is not CredentialState.MISSING:
                return replace(found, note=_joined(found.note, kept.note))
        notes = _joined(kept.note, *(found.note for found in (command, docker) if found is not None))
        if connection.plain_secret and kept.state in _STATE_WITH_SECRET_IN_FILE:
            return Login(CredentialState.PLAIN_TEXT, note=_joined(_plain_text_note(mirror), notes))
        failed = (command or docker) is not None and kept.state is CredentialState.NONE_NEEDED
        return replace(kept, state=CredentialState.MISSING if failed else kept.state, note=notes)

    def _kept(self, connection: Connection, account: str) -> Login:
        """From the keyring, else from the variables the configuration names."""
        variable = connection.secret_variable
        if not variable:
            return Login(CredentialState.NONE_NEEDED)
        answer = self._keyring.read(account)
        if answer.credential is not None:
            user = answer.credential.user or self._user(connection)
            credential = replace(answer.credential, user=user)
            return Login(CredentialState.STORED, user, answer.name, credential=credential)
        user, secret = self._user(connection), self._environ.get(variable, "")
        if user and secret:
            credential = Credential(user, Secret(secret))
            return Login(CredentialState.VARIABLE, user, variable, answer.note, credential=credential)
        empty = [name for name in (connection.user_variable, variable) if name and not self._environ.get(name)]
        unset = f"not set in the environment: {', '.join(empty)}" if empty else "no user name is configured"
        return Login(answer.state, user, answer.name, _joined(answer.note, unset))

    def _user(self, connection: Connection) -> str:
        return connection.user or self._environ.get(connection.user_variable, "")


class MirrorCredentials:
    """What the connection of one mirror asks for its login: a `CredentialSource`. Any thread.

    In a push run reading uses the push user as well, since what is pushed has to be read back. `others`, all mirrors in
    Spack's order, serve hosts that are not the mirror's own (a base image's) and mirrors given by address.
    """

    def __init__(
        self, credentials: Credentials, mirror: Mirror, direction: Direction, others: Iterable[Mirror] = ()
    ) -> None:
        self._credentials = credentials
        self._mirror = mirror
        self._direction = direction
        self._others = tuple(others)
        self._lock = threading.Lock()
        self._stored: dict[str, Credential] = {}

    def credential(self, host: str, repository: str, *, push: bool) -> Credential | None:
        """The login for `host`, None to go without.

        Where a push run needs a login that is configured but not to be had, AuthRequired says why: the cause would be
        lost in the registry's refusal. Reading goes on without one, as in Spack 1.1.
        """
        wanted = Direction.PUSH if push else self._direction
        found = self._place(host.lower(), wanted)
        if found is None:
            login = self._credentials.container_login(host.lower(), repository)
            return login.credential if login is not None else None
        mirror, direction = found
        login = self._credentials.login(mirror, direction)
        account = account_of(mirror, direction)
        with self._lock:
            if login.state is CredentialState.STORED and login.credential is not None:
                self._stored[account] = login.credential
            elif login.state in (CredentialState.LOCKED, CredentialState.WAITING) and account in self._stored:
                # Locked since, by a screen saver perhaps: what it gave earlier in this run still holds.
                return self._stored[account]
        pushing = wanted is Direction.PUSH and host_of(self._mirror.push) == host.lower()
        if login.credential is None and pushing and login.state is not CredentialState.NONE_NEEDED:
            raise AuthRequired(f"No login for {host}", login.note, remedies=_REMEDIES.get(login.state, ()))
        return login.credential

    def _place(self, host: str, direction: Direction) -> tuple[Mirror, Direction] | None:
        """The mirror and direction whose login belongs to `host`."""
        other = Direction.FETCH if direction is Direction.PUSH else Direction.PUSH
        own = next((way for way in (direction, other) if host_of(connection_of(self._mirror, way)) == host), None)
        if own and (self._mirror.name or self._credentials.session.get(account_of(self._mirror, own))):
            return self._mirror, own
        for mirror in self._others:
            for way in (Direction.PUSH, Direction.FETCH):
                connection = connection_of(mirror, way)
                if connection.secret_variable and host_of(connection) == host:
                    return mirror, way
        return (self._mirror, own) if own else None


_REMEDIES = {
    CredentialState.LOCKED: ("Unlock the keyring, then try again",),
    CredentialState.WAITING: ("Answer the keyring's question, then try again",),
    CredentialState.NO_KEYRING: ("Set the variables, or sign in for this session only",),
    CredentialState.MISSING: ("Sign in, or set the variables",),
    CredentialState.PLAIN_TEXT: ("Move the secret to the keyring",),
}


def _joined(*notes: str) -> str:
    return "; ".join(dict.fromkeys(note for note in notes if note))


def _plain_text_note(mirror: Mirror) -> str:
    """Names the files the mirror is written in, and those of them that others may read."""
    files = sorted({Path(origin.file) for origin in mirror.origin if origin.file})
    exposed = [note for note in map(exposure, files) if note]
    return _joined(f"the configuration of mirror {mirror.name} holds a secret in plain text", *exposed)
