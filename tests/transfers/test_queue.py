# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from transfer_fakes import FakeJob, fail, make_entry, make_item, make_plan, wait_for_gate, wait_until_cancelled

from core.transfers.journal import Journal
from core.transfers.model import ItemState, RowKind
from core.transfers.plan import Decision
from core.transfers.queue import TransferQueue


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def queue(journal) -> Iterator[TransferQueue]:
    queue = TransferQueue(journal, workers=1)
    yield queue
    queue.close()


def states(queue: TransferQueue, push_id: str) -> dict[str, ItemState]:
    return {row.name or row.kind: row.state for row in queue.outcome(push_id).rows}


def test_everything_moves_largest_first_and_the_index_last(queue):
    job = FakeJob(
        make_plan(make_item("small", size=1), make_item("big", size=9), make_item("mid", size=5), update_index=True)
    )
    queue.pause(True)
    push_id = queue.add(job)
    queue.pause(False)
    assert queue.wait(push_id, 30)
    assert job.order == ["big", "mid", "small", "index"]
    outcome = queue.outcome(push_id)
    assert [row.state for row in outcome.rows] == [ItemState.DONE] * 4
    assert outcome.rows[-1].kind is RowKind.INDEX
    assert outcome.rows[-1].index is not None
    assert outcome.rows[0].entry == make_entry(make_item("small"))


@pytest.mark.parametrize(
    ("phases", "order"), [(1, ["big", "mid", "small", "tiny"]), (2, ["big", "tiny", "small", "mid"])]
)
def test_beside_a_large_package_the_smallest_go_into_the_network(journal, phases, order):
    sizes = {"tiny": 1, "mid": 5, "small": 3, "big": 9}
    job = FakeJob(make_plan(*(make_item(name, size=size) for name, size in sizes.items())), {"big": wait_for_gate})
    job.behave[order[-1]] = lambda job, _token: job.gate.set()
    job.byte_phases = phases
    queue = TransferQueue(journal, workers=2)
    try:
        queue.pause(True)
        push_id = queue.add(job)
        queue.pause(False)
        assert queue.wait(push_id, 30)
        assert job.order == order
    finally:
        job.gate.set()
        queue.close()


def test_a_failure_stops_nobody_else_and_says_why(queue):
    job = FakeJob(make_plan(make_item("good"), make_item("bad"), update_index=True), {"bad": fail})
    push_id = queue.add(job)
    assert queue.wait(push_id, 30)
    assert states(queue, push_id) == {"good": ItemState.DONE, "bad": ItemState.FAILED, "index": ItemState.DONE}
    (failed,) = queue.outcome(push_id).in_state(ItemState.FAILED)
    assert failed.error is not None
    assert failed.error.code == "no-space"


def test_when_nothing_got_there_the_index_is_left_alone(queue):
    push_id = queue.add(job := FakeJob(make_plan(make_item("bad"), update_index=True), {"bad": fail}))
    assert queue.wait(push_id, 30)
    assert states(queue, push_id) == {"bad": ItemState.FAILED, "index": ItemState.CANCELLED}
    assert job.order == ["bad"]


def test_a_bug_fails_the_row_and_is_logged(queue, expected_warnings):
    expected_warnings.append("a transfer failed unexpectedly")

    def crash(_job, _token):
        raise RuntimeError("oops")

    push_id = queue.add(FakeJob(make_plan(make_item("bad")), {"bad": crash}))
    assert queue.wait(push_id, 30)
    (row,) = queue.outcome(push_id).rows
    assert row.error is not None
    assert row.error.code == "unexpected"
    assert "oops" in row.error.why


def test_fail_fast_cancels_what_waits(queue):
    job = FakeJob(make_plan(make_item("bad", size=9), make_item("other", size=1), fail_fast=True), {"bad": fail})
    queue.pause(True)
    push_id = queue.add(job)
    queue.pause(False)
    assert queue.wait(push_id, 30)
    assert states(queue, push_id) == {"bad": ItemState.FAILED, "other": ItemState.CANCELLED}


