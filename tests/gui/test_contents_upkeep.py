# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Dialogs of the contents page, each with its states."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from contents_samples import entry, rows, view
from fake_client import FakeClient
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QDialog, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from samples import INSTANCE
from upkeep_samples import finding, push_plan, removal, trash

from core.caches.browsing import EntryKind
from core.engine.calls.checks import FinishRepair, PlanRepair, VerifyCache
from core.engine.calls.contents import FindEntries, ListContents
from core.engine.calls.packages import ListEnvironments
from core.engine.calls.push import PlanPush, StartPush
from core.engine.calls.upkeep import (
    ApplyDelete,
    DescribeBundle,
    EmptyTrash,
    ExportBundle,
    ImportBundle,
    ListTrash,
    PlanCopy,
    PlanDelete,
    PlanFree,
    ReadKeepList,
    RestoreTrash,
    StartCopy,
)
from core.foundation.errors import ErrorInfo, NotFound
from core.services.package_values import FoundPackages, QueryProblem
from core.services.upkeep_values import (
    BundleSummary,
    DeleteRequest,
    FreeRule,
    KeepRules,
    RemovalOutcome,
    RestoreOutcome,
    UpkeepCapabilities,
)
from core.services.verify_values import Examined, FindingKind, Remedy, RepairPlan, VerifyView
from core.transfers.model import PushStatus, QueueSnapshot, Totals
from core.transfers.plan import PushRequest
from gui import messages
from gui.contents import copy_words, removal_words, verify_words
from gui.contents.bundle_dialogs import ExportDialog, ImportDialog
from gui.contents.copy_dialog import CopyDialog
from gui.contents.free_dialog import FreeDialog
from gui.contents.free_form import Preset
from gui.contents.model import ContentsModel
from gui.contents.narrower import ContentsNarrower
from gui.contents.permission import allow_deleting, may_delete
from gui.contents.removal_dialog import DeleteDialog
from gui.contents.repair_dialog import RepairDialog
from gui.contents.rows import Contents
from gui.contents.space import SpaceModel
from gui.contents.trash_dialog import TrashDialog
from gui.contents.verify_dialog import VerifyDialog
from gui.engine_client import CallFailed
from gui.main_window import MainWindow, WindowOptions

PLACE = "scratch"
OUTCOME = RemovalOutcome(3, 2, 900, 0, "batch")


def opened(dialog: Any, qtbot: QtBot) -> Any:
    qtbot.addWidget(dialog)
    dialog.open()
    qtbot.waitUntil(lambda: not dialog.working)
    return dialog


def click(button: QPushButton, qtbot: QtBot) -> None:
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def closed(dialog: QDialog, button: QPushButton, qtbot: QtBot) -> None:
    with qtbot.waitSignal(dialog.finished):
        click(button, qtbot)


# ---- deleting ----


def delete_dialog(client: FakeClient, qtbot: QtBot, **plan: Any) -> DeleteDialog:
    client.answers.setdefault(PlanDelete, removal(**plan))
    client.answers.setdefault(ApplyDelete, OUTCOME)
    return opened(DeleteDialog(client, INSTANCE.id, PLACE, ("a", "b")), qtbot)


def test_deleting_is_off_until_a_person_allows_it_there(client: FakeClient, qtbot: QtBot) -> None:
    dialog = delete_dialog(client, qtbot)
    assert client.asked(PlanDelete) == [PlanDelete(INSTANCE.id, DeleteRequest(PLACE, keys=("a", "b")))]
    assert dialog.confirm_button.toolTip() == removal_words.WHY_NOT_ALLOWED
    assert not dialog.confirm_button.isEnabled()
    assert not dialog.permanent_button.isEnabled()
    click(dialog.removal.permit.button, qtbot)
    assert may_delete(PLACE)
    assert not may_delete("other")
    closed(dialog, dialog.confirm_button, qtbot)
    assert client.asked(ApplyDelete) == [ApplyDelete("plan", False)]
    assert dialog.outcome == OUTCOME
    again = delete_dialog(client, qtbot)
    assert again.removal.permit.isHidden()
    again.reject()


