# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Journals of processes that died: what is unfinished in them. They may end anywhere, also in the middle of a line."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from core.foundation.decoding import from_json, json_decoder
from core.foundation.errors import CacheError, Conflict, ErrorInfo, MirrordeckError, NotFound, from_os_error
from core.foundation.kill_points import reached
from core.foundation.text import visible
from core.transfers.journal import SUFFIX, VERSION, journal_dir
from core.transfers.model import ItemState, JournalOffer, Unfinished, UnfinishedPush
from core.transfers.plan import Decision, PlanItem, PushPlan

_BROKEN = ".broken"
_MOST_BYTES = 512 << 20


class _Line(msgspec.Struct, frozen=True):
    """A record of a journal. Which fields it has depends on its kind `t`."""

    t: str
    at: float = 0.0
    version: int = 0
    plan: PushPlan | None = None
    id: str = ""
    state: ItemState | None = None
    manifest_digest: str = ""
    push: str = ""


@dataclass(slots=True)
class JournalledPush:
    """A push as its journal tells it. `states` and `manifests` (digests) are by row id, as far as something happened.

    It is only a hint: a "done" has to be confirmed.
    """

    plan: PushPlan
    started_at: float
    states: dict[str, ItemState] = field(default_factory=dict)
    manifests: dict[str, str] = field(default_factory=dict)
    ended: bool = False

    @property
    def packages(self) -> list[PlanItem]:
        """What was to be moved."""
        return list(self.plan.of(Decision.PUSH, Decision.COMPLETE))

    def state(self, item: PlanItem) -> ItemState:
        return self.states.get(f"{self.plan.id}:{item.hash}", ItemState.WAITING)

    def manifest(self, item: PlanItem) -> str:
        return self.manifests.get(f"{self.plan.id}:{item.hash}", "")

    @property
    def stopped(self) -> frozenset[str]:
        """Hashes of what a person stopped: nobody wants it any more."""
        return frozenset(item.hash for item in self.packages if self.state(item) is ItemState.CANCELLED)

    def picture(self) -> UnfinishedPush:
        states = [self.state(item) for item in self.packages]
        waiting = [item for item in self.packages if not self.state(item).ended]
        return UnfinishedPush(
            id=self.plan.id,
            instance_id=self.plan.instance_id,
            mirror=self.plan.mirror,
            source=self.plan.source,
            started_at=self.started_at,
            waiting=len(waiting),
            done=states.count(ItemState.DONE) + states.count(ItemState.PRESENT),
            failed=states.count(ItemState.FAILED),
            bytes_left=sum(item.size_bytes for item in waiting),
        )


class DeadJournal:
    """A journal whose process is gone, locked while it is looked at."""

    def __init__(self, path: Path, descriptor: int, pushes: list[JournalledPush], written_at: float) -> None:
        self._path = path
        self._descriptor = descriptor
        self._pushes = pushes
        self.written_at = written_at

    @property
    def unfinished(self) -> list[JournalledPush]:
        return [push for push in self._pushes if not push.ended]

    def forget(self, push: JournalledPush) -> None:
        """`push` is somebody else's now, or nobody's. The file goes with the last one. Raises the error family."""
        push.ended = True
        try:
            # The line before may be torn.
            os.write(self._descriptor, b"\n" + msgspec.json.encode({"t": "ended", "push": push.plan.id}) + b"\n")
            os.fsync(self._descriptor)
            reached("forgotten: a push")
            if not self.unfinished:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            raise from_os_error(error, "The transfer journal could not be written", self._path) from error

    def offer(self) -> JournalOffer:
        return JournalOffer(self._path.stem, self.written_at, tuple(push.picture() for push in self.unfinished))


