# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The queue: rows wait, worker threads move them, anybody may look.

One lock guards everything. Workers only add to counters; whoever shows progress polls `snapshot`. A failed row never
stops its siblings, but what would fail for all of them holds their mirror. Tag and index of a push are rows of their
own that start after all its packages have ended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from functools import partial

from core.foundation.errors import Cancelled, ErrorInfo, MirrordeckError, describe
from core.foundation.process import trim_heap
from core.packing.blocks import BlockPool
from core.transfers.history import record_transfer
from core.transfers.holds import Holds, hold_reason
from core.transfers.job import TransferJob
from core.transfers.journal import Journal
from core.transfers.limits import Bandwidth, check_limits
from core.transfers.model import ItemState, Move, PushOutcome, QueueSnapshot, RowKind, TransferLimits
from core.transfers.news import News
from core.transfers.progress import OverallProgress
from core.transfers.pushes import Pushes
from core.transfers.reports import Counters, RowReport
from core.transfers.rows import Push, Row, totals_of

_log = logging.getLogger(__name__)
_CLOSING_STATE = {
    RowKind.TAG: ItemState.FINALISING,
    RowKind.INDEX: ItemState.INDEXING,
}
_ON_THE_WIRE = (ItemState.UPLOADING, ItemState.FINALISING)
_UPLOADS_ASIDE = 4
# How often a row may take its mirror down although others got through since: then it is the row.
_MOST_SETBACKS = 3
_PERSON = "person"


