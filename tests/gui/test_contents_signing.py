# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signing what lies in a folder, from the contents page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from contents_samples import entry, view
from dialog_steps import click
from fake_client import FakeClient
from key_samples import ANN, key, keys
from key_samples import view as keys_view
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from samples import INSTANCE, mirrors_view
from upkeep_samples import push_plan

from core.engine.calls.contents import JudgeEntries, ListContents
from core.engine.calls.keys import ListKeys, SignEntries, UnlockKey
from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.upkeep import PlanMigration, StartCopy
from core.foundation.errors import ErrorInfo, NetworkDown, PassphraseNeeded
from core.services.keys_values import KeysView, SigningStep, SignRequest
from core.services.values import EntrySignature
from core.signing.signatures import SignatureFacts, SignatureState
from gui.actions import Actions
from gui.contents import sign_words
from gui.contents.allowing import unsigned
from gui.contents.migrate_dialog import MigrateDialog
from gui.contents.page import ContentsPage
from gui.contents.rows import Column
from gui.contents.sign_dialog import SignDialog
from gui.keys.dialogs import UnlockDialog
from gui.widgets.cell import Role
from gui.widgets.task_dialog import TaskDialog

PLACE = "scratch"
ROWS = [entry("zlib", signed=False), entry("xz", signed=True), entry("gcc", signed=None)]
LOCKED = PassphraseNeeded("Signing failed", "The passphrase is wrong")


def opened(client: FakeClient, qtbot: QtBot, *, known: KeysView | None = None) -> SignDialog:
    client.answers[ListKeys] = known or keys_view()
    dialog = SignDialog(client, INSTANCE.id, PLACE, unsigned(ROWS))
    qtbot.addWidget(dialog)
    dialog.open()
    qtbot.waitUntil(lambda: not dialog.working)
    return dialog


def test_the_selected_ones_are_signed_with_a_key_that_can(client: FakeClient, qtbot: QtBot) -> None:
    client.rows[SignEntries] = [[SigningStep(1, 2, 1)]]
    client.answers[SignEntries] = SigningStep(2, 2, 2)
    dialog = opened(client, qtbot)
    assert [dialog.key_box.itemData(at) for at in range(dialog.key_box.count())] == [ANN]
    with qtbot.waitSignal(dialog.finished):
        click(dialog.confirm_button, qtbot)
    (asked,) = client.asked(SignEntries)
    assert asked.request == SignRequest(PLACE, hashes=(ROWS[0].hash,), key=ANN)
    assert (dialog.bar.share, dialog.changed) == (0.5, True)


def test_all_that_are_not_signed(client: FakeClient, qtbot: QtBot) -> None:
    client.answers[SignEntries] = SigningStep(3, 3, 0)
    dialog = opened(client, qtbot)
    dialog.which.setCurrentIndex(1)
    with qtbot.waitSignal(dialog.finished):
        click(dialog.confirm_button, qtbot)
    assert client.asked(SignEntries)[0].request.hashes == ()
    assert (dialog.ended, dialog.changed) == (True, False)


def test_without_a_key_that_can_sign_it_says_what_to_do(client: FakeClient, qtbot: QtBot) -> None:
    dialog = opened(client, qtbot, known=keys_view(*keys()[:2]))
    assert not dialog.confirm_button.isEnabled()
    assert dialog.status.text() == sign_words.WHY_NO_KEY
    dialog.reject()


def test_what_could_not_be_signed_is_listed(client: FakeClient, qtbot: QtBot) -> None:
    problem = ErrorInfo("cache", "zlib@1.0/abc stays as it is", "The blob is not there")
    client.answers[SignEntries] = SigningStep(2, 2, 1, (problem,))
    dialog = opened(client, qtbot)
    click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: not dialog.working)
    assert "zlib@1.0/abc stays as it is" in dialog.problems.toPlainText()
    assert dialog.status.text() == "1 package signed. 1 package could not be signed"
    assert dialog.confirm_button.isHidden()
    dialog.reject()
    assert dialog.changed


def unlocking(dialog: TaskDialog, qtbot: QtBot) -> UnlockDialog:
    def shown() -> list[UnlockDialog]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, UnlockDialog) and each.isVisible()]

    click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: bool(shown()))
    return shown()[0]


def test_a_locked_key_is_unlocked_and_signing_goes_on(client: FakeClient, qtbot: QtBot) -> None:
    client.answers[SignEntries] = LOCKED
    dialog = opened(client, qtbot)
    unlock = unlocking(dialog, qtbot)
    client.answers[SignEntries] = SigningStep(1, 1, 1)
    qtbot.keyClicks(unlock.passphrase.edit, "open")
    with qtbot.waitSignal(dialog.finished):
        click(unlock.confirm_button, qtbot)
    assert [(call.fingerprint, call.passphrase.reveal()) for call in client.asked(UnlockKey)] == [(ANN, "open")]
    assert len(client.asked(SignEntries)) == 2


