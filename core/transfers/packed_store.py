# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packed files that are kept, so that a retry, another mirror or a later push packs nothing again.

A record says under a key (of the package and how it is packed) which archive it became, and of which files. The archive
lies beside the record, or in the folder mirror it was packed into. All of it may be deleted at any time, and several
processes may use it at once: records and archives appear by renaming, an archive that is being uploaded is locked
against being dropped, and none is believed before its digest was checked, here or by whoever copies it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec

from core.foundation.cancel import CancelToken
from core.foundation.decoding import from_json
from core.foundation.errors import from_os_error
from core.foundation.files import PIECE_BYTES, is_temporary, temporary_name
from core.foundation.kill_points import reached
from core.foundation.release import versions
from core.packing.buildinfo import buildinfo
from core.packing.model import Codec, PackedPackage, PackSource, Relocation
from core.packing.walk import Entry, EntryKind, walk

_MOST_BYTES = 10_000_000_000
_MOST_SHARE = 0.1
_TRIM_TO = 0.9
_ARCHIVE = ".tar.gz"
_RECORD = ".json"
_NO_RELOCATION = Relocation((), (), ())
# Half-written files of processes that died; records of archives that went with their mirrors.
_LEFTOVER_S = 24 * 3600.0
_RECORD_S = 90 * 24 * 3600.0
_POLL_S = 0.2
# One for many keys: there are never more packages in the works than threads.
_ALONE = [threading.Lock() for _ in range(1024)]


def package_key(dag_hash: str, source: PackSource, codec: Codec) -> str:
    """What an archive of `source` is found by: it changes with where the prefix is, with what goes into the archive
    besides its files, and with what writes it. The files have a `FilesMark`."""
    seen = hashlib.sha256(buildinfo(source, _NO_RELOCATION))
    seen.update(repr((str(source.source), dag_hash, codec.value, _writer())).encode())
    return seen.hexdigest()


