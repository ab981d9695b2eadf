# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Taking packages out of caches, as plain data; the window imports these."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from core.packing.archive_members import MemberKind


@dataclass(frozen=True, slots=True)
class PackageId:
    """A package in a cache, with its complete hash."""

    name: str
    version: str
    hash: str


class FileRow(msgspec.Struct, frozen=True, array_like=True):
    """A file in an archive. `path` is relative to the prefix, `link` the target of links."""

    path: str
    kind: MemberKind
    size: int
    executable: bool
    link: str


@dataclass(frozen=True, slots=True)
class FilesView:
    """Answer after the last batch of files. `prefix` is where the package was installed when it was packed."""

    prefix: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What lies in the directory now, under the digests of their contents; `mirror` is where it came from."""

    package: PackageId
    mirror: str
    archive: str
    spec: str
    bytes: int


@dataclass(frozen=True, slots=True)
class UnpackedView:
    """What was unpacked into `directory`, to be looked at. `left_out` are links that would have led out of it."""

    directory: str
    prefix: str
    files: int
    bytes: int
    left_out: tuple[str, ...]
