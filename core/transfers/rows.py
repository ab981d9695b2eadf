# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rows and pushes as the queue keeps them. Not thread-safe: whoever uses them holds the queue's lock."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from core.caches.protocol import CacheEntry, IndexUpdate
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo
from core.transfers.job import TransferJob
from core.transfers.links import LinkMeter, keep_link
from core.transfers.model import ItemState, Move, PushStatus, RowKind, Totals, TransferRow
from core.transfers.plan import Decision, PlanItem
from core.transfers.progress import RateMeter

_OPEN_STATES = tuple(state for state in ItemState if not state.ended)
# Shared by all that only wait, of which there may be very many.
_NOT_MOVING = CancelToken()


@dataclass(slots=True, eq=False)
class Row:
    """A row in motion; `TransferRow` is its picture. Its state changes only through `Push.change`.

    `size` is what it weighs in totals. `done_bytes` and `total_bytes` are of its current phase, `phases_done` counts
    the phases before it that move bytes. Waiting rows are taken by `order`, the largest first: how far the person
    moved it forward, its size, its place in the plan. `early_bytes` of an upload went out before its phase began.
    `interrupted`: once it stops moving it waits again. `after_holds` of its mirror it began to move. `at_rest` is
    what its push has counted of it while it does not move.
    """

    id: str
    push: Push
    kind: RowKind
    item: PlanItem | None
    state: ItemState
    size: int = 0
    order: tuple[int, int, int] = (0, 0, 0)
    paused: bool = False
    interrupted: bool = False
    total_bytes: int | None = None
    done_bytes: int = 0
    early_bytes: int = 0
    phases_done: int = 0
    attempt: int = 1
    setbacks: int = 0
    after_holds: int = 0
    started_at: float | None = None
    seconds: float = 0.0
    entry: CacheEntry | None = None
    blob: str = ""
    missing: tuple[str, ...] = ()
    image: str = ""
    index: IndexUpdate | None = None
    error: ErrorInfo | None = None
    kept: bool = False
    note: str = ""
    at_rest: float = 0.0
    meter: RateMeter | None = None
    token: CancelToken = _NOT_MOVING

    @property
    def weight_done(self) -> float:
        """How much of `size` is done, over all its phases."""
        if self.state.ended:
            return self.size
        share = self.done_bytes / self.total_bytes if self.total_bytes else 0.0
        return self.size * min(1.0, (self.phases_done + share) / self.push.job.byte_phases)

    def begin(self, total_bytes: int | None, now: float) -> None:
        """A phase begins that will move `total_bytes`."""
        self.done_bytes, self.total_bytes, self.meter = 0, total_bytes, RateMeter(now)

    def may_move(self) -> None:
        """It is about to; `token` stops this attempt."""
        if self.token is _NOT_MOVING:
            self.token = CancelToken()

    def forget_attempt(self) -> None:
        """It begins anew."""
        self.error, self.meter, self.token = None, None, _NOT_MOVING
        self.phases_done, self.done_bytes, self.early_bytes, self.total_bytes = 0, 0, 0, None

    def picture(self, now: float) -> TransferRow:
        rate = left = None
        if self.meter is not None:
            rate = self.meter.rate_bps(now)
            left = self.meter.left_s(self.total_bytes - self.done_bytes, now) if self.total_bytes else None
        return TransferRow(
            id=self.id,
            push_id=self.push.job.plan.id,
            kind=self.kind,
            hash=self.item.hash if self.item else "",
            name=self.item.name if self.item else self.push.job.plan.options.tag if self.kind is RowKind.TAG else "",
            version=self.item.version if self.item else "",
            mirror=self.push.job.plan.mirror,
            state=self.state,
            done_bytes=self.done_bytes,
            total_bytes=self.total_bytes if self.state.moving else self.size or None,
            rate_bps=rate,
            left_s=left,
            attempt=self.attempt,
            seconds=now - self.started_at if self.state.moving and self.started_at is not None else self.seconds,
            entry=self.entry,
            blob=self.blob,
            missing=self.missing,
            image=self.image,
            index=self.index,
            error=self.error,
            paused=self.paused and not self.state.ended,
            order=self.order,
            kept=self.kept,
            note=self.note,
        )