def test_present_packages_are_rows_that_never_move_and_skipped_ones_are_no_rows(queue):
    plan = make_plan(make_item("there", decision=Decision.PRESENT), make_item("ext", decision=Decision.EXTERNAL))
    push_id = queue.add(FakeJob(plan))
    assert queue.wait(push_id, 30)
    outcome = queue.outcome(push_id)
    assert [row.state for row in outcome.rows] == [ItemState.PRESENT]
    assert [item.name for item in outcome.skipped] == ["ext"]


def test_what_a_push_skipped_is_told_once_and_to_whoever_begins_to_look(queue):
    item = make_item("ext", decision=Decision.EXTERNAL)
    push_id = queue.add(FakeJob(make_plan(make_item("there", decision=Decision.PRESENT), item)))
    assert queue.snapshot().skipped == {push_id: (item,)}
    later = queue.snapshot()
    assert later.skipped == {}
    assert [push.skipped for push in later.pushes] == [1]
    queue.watch()
    assert queue.snapshot().skipped == {push_id: (item,)}
    assert queue.wait(push_id, 30)


def test_stop_cancels_the_moving_row_and_those_that_wait(queue):
    job = FakeJob(
        make_plan(make_item("moving", size=9), make_item("waiting", size=1)), {"moving": wait_until_cancelled}
    )
    push_id = queue.add(job)
    assert job.reached.wait(30)
    queue.stop()
    queue.stop()
    assert queue.wait(push_id, 30)
    assert set(states(queue, push_id).values()) == {ItemState.CANCELLED}
    assert job.order == ["moving"]


def test_retry_runs_failed_rows_again_and_the_index_after_them(queue):
    behave = {"bad": fail}
    job = FakeJob(make_plan(make_item("good"), make_item("bad"), update_index=True), behave)
    push_id = queue.add(job)
    assert queue.wait(push_id, 30)
    behave.clear()
    queue.retry()
    assert queue.wait(push_id, 30)
    assert set(states(queue, push_id).values()) == {ItemState.DONE}
    assert job.again == ["bad"]
    assert job.order.count("good") == 1
    assert job.order.count("index") == 2
    assert {row.attempt for row in queue.outcome(push_id).rows if row.name == "bad"} == {2}


def test_pause_lets_the_moving_row_finish_and_starts_no_other(queue):
    job = FakeJob(make_plan(make_item("first", size=9), make_item("second", size=1)), {"first": wait_for_gate})
    push_id = queue.add(job)
    assert job.reached.wait(30)
    queue.pause(True)
    job.gate.set()
    assert not queue.wait(push_id, 0.05)
    assert job.order == ["first"]
    assert queue.snapshot().paused
    queue.pause(False)
    assert queue.wait(push_id, 30)


def test_snapshots_hold_only_news_and_the_overall_bar_never_runs_backwards(queue):
    job = FakeJob(make_plan(make_item("a", size=50), make_item("b", size=50), make_item("bad", size=10)), {"bad": fail})
    push_id = queue.add(job)
    seen = []
    while not queue.wait(push_id, 0):
        seen.append(queue.snapshot().overall.done_bytes)
    last = queue.snapshot()
    assert seen == sorted(seen)
    assert (last.overall.done_bytes, last.overall.total_bytes) == (110, 110)
    assert queue.snapshot().rows == ()
    assert not queue.has_news()
    queue.watch()
    assert queue.has_news()
    snapshot = queue.snapshot()
    assert snapshot.full
    assert len(snapshot.rows) == 3
    assert not queue.snapshot().full


def test_long_news_come_in_portions_but_what_moves_is_always_told(queue):
    job = FakeJob(make_plan(*(make_item(f"p{number}") for number in range(9))), {"p0": wait_for_gate})
    push_id = queue.add(job)
    assert job.reached.wait(30)
    queue.watch()
    parts = []
    while queue.has_news() and len(parts) < 5:
        parts.append(queue.snapshot(3))
    assert [part.full for part in parts] == [True, False, False, False, False]
    assert len({row.id for part in parts for row in part.rows}) == 9
    assert all(len(part.rows) <= 4 for part in parts)
    assert all(any(row.state.moving for row in part.rows) for part in parts)
    queue.clear()
    assert queue.snapshot().pushes[0].id == push_id
    job.gate.set()
    assert queue.wait(push_id, 30)
    queue.clear()
    assert queue.snapshot().rows == ()