def test_without_the_passphrase_the_dialog_stays(client: FakeClient, qtbot: QtBot) -> None:
    client.answers[SignEntries] = LOCKED
    dialog = opened(client, qtbot)
    unlocking(dialog, qtbot).reject()
    qtbot.waitUntil(lambda: not dialog.working)
    assert dialog.status.text() == sign_words.LOCKED
    assert dialog.confirm_button.isEnabled()
    assert not dialog.changed
    dialog.reject()


@pytest.mark.parametrize("unlocked", [True, False])
def test_what_is_copied_or_migrated_with_a_locked_key_waits_for_its_passphrase(
    client: FakeClient, qtbot: QtBot, unlocked: bool
) -> None:
    client.answers[PlanMigration] = replace(push_plan(), key=ANN, key_owner="Ann", key_locked=True)
    client.answers[StartCopy] = "copy-1"
    dialog = MigrateDialog(client, INSTANCE.id, PLACE)
    qtbot.addWidget(dialog)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.plan is not None and not dialog.working)
    unlock = unlocking(dialog, qtbot)
    click(unlock.confirm_button if unlocked else unlock.cancel_button, qtbot)
    qtbot.waitUntil(lambda: not dialog.working and dialog.isVisible() is not unlocked)
    assert len(client.asked(StartCopy)) == unlocked
    if not unlocked:
        assert dialog.confirm_button.isEnabled()
        dialog.reject()


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[ContentsPage]:
    client.answers[ListMirrors] = mirrors_view()
    client.answers[ListContents] = view(url="file:///scratch/cache", image="")
    client.rows[ListContents] = [ROWS]
    client.answers[ListKeys] = keys_view(key(secret=True))
    client.answers[SignEntries] = SigningStep(1, 1, 1)
    page = ContentsPage(client, commands)
    qtbot.addWidget(page)
    page.show()
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: task.done() and not page.reader.busy)
    yield page
    page.leave()


def test_the_page_reads_again_and_says_what_was_signed(
    page: ContentsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    before = len(client.asked(ListContents))
    assert commands.sign_entries.isEnabled(), commands.sign_entries.toolTip()
    commands.sign_entries.trigger()
    qtbot.waitUntil(lambda: any(each.isVisible() and not each.working for each in page.findChildren(SignDialog)))
    click(page.findChildren(SignDialog)[0].confirm_button, qtbot)
    qtbot.waitUntil(lambda: not page.work.tasks.busy and not page.reader.busy)
    assert page.banner.title == sign_words.TITLE_DONE
    assert len(client.asked(ListContents)) > before


def signed_texts(page: ContentsPage) -> list[str]:
    model = page.model
    return [str(model.index(row, Column.SIGNED).data()) for row in range(model.rowCount()) if model.entry_at(row)]


def test_signatures_on_the_screen_are_judged_and_again_when_the_page_comes_back(
    page: ContentsPage, client: FakeClient, qtbot: QtBot
) -> None:
    signed = ROWS[1].key
    good = SignatureFacts(SignatureState.GOOD, ANN, "Ann")
    client.rows[JudgeEntries] = lambda _call: [[EntrySignature(signed, good)]]
    page.model.set_all_open(wanted=True)
    qtbot.waitUntil(lambda: "trusted" in signed_texts(page))
    assert client.asked(JudgeEntries) == [JudgeEntries(INSTANCE.id, PLACE, (signed,))]
    assert sorted(signed_texts(page)) == ["no", "trusted", "–"]
    bad = SignatureFacts(SignatureState.BAD, why="it was changed")
    client.rows[JudgeEntries] = lambda _call: [[EntrySignature(signed, bad)]]
    page.hide()
    page.show()
    qtbot.waitUntil(lambda: "bad" in signed_texts(page))
    row = next(row for row in range(page.model.rowCount()) if page.model.entry_at(row) == ROWS[1])
    cell = page.model.index(row, Column.SIGNED)
    assert (cell.data(Role.LOOK).icon, cell.data(Role.LOOK).tone) == ("cross", "bad")
    assert cell.data(Qt.ItemDataRole.ToolTipRole) == "bad: it was changed"
    assert "signature bad: it was changed" in str(
        page.model.index(row, Column.NAME).data(Qt.ItemDataRole.AccessibleTextRole)
    )


def test_what_the_engine_cannot_judge_stays_signed(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[JudgeEntries] = NetworkDown("The folder cannot be reached")
    page.model.set_all_open(wanted=True)
    qtbot.waitUntil(lambda: bool(client.asked(JudgeEntries)) and not page.signatures.tasks.busy)
    assert sorted(signed_texts(page)) == ["no", "yes", "–"]


def test_only_folders_have_signatures_to_add(page: ContentsPage, commands: Actions, qtbot: QtBot) -> None:
    page.open_place("public")
    qtbot.waitUntil(lambda: not page.reader.busy)
    assert not commands.sign_entries.isEnabled()
