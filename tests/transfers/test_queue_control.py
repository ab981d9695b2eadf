# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pausing, reordering, limits and mirrors that hold themselves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator

import pytest
from transfer_fakes import FakeJob, fail, make_item, make_plan, wait_for_gate, wait_until_cancelled

from core.foundation.cancel import CancelToken
from core.foundation.errors import AuthRequired, MirrorVanished, NetworkDown, NoSpace, UsageError
from core.transfers.journal import Journal
from core.transfers.model import HoldReason, ItemState, Move, TransferLimits
from core.transfers.queue import TransferQueue


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def queue(journal, clock) -> Iterator[TransferQueue]:
    queue = TransferQueue(journal, workers=1, hold_mirrors=True, clock=clock)
    yield queue
    queue.close()


def states(queue: TransferQueue, push_id: str) -> dict[str, ItemState]:
    return {row.name or row.kind: row.state for row in queue.outcome(push_id).rows}


def raising(error: Exception) -> Callable[[FakeJob, CancelToken], None]:
    def behave(_job: FakeJob, _token: CancelToken) -> None:
        raise error

    return behave


def until(condition: Callable[[], bool]) -> None:
    """The queue has no event for everything; it is asked again and again."""
    for _ in range(30_000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it never happened")


def row_id(job: FakeJob, name: str) -> str:
    return f"{job.plan.id}:{make_item(name).hash}"


class TestHolds:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (NoSpace("full"), HoldReason.NO_SPACE),
            (AuthRequired("who?", status=401), HoldReason.LOGIN),
            (MirrorVanished("gone"), HoldReason.VANISHED),
        ],
    )
    def test_what_is_wrong_with_a_mirror_holds_it_once_and_release_goes_on(self, queue, error, reason):
        behave = {"a": raising(error)}
        job = FakeJob(make_plan(make_item("a", size=2), make_item("b", size=1), update_index=True), behave)
        push_id = queue.add(job)
        until(lambda: bool(queue.snapshot().holds))
        (hold,) = queue.snapshot().holds
        assert (hold.mirror, hold.reason, hold.error.title, hold.left_s) == ("m", reason, error.title, None)
        assert hold.waiting == 3
        assert job.order == ["a"]
        behave.clear()
        queue.release("m")
        assert queue.wait(push_id, 30)
        assert job.order == ["a", "a", "b", "index"]
        assert job.again == ["a"]
        assert set(states(queue, push_id).values()) == {ItemState.DONE}

    def test_what_began_before_the_release_does_not_hold_the_mirror_again(self, queue):
        """A request with the old password may be answered after the new one was typed."""
        refused = AuthRequired("who?", status=401)

        def late(job: FakeJob, token: CancelToken) -> None:
            wait_for_gate(job, token)
            raise refused

        behave = {"early": raising(refused), "late": late}
        queue.set_limits(TransferLimits(2))
        job = FakeJob(make_plan(make_item("late", size=2), make_item("early", size=1)), behave)
        push_id = queue.add(job)
        until(lambda: bool(queue.snapshot().holds) and job.reached.is_set())
        behave.clear()
        queue.release("m")
        until(lambda: job.order.count("early") == 2)
        job.gate.set()
        assert queue.wait(push_id, 30), queue.snapshot().holds
        assert set(states(queue, push_id).values()) == {ItemState.DONE}

    def test_other_mirrors_go_on_meanwhile(self, queue):
        held = FakeJob(make_plan(make_item("a"), mirror="full"), {"a": fail})
        held_id = queue.add(held)
        other = queue.add(FakeJob(make_plan(make_item("a"), make_item("b"), mirror="other")))
        assert queue.wait(other, 30)
        assert not queue.wait(held_id, 0)

    def test_giving_up_fails_the_rest_with_the_reason(self, queue):
        job = FakeJob(make_plan(make_item("a", size=2), make_item("b", size=1), update_index=True), {"a": fail})
        push_id = queue.add(job)
        until(lambda: bool(queue.snapshot().holds))
        queue.release("m", give_up=True)
        assert queue.wait(push_id, 30)
        assert states(queue, push_id) == {
            "a": ItemState.FAILED,
            "b": ItemState.FAILED,
            "index": ItemState.CANCELLED,
        }
        assert {row.error.code for row in queue.outcome(push_id).in_state(ItemState.FAILED)} == {"no-space"}

    def test_q52_a_lost_connection_is_tried_again_by_itself_and_no_row_is_lost(self, queue, clock):
        behave = {"a": raising(NetworkDown("no route"))}
        job = FakeJob(make_plan(make_item("a")), behave)
        push_id = queue.add(job)
        pauses = []
        for tries in range(1, 8):
            until(lambda tries=tries: [hold.tries for hold in queue.snapshot().holds] == [tries])
            (hold,) = queue.snapshot().holds
            pauses.append(hold.left_s)
            if tries == 7:
                behave.clear()
            clock.now += hold.left_s
            queue.pause(False)  # whoever waits looks at the clock again
        assert queue.wait(push_id, 30)
        assert pauses == [15, 30, 60, 120, 240, 300, 300]
        assert states(queue, push_id) == {"a": ItemState.DONE}

    def test_a_row_that_breaks_the_connection_again_and_again_while_others_get_through_fails(self, queue):
        def bad(job: FakeJob, _token: CancelToken) -> None:
            before = len(job.completed)
            until(lambda: len(job.completed) > before)
            raise NetworkDown("reset")

        queue.set_limits(TransferLimits(2))
        items = [make_item(f"good{number}") for number in range(3000)]
        job = FakeJob(make_plan(make_item("bad", size=999), *items), {"bad": bad})
        push_id = queue.add(job)

        def failed() -> bool:
            queue.release("m")
            return states(queue, push_id)["bad"] is ItemState.FAILED

        until(failed)
        assert job.order.count("bad") >= 4
        queue.stop()

    def test_stopping_works_while_a_mirror_is_held(self, queue):
        push_id = queue.add(FakeJob(make_plan(make_item("a"), make_item("b")), {"a": fail, "b": fail}))
        until(lambda: bool(queue.snapshot().holds))
        queue.stop()
        assert queue.wait(push_id, 30)
        assert set(states(queue, push_id).values()) == {ItemState.CANCELLED}


