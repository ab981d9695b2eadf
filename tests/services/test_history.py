# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The history: what is recorded, how it is found again, and that it stands in nobody's way."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.foundation.cancel import CancelToken
from core.foundation.places import state_dir
from core.foundation.secret import Secret
from core.services.contents import update_index
from core.services.history import COLUMNS, export_history, find_history
from core.services.history_values import Action, HistoryEntry, HistoryForm, HistoryRequest
from core.services.keys import Keys
from core.services.upkeep import Upkeep
from core.services.upkeep_values import DeleteRequest
from core.services.verify import finish_repair
from core.services.verify_values import RepairPlan
from core.transfers.history import history_file, noted, read_history, record
from core.transfers.plan import Decision


def made(number: int, **more: object) -> HistoryEntry:
    return HistoryEntry(1000.0 + number, "me@here", Action.PUSHED, "team", subject=f"zlib@1.{number}", **more)


def test_what_is_recorded_is_found_the_newest_first() -> None:
    assert find_history(HistoryRequest()) == []
    record([made(1), made(2)])
    record([noted(Action.EDITED, "/etc/mirrors.yaml", subject="Add mirror x")])
    newest, second, first = find_history(HistoryRequest())
    assert (second, first) == (made(2), made(1))
    assert newest.who == f"{os.environ.get('USER') or 'root'}@{os.uname().nodename}"
    assert newest.at > 1_700_000_000
    assert find_history(HistoryRequest(most=1)) == [newest]
    assert find_history(HistoryRequest(action=Action.PUSHED)) == [second, first]
    assert find_history(HistoryRequest(since=1002.0, action=Action.PUSHED)) == [second]
    assert find_history(HistoryRequest("ZLIB@1.1")) == [first]
    assert (state_dir() / "history.jsonl").stat().st_mode & 0o777 == 0o600


def test_t18_no_secret_is_recorded() -> None:
    kept = Secret("c4nary-kept")
    record([noted(Action.PUSHED, "team", url="https://me:c4nary-url@reg.lab/x", detail=f"said {kept.reveal()}")])
    assert "c4nary" not in history_file().read_text()
    assert find_history(HistoryRequest())[0].url == "https://***@reg.lab/x"


def test_damaged_lines_hide_nothing_else() -> None:
    record([made(1)])
    with history_file().open("ab") as file:
        file.write(b'\x00\xff{"at": "x"}\n[1]\n' + b"[" * 100_000 + b'\n{"at": 5, "who": "a", "act')
    assert [one.subject for one in read_history()] == ["zlib@1.1"]
    with history_file().open("ab") as file:
        file.write(b"\n")
    record([made(2)])
    assert [one.subject for one in read_history()] == ["zlib@1.1", "zlib@1.2"]


def test_a_history_that_cannot_be_written_stops_nothing(expected_warnings: list[str]) -> None:
    state_dir().parent.mkdir(parents=True)
    state_dir().write_text("in the way")
    expected_warnings.append("the history was not written")
    record([made(1)])


def test_lines_of_several_writers_stay_whole() -> None:
    def write(number: int) -> None:
        for count in range(50):
            record([made(number * 1000 + count), made(number * 1000 + 500 + count)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(read_history())) == 400


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_exports_can_be_read_again(texts: list[str]) -> None:
    entries = [HistoryEntry(float(at), "me@here", Action.SIGNED, text, detail=text) for at, text in enumerate(texts)]
    rows = list(csv.reader(io.StringIO(export_history(entries, HistoryForm.CSV).decode(), newline="")))
    assert rows[0] == list(COLUMNS)
    assert len(rows) == len(entries) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]
    document = json.loads(export_history(entries, HistoryForm.JSON))
    assert [one["where"] for one in document["history"]] == texts


class TestWhoRecords:
    """What was done stands there; what was only planned does not."""

    @pytest.fixture
    def upkeep(self, instance, access, plan, carry_out, tmp_path: Path) -> Upkeep:
        carry_out(plan("zlib-ng", to="team", private=True, update_index=True))
        return Upkeep(instance, access, tmp_path)

    def test_deleting_restoring_and_emptying(self, upkeep: Upkeep) -> None:
        token = CancelToken()
        found = upkeep.plan_delete(DeleteRequest("team", queries=("zlib-ng",)), token, lambda *_: None)
        before = list(read_history())
        outcome = upkeep.apply("team", found.plan, permanently=False, token=token, progress=lambda *_: None)
        upkeep.restore("team", outcome.trash, token)
        again = upkeep.plan_delete(DeleteRequest("team", queries=("zlib-ng",)), token, lambda *_: None)
        upkeep.apply("team", again.plan, permanently=False, token=token, progress=lambda *_: None)
        upkeep.empty_trash("team", (), token)
        new = list(read_history())[len(before) :]
        assert [one.action for one in new] == ["deleted", "restored", "deleted", "emptied trash"]
        assert re.fullmatch(r"zlib-ng@[^/]+", new[0].subject), "its hash stands beside it"
        assert len(new[0].hash) == 32
        assert {one.where for one in new} == {"team"}
        assert new[1].subject == outcome.trash

    def test_index_repair_and_who_may_sign(self, instance, access, plan, carry_out, tmp_path: Path) -> None:
        carry_out(plan("zlib-ng", to="team", private=True))
        before = list(read_history())
        token = CancelToken()
        update_index(instance, access, "team", full=False, cwd=tmp_path, token=token, progress=lambda *_: None)
        (instance.root / "mirrors/team/v3/layout.json").unlink()
        finish_repair(instance, access, RepairPlan("team", None, None, True, True, ()), cwd=tmp_path, token=token)
        finish_repair(instance, access, RepairPlan("team", None, None, False, False, ()), cwd=tmp_path, token=token)
        Keys(instance, access, tmp_path).allow("team", ("A" * 40,))
        new = list(read_history())[len(before) :]
        assert [(one.action, one.subject) for one in new] == [
            ("updated index", ""),
            ("repaired", "layout mark, index"),
            ("allowed keys", "A" * 40),
        ]
        assert new[0].detail == "2 packages, 2 added, 0 dropped"
        assert {one.where for one in new} == {"team"}
        assert all(one.url.endswith("/mirrors/team") for one in new)

    def test_pushing(self, plan, carry_out) -> None:
        prepared = plan("zlib-ng", to="scratch", private=True, update_index=True)
        assert list(read_history()) == []
        carry_out(prepared)
        entries = list(read_history())
        assert {one.action for one in entries} == {Action.PUSHED}
        assert {one.where for one in entries} == {"scratch"}
        assert {(one.subject, one.hash) for one in entries} == {
            (f"{item.name}@{item.version}", item.hash) for item in prepared.plan.of(Decision.PUSH)
        }
        carry_out(plan("zlib-ng", to="scratch", private=True))
        assert len(list(read_history())) == len(entries), "what was there already was not pushed"

    def test_editing_and_undoing(self, instance) -> None:
        from core.mirrors.forms import ConnectionForm, MirrorForm
        from core.services.mirror_edits import MirrorEdits
        from core.services.mirror_values import AddMirror

        edits = MirrorEdits()
        plan = edits.plan(instance, AddMirror(MirrorForm("new", ConnectionForm("/srv/new")), "site"))
        assert list(read_history()) == []
        done = edits.apply(instance, plan.id)
        edits.undo(instance, done.undo)
        assert [one.action for one in read_history()] == ["edited", "undone"]
        assert {one.where for one in read_history()} == {plan.file}