def test_the_list_names_what_goes_its_siblings_and_what_stays_without_it(client: FakeClient, qtbot: QtBot) -> None:
    dialog = delete_dialog(client, qtbot)
    model = dialog.removal.model
    texts = [[str(model.index(row, column).data()) for column in range(4)] for row in range(model.rowCount())]
    assert texts[0][:2] == ["petsc", "stays, but needs what goes: hdf5@1.14"]
    assert texts[1][:2] == ["hdf5", "chosen"]
    assert texts[2][:2] == ["my-env", "the same image as hdf5"]
    assert texts[3][0] == removal_words.UNTAGGED_BLOB
    assert "1 package that stays depends on it: petsc@3.22" in dialog.removal.remarks.text()
    assert "trash frees nothing until it is emptied" in dialog.removal.summary.text()
    dialog.reject()


def test_many_packages_ask_for_their_number(client: FakeClient, qtbot: QtBot) -> None:
    allow_deleting(PLACE)
    dialog = delete_dialog(client, qtbot, packages=34)
    assert dialog.confirm_button.toolTip() == removal_words.why_no_number(34)
    dialog.removal.number_edit.setText("33")
    assert not dialog.permanent_button.isEnabled()
    dialog.removal.number_edit.setText("34")
    closed(dialog, dialog.permanent_button, qtbot)
    assert client.asked(ApplyDelete) == [ApplyDelete("plan", True)]


def test_registries_promise_nothing_they_do_not_keep(client: FakeClient, qtbot: QtBot) -> None:
    allow_deleting(PLACE)
    dialog = delete_dialog(client, qtbot, capabilities=UpkeepCapabilities(True, by_digest=True))
    assert dialog.confirm_button.text() == removal_words.DELETE
    assert dialog.permanent_button.isHidden()
    assert "after the registry's own clean-up" in dialog.removal.summary.text()
    dialog.reject()


def test_where_nothing_can_be_deleted_the_reason_is_told(client: FakeClient, qtbot: QtBot) -> None:
    allow_deleting(PLACE)
    refused = UpkeepCapabilities(False, why_not="The registry answers 405")
    dialog = delete_dialog(client, qtbot, capabilities=refused)
    assert dialog.notice.title == "Nothing can be deleted here"
    assert dialog.confirm_button.toolTip() == "The registry answers 405"
    dialog.reject()


def test_a_plan_that_is_outdated_is_made_anew(client: FakeClient, qtbot: QtBot) -> None:
    allow_deleting(PLACE)
    outdated = CallFailed(ErrorInfo("plan-outdated", "hdf5 is not there any more"))
    client.answers[ApplyDelete] = outdated
    dialog = delete_dialog(client, qtbot)
    click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: dialog.notice.title == removal_words.OUTDATED)
    assert len(client.asked(PlanDelete)) == 2
    assert dialog.outcome is None
    dialog.reject()


def test_a_failed_plan_says_why_and_nothing_can_be_done(client: FakeClient, qtbot: QtBot) -> None:
    client.answers[PlanDelete] = NotFound("There is no build cache")
    dialog = delete_dialog(client, qtbot)
    assert dialog.notice.title == "There is no build cache"
    assert not dialog.confirm_button.isEnabled()
    dialog.reject()


def test_planning_can_be_stopped(client: FakeClient, qtbot: QtBot) -> None:
    client.hold(PlanDelete)
    dialog = DeleteDialog(client, INSTANCE.id, PLACE, ("a",))
    qtbot.addWidget(dialog)
    dialog.open()
    assert dialog.cancel_button.text() == messages.STOP
    click(dialog.cancel_button, qtbot)
    qtbot.waitUntil(lambda: not dialog.working)
    assert dialog.isVisible()
    assert dialog.cancel_button.text() == messages.CANCEL
    closed(dialog, dialog.cancel_button, qtbot)


