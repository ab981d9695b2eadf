# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Answers about installed packages and where they are, as plain data. Hashes are whole DAG hashes, times unix seconds.

`PackageRow`, the line of the table, is among the values all pages share.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from core.foundation.errors import ErrorInfo


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """What is wrong with a query: `length` characters from `position` on (0: there is something missing there)."""

    title: str
    why: str
    position: int
    length: int = 0


@dataclass(frozen=True, slots=True)
class FoundPackages:
    """Packages in any state that match a query, by name, version and hash. Of those in `unknown` only recipes that
    cannot be read could tell. With a `problem` there are none."""

    hashes: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    problem: QueryProblem | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentRow:
    """An environment. `roots` are all it asks for, installed or not, in its order; `hashes` are those of its packages
    that the database knows, roots first. With a `problem` its lock file could not be read."""

    name: str
    path: str
    roots: tuple[str, ...]
    hashes: tuple[str, ...]
    problem: ErrorInfo | None = None


class SizeRow(msgspec.Struct, frozen=True, array_like=True):
    """Bytes a prefix takes on disk, None where there is none or it cannot be read."""

    hash: str
    bytes: int | None


class HeldBackRow(msgspec.Struct, frozen=True, array_like=True):
    """Why a package may not be redistributed, "" where it may."""

    hash: str
    reason: str


@dataclass(frozen=True, slots=True)
class FolderSize:
    """A folder directly below a prefix, "" for files that lie in the prefix itself."""

    folder: str
    bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class PackageLink:
    """A direct dependency or dependent. `state` is "" where no database has a record of it."""

    hash: str
    name: str
    version: str
    types: tuple[str, ...]
    virtuals: tuple[str, ...]
    state: str


@dataclass(frozen=True, slots=True)
class RelocationOutlook:
    """How well a binary of a package fits elsewhere. Paths inside binaries can only be replaced by paths that are not
    longer: an install tree elsewhere may have a root of up to `root_length` characters, `padding` of which are there
    just for that purpose."""

    root_length: int
    padding: int
    prefix_length: int
    words: str