class TransferQueue:
    """Owns the worker threads, the threads that compress blocks for them, and the journal.

    With `hold_mirrors` what would fail for every package of a mirror (no space, login refused, gone) holds the mirror:
    the row and the rest wait until `release`, or until a connection is tried again. Without it rows just fail.
    All methods may be called from any thread.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        workers: int,
        hold_mirrors: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._wall_clock = wall_clock
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._push_ended = threading.Condition(lock)  # who waits for that is not woken by every step of every row
        self._pushes = Pushes()
        self._news = News()
        self._paused: set[str] = set()  # by whom
        self._paused_mirrors: set[str] = set()
        self._hold_mirrors = hold_mirrors
        self._holds = Holds(clock)
        self._moving: Counter[str] = Counter()  # rows by mirror
        self._bandwidth = Bandwidth()
        self._limits = TransferLimits(workers)
        self._rank = 0
        self._closing = False
        self._overall = OverallProgress(clock())
        self._counters = Counters(self._changed, clock, self._news, self._overall, self._bandwidth)
        self._blocks = BlockPool(workers)
        self._threads: list[threading.Thread] = []
        self._add_threads()

    # ---------------------------------------------------------------- asking

    def add(self, job: TransferJob, *, paused: bool = False) -> str:
        """Queue a push; it is in the journal before this returns. `paused`: its packages wait to be resumed. Returns
        its id."""
        self._journal.plan(job.plan)
        now = self._clock()
        push = Push(job, started_at=self._wall_clock(), now=now)
        if paused:
            push.pause([row for row in push.packages if row.state is ItemState.WAITING], True)
        with self._changed:
            expected = sum(row.size for row in push.packages if row.state is ItemState.WAITING)
            self._overall.expect(expected, self._pushes.idle, now)
            self._pushes.add(push)
            self._news.add(push.rows)
            if push.ended:
                self._record(partial(self._journal.ended, job.plan.id))
                self._push_ended.notify_all()
            self._changed.notify_all()
        return job.plan.id

    def pause(self, paused: bool, *, by: str = _PERSON) -> None:
        """Start no further rows while anybody wants that; those that move are finished."""
        with self._changed:
            self._paused = self._paused | {by} if paused else self._paused - {by}
            self._tell()

    def pause_mirrors(self, mirrors: Iterable[str], paused: bool) -> None:
        """As `pause`, for what goes to `mirrors`."""
        with self._changed:
            self._paused_mirrors = self._paused_mirrors | set(mirrors) if paused else self._paused_mirrors - {*mirrors}
            self._tell()

    def pause_rows(self, row_ids: Collection[str], paused: bool) -> None:
        """Set the packages named aside, or let them go on. Those that move begin again later; what was packed is
        kept."""
        with self._changed:
            for push, rows in self._pushes.packages(row_ids):
                push.pause(rows, paused)
                self._news.add(rows)
                for row in rows:
                    if row.state.moving and paused:
                        self._interrupt(row)
            self._tell()

    def move(self, row_ids: Collection[str], to: Move) -> None:
        """Reorder waiting packages; others are left alone."""
        with self._changed:
            self._rank += 1
            rank = -self._rank if to is Move.LAST else self._rank
            for push, rows in self._pushes.packages(row_ids):
                self._news.add(push.move(rows, to, rank))
            self._tell()

    def release(self, mirror: str, *, give_up: bool = False) -> None:
        """End the hold of `mirror`, if there is one: what waits is tried again, or fails with the error of the hold."""
        with self._changed:
            hold = self._holds.end(mirror)
            if hold is not None and give_up:
                self._fail_waiting(mirror, hold.error)
            self._tell()

    def set_limits(self, limits: TransferLimits) -> None:
        """From now on; what moves is finished. Raises UsageError for numbers that make no sense."""
        check_limits(limits)
        with self._changed:
            if limits == self._limits:
                return
            self._limits = limits
            self._bandwidth.set(limits.bytes_per_s)
            self._add_threads()
            self._tell()

    def stop(self, row_ids: Iterable[str] = ()) -> None:
        """Stop the rows named, all when none is. Idempotent; rows that have ended stay as they are."""
        with self._changed:
            for row in self._pushes.named(row_ids):
                if row.state.moving:
                    row.interrupted = False
                    row.token.cancel()
                elif not row.state.ended:
                    self._settle(row, ItemState.CANCELLED)
            self._changed.notify_all()

    def retry(self, row_ids: Iterable[str] = ()) -> None:
        """Queue failed and cancelled rows again: those named, all when none is. Their push updates its index again."""
        with self._changed:
            now = self._clock()
            rows = [row for row in self._pushes.named(row_ids) if row.state in (ItemState.FAILED, ItemState.CANCELLED)]
            pushes = dict.fromkeys(row.push for row in rows)
            for push in pushes:
                pictures = (row.picture(now) for row in push.rows)
                self._record(partial(self._journal.again, push.job.plan, pictures))
            for row in rows:
                self._overall.expect(row.size, self._pushes.idle, now)
                row.attempt += 1
                row.paused = False
                self._change(row, ItemState.WAITING)
                self._record(partial(self._journal.row, row.picture(now)))
            for push in pushes:
                self._reopen(push)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget pushes that have ended."""
        with self._changed:
            self._pushes.forget_ended()
            self._news.forget_ended()

    def close(self, *, finish_s: float = 0.0, timeout_s: float = 12.0) -> None:
        """Begin nothing more, let rows that move end for `finish_s`, interrupt the others, wait at most `timeout_s` for
        the workers, who may have an upload to give back, close the journal: it offers what is unfinished. Nothing is
        killed in the middle of a write."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._moving.total(), finish_s)
            for row in self._pushes.rows():
                if row.state.moving and not row.token.cancelled:
                    self._interrupt(row)
        deadline = time.monotonic() + timeout_s
        for thread in [each for each in self._threads if each.is_alive()]:  # a signal may have prevented the start
            thread.join(max(0.0, deadline - time.monotonic()))
        self._blocks.close()
        self._journal.close()

    # ---------------------------------------------------------------- looking

    def watch(self) -> None:
        """Make the next snapshot a full one, for whoever begins to look."""
        with self._changed:
            self._news.full = self._news.wanted = True

    def snapshot(self, most_rows: int | None = None) -> QueueSnapshot:
        """What moves or changed since the last snapshot; the first one after `watch` begins with everything.

        Of what does not move at most `most_rows` are told at once, the rest by the next snapshots: nobody waits for
        long lists then.
        """
        with self._changed:
            now, full = self._clock(), self._news.full
            if full:
                self._news.add(self._pushes.rows())
            skipped = self._news.skipped(self._pushes)
            shown = self._news.told(self._pushes.moving(), most_rows)
            done, total, rate, left = self._overall.figures(self._pushes.open_bytes(), now)
            overall = totals_of(self._pushes.counts, done_bytes=done, total_bytes=total, rate_bps=rate, left_s=left)
            return QueueSnapshot(
                rows=tuple(row.picture(now) for row in shown),
                pushes=tuple(push.status(now) for push in self._pushes),
                overall=overall,
                paused=_PERSON in self._paused,
                full=full,
                paused_mirrors=tuple(sorted(self._paused_mirrors)),
                holds=self._holds.pictures(self._pushes.waiting_for),
                limits=self._limits,
                skipped=skipped,
            )

    def has_news(self) -> bool:
        """True when a snapshot would show something that the last one did not."""
        with self._changed:
            return bool(self._news) or any(self._pushes.moving())

    def outcome(self, push_id: str) -> PushOutcome:
        with self._changed:
            push, now = self._pushes[push_id], self._clock()
            rows = tuple(row.picture(now) for row in push.rows)
            return PushOutcome(push_id, push.job.plan.mirror, rows, push.skipped, push.seconds(now))

    def wait(self, push_id: str, timeout_s: float | None = None) -> bool:
        """Block until the push has ended; False when the time ran out first."""
        with self._push_ended:
            return self._push_ended.wait_for(lambda: self._pushes[push_id].ended, timeout_s)

    # ---------------------------------------------------------------- working

    def _work(self) -> None:
        while (row := self._take()) is not None:
            self._work_on(row)
            del row  # while it waits for the next one, a worker keeps nothing of a push that is cleared
            if self._is_idle():
                trim_heap()

    def _is_idle(self) -> bool:
        with self._changed:
            return not self._moving.total() and self._next() is None

    def _work_on(self, row: Row) -> None:
        mirror = row.push.job.plan.mirror
        failure: Exception | None = None
        settled = True
        try:
            row.token.raise_if_cancelled()
            settled = self._move(row)
            if settled:
                record_transfer(row)
        except Exception as error:
            failure = error
            if not isinstance(error, (MirrordeckError, Cancelled)):
                _log.exception("a transfer failed unexpectedly")
        with self._changed:
            self._moving[mirror] -= 1
            if failure is not None:
                self._fail(row, failure)
            else:
                self._holds.worked(mirror)
                if settled:
                    self._settle(row, ItemState.DONE)
            self._changed.notify_all()

    def _fail(self, row: Row, failure: Exception) -> None:
        if isinstance(failure, Cancelled):
            if row.interrupted:
                self._put_back(row)
            else:
                self._settle(row, ItemState.CANCELLED)
            return
        error, reason = describe(failure), hold_reason(failure)
        if self._hold_mirrors and reason is not None:
            mirror = row.push.job.plan.mirror
            if row.after_holds == self._holds.ended(mirror):
                row.setbacks += self._holds.begin(mirror, reason, error) == 1
            if row.setbacks <= _MOST_SETBACKS:
                self._news.wanted = True
                self._put_back(row)
                return
        row.error = error
        self._settle(row, ItemState.FAILED)
        if row.push.job.plan.options.fail_fast:
            for other in row.push.rows:
                if other.state in (ItemState.WAITING, ItemState.UPLOADED):
                    self._settle(other, ItemState.CANCELLED)

    def _put_back(self, row: Row) -> None:
        """It waits again, and begins by looking whether it got through after all."""
        row.interrupted = False
        row.attempt += 1
        self._change(row, ItemState.WAITING)

    def _interrupt(self, row: Row) -> None:
        row.interrupted = True
        row.token.cancel()

    def _fail_waiting(self, mirror: str, error: ErrorInfo) -> None:
        """What waits for `mirror` fails: packages, or else what closes their push."""
        for push in self._pushes.to(mirror):
            open_rows = [row for row in push.packages if not row.state.ended] or push.waiting_to_close()
            for row in open_rows:
                if not row.state.moving:
                    row.error = error
                    self._settle(row, ItemState.FAILED)

    def _move(self, row: Row) -> bool:
        """Do what the row is due for; False when the rest has to wait for other rows."""
        job, report, token = row.push.job, RowReport(row, self._counters), row.token
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
        self._news.add((row,))

    def _take(self) -> Row | None:
        """The next row, marked as moving; None when the queue closes."""
        with self._changed:
            while not self._closing:
                self._news.wanted |= self._holds.expire()
                row = self._next()
                if row is not None:
                    self._start(row)
                    return row
                self._changed.wait(self._holds.left_s())
            return None

    def _next(self) -> Row | None:
        if self._paused or self._is_full():
            return None
        return self._pushes.next_row(self._may_move)

    def _is_full(self) -> bool:
        """Whether nothing more may be started. A few uploads take no place: they wait for the network, and packing for
        the next one goes on meanwhile. Without them both ends of a slow line stand still in turn."""
        uploading = sum(row.state in _ON_THE_WIRE for row in self._pushes.moving())
        return self._moving.total() - min(uploading, self._aside()) >= self._limits.parallel

    def _aside(self) -> int:
        """How many uploads take no place. Whoever wants one package at a time gets that."""
        return _UPLOADS_ASIDE if self._limits.parallel > 1 else 0

    def _may_move(self, mirror: str) -> bool:
        """Whether something more may be started that goes to `mirror`."""
        if mirror in self._holds or mirror in self._paused_mirrors:
            return False
        return self._limits.per_mirror is None or self._moving[mirror] < self._limits.per_mirror

    def _start(self, row: Row) -> None:
        row.push.take(row)
        mirror = row.push.job.plan.mirror
        row.after_holds = self._holds.ended(mirror)
        self._moving[mirror] += 1
        if row.state is ItemState.UPLOADED:
            self._change(row, ItemState.FINALISING)
            return
        row.started_at = self._clock()
        row.begin(row.size or None, row.started_at)
        self._change(row, row.push.job.first_state if row.kind is RowKind.PACKAGE else _CLOSING_STATE[row.kind])

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
            push.remember_link(self._wall_clock())
            self._push_ended.notify_all()

    def _change(self, row: Row, state: ItemState) -> None:
        row.push.change(row, state, self._clock())
        self._news.add((row,))

    def _add_threads(self) -> None:
        for number in range(len(self._threads), self._limits.parallel + self._aside()):
            thread = threading.Thread(target=self._work, name=f"transfer-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _tell(self) -> None:
        """Something changed that workers and those who look have to know."""
        self._news.wanted = True
        self._changed.notify_all()

    @staticmethod
    def _record(write: Callable[[], None]) -> None:
        """A journal that can no longer be written must not fail the transfers themselves."""
        try:
            write()
        except MirrordeckError as error:
            _log.error("%s", error)
