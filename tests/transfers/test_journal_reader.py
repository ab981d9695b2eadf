# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transfer_fakes import FakeJob, fail, make_item, make_plan, wait_until_cancelled

from core.foundation.errors import CacheError, Conflict, NoSpace, NotFound
from core.transfers.journal import Journal
from core.transfers.journal_reader import dead_journal, unfinished
from core.transfers.model import ItemState
from core.transfers.plan import Decision
from core.transfers.queue import TransferQueue


def died(directory: Path) -> Path:
    """The journal of a process that died with one package done, one failed, one stopped and one moving."""
    queue = TransferQueue(Journal(directory), workers=1)
    items = [make_item(name, size=size) for size, name in enumerate(("moving", "stopped", "bad", "good"), start=1)]
    there = make_item("there", decision=Decision.PRESENT)
    job = FakeJob(make_plan(*items, there, update_index=True), {"bad": fail, "moving": wait_until_cancelled})
    queue.pause(True)
    queue.add(job)
    queue.stop([f"{job.plan.id}:{items[1].hash}"])
    queue.pause(False)
    assert job.reached.wait(30)
    queue.close()
    (path,) = directory.iterdir()
    return path


def test_what_a_dead_process_left_is_offered_with_its_numbers(tmp_path):
    path = died(tmp_path)
    (offer,) = unfinished(tmp_path).offers
    (push,) = offer.pushes
    assert offer.id == path.stem
    assert (push.mirror, push.waiting, push.done, push.failed, push.bytes_left) == ("m", 1, 1, 1, 1)
    assert offer.waiting == 1
    with dead_journal(path.stem, tmp_path) as journal:
        (found,) = journal.unfinished
        assert found.stopped == {make_item("stopped").hash}
        assert found.state(make_item("good")) is ItemState.DONE
        assert found.manifest(make_item("good")) == "sha256:" + "0" * 64


def test_what_was_tried_again_after_all_had_ended_is_offered(tmp_path):
    queue = TransferQueue(Journal(tmp_path), workers=1)
    items = [make_item(name) for name in ("again", "stopped")]
    job = FakeJob(make_plan(*items, update_index=True), {"again": wait_until_cancelled})
    queue.pause(True)
    queue.add(job)
    queue.stop()
    assert queue.wait(job.plan.id, 30)
    queue.retry([f"{job.plan.id}:{items[0].hash}"])
    queue.close()
    (offer,) = unfinished(tmp_path).offers
    assert offer.waiting == 1
    with dead_journal(offer.id, tmp_path) as journal:
        (found,) = journal.unfinished
        assert found.stopped == {items[1].hash}


def test_after_all_has_ended_a_journal_begins_anew(tmp_path):
    queue = TransferQueue(Journal(tmp_path), workers=1)
    first = queue.add(FakeJob(make_plan(make_item("a"))))
    assert queue.wait(first, 30)
    moving = FakeJob(make_plan(make_item("b")), {"b": wait_until_cancelled})
    queue.add(moving)
    assert moving.reached.wait(30)
    queue.add(FakeJob(make_plan(make_item("c"))))
    queue.close()
    (path,) = tmp_path.iterdir()
    with dead_journal(path.stem, tmp_path) as journal:
        assert [push.packages[0].name for push in journal.unfinished] == ["b", "c"]
    assert first not in path.read_text()


def test_what_ended_in_an_earlier_journal_and_is_tried_again_is_offered_with_its_numbers(tmp_path):
    queue = TransferQueue(Journal(tmp_path), workers=1)
    items = [make_item(name) for name in ("good", "bad", "stopped")]
    failing = FakeJob(make_plan(*items, update_index=True), {"bad": fail})
    queue.pause(True)
    queue.add(failing)
    queue.stop([f"{failing.plan.id}:{items[2].hash}"])
    queue.pause(False)
    assert queue.wait(failing.plan.id, 30)
    later = FakeJob(make_plan(make_item("later")), {"later": wait_until_cancelled})
    queue.add(later)
    assert later.reached.wait(30)
    queue.retry([f"{failing.plan.id}:{items[1].hash}"])
    queue.retry([f"{failing.plan.id}:{items[2].hash}"])
    queue.stop([f"{failing.plan.id}:{items[2].hash}"])
    queue.close()
    (offer,) = unfinished(tmp_path).offers
    numbers = {push.id: (push.waiting, push.done, push.failed) for push in offer.pushes}
    assert numbers == {failing.plan.id: (1, 1, 0), later.plan.id: (1, 0, 0)}
    with dead_journal(offer.id, tmp_path) as journal:
        found = next(push for push in journal.unfinished if push.plan.id == failing.plan.id)
        assert found.stopped == {items[2].hash}
        assert found.manifest(items[0]) == "sha256:" + "0" * 64


