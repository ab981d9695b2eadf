# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signing in to a mirror that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import mirror_samples as samples
import pytest
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from core.engine.calls import logins, mirrors
from core.foundation.errors import NotFound
from core.mirrors.credentials.states import CredentialState, Direction
from core.services.login_values import Keep
from core.services.mirror_values import ChangeMirror, ConnectionForm, MirrorForm
from gui.mirrors import login_words
from gui.mirrors.sign_in import SignInDialog

Open = Callable[[], SignInDialog]


@pytest.fixture
def open_dialog(qtbot: QtBot, client: FakeClient) -> Iterator[Open]:
    samples.fill(client)
    opened: list[SignInDialog] = []

    def make() -> SignInDialog:
        dialog = SignInDialog(client, "spack-1", "site-oci")
        qtbot.addWidget(dialog)
        opened.append(dialog)
        dialog.open()
        qtbot.waitUntil(lambda: not dialog.tasks.busy)
        return dialog

    yield make
    for dialog in opened:
        dialog.done(0)
        qtbot.waitUntil(lambda tasks=dialog.tasks: not tasks.busy)  # type: ignore[misc]


def save(dialog: SignInDialog, qtbot: QtBot) -> None:
    qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)


def accepted(dialog: SignInDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: dialog.result() == QDialog.DialogCode.Accepted)


def test_it_says_where_the_login_is_used_and_what_it_needs(open_dialog: Open) -> None:
    dialog = open_dialog()
    assert dialog.heading.text() == "Sign in to registry.site.org"
    assert dialog.used_by.text() == "Used by site-oci, site-test."
    assert dialog.permission.text() == login_words.PERMISSION_PUSH
    assert dialog.login_fields.user == "hpcbot"
    assert not dialog._container.isVisible()
    assert dialog.diff.isHidden()


def test_a_new_token_is_checked_and_kept_without_touching_the_file(
    open_dialog: Open, client: FakeClient, qtbot: QtBot
) -> None:
    dialog = open_dialog()
    qtbot.keyClicks(dialog.login_fields.secret.edit, samples.SECRET)
    save(dialog, qtbot)
    accepted(dialog, qtbot)
    checked, kept = client.asked(logins.CheckLogin)[0], client.asked(logins.SaveLogin)[0]
    assert checked.form == samples.FORM
    assert checked.login.secret.reveal() == kept.login.secret.reveal() == samples.SECRET
    assert not client.asked(mirrors.ApplyMirrorEdit)
    assert dialog.login_fields.secret.edit.text() == ""


def test_a_read_only_token_is_found_out(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[logins.CheckLogin] = samples.check(write="failed")
    dialog = open_dialog()
    qtbot.keyClicks(dialog.login_fields.secret.edit, samples.SECRET)
    save(dialog, qtbot)
    qtbot.waitUntil(dialog.anyway_button.isVisible)
    assert dialog.notice.title == "Writing does not work"
    assert dialog.login_fields.secret.edit.text() == samples.SECRET
    assert not client.asked(logins.SaveLogin)
    qtbot.mouseClick(dialog.anyway_button, Qt.MouseButton.LeftButton)
    accepted(dialog, qtbot)
    assert client.asked(logins.SaveLogin)


def test_reading_needs_no_permission_to_write(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[logins.CheckLogin] = samples.check(write="failed")
    client.answers[logins.DescribeLogin] = samples.overview(keep=Keep.NONE, state=CredentialState.NONE_NEEDED)
    dialog = open_dialog()
    dialog.direction_box.setCurrentIndex(1)
    dialog.direction_box.activated.emit(1)
    qtbot.waitUntil(lambda: not dialog.tasks.busy)
    assert dialog.permission.text() == login_words.PERMISSION_FETCH
    qtbot.keyClicks(dialog.login_fields.user_edit, "reader")
    qtbot.keyClicks(dialog.login_fields.secret.edit, samples.SECRET)
    save(dialog, qtbot)
    accepted(dialog, qtbot)
    assert client.asked(logins.SaveLogin)[0].direction is Direction.FETCH
    edit = client.asked(mirrors.PlanMirrorEdit)[-1].edit
    assert edit.form.fetch == ConnectionForm(samples.REGISTRY, user="reader", secret_variable=samples.VARIABLE)
    assert edit.form.push == samples.FORM.push


def test_a_file_that_names_no_user_yet_is_changed_first(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    bare = MirrorForm("site-oci", ConnectionForm(samples.REGISTRY))
    client.answers[mirrors.DescribeMirror] = samples.details(form=bare)
    client.answers[logins.DescribeLogin] = samples.overview(keep=Keep.NONE, user="", variables_named=False)
    dialog = open_dialog()
    assert not dialog.direction_box.isVisible()
    qtbot.keyClicks(dialog.login_fields.user_edit, "hpcbot")
    qtbot.keyClicks(dialog.login_fields.secret.edit, samples.SECRET)
    qtbot.waitUntil(dialog.diff.isVisible)
    save(dialog, qtbot)
    accepted(dialog, qtbot)
    named = MirrorForm("site-oci", ConnectionForm(samples.REGISTRY, "hpcbot", "", samples.VARIABLE))
    assert client.asked(mirrors.PlanMirrorEdit)[-1].edit == ChangeMirror("site-oci", named, "user", bare)
    order = [type(call) for call in client.calls if isinstance(call, (mirrors.ApplyMirrorEdit, logins.SaveLogin))]
    assert order == [mirrors.ApplyMirrorEdit, logins.SaveLogin]
    assert dialog.applied is not None


def test_an_existing_container_login_is_offered(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[logins.DescribeLogin] = samples.overview(container_login="~/.docker/config.json")
    dialog = open_dialog()
    assert "~/.docker/config.json" in dialog.container.text()
    qtbot.mouseClick(dialog.container_button, Qt.MouseButton.LeftButton)
    assert not dialog.login_fields.user_edit.isVisible()
    save(dialog, qtbot)
    accepted(dialog, qtbot)
    assert client.asked(logins.SaveLogin)[0].login.keep is Keep.CONTAINER


def test_the_line_for_a_shell_fetches_the_value_when_it_runs(
    open_dialog: Open, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[logins.DescribeLogin] = samples.overview(shell_line='eval "$(mirrordeck mirror env site-oci)"')
    dialog = open_dialog()
    qtbot.mouseClick(dialog.shell_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == 'eval "$(mirrordeck mirror env site-oci)"'


def test_a_mirror_that_is_gone_is_told_in_the_dialog(open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[mirrors.DescribeMirror] = NotFound("There is no mirror site-oci any more")
    dialog = open_dialog()
    assert dialog.notice.title == "There is no mirror site-oci any more"
    save(dialog, qtbot)
    qtbot.waitUntil(lambda: not dialog.tasks.busy)
    assert dialog.isVisible()