def test_bytes_beyond_the_estimate_do_not_pass_the_total(queue):
    item = make_item("a", size=50)

    class Generous(FakeJob):
        def push(self, item, *, report, **others):
            report.add(500)
            return super().push(item, report=report, **others)

    push_id = queue.add(Generous(make_plan(item)))
    assert queue.wait(push_id, 30)
    assert queue.outcome(push_id).rows[0].done_bytes == 50


def test_an_entry_that_refers_to_others_is_completed_after_they_have_ended_and_blocks_no_worker(queue):
    job = FakeJob(
        make_plan(make_item("top", size=9), make_item("dep", size=5), make_item("bad", size=1)), {"bad": fail}
    )
    job.byte_phases = 2
    job.needed = {"top": {"dep", "bad", "not a row"}}
    queue.pause(True)
    push_id = queue.add(job)
    queue.pause(False)
    assert queue.wait(push_id, 30)
    assert job.order == ["top", "dep", "bad"]
    assert job.completed == ["dep", "top"]
    assert states(queue, push_id) == {"top": ItemState.DONE, "dep": ItemState.DONE, "bad": ItemState.FAILED}


def test_a_row_that_waits_for_others_can_be_stopped_and_tried_again(queue):
    job = FakeJob(make_plan(make_item("top", size=9), make_item("dep", size=5)), {"dep": wait_until_cancelled})
    job.byte_phases = 2
    job.needed = {"top": {"dep"}}
    push_id = queue.add(job)
    assert job.reached.wait(30)
    snapshot = queue.snapshot()
    assert {row.name: row.state for row in snapshot.rows} == {"top": ItemState.UPLOADED, "dep": ItemState.PACKING}
    assert (snapshot.overall.waiting, snapshot.overall.moving) == (1, 1)
    queue.stop()
    assert queue.wait(push_id, 30)
    assert set(states(queue, push_id).values()) == {ItemState.CANCELLED}
    job.behave.clear()
    queue.retry()
    assert queue.wait(push_id, 30)
    assert job.order == ["top", "dep", "top", "dep"]
    assert job.completed == ["dep", "top"] or job.completed == ["top", "dep"]
    assert queue.snapshot().overall.done_bytes == queue.snapshot().overall.total_bytes


def test_what_lacked_a_failed_package_is_completed_after_its_retry(queue):
    behave = {"dep": fail}
    job = FakeJob(make_plan(make_item("top", size=9), make_item("dep", size=5), update_index=True), behave)
    job.needed = {"top": {"dep"}}
    job.missing = {"top": ("dep".ljust(32, "a"),)}
    push_id = queue.add(job)
    assert queue.wait(push_id, 30)
    top = queue.outcome(push_id).rows[0]
    assert (top.state, top.missing) == (ItemState.DONE, job.missing["top"])
    behave.clear()
    job.missing.clear()
    queue.retry()
    assert queue.wait(push_id, 30)
    assert job.order == ["top", "dep", "index", "dep", "index"]
    assert job.completed.count("top") == 2
    assert queue.outcome(push_id).rows[0].missing == ()


def test_a_package_that_is_only_completed_is_not_packed(queue):
    plan = make_plan(make_item("dep"), make_item("top", size=0, decision=Decision.COMPLETE))
    job = FakeJob(plan)
    job.needed = {"top": {"dep"}}
    push_id = queue.add(job)
    assert queue.wait(push_id, 30)
    assert job.order == ["dep"]
    assert job.completed == ["dep", "top"] or job.completed == ["top", "dep"]
    assert set(states(queue, push_id).values()) == {ItemState.DONE}


def test_clear_forgets_ended_pushes_only(queue):
    done = queue.add(FakeJob(make_plan(make_item("a"))))
    assert queue.wait(done, 30)
    job = FakeJob(make_plan(make_item("b")), {"b": wait_for_gate})
    moving = queue.add(job)
    assert job.reached.wait(30)
    queue.clear()
    assert [push.id for push in queue.snapshot().pushes] == [moving]
    job.gate.set()
    assert queue.wait(moving, 30)