# ---- freeing ----


def free_dialog(client: FakeClient, qtbot: QtBot, preset: Preset = Preset.GOAL) -> FreeDialog:
    client.answers[PlanFree] = removal()
    client.answers[ApplyDelete] = OUTCOME
    client.answers[ListEnvironments] = ()
    return opened(FreeDialog(client, INSTANCE.id, PLACE, preset=preset), qtbot)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("50 GB", 50 * 10**9), ("50", 50), ("1.5t", 15 * 10**11), ("1,5 TB", 15 * 10**11), ("12 mb", 12 * 10**6)],
)
def test_goals_are_sizes_as_people_write_them(client: FakeClient, qtbot: QtBot, typed: str, wanted: int) -> None:
    dialog = free_dialog(client, qtbot)
    assert client.asked(PlanFree) == []
    dialog.form.goal_edit.setText(typed)
    qtbot.waitUntil(lambda: bool(client.asked(PlanFree)))
    request = client.asked(PlanFree)[-1].request
    assert (request.rule, request.goal_bytes) == (FreeRule.GOAL, wanted)
    qtbot.waitUntil(lambda: not dialog.working)
    dialog.reject()


def test_what_is_no_size_is_told_and_not_asked(client: FakeClient, qtbot: QtBot) -> None:
    dialog = free_dialog(client, qtbot)
    dialog.form.goal_edit.setText("much")
    assert dialog.confirm_button.toolTip() == removal_words.GOAL_WRONG
    qtbot.waitUntil(lambda: not dialog.form._pause.isActive())
    assert client.asked(PlanFree) == []
    dialog.reject()


def test_rules_without_a_rule_would_let_everything_go(client: FakeClient, qtbot: QtBot) -> None:
    dialog = free_dialog(client, qtbot, Preset.ENVIRONMENTS)
    assert dialog.form.why_not == removal_words.WHY_NO_RULE
    dialog.form.set_environments(["hpc", "base"])
    dialog.form.environments_menu.actions()[0].trigger()
    dialog.form.days_edit.setText("30")
    assert dialog.form.environments_button.text() == "hpc"
    qtbot.waitUntil(lambda: bool(client.asked(PlanFree)))
    request = client.asked(PlanFree)[-1].request
    assert request.rule is FreeRule.ALL_NOT_KEPT
    assert request.keep == KeepRules(environments=("hpc",), newer_than_s=30 * 86400.0)
    qtbot.waitUntil(lambda: not dialog.working)
    dialog.reject()


def test_spacks_own_rule_takes_a_keep_list(client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ReadKeepList] = ("h" * 32,)
    dialog = free_dialog(client, qtbot, Preset.SPACK)
    qtbot.waitUntil(lambda: bool(client.asked(PlanFree)))
    assert client.asked(PlanFree)[-1].request.keep_list is None
    dialog.form.keep_list.edit.setText("/keep")
    qtbot.waitUntil(lambda: len(client.asked(PlanFree)) == 2)
    assert client.asked(ReadKeepList) == [ReadKeepList("/keep")]
    assert client.asked(PlanFree)[-1].request.keep_list == ("h" * 32,)
    qtbot.waitUntil(lambda: not dialog.working)
    dialog.reject()


# ---- the trash ----


def test_the_trash_gives_back_and_is_emptied(client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListTrash] = trash()
    client.answers[RestoreTrash] = RestoreOutcome(3, ("v3/x",))
    client.answers[EmptyTrash] = 3_000_000_000
    dialog = opened(TrashDialog(client, INSTANCE.id, PLACE), qtbot)
    assert dialog.empty_button.text() == "Empty trash, free 3.2\u2009GB"
    click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: dialog.changed and not dialog.working)
    assert client.asked(RestoreTrash) == [RestoreTrash(INSTANCE.id, PLACE, "b1")]
    assert "1 entry was written again" in dialog.notice.accessibleName()
    click(dialog.empty_button, qtbot)
    qtbot.waitUntil(lambda: bool(dialog.findChildren(QDialog)))
    question = dialog.findChildren(QDialog)[0]
    click(next(each for each in question.findChildren(QPushButton) if each.text().startswith("Empty")), qtbot)
    qtbot.waitUntil(lambda: bool(client.asked(EmptyTrash)) and not dialog.working)
    assert client.asked(EmptyTrash) == [EmptyTrash(INSTANCE.id, PLACE, ("b1", "b2"))]
    closed(dialog, dialog.cancel_button, qtbot)


