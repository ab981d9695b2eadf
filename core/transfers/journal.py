# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The transfer journal: what this process was asked to push and what became of it, one JSON object a line.

`<state>/journal/<uuid>.jsonl`, created with the first plan, locked while the process lives. A journal without a lock
belongs to a process that died; its unfinished rows can be offered again. It is only a hint: whoever continues from it
confirms every "done" on the cache first. A journal whose pushes have all ended is removed when it is closed, and with
the next plan: a process that lives for weeks has a small one.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from core.foundation.errors import from_os_error
from core.foundation.files import fsync_directory, write_all
from core.foundation.kill_points import reached
from core.foundation.places import state_dir
from core.transfers.model import TransferRow
from core.transfers.plan import PushPlan

VERSION = 1
SUFFIX = ".jsonl"
_SYNC_INTERVAL_S = 1.0


def journal_dir() -> Path:
    """Where the journals of this user are."""
    return state_dir() / "journal"


class Journal:
    """Thread-safe. Opens its file with the first record; raises the error family when the state folder refuses it."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory if directory is not None else journal_dir()
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._synced_at = 0.0
        self._known: set[str] = set()  # pushes whose plans are in the file
        self._unfinished: set[str] = set()

    @property
    def path(self) -> Path | None:
        return self._path

    def plan(self, plan: PushPlan) -> None:
        """Record a push before its first byte moves; on disk when this returns."""
        with self._lock:
            if not self._unfinished:
                self._remove()
            self._begin(plan)

    def again(self, plan: PushPlan, rows: Iterable[TransferRow]) -> None:
        """Rows of a push, which may have ended, are about to be tried again; `rows` are all it has, as they are."""
        with self._lock:
            self._unfinished.add(plan.id)
            if plan.id not in self._known:
                self._begin(plan)
                for row in rows:
                    self._append(_record_of(row), sync=False)

    def row(self, row: TransferRow) -> None:
        """Record that a row changed its state; on disk within a second or with the next synced record."""
        with self._lock:
            self._append(_record_of(row), sync=False)

    def ended(self, push_id: str) -> None:
        with self._lock:
            self._unfinished.discard(push_id)
            self._append({"t": "ended", "push": push_id}, sync=True)

    def close(self) -> None:
        """Release the lock; the file goes away when nothing in it is unfinished."""
        with self._lock:
            if not self._unfinished:
                self._remove()
            elif self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _begin(self, plan: PushPlan) -> None:
        self._append({"t": "plan", "version": VERSION, "plan": plan}, sync=True)
        self._unfinished.add(plan.id)
        self._known.add(plan.id)

    def _remove(self) -> None:
        """All that is in the file has ended. One that cannot be removed is taken for finished by whoever finds it."""
        if self._descriptor is None or self._path is None:
            return
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None
        self._known.clear()

    def _append(self, record: dict[str, Any], *, sync: bool) -> None:
        line = msgspec.json.encode({**record, "at": round(time.time(), 3)}) + b"\n"
        try:
            descriptor = self._open()
            _append_whole(descriptor, line)
            if sync or time.monotonic() - self._synced_at > _SYNC_INTERVAL_S:
                os.fsync(descriptor)
                self._synced_at = time.monotonic()
            reached(f"journalled: {record['t']}")
        except OSError as error:
            raise from_os_error(error, "The transfer journal could not be written", self._path) from error

    def _open(self) -> int:
        if self._descriptor is None:
            self._path = self._directory / f"{uuid.uuid4()}{SUFFIX}"
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # who looks for journals of dead processes lets go at once
            fsync_directory(self._directory)
        return self._descriptor


def _record_of(row: TransferRow) -> dict[str, Any]:
    record = {"t": "row", "id": row.id, "state": row.state, "attempt": row.attempt}
    if row.entry is not None:
        record["manifest_digest"] = row.entry.manifest_digest
    if row.missing:
        record["missing"] = row.missing
    if row.error is not None:
        record["error"] = row.error
    return record


def _append_whole(descriptor: int, line: bytes) -> None:
    """Half a line would make all that follows it unreadable. Raises OSError."""
    size = os.fstat(descriptor).st_size
    try:
        write_all(descriptor, line)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise
