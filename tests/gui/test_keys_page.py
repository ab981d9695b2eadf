# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from fake_client import FakeClient
from key_samples import ANN, BOB, HOME, OLD, key, keys, mirrors, offer, view
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot
from samples import INSTANCE

from core.engine.calls.keys import (
    AllowKeys,
    CreateKey,
    ExportKeys,
    ListKeys,
    ListPublishedKeys,
    LookAtKeys,
    PublishKeys,
    TrustKeys,
    UnlockKey,
    UntrustKeys,
)
from core.foundation.errors import ErrorInfo, PassphraseNeeded, SigningError
from core.foundation.secret import Secret
from core.services.keys_values import KeySource, KeysView, NewKey
from gui import messages
from gui.actions import Actions
from gui.keys import words
from gui.keys.dialogs import AllowDialog, CreateDialog, ImportDialog, PublishDialog, TrustDialog, UnlockDialog
from gui.keys.model import Column, KeysModel
from gui.keys.page import KeysPage
from gui.widgets.cell import Role
from gui.widgets.dialogs import MessageDialog

W = TypeVar("W", bound=QWidget)


@pytest.fixture
def client(client: FakeClient) -> FakeClient:
    client.answers[ListKeys] = view()
    client.answers[ListPublishedKeys] = 4
    client.rows[ListPublishedKeys] = [[row] for row in mirrors()]
    return client


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[KeysPage]:
    page = KeysPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1000, 700)
    page.show()
    qtbot.waitExposed(page)
    yield page
    page.leave()


def load(page: KeysPage, qtbot: QtBot) -> None:
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(task.done)


@pytest.fixture
def opened(qtbot: QtBot) -> Callable[[type[W]], W]:
    """The dialog of a class that is open now, or soon."""

    def opened(kind: type[W]) -> W:
        def shown() -> list[W]:
            return [each for each in QApplication.topLevelWidgets() if isinstance(each, kind) and each.isVisible()]

        qtbot.waitUntil(lambda: bool(shown()))
        return shown()[0]

    return opened


def idle(page: KeysPage) -> bool:
    return not page.work.tasks.busy and not page.tasks.busy


def test_the_model_keeps_qts_rules(qtmodeltester: ModelTester) -> None:
    model = KeysModel()
    qtmodeltester.check(model)
    model.show(keys())
    model.set_mirrors(tuple(mirrors()))
    qtmodeltester.check(model)


