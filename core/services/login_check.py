# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A login tried on a mirror before it is kept: reading and pushing apart, on that very repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.caches.opening import OCI_KINDS, CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import UsageError
from core.foundation.secret import Secret
from core.mirrors.credentials.commands import CommandLogins, CredentialCommand
from core.mirrors.credentials.docker import DockerLogins
from core.mirrors.credentials.identity import connection_of
from core.mirrors.credentials.states import CredentialState, Direction, Login
from core.mirrors.forms import ConnectionForm, MirrorForm
from core.mirrors.model import Connection, Mirror
from core.registry.credentials import Credential
from core.registry.references import ImageReference, ReferenceError, parse_mirror_url
from core.services.login_values import Keep, LoginCheck, LoginForm, ServerSettings, StepKey, TestStep
from core.services.mirror_test.steps import failure, skipped, step
from core.services.mirror_test.trying import Trial, not_tried
from core.spack.instance import Instance
from core.spack.substitutions import resolve_address

_ACCOUNT = "tried"


@dataclass(frozen=True, slots=True)
class _Fixed:
    """A source that has one login, for one host: other servers it leads to get none."""

    found: Credential | None
    host: str

    def credential(self, host: str, _repository: str, *, push: bool) -> Credential | None:  # noqa: ARG002
        return self.found if host.lower() == self.host.lower() else None


@dataclass(frozen=True, slots=True)
class LoginTrial:
    """A login as it was entered for `form`, saved or not. `settings` None: those that are kept for the server."""

    form: MirrorForm
    direction: Direction
    login: LoginForm
    settings: ServerSettings | None = None

    def check(self, instance: Instance, access: CacheAccess, token: CancelToken, *, probe: bool = True) -> LoginCheck:
        """A few requests of at most half a minute each; nothing is kept here or there. Without `probe` no upload
        is opened, so that pushing is not tried.

        What a registry refuses is in the answer. Raises UsageError for an address that cannot be, TlsError for a
        certificate file that cannot be used, Cancelled.
        """
        mirror = self._mirror(instance)
        connection = connection_of(mirror, self.direction)
        if connection.kind not in OCI_KINDS:
            return LoginCheck(*not_tried("only registries can be asked whether a login is good"))
        try:
            reference = parse_mirror_url(connection.url)
        except ReferenceError as error:
            raise UsageError("That is not the address of a repository", str(error)) from None
        login = self._entered(instance, access, mirror, reference)
        if login.credential is None and self.login.keep is not Keep.NONE:
            return LoginCheck(*_none_to_try(login))
        with access.trial(reference, _Fixed(login.credential, reference.domain), self.settings) as repository:
            trial = Trial(repository, login, token)
            read = trial.read()
            push = trial.write(read) if probe else skipped(StepKey.PUSH, "Push", "not tried: read only")
        return LoginCheck(read, push, self._anonymous(mirror, access, token))

    def _anonymous(self, mirror: Mirror, access: CacheAccess, token: CancelToken) -> TestStep | None:
        """Reading as the mirror will do it for everybody, where only pushing has a login."""
        fetch = self.form.fetch
        if (
            self.direction is not Direction.PUSH
            or self.form.push is None
            or fetch.user_variable
            or fetch.secret_variable
        ):
            return None
        if mirror.fetch.kind not in OCI_KINDS or self.login.keep is Keep.NONE:
            return None
        try:
            reference = parse_mirror_url(mirror.fetch.url)
        except ReferenceError as error:
            raise UsageError("That is not the address of a repository", str(error)) from None
        with access.trial(reference, None, self.settings) as repository:
            return Trial(repository, Login(CredentialState.NONE_NEEDED), token).read()

    def _entered(self, instance: Instance, access: CacheAccess, mirror: Mirror, reference: ImageReference) -> Login:
        """The login that is meant, with its credential; without one its note says why."""
        form, connection, environ = self.login, connection_of(mirror, self.direction), instance.environ
        user = form.user or connection.user or environ.get(connection.user_variable, "")
        match form.keep:
            case Keep.NONE:
                return Login(CredentialState.NONE_NEEDED)
            case Keep.VARIABLE:
                user_variable = form.user_variable or connection.user_variable
                variable = form.secret_variable or connection.secret_variable
                user = environ.get(user_variable, "") if user_variable else user
                return _complete(CredentialState.VARIABLE, user, environ.get(variable, ""), variable or "a variable")
            case Keep.COMMAND:
                command = CredentialCommand(form.command, user)
                return CommandLogins({_ACCOUNT: command}, environ).login(_ACCOUNT, user) or Login(
                    CredentialState.MISSING
                )
            case Keep.CONTAINER:
                found = DockerLogins(environ).login(reference.domain.lower(), reference.name)
                why = "docker and podman have no login for this place"
                return found or Login(CredentialState.MISSING, note=why)
        if form.secret:
            return _complete(CredentialState.SESSION, user, form.secret.reveal(), "the password field")
        stored = access.credentials.login(mirror, self.direction)
        if stored.credential is not None and form.user and form.user != stored.user:
            credential = Credential(form.user, stored.credential.secret)
            return Login(stored.state, form.user, stored.source, credential=credential)
        return stored

    def _mirror(self, instance: Instance) -> Mirror:
        fetch = _connection(self.form.fetch, instance)
        return Mirror(self.form.name, fetch, _connection(self.form.push, instance) if self.form.push else fetch)


def _connection(form: ConnectionForm, instance: Instance) -> Connection:
    try:
        url = resolve_address(form.url, Path("/"), instance.path_context)
    except ValueError as error:
        raise UsageError("That is not the address of a mirror", str(error)) from None
    return Connection(
        url,
        form.url,
        user=form.user,
        user_variable=form.user_variable,
        secret_variable=form.secret_variable,
        endpoint_url=form.endpoint_url,
    )


def _complete(state: CredentialState, user: str, secret: str, source: str) -> Login:
    if not secret:
        return Login(CredentialState.MISSING, user, source, f"{source} is empty or not set")
    if not user:
        return Login(CredentialState.MISSING, source=source, note="there is no user name")
    return Login(state, user, source, credential=Credential(user, Secret(secret)))


def _none_to_try(login: Login) -> tuple[TestStep, TestStep]:
    why = login.note or "there is no login to try"
    return step(StepKey.READ, "Read", lambda: failure(why)), skipped(StepKey.PUSH, "Push", why)