class Push:
    """A push in the queue: its rows, counted by state and waiting in order of size. `skipped` never became rows."""

    def __init__(self, job: TransferJob, *, started_at: float, now: float) -> None:
        plan = job.plan
        self.job = job
        self.started_at = started_at
        self._started = now
        self._seconds: float | None = None
        self.skipped = tuple(plan.of(Decision.EXTERNAL, Decision.HELD_BACK, Decision.NOT_INSTALLED))
        self.packages: list[Row] = []
        self.moving: dict[Row, None] = {}
        self.link = LinkMeter()
        self.counts: Counter[ItemState] = Counter()
        self._ended_weight = self._open_weight = 0.0
        self._waiting: list[Row] = []
        for item in plan.of(Decision.PUSH, Decision.COMPLETE, Decision.PRESENT):
            state = ItemState.PRESENT if item.decision is Decision.PRESENT else ItemState.WAITING
            row = Row(f"{plan.id}:{item.hash}", self, RowKind.PACKAGE, item, state, item.size_bytes, entry=item.entry)
            row.order = (0, row.size, -len(self.packages))
            self.packages.append(row)
            self.counts[state] += 1
        self._total_bytes = sum(row.size for row in self.packages if row.state is not ItemState.PRESENT)
        self._by_hash = {row.item.hash: row for row in self.packages if row.item is not None}
        self._missing: dict[Row, int] = {}
        self._needs: dict[Row, list[Row]] = {}
        self._needed_by: defaultdict[Row, dict[Row, None]] = defaultdict(dict)
        self._ready: list[Row] = []
        for row in self.packages:
            if row.item is not None and row.item.decision is Decision.COMPLETE:
                row.blob = "present"
                self.defer(row, now)
        self._arrange()
        last = [(RowKind.TAG, bool(plan.options.tag)), (RowKind.INDEX, plan.options.update_index)]
        kinds = [kind for kind, wanted in last if wanted and self.packages]
        self.closing = [Row(f"{plan.id}:{kind}", self, kind, None, ItemState.WAITING) for kind in kinds]
        self.counts[ItemState.WAITING] += len(self.closing)

    @property
    def rows(self) -> list[Row]:
        return [*self.packages, *self.closing]

    @property
    def ended(self) -> bool:
        return not any(self.counts[state] for state in _OPEN_STATES)

    def change(self, row: Row, state: ItemState, now: float) -> None:
        """The only way a row changes its state."""
        self.counts[row.state] -= 1
        self.counts[state] += 1
        self._count(row, -row.at_rest)
        uploads = (state is ItemState.UPLOADING) - (row.state is ItemState.UPLOADING)
        if uploads:
            self.link.change(uploads, now)
        if row.state.ended and not state.ended:
            self._seconds = None
        row.state = state
        if state is ItemState.WAITING:
            row.forget_attempt()
            for other in self._needs.pop(row, ()):  # from the attempt before
                self._needed_by.get(other, {}).pop(row, None)
            if row.kind is RowKind.PACKAGE and not row.paused:
                bisect.insort(self._waiting, row, key=_order)
        if state.ended or state is ItemState.UPLOADED:
            self._release(row)
        if state.moving:
            self.moving[row] = None
            row.at_rest = 0.0
        else:
            self.moving.pop(row, None)
            row.at_rest = row.weight_done
            self._count(row, row.at_rest)
        if state.ended:
            row.meter, row.token = None, _NOT_MOVING
            row.seconds = now - row.started_at if row.started_at is not None else 0.0
            if self.ended:
                self._seconds = now - self._started

    def defer(self, row: Row, now: float) -> None:
        """Set `row` aside until the packages it needs, as far as they are rows, are uploaded or have ended."""
        if row.state is ItemState.UPLOADING and row.blob == "uploaded":
            self.link.sent(row.done_bytes - row.early_bytes)
        self.change(row, ItemState.UPLOADED, now)
        needs = self.job.needs(row.item) if row.item is not None else ()
        wanted = dict.fromkeys(map(self._by_hash.get, needs))
        others = [other for other in wanted if other is not None and not _settled(other)]
        self._needs[row], self._missing[row] = others, len(others)
        for other in others:
            self._needed_by[other][row] = None
        if not others:
            self._ready.append(row)

    def next_row(self) -> Row | None:
        """What only has to be completed; else a waiting package; after the last one what closes the push."""
        while self._ready:
            if self._ready[-1].state is ItemState.UPLOADED:
                return self._ready[-1]
            self._ready.pop()
        if (waiting := self._next_waiting()) is not None:
            return waiting
        closing = self.waiting_to_close()
        open_packages = sum(self.counts[state] for state in ItemState if not state.ended) - self._open_closing()
        return closing[0] if closing and not open_packages else None

    def _next_waiting(self) -> Row | None:
        """The largest, so that no giant is left for the end, unless the person moved another one. Beside a large one
        that is packed for the network the smallest: they keep the line busy, and what takes them long is asking."""
        while self._waiting and self._waiting[-1].state is not ItemState.WAITING:
            self._waiting.pop()
        while self._waiting and self._waiting[0].state is not ItemState.WAITING:
            self._waiting.pop(0)
        if not self._waiting:
            return None
        first, last = self._waiting[-1], self._waiting[0]
        if self.job.byte_phases == 1 or first.order[0] or last.order[0]:
            return first
        beside = any(row.state is ItemState.PACKING and row.size >= first.size for row in self.moving)
        return last if beside else first

    def take(self, row: Row) -> None:
        """`row`, which `next_row` gave, is begun."""
        row.may_move()
        if self._ready and self._ready[-1] is row:
            self._ready.pop()
        if self._waiting and self._waiting[-1] is row:
            self._waiting.pop()
        elif self._waiting and self._waiting[0] is row:
            self._waiting.pop(0)

    def pause(self, rows: Collection[Row], paused: bool) -> None:
        """Set packages of this push aside, or have them wait for their turn again."""
        for row in rows:
            row.paused = paused
        self._arrange()

    def move(self, rows: Collection[Row], to: Move, rank: int) -> list[Row]:
        """Move waiting packages of this push; those whose order changed. `rank` is that of the new place for the first
        and the last one."""
        chosen = set(rows)
        line = sorted((row for row in self.packages if row.state is ItemState.WAITING), key=_order)
        moved = [row for row in line if row in chosen]
        if to in (Move.NEXT, Move.LAST):
            for row in moved:
                row.order = (rank, *row.order[1:])
        else:
            others = []
            if to is Move.UP:
                line.reverse()
            # From the end they move to: a whole group keeps its order, and stops where it cannot go further.
            for place in range(1, len(line)):
                row, neighbour = line[place], line[place - 1]
                if row in chosen and neighbour not in chosen:
                    row.order, neighbour.order = neighbour.order, row.order
                    line[place - 1 : place + 1] = row, neighbour
                    others.append(neighbour)
            moved += others
        self._arrange()
        return moved

    def waiting_to_close(self) -> list[Row]:
        return [row for row in self.closing if row.state is ItemState.WAITING]

    def lost_packages(self) -> int:
        """How many packages did not get there."""
        lost = (ItemState.FAILED, ItemState.CANCELLED)
        return sum(self.counts[state] for state in lost) - sum(row.state in lost for row in self.closing)

    def seconds(self, now: float) -> float:
        return self._seconds if self._seconds is not None else now - self._started

    def remember_link(self, at: float) -> None:
        """Remember how fast the mirror was; a copy is as fast as where it comes from."""
        link = self.link.link(at)
        if link is not None and not self.job.plan.source:
            keep_link(self.job.plan.mirror_url, link)

    def status(self, now: float) -> PushStatus:
        done = round(self._ended_weight + self.open_weight())
        totals = totals_of(self.counts, done_bytes=done, total_bytes=self._total_bytes)
        plan = self.job.plan
        return PushStatus(
            plan.id,
            plan.mirror,
            totals,
            self.started_at,
            self.seconds(now),
            self.ended,
            len(self.skipped),
            plan.source,
        )

    def open_weight(self) -> float:
        """How much is done of what has not ended."""
        return self._open_weight + sum(row.weight_done for row in self.moving)

    def _count(self, row: Row, weight: float) -> None:
        if row.state.ended:
            self._ended_weight += weight
        else:
            self._open_weight += weight

    def _release(self, settled: Row) -> None:
        """Nobody has to wait for `settled` any more."""
        for row in self._needed_by.pop(settled, ()):
            self._missing[row] -= 1
            if not self._missing[row]:
                self._ready.append(row)

    def _arrange(self) -> None:
        rows = (row for row in self.packages if row.state is ItemState.WAITING and not row.paused)
        self._waiting = sorted(rows, key=_order)

    def _open_closing(self) -> int:
        return sum(not row.state.ended for row in self.closing)


def totals_of(
    counts: Counter[ItemState],
    *,
    done_bytes: int,
    total_bytes: int,
    rate_bps: float | None = None,
    left_s: float | None = None,
) -> Totals:
    return Totals(
        waiting=counts[ItemState.WAITING] + counts[ItemState.UPLOADED],
        moving=sum(count for state, count in counts.items() if state.moving),
        done=counts[ItemState.DONE],
        present=counts[ItemState.PRESENT],
        failed=counts[ItemState.FAILED],
        cancelled=counts[ItemState.CANCELLED],
        done_bytes=done_bytes,
        total_bytes=total_bytes,
        rate_bps=rate_bps,
        left_s=left_s,
    )


def _settled(row: Row) -> bool:
    """Its archive is there, or will not come."""
    return row.state.ended or row.state in (ItemState.UPLOADED, ItemState.FINALISING)


def _order(row: Row) -> tuple[int, int, int]:
    return row.order
