# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Verifying, repairing, copying and bundles on the contents page, its filter and its space view."""

from __future__ import annotations

from typing import Any

from contents_samples import entry, rows
from dialog_steps import click, closed, opened
from fake_client import FakeClient
from pytestqt.qtbot import QtBot
from samples import INSTANCE
from upkeep_samples import finding, push_plan, removal

from core.engine.calls.checks import FinishRepair, PlanRepair, VerifyCache
from core.engine.calls.contents import FindEntries
from core.engine.calls.push import PlanPush, StartPush
from core.engine.calls.upkeep import (
    ApplyDelete,
    DescribeBundle,
    ExportBundle,
    ImportBundle,
    PlanCopy,
    PlanDelete,
    StartCopy,
)
from core.foundation.errors import NotFound
from core.services.package_values import FoundPackages, QueryProblem
from core.services.upkeep_values import (
    BundleSummary,
    DeleteRequest,
    RemovalOutcome,
)
from core.services.values import Step
from core.services.verify_values import Examined, FindingKind, Remedy, RepairPlan, VerifyView
from core.transfers.model import PushStatus, QueueSnapshot, Totals
from core.transfers.plan import PushRequest
from gui import messages
from gui.contents import copy_words, verify_words
from gui.contents.bundle_dialogs import ExportDialog, ImportDialog
from gui.contents.copy_dialog import CopyDialog
from gui.contents.model import ContentsModel
from gui.contents.narrower import ContentsNarrower
from gui.contents.permission import allow_deleting
from gui.contents.repair_dialog import RepairDialog
from gui.contents.rows import Contents
from gui.contents.space import SpaceModel
from gui.contents.verify_dialog import VerifyDialog

PLACE = "scratch"
OUTCOME = RemovalOutcome(3, 2, 900, 0, "batch")


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


def test_a_repair_tells_how_far_it_is(client: FakeClient, qtbot: QtBot) -> None:
    said: list[str] = []
    client.rows[PlanDelete] = [[Step(3, 7)]]
    client.rows[ApplyDelete] = [[Step(1, 3)], [Step(2, 3)]]
    dialog = repair_dialog(client, qtbot, repair_plan())
    client.answers[ApplyDelete] = lambda _call: (said.append(dialog.status.text()), OUTCOME)[1]
    click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: bool(client.asked(StartPush)))
    push = PushStatus("push-1", PLACE, Totals(done=1, moving=1, waiting=2), 0.0, 1.0, ended=False)
    client.snapshot_received.emit(QueueSnapshot((), (push,), Totals(), paused=False))
    qtbot.waitUntil(lambda: dialog.status.text() == "Pushing packages again: 1 of 4.")
    with qtbot.waitSignal(dialog.finished):
        client.snapshot_received.emit(status("push-1", done=4))
    assert said == ["2 of 3 entries and files are gone"]


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
