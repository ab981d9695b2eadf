# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Answers of the services as plain data; the window imports these and nothing else of this floor."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from core.foundation.errors import ErrorInfo
from core.mirrors.model import Mirror


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
class MirrorRow:
    """A mirror with what can be said about it without touching the network."""

    mirror: Mirror
    status: ErrorInfo | None = None
    packages: int | None = None
    index_written_at: float | None = None
    writable: bool | None = None
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class MirrorsView:
    rows: tuple[MirrorRow, ...]
    problems: tuple[ErrorInfo, ...] = ()


class PackageRow(msgspec.Struct, frozen=True, array_like=True):
    """One record of the install database as the packages table shows it; travels as an array to keep batches small."""

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


@dataclass(frozen=True, slots=True)
class PackagesView:
    """Answer after the last batch of rows. `verifier` changes whenever the database does."""

    count: int
    verifier: str
    problems: tuple[ErrorInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class SelectionSummary:
    """Chosen packages with their run and link dependencies; externals are not counted."""

    selected: int
    with_dependencies: int
    size_bytes: int
