# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How much room installed packages take on disk, measured once and remembered."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec

from core.foundation.cancel import CancelToken
from core.foundation.decoding import json_decoder
from core.foundation.errors import MirrordeckError, NotInstalled
from core.foundation.files import atomic_write
from core.packing.measure import file_bytes, measure
from core.services.package_values import FolderSize, SizeRow
from core.services.values import SelectionSummary
from core.spack.closures import push_order
from core.spack.database import Database
from core.spack.specs import PackageRecord, PackageState

# What takes long is waiting for file servers.
_AT_ONCE = 4
_MOST_LOOKED_THROUGH = 2000


class _Measured(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`inode` and `mtime_ns` are those of the prefix then: a package that was installed again has others.
    `archive_bytes` is about what its archive holds."""

    inode: int
    mtime_ns: int
    bytes: int
    archive_bytes: int


_decoder = json_decoder(dict[str, _Measured])


class SizeMemory:
    """Sizes of prefixes, as files in `directory`, one for each install tree. Thread-safe.

    Trouble with the files is never an error: then it is measured again. Without `keep` no file is ever written.
    """

    def __init__(self, directory: Path, *, keep: bool) -> None:
        self._directory = directory
        self._keep = keep
        self._lock = threading.Lock()
        self._trees: dict[str, dict[str, _Measured]] = {}
        self._changed: set[str] = set()

    def measure(self, records: Sequence[PackageRecord], token: CancelToken) -> Iterator[SizeRow]:
        """The sizes of `records` in their order. Raises Cancelled; what was measured by then is remembered."""
        try:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="measure") as pool:
                for record, measured in zip(
                    records, pool.map(lambda record: self._measured(record, token), records), strict=True
                ):
                    yield SizeRow(record.hash, measured.bytes if measured is not None else None)
        finally:
            self._save()

    def known(self, records: Sequence[PackageRecord]) -> int | None:
        """What `records` take together as it was measured last, None unless all of them were. Looks at no prefix."""
        total = 0
        for record in records:
            with self._lock:
                measured = self._tree(record.install_root).get(record.prefix or "")
            if measured is None:
                return None
            total += measured.bytes
        return total

    def archives(self, records: Sequence[PackageRecord], token: CancelToken) -> tuple[dict[str, int], int]:
        """How large the archives of `records` will be before they are compressed: by hash of those that were measured,
        and for the others what is average.

        What is remembered costs a look at the prefix. Of what is not, only so many prefixes are looked through. Raises
        Cancelled; what was measured is remembered.
        """
        found: dict[str, int] = {}
        unknown = []
        for record in records:
            token.raise_if_cancelled()
            measured = self._remembered(record)
            if isinstance(measured, _Measured):
                found[record.hash] = measured.archive_bytes
            else:
                unknown.append(record)
        step = -(-len(unknown) // _MOST_LOOKED_THROUGH) or 1
        sample: list[int] = []
        try:
            for record in unknown[::step]:
                measured = self._measured(record, token)
                found[record.hash] = measured.archive_bytes if measured is not None else 0
                sample.append(found[record.hash])
        finally:
            self._save()
        return found, sum(sample) // len(sample) if sample else 0

    def _measured(self, record: PackageRecord, token: CancelToken) -> _Measured | None:
        """None if there is no prefix."""
        token.raise_if_cancelled()
        remembered = self._remembered(record)
        if remembered is None or isinstance(remembered, _Measured):
            return remembered
        prefix = record.prefix or ""
        size = measure(Path(prefix))
        measured = _Measured(remembered.st_ino, remembered.st_mtime_ns, size.content_bytes, size.archive_bytes)
        with self._lock:
            self._tree(record.install_root)[prefix] = measured
            self._changed.add(record.install_root)
        return measured

    def _remembered(self, record: PackageRecord) -> _Measured | os.stat_result | None:
        """What is known of a prefix as it is now; what it looks like if nothing is; None if there is none."""
        if record.state is not PackageState.INSTALLED or record.prefix is None:
            return None
        try:
            status = os.stat(record.prefix)  # noqa: PTH116  a Path each would cost seconds
        except OSError:
            return None
        with self._lock:
            known = self._tree(record.install_root).get(record.prefix)
        fits = known is not None and (known.inode, known.mtime_ns) == (status.st_ino, status.st_mtime_ns)
        return known if fits else status

    def _tree(self, install_root: str) -> dict[str, _Measured]:
        if install_root not in self._trees:
            known: dict[str, _Measured] = {}
            with suppress(OSError, ValueError, RecursionError):
                known = _decoder.decode(self._file(install_root).read_bytes())
            self._trees[install_root] = known
        return self._trees[install_root]

    def _save(self) -> None:
        with self._lock:
            if self._keep:
                for install_root in self._changed:
                    with suppress(MirrordeckError, OSError):
                        self._directory.mkdir(parents=True, exist_ok=True)
                        atomic_write(self._file(install_root), msgspec.json.encode(self._trees[install_root]))
            self._changed.clear()

    def _file(self, install_root: str) -> Path:
        return self._directory / f"{hashlib.sha256(install_root.encode()).hexdigest()}.json"


def folder_sizes(record: PackageRecord, token: CancelToken) -> list[FolderSize]:
    """What lies in each folder of a prefix, largest first; hard links count once, what cannot be read not at all.

    Raises NotInstalled if there is no prefix, Cancelled.
    """
    prefix = record.prefix
    if record.state is not PackageState.INSTALLED or prefix is None or not os.path.isdir(prefix):  # noqa: PTH112
        raise NotInstalled("There are no files of this package", prefix or "")
    seen: set[tuple[int, int]] = set()
    sizes: list[FolderSize] = []
    files, folders = _look(prefix, seen)
    if files:
        sizes.append(FolderSize("", sum(files), len(files)))
    for folder in folders:
        total = count = 0
        pending = [folder]
        while pending:
            token.raise_if_cancelled()
            files, below = _look(pending.pop(), seen)
            total, count = total + sum(files), count + len(files)
            pending += below
        sizes.append(FolderSize(os.path.basename(folder), total, count))  # noqa: PTH119
    return sorted(sizes, key=lambda size: (-size.bytes, size.folder))


def _look(directory: str, seen: set[tuple[int, int]]) -> tuple[list[int], list[str]]:
    """Sizes of the files in `directory`, and the directories in it."""
    files: list[int] = []
    folders: list[str] = []
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
                continue
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                files.append(file_bytes(status, seen))
    return files, folders


def summarize_selection(
    database: Database, hashes: Sequence[str], sizes: SizeMemory, token: CancelToken
) -> SelectionSummary:
    """Packages chosen and, with their link and run dependencies, how many and how large they are."""
    order = push_order(database, hashes, with_build_dependencies=False)
    installed = [database.records[each] for each in order if database.records[each].state is PackageState.INSTALLED]
    total = sum(size.bytes or 0 for size in sizes.measure(installed, token))
    return SelectionSummary(len(hashes), len(installed), total)