def test_rows_say_what_keys_are_good_for(page: KeysPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    model = page.model
    assert [each.fingerprint for each in model.rows] == [ANN, BOB, OLD]  # the one that can sign first

    def texts(row: int) -> list[object]:
        return [model.index(row, column).data() for column in (Column.USE, Column.EXPIRES, Column.PUBLISHED)]

    assert texts(0) == ["signs, trusted", "never", "scratch"]
    assert texts(1)[::2] == ["expires soon", "nfs"]
    assert texts(2)[::2] == ["has expired", "scratch (not listed)"]
    tones = [model.index(row, Column.USE).data(Role.LOOK).tone for row in range(3)]
    assert tones == ["ok", "warn", "bad"]
    assert model.index(0, Column.FINGERPRINT).data() == "28FD 54E3 F83D C1DB"
    assert page.sentence.text() == "3 keys, 1 can sign. Spack accepts packages signed by any of them."


def test_one_key_in_full_and_without_trust_talk(page: KeysPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    assert page.details.fact(words.FINGERPRINT) == words.fingerprint(ANN)
    assert page.details.fact(words.PUBLISHED) == "scratch"
    assert page.details.sentence.text() == "Signs what you push. Valid signatures of this key are from a key you trust"
    assert page.details.fact(words.COUNTS_ON) == "every mirror but nfs"
    page.table.select_row(1)
    assert page.details.fact(words.COUNTS_ON) == "every mirror"
    page.table.select_row(2)
    assert page.details.sentence.text() == "This key has expired: what it signed is refused"


def test_keys_that_nobody_finds_are_told(page: KeysPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    assert "scratch are not in the list of keys" in page.banner.accessibleName()


def test_warnings_of_the_engine_come_first(page: KeysPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListKeys] = view(warnings=(ErrorInfo("key-expires", "The key expires in 12 days", "Why"),))
    load(page, qtbot)
    assert page.banner.title == "The key expires in 12 days"


def test_nothing_there_yet(page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot) -> None:
    client.answers[ListKeys] = KeysView(HOME, has_gpg=True)
    client.rows[ListPublishedKeys] = []
    load(page, qtbot)
    assert page.pane.shown is page.empty
    assert page.empty.sentence == words.EMPTY
    assert not page.details.isVisible()
    assert commands.create_key.isEnabled()
    assert commands.publish_keys.toolTip() == words.WHY_NO_KEY


def test_without_gnupg_nothing_can_be_done(page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot) -> None:
    client.answers[ListKeys] = KeysView(HOME, has_gpg=False)
    load(page, qtbot)
    assert page.empty.sentence == words.NO_GPG
    assert commands.create_key.toolTip() == words.WHY_NO_GPG


def test_an_error_is_shown_where_the_keys_would_be(page: KeysPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListKeys] = SigningError("Cannot list the keys", "gpg: broken")
    load(page, qtbot)
    assert page.empty.sentence == "Cannot list the keys"
    client.answers[ListKeys] = view()
    load(page, qtbot)
    client.answers[ListKeys] = SigningError("Cannot list the keys", "gpg: broken")
    load(page, qtbot)
    assert page.banner.title == "Cannot list the keys"
    assert page.pane.shown is page.table


def test_read_only_windows_only_look(page: KeysPage, commands: Actions, qtbot: QtBot) -> None:
    page.read_only = True
    load(page, qtbot)
    for action in (commands.create_key, commands.trust_file, commands.publish_keys, commands.untrust_keys):
        assert action.toolTip() == messages.WHY_READ_ONLY
    assert commands.copy_fingerprint.isEnabled()


def test_a_key_is_created(page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot, opened) -> None:
    load(page, qtbot)
    client.answers[CreateKey] = key(secret=True)
    commands.create_key.trigger()
    dialog = opened(CreateDialog)
    qtbot.keyClicks(dialog.name_edit, "Ann")
    qtbot.keyClicks(dialog.email_edit, "ann@example.org")
    dialog.expiry_box.setCurrentIndex(2)
    qtbot.keyClicks(dialog.passphrase.edit, "secret words")
    qtbot.mouseClick(dialog.confirm_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: idle(page))
    (asked,) = client.asked(CreateKey)
    assert asked.wanted == NewKey("Ann", "ann@example.org", expires="2y")
    assert asked.passphrase == Secret("secret words")
    assert page.banner.title.startswith("Created the key of Ann Example")
    assert len(client.asked(ListKeys)) == 2


def test_a_refusal_stays_in_the_dialog(
    page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot, opened
) -> None:
    load(page, qtbot)
    client.answers[CreateKey] = SigningError("The key was not made", "'x' is no email address")
    commands.create_key.trigger()
    dialog = opened(CreateDialog)
    qtbot.mouseClick(dialog.confirm_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.notice.isVisible)
    assert dialog.notice.title == "The key was not made"
    assert client.asked(CreateKey)[0].passphrase is None
    qtbot.waitUntil(dialog.confirm_button.isEnabled)
    dialog.reject()
    qtbot.waitUntil(lambda: idle(page))
    assert len(client.asked(ListKeys)) == 1


def test_keys_of_a_mirror_are_trusted_one_by_one_after_a_look(
    page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot, opened
) -> None:
    load(page, qtbot)
    client.answers[LookAtKeys] = offer(mirror="nfs")
    client.answers[TrustKeys] = (key(BOB, "Site builds"),)
    commands.import_keys.trigger()
    dialog = opened(ImportDialog)
    assert [dialog.box.itemText(row) for row in range(dialog.box.count())] == ["scratch", "nfs", "public"]
    dialog.box.setCurrentIndex(1)
    qtbot.mouseClick(dialog.confirm_button, Qt.MouseButton.LeftButton)
    trust = opened(TrustDialog)
    assert list(trust.boxes) == [BOB]  # the other one is trusted already
    assert not trust.confirm_button.isEnabled()
    trust.boxes[BOB].setChecked(True)
    qtbot.mouseClick(trust.confirm_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: idle(page))
    (asked,) = client.asked(TrustKeys)
    assert (asked.source, asked.fingerprints) == (KeySource(mirror="nfs"), (BOB,))
    assert page.banner.title == "Trusted the key of Site builds."


def test_a_mirror_without_keys_says_so(
    page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot, opened
) -> None:
    load(page, qtbot)
    client.answers[LookAtKeys] = lambda call: type(offer())(call.source, ())
    commands.import_keys.trigger()
    dialog = opened(ImportDialog)
    qtbot.mouseClick(dialog.confirm_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.notice.isVisible)
    assert dialog.notice.title == words.IMPORT_NONE
    dialog.reject()
    qtbot.waitUntil(lambda: idle(page))


def test_the_key_in_a_file_is_shown_before_it_is_trusted(
    page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot, opened, tmp_path: Path
) -> None:
    load(page, qtbot)
    file = tmp_path / "bob.asc"
    file.write_text("a key")
    client.answers[LookAtKeys] = offer(file=str(file))
    client.answers[TrustKeys] = (key(BOB),)
    commands.trust_file.trigger()
    chooser = opened(QFileDialog)
    chooser.filesSelected.emit([str(file)])
    chooser.done(1)
    trust = opened(TrustDialog)
    assert trust.heading.text() == "Keys from bob.asc"
    trust.reject()
    qtbot.waitUntil(lambda: idle(page))
    assert client.asked(TrustKeys) == []


def test_the_selected_keys_are_published_and_exported(
    page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot, opened, tmp_path: Path
) -> None:
    load(page, qtbot)
    page.table.selectAll()
    commands.publish_keys.trigger()
    dialog = opened(PublishDialog)
    assert [dialog.box.itemText(row) for row in range(dialog.box.count())] == ["scratch", "nfs"]
    qtbot.mouseClick(dialog.confirm_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: idle(page))
    assert client.asked(PublishKeys)[0].fingerprints == (ANN, BOB, OLD)
    page.table.select_row(0)
    commands.export_keys.trigger()
    chooser = opened(QFileDialog)
    chooser.filesSelected.emit([str(tmp_path / "keys.asc")])
    chooser.done(1)
    qtbot.waitUntil(lambda: idle(page))
    assert client.asked(ExportKeys)[0].fingerprints == (ANN,)
    assert not client.asked(ExportKeys)[0].secret
    commands.copy_fingerprint.trigger()
    assert QGuiApplication.clipboard().text() == ANN


def test_only_some_keys_count_on_a_mirror(
    page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot, opened
) -> None:
    load(page, qtbot)
    for choice, expected in ((0, (ANN,)), (1, ())):
        commands.allow_keys.trigger()
        dialog = opened(AllowDialog)
        dialog.which.setCurrentIndex(choice)
        qtbot.mouseClick(dialog.confirm_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: idle(page))
        assert client.asked(AllowKeys)[-1] == AllowKeys(INSTANCE.id, "scratch", expected)


@pytest.mark.parametrize(("row", "button", "signing"), [(0, words.DELETE, True), (1, words.UNTRUST, False)])
def test_a_key_is_deleted_after_a_question(
    page: KeysPage, client: FakeClient, commands: Actions, qtbot: QtBot, opened, row: int, button: str, signing: bool
) -> None:
    load(page, qtbot)
    page.table.select_row(row)
    assert commands.untrust_keys.text() == (messages.DELETE_KEYS if signing else messages.UNTRUST_KEYS)
    commands.untrust_keys.trigger()
    opened(MessageDialog).done(0)
    qtbot.waitUntil(lambda: idle(page))
    assert client.asked(UntrustKeys) == []
    commands.untrust_keys.trigger()
    opened(MessageDialog).done(1)
    qtbot.waitUntil(lambda: idle(page))
    (asked,) = client.asked(UntrustKeys)
    assert (asked.fingerprints, asked.signing) == ((page.model.rows[row].fingerprint,), signing)


def test_a_wrong_passphrase_can_be_typed_again(client: FakeClient, qtbot: QtBot) -> None:
    dialog = UnlockDialog(client, INSTANCE.id, ANN, "Ann")
    qtbot.addWidget(dialog)
    dialog.open()
    client.answers[UnlockKey] = PassphraseNeeded("Signing failed", "The passphrase is wrong")
    qtbot.keyClicks(dialog.passphrase.edit, "wrong")
    qtbot.mouseClick(dialog.confirm_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.notice.isVisible() and not dialog.working)
    assert dialog.passphrase.edit.text() == ""
    client.answers[UnlockKey] = None
    qtbot.keyClicks(dialog.passphrase.edit, "right")
    qtbot.keyClick(dialog.passphrase.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not dialog.isVisible())
    assert [call.passphrase.reveal() for call in client.asked(UnlockKey)] == ["wrong", "right"]
