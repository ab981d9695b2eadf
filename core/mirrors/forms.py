# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a person may say about a mirror, and the edits of Spack's files that follow from it. Pure data.

Secrets have no place here: user names and the names of variables only.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class ConnectionForm:
    """One direction of a mirror. Empty text means: not written. `url` is the address or path as it is written.

    The user is `user` itself or the content of `user_variable`, never both; one of them goes with `secret_variable`.
    """

    url: str
    user: str = ""
    user_variable: str = ""
    secret_variable: str = ""
    token_variable: str = ""
    profile: str = ""
    endpoint_url: str = ""


@dataclass(frozen=True, slots=True)
class MirrorForm:
    """A mirror. `push` None: pushing is as fetching; `signed` None: not written, which Spack takes as signed."""

    name: str
    fetch: ConnectionForm
    push: ConnectionForm | None = None
    binary: bool = True
    source: bool = True
    signed: bool | None = None
    autopush: bool = False


class _Edit(msgspec.Struct, frozen=True, tag_field="edit", tag=True):
    """An edit of one scope, by its name in `ScopeRow`. An empty name is the one Spack would choose."""


class AddMirror(_Edit, frozen=True):
    """A new entry, the first that Spack asks, or with `last` the last one of that scope."""

    form: MirrorForm
    scope: str = ""
    last: bool = False


class ChangeMirror(_Edit, frozen=True):
    """Write what differs between `form` and `base` into the entry of `scope` (made if that scope has none).

    `base` is the form as it was opened; without it, the mirror as it is now. Renaming is `form.name` differing.
    """

    name: str
    form: MirrorForm
    scope: str = ""
    base: MirrorForm | None = None


class RemoveMirror(_Edit, frozen=True):
    """Remove one entry; without `scope` that of the highest scope that can be written and has it."""

    name: str
    scope: str = ""


class MoveMirror(_Edit, frozen=True):
    """Change the order inside one scope; an empty `before` means the end."""

    name: str
    scope: str
    before: str = ""


class CopyMirror(_Edit, frozen=True):
    """Write the mirror, as it holds now, into another scope as well."""

    name: str
    to_scope: str


class MoveSecrets(_Edit, frozen=True):
    """Replace secrets in plain text by names of environment variables."""

    name: str
    scope: str = ""


MirrorEdit = AddMirror | ChangeMirror | RemoveMirror | MoveMirror | CopyMirror | MoveSecrets
