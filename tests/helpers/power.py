# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the disk holds after the power failed: nothing but what was flushed to it.

`PowerCut` watches a folder while work runs in it: what a flush (`os.fsync`) of a file or directory made sure of is
written down. `strike` afterwards leaves of the folder what a file system may leave: the content of files as it was
when they were flushed last, and the names in directories as they were when those were (`names=False`: all names, which
is what journalling file systems leave when data comes to the disk later than names).
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec


class PowerCut:
    def __init__(self, folder: Path, notes: Path) -> None:
        self._folder = folder
        self._notes = notes

    def begin(self) -> None:
        """All that is there now is safe."""
        shutil.rmtree(self._notes, ignore_errors=True)
        self._notes.mkdir(parents=True)
        for place, _, files in os.walk(self._folder):
            self._note(Path(place))
            for name in files:
                if (path := Path(place, name)).is_file():
                    self._note(path)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Flushes of this process count while the block runs. What there was is kept open: the numbers of inodes that
        are in use are not given to others."""
        flush = os.fsync
        kept = [os.open(path, os.O_RDONLY) for path in self._folder.rglob("*") if path.is_file()]

        def fsync(descriptor: int) -> None:
            flush(descriptor)
            self._note(Path(f"/proc/self/fd/{descriptor}"))
            kept.append(os.dup(descriptor))

        os.fsync = fsync
        try:
            yield
        finally:
            os.fsync = flush
            for each in kept:
                os.close(each)

    def strike(self, *, names: bool) -> None:
        aside = self._folder.with_name(self._folder.name + ".lost")
        self._folder.rename(aside)
        if names:
            self._rebuild(aside, self._folder, _places(aside))
        else:
            self._blank(aside)
            aside.rename(self._folder)
        shutil.rmtree(aside, ignore_errors=True)

    def _note(self, path: Path) -> None:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            found = {name: os.lstat(f"{path}/{name}").st_ino for name in os.listdir(path)}  # noqa: PTH208
            self._write(facts.st_ino, "names", msgspec.json.encode(found))
        elif stat.S_ISREG(facts.st_mode):
            self._write(facts.st_ino, "data", path.read_bytes())

    def _write(self, inode: int, kind: str, data: bytes) -> None:
        temporary = self._notes / f"{inode}.{kind}.{threading.get_ident()}"
        temporary.write_bytes(data)
        temporary.rename(self._notes / f"{inode}.{kind}")

    def _read(self, inode: int, kind: str) -> bytes | None:
        path = self._notes / f"{inode}.{kind}"
        return path.read_bytes() if path.exists() else None

    def _safe(self, path: Path) -> bytes:
        """How much of a file is on the disk; inodes are used again, so what was noted must still be its beginning."""
        noted, now = self._read(path.stat().st_ino, "data") or b"", path.read_bytes()
        return noted if now.startswith(noted) else b""

    def _blank(self, folder: Path) -> None:
        for path in [found for found in folder.rglob("*") if found.is_file() and not found.is_symlink()]:
            safe = self._safe(path)
            facts = path.stat()
            if safe != path.read_bytes():
                path.write_bytes(safe)
                os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    def _rebuild(self, source: Path, target: Path, places: dict[int, Path]) -> None:
        """`target` with the names that were flushed, wherever what they mean is now or once was."""
        target.mkdir()
        listed = self._read(source.stat().st_ino, "names")
        for name, inode in (msgspec.json.decode(listed, type=dict[str, int]) if listed else {}).items():
            path = places.get(inode)
            if path is None:
                (target / name).write_bytes(self._read(inode, "data") or b"")
            elif path.is_symlink():
                (target / name).symlink_to(path.readlink())
            elif path.is_dir():
                self._rebuild(path, target / name, places)
            elif path.is_file():
                (target / name).write_bytes(self._safe(path))
                shutil.copystat(path, target / name)
        shutil.copystat(source, target)


def _places(folder: Path) -> dict[int, Path]:
    return {path.lstat().st_ino: path for path in [folder, *folder.rglob("*")]}
