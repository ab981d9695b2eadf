# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A folder as a store: keys are `/`-separated names below its root, values are whole files.

Other people can write to a shared folder, so nothing below the root is trusted: directories are entered one by one
without following symbolic links, and only regular files are read. The root itself may be a symbolic link. Files become
visible complete, by renaming; temporary names (`.<name>.<random>.tmp`) are never listed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.foundation.errors import ContentChanged, NotFound, StorageFailed
from core.foundation.files import (
    NO_HARD_LINKS,
    PIECE_BYTES,
    flush_directory,
    fsync_directory,
    is_temporary,
    replacing,
    temporary_name,
    write_all,
)
from core.foundation.kill_points import reached
from core.storage.failures import failure, mapped
from core.storage.open_directory import READ, OpenDirectory, OpenFile, facts_of
from core.storage.reading import Stat, parts_of

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PROBE_BYTES = 4096


class Folder:
    """Stateless, so every method may be called from any thread.

    Methods raise PermissionDenied, NoSpace, NotFound or StorageFailed naming the absolute path. Directories are made as
    needed, with the usual mode and the group of a setgid parent.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def path(self, key: str) -> Path:
        """Where `key` lies. Raises StorageFailed if it could lead outside the folder."""
        parts_of(key)
        return self.root / key

    def where(self, key: str) -> str:
        return str(self.path(key))

    def exists(self, key: str) -> bool:  # noqa: ARG002  an empty folder is one, too
        return self.root.is_dir()

    def fetch(self, key: str, limit: int) -> tuple[bytes, Stat]:
        """Content and facts of a file of at most `limit` bytes."""
        with self.open_parent(key) as (directory, name):
            return directory.fetch(name, limit)

    def open(self, key: str) -> OpenFile:
        """A file of any length, to be closed by a `with` block."""
        with self.open_parent(key) as (directory, name):
            return directory.open(name)

    def save(self, key: str, digest: str, target: Path, *, token: CancelToken, progress: Callable[[int], None]) -> None:
        """A file into `target`, which lies elsewhere and appears with the right digest or not at all."""
        seen = hashlib.sha256()
        temporary = target.with_name(temporary_name(target.name))
        with self.open(key) as source:
            try:
                with mapped(f"Cannot write {target.name}", target), temporary.open("xb", buffering=0) as file:
                    while piece := source.read(PIECE_BYTES):
                        token.raise_if_cancelled()
                        seen.update(piece)
                        write_all(file.fileno(), piece)
                        progress(len(piece))
                    if f"sha256:{seen.hexdigest()}" != digest:
                        raise StorageFailed(f"Cannot read {key}", f"{self.path(key)}: it has another digest")
                    os.fsync(file.fileno())
                    temporary.rename(target)
            finally:
                with suppress(OSError):
                    temporary.unlink()
        fsync_directory(target.parent)

    def read(self, key: str, limit: int) -> bytes:
        """Content of a file of at most `limit` bytes."""
        return self.fetch(key, limit)[0]

    def stat(self, key: str) -> Stat | None:
        """Facts of a regular file, None if there is no such thing."""
        try:
            with self.open_parent(key) as (directory, name):
                return directory.stat(name)
        except NotFound:
            return None

    def list(self, prefix: str) -> Iterator[str]:
        """Keys of the regular files below `prefix`, at any depth, in a fixed order; none if there is no such prefix."""
        for key, _ in self._walk(prefix):
            yield key

    def scan(self, prefix: str) -> Iterator[tuple[str, Stat]]:
        """Like `list`, with the facts of each file. What vanishes meanwhile is left out."""
        for key, entry in self._walk(prefix):
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise failure(error, f"Cannot look at {key}", self.path(key)) from error
            yield key, facts_of(found)

    def write(self, key: str, data: bytes) -> Stat:
        """Make or replace a file in one step, flushed to the disk."""
        with (
            mapped(f"Cannot write {key}", self.path(key)),
            self.parent(key, create=True) as (directory, name),
            replacing(directory, name) as descriptor,
        ):
            write_all(descriptor, data)
            return facts_of(os.fstat(descriptor))

    def temporary(self, key_hint: str) -> Path:
        """A new temporary name beside `key_hint`, for `adopt`. Its directory is made, the file is not."""
        with mapped(f"Cannot write {key_hint}", self.path(key_hint)), self.parent(key_hint, create=True) as (_, name):
            return self.path(key_hint).with_name(temporary_name(name))

    def owns(self, path: Path) -> bool:
        """Whether `path` is a temporary name of this folder."""
        return is_temporary(path.name) and path.is_relative_to(self.root)

    def adopt(self, key: str, temporary: Path, size: int) -> None:
        """Rename a file of `size` bytes, written to a name from `temporary`, to `key`; flushed to the disk."""
        source = temporary.relative_to(self.root).as_posix()
        with (
            mapped(f"Cannot write {key}", self.path(key)),
            self.parent(source) as (source_directory, source_name),
            self.parent(key, create=True) as (directory, name),
        ):
            descriptor = os.open(source_name, READ, dir_fd=source_directory)
            try:
                facts = os.fstat(descriptor)
                if not stat.S_ISREG(facts.st_mode) or facts.st_size != size:
                    raise StorageFailed(f"Cannot write {key}", f"{temporary}: not a regular file of {size:,} bytes")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            reached(f"not adopted: {key}")
            os.rename(source_name, name, src_dir_fd=source_directory, dst_dir_fd=directory)
            flush_directory(directory)
            reached(f"adopted: {key}")

    def copy_in(
        self, key: str, source: Path, digest: str, *, token: CancelToken, progress: Callable[[int], None]
    ) -> None:
        """Copy a file from elsewhere; `progress` gets the bytes done since its last call.

        Raises ContentChanged, leaving nothing behind, unless the bytes copied have `digest`; Cancelled likewise.
        """
        title = f"Cannot write {key}"
        seen = hashlib.sha256()
        with (
            mapped(title, self.path(key)),
            self.parent(key, create=True) as (directory, name),
            replacing(directory, name) as descriptor,
        ):
            for piece in _pieces(source):
                token.raise_if_cancelled()
                seen.update(piece)
                write_all(descriptor, piece)
                progress(len(piece))
            if f"sha256:{seen.hexdigest()}" != digest:
                raise ContentChanged(title, f"{source}: changed since it was packed")

    def link(self, key: str, temporary: Path) -> bool:
        """Give a file a second name, one from `temporary`, for `adopt`; False where there are no such things."""
        title, target = f"Cannot link {key}", temporary.relative_to(self.root).as_posix()
        with (
            mapped(title, self.path(key)),
            self.parent(key) as (source, name),
            self.parent(target) as (directory, new_name),
        ):
            try:
                os.link(name, new_name, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)
            except OSError as error:
                if error.errno not in NO_HARD_LINKS:
                    raise
                return False
        return True

    def delete(self, key: str) -> None:
        """Delete a file; nothing happens if there is none."""
        with mapped(f"Cannot delete {key}", self.path(key)), suppress(FileNotFoundError), self.parent(key) as parent:
            os.unlink(parent[1], dir_fd=parent[0])
            reached(f"deleted: {key}")

    def move(self, key: str, new_key: str, *, replace: bool = True) -> Stat | None:
        """Rename a file within the folder; its facts, None if there is no such file.

        Without `replace` nothing happens if there is one at `new_key`, and None is given as well.
        """
        title = f"Cannot move {key}"
        with mapped(title, self.path(key)), suppress(FileNotFoundError), self.parent(key) as (source, name):
            if not stat.S_ISREG(os.stat(name, dir_fd=source, follow_symlinks=False).st_mode):
                raise StorageFailed(title, f"{self.path(key)}: not a regular file")
            with self.parent(new_key, create=True) as (target, new_name):
                if not replace and not _link(source, name, target, new_name):
                    return None
                reached(f"not moved: {key}")
                os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)
                reached(f"moved: {key}")
                if not replace:  # renaming one link to another of the same file does nothing
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=source)
                flush_directory(target)
                flush_directory(source)
                return facts_of(os.stat(new_name, dir_fd=target, follow_symlinks=False))
        return None

    def touch(self, key: str) -> bool:
        """Set the time of a file to now; False if there is no such file."""
        with mapped(f"Cannot refresh {key}", self.path(key)), suppress(FileNotFoundError), self.parent(key) as parent:
            os.utime(parent[1], dir_fd=parent[0], follow_symlinks=False)
            return True
        return False

    def drop_temporaries(
        self, prefix: str, older_than_s: float, hints: Collection[str] | None = None, *, below: bool = False
    ) -> None:
        """Delete temporary files directly in `prefix`, or anywhere `below` it, that did not change for so long, with
        all `hints` or those made from one of them. What this user may not delete stays."""
        title, oldest = "Cannot clean up", time.time() - older_than_s
        with (
            mapped(title, self.path(prefix)),
            suppress(FileNotFoundError),
            self._directory(parts_of(prefix)) as directory,
            os.scandir(directory) as entries,
        ):
            for entry in entries:
                if below and entry.is_dir(follow_symlinks=False):
                    self.drop_temporaries(f"{prefix}/{entry.name}", older_than_s, hints, below=True)
                if not is_temporary(entry.name) or (hints is not None and entry.name.split(".")[1] not in hints):
                    continue
                with suppress(FileNotFoundError, PermissionError):
                    if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                        os.unlink(entry.name, dir_fd=directory)

    def delete_tree(self, prefix: str) -> None:
        """Delete a directory with all that is in it; nothing happens if there is none."""
        title = f"Cannot delete {prefix}"
        with mapped(title, self.path(prefix)), suppress(FileNotFoundError), self.parent(prefix) as (directory, name):
            shutil.rmtree(name, dir_fd=directory)

    def free_bytes(self) -> int:
        """What an ordinary user can still write, by the file system's own account (quotas may allow less)."""
        with mapped("Cannot tell how much space is left", self.root):
            facts = os.statvfs(_existing(self.root))
            return facts.f_bavail * facts.f_frsize

    def check_writable(self, *prefixes: str) -> None:
        """Write, flush and delete a small file in each directory of `prefixes`, or in the nearest one above it."""
        title = "Cannot write to the folder"
        for prefix in prefixes:
            with mapped(title, self.path(prefix)):
                place = _existing(self.path(prefix))
            with mapped(title, place):
                if place.is_relative_to(self.root):
                    with self._directory(place.relative_to(self.root).parts) as directory:
                        _probe(directory)
                else:
                    with _opened(place) as directory:
                        _probe(directory)

    @contextmanager
    def parent(self, key: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """A descriptor of the directory `key` lies in, and its name there. Raises OSError or StorageFailed."""
        *directories, name = parts_of(key)
        with self._directory(directories, create=create) as directory:
            yield directory, name

    @contextmanager
    def open_parent(self, key: str) -> Iterator[tuple[OpenDirectory, str]]:
        """The directory `key` lies in, for all that is wanted from there, and its name there."""
        *directories, name = parts_of(key)
        with mapped(f"Cannot read {name}", self.path(key)), self._directory(directories) as descriptor:
            yield OpenDirectory(descriptor, self.root.joinpath(*directories)), name

    @contextmanager
    def _directory(self, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
        place = os.fspath(self.root)
        descriptor = self._open_root(create=create)
        try:
            for part in parts:
                place = f"{place}/{part}"
                child = _enter(descriptor, part, place, create=create)
                os.close(descriptor)
                descriptor = child
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_root(self, *, create: bool) -> int:
        try:
            return os.open(self.root, _DIRECTORY)
        except FileNotFoundError:
            if not create:
                raise
        self.root.mkdir(parents=True, exist_ok=True)
        return os.open(self.root, _DIRECTORY)

    def _walk(self, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Regular files below `prefix`; an entry's `stat` works until the next one is asked for."""
        with (
            mapped("Cannot list a folder", self.path(prefix)),
            suppress(FileNotFoundError),
            self._directory(parts_of(prefix)) as directory,
        ):
            yield from self._below(directory, prefix)

    def _below(self, directory: int, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        # No path objects in here: they would cost more than looking.
        with os.scandir(directory) as found:
            entries = sorted(found, key=attrgetter("name"))
        for entry in entries:
            key = f"{prefix}/{entry.name}"
            if not entry.is_dir(follow_symlinks=False):
                if entry.is_file(follow_symlinks=False) and not is_temporary(entry.name):
                    yield key, entry
                continue
            try:
                child = os.open(entry.name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise failure(error, "Cannot list a folder", self.path(key)) from error
            try:
                yield from self._below(child, key)
            finally:
                os.close(child)


def _link(source: int, name: str, target: int, new_name: str) -> bool:
    """Make a second name for a file, where the file system has such; False if the name is taken."""
    try:
        os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
    return True


def _enter(directory: int, name: str, path: str, *, create: bool) -> int:
    try:
        return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
    except FileNotFoundError:
        if not create:
            raise
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            reason = f"{path}: not a directory, or a symbolic link, which is not followed here"
            raise StorageFailed("Cannot enter a folder", reason) from error
        raise
    with suppress(FileExistsError):
        os.mkdir(name, 0o777, dir_fd=directory)
        flush_directory(directory)
    return _enter(directory, name, path, create=False)


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _pieces(source: Path) -> Iterator[bytes]:
    with mapped(f"Cannot read {source.name}", source), source.open("rb", buffering=0) as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _existing(path: Path) -> Path:
    """`path` or the nearest directory above it that exists."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path


def _probe(directory: int) -> None:
    name = temporary_name("probe")
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=directory)
    try:
        write_all(descriptor, bytes(_PROBE_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        os.unlink(name, dir_fd=directory)
