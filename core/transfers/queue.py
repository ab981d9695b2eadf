# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The queue: rows wait, worker threads move them, anybody may look.

One lock guards everything. Workers only add to counters; whoever shows progress polls `snapshot`. A failed row never
stops its siblings. Tag and index of a push are rows of their own that start after all its packages have ended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from core.foundation.errors import Cancelled, MirrordeckError, describe
from core.packing.blocks import BlockPool
from core.transfers.job import TransferJob
from core.transfers.journal import Journal
from core.transfers.model import ItemState, PushOutcome, QueueSnapshot, RowKind
from core.transfers.progress import RateMeter
from core.transfers.rows import Push, Row, totals_of

_log = logging.getLogger(__name__)
_CLOSING_STATE = {
    RowKind.TAG: ItemState.FINALISING,
    RowKind.INDEX: ItemState.INDEXING,
}


class TransferQueue:
    """Owns the worker threads, the threads that compress blocks for them, and the journal.

    All methods may be called from any thread.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._wall_clock = wall_clock
        self._changed = threading.Condition()
        self._pushes: dict[str, Push] = {}
        self._news: dict[str, Row] = {}
        self._news_wanted = False
        self._full_wanted = False
        self._paused = False
        self._closing = False
        self._overall = _Overall(clock())
        self._blocks = BlockPool(workers)
        self._threads = [
            threading.Thread(target=self._work, name=f"transfer-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    # ---------------------------------------------------------------- asking

    def add(self, job: TransferJob) -> str:
        """Queue a push; it is in the journal before this returns. Returns its id."""
        self._journal.plan(job.plan)
        now = self._clock()
        push = Push(job, started_at=self._wall_clock(), now=now)
        with self._changed:
            expected = sum(row.size for row in push.packages if row.state is ItemState.WAITING)
            self._overall.expect(expected, self._idle(), now)
            self._pushes[job.plan.id] = push
            self._news.update({row.id: row for row in push.rows})
            if push.ended:
                self._record(partial(self._journal.ended, job.plan.id))
            self._changed.notify_all()
        return job.plan.id

    def pause(self, paused: bool) -> None:
        """Start no further rows; those that move are finished."""
        with self._changed:
            self._paused = paused
            self._news_wanted = True
            self._changed.notify_all()

    def stop(self, row_ids: Iterable[str] = ()) -> None:
        """Stop the rows named, all when none is. Idempotent; rows that have ended stay as they are."""
        with self._changed:
            for row in self._named(row_ids):
                if row.state.moving:
                    row.token.cancel()
                elif not row.state.ended:
                    self._settle(row, ItemState.CANCELLED)
            self._changed.notify_all()

    def retry(self, row_ids: Iterable[str] = ()) -> None:
        """Queue failed and cancelled rows again: those named, all when none is. Their push updates its index again."""
        with self._changed:
            now = self._clock()
            pushes = []
            for row in self._named(row_ids):
                if row.state not in (ItemState.FAILED, ItemState.CANCELLED):
                    continue
                self._overall.expect(row.size, self._idle(), now)
                row.attempt += 1
                self._change(row, ItemState.WAITING)
                self._record(partial(self._journal.row, row.picture(now)))
                pushes.append(row.push)
            for push in dict.fromkeys(pushes):
                self._reopen(push)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget pushes that have ended."""
        with self._changed:
            self._pushes = {key: push for key, push in self._pushes.items() if not push.ended}
            self._news_wanted = True

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop everything, wait for the workers, close the journal. Nothing is killed in the middle of a write."""
        with self._changed:
            self._closing = True
        self.stop()
        for thread in self._threads:
            thread.join(timeout_s)
        self._blocks.close()
        self._journal.close()

    # ---------------------------------------------------------------- looking

    def watch(self) -> None:
        """Make the next snapshot a full one, for whoever begins to look."""
        with self._changed:
            self._full_wanted = self._news_wanted = True

    def snapshot(self) -> QueueSnapshot:
        """What moves or changed since the last snapshot; the first one after `watch` holds everything."""
        with self._changed:
            now, full = self._clock(), self._full_wanted
            rows = [row for push in self._pushes.values() for row in push.rows]
            shown = rows if full else [row for row in rows if row.state.moving or row.id in self._news]
            self._news.clear()
            self._full_wanted = self._news_wanted = False
            counts: Counter[ItemState] = Counter()
            for push in self._pushes.values():
                counts.update(push.counts)
            moving = int(sum(row.weight_done for row in rows if not row.state.ended))
            done, total, rate, left = self._overall.figures(moving, now)
            overall = totals_of(counts, done_bytes=done, total_bytes=total, rate_bps=rate, left_s=left)
            pushes = tuple(push.status(now) for push in self._pushes.values())
            return QueueSnapshot(tuple(row.picture(now) for row in shown), pushes, overall, self._paused, full)

    def has_news(self) -> bool:
        """True when a snapshot would show something that the last one did not."""
        with self._changed:
            if self._news or self._news_wanted:
                return True
            return any(count for push in self._pushes.values() for state, count in push.counts.items() if state.moving)

    def outcome(self, push_id: str) -> PushOutcome:
        with self._changed:
            push, now = self._pushes[push_id], self._clock()
            rows = tuple(row.picture(now) for row in push.rows)
            return PushOutcome(push_id, push.job.plan.mirror, rows, push.skipped(), push.seconds(now))

    def wait(self, push_id: str, timeout_s: float | None = None) -> bool:
        """Block until the push has ended; False when the time ran out first."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pushes[push_id].ended, timeout_s)

    # ---------------------------------------------------------------- working

    def _work(self) -> None:
        while (row := self._take()) is not None:
            state = ItemState.DONE
            try:
                row.token.raise_if_cancelled()
                if not self._move(row):
                    continue
            except Cancelled:
                state = ItemState.CANCELLED
            except Exception as failure:
                if not isinstance(failure, MirrordeckError):
                    _log.exception("a transfer failed unexpectedly")
                state, row.error = ItemState.FAILED, describe(failure)
            with self._changed:
                self._settle(row, state)
                if state is ItemState.FAILED and row.push.job.plan.options.fail_fast:
                    for other in row.push.rows:
                        if other.state in (ItemState.WAITING, ItemState.UPLOADED):
                            self._settle(other, ItemState.CANCELLED)
                self._changed.notify_all()

    def _move(self, row: Row) -> bool:
        """Do what the row is due for; False when the rest has to wait for other rows."""
        job, report, token = row.push.job, _RowReport(self, row), row.token
        if row.kind is RowKind.TAG:
            row.image = job.write_tag(row.push.lost_packages(), report=report, token=token, pool=self._blocks)
        elif row.item is None:
            row.index = job.update_index(report=report, token=token)
        elif row.state is ItemState.FINALISING:
            completed = job.complete(row.item, token=token)
            row.entry, row.missing = completed.entry, completed.missing
        else:
            row.blob = job.push(row.item, again=row.attempt > 1, report=report, token=token, pool=self._blocks)
            with self._changed:
                self._defer(row)
                self._changed.notify_all()
            return False
        return True

    def _defer(self, row: Row) -> None:
        row.push.defer(row, self._clock())
        self._news[row.id] = row

    def _take(self) -> Row | None:
        """The next row, marked as moving; None when the queue closes."""
        with self._changed:
            while not self._closing:
                rows = () if self._paused else (push.next_row() for push in self._pushes.values())
                row = next((row for row in rows if row is not None), None)
                if row is not None:
                    self._start(row)
                    return row
                self._changed.wait()
            return None

    def _start(self, row: Row) -> None:
        if row.state is ItemState.UPLOADED:
            self._change(row, ItemState.FINALISING)
            return
        row.started_at = self._clock()
        row.begin(row.size or None, row.started_at)
        first = row.push.job.first_state if row.kind is RowKind.PACKAGE else _CLOSING_STATE[row.kind]
        self._change(row, first)

    def _reopen(self, push: Push) -> None:
        """Rows of `push` were queued again: what lacks them gets another turn after them, and so do tag and index."""
        for row in push.packages:
            if row.state is ItemState.DONE and row.missing:
                self._overall.expect(row.size, False, self._clock())
                self._defer(row)
        for row in push.closing:
            if row.state.ended:
                self._change(row, ItemState.WAITING)

    def _settle(self, row: Row, state: ItemState) -> None:
        """End a row, and its push with the last one."""
        push = row.push
        self._overall.settled(row.size)
        self._change(row, state)
        if push.lost_packages() == len(push.packages):  # nothing got there: nothing to tag, nothing new for the index
            for closing in push.waiting_to_close():
                self._change(closing, ItemState.CANCELLED)
        self._record(partial(self._journal.row, row.picture(self._clock())))
        if push.ended:
            self._record(partial(self._journal.ended, push.job.plan.id))

    def _change(self, row: Row, state: ItemState) -> None:
        row.push.change(row, state, self._clock())
        self._news[row.id] = row

    def _report_phase(self, row: Row, state: ItemState, total_bytes: int | None) -> None:
        with self._changed:
            if total_bytes is not None:
                row.phases_done += 1
                row.begin(total_bytes, self._clock())
            self._change(row, state)

    def _report_bytes(self, row: Row, count: int) -> None:
        with self._changed:
            now, before = self._clock(), row.weight_done
            row.done_bytes += count
            if row.total_bytes is not None:
                row.done_bytes = min(row.done_bytes, row.total_bytes)
            if row.meter is not None:
                row.meter.add(count, now)
            self._overall.meter.add(int(row.weight_done - before), now)

    def _idle(self) -> bool:
        return all(push.ended for push in self._pushes.values())

    def _named(self, row_ids: Iterable[str]) -> list[Row]:
        wanted = set(row_ids)
        rows = [row for push in self._pushes.values() for row in push.rows]
        return [row for row in rows if row.id in wanted] if wanted else rows

    @staticmethod
    def _record(write: Callable[[], None]) -> None:
        """A journal that can no longer be written must not fail the transfers themselves."""
        try:
            write()
        except MirrordeckError as error:
            _log.error("%s", error)


class _RowReport:
    """What a job may say about its row while it moves."""

    def __init__(self, queue: TransferQueue, row: Row) -> None:
        self._queue = queue
        self._row = row

    def phase(self, state: ItemState, total_bytes: int | None = None) -> None:
        self._queue._report_phase(self._row, state, total_bytes)

    def add(self, count: int) -> None:
        self._queue._report_bytes(self._row, count)


class _Overall:
    """Progress of everything since the queue was last idle. Rows that ended, however, count in full; a retry adds its
    bytes to the total again. So the overall bar never runs backwards."""

    def __init__(self, now: float) -> None:
        self.meter = RateMeter(now)
        self._settled = 0
        self._total = 0

    def expect(self, size: int, idle: bool, now: float) -> None:
        if idle:
            self.meter = RateMeter(now)
            self._settled = self._total = 0
        self._total += size

    def settled(self, size: int) -> None:
        self._settled += size

    def figures(self, moving: int, now: float) -> tuple[int, int, float | None, float | None]:
        """Bytes done, bytes in all, rate, seconds left."""
        done = min(self._settled + moving, self._total)
        return done, self._total, self.meter.rate_bps(now), self.meter.left_s(self._total - done, now)
