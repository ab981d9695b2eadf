# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What goes into packing and what comes out of it, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Codec(StrEnum):
    """How archives are compressed. All three are gzip to every reader.

    `DEFAULT` and `FAST` write one gzip member per block (RFC 1952 allows several), `SPACK` the very bytes Spack writes.
    """

    DEFAULT = "default"
    FAST = "fast"
    SPACK = "spack"


@dataclass(frozen=True, slots=True)
class PackSource:
    """One installed package, and the facts Spack writes into its archive.

    `source` is the directory that is read, `prefix` the absolute path that is written. `install_root` is the padded
    form, `sbang` the path of the interpreter shim below the unpadded root. `hash_to_prefix` is in Spack's order, the
    package first.
    """

    source: Path
    prefix: str
    install_root: str
    sbang: str
    spack_prefix: str
    hash_to_prefix: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PackedPackage:
    """A finished archive. `digest` is of the stored bytes, `diff_id` of the tar; `files` leaves out directories."""

    path: Path
    digest: str
    diff_id: str
    stored_bytes: int
    tar_bytes: int
    files: int
    codec: Codec
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relocation:
    """Files that must be rewritten when the package is installed elsewhere: paths in the prefix, in archive order."""

    binaries: tuple[str, ...]
    links: tuple[str, ...]
    textfiles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TreeSize:
    """`content_bytes` are those of the files; `archive_bytes` is about what `pack` will report as progress: contents,
    padding and headers."""

    content_bytes: int
    archive_bytes: int
    files: int
