# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What people do with mirrors on their page: every edit, its banner and its way back, tests, and Spack's own runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mirror_samples as samples
import pytest
from fake_client import FakeClient
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QPushButton
from pytestqt.qtbot import QtBot
from samples import INSTANCE, details, mirror, mirrors_view

from core.engine.calls import logins, mirrors
from core.foundation.errors import ConfigError, ErrorInfo, NetworkDown
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.model import Connection
from core.services import login_values as values
from core.services.mirror_values import AppliedEdit, CopyMirror, EditPlan, MoveMirror, MoveSecrets, RemoveMirror
from core.services.values import LoginFacts, MirrorRow, MirrorsView, UndoStep
from gui import messages
from gui.actions import Actions
from gui.mirrors import editor_words, login_words, testing_words
from gui.mirrors.commands import Edited
from gui.mirrors.details import CONNECTION, USERS
from gui.mirrors.editor import MirrorEditor
from gui.mirrors.model import Column
from gui.mirrors.page import MirrorsPage
from gui.mirrors.plan_dialog import PlanDialog, join
from gui.mirrors.sign_in import SignInDialog
from gui.mirrors.spack_run import CreateDialog, DestroyDialog
from gui.widgets.cell import Role
from gui.widgets.dialogs import MessageDialog

ALT = Qt.KeyboardModifier.AltModifier
STEPS = (
    samples.step("resolve"),
    samples.step("push", "failed", "the registry answered 403: denied", "Ask for a token that may write."),
    samples.step("index", "warning", "written 3 days ago"),
)
TEST = values.TestView("scratch", False, 0.0, STEPS, values.StepState.FAILED)


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[MirrorsPage]:
    kept = client.answers[mirrors.DescribeMirror]
    samples.fill(client).answers[mirrors.DescribeMirror] = kept
    page = MirrorsPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1400, 800)
    page.show()
    qtbot.waitExposed(page)
    commands.enter_page(page.title)
    load(page, qtbot)
    yield page
    page.leave()
    owners = (page.tasks, page.work.tasks, page.tests.tasks, page.details.tasks)
    qtbot.waitUntil(lambda: not any(owner.busy for owner in owners))


def load(page: MirrorsPage, qtbot: QtBot) -> None:
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(task.done)
    qtbot.waitUntil(lambda: not page.details.tasks.busy)


def dialog_of(page: MirrorsPage, kind: type[QDialog], qtbot: QtBot) -> Any:
    qtbot.waitUntil(lambda: any(each.isVisible() for each in page.findChildren(kind)))
    return next(each for each in page.findChildren(kind) if each.isVisible())


