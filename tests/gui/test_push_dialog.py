# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The push plan: what it shows, how it follows every change, what it starts."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import samples as common
import transfer_samples as samples
from fake_client import FakeClient
from push_dialogs import push_dialogs
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QWidget
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.push import PlanPush, StartPush
from core.foundation.errors import ErrorInfo, NotFound, PermissionDenied, SigningError
from core.transfers.plan import Decision, PlanItem, PushOptions, PushRequest, Signing
from gui.push.command import spack_command
from gui.push.dialog import PushDialog
from gui.push.model import Column, PlanModel
from gui.settings import remembered
from gui.widgets.cell import Role
from gui.widgets.dialogs import ask

HASHES = tuple(samples.dag_hash(name) for name in ("openmpi", "llvm", "hdf5"))
Open = Callable[..., PushDialog]


@pytest.fixture
def open_dialog(qtbot: QtBot, loop: object, client: FakeClient, themed: object) -> Iterator[Open]:
    client.answers[PlanPush] = lambda call: samples.plan(call.request.options, mirror=call.request.mirror)
    client.answers[StartPush] = "push-1"
    with push_dialogs(client, qtbot, HASHES) as opened:
        yield lambda mirror="scratch", **options: opened(mirror, **options)


def plans(client: FakeClient) -> list[Any]:
    return [call.request for call in client.asked(PlanPush)]


def group(dialog: PushDialog, decision: Decision) -> list[str]:
    return [
        str(dialog.model.data(dialog.model.group(decision, column)) or "").replace("\u2009", " ") for column in Column
    ]


def hidden(dialog: PushDialog, decision: Decision) -> bool:
    return dialog.tree.isRowHidden(dialog.model.group(decision).row(), QModelIndex())


def settle(dialog: PushDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not dialog.tasks.busy)


def test_plan_in_words_and_numbers(open_dialog: Open) -> None:
    dialog = open_dialog()
    assert dialog.heading.text() == "12 of 104 to upload"
    assert dialog.selection.text() == "3 selected, 37 run and link dependencies, 64 build dependencies."
    assert dialog.build_box.text() == "Build dependencies too (+64)"
    assert group(dialog, Decision.PUSH) == ["Will upload", "12 packages", "1.1 GB on disk"]
    assert group(dialog, Decision.PRESENT) == ["Already there", "91 packages", "confirmed just now"]
    assert group(dialog, Decision.HELD_BACK) == ["Not redistributable", "1 package", "cuda: the licence forbids it"]
    assert group(dialog, Decision.EXTERNAL) == ["External", "1 package", "slurm: never pushed"]
    assert hidden(dialog, Decision.NOT_INSTALLED)
    assert dialog.push_button.text() == "Push 12 packages"
    assert dialog.push_button.isEnabled()
    assert dialog.targets.rows[0].address.text() == "/scratch/cache"
    assert dialog.notice.accessibleName().replace("\u2009", " ") == (
        "Checked just now: you may write there, 212 GB free."
    )
    assert dialog.signing.combo.currentText() == "as the mirror says: signed with 8F21…C8CC hpc-team"
    assert dialog.maximumWidth() == 760


