# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Answers of the services as plain data; the window imports these and nothing else of this floor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from core.caches.browsing import EntryKind
from core.foundation.errors import ErrorInfo
from core.mirrors.credentials.states import CredentialState
from core.mirrors.model import Mirror
from core.signing.signatures import SignatureFacts
from core.transfers.plan import PushRequest


@dataclass(frozen=True, slots=True)
class InstanceInfo:
    """An instance as shown in the selector. `root` is empty for a bare install root, `version` where it is unknown."""

    id: str
    root: str
    install_root: str
    version: str
    environment: str = ""
    writable: bool = True
    problems: tuple[ErrorInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceSurvey:
    """How many packages an instance has installed, and how many mirrors it knows. `problem` is what kept the first
    mirror from being read, "" if nothing did."""

    packages: int
    mirrors: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SavedPush:
    """A push to be done again: what, where and how, in the instance (a directory) and environment (a directory or a
    managed name, "" for none) it was made in. `also` are further mirrors it goes to."""

    instance: str
    environment: str
    request: PushRequest
    also: tuple[str, ...] = ()


class ScriptKind(StrEnum):
    """What a push can be written as."""

    SHELL = "shell"
    SLURM = "slurm"
    GITLAB = "gitlab"
    GITHUB = "github"


@dataclass(frozen=True, slots=True)
class LoginFacts:
    """Where a mirror's login comes from or why there is none; never the login itself. `user` and `source` (the
    keyring's or variable's name) are empty where there are none; `note` is what a person should know."""

    state: CredentialState
    user: str = ""
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class MirrorRow:
    """A mirror with what can be said about it without touching the network. `login` is that for pushing, None for
    folders."""

    mirror: Mirror
    status: ErrorInfo | None = None
    packages: int | None = None
    index_written_at: float | None = None
    writable: bool | None = None
    free_bytes: int | None = None
    login: LoginFacts | None = None


@dataclass(frozen=True, slots=True)
class UndoStep:
    """A saved edit of mirrors that can be undone by its `id`."""

    id: str
    title: str
    file: str


@dataclass(frozen=True, slots=True)
class MirrorsView:
    """`undo` are this engine's last edits, newest first."""

    rows: tuple[MirrorRow, ...]
    problems: tuple[ErrorInfo, ...] = ()
    undo: tuple[UndoStep, ...] = ()


class PackageRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One record of the install database as the packages table shows it; travels as an array to keep batches small.

    `install_root` is the install tree whose database it comes from, an upstream's for upstream packages.
    """

    hash: str
    name: str
    version: str
    compilers: str
    platform: str
    os: str
    target: str
    variants: str
    namespace: str
    explicit: bool
    installed_at: float
    state: str
    upstream: bool
    prefix: str
    install_root: str = ""
    deprecated_for: str = ""


@dataclass(frozen=True, slots=True)
class PackagesView:
    """Answer after the last batch of rows. `verifier` changes whenever the database, or one of an upstream, does.

    With `only_changes` the rows were those that are new or changed since the verifier asked for, and `gone` are the
    hashes of packages that were there then. `count` is always that of all packages.
    """

    count: int
    verifier: str
    problems: tuple[ErrorInfo, ...] = ()
    only_changes: bool = False
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SelectionSummary:
    """Chosen packages with their run and link dependencies; externals are not counted."""

    selected: int
    with_dependencies: int
    size_bytes: int


class ContentsRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something in a cache as the contents table shows it; the same `key` comes again when more of it is known.

    `version` is the real one where the index or the image knows it. `in_index` is None where there is no index that
    could be read, `signed` where that is not known or not available.
    """

    key: str
    kind: EntryKind
    name: str
    version: str
    hash: str
    target: str
    stored_bytes: int | None
    modified: float | None
    signed: bool | None
    installed: bool
    in_index: bool | None
    manifest_digest: str
    blob_digest: str
    problem: str


@dataclass(frozen=True, slots=True)
class ContentsView:
    """Answer after the last batch of rows. Times are in unix seconds, `read_at` by our clock.

    With an `error` the cache could not be read, or not to the end, and the rows are those of the time `read_at`.
    `image` is `host/name` as container tools take it, "" where there are no images. `not_in_index` are packages.
    """

    count: int
    read_at: float
    from_memory: bool
    url: str
    image: str = ""
    has_index: bool | None = None
    index_written_at: float | None = None
    not_in_index: int = 0
    problems: tuple[ErrorInfo, ...] = ()
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class EntryPart:
    """A layer, config or blob. `note` says more, like its platform or whose archive it is; `shared_by` is how many
    listed packages and images have it, None where that is not known."""

    digest: str
    size: int
    media_type: str
    note: str
    shared_by: int | None


@dataclass(frozen=True, slots=True)
class EntryDependency:
    """A package that another one was built with; `present` in the same cache, None where that is not known."""

    name: str
    version: str
    hash: str
    types: str
    direct: bool
    present: bool | None


@dataclass(frozen=True, slots=True)
class EntrySpec:
    """A package as it was concretized; `text` is Spack's own one-line form."""

    text: str
    variants: str
    architecture: str
    dependencies: tuple[EntryDependency, ...]


@dataclass(frozen=True, slots=True)
class CopyLine:
    """A command to copy, and what it is for."""

    purpose: str
    text: str


@dataclass(frozen=True, slots=True)
class EntryDetails:
    """One thing in a cache. `missing` and `left_out` name packages whose layers its image does not have. `signature` is
    that of a package, None where there are none."""

    key: str
    manifest_digest: str
    media_type: str
    parts: tuple[EntryPart, ...]
    annotations: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    left_out: tuple[str, ...]
    spec: EntrySpec | None
    lines: tuple[CopyLine, ...]
    signature: SignatureFacts | None = None


class Step(msgspec.Struct, frozen=True):
    """How far work has come, in entries or bytes; a `total` of 0 is not known."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class EntrySignature:
    """What the signature of the package under `key` is worth."""

    key: str
    facts: SignatureFacts


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Whose a file is; `mode` as `ls` shows it."""

    owner: str
    group: str
    mode: str


@dataclass(frozen=True, slots=True)
class RepositoriesView:
    """Addresses of a registry's repositories, ready to be opened; None where the registry does not tell."""

    host: str
    addresses: tuple[str, ...] | None
