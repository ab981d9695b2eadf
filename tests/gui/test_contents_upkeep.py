# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting and freeing space on the contents page, and the trash."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from contents_samples import rows, view
from dialog_steps import click, closed, opened
from fake_client import FakeClient
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QDialog, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from samples import INSTANCE
from upkeep_samples import removal, trash

from core.caches.browsing import EntryKind
from core.engine.calls.contents import ListContents
from core.engine.calls.packages import ListEnvironments
from core.engine.calls.upkeep import (
    ApplyDelete,
    EmptyTrash,
    ListTrash,
    PlanDelete,
    PlanFree,
    ReadKeepList,
    RestoreTrash,
)
from core.foundation.errors import ErrorInfo, NotFound
from core.services.upkeep_values import (
    DeleteRequest,
    FreeRule,
    KeepRules,
    RemovalOutcome,
    RestoreOutcome,
    UpkeepCapabilities,
)
from core.services.values import Step
from gui import messages
from gui.contents import removal_words
from gui.contents.free_dialog import FreeDialog
from gui.contents.free_form import Preset
from gui.contents.permission import allow_deleting, may_delete
from gui.contents.removal_dialog import DeleteDialog
from gui.contents.rows import Contents
from gui.contents.trash_dialog import TrashDialog
from gui.engine_client import CallFailed
from gui.main_window import MainWindow, WindowOptions

PLACE = "scratch"
OUTCOME = RemovalOutcome(3, 2, 900, 0, "batch")


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


def test_how_far_it_has_come_is_told_while_it_works(client: FakeClient, qtbot: QtBot) -> None:
    said: list[str] = []
    client.rows[PlanDelete] = [[Step(10, 2000)], [Step(1500, 2000)]]
    client.rows[ApplyDelete] = [[Step(1, 3)]]
    dialog = delete_dialog(client, qtbot)
    assert dialog.status.text() == ""
    click(dialog.removal.permit.button, qtbot)
    client.answers[ApplyDelete] = lambda _call: (said.append(dialog.status.text()), OUTCOME)[1]
    closed(dialog, dialog.confirm_button, qtbot)
    assert said == ["1 of 3 entries and files are gone"]
    assert removal_words.looked_at(Step(1500, 2000)) == "Looked at 1,500 of 2,000 entries"


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
    window: MainWindow, qapp: QApplication, qtbot: QtBot
) -> None:
    allow_deleting(PLACE)
    clicks = Clicks()
    qapp.installEventFilter(clicks)
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
    qapp.removeEventFilter(clicks)
    assert clicks.count <= 3
    qtbot.waitUntil(lambda: "moved to the trash" in window.contents.banner.title)


def test_every_kind_of_entry_has_a_group(client: FakeClient) -> None:
    contents = Contents()
    contents.apply(rows())
    assert {row.kind for row in contents.rows.values()} >= {EntryKind.PACKAGE, EntryKind.IMAGE, EntryKind.INDEX}
