# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Adding a push to the queue without beginning it, and where it is packed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import samples as common
import transfer_samples as samples
from fake_client import FakeClient
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from core.engine.calls.push import PlanPush, StartPush
from core.engine.calls.settings import SettingsChanged
from core.foundation.errors import ErrorInfo
from gui import preferences
from gui.push.dialog import PushDialog

Open = Callable[[str], PushDialog]


@pytest.fixture
def open_dialog(qtbot: QtBot, client: FakeClient) -> Iterator[Open]:
    def plan(call: PlanPush) -> object:
        made = samples.registry_plan if "://" in call.request.mirror else samples.plan
        return made(call.request.options, mirror=call.request.mirror)

    client.answers[PlanPush] = plan
    client.answers[StartPush] = "push-1"
    opened: list[PushDialog] = []

    def make(mirror: str) -> PushDialog:
        dialog = PushDialog(client, common.INSTANCE, mirror=mirror, hashes=(samples.dag_hash("hdf5"),))
        qtbot.addWidget(dialog)
        opened.append(dialog)
        dialog.open()
        qtbot.waitUntil(lambda: not dialog.tasks.busy)
        return dialog

    yield make
    for dialog in opened:
        dialog.reject()
        qtbot.waitUntil(lambda dialog=dialog: not dialog.tasks.busy and not dialog.packing.tasks.busy)  # type: ignore[misc]


def test_adding_to_the_queue_begins_nothing(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog("scratch")
    assert dialog.queue_button.toolTip() == "It waits on the Transfers page until you resume it"
    with qtbot.waitSignals([dialog.push_started, dialog.accepted]):
        qtbot.mouseClick(dialog.queue_button, Qt.MouseButton.LeftButton)
    assert client.asked(StartPush) == [StartPush("plan-1", paused=True)]


def test_pushing_begins(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog("scratch")
    with qtbot.waitSignal(dialog.accepted):
        qtbot.mouseClick(dialog.push_button, Qt.MouseButton.LeftButton)
    assert client.asked(StartPush) == [StartPush("plan-1")]


def test_what_cannot_be_pushed_cannot_be_queued(open_dialog: Open, client: FakeClient) -> None:
    error = ErrorInfo("permission-denied", "Cannot write to /scratch/cache", "mode 2755")
    client.answers[PlanPush] = lambda call: samples.plan(call.request.options, blockers=(error,))
    dialog = open_dialog("scratch")
    assert not dialog.queue_button.isEnabled()
    assert dialog.queue_button.toolTip() == error.title


def test_a_registry_needs_room_to_pack_and_a_folder_none(open_dialog: Open) -> None:
    assert open_dialog("scratch").packing.isHidden()
    dialog = open_dialog("oci://registry.site.org/hpc/cache")
    assert dialog.packing.isVisible()
    assert dialog.packing.place.text().startswith(f"{preferences.now().packing_place}, ")
    assert dialog.packing.place.text().endswith(" free")


def test_another_packing_folder_is_told_before_it_is_planned_again(
    open_dialog: Open, client: FakeClient, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = open_dialog("oci://registry.site.org/hpc/cache")
    client.calls.clear()
    dialog.packing.tasks.start(dialog.packing.choose(str(tmp_path)))
    qtbot.waitUntil(lambda: bool(client.asked(PlanPush)) and not dialog.tasks.busy)
    assert [type(call) for call in client.calls][:2] == [SettingsChanged, PlanPush]
    assert preferences.now().packing_place == tmp_path
    assert dialog.packing.place.text().startswith(str(tmp_path))


def test_a_folder_that_cannot_be_written_is_not_taken(
    open_dialog: Open, client: FakeClient, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = open_dialog("oci://registry.site.org/hpc/cache")
    client.calls.clear()
    dialog.packing.tasks.start(dialog.packing.choose(str(tmp_path / "nowhere")))
    qtbot.waitUntil(lambda: not dialog.packing.tasks.busy)
    assert "not write into this folder" in dialog.packing.place.text()
    assert not client.calls
    assert preferences.now().packing_folder == ""