class FilesMark:
    """What tells the files of a prefix from others (by path, size, time and inode), found while they are walked."""

    def __init__(self) -> None:
        self._seen = hashlib.sha256()

    def through(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """`entries`, which are noted on the way."""
        note = self._seen.update
        for entry in entries:
            # The time of a directory changes with temporary files, which are no reason to pack again.
            mark = ",".join(map(str, entry.fingerprint)) if entry.kind is EntryKind.FILE else ""
            line = f"{entry.kind.value} {entry.executable} {mark} {entry.path}\0{entry.link}\0"
            note(line.encode("utf-8", "surrogateescape"))
            yield entry

    def text(self) -> str:
        """The mark of all that went through."""
        return self._seen.hexdigest()


def files_mark(source: Path) -> str:
    """The mark of the prefix as it is now, at about 10 microseconds a file. Raises what `walk` raises. Any thread."""
    mark = FilesMark()
    for _ in mark.through(walk(source)):
        pass
    return mark.text()


def original_key(dag_hash: str, buildinfo: str, *, signed: bool) -> str:
    """What the archive a package came from is found by; `buildinfo` is the digest of the buildinfo in it. Only what was
    fetched for a push that is `signed` too, with its own signature checked, is found by such a push."""
    return hashlib.sha256(f"original {dag_hash} {buildinfo} {signed}".encode()).hexdigest()


@cache
def _writer() -> tuple[str, ...]:
    """What may give other bytes for the same files when it changes."""
    known = versions()
    return known["mirrordeck"], known["deflate"], zlib.ZLIB_RUNTIME_VERSION


class _Record(msgspec.Struct, frozen=True):
    """`path` is relative to the store where the archive lies in it; `made_of` is the mark of what was packed."""

    path: str
    digest: str
    diff_id: str
    stored_bytes: int
    tar_bytes: int
    files: int
    codec: Codec
    warnings: tuple[str, ...]
    made_of: str = ""


class PackedStore:
    """Kept packed files in `directory`, which is made when needed. Any thread, several processes.

    `limit_bytes` bounds what the archives beside the records take; None: 10 GB, or 10 % of what is free if that is
    less. The least recently used ones are dropped first.
    """

    def __init__(self, directory: Path, *, limit_bytes: int | None = None) -> None:
        self._directory = directory
        self._limit = limit_bytes
        self._counting = threading.Lock()
        self._held: dict[Path, int] = {}  # open and locked from `keep` to `lease`, by where they lie
        self._bytes: int | None = None

    @contextmanager
    def alone(self, key: str, token: CancelToken) -> Iterator[None]:
        """While the block runs no other thread of this process is in one with the same key. Raises Cancelled."""
        lock = _ALONE[int(key[:8], 16) % len(_ALONE)]
        while not lock.acquire(timeout=_POLL_S):
            token.raise_if_cancelled()
        try:
            yield
        finally:
            lock.release()

    def find(
        self, key: str, token: CancelToken, files: Callable[[], str] = str, *, checked: bool = True
    ) -> PackedPackage | None:
        """The archive of `key` if it is still there with all its bytes, and was made of the same `files`, which are
        looked at only if there is something. Raises Cancelled, and what `files` raises.

        `checked` reads all of it; without that only its size is looked at, for whoever reads it anyway.
        """
        record = self._directory / (key + _RECORD)
        try:
            found = from_json(record.read_bytes(), _Record)
            facts = msgspec.structs.asdict(found)
            made_of = facts.pop("made_of")
            packed = PackedPackage(**{**facts, "path": self._directory / found.path})
            whole = packed.path.stat().st_size == packed.stored_bytes and made_of == files()
            whole = whole and (not checked or _digest_of(packed.path, token) == packed.digest)
        except (OSError, ValueError, msgspec.MsgspecError):
            whole = False
        if not whole:
            with suppress(OSError):
                record.unlink()
            return None
        if self._owns(packed.path):
            with suppress(OSError):
                os.utime(packed.path)
        return packed

    def staging(self, dag_hash: str) -> Path:
        """A new file name to pack into, for `keep`; the file is not made. Raises the error family."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise from_os_error(error, "There is no place for packed files", self._directory) from error
        return self._directory / temporary_name(dag_hash)

    def keep(self, key: str, packed: PackedPackage, files: str = "") -> PackedPackage:
        """Keep a file packed to a name from `staging`; where it lies now. No process drops it before it was leased,
        however little space there is. Raises the error family."""
        path = self._directory / (packed.digest.removeprefix("sha256:") + _ARCHIVE)
        try:
            descriptor = _locked(packed.path)
            try:
                packed.path.rename(path)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            raise from_os_error(error, "A packed file could not be kept", path) from error
        self._hold(path, descriptor)
        reached(f"kept: {path.name}")
        packed = replace(packed, path=path)
        self.remember(key, packed, files)
        reached(f"remembered: {key}")
        self._count(packed.stored_bytes)
        return packed

    def remember(self, key: str, packed: PackedPackage, files: str = "") -> None:
        """`packed` lies where it stays, in a folder mirror for example. A record that cannot be written is none."""
        record = _Record(
            path=packed.path.name if self._owns(packed.path) else str(packed.path),
            digest=packed.digest,
            diff_id=packed.diff_id,
            stored_bytes=packed.stored_bytes,
            tar_bytes=packed.tar_bytes,
            files=packed.files,
            codec=packed.codec,
            warnings=packed.warnings,
            made_of=files,
        )
        with suppress(OSError):  # not flushed to the disk: what a power cut leaves is no record, or the archive is none
            self._directory.mkdir(parents=True, exist_ok=True)
            temporary = self._directory / temporary_name(key)
            temporary.write_bytes(msgspec.json.encode(record))
            temporary.rename(self._directory / (key + _RECORD))

    @contextmanager
    def lease(self, packed: PackedPackage) -> Iterator[None]:
        """While the block runs no process drops this archive. Raises NotFound if it is gone."""
        if not self._owns(packed.path):
            yield
            return
        descriptor = self._held.pop(packed.path, None)
        try:
            descriptor = _locked(packed.path) if descriptor is None else descriptor
        except OSError as error:
            raise from_os_error(error, "A packed file is gone", packed.path) from error
        try:
            yield
        finally:
            os.close(descriptor)

    def clean(self) -> None:
        """Delete what processes that died left half-written, and records nobody used for long."""
        now = time.time()
        for path, facts in self._files():
            age_s = now - facts.st_mtime
            if (is_temporary(path.name) and age_s > _LEFTOVER_S) or (path.suffix == _RECORD and age_s > _RECORD_S):
                with suppress(OSError):
                    path.unlink()

    def _hold(self, path: Path, descriptor: int) -> None:
        before = self._held.pop(path, None)
        self._held[path] = descriptor
        if before is not None:
            os.close(before)

    def _count(self, size: int) -> None:
        """One more archive; drop old ones when there are too many bytes."""
        with self._counting:
            if self._bytes is None:
                self.clean()
                self._bytes = sum(facts.st_size for _, facts in self._archives())
            else:
                self._bytes += size
            limit = self._limit_bytes(self._bytes)
            if self._bytes > limit:
                self._trim(int(limit * _TRIM_TO))

    def _limit_bytes(self, used: int) -> int:
        if self._limit is not None:
            return self._limit
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError:
            return _MOST_BYTES
        return min(_MOST_BYTES, int((free + used) * _MOST_SHARE))

    def _trim(self, wanted: int) -> None:
        archives = sorted(self._archives(), key=lambda found: found[1].st_mtime)
        self._bytes = sum(facts.st_size for _, facts in archives)
        for path, facts in archives:
            if self._bytes <= wanted:
                break
            if _dropped(path):
                self._bytes -= facts.st_size

    def _archives(self) -> Iterator[tuple[Path, os.stat_result]]:
        return (found for found in self._files() if found[0].name.endswith(_ARCHIVE))

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        with suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_file(follow_symlinks=False):
                        yield Path(entry.path), entry.stat(follow_symlinks=False)

    def _owns(self, path: Path) -> bool:
        return path.parent == self._directory


def _digest_of(path: Path, token: CancelToken) -> str:
    """Raises OSError."""
    seen = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        block = bytearray(PIECE_BYTES)
        with memoryview(block) as view:
            while count := file.readinto(block):
                token.raise_if_cancelled()
                seen.update(view[:count])
    return f"sha256:{seen.hexdigest()}"


def _locked(path: Path) -> int:
    """A descriptor of the file; while it is open nobody drops that. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with suppress(OSError):  # a file system without locks; the newest are dropped last
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _dropped(path: Path) -> bool:
    """Whether nobody used the archive, so that it is gone now."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