def unfinished(directory: Path | None = None, *, tidy: bool = True) -> Unfinished:
    """What processes that died left behind, the latest first. With `tidy`, journals with nothing to continue are
    removed, and broken ones, which are always reported, set aside under another name. Any thread."""
    directory = directory if directory is not None else journal_dir()
    offers: list[JournalOffer] = []
    problems: list[ErrorInfo] = []
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            with dead_journal(path.stem, directory, tidy=tidy) as journal:
                if journal.unfinished:
                    offers.append(journal.offer())
                elif tidy and path.stat().st_size:
                    path.unlink(missing_ok=True)
        except (Conflict, NotFound):
            continue  # alive, or gone meanwhile
        except MirrordeckError as error:
            problems.append(error.info())
    return Unfinished(tuple(sorted(offers, key=lambda offer: -offer.written_at)), tuple(problems))


@contextmanager
def dead_journal(journal_id: str, directory: Path | None = None, *, tidy: bool = True) -> Iterator[DeadJournal]:
    """A journal, locked while the block runs, so that nobody else continues it; without `tidy` only to be read.

    Raises NotFound; Conflict while its process lives or another one looks at it; CacheError if it is broken (it is set
    aside then) or of a newer version; what the file system raises.
    """
    directory = directory if directory is not None else journal_dir()
    path = directory / f"{Path(journal_id).name}{SUFFIX}"
    try:
        access = os.O_RDWR | os.O_APPEND if tidy else os.O_RDONLY
        # Without O_NONBLOCK, opening a fifo that somebody put there would wait for ever.
        descriptor = os.open(path, access | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise from_os_error(error, "The transfer journal cannot be opened", path) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict("Another Mirrordeck is working on these transfers", str(path)) from error
        try:
            found = _read(path, descriptor)
        except _Broken as broken:
            raise _set_aside(path, str(broken), tidy) from broken
        yield found
    finally:
        os.close(descriptor)


def _read(path: Path, descriptor: int) -> DeadJournal:
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _Broken("it is not a regular file")
        if facts.st_size > _MOST_BYTES:
            raise _Broken(f"it is larger than {_MOST_BYTES:,} bytes")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            lines = file.read(_MOST_BYTES).split(b"\n")
    except OSError as error:
        raise from_os_error(error, "The transfer journal cannot be read", path) from error
    pushes: dict[str, JournalledPush] = {}
    written_at = facts.st_mtime
    decoder = json_decoder(_Line)
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            line = decoder.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            if _torn(lines, number):
                continue
            _check_version(path, text)
            raise _Broken(f"line {number}: {error}") from error
        _apply(line, pushes)
    return DeadJournal(path, descriptor, list(pushes.values()), written_at)


def _apply(line: _Line, pushes: dict[str, JournalledPush]) -> None:
    if line.t == "plan" and line.plan is not None:
        pushes[line.plan.id] = JournalledPush(line.plan, line.at)
    elif line.t == "row" and line.state is not None:
        push = pushes.get(line.id.partition(":")[0])
        if push is not None:
            push.states[line.id] = line.state
            push.manifests[line.id] = line.manifest_digest
            push.ended &= line.state.ended  # it may have been tried again
    elif line.t == "ended" and line.push in pushes:
        pushes[line.push].ended = True


def _torn(lines: list[bytes], number: int) -> bool:
    """Whether a line is the last one of its writer: the end of the file, or followed only by what `forget` adds."""
    rest = [text for text in lines[number:] if text.strip()]
    return all(text.startswith(b'{"t":"ended"') for text in rest)


class _Version(msgspec.Struct, frozen=True):
    version: int = VERSION


class _Broken(Exception):
    """Its text says why a journal cannot be understood."""


def _check_version(path: Path, text: bytes) -> None:
    """Raise CacheError if a line that is not understood comes from a newer version."""
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        if from_json(text, _Version).version > VERSION:
            raise CacheError("Transfers of a newer Mirrordeck cannot be continued", str(path))


def _set_aside(path: Path, why: str, tidy: bool) -> MirrordeckError:
    place = path
    if tidy:
        with suppress(OSError):
            place = path.rename(path.with_name(path.name + _BROKEN))
    return CacheError(
        "A journal of unfinished transfers cannot be read",
        f"{place}: {visible(why)[:500]}",
        remedies=("Push again what is missing: what is there already is not sent again.",),
    )
