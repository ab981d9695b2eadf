# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Of each push that ends somebody is told once, however short it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import transfer_samples as samples
from fake_client import FakeClient
from pytestqt.qtbot import QtBot

from core.transfers.model import ItemState, PushStatus, QueueSnapshot
from gui.transfers.state import TransfersState

RUNNING, ENDED = samples.running(), samples.ended()


@pytest.fixture
def told(client: FakeClient) -> list[PushStatus]:
    told: list[PushStatus] = []
    state = TransfersState(client, client)
    state.push_ended.connect(told.append)
    return told


@pytest.mark.parametrize(
    ("snapshots", "times"),
    [
        ([RUNNING], 0),
        ([RUNNING, ENDED], 1),
        ([RUNNING, ENDED, ENDED], 1),
        ([ENDED], 1),  # begun and ended between two snapshots
        ([replace(ENDED, full=True)], 0),  # it had ended before anybody looked
        ([replace(RUNNING, full=True), replace(ENDED, full=True)], 1),
        ([replace(ENDED, full=True), ENDED], 0),
        ([RUNNING, ENDED, RUNNING, ENDED], 2),  # something was tried again
    ],
)
def test_once_for_each(client: FakeClient, told: list[PushStatus], snapshots: list[QueueSnapshot], times: int) -> None:
    for snapshot in snapshots:
        client.tell(snapshot)
    assert told == list(ENDED.pushes) * times


def test_its_last_rows_are_known_when_it_is_told(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gui.transfers.state.display_is_far", lambda: True)
    state = TransfersState(client, client)
    seen: list[bool] = []
    state.push_ended.connect(lambda push: seen.append(all(row.state.ended for row in state.rows_of(push.id))))
    client.tell(RUNNING)
    client.tell(ENDED)
    assert seen == [True]


def test_a_lost_engine_ends_what_ran(client: FakeClient, told: list[PushStatus]) -> None:
    client.tell(RUNNING)
    client.engine_lost.emit("killed")
    assert [push.ended for push in told] == [True]
    assert told[0].totals.waiting == told[0].totals.moving == 0


@pytest.fixture
def large() -> QueueSnapshot:
    rows = [samples.row(f"p{number}") for number in range(3500)]
    return samples.snapshot([*rows, samples.row("moves", state=ItemState.UPLOADING)])


def test_thousands_of_rows_of_a_lost_engine_stop_in_parts(
    client: FakeClient, large: QueueSnapshot, qtbot: QtBot
) -> None:
    state = TransfersState(client, client)
    parts: list[QueueSnapshot] = []
    seen: list[bool] = []
    state.changed.connect(parts.append)
    state.push_ended.connect(lambda push: seen.append(all(row.state.ended for row in state.rows_of(push.id))))
    client.tell(large)
    with qtbot.waitSignal(state.push_ended):
        client.engine_lost.emit("killed")
        assert not state.overall.active
        assert state.interrupted == 3501
        assert state.moving == ()
        assert state.rows[large.rows[-1].id].state is ItemState.CANCELLED
        assert not seen
    assert seen == [True]
    assert max(len(part.rows) for part in parts[1:]) == 1000
    assert {row.id for part in parts[1:] for row in part.rows} == {row.id for row in large.rows}


@pytest.mark.parametrize("sooner", ["an engine", "a place", "another end"])
def test_what_comes_sooner_finds_them_all_stopped(
    client: FakeClient, told: list[PushStatus], large: QueueSnapshot, sooner: str
) -> None:
    client.tell(large)
    client.engine_lost.emit("killed")
    assert told == []
    if sooner == "an engine":
        client.tell(replace(samples.snapshot([samples.row("other", push="p2")]), full=True))
    elif sooner == "a place":
        client.place_changed.emit()
    else:
        client.engine_lost.emit("killed")
    assert [push.id for push in told] == [large.pushes[0].id]
