# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One push to several mirrors: each has its plan, all start together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import samples as common
import transfer_samples as samples
from fake_client import FakeClient
from push_dialogs import push_dialogs
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.push import PlanPush, StartPush
from core.foundation.errors import ErrorInfo
from core.services.values import MirrorRow, MirrorsView
from core.transfers.plan import Decision, PushPlan
from gui.push.dialog import PushDialog

HASHES = tuple(samples.dag_hash(name) for name in ("openmpi", "llvm", "hdf5"))
BLOCKED = ErrorInfo("permission-denied", "Cannot write to /nfs/spack/build_cache", "it belongs to root")
Open = Callable[[], PushDialog]


def plan_of(call: PlanPush) -> PushPlan:
    request = call.request
    plan = replace(samples.plan(request.options, mirror=request.mirror), id=f"plan-{request.mirror}")
    if request.mirror == "nfs":
        return replace(plan, blockers=(BLOCKED,))
    if request.mirror == "full":
        return replace(plan, items=tuple(replace(item, decision=Decision.PRESENT) for item in plan.items))
    return plan


@pytest.fixture
def open_dialog(qtbot: QtBot, loop: object, client: FakeClient, themed: object) -> Iterator[Open]:
    client.answers[PlanPush] = plan_of
    client.answers[StartPush] = "plan-scratch"
    addresses = {
        "scratch": "file:///scratch/cache",
        "full": "file:///full",
        "nfs": "file:///nfs/spack/build_cache",
        "site-oci": "oci://registry.site.org/hpc/cache",
    }
    rows = tuple(MirrorRow(common.mirror(name, url)) for name, url in addresses.items())
    client.answers[ListMirrors] = MirrorsView(rows)
    with push_dialogs(client, qtbot, HASHES) as opened:
        yield lambda: opened("scratch")


def add(dialog: PushDialog, qtbot: QtBot, name: str) -> None:
    qtbot.keyClick(dialog.targets.add_button, Qt.Key.Key_Space)
    edit = dialog.targets.rows[-1].box.edit
    assert dialog.focusWidget() is dialog.targets.rows[-1].box
    edit.selectAll()
    qtbot.keyClicks(edit, name)
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not dialog.tasks.busy)


def test_one_target_looks_as_always(open_dialog: Open) -> None:
    dialog = open_dialog()
    (row,) = dialog.targets.rows
    assert row.remove.isHidden()
    assert row.state.isHidden()
    assert dialog.list_label.isHidden()


def test_each_target_has_its_counts_and_all_start_together(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog()
    add(dialog, qtbot, "site-oci")
    first, second = dialog.targets.rows
    assert "to upload" in first.state.text()
    assert "to upload" in second.state.text()
    assert dialog.list_label.text().endswith("to site-oci"), "the list follows the row with the keyboard"
    first.box.edit.setFocus()
    assert dialog.list_label.text().endswith("to scratch")
    assert dialog.heading.text().endswith("2 mirrors")
    assert not dialog.signing.combo.isHidden(), "the folder can be signed"
    assert not dialog.images.isHidden(), "the registry has image options"
    assert dialog.push_button.text() == "Push to 2 mirrors"
    dialog.push_button.click()
    qtbot.waitUntil(lambda: bool(client.asked(StartPush)))
    (start,) = client.asked(StartPush)
    assert (start.plan, start.also) == ("plan-scratch", ("plan-site-oci",))
    requests = [call.request for call in client.asked(PlanPush)][-2:]
    assert [request.mirror for request in requests] == ["scratch", "site-oci"]
    assert all(request.one_of_several for request in requests)


def test_a_target_that_cannot_be_written_is_named_and_removed(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    add(dialog, qtbot, "nfs")
    assert not dialog.push_button.isEnabled()
    assert "Cannot write" in dialog.targets.rows[1].state.text()
    assert dialog.notice.isVisibleTo(dialog)
    qtbot.keyClick(dialog.targets.rows[1].remove, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not dialog.tasks.busy)
    assert len(dialog.targets.rows) == 1
    assert dialog.push_button.isEnabled()
    assert dialog.targets.rows[0].state.isHidden()


def test_a_target_that_has_everything_is_left_out(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog()
    add(dialog, qtbot, "full")
    assert dialog.push_button.isEnabled()
    dialog.push_button.click()
    qtbot.waitUntil(lambda: bool(client.asked(StartPush)))
    (start,) = client.asked(StartPush)
    assert (start.plan, start.also) == ("plan-scratch", ())


def test_the_same_mirror_twice_is_one_target(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    add(dialog, qtbot, "scratch")
    assert dialog.targets.names == ("scratch",)
    assert len(dialog.requests()) == 1
    assert dialog.push_button.isEnabled()


def test_what_is_kept_names_all_targets(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    add(dialog, qtbot, "site-oci")
    saved = dialog._saved_push()
    assert (saved.request.mirror, saved.also) == ("scratch", ("site-oci",))
    dialog.command_button.click()
    lines = dialog.command.toPlainText().splitlines()
    assert "scratch" in lines[0]
    assert "site-oci" in lines[1]
