# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Questions and answers about editing mirrors as plain data; the window imports these."""

from __future__ import annotations

from dataclasses import dataclass

from core.foundation.errors import ErrorInfo
from core.mirrors.forms import (
    AddMirror,
    ChangeMirror,
    ConnectionForm,
    CopyMirror,
    MirrorEdit,
    MirrorForm,
    MoveMirror,
    MoveSecrets,
    RemoveMirror,
)
from core.mirrors.model import MirrorKind
from core.packing.model import Codec
from core.services.values import CopyLine, UndoStep

__all__ = [
    "AddMirror",
    "AddressFacts",
    "AppliedEdit",
    "ChangeMirror",
    "Codec",
    "CompressionFacts",
    "ConnectionForm",
    "CopyLine",
    "CopyMirror",
    "EditPlan",
    "EntryText",
    "MirrorDetails",
    "MirrorEdit",
    "MirrorForm",
    "MoveMirror",
    "MoveSecrets",
    "OriginLine",
    "RemoveMirror",
    "ScopeRow",
    "UndoStep",
]


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A place mirrors can be written to, highest first.

    `entries` are the mirrors written there in the order of the file. `why_not` says why nothing can be written.
    `audience` says for whom it counts. `explicit_only`: part of the Spack checkout itself, offered only when asked for.
    `is_default`: where Spack's own commands would write.
    """

    name: str
    file: str
    writable: bool
    why_not: str
    entries: tuple[str, ...]
    audience: str
    explicit_only: bool
    is_default: bool


@dataclass(frozen=True, slots=True)
class EditPlan:
    """What an edit would do. `diff` is a unified diff with secrets blanked, "" if there is nothing to change.

    `command` is what does the same with Spack (a line each), "" if nothing does. `remains` says what is still there
    after a removal. `meanings` pairs each written path with the place it stands for. `creates_file`: there is none yet.
    """

    id: str
    title: str
    scope: str
    file: str
    diff: str
    warnings: tuple[ErrorInfo, ...] = ()
    command: str = ""
    remains: str = ""
    meanings: tuple[tuple[str, str], ...] = ()
    creates_file: bool = False


@dataclass(frozen=True, slots=True)
class AppliedEdit:
    """An edit that was saved. `undo` is the id to undo it, "" if it cannot be undone here."""

    scope: str
    file: str
    title: str
    undo: str


@dataclass(frozen=True, slots=True)
class CompressionFacts:
    """How packages for a mirror are compressed, and one sentence on what is quickest there."""

    codec: Codec
    advice: str


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """What was made of an address somebody typed or pasted.

    `url` is what would be written, "" with a `problem`. `contacts` is the `host[:port]` Spack would talk to, "" for
    folders. `folder_exists` is None for anything but folders. `absolute` is what may be written instead of a path that
    is relative to the file it stands in, "" for everything else. `compression` is None where nothing can be pushed.
    """

    url: str
    kind: MirrorKind | None
    contacts: str
    suggested_name: str
    folder_exists: bool | None = None
    problem: ErrorInfo | None = None
    notes: tuple[str, ...] = ()
    absolute: str = ""
    compression: CompressionFacts | None = None


@dataclass(frozen=True, slots=True)
class EntryText:
    """An entry as it is written in one scope, secrets blanked. `line` counts from 1."""

    scope: str
    file: str
    line: int
    text: str
    writable: bool


@dataclass(frozen=True, slots=True)
class OriginLine:
    """Where a value comes from; `key` is like `push.url`. `shadowed` names what lower scopes say instead, unused."""

    key: str
    value: str
    scope: str
    file: str
    line: int
    shadowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MirrorDetails:
    """A mirror explained. `texts` and `origins` go from the highest scope down.

    `users_must_do` are lines other people need. `autopush_warnings` hold whether autopush is on or not: what it would
    not do. `ci_snippet` makes it the destination `spack ci` needs.
    """

    name: str
    form: MirrorForm
    texts: tuple[EntryText, ...]
    origins: tuple[OriginLine, ...]
    users_must_do: tuple[CopyLine, ...]
    autopush_warnings: tuple[ErrorInfo, ...]
    ci_snippet: str
