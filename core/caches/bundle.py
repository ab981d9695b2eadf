# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A bundle: a build cache of layout 3 with checksums and a description, as a directory or that directory in a tar file.

Spack can use the directory as it stands. `bundle.json` says what is in it, `SHA256SUMS` (in the form of `sha256sum`)
what every file must be. Functions block, may be called from any thread, and raise Cancelled soon after their token was.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO

import msgspec

from core.foundation.cancel import CancelToken
from core.foundation.decoding import from_json
from core.foundation.errors import CacheError, NotFound, from_os_error
from core.foundation.files import PIECE_BYTES, temporary_name
from core.storage.folder import Folder
from core.storage.reading import ByteReader

FACTS = "bundle.json"
SUMS = "SHA256SUMS"
README = "README.txt"
TAR_SUFFIX = ".tar"

_TEXT_BYTES = 256 << 20
_VERSION = 1


class NeedKind(StrEnum):
    BOOTSTRAP = "bootstrap"
    SOURCES = "sources"
    KEYS = "keys"
    EXTERNALS = "externals"


class Need(msgspec.Struct, frozen=True):
    """What a fresh site has to have besides a bundle: a sentence, commands that help, and what it is about."""

    kind: NeedKind
    text: str
    commands: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


class BundleFacts(msgspec.Struct, frozen=True):
    """What a bundle says of itself. `created_at` is in unix seconds, `keys` are fingerprints; `extras` are directories
    with more than the cache, by what they hold."""

    packages: int
    stored_bytes: int
    signed: int
    keys: tuple[str, ...]
    created_at: float
    source: str
    needs: tuple[Need, ...]
    extras: dict[str, str] = {}
    version: int = _VERSION


def read_facts(path: Path) -> BundleFacts:
    """Of a directory or a tar file; nothing else is checked. Raises NotFound, or CacheError if it is no bundle."""
    data = _first_facts(path) if path.is_file() else _facts_of(path)
    try:
        facts = from_json(data, BundleFacts)
    except (ValueError, RecursionError) as error:
        raise CacheError(f"{path} is not a bundle", str(error)) from error
    if facts.version != _VERSION:
        raise CacheError(
            f"{path} cannot be read", f"It is a bundle of version {facts.version}, only {_VERSION} is known"
        )
    return facts


def write_sums(folder: Path, token: CancelToken) -> None:
    files = Folder(folder)
    lines = [f"{_sum_of(files, key, token)}  {key}\n" for key in keys_in(folder) if key != SUMS]
    files.write(SUMS, "".join(lines).encode())


def check_sums(folder: Path, token: CancelToken) -> None:
    """Raise CacheError unless every file of a bundle is what it was when it was made, and none is missing or more."""
    files = Folder(folder)
    try:
        lines = files.read(SUMS, _TEXT_BYTES).decode().splitlines()
    except (NotFound, UnicodeDecodeError) as error:
        raise CacheError(f"{folder} is not a complete bundle", f"It has no list of checksums, {SUMS}") from error
    expected = {key: checksum for checksum, _, key in (line.partition("  ") for line in lines)}
    strange = next((key for key in keys_in(folder) if key not in expected and key != SUMS), None)
    if strange is not None:
        raise CacheError(f"The bundle {folder} was changed", f"{strange} is not in its list of checksums")
    for key, checksum in expected.items():
        try:
            found = _sum_of(files, key, token)
        except NotFound as error:
            raise CacheError(f"The bundle {folder} is not complete", f"{key[:200]} is missing") from error
        if found != checksum:
            raise CacheError(f"The bundle {folder} is damaged", f"{key[:200]} does not have its checksum")


def keys_in(folder: Path) -> Iterator[str]:
    """All files of a bundle, in a fixed order."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  names are wanted
    except OSError as error:
        raise from_os_error(error, "A bundle cannot be read", folder) from error
    files = Folder(folder)
    for name in names:
        if (folder / name).is_dir() and not name.startswith("."):
            yield from files.list(name)
        elif not name.startswith("."):
            yield name


def pack_bundle(folder: Path, path: Path, token: CancelToken) -> None:
    """All files in one, which appears complete or not at all; what describes it comes first."""
    temporary = path.with_name(temporary_name(path.name))
    files = Folder(folder)
    try:
        with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive:
            for key in sorted(keys_in(folder), key=lambda key: (key != FACTS, key != README, key)):
                token.raise_if_cancelled()
                with files.path(key).open("rb") as file:
                    member = tarfile.TarInfo(f"{path.stem}/{key}")
                    member.size, member.mode = os.fstat(file.fileno()).st_size, 0o644
                    archive.addfile(member, file)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError as error:
        raise from_os_error(error, f"Cannot write {path.name}", path) from error
    finally:
        temporary.unlink(missing_ok=True)


def unpack_bundle(path: Path, target: Path, token: CancelToken) -> None:
    """The regular files of a bundle's tar file into a new directory; anything else in it is refused with CacheError."""
    files = Folder(target)
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                key = member.name.partition("/")[2]
                source = archive.extractfile(member) if member.isreg() and key else None
                if source is None:
                    raise CacheError(f"{path} is not a bundle", f"It holds something odd: {member.name[:200]!r}")
                with source:
                    _store(files, key, source, member.size, token)
    except BaseException as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, tarfile.TarError | EOFError):
            raise CacheError(f"{path} cannot be unpacked", str(error)) from error
        if isinstance(error, OSError):
            raise from_os_error(error, "A bundle cannot be unpacked", path) from error
        raise


def _store(files: Folder, key: str, source: IO[bytes], size: int, token: CancelToken) -> None:
    temporary = files.temporary(key)
    try:
        with temporary.open("xb", buffering=0) as file:
            while piece := source.read(PIECE_BYTES):
                token.raise_if_cancelled()
                file.write(piece)
        files.adopt(key, temporary, size)
    finally:
        temporary.unlink(missing_ok=True)


def _facts_of(folder: Path) -> bytes:
    try:
        return Folder(folder).read(FACTS, _TEXT_BYTES)
    except NotFound as error:
        raise NotFound(f"{folder} is not a bundle", f"There is no {FACTS} in it") from error


def _first_facts(path: Path) -> bytes:
    try:
        with tarfile.open(path, "r:") as archive:
            member = archive.next()
            source = archive.extractfile(member) if member is not None and member.name.endswith(f"/{FACTS}") else None
            if source is None:
                raise CacheError(f"{path} is not a bundle", f"It does not begin with {FACTS}")
            return source.read(_TEXT_BYTES)
    except (tarfile.TarError, EOFError) as error:
        raise CacheError(f"{path} is not a bundle", str(error)) from error
    except OSError as error:
        raise from_os_error(error, "A bundle cannot be read", path) from error


def _sum_of(files: Folder, key: str, token: CancelToken) -> str:
    seen = hashlib.sha256()
    with files.open(key) as file:
        while piece := _piece(file, token):
            seen.update(piece)
    return seen.hexdigest()


def _piece(file: ByteReader, token: CancelToken) -> bytes:
    token.raise_if_cancelled()
    return file.read(PIECE_BYTES)