class TestPausing:
    def test_two_who_pause_do_not_undo_each_other(self, queue):
        job = FakeJob(make_plan(make_item("a")))
        queue.pause(True, by="somebody else")
        assert not queue.snapshot().paused  # shown is what the person did
        queue.pause(True)
        push_id = queue.add(job)
        queue.pause(False, by="somebody else")
        assert queue.snapshot().paused
        assert not queue.wait(push_id, 0.05)
        queue.pause(False)
        assert queue.wait(push_id, 30)

    def test_a_waiting_row_is_left_out_until_it_is_resumed(self, queue):
        job = FakeJob(make_plan(make_item("big", size=9), make_item("small", size=1), update_index=True))
        queue.pause(True)
        push_id = queue.add(job)
        queue.pause_rows([row_id(job, "big")], True)
        queue.pause(False)
        until(lambda: states(queue, push_id)["small"] is ItemState.DONE)
        assert {row.name: row.paused for row in queue.outcome(push_id).rows if row.name} == {
            "big": True,
            "small": False,
        }
        assert job.order == ["small"]
        queue.pause_rows([row_id(job, "big")], False)
        assert queue.wait(push_id, 30)
        assert job.order == ["small", "big", "index"]

    def test_a_moving_row_stops_moving_and_begins_again_later(self, queue):
        behave = {"a": wait_until_cancelled}
        job = FakeJob(make_plan(make_item("a")), behave)
        push_id = queue.add(job)
        assert job.reached.wait(30)
        queue.pause_rows([row_id(job, "a")], True)
        until(lambda: states(queue, push_id)["a"] is ItemState.WAITING)
        behave.clear()
        queue.pause_rows([row_id(job, "a")], False)
        assert queue.wait(push_id, 30)
        assert job.again == ["a"]

    def test_a_paused_mirror_waits_and_others_do_not(self, queue):
        queue.pause_mirrors(["slow"], True)
        slow = queue.add(FakeJob(make_plan(make_item("a"), mirror="slow")))
        assert queue.wait(queue.add(FakeJob(make_plan(make_item("a"), mirror="fast"))), 30)
        assert queue.snapshot().paused_mirrors == ("slow",)
        assert not queue.wait(slow, 0)
        queue.pause_mirrors(["slow"], False)
        assert queue.wait(slow, 30)

    def test_a_push_can_be_added_paused_and_stopped(self, queue):
        job = FakeJob(make_plan(make_item("a"), make_item("b")))
        push_id = queue.add(job, paused=True)
        assert queue.snapshot().overall.waiting == 2
        queue.stop([row_id(job, "a")])
        queue.pause_rows([row_id(job, "b")], False)
        assert queue.wait(push_id, 30)
        assert states(queue, push_id) == {"a": ItemState.CANCELLED, "b": ItemState.DONE}


