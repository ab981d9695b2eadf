# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins of mirrors: which there are, whether they are good, and where they are kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, NotFound, UsageError
from core.mirrors.credentials.commands import CredentialCommand
from core.mirrors.credentials.docker import DockerLogins
from core.mirrors.credentials.identity import (
    account_of,
    connection_of,
    host_of,
    hosts_of,
    invented_variable,
    repository_of,
    shared_host_warnings,
)
from core.mirrors.credentials.saved_commands import SavedCommands
from core.mirrors.credentials.states import CredentialState, Direction, Login
from core.mirrors.model import Connection, Mirror
from core.mirrors.reading import mirrors_of
from core.registry.credentials import Credential
from core.services.login_values import (
    Keep,
    KeyringCondition,
    KeyringFacts,
    LoginForm,
    LoginOverview,
    ServerSettings,
)
from core.services.shell_lines import eval_line
from core.spack.instance import Instance

_KEPT_BY_STATE = {
    CredentialState.SESSION: Keep.SESSION,
    CredentialState.STORED: Keep.KEYRING,
    CredentialState.LOCKED: Keep.KEYRING,
    CredentialState.WAITING: Keep.KEYRING,
    CredentialState.VARIABLE: Keep.VARIABLE,
    CredentialState.COMMAND: Keep.COMMAND,
    CredentialState.DOCKER: Keep.CONTAINER,
}
_CONDITIONS = {
    CredentialState.LOCKED: KeyringCondition.LOCKED,
    CredentialState.NO_KEYRING: KeyringCondition.ABSENT,
    CredentialState.WAITING: KeyringCondition.WAITING,
}
_IN_KEYRING = frozenset({CredentialState.STORED, CredentialState.LOCKED, CredentialState.WAITING})


def mirror_named(mirrors: Iterable[Mirror], name: str) -> Mirror:
    """Raises NotFound."""
    found = next((mirror for mirror in mirrors if mirror.name == name), None)
    if found is None:
        raise NotFound(f"There is no mirror {name} any more", remedies=("Look at the list of mirrors again.",))
    return found


@dataclass(frozen=True, slots=True)
class Logins:
    """The logins of one instance's mirrors. Any thread."""

    instance: Instance
    access: CacheAccess

    def describe(self, name: str, direction: Direction) -> LoginOverview:
        """Everything about one login but its secret. Raises NotFound.

        Starts no program, asks no network, and waits up to 10 s for the keyring.
        """
        mirrors = mirrors_of(self.instance).mirrors
        mirror = mirror_named(mirrors, name)
        connection, host = connection_of(mirror, direction), host_of(connection_of(mirror, direction))
        commands = SavedCommands()
        command = commands.get(account_of(mirror, direction))
        login = self.access.login(mirror, direction)
        container = DockerLogins(self.instance.environ).known(host, repository_of(connection)) if host else None
        found_container = container is not None and container.state is CredentialState.DOCKER
        named = bool(connection.secret_variable)
        problems = [text for text in (commands.problem, self.access.servers.problem) if text]
        return LoginOverview(
            mirror=name,
            direction=direction,
            host=host,
            keep=_KEPT_BY_STATE.get(login.state) or _intended(connection, command),
            state=login.state,
            user=login.user,
            source=login.source,
            note=login.note,
            expires=login.expires,
            keyring=self.keyring(),
            variables=(connection.user_variable, connection.secret_variable)
            if named
            else ("", invented_variable(name, "SECRET")),
            variables_named=named,
            command=command.argv if command is not None else (),
            used_by=_sharing(mirrors, account_of(mirror, direction)),
            container_login=container.source if container is not None and found_container else "",
            shell_line=eval_line(self.instance, mirror),
            settings=self.access.servers.of(host),
            warnings=(
                *shared_host_warnings(other for other in mirrors if host in hosts_of(other)),
                *(ErrorInfo("ignored-settings", "Settings are not used", text) for text in problems),
            ),
        )

    def save(self, name: str, direction: Direction, form: LoginForm, token: CancelToken) -> LoginOverview:
        """Keep a login as `form` says. Without a secret in it, the one that is in use now moves there.

        What would be used before it is removed, except that a login for this session leaves the keyring's alone. Waits
        for a locked keyring as long as the person does. Raises NotFound, UsageError, PermissionDenied (keyring) and
        Cancelled.
        """
        mirrors = mirrors_of(self.instance).mirrors
        mirror = mirror_named(mirrors, name)
        connection, account, commands = connection_of(mirror, direction), account_of(mirror, direction), SavedCommands()
        command = None
        if not host_of(connection):
            raise UsageError(f"{name} needs no login", "it is a folder on this machine")
        match form.keep:
            case Keep.KEYRING:
                _check_named(mirror, connection)
                self.access.credentials.store(mirror, direction, _entered(self.access, mirror, direction, form), token)
            case Keep.SESSION:
                self.access.credentials.session.put(account, _entered(self.access, mirror, direction, form))
            case Keep.VARIABLE:
                _check_named(mirror, connection, form)
            case Keep.COMMAND:
                command = _command(self.instance, form)
            case Keep.CONTAINER:
                host = host_of(connection)
                self.access.servers.put(
                    host, msgspec.structs.replace(self.access.servers.of(host), container_login=True)
                )
            case Keep.NONE:
                self.sign_out(name, direction, token)
                return self.describe(name, direction)
        if form.keep is not Keep.SESSION:
            self.access.credentials.forget_answers(account)
        if form.keep in (Keep.VARIABLE, Keep.COMMAND, Keep.CONTAINER):
            _drop_from_keyring(self.access, mirror, direction, token)
        if form.keep is not Keep.SESSION:
            commands.put(account, command)
        self.access.renew(mirrors)
        return self.describe(name, direction)

    def sign_out(self, name: str, direction: Direction, token: CancelToken) -> tuple[str, ...]:
        """Forget a login, whether typed, in the keyring or printed by a command; the mirrors that used it.

        Variables of the environment stay what they are. Raises as `save` does.
        """
        mirrors = mirrors_of(self.instance).mirrors
        mirror = mirror_named(mirrors, name)
        account = account_of(mirror, direction)
        _drop_from_keyring(self.access, mirror, direction, token)
        self.access.credentials.forget_answers(account)
        SavedCommands().put(account, None)
        host = host_of(connection_of(mirror, direction))
        affected = _sharing(mirrors, account)
        if self.access.servers.of(host).container_login:
            affected = tuple(other.name for other in mirrors if host in hosts_of(other))
            self.access.servers.put(host, msgspec.structs.replace(self.access.servers.of(host), container_login=False))
        self.access.renew(mirrors)
        return affected

    def keyring(self) -> KeyringFacts:
        """Waits up to 10 s for the keyring."""
        answer = self.access.credentials.keyring()
        return KeyringFacts(answer.name, _CONDITIONS.get(answer.state, KeyringCondition.READY), answer.note)

    def save_server(self, host: str, settings: ServerSettings) -> ServerSettings:
        """What holds for `host`, from the next connection on. Raises as `Servers.put` does."""
        self.access.servers.put(host, settings)
        self.access.renew(mirrors_of(self.instance).mirrors, changed_host=host)
        return self.access.servers.of(host)


