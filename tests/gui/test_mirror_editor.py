# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The form for a mirror: what it understands, what it shows, what it saves, and what survives a failure."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace

import mirror_samples as samples
import pytest
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from core.engine.calls import logins, mirrors
from core.foundation.errors import AuthRequired, ErrorInfo, PermissionDenied
from core.mirrors.credentials.states import Direction
from core.mirrors.servers import ServerSettings
from core.services.login_values import Keep, KeyringCondition, KeyringFacts
from core.services.mirror_values import AddMirror, ChangeMirror, Codec, CompressionFacts, ConnectionForm, MirrorForm
from gui.mirrors import editor_words as words
from gui.mirrors import login_words
from gui.mirrors.editor import MirrorEditor
from gui.settings import remembered
from gui.widgets.diff_view import body_of

Open = Callable[..., MirrorEditor]


@pytest.fixture
def open_editor(qtbot: QtBot, client: FakeClient) -> Iterator[Open]:
    samples.fill(client)
    opened: list[MirrorEditor] = []

    def make(**options: object) -> MirrorEditor:
        editor = MirrorEditor(client, "spack-1", **options)  # type: ignore[arg-type]
        qtbot.addWidget(editor)
        opened.append(editor)
        editor.open()
        qtbot.waitUntil(lambda: not editor.tasks.busy)
        return editor

    yield make
    for editor in opened:
        editor.done(0)
        qtbot.waitUntil(lambda tasks=editor.tasks: not tasks.busy)  # type: ignore[misc]


def type_in(qtbot: QtBot, edit: QLineEdit, text: str) -> None:
    edit.setFocus()
    edit.clear()
    qtbot.keyClicks(edit, text)


def settle(editor: MirrorEditor, qtbot: QtBot) -> None:
    """Until what is entered has been understood and planned."""
    qtbot.waitUntil(lambda: not editor._pause.isActive() and not editor.tasks.busy)


def press(qtbot: QtBot, button: QWidget) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def enter_registry(editor: MirrorEditor, qtbot: QtBot) -> None:
    type_in(qtbot, editor.fields.address.edit, "https://registry.site.org/hpc/cache/")
    settle(editor, qtbot)
    type_in(qtbot, editor.fields.login.user_edit, "hpcbot")
    type_in(qtbot, editor.fields.login.secret.edit, samples.SECRET)


def edits(client: FakeClient) -> list[AddMirror | ChangeMirror]:
    return [call.edit for call in client.asked(mirrors.PlanMirrorEdit)]


def test_a_pasted_address_says_what_it_is_and_whom_it_contacts(open_editor: Open, qtbot: QtBot) -> None:
    editor = open_editor()
    assert not editor.fields.login.isVisible()
    type_in(qtbot, editor.fields.address.edit, "https://registry.site.org/hpc/cache/")
    settle(editor, qtbot)
    assert editor.fields.address_row.said == "OCI registry, will contact registry.site.org"
    assert editor.fields.name == "site-oci"
    assert editor.fields.login.isVisible()
    assert not editor.fields.signing_box.isVisible()
    assert "+  site-oci: oci://registry.site.org/hpc/cache" in editor.diff.toPlainText()
    assert editor.difference.text().endswith(".spack/mirrors.yaml: 1 line added")