def click(qtbot: QtBot, button: QPushButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def settle(page: MirrorsPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not page.work.tasks.busy and not page.tasks.busy)


def planned(client: FakeClient) -> list[Any]:
    return [call.edit for call in client.asked(mirrors.PlanMirrorEdit)]


def with_undo(client: FakeClient, undo: str = "undo-1") -> None:
    view = client.answers[mirrors.ListMirrors]
    client.answers[mirrors.ListMirrors] = replace(view, undo=(UndoStep(undo, "Add site-oci to user", samples.FILE),))


def test_adding_a_registry_with_a_token_takes_two_clicks(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    clicks = 0
    add = next(each for each in page.findChildren(QPushButton) if each.text() == "Add mirror" and each.isVisible())
    click(qtbot, add)
    clicks += 1
    editor = dialog_of(page, MirrorEditor, qtbot)
    qtbot.waitUntil(lambda: not editor.tasks.busy)
    qtbot.keyClicks(QApplication.focusWidget() or editor.fields.address.edit, "registry.site.org/hpc/cache")
    qtbot.waitUntil(editor.fields.login.isVisible)
    qtbot.keyClicks(editor.fields.login.user_edit, "hpcbot")
    qtbot.keyClicks(editor.fields.login.secret.edit, samples.SECRET)
    rows = (*mirrors_view().rows, MirrorRow(mirror("site-oci", samples.REGISTRY)))
    client.answers[mirrors.ListMirrors] = MirrorsView(rows)
    client.answers[mirrors.DescribeMirror] = samples.details()
    with_undo(client)
    click(qtbot, editor.save_button)
    clicks += 1
    qtbot.waitUntil(page.banner.isVisible)
    assert clicks == 2
    assert client.asked(logins.SaveLogin)
    assert page.banner.title == "site-oci was added to /home/ann/.spack/mirrors.yaml."
    assert page.banner.button.text() == messages.UNDO
    current = page.current()
    assert current is not None
    assert current.mirror.name == "site-oci"
    assert page.details.tabs.currentIndex() == USERS


def test_undo_from_the_banner_and_from_the_menu(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    assert commands.undo_edit.toolTip() == messages.WHY_NO_UNDO
    with_undo(client)
    load(page, qtbot)
    assert commands.undo_edit.text() == "Undo: Add site-oci to user"
    client.answers[mirrors.UndoMirrorEdit] = AppliedEdit("user", samples.FILE, "Undone", "")
    client.answers[mirrors.ListMirrors] = mirrors_view()
    commands.undo_edit.trigger()
    settle(page, qtbot)
    assert client.asked(mirrors.UndoMirrorEdit) == [mirrors.UndoMirrorEdit(INSTANCE.id, "undo-1")]
    assert page.banner.title == "Undone: Add site-oci to user."
    assert page.banner.button.isHidden()
    assert not commands.undo_edit.isEnabled()


def test_an_undo_that_is_refused_is_told(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    with_undo(client)
    load(page, qtbot)
    client.answers[mirrors.UndoMirrorEdit] = ConfigError("mirrors.yaml was not put back", "it has changed since")
    commands.undo_edit.trigger()
    settle(page, qtbot)
    assert page.banner.accessibleName() == "mirrors.yaml was not put back. it has changed since"


def test_enter_edits(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    editor = dialog_of(page, MirrorEditor, qtbot)
    qtbot.waitUntil(lambda: not editor.tasks.busy)
    assert editor.heading.text() == "Edit scratch"
    assert editor.fields.text == "/scratch/cache"
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    settle(page, qtbot)
    assert not client.asked(mirrors.ApplyMirrorEdit)


def test_removing_says_where_from_and_what_remains(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    client.answers[mirrors.PlanMirrorEdit] = lambda _call: EditPlan(
        "plan-2",
        "Remove",
        "user",
        samples.FILE,
        "--- a\n+++ b\n@@ -1 +1 @@\n-  scratch: x\n",
        remains="site still has one.",
    )
    commands.remove_mirrors.trigger()
    dialog = dialog_of(page, PlanDialog, qtbot)
    qtbot.waitUntil(dialog.confirm_button.isEnabled)
    assert dialog.windowTitle() == "Remove scratch?"
    assert dialog.diff.toPlainText() == "-  scratch: x"
    assert dialog.remains.text() == "site still has one."
    assert dialog.summary.text() == "/home/ann/.spack/mirrors.yaml: 1 line removed"
    assert QApplication.focusWidget() is not dialog.confirm_button
    click(qtbot, dialog.confirm_button)
    settle(page, qtbot)
    assert planned(client) == [RemoveMirror("scratch", "user")]
    assert client.asked(mirrors.ApplyMirrorEdit) == [mirrors.ApplyMirrorEdit(INSTANCE.id, "plan-2")]
    assert page.banner.title == "scratch was removed."


def test_where_several_scopes_have_it_a_person_chooses(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    known = client.answers[mirrors.ListScopes]
    client.answers[mirrors.ListScopes] = tuple(replace(scope, entries=("scratch",)) for scope in known)
    load(page, qtbot)
    commands.remove_mirrors.trigger()
    dialog = dialog_of(page, PlanDialog, qtbot)
    texts = [dialog.choice_box.itemText(at) for at in range(dialog.choice_box.count())]
    assert [text.partition(" ")[0] for text in texts] == ["user", "site", "defaults"]  # system cannot be written
    dialog.choice_box.setCurrentIndex(1)
    qtbot.waitUntil(lambda: planned(client)[-1] == RemoveMirror("scratch", "site"))
    dialog.reject()
    settle(page, qtbot)
    assert not client.asked(mirrors.ApplyMirrorEdit)


def test_several_are_removed_at_once_and_planned_one_after_another(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    page.table.selectAll()
    assert commands.edit_mirror.toolTip() == messages.WHY_ONE_MIRROR
    commands.remove_mirrors.trigger()
    dialog = dialog_of(page, PlanDialog, qtbot)
    qtbot.waitUntil(dialog.confirm_button.isEnabled)
    assert dialog.windowTitle() == "Remove 3 mirrors?"
    client.calls.clear()
    click(qtbot, dialog.confirm_button)
    settle(page, qtbot)
    kinds = [type(call) for call in client.calls if isinstance(call, (mirrors.PlanMirrorEdit, mirrors.ApplyMirrorEdit))]
    plan, apply = mirrors.PlanMirrorEdit, mirrors.ApplyMirrorEdit
    assert kinds == [apply, plan, apply, plan, apply]  # each later plan is of the file as it is by then


def test_a_removal_that_fails_half_way_tells_what_was_done(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    answers = iter([AppliedEdit("user", samples.FILE, "Remove", "undo-1")])

    def apply(_call: mirrors.ApplyMirrorEdit) -> AppliedEdit:
        found = next(answers, None)
        if found is None:
            raise ConfigError("mirrors.yaml was not changed", "it belongs to root")
        return found

    client.answers[mirrors.ApplyMirrorEdit] = apply
    page.table.selectAll()
    commands.remove_mirrors.trigger()
    dialog = dialog_of(page, PlanDialog, qtbot)
    qtbot.waitUntil(dialog.confirm_button.isEnabled)
    click(qtbot, dialog.confirm_button)
    qtbot.waitUntil(lambda: dialog.notice.title == "mirrors.yaml was not changed")
    dialog.reject()
    settle(page, qtbot)
    assert page.banner.title == "scratch was removed."


def test_the_order_changes_by_key_inside_a_scope(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    page.table.select_row(2)
    commands.move_mirror_up.trigger()
    settle(page, qtbot)
    assert planned(client) == [MoveMirror("public", "site", "nfs")]
    assert page.banner.title == "public now comes before nfs in /home/ann/.spack/mirrors.yaml."
    page.table.select_row(1)
    commands.move_mirror_down.trigger()
    settle(page, qtbot)
    assert planned(client)[-1] == MoveMirror("nfs", "site", "")
    assert len(client.asked(mirrors.ApplyMirrorEdit)) == 2


def test_the_order_of_scopes_is_spacks(page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot) -> None:
    page.table.select_row(1)
    commands.move_mirror_up.trigger()
    assert page.banner.title == messages.NOT_MOVED
    assert "scratch is set in user" in page.banner.accessibleName()
    page.table.select_row(0)
    commands.move_mirror_up.trigger()  # the first one stays where it is
    settle(page, qtbot)
    assert planned(client) == []


def test_a_scope_that_is_locked_keeps_its_order(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    known = client.answers[mirrors.ListScopes]
    client.answers[mirrors.ListScopes] = tuple(
        replace(scope, writable=False, why_not="it belongs to root") for scope in known
    )
    load(page, qtbot)
    assert page.model.index(1, Column.SCOPE).data(Role.LOOK).icon == "lock"
    page.table.select_row(2)
    commands.move_mirror_up.trigger()
    assert "site cannot be written. it belongs to root" in page.banner.accessibleName()
    assert planned(client) == []


def drop(page: MirrorsPage, name: str, row: int, *, below: bool = False) -> QDropEvent:
    """Drop the mirror `name` on the upper or lower half of `row`."""
    index = next(page.model.index(at, 0) for at, each in enumerate(page.model.rows) if each.mirror.name == name)
    rect = page.table.visualRect(page.model.index(row, 0))
    y = rect.bottom() - 2 if below else rect.top() + 2
    data = page.model.mimeData([index])
    none = Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(20, y), Qt.DropAction.MoveAction, data, Qt.MouseButton.LeftButton, none)
    page.table.dropEvent(event)
    return event


def test_the_order_changes_by_dragging(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    event = drop(page, "public", 1)
    assert event.dropAction() is Qt.DropAction.IgnoreAction  # the file changes, not the table
    settle(page, qtbot)
    assert planned(client) == [MoveMirror("public", "site", "nfs")]
    drop(page, "nfs", 2, below=True)
    settle(page, qtbot)
    assert planned(client)[-1] == MoveMirror("nfs", "site", "")
    drop(page, "nfs", 0)
    assert page.banner.title == messages.NOT_MOVED
    drop(page, "nfs", 1)
    drop(page, "nfs", 1, below=True)
    settle(page, qtbot)
    assert len(planned(client)) == 2
    assert [row.mirror.name for row in page.model.rows] == ["scratch", "nfs", "public"]


def test_copying_to_the_user_scope(page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot) -> None:
    assert commands.copy_to_user.toolTip() == messages.WHY_IN_USER_SCOPE
    page.table.select_row(1)
    commands.copy_to_user.trigger()
    dialog = dialog_of(page, PlanDialog, qtbot)
    qtbot.waitUntil(dialog.confirm_button.isEnabled)
    click(qtbot, dialog.confirm_button)
    settle(page, qtbot)
    assert planned(client) == [CopyMirror("nfs", "user")]
    assert page.banner.title == "nfs was copied to user."


PLAIN_PROBLEM = ErrorInfo("plain-secret", "mirrors.yaml:4: old holds a secret in plain text", "everyone can read")


def plain_row() -> MirrorRow:
    side = Connection("oci://r.org/x", "oci://r.org/x", plain_secret=True)
    return MirrorRow(replace(mirror("old", "oci://r.org/x"), push=side), login=LoginFacts(CredentialState.PLAIN_TEXT))


def test_a_secret_in_plain_text_is_moved_to_the_keyring_after_one_look(
    page: MirrorsPage, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[mirrors.ListMirrors] = MirrorsView((plain_row(),), (PLAIN_PROBLEM,))
    client.answers[mirrors.DescribeMirror] = samples.details()
    client.answers[logins.MoveToKeyring] = AppliedEdit("user", samples.FILE, "Replace", "")
    load(page, qtbot)
    assert page.banner.title == "old has a secret in plain text"
    click(qtbot, page.banner.button)
    dialog = dialog_of(page, PlanDialog, qtbot)
    qtbot.waitUntil(dialog.confirm_button.isEnabled)
    assert planned(client) == [MoveSecrets("old", "user")]
    assert dialog.diff.isVisible()
    client.answers[mirrors.ListMirrors] = mirrors_view()
    click(qtbot, dialog.confirm_button)
    settle(page, qtbot)
    assert client.asked(logins.MoveToKeyring) == [logins.MoveToKeyring(INSTANCE.id, "old", "user")]
    assert not client.asked(mirrors.ApplyMirrorEdit)
    assert page.banner.title == "The secret of old is in the keyring now."
    assert page.banner.button.isHidden()  # nothing brings a secret back into the file


def test_a_locked_keyring_can_be_opened_from_the_banner(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    locked = MirrorRow(mirror("reg", "oci://r.org/x"), login=LoginFacts(CredentialState.LOCKED))
    client.answers[mirrors.ListMirrors] = MirrorsView((locked,))
    client.answers[mirrors.DescribeMirror] = samples.details()
    load(page, qtbot)
    assert page.banner.title == messages.KEYRING_LOCKED
    client.hold(logins.UnlockKeyring)
    click(qtbot, page.banner.button)
    qtbot.waitUntil(lambda: bool(client.asked(logins.UnlockKeyring)))
    load(page, qtbot)  # everything else goes on meanwhile
    client.answers[mirrors.ListMirrors] = mirrors_view()
    client.release(logins.UnlockKeyring)
    qtbot.waitUntil(page.banner.isHidden)


def test_signing_in_and_out(page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot) -> None:
    assert commands.sign_in.toolTip() == messages.WHY_NO_LOGIN
    client.answers[mirrors.ListMirrors] = MirrorsView((MirrorRow(mirror("site-oci", samples.REGISTRY)),))
    client.answers[mirrors.DescribeMirror] = samples.details()
    client.answers[logins.SignOut] = ("site-oci", "site-test")
    load(page, qtbot)
    commands.sign_in.trigger()
    dialog = dialog_of(page, SignInDialog, qtbot)
    qtbot.waitUntil(lambda: not dialog.tasks.busy)
    qtbot.keyClicks(dialog.login_fields.secret.edit, samples.SECRET)
    click(qtbot, dialog.save_button)
    qtbot.waitUntil(lambda: page.banner.title == "Signed in to registry.site.org.")
    settle(page, qtbot)
    commands.sign_out.trigger()
    question = dialog_of(page, MessageDialog, qtbot)
    text = login_words.sign_out_text([samples.overview()])
    assert text == "2 mirrors lose their login: site-oci, site-test. The mirrors themselves stay."
    assert any(label.text() == text for label in question.findChildren(type(page.heading)))
    out = next(each for each in question.findChildren(QPushButton) if each.text() == login_words.SIGN_OUT)
    click(qtbot, out)
    qtbot.waitUntil(lambda: page.banner.title == "Signed out: site-oci, site-test.")


def test_signing_out_of_the_login_for_fetching(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    """It has one of its own: a person chooses, and only that one goes."""
    client.answers[mirrors.ListMirrors] = MirrorsView((MirrorRow(mirror("site-oci", samples.REGISTRY)),))
    client.answers[mirrors.DescribeMirror] = samples.details()
    fetch = {"direction": Direction.FETCH, "user": "reader", "variables": ("", "READ_TOKEN"), "used_by": ("site-oci",)}
    both = {Direction.PUSH: samples.overview(), Direction.FETCH: replace(samples.overview(), **fetch)}
    client.answers[logins.DescribeLogin] = lambda call: both[call.direction]
    client.answers[logins.SignOut] = ("site-oci",)
    load(page, qtbot)
    for button, expected in (
        (login_words.sign_out_only(Direction.FETCH), [Direction.FETCH]),
        (login_words.SIGN_OUT_BOTH, [Direction.PUSH, Direction.FETCH]),
    ):
        commands.sign_out.trigger()
        question = dialog_of(page, MessageDialog, qtbot)
        shown = " ".join(label.text() for label in question.findChildren(type(page.heading)))
        assert "For fetching: 1 mirror loses its login: site-oci." in shown
        client.calls.clear()
        click(qtbot, next(each for each in question.findChildren(QPushButton) if each.text() == button))
        qtbot.waitUntil(lambda wanted=expected: len(client.asked(logins.SignOut)) == len(wanted))  # type: ignore[misc]
        assert [call.direction for call in client.asked(logins.SignOut)] == expected
        settle(page, qtbot)
        assert page.banner.title == "Signed out: site-oci."


def test_a_test_shows_its_steps_as_they_come(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    client.rows[logins.TestMirror] = [STEPS[:1], STEPS[1:]]
    client.answers[logins.TestMirror] = TEST
    client.hold(logins.TestMirror)
    page.details.show_tab(CONNECTION)
    assert page.details.connection.summary.text().startswith(testing_words.NOT_TESTED)
    commands.test_mirrors.trigger()
    status = page.model.index(0, Column.STATUS)
    assert status.data() == testing_words.TESTING
    assert commands.test_mirrors.toolTip() == messages.WHY_TESTING
    client.release(logins.TestMirror)
    qtbot.waitUntil(commands.test_mirrors.isEnabled)
    table = page.details.connection.model
    assert [table.index(at, 0).data() for at in range(3)] == ["resolve", "push", "index"]
    assert [table.index(at, 2).data() for at in range(3)] == ["250\u2009ms"] * 3
    assert page.details.connection.table.currentIndex().row() == 1
    assert page.details.connection.remedy.text().endswith("403: denied. Ask for a token that may write.")
    assert status.data().startswith("no push, ")
    assert "1 more step" in status.data(Qt.ItemDataRole.ToolTipRole)
    assert page.details.fact(messages.MAY_PUSH) == "the registry answered 403: denied"


def test_a_reader_is_tested_apart(page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot) -> None:
    client.answers[logins.TestMirror] = replace(TEST, as_reader=True)
    page.details.show_tab(CONNECTION)
    page.details.connection.reader_box.click()
    commands.test_mirrors.trigger()
    qtbot.waitUntil(lambda: page.details.connection.model.rowCount() == 3)
    assert client.asked(logins.TestMirror) == [logins.TestMirror(INSTANCE.id, "scratch", as_reader=True)]
    assert page.model.index(0, Column.STATUS).data() == "ok"  # the row is about the person who looks at it
    page.details.connection.reader_box.click()
    assert page.details.connection.model.rowCount() == 0


def test_several_are_tested_side_by_side_and_a_dead_one_delays_nobody(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    def answer(call: logins.TestMirror) -> values.TestView:
        if call.mirror == "nfs":
            raise NetworkDown("nfs cannot be tested", "no answer")
        return replace(TEST, mirror=call.mirror, steps=STEPS[:1], verdict=values.StepState.OK)

    client.answers[logins.TestMirror] = answer
    page.table.selectAll()
    assert commands.test_mirrors.text() == "Test 3"
    commands.test_mirrors.trigger()
    assert len(page.tests._running) == 3
    qtbot.waitUntil(lambda: not page.tests.tasks.busy)
    assert page.model.index(2, Column.STATUS).data().startswith("ok, ")
    page.table.select_row(1)
    page.details.show_tab(CONNECTION)
    assert page.details.connection.summary.text() == "nfs cannot be tested: no answer"


def test_the_last_results_are_known_at_the_start(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[logins.LastTests] = (TEST,)
    load(page, qtbot)
    assert page.model.index(0, Column.STATUS).data().startswith("no push, ")


def test_what_users_must_do_can_be_copied(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    commands.show_mirror_command.trigger()
    users = page.details.users
    assert [line.text.text() for line in users.lines if line.isVisible()] == [
        "spack mirror add scratch /scratch/cache",
        "spack buildcache keys --install --trust",
        "spack: …",
    ]
    qtbot.mouseClick(users.lines[2].copy_button, Qt.MouseButton.LeftButton)
    assert "buildcache-destination: /scratch/cache" in QGuiApplication.clipboard().text()
    click(qtbot, users.copy_button)
    assert QGuiApplication.clipboard().text() == (
        "# Add the mirror\nspack mirror add scratch /scratch/cache\n"
        "# Trust its keys\nspack buildcache keys --install --trust"
    )
    commands.copy_mirror_yaml.trigger()
    assert QGuiApplication.clipboard().text() == "scratch:\n  url: /scratch/cache\n"


def test_read_only_changes_nothing_and_says_why(page: MirrorsPage, commands: Actions) -> None:
    page.read_only = True
    page.update_actions()
    for action in (commands.add_mirror, commands.edit_mirror, commands.remove_mirrors, commands.move_mirror_down):
        assert action.toolTip() == messages.WHY_READ_ONLY
    assert not page.folder_button.isEnabled()
    assert page.folder_button.toolTip() == messages.WHY_READ_ONLY
    assert commands.test_mirrors.isEnabled()


def test_columns_appear_where_there_is_room_and_something_to_say(
    page: MirrorsPage, client: FakeClient, qtbot: QtBot
) -> None:
    assert page.table.isColumnHidden(Column.FETCH_ADDRESS)
    assert not page.table.isColumnHidden(Column.CONTAINS)
    apart = replace(mirror("m", "file:///a"), fetch=Connection("https://b.org/x", "https://b.org/x"))
    page.model.set_rows((MirrorRow(apart),))
    assert not page.table.isColumnHidden(Column.FETCH_ADDRESS)
    page.resize(800, 600)
    qtbot.waitUntil(lambda: page.table.isColumnHidden(Column.FETCH_ADDRESS))


def test_deleting_what_a_mirror_holds_asks_for_its_name(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    plan = values.DestroyPlan("scratch", "file:///scratch/cache", 1204, 10**9, 300, ("notes.txt",), ("scratch", "twin"))
    client.answers[logins.PlanDestroy] = plan
    client.answers[logins.DestroyMirror] = values.SpackEnd(0, 2.0)
    client.rows[logins.DestroyMirror] = [[values.SpackLine("==> gone")]]
    commands.destroy_mirror.trigger()
    dialog = dialog_of(page, DestroyDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.plan is not None)
    assert "300 packages, 1,204 files" in dialog.what_goes.text()
    assert "scratch, twin" in dialog.what_goes.text()
    assert "notes.txt" in dialog.strangers.text()
    assert not dialog.start_button.isEnabled()
    qtbot.keyClicks(dialog.name_edit, "scratc")
    assert not dialog.start_button.isEnabled()
    qtbot.keyClicks(dialog.name_edit, "h")
    click(qtbot, dialog.start_button)
    qtbot.waitUntil(lambda: dialog.ended is not None)
    assert dialog.output.toPlainText().strip() == "==> gone"
    assert client.asked(logins.DestroyMirror) == [logins.DestroyMirror(INSTANCE.id, "scratch", "scratch")]
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    settle(page, qtbot)


def test_a_source_mirror_is_made_in_sight_and_can_be_stopped(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    lines = [values.SpackLine("==> Adding package zlib@1.3", "zlib@1.3"), values.SpackLine("==> Fetching")]
    client.rows[logins.CreateMirror] = [lines]
    client.answers[logins.CreateMirror] = values.SpackEnd(1, 4.0, 1, 1)
    client.hold(logins.CreateMirror)
    commands.create_mirror.trigger()
    dialog = dialog_of(page, CreateDialog, qtbot)
    assert not dialog.start_button.isEnabled()
    qtbot.keyClicks(dialog.specs_edit, "zlib hdf5 +mpi")
    click(qtbot, dialog.start_button)
    qtbot.waitUntil(lambda: bool(client.asked(logins.CreateMirror)))
    options = values.CreateOptions(("zlib", "hdf5", "+mpi"), "", ("--dependencies",))
    assert client.asked(logins.CreateMirror) == [logins.CreateMirror(INSTANCE.id, options)]
    click(qtbot, dialog.cancel_button)  # stops what runs; the dialog stays
    qtbot.waitUntil(lambda: dialog.status.text().startswith("Stopped"))
    assert dialog.isVisible()
    client.release(logins.CreateMirror)
    click(qtbot, dialog.start_button)
    qtbot.waitUntil(lambda: dialog.ended is not None)
    assert dialog.status.text() == "Spack ended with status 1: 1 package done, 1 failed, 4\u2009s."
    click(qtbot, dialog.cancel_button)
    settle(page, qtbot)


def test_differences_of_several_files_are_one_text() -> None:
    assert (
        join(["--- a\n+++ b\n@@ 1 @@\n-x\n", "", "--- c\n+++ d\n@@ 2 @@\n+y\n"])
        == "--- a\n+++ b\n@@ 1 @@\n-x\n@@ 2 @@\n+y"
    )


def test_scopes_say_for_whom_they_count(client: FakeClient) -> None:
    scopes = client.answers[mirrors.ListScopes]
    assert editor_words.scope_text(scopes[0]) == "user (/home/ann/.spack/mirrors.yaml): only you"
    assert editor_words.scope_text(scopes[2]).endswith(": locked")
    assert details(mirrors.DescribeMirror(INSTANCE.id, "nfs")).name == "nfs"


def test_an_edit_can_be_undone_whatever_else_is_wrong(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    """A problem that was there before does not hide what was saved."""
    broken = ErrorInfo("config", "mirrors.yaml:9: mirror odd is left out", "it needs `url`")
    client.answers[mirrors.ListMirrors] = MirrorsView(mirrors_view().rows, (broken, PLAIN_PROBLEM))
    load(page, qtbot)
    assert page.banner.title == broken.title
    with_undo(client)
    page.work.edited.emit(Edited("scratch was changed", "undo-1", "scratch"))
    qtbot.waitUntil(lambda: page.banner.title == "scratch was changed.")
    assert page.banner.button.text() == messages.UNDO
    settle(page, qtbot)
