# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Secrets in plain text, as Spack before 1.0 kept them, moved from mirrors.yaml into the keyring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.foundation.secret import Secret
from core.mirrors.credentials.facade import Credentials
from core.mirrors.credentials.identity import account_of, connection_of, token_account_of
from core.mirrors.credentials.states import Direction
from core.mirrors.editing.content import effective, without_secrets
from core.mirrors.forms import MoveSecrets
from core.mirrors.model import Connection, Mirror
from core.mirrors.reading import mirrors_of
from core.registry.credentials import Credential
from core.services.logins import mirror_named
from core.services.mirror_edits import MirrorEdits, read_landscape
from core.services.mirror_values import AppliedEdit
from core.spack.instance import Instance


@dataclass(frozen=True, slots=True)
class _Stored:
    """What went into the keyring under `account`, and what was there `before`."""

    account: str
    before: Credential | None

    def take_back(self, credentials: Credentials) -> None:
        """Not to be cancelled: what is undone is undone as a whole."""
        if self.before is not None:
            credentials.keep(self.account, self.before, CancelToken())
        else:
            credentials.drop(self.account, CancelToken())


def move_to_keyring(
    instance: Instance, access: CacheAccess, edits: MirrorEdits, edit: MoveSecrets, token: CancelToken
) -> AppliedEdit:
    """Store the secrets that an entry holds, then name variables in their place: both, or neither.

    Raises NotFound if there is none, PermissionDenied if the keyring does not take them, what saving the file raises,
    and Cancelled as long as nothing is changed.
    """
    plan = edits.plan(instance, edit)
    mirror = mirror_named(mirrors_of(instance).mirrors, edit.name)
    landscape = read_landscape(instance)
    value = landscape.entry(landscape.scope(plan.scope), edit.name)
    if value is None:
        raise NotFound(f"There is no entry {edit.name} in {plan.scope} any more")
    credentials = access.credentials
    stored: list[_Stored] = []
    try:
        for account, credential in _secrets(mirror, value.plain()).items():
            before = credentials.in_keyring(account).credential
            credentials.keep(account, credential, token)
            stored.append(_Stored(account, before))
        return edits.apply(instance, plan.id)
    except BaseException:
        for one in reversed(stored):
            one.take_back(credentials)
        raise


def _secrets(mirror: Mirror, entry: dict[str, Any]) -> dict[str, Credential]:
    """The secrets of `entry` by the account under which they will be looked for."""
    named = without_secrets(mirror.name, entry)
    found: dict[str, Credential] = {}
    for direction in (Direction.FETCH, Direction.PUSH):
        pair, secret = effective(entry, "access_pair", direction), effective(entry, "access_token", direction)
        if isinstance(pair, list) and pair[1]:
            variable = effective(named, "access_pair", direction)["secret_variable"]
            changed = replace(connection_of(mirror, direction), secret_variable=variable)
            account = account_of(_with(mirror, direction, changed), direction)
            found[account] = Credential(str(pair[0] or ""), Secret(str(pair[1])))
        if secret:
            variable = effective(named, "access_token_variable", direction)
            changed = replace(connection_of(mirror, direction), token_variable=variable)
            account = token_account_of(_with(mirror, direction, changed), direction)
            found[account] = Credential("", Secret(str(secret)))
    return found


def _with(mirror: Mirror, direction: Direction, connection: Connection) -> Mirror:
    """`mirror` as it will be configured."""
    return replace(mirror, push=connection) if direction is Direction.PUSH else replace(mirror, fetch=connection)
