# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the queue does, at the bottom of every page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import transfer_samples as samples
from fake_client import FakeClient
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from core.engine.calls.transfers import PauseTransfers, RetryTransfers, StopTransfers
from core.transfers.model import ItemState, QueueSnapshot
from gui.actions import Actions
from gui.transfers.state import TransfersState
from gui.transfers.status_bar import TransfersStatus


@pytest.fixture
def status(qtbot: QtBot, loop: object, client: FakeClient, themed: object) -> Iterator[TransfersStatus]:
    state = TransfersState(client)
    actions = Actions()
    bar = TransfersStatus(state, actions)
    bar.parts_of_test = (state, actions)  # type: ignore[attr-defined]
    qtbot.addWidget(bar)
    bar.set_idle_text("/opt/spack · 1.1.1")
    bar.resize(1000, 40)
    bar.show()
    yield bar
    state.leave()


def show(client: FakeClient, snapshot: QueueSnapshot) -> None:
    client.snapshot_received.emit(snapshot)


def words(status: TransfersStatus) -> str:
    return " ".join(status.text().replace("\u2009", " ").split())


def test_idle_names_the_instance(status: TransfersStatus) -> None:
    assert words(status) == "/opt/spack · 1.1.1"
    for widget in (status.bar, status.pause, status.stop, status.failed, status.retry):
        assert widget.isHidden()


def test_running(status: TransfersStatus, client: FakeClient) -> None:
    show(client, samples.running())
    assert words(status) == "Pushing 4 of 8 llvm 24 % · 48 MB/s · 6 min left"
    assert status.bar.share == pytest.approx(642 / 1100)
    assert status.failed.text() == "1 failed"
    assert status.accessibleName() == status.text()


@pytest.mark.parametrize(
    ("state", "expected"),
    [(ItemState.FINALISING, "a finalising"), (ItemState.PACKING, "a packing")],
)
def test_a_row_without_bytes_says_its_phase(
    status: TransfersStatus, client: FakeClient, state: ItemState, expected: str
) -> None:
    show(client, samples.snapshot([samples.row("a", state=state, total=None)]))
    assert words(status) == f"Pushing 1 of 1 {expected}"
    assert status.bar.share is None


def test_index_has_its_own_words(status: TransfersStatus, client: FakeClient) -> None:
    show(client, samples.snapshot([samples.row("a", state=ItemState.DONE), samples.index_row(ItemState.INDEXING)]))
    assert words(status) == "Pushing 1 of 1 updating the index"


def test_failures_stay_until_they_are_retried(status: TransfersStatus, client: FakeClient, qtbot: QtBot) -> None:
    show(client, samples.ended())
    assert words(status) == "/opt/spack · 1.1.1"
    assert status.failed.isVisible()
    qtbot.mouseClick(status.retry, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(client.asked(RetryTransfers)))
    failed = [row.id for row in samples.ended().rows if row.state is ItemState.FAILED]
    assert client.asked(RetryTransfers) == [RetryTransfers(tuple(failed))]


def test_retry_leaves_alone_what_somebody_stopped(status: TransfersStatus, client: FakeClient) -> None:
    show(client, samples.snapshot([samples.row("a", state=ItemState.CANCELLED)]))
    _state, actions = status.parts_of_test  # type: ignore[attr-defined]
    assert not actions.retry_failed.isEnabled()
    assert actions.retry_failed.toolTip() == "Nothing has failed"


def test_pause_and_stop(status: TransfersStatus, client: FakeClient, qtbot: QtBot) -> None:
    show(client, samples.running())
    client.answers[PauseTransfers] = replace(samples.running(), paused=True)
    qtbot.mouseClick(status.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: status.pause.accessibleName() == "Resume")
    assert client.asked(PauseTransfers) == [PauseTransfers(True)]
    assert words(status).startswith("Paused")
    qtbot.mouseClick(status.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(client.asked(StopTransfers)))
    assert client.asked(StopTransfers) == [StopTransfers(())]


def test_a_click_leads_to_the_transfers(status: TransfersStatus, qtbot: QtBot) -> None:
    with qtbot.waitSignal(status.transfers_wanted):
        qtbot.mouseClick(status, Qt.MouseButton.LeftButton)


def test_two_pushes_count_only_what_is_unfinished(status: TransfersStatus, client: FakeClient) -> None:
    old = [samples.row(f"old{number}", state=ItemState.DONE) for number in range(5)]
    new = [samples.row("new", state=ItemState.PACKING, push="p2", total=None), samples.row("next", push="p2")]
    show(client, samples.snapshot([*old, *new]))
    assert words(status).startswith("Pushing 1 of 2")
