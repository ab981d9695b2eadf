# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Of each push that ends somebody is told once, however short it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import transfer_samples as samples
from fake_client import FakeClient

from core.transfers.model import PushStatus, QueueSnapshot
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
