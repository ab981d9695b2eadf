# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a person sees of the queue: rows, totals, snapshots and outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.caches.protocol import CacheEntry, IndexUpdate
from core.foundation.errors import ErrorInfo
from core.transfers.plan import PlanItem


class ItemState(StrEnum):
    WAITING = "waiting"
    PACKING = "packing"
    COPYING = "copying"  # from another cache
    UPLOADING = "uploading"
    UPLOADED = "uploaded"  # its archive is there; the entry follows when those it refers to are, or never will be
    FINALISING = "finalising"
    INDEXING = "indexing"
    DONE = "done"
    PRESENT = "present"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def moving(self) -> bool:
        return self in _MOVING

    @property
    def ended(self) -> bool:
        return self in (ItemState.DONE, ItemState.PRESENT, ItemState.FAILED, ItemState.CANCELLED)


_MOVING = frozenset(
    (ItemState.PACKING, ItemState.COPYING, ItemState.UPLOADING, ItemState.FINALISING, ItemState.INDEXING)
)


class RowKind(StrEnum):
    PACKAGE = "package"
    TAG = "tag"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One package (or a tagged image, or the index) going to one mirror.

    Bytes are those of the phase it is in, of its files otherwise.
    `total_bytes` is None while unknown; `rate_bps` and `left_s` are None while there is nothing honest to say
    (the first seconds, and when nothing moves). `blob` says how the archive came there, as `CachePush.upload` does;
    "present" also where only the entry had to be completed. `missing` are hashes of packages an image lacks: Spack
    installs from it, but it does not run. `image` names the tagged image that was written. `paused`: it waits until the
    person resumes it. Of waiting rows of one push the one with the largest `order` is next. `kept`: its archive is the
    one the package came from, with every byte; `note` says why it is not although that was asked for.
    """

    id: str
    push_id: str
    kind: RowKind
    hash: str
    name: str
    version: str
    mirror: str
    state: ItemState
    done_bytes: int = 0
    total_bytes: int | None = None
    rate_bps: float | None = None
    left_s: float | None = None
    attempt: int = 1
    seconds: float = 0.0
    entry: CacheEntry | None = None
    blob: str = ""
    missing: tuple[str, ...] = ()
    image: str = ""
    index: IndexUpdate | None = None
    error: ErrorInfo | None = None
    paused: bool = False
    order: tuple[int, int, int] = (0, 0, 0)
    kept: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of rows (tag and index count as one each) and bytes of packages, of one push or of all unfinished ones."""

    waiting: int = 0
    moving: int = 0
    done: int = 0
    present: int = 0
    failed: int = 0
    cancelled: int = 0
    done_bytes: int = 0
    total_bytes: int = 0
    rate_bps: float | None = None
    left_s: float | None = None

    @property
    def active(self) -> bool:
        return bool(self.waiting or self.moving)


@dataclass(frozen=True, slots=True)
class PushStatus:
    """A push as a group of rows. `seconds` runs until the push has ended; so many packages were `skipped`: they never
    became rows. `source` names the cache that packages are copied from, "" where they are installed here."""

    id: str
    mirror: str
    totals: Totals
    started_at: float
    seconds: float
    ended: bool
    skipped: int = 0
    source: str = ""


class HoldReason(StrEnum):
    """What is wrong with a mirror, so that nothing more is tried there for now."""

    NO_SPACE = "no-space"
    LOGIN = "login"
    VANISHED = "vanished"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class MirrorHold:
    """A mirror where the rest of the queue waits, because what failed there would fail for every package.

    `error` says why and what to do. `waiting` packages are kept back. `left_s` is how long until it is tried again by
    itself; None if a person has to say so. `tries` counts holds in a row without any success between.
    """

    mirror: str
    reason: HoldReason
    error: ErrorInfo
    waiting: int
    tries: int
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How much may happen at once. `parallel` rows move at the same time and, if it is more than one, up to four others
    that upload; `per_mirror` of them all to one mirror (None: as many). `bytes_per_s` is shared by everything that goes
    over the network; None: no limit."""

    parallel: int
    per_mirror: int | None = None
    bytes_per_s: int | None = None


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """`rows` holds only the moving rows and those that changed since the previous snapshot; all of them when `full`.
    `skipped` is what pushes skipped, by their ids, of those that no snapshot told of before; of all when `full`.

    `paused` is the whole queue, `paused_mirrors` are those a person paused; `holds` are mirrors that paused themselves.
    """

    rows: tuple[TransferRow, ...]
    pushes: tuple[PushStatus, ...]
    overall: Totals
    paused: bool
    full: bool = False
    paused_mirrors: tuple[str, ...] = ()
    holds: tuple[MirrorHold, ...] = ()
    limits: TransferLimits | None = None
    skipped: dict[str, tuple[PlanItem, ...]] = field(default_factory=dict)


class Move(StrEnum):
    """Where waiting rows go: before everything else or after it, or past their neighbour within their push."""

    NEXT = "next"
    UP = "up"
    DOWN = "down"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class UnfinishedPush:
    """A push (or, with `source`, a copy) that a process did not finish. `waiting` packages are left, `done` ended well.

    `bytes_left` are bytes of files of what is left.
    """

    id: str
    instance_id: str
    mirror: str
    source: str
    started_at: float
    waiting: int
    done: int
    failed: int
    bytes_left: int


@dataclass(frozen=True, slots=True)
class JournalOffer:
    """What a process that died left behind: `id` names its journal, `written_at` is when it was last heard of."""

    id: str
    written_at: float
    pushes: tuple[UnfinishedPush, ...]

    @property
    def waiting(self) -> int:
        return sum(push.waiting for push in self.pushes)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Everything that can be continued; `problems` are journals that were set aside because they cannot be read."""

    offers: tuple[JournalOffer, ...]
    problems: tuple[ErrorInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Continued:
    """What became of an offer: ids of the pushes that are in the queue now, and why others are not. Those stay in the
    journal."""

    pushes: tuple[str, ...]
    problems: tuple[ErrorInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What became of a push. `skipped` were set aside by the plan: external, held back, not installed."""

    push_id: str
    mirror: str
    rows: tuple[TransferRow, ...]
    skipped: tuple[PlanItem, ...]
    seconds: float

    def in_state(self, state: ItemState, kind: RowKind = RowKind.PACKAGE) -> tuple[TransferRow, ...]:
        return tuple(row for row in self.rows if row.kind is kind and row.state is state)