def _entered(access: CacheAccess, mirror: Mirror, direction: Direction, form: LoginForm) -> Credential:
    """The login that `form` means. Raises UsageError if it is not complete."""
    now = Login(CredentialState.NONE_NEEDED)
    if not (form.secret and form.user):
        now = access.credentials.login(mirror, direction)
    secret = form.secret or (now.credential.secret if now.credential is not None else None)
    user = form.user or now.user
    if not secret or not user:
        missing = "user name" if secret else "password or token"
        raise UsageError(f"The login of {mirror.name} was not saved", f"there is no {missing}")
    return Credential(user, secret)


def _check_named(mirror: Mirror, connection: Connection, form: LoginForm | None = None) -> None:
    """Raise UsageError unless mirrors.yaml names the variables: there a login is found again, by Spack as well."""
    wanted = form.secret_variable if form is not None else ""
    if connection.secret_variable and wanted in ("", connection.secret_variable):
        return
    named = f"it names {connection.secret_variable}" if connection.secret_variable else "it names none"
    raise UsageError(
        f"The login of {mirror.name} was not saved",
        f"mirrors.yaml has to name the variable for the password first; {named}",
        remedies=(f"Save {wanted or invented_variable(mirror.name, 'SECRET')} in the mirror's settings, then again.",),
    )


def _command(instance: Instance, form: LoginForm) -> CredentialCommand:
    command = CredentialCommand(form.command, form.user)
    if shutil.which(command.argv[0], path=instance.environ.get("PATH")) is None:
        raise UsageError("The login was not saved", f"{command.argv[0]} is not a program that can be started here")
    return command


def _drop_from_keyring(access: CacheAccess, mirror: Mirror, direction: Direction, token: CancelToken) -> None:
    """Nothing where there is no keyring, or no login in it."""
    account = account_of(mirror, direction)
    if connection_of(mirror, direction).secret_variable and (
        access.credentials.in_keyring(account).state in _IN_KEYRING
    ):
        access.credentials.drop(account, token)


def _intended(connection: Connection, command: CredentialCommand | None) -> Keep:
    """How a login that is not to be had should be kept."""
    if command is not None:
        return Keep.COMMAND
    return Keep.VARIABLE if connection.secret_variable else Keep.NONE


def _sharing(mirrors: Iterable[Mirror], account: str) -> tuple[str, ...]:
    return tuple(
        mirror.name for mirror in mirrors if account in {account_of(mirror, direction) for direction in Direction}
    )