# ---- verifying and repairing ----


FINDINGS = (
    finding(FindingKind.MISSING_BLOB, Remedy.PUSH_AGAIN, "hdf5"),
    finding(FindingKind.MISSING_IN_INDEX, Remedy.REINDEX, "zlib"),
    finding(FindingKind.DANGLING_BLOB, Remedy.NOTHING, harmless=True),
)


def verify_dialog(client: FakeClient, qtbot: QtBot, **options: Any) -> VerifyDialog:
    client.rows.setdefault(VerifyCache, [[*FINDINGS[:1], Examined(1, 3)], [*FINDINGS[1:], Examined(3, 3, 6)]])
    client.answers.setdefault(VerifyCache, VerifyView("u", False, Examined(3, 3, 6), 2, 1))
    return opened(VerifyDialog(client, INSTANCE.id, PLACE, **options), qtbot)


def test_verifying_begins_by_itself_and_findings_come_in_plain_words(client: FakeClient, qtbot: QtBot) -> None:
    dialog = verify_dialog(client, qtbot)
    assert client.asked(VerifyCache) == [VerifyCache(INSTANCE.id, PLACE, False, None)]
    assert dialog.status.text().startswith("2 findings to put right. Looked at 3 packages, 6 blobs.")
    dialog.table.select_row(0)
    assert "The archive is missing" in dialog.current.text()
    dialog.depth_combo.setCurrentIndex(1)
    dialog.limit_edit.setText("fast")
    assert not dialog.verify_button.isEnabled()
    dialog.limit_edit.setText("20")
    click(dialog.verify_button, qtbot)
    qtbot.waitUntil(lambda: not dialog.working)
    assert client.asked(VerifyCache)[-1] == VerifyCache(INSTANCE.id, PLACE, True, 20e6)
    assert dialog.model.rowCount() == 3
    dialog.reject()


def test_a_sound_cache_has_nothing_to_repair(client: FakeClient, qtbot: QtBot) -> None:
    client.rows[VerifyCache] = [[Examined(3, 3, 6)]]
    client.answers[VerifyCache] = VerifyView("u", True, Examined(3, 3, 6, 900), 0, 0)
    dialog = verify_dialog(client, qtbot)
    assert dialog.status.text().startswith(verify_words.SOUND)
    assert dialog.pane.shown is dialog.nothing
    assert dialog.confirm_button.toolTip() == verify_words.WHY_NOTHING_TO_REPAIR
    dialog.reject()


def test_what_may_not_be_changed_is_verified_and_not_repaired(client: FakeClient, qtbot: QtBot) -> None:
    dialog = verify_dialog(client, qtbot, why_no_change=messages.WHY_READ_ONLY)
    assert dialog.confirm_button.toolTip() == messages.WHY_READ_ONLY
    dialog.reject()


def test_verifying_can_be_stopped_and_goes_on(client: FakeClient, qtbot: QtBot) -> None:
    client.hold(VerifyCache)
    dialog = VerifyDialog(client, INSTANCE.id, PLACE)
    qtbot.addWidget(dialog)
    dialog.open()
    click(dialog.cancel_button, qtbot)
    qtbot.waitUntil(lambda: not dialog.working)
    assert dialog.status.text() == verify_words.STOPPED
    assert dialog.verify_button.isEnabled()
    dialog.reject()