def test_accepting_starts_the_plan_on_the_screen(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog()
    with qtbot.waitSignals([dialog.push_started, dialog.accepted]):
        qtbot.keyClick(dialog.mirror_box.edit, Qt.Key.Key_Return)
    assert client.asked(StartPush) == [StartPush("plan-1")]
    assert remembered().value("push/mirror") == "scratch"


def test_ask_returns_when_the_push_has_started(open_dialog: Open, client: FakeClient, qtbot: QtBot, loop: Any) -> None:
    dialog = PushDialog(client, common.INSTANCE, mirror="scratch", hashes=HASHES)
    asking = loop.create_task(ask(dialog))
    qtbot.waitUntil(dialog.push_button.isEnabled)
    qtbot.mouseClick(dialog.push_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(asking.done)
    assert asking.result() == QDialog.DialogCode.Accepted


def test_escape_gives_up_without_starting(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog()
    with qtbot.waitSignal(dialog.rejected):
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not client.asked(StartPush)


def test_old_numbers_stay_grey_while_a_new_plan_is_made(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog()
    client.hold(PlanPush)
    qtbot.mouseClick(dialog.build_box, Qt.MouseButton.LeftButton)
    assert dialog.busy_line.running
    assert not dialog.push_button.isEnabled()
    assert dialog.push_button.toolTip() == "The plan is still being made"
    assert group(dialog, Decision.PUSH)[1] == "12 packages"
    assert dialog.model.data(dialog.model.group(Decision.PUSH), Role.TONE) == "dim"
    client.release(PlanPush)
    settle(dialog, qtbot)
    assert not dialog.busy_line.running
    assert dialog.heading.text() == "12 of 40 to upload"
    assert dialog.selection.text() == "3 selected, 37 run and link dependencies."
    assert dialog.model.data(dialog.model.group(Decision.PUSH), Role.TONE) == "text"


def test_only_the_newest_answer_counts(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.hold(PlanPush)
    dialog = open_dialog("slow", wait=False)
    qtbot.waitUntil(lambda: len(plans(client)) == 1)
    late = client.held[PlanPush]
    dialog.mirror_box.set_target("")
    dialog.mirror_box.setEditText("scratch")
    qtbot.keyClick(dialog.mirror_box.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(plans(client)) == 2)
    del client.held[PlanPush]
    late.set()
    settle(dialog, qtbot)
    assert [request.mirror for request in plans(client)][:2] == ["slow", "scratch"]
    assert dialog.targets.rows[0].address.text() == "/scratch/cache"


def test_typing_waits_for_a_pause_and_forbids_the_old_plan(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog()
    before = len(plans(client))
    dialog.mirror_box.edit.clear()
    qtbot.keyClicks(dialog.mirror_box.edit, "/tmp/cache")
    assert not dialog.push_button.isEnabled()
    assert len(plans(client)) == before
    qtbot.waitUntil(lambda: len(plans(client)) > before)
    assert plans(client)[before].mirror == "/tmp/cache"


def test_build_dependencies_are_on_at_first_and_then_as_chosen(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    assert dialog.build_box.isChecked()
    qtbot.mouseClick(dialog.build_box, Qt.MouseButton.LeftButton)
    settle(dialog, qtbot)
    assert not open_dialog().build_box.isChecked()


def test_options_reach_the_plan_and_can_be_taken_back(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog()
    assert plans(client)[0].options == PushOptions(update_index=True)
    for box in (dialog.tree.replace, dialog.tree.private):
        qtbot.mouseClick(box, Qt.MouseButton.LeftButton)
        settle(dialog, qtbot)
    assert plans(client)[-1].options == PushOptions(update_index=True, force=True, private=True)
    assert not hidden(dialog, Decision.PRESENT)
    assert not hidden(dialog, Decision.HELD_BACK)
    assert group(dialog, Decision.PRESENT)[1:] == ["–", "replaced"]
    assert dialog.push_button.text() == "Push 104 packages"
    dialog.index_combo.setCurrentIndex(1)
    dialog.index_combo.activated.emit(1)
    dialog.signing.combo.setCurrentIndex(2)
    dialog.signing.combo.activated.emit(2)
    settle(dialog, qtbot)
    assert plans(client)[-1].options == PushOptions(force=True, private=True, signing=Signing.UNSIGNED)


def test_sizes_that_were_not_all_measured_are_about_right(open_dialog: Open, client: FakeClient) -> None:
    items = (
        PlanItem("h1", "zlib", "1", Decision.PUSH, size_bytes=2000),
        PlanItem("h2", "hdf5", "1", Decision.PUSH, size_bytes=2000, estimated=True),
    )
    client.answers[PlanPush] = lambda call: samples.plan(call.request.options, items=items, selected=1)
    dialog = open_dialog()
    assert group(dialog, Decision.PUSH)[2] == "about 4 kB on disk"
    parent = dialog.model.group(Decision.PUSH)
    sizes = [str(dialog.model.index(row, Column.DETAIL, parent).data()).replace("\u2009", " ") for row in (0, 1)]
    assert sizes == ["2 kB", "about 2 kB"]


def test_archives_that_packages_came_from_are_kept_on_request(
    open_dialog: Open, client: FakeClient, qtbot: QtBot
) -> None:
    items = (
        PlanItem("h1", "zlib", "1", Decision.PUSH, size_bytes=2000),
        PlanItem("h2", "hdf5", "1", Decision.PUSH, size_bytes=4000, kept=True, note="keeps its archive, from team"),
    )
    dialog = open_dialog()
    client.answers[PlanPush] = lambda call: samples.plan(call.request.options, items=items, selected=1)
    qtbot.mouseClick(dialog.keep_box, Qt.MouseButton.LeftButton)
    settle(dialog, qtbot)
    assert any(request.options == PushOptions(update_index=True, keep_blobs=True) for request in plans(client))
    assert group(dialog, Decision.PUSH)[2].replace("\u2009", " ") == "2 kB on disk, 1 archive kept"
    index = dialog.model.index(1, Column.DETAIL, dialog.model.group(Decision.PUSH))
    assert index.data().replace("\u2009", " ") == "4 kB, keeps its archive, from team"
    assert index.data(Qt.ItemDataRole.ToolTipRole) == index.data()


@pytest.mark.parametrize(
    "error",
    [
        SigningError("Multiple keys available for signing", "8F21, 77AA"),
        PermissionDenied("Cannot write to /scratch/cache", "It belongs to root", remedies=("Ask root.",)),
    ],
)
def test_what_went_wrong_while_planning_is_said_in_place(
    open_dialog: Open, client: FakeClient, qtbot: QtBot, error: Exception
) -> None:
    good = client.answers[PlanPush]
    client.answers[PlanPush] = error
    dialog = open_dialog()
    info = error.info()  # type: ignore[attr-defined]
    assert dialog.notice.title == info.title
    for words in (info.why, *info.remedies):
        assert words in dialog.notice.accessibleName()
    assert not dialog.push_button.isEnabled()
    assert dialog.push_button.toolTip() == info.title
    client.answers[PlanPush] = good
    qtbot.mouseClick(dialog.notice.button, Qt.MouseButton.LeftButton)
    settle(dialog, qtbot)
    assert dialog.push_button.isEnabled()


def test_blockers_forbid_and_warnings_do_not(open_dialog: Open, client: FakeClient) -> None:
    error = ErrorInfo("permission-denied", "Cannot write to /scratch/cache", "mode 2755")
    client.answers[PlanPush] = lambda call: samples.plan(call.request.options, blockers=(error,))
    dialog = open_dialog()
    assert not dialog.push_button.isEnabled()
    assert dialog.push_button.toolTip() == error.title
    assert dialog.notice.property("tone") == "bad"
    client.answers[PlanPush] = lambda call: samples.plan(call.request.options, warnings=(error,))
    dialog = open_dialog()
    assert dialog.push_button.isEnabled()
    assert dialog.notice.property("tone") == "warn"


@pytest.mark.parametrize(
    ("decision", "why"),
    [(Decision.PRESENT, "Everything is already there"), (Decision.EXTERNAL, "Nothing of this can be pushed")],
)
def test_nothing_to_push(open_dialog: Open, client: FakeClient, decision: Decision, why: str) -> None:
    items = (samples.item("zlib", decision=decision),)
    client.answers[PlanPush] = lambda call: samples.plan(call.request.options, items=items, selected=1)
    dialog = open_dialog()
    assert not dialog.push_button.isEnabled()
    assert dialog.push_button.toolTip() == why


def test_a_start_that_fails_keeps_the_dialog(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[StartPush] = NotFound("This plan is no longer known", remedies=("Plan the push again.",))
    dialog = open_dialog()
    qtbot.mouseClick(dialog.push_button, Qt.MouseButton.LeftButton)
    settle(dialog, qtbot)
    assert dialog.isVisible()
    assert dialog.notice.title == "This plan is no longer known"


def test_first_writable_mirror_is_offered(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog("")
    assert dialog.mirror_box.target == "scratch"
    assert [dialog.mirror_box.itemText(number) for number in range(dialog.mirror_box.count())] == [
        "scratch", "nfs", "public",
    ]  # fmt: skip
    assert dialog.mirror_box.itemData(1, Role.DETAIL) == ("/nfs/cache",)


def test_without_any_mirror_it_asks_for_one(open_dialog: Open, client: FakeClient) -> None:
    client.answers[ListMirrors] = replace(common.mirrors_view(), rows=())
    dialog = open_dialog("")
    assert not plans(client)
    assert dialog.push_button.toolTip() == "Choose where to push first"


def test_spack_command(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    qtbot.mouseClick(dialog.command_button, Qt.MouseButton.LeftButton)
    assert dialog.command.isVisible()
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    expected = ["spack", "-e", "hpc-base", "buildcache", "push", "--update-index", "scratch"]
    assert shlex.split(QGuiApplication.clipboard().text()) == [*expected, *(f"/{each}" for each in HASHES)]


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        (PushOptions(), []),
        (PushOptions(force=True, private=True), ["--force", "--private"]),
        (PushOptions(with_build_dependencies=False), ["--without-build-dependencies"]),
        (PushOptions(signing=Signing.SIGNED), ["--signed"]),
        (PushOptions(signing=Signing.UNSIGNED, update_index=True), ["--unsigned", "--update-index"]),
    ],
)
def test_spack_command_quotes_and_says_every_option(options: PushOptions, flags: list[str]) -> None:
    line = spack_command(PushRequest("/my cache;rm", hashes=("abc",), options=options), "/env dir")
    assert shlex.split(line) == ["spack", "-D", "/env dir", "buildcache", "push", *flags, "/my cache;rm", "/abc"]


def test_model_keeps_its_groups(qtmodeltester: ModelTester, qapp: object) -> None:
    model = PlanModel()
    qtmodeltester.check(model)
    model.set_plan(samples.plan())
    qtmodeltester.check(model)
    big = tuple(PlanItem(f"h{number}", f"p{number}", "1", Decision.PUSH, size_bytes=2**33) for number in range(300))
    model.set_plan(samples.plan(items=big))
    parent = model.group(Decision.PUSH)
    assert model.rowCount(parent) == 300
    assert str(model.data(model.group(Decision.PUSH, Column.DETAIL))).replace("\u2009", " ") == "2.6 TB on disk"
    assert model.data(model.index(299, Column.WHAT, parent)) == "p299"
    spoken = model.data(model.index(0, 0, parent), Qt.ItemDataRole.AccessibleTextRole)
    assert str(spoken).replace("\u2009", " ") == "p0 1, Will upload, 8.6 GB"
    qtmodeltester.check(model)


def test_lists_open_by_keyboard(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    dialog.tree.setFocus()
    dialog.tree.setCurrentIndex(dialog.model.group(Decision.PUSH))
    qtbot.keyClick(dialog.tree, Qt.Key.Key_Right)
    assert dialog.tree.isExpanded(dialog.model.group(Decision.PUSH))


def test_everything_has_a_name(open_dialog: Open) -> None:
    dialog = open_dialog()
    for widget in (dialog.mirror_box, dialog.tree, dialog.command, dialog.tree.replace, dialog.tree.private):
        assert widget.accessibleName()
    for button in (dialog.push_button, dialog.cancel_button, dialog.command_button, dialog.build_box):
        assert button.text()


def test_the_target_is_marked_so_that_typing_replaces_it(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    assert dialog.mirror_box.edit.selectedText() == "scratch"
    qtbot.keyClicks(dialog.mirror_box.edit, "nfs")
    assert dialog.mirror_box.target == "nfs"


def test_return_pushes_at_once_though_the_target_is_marked(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog()
    qtbot.keyClick(dialog.mirror_box.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(client.asked(StartPush)))


def test_return_on_cancel_cancels(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    dialog = open_dialog()
    dialog.cancel_button.setFocus()
    with qtbot.waitSignal(dialog.rejected):
        qtbot.keyClick(dialog.cancel_button, Qt.Key.Key_Return)
    assert client.asked(StartPush) == []


def test_a_command_of_too_many_packages_is_not_made(client: FakeClient, open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    dialog._hashes = tuple(f"{number:032}" for number in range(3000))
    qtbot.mouseClick(dialog.command_button, Qt.MouseButton.LeftButton)
    assert "3,000 packages are too many" in dialog.command.toPlainText()
    assert not dialog.copy_button.isEnabled()


def test_every_control_has_a_name_and_can_be_reached(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    qtbot.mouseClick(dialog.command_button, Qt.MouseButton.LeftButton)
    dialog.activateWindow()
    controls = [
        each
        for each in dialog.findChildren(QWidget)
        if each.isVisible() and each.isEnabled() and each.focusPolicy() & Qt.FocusPolicy.TabFocus
        and each.focusProxy() is None and not isinstance(each, QLabel)
    ]  # fmt: skip
    assert len(controls) >= 8
    for each in controls:
        interface = QAccessible.queryAccessibleInterface(each)
        assert interface.text(QAccessible.Text.Name).strip(), each
    dialog.mirror_box.edit.setFocus()
    seen = {dialog.mirror_box.edit, dialog.mirror_box}
    for _ in range(30):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        seen.add(QApplication.focusWidget())
    assert [repr(each) for each in controls if each not in seen] == []