@dataclass(frozen=True, slots=True)
class PackageDetails:
    """Everything about one package that needs no network. `text` is Spack's own one-line form, `document` the spec as
    it would be published: every node, indented JSON, or the node alone where its dependencies are not all known.

    `dependencies` and `dependents` are the direct ones; `environments` have it as a root or need it.
    """

    hash: str
    name: str
    version: str
    text: str
    variants: tuple[tuple[str, str], ...]
    flags: tuple[tuple[str, str], ...]
    platform: str
    os: str
    target: str
    compilers: str
    namespace: str
    package_hash: str
    build_spec: str
    prefix: str
    install_root: str
    external_modules: tuple[str, ...]
    installed_at: float
    explicit: bool
    state: str
    deprecated_for: str
    upstream: bool
    specfile_version: int
    environments: tuple[str, ...]
    dependencies: tuple[PackageLink, ...]
    dependents: tuple[PackageLink, ...]
    all_dependencies: int
    all_dependents: int
    relocation: RelocationOutlook | None
    document: str


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node of a picture. `level` 0 is the top; every dependency lies on a lower one than all that need it."""

    hash: str
    name: str
    version: str
    state: str
    level: int


@dataclass(frozen=True, slots=True)
class GraphEdge:
    parent: str
    child: str
    types: tuple[str, ...]
    virtuals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A package with all it depends on, its own node first; with more than the limit only the nearest, and `cut` is
    how many were left out."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    cut: int = 0


@dataclass(frozen=True, slots=True)
class MirrorPresence:
    """Which packages of an instance a mirror has, as of `read_at` (None: never read, nothing is known).

    `hashes` are those the instance knows as well, `others` is how many more the mirror has. With an `error` it could
    not be read now and this is what was remembered.
    """

    mirror: str
    read_at: float | None
    index_written_at: float | None = None
    has_index: bool | None = None
    hashes: tuple[str, ...] = ()
    others: int = 0
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """What one mirror has of one package. `present` is None where that is not known; digests are "" where they are not
    known; `read_at` is when it was true, None for never asked."""

    mirror: str
    present: bool | None
    read_at: float | None
    manifest_digest: str = ""
    blob_digest: str = ""
    stored_bytes: int | None = None
    modified: float | None = None
    signed: bool | None = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """An environment, or with the name "" everything that was installed explicitly; `packages` counts all that can be
    pushed of it, link and run dependencies among them. `not_installed` roots cannot be pushed."""

    name: str
    packages: int
    not_installed: int = 0
    problem: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class CoverageCell:
    """How much of a row a mirror has. `held_back` may not be redistributed and are not there: they are neither counted
    as there nor as missing. have + missing + held_back == packages of the row."""

    have: int
    missing: int
    held_back: int


@dataclass(frozen=True, slots=True)
class CoverageView:
    """`cells[i][j]` is what `mirrors[j]` has of `rows[i]`, None where nothing is known of that mirror. The mirrors'
    `hashes` are left empty."""

    rows: tuple[CoverageRow, ...]
    mirrors: tuple[MirrorPresence, ...]
    cells: tuple[tuple[CoverageCell | None, ...], ...]


@dataclass(frozen=True, slots=True)
class MissingCount:
    """How much of everything explicit a mirror has, link and run dependencies among it; `cell` is None where nothing is
    known of the mirror. Its `hashes` are left empty."""

    mirror: MirrorPresence
    cell: CoverageCell | None


@dataclass(frozen=True, slots=True)
class MissingOn:
    """What a push would send: `hashes`, dependencies first. `read_at` is None where nothing is known of the mirror:
    then everything counts as missing."""

    hashes: tuple[str, ...]
    held_back: tuple[str, ...]
    have: int
    read_at: float | None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class PackageRef:
    """A package: installed, or with a `mirror` (name or address) as that mirror has it. `hash` may also be a query
    that matches one package."""

    hash: str
    mirror: str = ""


@dataclass(frozen=True, slots=True)
class DifferenceLine:
    """A field in which two packages differ. `path` leads from the packages to the node: names of dependencies, () for
    the packages themselves. `left` and `right` are "" where one of them has no such thing.

    `is_cause` are the lines that make hashes differ by themselves; all others follow from them.
    """

    path: tuple[str, ...]
    field: str
    left: str
    right: str
    is_cause: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two packages, field by field over all their dependencies: the nearest difference first. `first_reason` is the
    one that made the hashes differ, in words; "" for equal ones."""

    left: str
    right: str
    same_hash: bool
    first_reason: str
    lines: tuple[DifferenceLine, ...]


@dataclass(frozen=True, slots=True)
class ReuseCandidate:
    """A binary that might have been used instead. `usable` is None where that cannot be told from here.

    `reasons` are against it, the decisive one first; `notes` say what else differs.
    """

    mirror: str
    hash: str
    label: str
    usable: bool | None
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReuseView:
    """Why a binary was not used. `settings` are reasons that concern every candidate; `mirrors` were looked at."""

    wanted: str
    settings: tuple[str, ...]
    candidates: tuple[ReuseCandidate, ...]
    mirrors: tuple[MirrorPresence, ...]


class RemotePackage(msgspec.Struct, frozen=True, array_like=True):
    """A package a mirror has and the instance has not."""

    hash: str
    name: str
    version: str
    target: str
    stored_bytes: int | None


@dataclass(frozen=True, slots=True)
class InstalledVersusMirror:
    """All installed packages against all of a mirror. `missing_there` may be pushed, `held_back` not; bytes are on disk
    here and stored there, None where not all are known."""

    mirror: MirrorPresence
    missing_there: tuple[str, ...]
    held_back: tuple[str, ...]
    missing_here: tuple[RemotePackage, ...]
    both: tuple[str, ...]
    missing_there_bytes: int | None
    missing_here_bytes: int | None