class TestOrder:
    def order_after(self, queue: TransferQueue, *moves: tuple[list[str], Move]) -> list[str]:
        """Of packages a, b, c, d, which would go in this order."""
        job = FakeJob(make_plan(*(make_item(name, size=9 - number) for number, name in enumerate("abcd"))))
        queue.pause(True)
        push_id = queue.add(job)
        for names, to in moves:
            queue.move([row_id(job, name) for name in names], to)
        shown = sorted(queue.outcome(push_id).rows, key=lambda row: row.order, reverse=True)
        queue.pause(False)
        assert queue.wait(push_id, 30)
        assert [row.name for row in shown] == job.order
        return job.order

    @pytest.mark.parametrize(
        ("names", "to", "order"),
        [
            ("c", Move.NEXT, "cabd"),
            ("bd", Move.NEXT, "bdac"),
            ("a", Move.LAST, "bcda"),
            ("c", Move.UP, "acbd"),
            ("bc", Move.UP, "bcad"),
            ("ab", Move.UP, "abcd"),
            ("bd", Move.UP, "badc"),
            ("bc", Move.DOWN, "adbc"),
            ("ac", Move.DOWN, "badc"),
            ("d", Move.DOWN, "abcd"),
        ],
    )
    def test_moves(self, queue, names, to, order):
        assert "".join(self.order_after(queue, (list(names), to))) == order

    def test_the_last_move_wins(self, queue):
        assert "".join(self.order_after(queue, (["d"], Move.NEXT), (["c"], Move.NEXT), (["d"], Move.DOWN))) == "cadb"

    def test_next_is_before_all_pushes(self, queue):
        queue.pause(True)
        first, second = FakeJob(make_plan(make_item("a"), make_item("b"))), FakeJob(make_plan(make_item("c")))
        second.order = first.order
        ids = [queue.add(first), queue.add(second)]
        queue.move([row_id(second, "c")], Move.NEXT)
        queue.pause(False)
        assert all(queue.wait(push_id, 30) for push_id in ids)
        assert first.order == ["c", "a", "b"]


class TestLimits:
    def test_more_threads_and_fewer(self, queue):
        job = FakeJob(make_plan(*(make_item(name) for name in "abcd")), dict.fromkeys("abcd", wait_for_gate))
        push_id = queue.add(job)
        until(lambda: queue.snapshot().overall.moving == 1)
        queue.set_limits(TransferLimits(3))
        until(lambda: queue.snapshot().overall.moving == 3)
        assert queue.snapshot().limits == TransferLimits(3)
        queue.set_limits(TransferLimits(1))
        job.gate.set()
        assert queue.wait(push_id, 30)

    def test_one_mirror_may_not_take_all_of_them(self, queue):
        one = FakeJob(make_plan(*map(make_item, "abc"), mirror="one"), dict.fromkeys("abc", wait_for_gate))
        two = FakeJob(make_plan(*map(make_item, "abc"), mirror="two"), dict.fromkeys("abc", wait_for_gate))
        queue.set_limits(TransferLimits(4, per_mirror=1))
        ids = [queue.add(one), queue.add(two)]
        until(lambda: queue.snapshot().overall.moving == 2)
        assert one.reached.wait(30)
        assert two.reached.wait(30)
        assert (len(one.order), len(two.order)) == (1, 1)
        one.gate.set()
        two.gate.set()
        assert all(queue.wait(push_id, 30) for push_id in ids)

    def test_impossible_ones_change_nothing(self, queue):
        with pytest.raises(UsageError):
            queue.set_limits(TransferLimits(0))
        assert queue.snapshot().limits == TransferLimits(1)


class TestClosing:
    def test_what_moves_is_finished_and_the_rest_stays_in_the_journal(self, journal, tmp_path):
        queue = TransferQueue(journal, workers=1)
        job = FakeJob(make_plan(make_item("a", size=2), make_item("b", size=1)), {"a": wait_for_gate})
        push_id = queue.add(job)
        assert job.reached.wait(30)
        threading.Timer(0.05, job.gate.set).start()
        queue.close(finish_s=30)
        assert job.completed == []
        assert job.order == ["a"]
        (file,) = (tmp_path / "journal").iterdir()
        records = [json.loads(line) for line in file.read_text().splitlines()]
        assert not any(record["t"] == "ended" for record in records)
        assert states(queue, push_id)["b"] is ItemState.WAITING

    def test_what_takes_too_long_is_interrupted_but_not_given_up(self, journal, tmp_path):
        queue = TransferQueue(journal, workers=1)
        job = FakeJob(make_plan(make_item("a")), {"a": wait_until_cancelled})
        push_id = queue.add(job)
        assert job.reached.wait(30)
        queue.close()
        assert states(queue, push_id) == {"a": ItemState.WAITING}
        assert len(list((tmp_path / "journal").iterdir())) == 1

    def test_a_signal_may_come_while_a_worker_is_started(self, journal, monkeypatch):
        queue = TransferQueue(journal, workers=1)
        monkeypatch.setattr(threading.Thread, "start", leave)
        with pytest.raises(SystemExit):
            queue.set_limits(TransferLimits(2))
        monkeypatch.undo()
        queue.close()


def leave(_thread: threading.Thread) -> None:
    """As a SIGTERM to the program does, wherever it is."""
    raise SystemExit(143)