def repair_plan(**changes: Any) -> RepairPlan:
    facts: dict[str, Any] = {"push": PushRequest(PLACE, hashes=("h",)), "delete": DeleteRequest(PLACE, keys=("b",))}
    return RepairPlan(**{"mirror": PLACE, "mark": True, "reindex": True, "left": (), **facts, **changes})


def status(push_id: str, **totals: int) -> QueueSnapshot:
    push = PushStatus(push_id, PLACE, Totals(**totals), 0.0, 1.0, ended=True)
    return QueueSnapshot((), (push,), Totals(), paused=False)


def repair_dialog(client: FakeClient, qtbot: QtBot, plan: RepairPlan) -> RepairDialog:
    allow_deleting(PLACE)
    client.answers[PlanRepair] = plan
    client.answers[PlanPush] = push_plan()
    client.answers.setdefault(PlanDelete, removal())
    client.answers[StartPush] = "push-1"
    client.answers[ApplyDelete] = OUTCOME
    client.answers[FinishRepair] = None
    return opened(RepairDialog(client, INSTANCE.id, PLACE, FINDINGS), qtbot)


def test_a_repair_shows_every_step_and_takes_them_in_their_order(client: FakeClient, qtbot: QtBot) -> None:
    plan = repair_plan(left=(finding(FindingKind.BAD_SIGNATURE, Remedy.NOTHING, "cmake"),))
    dialog = repair_dialog(client, qtbot, plan)
    assert client.asked(PlanRepair) == [PlanRepair(INSTANCE.id, PLACE, FINDINGS)]
    assert "Push 2 packages again" in dialog.steps.text()
    assert dialog.removal.model.rowCount()
    assert dialog.finish.text() == f"{verify_words.MARK_STEP}\n{verify_words.INDEX_STEP}"
    assert "Stays as it is (1 finding)" in dialog.left.text()
    click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: bool(client.asked(StartPush)))
    assert client.asked(ApplyDelete) == []
    with qtbot.waitSignal(dialog.finished):
        client.snapshot_received.emit(status("other"))
        client.snapshot_received.emit(status("push-1", done=2))
    assert client.asked(ApplyDelete) == [ApplyDelete("plan", False)]
    assert client.asked(FinishRepair) == [FinishRepair(INSTANCE.id, plan)]


def test_a_failed_push_stops_the_repair_before_anything_is_deleted(client: FakeClient, qtbot: QtBot) -> None:
    dialog = repair_dialog(client, qtbot, repair_plan())
    click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: bool(client.asked(StartPush)))
    client.snapshot_received.emit(status("push-1", failed=1))
    qtbot.waitUntil(lambda: not dialog.working)
    assert dialog.notice.title == verify_words.push_failed(1)
    assert client.asked(ApplyDelete) == []
    assert client.asked(FinishRepair) == []
    dialog.reject()


def test_nothing_is_deleted_that_was_not_shown(client: FakeClient, qtbot: QtBot) -> None:
    answers = iter([removal(), removal(packages=5)])
    client.answers[PlanDelete] = lambda _call: next(answers)
    dialog = repair_dialog(client, qtbot, repair_plan(push=None))
    click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: dialog.notice.title == verify_words.CHANGED)
    assert client.asked(ApplyDelete) == []
    dialog.reject()


def test_where_nothing_helps_that_is_said(client: FakeClient, qtbot: QtBot) -> None:
    dialog = repair_dialog(client, qtbot, repair_plan(push=None, delete=None, mark=False, reindex=False))
    assert dialog.status.text() == verify_words.NOTHING_PLANNED
    assert not dialog.confirm_button.isEnabled()
    dialog.reject()


# ---- copying ----


