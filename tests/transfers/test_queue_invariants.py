# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whatever people do to the queue, no row is lost and the totals agree with the rows."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transfer_fakes import FakeJob, fail, make_item, make_plan

from core.transfers.journal import Journal
from core.transfers.journal_reader import unfinished
from core.transfers.model import ItemState, Move, Totals, TransferLimits
from core.transfers.queue import TransferQueue

_NAMES = "abcde"
_MIRRORS = ("one", "two")
_ROWS = st.lists(st.tuples(st.sampled_from((0, 1)), st.sampled_from(_NAMES)), max_size=4)
_OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("pause"), st.booleans()),
        st.tuples(st.just("pause_mirrors"), st.sampled_from(_MIRRORS), st.booleans()),
        st.tuples(st.just("pause_rows"), _ROWS, st.booleans()),
        st.tuples(st.just("stop"), _ROWS),
        st.tuples(st.just("retry"), _ROWS),
        st.tuples(st.just("move"), _ROWS, st.sampled_from(Move)),
        st.tuples(st.just("release"), st.sampled_from(_MIRRORS), st.booleans()),
        st.tuples(st.just("limits"), st.integers(1, 3), st.sampled_from((None, 1, 2))),
        st.tuples(st.just("break"), st.sampled_from(_NAMES)),
        st.tuples(st.just("mend"), st.sampled_from(_NAMES)),
        st.tuples(st.just("look")),
    ),
    max_size=25,
)


def agrees(totals: Totals, rows: dict[str, ItemState]) -> bool:
    states = Counter(rows.values())
    waiting = states[ItemState.WAITING] + states[ItemState.UPLOADED]
    moving = sum(count for state, count in states.items() if state.moving)
    ended = (states[ItemState.DONE], states[ItemState.FAILED], states[ItemState.CANCELLED])
    return (totals.waiting, totals.moving) == (waiting, moving) and ended == (
        totals.done,
        totals.failed,
        totals.cancelled,
    )


def perform(queue: TransferQueue, jobs: list[FakeJob], operation: tuple) -> None:
    kind, *rest = operation
    ids = [f"{jobs[push].plan.id}:{make_item(name).hash}" for push, name in rest[0]] if kind in _BY_ROWS else []
    match kind:
        case "pause":
            queue.pause(*rest)
        case "pause_mirrors":
            queue.pause_mirrors([rest[0]], rest[1])
        case "pause_rows":
            queue.pause_rows(ids, rest[1])
        case "stop" | "retry":
            getattr(queue, kind)(ids or ["none"])
        case "move":
            queue.move(ids, rest[1])
        case "release":
            queue.release(rest[0], give_up=rest[1])
        case "limits":
            queue.set_limits(TransferLimits(rest[0], per_mirror=rest[1]))
        case "break":
            jobs[0].behave[rest[0]] = fail
        case "mend":
            jobs[0].behave.pop(rest[0], None)


_BY_ROWS = ("pause_rows", "stop", "retry", "move")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(operations=_OPERATIONS)
def test_no_row_is_lost_and_totals_agree(tmp_path_factory, operations):
    directory = tmp_path_factory.mktemp("journal")
    queue = TransferQueue(Journal(directory), workers=2, hold_mirrors=True)
    try:
        jobs = [
            FakeJob(make_plan(*(make_item(name, size=ord(name)) for name in _NAMES), update_index=True, mirror=mirror))
            for mirror in _MIRRORS
        ]
        jobs[0].needed = {"a": {"b", "c"}}
        seen: dict[str, ItemState] = {}
        ids = [queue.add(job) for job in jobs]
        for operation in [*operations, ("look",)]:
            perform(queue, jobs, operation)
            snapshot = queue.snapshot()
            seen |= {row.id: row.state for row in snapshot.rows}
            assert len(seen) == 12
            assert agrees(snapshot.overall, seen)
            assert snapshot.overall.done_bytes <= snapshot.overall.total_bytes
        # Once everything is allowed and nothing is broken, everything ends.
        jobs[0].behave.clear()
        queue.pause(False)
        queue.pause_mirrors(_MIRRORS, False)
        rows = [row.id for push_id in ids for row in queue.outcome(push_id).rows]
        queue.pause_rows(rows, False)
        while not all(queue.wait(push_id, 0.01) for push_id in ids):
            for mirror in _MIRRORS:
                queue.release(mirror)
        queue.retry()
        while not all(queue.wait(push_id, 0.01) for push_id in ids):
            for mirror in _MIRRORS:
                queue.release(mirror)
        assert {row.state for push_id in ids for row in queue.outcome(push_id).rows} == {ItemState.DONE}
        last = queue.snapshot().overall
        assert last.done_bytes == last.total_bytes
    finally:
        queue.close()
    assert unfinished(directory).offers == ()