def test_the_journal_knows_the_plan_before_anything_moves_and_goes_when_all_ended(journal, tmp_path):
    queue = TransferQueue(journal, workers=1)
    job = FakeJob(make_plan(make_item("a"), make_item("b")), {"a": wait_for_gate, "b": fail})
    push_id = queue.add(job)
    assert job.reached.wait(30)
    assert journal.path is not None
    first = json.loads(journal.path.read_text().splitlines()[0])
    assert first["t"] == "plan"
    assert [item["name"] for item in first["plan"]["items"]] == ["a", "b"]
    job.gate.set()
    assert queue.wait(push_id, 30)
    records = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert records[-1]["t"] == "ended"
    assert {(record["id"].split(":")[1][0], record["state"]) for record in records if record["t"] == "row"} == {
        ("a", "done"),
        ("b", "failed"),
    }
    queue.close()
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_journal_with_unfinished_rows_stays(journal, tmp_path):
    queue = TransferQueue(journal, workers=1)
    queue.pause(True)
    plan = make_plan(make_item("a"))
    journal.plan(plan)
    queue.close()
    (file,) = (tmp_path / "journal").iterdir()
    assert json.loads(file.read_text().splitlines()[0])["plan"]["id"] == plan.id


def test_a_thousand_rows_are_all_moved_by_several_workers(journal):
    queue = TransferQueue(journal, workers=4)
    job = FakeJob(make_plan(*(make_item(f"p{number}", size=number) for number in range(1000)), update_index=True))
    push_id = queue.add(job)
    assert queue.wait(push_id, 60)
    assert queue.snapshot().overall.done == 1001
    assert job.order[-1] == "index"
    queue.close()


def test_rows_say_how_their_archives_came_there(queue):
    items = make_item("sent"), make_item("mounted"), make_item("old", decision=Decision.COMPLETE)
    job = FakeJob(make_plan(*items))
    job.byte_phases = 2
    job.blobs["mounted"] = "mounted"
    push_id = queue.add(job)
    assert queue.wait(push_id, 30)
    assert {row.name: row.blob for row in queue.outcome(push_id).rows} == {
        "sent": "uploaded",
        "mounted": "mounted",
        "old": "present",
    }


class Uploading(FakeJob):
    """Uploads wait for `gate`; `begun` counts them."""

    def push(self, item, *, report, **others):
        super().push(item, report=report, **others)
        report.phase(ItemState.UPLOADING, 10)
        self.begun.release()
        assert self.gate.wait(30)
        return "uploaded"

    def __init__(self, plan):
        super().__init__(plan)
        self.begun = threading.Semaphore(0)


@pytest.mark.parametrize(("workers", "moving"), [(1, 1), (2, 6), (3, 7)])
def test_packing_goes_on_while_a_few_packages_upload(journal, workers, moving):
    queue = TransferQueue(journal, workers=workers)
    job = Uploading(make_plan(*(make_item(f"package-{number}") for number in range(9))))
    try:
        push_id = queue.add(job)
        for _ in range(moving):
            assert job.begun.acquire(timeout=30)
        totals = queue.snapshot().overall
        assert (totals.moving, totals.waiting) == (moving, 9 - moving)
        job.gate.set()
        assert queue.wait(push_id, 30)
        assert set(states(queue, push_id).values()) == {ItemState.DONE}
    finally:
        job.gate.set()
        queue.close()


def test_packing_takes_all_places(journal):
    queue = TransferQueue(journal, workers=2)
    items = [make_item(name) for name in ("one", "two", "three")]
    job = FakeJob(make_plan(*items), {item.name: wait_for_gate for item in items})
    try:
        push_id = queue.add(job)
        assert job.reached.wait(30)
        assert queue.snapshot().overall.moving <= 2
        job.gate.set()
        assert queue.wait(push_id, 30)
    finally:
        job.gate.set()
        queue.close()