def test_a_copy_is_planned_again_after_every_choice_and_queued(client: FakeClient, qtbot: QtBot) -> None:
    client.answers[PlanCopy] = push_plan()
    client.answers[StartCopy] = "push-2"
    chosen = [row for row in rows() if row.name == "zlib"]
    dialog = opened(CopyDialog(client, INSTANCE.id, PLACE, chosen, environment="hpc"), qtbot)
    qtbot.waitUntil(lambda: dialog.target_box.count() == 2)
    assert client.asked(PlanCopy) == []
    assert dialog.confirm_button.toolTip() == copy_words.WHY_NO_TARGET
    dialog.target_box.set_target("nfs")
    dialog.replan()
    qtbot.waitUntil(lambda: dialog.plan is not None)
    request = client.asked(PlanCopy)[-1].request
    assert (request.source, request.target, len(request.hashes)) == (PLACE, "nfs", 3)
    assert dialog.sentence.text() == "2 of 3 packages to copy. 212\u2009GB free there."
    dialog.choice.setCurrentIndex(1)
    dialog.choice.activated.emit(1)
    qtbot.waitUntil(lambda: not dialog.working)
    request = client.asked(PlanCopy)[-1].request
    assert (request.environment, request.hashes) == (True, ())
    with qtbot.waitSignals([dialog.push_started, dialog.finished]):
        click(dialog.confirm_button, qtbot)
    assert client.asked(StartCopy) == [StartCopy("copy")]


def test_only_the_newest_plan_counts(client: FakeClient, qtbot: QtBot) -> None:
    client.answers[PlanCopy] = push_plan()
    dialog = opened(CopyDialog(client, INSTANCE.id, PLACE, []), qtbot)
    client.hold(PlanCopy)
    for target in ("nfs", "public"):
        dialog.target_box.set_target(target)
        dialog.replan()
    client.release(PlanCopy)
    qtbot.waitUntil(lambda: dialog.plan is not None and not dialog.working)
    assert client.asked(PlanCopy)[-1].request.target == "public"
    assert dialog.choice.everything
    dialog.reject()


def test_bundles_are_made_and_brought_in(client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ExportBundle] = client.answers[ImportBundle] = push_plan()
    client.answers[StartCopy] = "push-3"
    client.answers[DescribeBundle] = BundleSummary("/b.tar", 41, 10**9, 41, ("F" * 40,), 1.7e9, "site-oci", ())
    export = opened(ExportDialog(client, INSTANCE.id, PLACE, []), qtbot)
    assert export.confirm_button.toolTip() == copy_words.WHY_NO_PATH
    export.path.edit.setText("/media/p.tar")
    export.bootstrap_box.click()
    qtbot.waitUntil(lambda: export.plan is not None and not export.working)
    request = client.asked(ExportBundle)[-1].request
    assert (request.path, request.bootstrap, request.sources) == ("/media/p.tar", True, False)
    closed(export, export.confirm_button, qtbot)
    bring = opened(ImportDialog(client, INSTANCE.id, PLACE), qtbot)
    bring.path.edit.setText("/media/bundle/bundle.json")
    qtbot.waitUntil(lambda: bring.plan is not None and not bring.working)
    request = client.asked(ImportBundle)[-1].request
    assert (request.path, request.target) == ("/media/bundle", PLACE)
    assert "41 packages" in bring._bundle.said
    closed(bring, bring.confirm_button, qtbot)


# ---- filter and space ----


def test_specs_are_asked_plain_words_are_not(client: FakeClient, qtbot: QtBot) -> None:
    model = ContentsModel()
    model.apply(rows())
    narrower = ContentsNarrower(client, model)
    wanted = next(row for row in rows() if row.version == "1.10")
    client.answers[FindEntries] = FoundPackages((wanted.hash,))
    narrower.choose(INSTANCE.id, PLACE, "zlib /abc")
    assert client.asked(FindEntries) == []
    with qtbot.waitSignal(narrower.changed):
        narrower.choose(INSTANCE.id, PLACE, "zlib@1.10:")
    assert client.asked(FindEntries) == [FindEntries(INSTANCE.id, PLACE, "zlib@1.10:")]
    assert model.rowCount() == 2
    client.answers[FindEntries] = FoundPackages((), problem=QueryProblem("No spec", "a version is missing", 5))
    with qtbot.waitSignal(narrower.changed):
        narrower.choose(INSTANCE.id, PLACE, "zlib@")
    assert narrower.problem is not None
    assert model.rowCount() == 2, "the last good answer stays"
    client.answers[FindEntries] = NotFound("Specs cannot be looked for", "no index")
    with qtbot.waitSignal(narrower.changed):
        narrower.choose(INSTANCE.id, PLACE, "zlib@1.9")
    assert narrower.problem is not None
    assert [model.index(row, 0).data() for row in range(model.rowCount())] == ["zlib", "1.9"]
    assert narrower.complete("zlib@1") == (5, ["1.10", "1.9", "1.2"])
    assert narrower.complete("op") == (0, ["openmpi"])


