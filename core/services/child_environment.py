# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The environment of programs that are to use the mirrors' logins: values stand in it, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.caches.opening import CacheAccess
from core.foundation.errors import ErrorInfo
from core.foundation.secret import Secret
from core.mirrors.credentials.identity import connection_of
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.reading import mirrors_of
from core.spack.instance import Instance

# Logins that are known but not to be had: worth telling, because Spack will say something else.
_BLOCKED = frozenset({CredentialState.LOCKED, CredentialState.WAITING})
_FROM_ELSEWHERE = frozenset({CredentialState.STORED, CredentialState.SESSION})
_STAYS = "its login is in a keyring elsewhere and is not given to other programs here; set the variable here"


@dataclass(frozen=True, slots=True)
class ChildEnvironment:
    """`variables` are those of the instance with the values that mirrors.yaml names; `secrets` are those among them.

    `problems` say which logins could not be had.
    """

    variables: Mapping[str, str] = field(repr=False)
    secrets: tuple[Secret, ...] = ()
    problems: tuple[ErrorInfo, ...] = ()


def child_environment(instance: Instance, access: CacheAccess) -> ChildEnvironment:
    """The environment for Spack, with all mirrors' logins. May wait for the keyring and for commands, both bounded.

    Logins that came from another computer or account are left out: they stay in this process.
    A variable that several mirrors name gets the login of the first one, in Spack's order, push before fetch.
    """
    variables, elsewhere = dict(instance.environ), access.credentials.keyring_elsewhere
    filled: dict[str, str] = {}
    secrets: list[Secret] = []
    problems: list[ErrorInfo] = []
    for mirror in mirrors_of(instance).mirrors:
        for direction in (Direction.PUSH, Direction.FETCH):
            connection = connection_of(mirror, direction)
            if connection.token_variable and connection.token_variable not in filled and not elsewhere:
                found = access.credentials.token(mirror, direction)
                if found is not None:
                    filled[connection.token_variable] = found.reveal()
                    secrets.append(found)
            if not connection.secret_variable or connection.secret_variable in filled:
                continue
            login = access.credentials.login(mirror, direction)
            if elsewhere and login.state in _FROM_ELSEWHERE:
                problems.append(ErrorInfo("no-login", f"{connection.secret_variable} is not set for Spack", _STAYS))
                continue
            if login.credential is None:
                if login.state in _BLOCKED:
                    title = f"{connection.secret_variable} is not set for Spack"
                    problems.append(ErrorInfo("no-login", title, login.note))
                continue
            filled[connection.secret_variable] = login.credential.secret.reveal()
            if connection.user_variable:
                filled.setdefault(connection.user_variable, login.credential.user)
            secrets.append(login.credential.secret)
    return ChildEnvironment({**variables, **filled}, tuple(secrets), tuple(dict.fromkeys(problems)))