def test_the_journal_of_a_living_process_is_left_alone(tmp_path):
    journal = Journal(tmp_path)
    journal.plan(make_plan(make_item("a")))
    assert unfinished(tmp_path).offers == ()
    assert journal.path is not None
    with pytest.raises(Conflict), dead_journal(journal.path.stem, tmp_path):
        pass
    journal.close()
    assert len(unfinished(tmp_path).offers) == 1


def test_two_cannot_continue_the_same(tmp_path):
    path = died(tmp_path)
    with dead_journal(path.stem, tmp_path), pytest.raises(Conflict), dead_journal(path.stem, tmp_path):
        pass


def test_what_somebody_took_over_is_not_offered_again(tmp_path):
    path = died(tmp_path)
    journal = Journal(tmp_path)
    journal.plan(make_plan(make_item("a")))
    with dead_journal(path.stem, tmp_path) as dead:
        dead.forget(dead.unfinished[0])
    assert not path.exists()
    journal.close()


@pytest.mark.parametrize("left", [1, 5, 40])
def test_t34_a_torn_last_line_costs_only_itself(tmp_path, left):
    path = died(tmp_path)
    data = path.read_bytes().rstrip(b"\n")
    start = data.rindex(b"\n") + 1
    path.write_bytes(data[: start + left])
    (offer,) = unfinished(tmp_path).offers
    assert offer.waiting == 2  # that one has failed is what was lost
    with dead_journal(path.stem, tmp_path) as journal:
        assert len(journal.unfinished) == 1


def test_t34_a_full_disk_costs_only_the_records_that_did_not_fit(tmp_path, monkeypatch):
    real, full = os.write, []

    def write(descriptor: int, data: bytes) -> int:
        if full:
            if full.pop():
                return real(descriptor, bytes(data)[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    journal = Journal(tmp_path)
    journal.plan(make_plan(make_item("a")))
    full += [False, True]
    with pytest.raises(NoSpace):
        journal.plan(make_plan(make_item("b")))
    journal.plan(make_plan(make_item("c"), make_item("d")))
    journal.close()
    found = unfinished(tmp_path)
    assert found.problems == ()
    assert [push.waiting for push in found.offers[0].pushes] == [1, 2]


@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "zeros"])
def test_t34_odd_things_in_place_of_a_journal(tmp_path, kind):
    path = tmp_path / "0.jsonl"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(died(tmp_path / "elsewhere"))
    else:
        path.write_bytes(died(tmp_path / "elsewhere").read_bytes() + bytes(4096))
    found = unfinished(tmp_path)
    assert (len(found.offers), len(found.problems)) == ((1, 0) if kind == "zeros" else (0, 1))


def test_a_broken_journal_is_set_aside_and_reported_once(tmp_path):
    path = died(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"{ nonsense\x1b[31m\n" + b"".join(lines[1:]))
    (problem,) = unfinished(tmp_path).problems
    assert "cannot be read" in problem.title
    assert "\x1b" not in problem.why
    assert [each.name for each in tmp_path.iterdir()] == [path.name + ".broken"]
    assert unfinished(tmp_path).problems == ()


def test_the_journal_of_a_newer_version_is_reported_and_stays(tmp_path):
    path = tmp_path / "0.jsonl"
    path.write_bytes(b'{"t":"plan","version":99,"plan":{"items":"elsewhere"},"at":1}\n{"t":"row"}\n')
    (problem,) = unfinished(tmp_path).problems
    assert "newer" in problem.title
    assert path.exists()


def test_finished_journals_go_and_empty_ones_may_belong_to_somebody_who_just_began(tmp_path):
    finished = died(tmp_path)
    with finished.open("ab") as file:
        file.write(b'{"t":"ended","push":"' + finished.read_bytes().split(b'"id":"')[1].split(b'"')[0] + b'"}\n')
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert unfinished(tmp_path).offers == ()
    assert list(tmp_path.iterdir()) == [empty]


def test_ids_lead_nowhere_else(tmp_path):
    (tmp_path / "journal").mkdir()
    (tmp_path / "secret.jsonl").touch()
    with pytest.raises(NotFound), dead_journal("../secret", tmp_path / "journal"):
        pass


@given(data=st.binary(max_size=300), cut=st.integers(0, 2000))
def test_no_content_does_more_than_a_problem(tmp_path_factory, data, cut):
    directory = tmp_path_factory.mktemp("journal")
    journal = Journal(directory)
    journal.plan(make_plan(make_item("a")))
    journal.close()
    (path,) = directory.iterdir()
    path.write_bytes(path.read_bytes()[:cut] + data)
    found = unfinished(directory)
    assert len(found.offers) + len(found.problems) <= 1
    for offer in found.offers:
        try:
            with dead_journal(offer.id, directory) as dead:
                dead.forget(dead.unfinished[0])
        except CacheError:
            raise AssertionError("an offer that cannot be taken") from None