def test_space_counts_shared_archives_once_and_names_duplicates(client: FakeClient, qtbot: QtBot) -> None:
    contents, model = Contents(), SpaceModel()
    one = entry("zlib", "1.3", size=1000)
    contents.apply([one, entry("zlib", "1.3", size=500, number=1), *rows()])
    model.show_contents(contents)
    qtbot.waitUntil(lambda: not model.busy)
    found = {row.title: row for row in model.rows}
    assert found["zlib"].entries == 5
    assert found["zlib"].doubles == 1
    assert found["zlib"].stored_bytes == 7500
    assert found["openmpi"].stored_bytes == 200_000_000
    assert [row.title for row in model.rows][:2] == ["Other images", "openmpi"]


# ---- clicks ----


class Clicks(QObject):
    """Counts presses of mouse buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseButtonPress and isinstance(watched, QWidget):
            self.count += 1
        return False


@pytest.fixture
def window(client: FakeClient, loop: Any, qtbot: QtBot) -> Iterator[MainWindow]:
    client.answers[ListContents] = view(image="")
    client.rows[ListContents] = [rows()]
    client.answers[PlanFree] = removal(packages=34)
    client.answers[ApplyDelete] = OUTCOME
    window = MainWindow(client, WindowOptions(demo=True))
    window.show()
    window.activateWindow()
    life: asyncio.Task[None] = loop.create_task(window.run())
    qtbot.waitUntil(lambda: bool(window.mirrors.model.rows))
    yield window
    window.close()
    qtbot.waitUntil(life.done)
    window.deleteLater()


def test_freeing_space_on_a_folder_takes_three_clicks_and_a_typed_number(
    window: MainWindow, client: FakeClient, qtbot: QtBot
) -> None:
    allow_deleting(PLACE)
    clicks = Clicks()
    QApplication.instance().installEventFilter(clicks)
    navigation = window.side_bar.pages
    window.show_page(window.pages.index(window.contents))  # stands for a click there
    clicks.count += 1
    assert navigation.chosen == window.pages.index(window.contents)
    qtbot.waitUntil(lambda: window.contents.place == PLACE and not window.contents.reader.busy)
    button = next(each for each in window.contents.findChildren(QPushButton) if each.text() == "Free space…")
    click(button, qtbot)
    qtbot.waitUntil(lambda: bool(window.contents.findChildren(FreeDialog)))
    dialog = window.contents.findChildren(FreeDialog)[0]
    qtbot.keyClicks(dialog.form.goal_edit, "50 GB")
    qtbot.waitUntil(lambda: dialog.removal.plan is not None)
    qtbot.keyClicks(dialog.removal.number_edit, "34")
    with qtbot.waitSignal(dialog.finished):
        click(dialog.confirm_button, qtbot)
    QApplication.instance().removeEventFilter(clicks)
    assert clicks.count <= 3
    qtbot.waitUntil(lambda: "moved to the trash" in window.contents.banner.title)


def test_every_kind_of_entry_has_a_group(client: FakeClient) -> None:
    contents = Contents()
    contents.apply(rows())
    assert {row.kind for row in contents.rows.values()} >= {EntryKind.PACKAGE, EntryKind.IMAGE, EntryKind.INDEX}