def test_a_registry_with_a_token_is_checked_then_written_then_its_login_kept(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    editor = open_editor()
    enter_registry(editor, qtbot)
    press(qtbot, editor.save_button)  # at once, while nothing is planned yet
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    kinds = [type(call) for call in client.calls]
    order = [logins.CheckLogin, mirrors.ApplyMirrorEdit, logins.SaveLogin]
    assert [kind for kind in kinds if kind in order] == order
    assert edits(client)[-1] == AddMirror(samples.FORM, "user")
    saved = client.asked(logins.SaveLogin)[0]
    assert (saved.mirror, saved.direction) == ("site-oci", Direction.PUSH)
    assert (saved.login.keep, saved.login.user) == (Keep.KEYRING, "hpcbot")
    assert saved.login.secret.reveal() == samples.SECRET
    assert (editor.name, editor.applied is not None) == ("site-oci", True)


def test_the_secret_reaches_no_clipboard_no_setting_no_repr_and_is_gone_with_the_dialog(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    QGuiApplication.clipboard().setText("before")
    editor = open_editor()
    enter_registry(editor, qtbot)
    secret = editor.fields.login.secret
    assert secret.edit.displayText() != samples.SECRET
    copying = (Qt.Key.Key_A, Qt.Key.Key_C)
    for shown, keys in ((False, copying), (True, (*copying, Qt.Key.Key_X))):
        secret.show_button.setChecked(shown)
        for key in keys:
            qtbot.keyClick(secret.edit, key, Qt.KeyboardModifier.ControlModifier)
    assert secret.edit.displayText() == samples.SECRET
    assert not secret.edit.hasSelectedText()
    assert QGuiApplication.clipboard().text() == "before"
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    assert secret.edit.text() == ""
    assert not secret.show_button.isChecked()
    settings = remembered()
    told = repr([client.calls, [(key, settings.value(key)) for key in settings.allKeys()]])
    assert samples.SECRET not in told
    gc.collect()


def test_a_check_that_fails_keeps_everything_and_offers_to_save_anyway(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[logins.CheckLogin] = samples.check(write="failed")
    editor = open_editor()
    enter_registry(editor, qtbot)
    settle(editor, qtbot)
    assert not editor.anyway_button.isVisible()
    press(qtbot, editor.save_button)
    qtbot.waitUntil(editor.anyway_button.isVisible)
    assert editor.notice.accessibleName() == (
        "Writing does not work. the registry answered 403: denied. Ask for a token that may write."
    )
    assert editor.fields.login.secret.edit.text() == samples.SECRET
    assert not client.asked(mirrors.ApplyMirrorEdit)
    press(qtbot, editor.anyway_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    assert len(client.asked(logins.CheckLogin)) == 1
    assert client.asked(mirrors.ApplyMirrorEdit)


def test_a_change_after_a_failed_check_asks_for_another_one(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[logins.CheckLogin] = AuthRequired("Could not sign in to registry.site.org", "wrong password")
    editor = open_editor()
    enter_registry(editor, qtbot)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(editor.anyway_button.isVisible)
    assert editor.notice.title == "Could not sign in to registry.site.org"
    type_in(qtbot, editor.fields.login.user_edit, "other")
    assert not editor.anyway_button.isVisible()


def test_a_check_that_hangs_can_be_stopped_without_losing_anything(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    client.hold(logins.CheckLogin)
    editor = open_editor()
    enter_registry(editor, qtbot)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: bool(client.asked(logins.CheckLogin)))
    assert not editor.fields.isEnabled()
    assert editor.cancel_button.text() == login_words.STOP
    press(qtbot, editor.cancel_button)
    qtbot.waitUntil(editor.anyway_button.isVisible)
    assert editor.isVisible()
    assert editor.fields.isEnabled()
    assert editor.fields.login.secret.edit.text() == samples.SECRET
    assert not client.asked(mirrors.ApplyMirrorEdit)


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_lost(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[mirrors.ApplyMirrorEdit] = PermissionDenied("mirrors.yaml was not changed", "somebody was faster")
    editor = open_editor()
    enter_registry(editor, qtbot)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.notice.title == "mirrors.yaml was not changed")
    assert editor.isVisible()
    assert not client.asked(logins.SaveLogin)
    client.answers[mirrors.ApplyMirrorEdit] = samples.fill(FakeClient()).answers[mirrors.ApplyMirrorEdit]
    settle(editor, qtbot)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)


def test_a_login_that_cannot_be_kept_leaves_the_dialog_to_try_again(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[logins.SaveLogin] = PermissionDenied("The keyring is locked", "nobody opened it")
    editor = open_editor()
    enter_registry(editor, qtbot)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.notice.title == "site-oci was saved, but its login was not")
    assert editor.fields.base == samples.FORM
    client.answers[logins.SaveLogin] = samples.overview()
    settle(editor, qtbot)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    assert len(client.asked(mirrors.ApplyMirrorEdit)) == 1
    assert isinstance(edits(client)[-1], ChangeMirror)


def test_closing_after_the_file_was_written_still_tells_that_it_was(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[logins.SaveLogin] = PermissionDenied("The keyring is locked", "nobody opened it")
    editor = open_editor()
    enter_registry(editor, qtbot)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.applied is not None and editor.fields.isEnabled())
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert editor.result() == QDialog.DialogCode.Accepted


def test_a_folder_is_not_asked_over_any_network(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    editor = open_editor()
    type_in(qtbot, editor.fields.address.edit, "/scratch/cache2")
    settle(editor, qtbot)
    assert editor.save_button.text() == login_words.SAVE
    assert "does not exist yet" in editor.fields.address_row.said
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    assert not client.asked(logins.CheckLogin)
    assert not client.asked(logins.SaveLogin)
    assert edits(client)[-1] == AddMirror(MirrorForm("cache", ConnectionForm("/scratch/cache2")), "user")


def test_a_name_somebody_chose_is_not_suggested_away(open_editor: Open, qtbot: QtBot) -> None:
    editor = open_editor()
    type_in(qtbot, editor.fields.name_edit, "mine")
    type_in(qtbot, editor.fields.address.edit, "/scratch/cache2")
    settle(editor, qtbot)
    assert editor.fields.name == "mine"


def test_what_is_wrong_is_said_where_it_is_wrong(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    editor = open_editor()
    type_in(qtbot, editor.fields.address.edit, "nonsense")
    settle(editor, qtbot)
    assert editor.fields.address_row.said == "This names no host. nothing is assumed"
    type_in(qtbot, editor.fields.address.edit, "/scratch/x")
    settle(editor, qtbot)
    for name, said in (("a b", words.BAD_NAME), ("scratch", words.name_taken("user"))):
        type_in(qtbot, editor.fields.name_edit, name)
        editor.fields.address.edit.setFocus()  # leaving the field
        assert editor.fields.name_row.said == said
    type_in(qtbot, editor.fields.name_edit, "nfs")
    editor.fields.address.edit.setFocus()
    assert editor.fields.name_row.said == words.name_hides(["site"])
    editor.fields.binary_box.click()
    editor.fields.source_box.click()
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.fields.contains_row.said == words.NO_CONTENT)
    assert not client.asked(mirrors.ApplyMirrorEdit)


def test_pressing_save_too_early_goes_to_the_field_that_is_missing(open_editor: Open, qtbot: QtBot) -> None:
    editor = open_editor()
    editor.activateWindow()
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is editor.fields.address.edit)
    enter_registry(editor, qtbot)
    editor.fields.login.secret.edit.clear()
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is editor.fields.login.secret.edit)
    assert editor.isVisible()


def test_logins_from_variables_and_commands(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    editor = open_editor()
    enter_registry(editor, qtbot)
    login = editor.fields.login
    login.choose(Keep.VARIABLE)
    assert login.problem == login_words.NO_VARIABLE
    assert not login.secret.isVisible()
    type_in(qtbot, login.secret_variable_edit, "REG-TOKEN")
    assert login.problem == "REG-TOKEN is no name of a variable."
    type_in(qtbot, login.secret_variable_edit, "REG_TOKEN")
    assert login.problem == ""
    assert editor.fields.form().push == ConnectionForm(samples.REGISTRY, user="hpcbot", secret_variable="REG_TOKEN")
    type_in(qtbot, login.user_variable_edit, "REG_USER")
    assert login.problem == login_words.USER_OR_VARIABLE
    login.choose(Keep.COMMAND)
    type_in(qtbot, login.command_edit, "aws ecr 'get login'")
    assert login.login.command == ("aws", "ecr", "get login")
    assert not login.login.secret  # what was typed for the keyring goes nowhere else
    login.choose(Keep.NONE)
    assert editor.fields.form().push is None


def test_without_a_keyring_logins_are_for_this_session(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[logins.KeyringState] = KeyringFacts("", KeyringCondition.ABSENT)
    editor = open_editor()
    enter_registry(editor, qtbot)
    assert editor.fields.login.keep is Keep.SESSION
    model = editor.fields.login.keep_box.model()
    assert not model.flags(model.index(0, 0)) & Qt.ItemFlag.ItemIsEnabled
    assert editor.fields.login._keep.said == login_words.NO_KEYRING


def test_the_folded_part_says_more(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[logins.SaveServerSettings] = ServerSettings()
    editor = open_editor()
    enter_registry(editor, qtbot)
    more = editor.fields.more
    assert not more.isVisible()
    editor.fields.fold.button.click()
    type_in(qtbot, more.fetch_edit, "oci://mirror.site.org/hpc/cache")
    type_in(qtbot, more.fetch_user_edit, "$READER")
    assert more.problem == words.FETCH_LOGIN_INCOMPLETE
    type_in(qtbot, more.fetch_variable_edit, "READ_TOKEN")
    assert not editor.fields.push_only_box.isEnabled()
    type_in(qtbot, more.ca_file.edit, "/etc/ca.pem")
    type_in(qtbot, more.parallel_edit, "99")
    assert more.problem == words.BAD_NUMBER
    type_in(qtbot, more.parallel_edit, "2")
    more.order_box.setCurrentIndex(1)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    added = edits(client)[-1]
    assert isinstance(added, AddMirror)
    assert added.last
    assert added.form.fetch == ConnectionForm(
        "oci://mirror.site.org/hpc/cache", user_variable="READER", secret_variable="READ_TOKEN"
    )
    settings = ServerSettings(ca_file="/etc/ca.pem", parallel_transfers=2)
    assert client.asked(logins.CheckLogin)[0].settings == settings
    assert client.asked(logins.SaveServerSettings) == [
        logins.SaveServerSettings("spack-1", "registry.site.org", settings)
    ]


def choose_codec(editor: MirrorEditor, qtbot: QtBot, keys: str) -> None:
    """As somebody does who goes to the field and types the beginning of an entry."""
    box = editor.fields.more.codec_box
    box.setFocus()
    qtbot.keyClicks(box, keys)


def chosen_codecs(client: FakeClient) -> list[tuple[str, Codec]]:
    return [(call.mirror, call.codec) for call in client.asked(mirrors.ChooseCompression)]


def test_compression_is_advised_and_saved_after_the_mirror(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[mirrors.ChooseCompression] = CompressionFacts(Codec.FAST, "")
    editor = open_editor()
    enter_registry(editor, qtbot)
    editor.fields.fold.button.click()
    more = editor.fields.more
    assert more.codec_box.isVisible()
    assert more.codec_box.accessibleName() == words.COMPRESSION
    assert more.codec_box.currentData() == Codec.DEFAULT
    assert more._codec.said.startswith("Recommended: default; nothing was measured")
    choose_codec(editor, qtbot, "f")
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    kinds = [type(call) for call in client.calls]
    order = [mirrors.ApplyMirrorEdit, mirrors.ChooseCompression, logins.SaveLogin]
    assert [kind for kind in kinds if kind in order] == order
    assert chosen_codecs(client) == [("site-oci", Codec.FAST)]


def test_only_the_compression_of_a_mirror_changes(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[mirrors.ChooseCompression] = CompressionFacts(Codec.SPACK, "")
    editor = open_editor(name="site-oci")
    editor.fields.fold.button.click()
    choose_codec(editor, qtbot, "s")
    settle(editor, qtbot)
    assert editor.save_button.text() == login_words.SAVE  # no server is asked for that
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    assert chosen_codecs(client) == [("site-oci", Codec.SPACK)]
    assert not client.asked(mirrors.ApplyMirrorEdit)


def test_a_mirror_that_moves_takes_its_compression_along(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    fast = replace(samples.FORM, fetch=ConnectionForm(f"{samples.REGISTRY}/fast"), push=None)
    client.answers[mirrors.DescribeMirror] = samples.details(form=fast)
    client.answers[mirrors.ChooseCompression] = CompressionFacts(Codec.FAST, "")
    editor = open_editor(name="site-oci")
    more = editor.fields.more
    assert (more.codec_box.currentData(), more.codec) == (Codec.FAST, None)
    type_in(qtbot, editor.fields.address.edit, "oci://registry.site.org/moved")
    settle(editor, qtbot)
    assert (more.codec_box.currentData(), more.codec) == (Codec.FAST, Codec.FAST)


def test_a_new_mirror_shows_what_was_chosen_for_its_address(open_editor: Open, qtbot: QtBot) -> None:
    editor = open_editor()
    editor.fields.fold.button.click()
    more = editor.fields.more
    assert not more.codec_box.isVisible()
    for address, shown in (("/fast", Codec.FAST), ("/slow", Codec.DEFAULT)):
        type_in(qtbot, editor.fields.address.edit, f"oci://registry.site.org{address}")
        settle(editor, qtbot)
        assert (more.codec_box.currentData(), more.codec) == (shown, None)
    choose_codec(editor, qtbot, "s")
    type_in(qtbot, editor.fields.address.edit, "oci://registry.site.org/fast")
    settle(editor, qtbot)
    assert more.codec is Codec.SPACK  # what a person chose is not replaced
    type_in(qtbot, editor.fields.address.edit, "s3://bucket/cache")
    settle(editor, qtbot)
    assert not more.codec_box.isVisible()
    assert more.codec is None  # nothing can be pushed there


def test_s3_has_keys_and_its_own_fields(open_editor: Open, qtbot: QtBot) -> None:
    editor = open_editor()
    type_in(qtbot, editor.fields.address.edit, "s3://bucket/cache")
    settle(editor, qtbot)
    editor.fields.fold.button.click()
    assert editor.fields.login._who.label.text() == login_words.ACCESS_KEY
    type_in(qtbot, editor.fields.more.endpoint_edit, "https://minio:9000")
    assert editor.fields.form().fetch.endpoint_url == "https://minio:9000"
    assert editor.fields.signing_box.isVisible()
    editor.fields.signing_box.setCurrentIndex(2)
    assert editor.fields.form().signed is False


def test_autopush_says_beside_itself_what_it_does_not_do(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    index = ErrorInfo("autopush-index", "Autopush does not update the index", "others do not find it")
    other = ErrorInfo("shadowed", "site also says something")
    client.answers[mirrors.PlanMirrorEdit] = lambda call: replace(samples.plan(call), warnings=(index, other))
    editor = open_editor()
    enter_registry(editor, qtbot)
    editor.fields.autopush_box.click()
    settle(editor, qtbot)
    assert editor.fields.contains_row.said == "Autopush does not update the index. others do not find it"
    assert editor.notice.accessibleName() == "site also says something"


def test_the_spack_command_can_be_copied(open_editor: Open, qtbot: QtBot) -> None:
    editor = open_editor()
    enter_registry(editor, qtbot)
    settle(editor, qtbot)
    assert not editor.command.isVisible()
    press(qtbot, editor.command_button)
    press(qtbot, editor.copy_button)
    assert QGuiApplication.clipboard().text() == "spack mirror add site-oci"


def test_editing_shows_what_is_there_and_changes_only_what_was_changed(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    editor = open_editor(name="site-oci")
    fields = editor.fields
    assert (fields.text, fields.name, fields.login.user) == (samples.REGISTRY, "site-oci", "hpcbot")
    assert fields.login.keep is Keep.KEYRING
    assert fields.login.secret.edit.placeholderText() == login_words.UNCHANGED
    assert fields.push_only_box.isChecked()
    assert fields.form() == samples.FORM
    assert editor.save_button.text() == login_words.SAVE
    fields.source_box.click()
    settle(editor, qtbot)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    changed = replace(samples.FORM, source=True)
    assert edits(client)[-1] == ChangeMirror("site-oci", changed, "user", samples.FORM)
    assert not client.asked(logins.CheckLogin)
    assert not client.asked(logins.SaveLogin)


def test_nothing_is_written_where_nothing_changed(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    editor = open_editor(name="site-oci")
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    assert editor.applied is None
    assert not client.asked(mirrors.ApplyMirrorEdit)


def test_giving_up_the_login_signs_out(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    editor = open_editor(name="site-oci")
    editor.fields.login.choose(Keep.NONE)
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    assert client.asked(logins.SaveLogin)[0].login.keep is Keep.NONE
    changed = edits(client)[-1]
    assert isinstance(changed, ChangeMirror)
    assert changed.form.push == ConnectionForm(samples.REGISTRY)


def test_a_mirror_of_a_locked_scope_is_copied_to_where_one_may_write(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[mirrors.DescribeMirror] = samples.details(scope="system", writable=False)
    editor = open_editor(name="site-oci")
    assert editor.notice.title == "site-oci is set in system"
    assert "It belongs to root" in editor.notice.accessibleName()
    assert editor.fields.scope is not None
    assert editor.fields.scope.name == "user"
    box = editor.fields.scope_box
    enabled = [bool(box.model().flags(box.model().index(at, 0)) & Qt.ItemFlag.ItemIsEnabled) for at in range(4)]
    assert enabled == [True, True, False, True]
    editor.fields.source_box.click()
    press(qtbot, editor.save_button)
    qtbot.waitUntil(lambda: editor.result() == QDialog.DialogCode.Accepted)
    assert edits(client)[-1].scope == "user"


def test_a_duplicate_is_a_new_mirror_without_the_login(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    editor = open_editor(name="site-oci", copy=True)
    assert editor.fields.name == "site-oci-copy"
    assert editor.fields.login.user == ""
    added = editor.edit()
    assert isinstance(added, AddMirror)
    assert added.form == MirrorForm("site-oci-copy", ConnectionForm(samples.REGISTRY), source=False)


def test_a_mirror_that_cannot_be_pushed_to_stays_one(open_editor: Open, client: FakeClient) -> None:
    form = MirrorForm("site-oci", ConnectionForm("/read/only"), ConnectionForm(""))
    client.answers[mirrors.DescribeMirror] = samples.details(form=form)
    assert open_editor(name="site-oci").fields.form() == form


@pytest.mark.parametrize(
    "form",
    [
        MirrorForm("m", ConnectionForm("$spack/cache"), signed=True, autopush=True),
        MirrorForm("m", ConnectionForm(samples.REGISTRY), ConnectionForm(samples.REGISTRY)),
        MirrorForm("m", ConnectionForm("s3://b/c", "key", "", "VAR", "TOKEN", "profile", "https://minio")),
        MirrorForm(
            "m",
            ConnectionForm("oci://registry.org/a/b", "", "READER", "READ"),
            ConnectionForm(samples.REGISTRY, "bot", "", "WRITE"),
        ),
        MirrorForm("m", ConnectionForm("/a", "odd", "", "V"), binary=False, signed=False),
    ],
)
def test_every_form_comes_out_as_it_went_in(open_editor: Open, client: FakeClient, form: MirrorForm) -> None:
    client.answers[mirrors.DescribeMirror] = samples.details(form=form)
    keep = Keep.VARIABLE if (form.push or form.fetch).secret_variable else Keep.NONE
    client.answers[logins.DescribeLogin] = samples.overview(keep=keep, command=())
    assert open_editor(name="m").fields.form() == form


def test_the_newest_plan_counts(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    editor = open_editor()
    type_in(qtbot, editor.fields.address.edit, "/scratch/x")
    client.hold(mirrors.PlanMirrorEdit)
    settled = len(client.asked(mirrors.PlanMirrorEdit))
    qtbot.waitUntil(lambda: len(client.asked(mirrors.PlanMirrorEdit)) > settled)
    type_in(qtbot, editor.fields.name_edit, "late")
    client.release(mirrors.PlanMirrorEdit)
    settle(editor, qtbot)
    assert editor.current is not None
    assert editor.current.form.name == "late"


def test_every_field_has_a_name(open_editor: Open, qtbot: QtBot) -> None:
    editor = open_editor()
    enter_registry(editor, qtbot)
    editor.fields.fold.button.click()
    controls = [
        each for each in editor.findChildren(QWidget) if each.isVisible() and isinstance(each, (QLineEdit, QComboBox))
    ]
    assert len(controls) > 8
    names = [QAccessible.queryAccessibleInterface(each).text(QAccessible.Text.Name) for each in controls]
    assert all(name.strip() for name in names), names


def test_a_difference_is_shown_without_its_headers_and_with_what_is_invisible() -> None:
    assert body_of("--- a\n+++ b\n@@ -1 +1 @@\n-\tx\n+y\n@@ -9 +9 @@\n z\n") == ["-\\tx", "+y", "@@ -9 +9 @@", " z"]


def test_a_relative_path_is_made_absolute_or_kept_by_choice(
    open_editor: Open, client: FakeClient, qtbot: QtBot
) -> None:
    """It means another folder in another file, and the choice says which."""
    editor = open_editor()
    fields = editor.fields
    type_in(qtbot, fields.address.edit, "/srv/cache")
    settle(editor, qtbot)
    assert fields.path_box.isHidden()
    type_in(qtbot, fields.address.edit, "./cache")
    settle(editor, qtbot)
    assert fields.path_box.isVisible()
    assert fields.path_box.currentText() == "absolute: /home/ann/.spack/cache"
    assert edits(client)[-1].form.fetch.url == "/home/ann/.spack/cache"
    fields.path_box.setFocus()
    qtbot.keyClick(fields.path_box, Qt.Key.Key_Down)
    settle(editor, qtbot)
    assert fields.path_box.currentText() == "relative to the file: ./cache"
    assert edits(client)[-1].form.fetch.url == "./cache"
    fields.scope_box.setCurrentIndex(1)
    settle(editor, qtbot)
    assert client.asked(mirrors.UnderstandAddress)[-1].scope == "site"
    assert edits(client)[-1].form.fetch.url == "./cache"
    fields.path_box.setCurrentIndex(0)
    settle(editor, qtbot)
    assert edits(client)[-1].form.fetch.url == "/etc/spack/site/cache"


def test_a_relative_path_in_a_file_stays_as_it_is_written(open_editor: Open, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[mirrors.DescribeMirror] = samples.details(form=MirrorForm("near", ConnectionForm("./cache")))
    editor = open_editor(name="near")
    assert editor.fields.path_box.currentText() == "relative to the file: ./cache"
    assert edits(client)[-1].form.fetch.url == "./cache"
    editor.fields.path_box.setCurrentIndex(0)
    settle(editor, qtbot)
    assert edits(client)[-1].form.fetch.url == "/home/ann/.spack/cache"
