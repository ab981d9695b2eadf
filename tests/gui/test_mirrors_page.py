# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import transfer_samples
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot
from samples import INSTANCE, mirror, mirrors_view

from core.engine.calls.mirrors import ListMirrors
from core.foundation.errors import ConfigError, ErrorInfo
from core.mirrors.credentials.states import CredentialState
from core.mirrors.model import Connection
from core.services.values import LoginFacts, MirrorRow, MirrorsView
from gui import messages
from gui.actions import Actions
from gui.mirrors import words
from gui.mirrors.missing import MissingCounts
from gui.mirrors.model import Column, MirrorsModel
from gui.mirrors.page import MirrorsPage
from gui.mirrors.testing import MirrorTests
from gui.widgets.cell import Role

SHOWN = [column for column in Column if column not in (Column.FETCH_ADDRESS, Column.CONTAINS)]


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[MirrorsPage]:
    page = MirrorsPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1000, 700)
    page.show()
    qtbot.waitExposed(page)
    yield page
    page.leave()


def load(page: MirrorsPage, qtbot: QtBot) -> None:
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(task.done)


def test_the_model_keeps_qts_rules(client: FakeClient, qtmodeltester: ModelTester) -> None:
    model = MirrorsModel(MirrorTests(client), MissingCounts(client))
    qtmodeltester.check(model)
    model.set_rows(mirrors_view().rows)
    qtmodeltester.check(model)


def test_rows_say_what_they_are(client: FakeClient) -> None:
    model = MirrorsModel(MirrorTests(client), MissingCounts(client))
    model.set_rows(mirrors_view().rows)

    def texts(row: int) -> list[object]:
        return [model.index(row, column).data() for column in SHOWN]

    assert texts(0) == ["scratch", "/scratch/cache", "default", "on", "–", "user", "ok", "–", "1,204"]
    assert texts(1) == ["nfs", "/nfs/cache", "default", "–", "–", "site", "not writable", "–", "318"]
    assert texts(2) == [
        "public",
        "https://bin.example.org/cache",
        "default",
        "–",
        "none",
        "site",
        "not checked",
        "–",
        "–",
    ]
    assert model.index(0, Column.CONTAINS).data() == "binaries and sources"
    assert model.index(2, Column.FETCH_ADDRESS).data() == "https://bin.example.org/cache"
    assert model.index(0, Column.NAME).data(Role.DETAIL) == ("folder",)
    assert model.index(1, Column.STATUS).data(Role.LOOK).tone == "bad"
    assert "root:sw" in model.index(1, Column.STATUS).data(Qt.ItemDataRole.ToolTipRole)
    sentence = model.index(0, Column.NAME).data(Qt.ItemDataRole.AccessibleTextRole)
    assert sentence == "scratch, folder, /scratch/cache, ok, 1,204 packages"


def test_sizes_above_4_gib_are_shown_whole(page: MirrorsPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    assert page.details.fact(messages.SPACE) == "4.9\u2009TB free"


def test_the_first_mirror_is_shown_in_full(page: MirrorsPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    assert page.sentence.text() == "3 mirrors in 2 scopes. Spack asks them from top to bottom."
    assert page.details.fact(messages.PUSH_ADDRESS) == "/scratch/cache"
    qtbot.waitUntil(lambda: page.details.details is not None)
    assert page.details.yaml.toPlainText().splitlines() == [
        "# user  /home/ann/.spack/mirrors.yaml:3",
        "scratch:",
        "  url: /scratch/cache",
    ]
    assert page.details.fact(messages.SCOPE) == "user"


def test_push_asks_for_the_selected_mirror(page: MirrorsPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    qtbot.keyClick(page.table, Qt.Key.Key_Down)
    with qtbot.waitSignal(page.push_requested) as pushed:
        qtbot.mouseClick(page.details.push_button, Qt.MouseButton.LeftButton)
    assert pushed.args == ["nfs"]


def test_what_is_no_folder_cannot_be_pushed_to_and_says_why(page: MirrorsPage, commands: Actions, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.table.select_row(2)
    assert not commands.push_to_mirror.isEnabled()
    assert page.details.push_button.toolTip() == messages.WHY_NOT_PUSHABLE
    assert commands.open_mirror_folder.toolTip() == messages.WHY_NOT_FOLDER
    commands.copy_address.trigger()
    assert QGuiApplication.clipboard().text() == "https://bin.example.org/cache"


def test_the_selected_mirror_stays_through_a_refresh(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.table.select_row(1)
    rows = mirrors_view().rows
    client.answers[ListMirrors] = MirrorsView((rows[2], rows[0], rows[1]))
    load(page, qtbot)
    assert page.table.currentIndex().row() == 2
    assert page.current() == rows[1]


def test_problems_of_the_configuration_are_a_banner(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    problem = ErrorInfo("config", "mirror odd is left out", "mirrors.yaml:7: unexpected key")
    client.answers[ListMirrors] = replace(mirrors_view(), problems=(problem,))
    load(page, qtbot)
    assert page.banner.accessibleName() == "mirror odd is left out. mirrors.yaml:7: unexpected key"
    client.answers[ListMirrors] = mirrors_view()
    load(page, qtbot)
    assert page.banner.isHidden()


def test_no_mirrors_and_no_answer_look_different(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListMirrors] = MirrorsView(())
    load(page, qtbot)
    assert page.pane.shown is page.empty
    assert page.empty.sentence == messages.MIRRORS_EMPTY
    client.answers[ListMirrors] = ConfigError("mirrors.yaml cannot be read", "line 3")
    load(page, qtbot)
    assert page.empty.sentence == "mirrors.yaml cannot be read"
    assert page.details.isHidden()


def test_passwords_in_addresses_are_never_shown() -> None:
    assert words.shown_address("https://ann:geheim@host.org:8443/x") == "https://ann:••••@host.org:8443/x"
    assert words.shown_address("https://host.org/x@y") == "https://host.org/x@y"
    side = Connection(url="https://ann:geheim@host.org/x", raw="https://ann:geheim@host.org/x")
    entry = replace(mirror("m", side.url), fetch=side, push=side)
    told = repr((words.push_address(entry), words.fetch_address(entry), words.short_push_address(entry)))
    assert "geheim" not in told


def test_states_that_need_care_have_shapes_of_their_own() -> None:
    plain = Connection(url="file:///c", raw="/c", plain_secret=True)
    unset = Connection(url="file:///c", raw="/c", user_variable="U", secret_variable="S", unset=("S",))
    base = mirror("m", "file:///c")
    looks = [
        words.status_look(MirrorRow(replace(base, push=plain))),
        words.status_look(MirrorRow(replace(base, push=unset))),
        words.status_look(MirrorRow(replace(base, binary=False))),
        words.status_look(MirrorRow(base, writable=True)),
        words.status_look(MirrorRow(base, writable=True, free_bytes=10**9)),
    ]
    assert [(look.icon, look.tone) for look in looks] == [
        ("triangle", "warn"), ("triangle", "warn"), ("circle", "dim"), ("info", "warn"), ("check", "ok"),
    ]  # fmt: skip
    assert words.status_tip(MirrorRow(base, writable=True)) == messages.STATUS_NO_FOLDER_TIP
    assert "(secret_variable) not set" in words.status_tip(MirrorRow(replace(base, push=unset)))


def test_a_folder_one_may_not_write_to_is_not_ok() -> None:
    row = MirrorRow(mirror("team", "file:///opt/team"), writable=False)
    assert words.status_look(row).word == "not writable"
    assert words.status_look(row).tone == "warn"
    assert words.status_tip(row)
    assert words.may_push_text(row) == "no, not writable"


def test_a_damaged_folder_says_what_helps() -> None:
    damage = ErrorInfo("damaged", "Damaged", "v3/layout.json is damaged", ("Push anything",))
    row = MirrorRow(mirror("team", "file:///opt/team"), status=damage, free_bytes=10**9, writable=True)
    look = words.status_look(row)
    assert (look.word, look.tone) == ("damaged", "bad")
    assert words.status_tip(row) == "Damaged: v3/layout.json is damaged. Push anything"


def test_a_broken_configuration_is_not_an_empty_one(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListMirrors] = MirrorsView(
        (), (ErrorInfo("config", "mirrors.yaml:4: not valid YAML", "unexpected ]"),)
    )
    load(page, qtbot)
    assert page.banner.title == "mirrors.yaml:4: not valid YAML"
    assert page.empty.sentence == messages.MIRRORS_BROKEN


def registry_row(state: CredentialState, *, url: str = "oci://registry.site.org/hpc/cache", **login: str) -> MirrorRow:
    return MirrorRow(mirror("site-oci", url), login=LoginFacts(state, **login))


def test_registries_are_rows_like_the_others(client: FakeClient) -> None:
    model = MirrorsModel(MirrorTests(client), MissingCounts(client))
    plain = registry_row(CredentialState.NONE_NEEDED, url="oci+http://localhost:5000/lab")
    model.set_rows((registry_row(CredentialState.STORED, user="hpcbot", source="GNOME Keyring"), plain))
    texts = [model.index(0, column).data() for column in SHOWN]
    assert texts == ["site-oci", "registry.site.org/hpc/cache", "n/a", "–", "stored", "user", "not checked", "–", "–"]
    assert model.index(0, Column.SIGNED).data(Qt.ItemDataRole.ToolTipRole) == messages.NOT_SIGNED_TIP
    assert model.index(0, Column.NAME).data(Role.DETAIL) == ("OCI",)
    assert model.index(1, Column.NAME).data(Role.DETAIL) == ("OCI (plain http)",)
    assert model.index(1, Column.PUSH_ADDRESS).data() == "localhost:5000/lab"
    sentence = model.index(0, Column.NAME).data(Qt.ItemDataRole.AccessibleTextRole)
    assert sentence == "site-oci, OCI, oci://registry.site.org/hpc/cache, Login stored, not checked"


@pytest.mark.parametrize("state", list(CredentialState))
def test_every_login_state_has_a_word_and_what_needs_care_a_shape(client: FakeClient, state: CredentialState) -> None:
    model = MirrorsModel(MirrorTests(client), MissingCounts(client))
    model.set_rows((registry_row(state, note="something to know"),))
    cell = model.index(0, Column.LOGIN)
    assert cell.data()
    assert "omething to know" in cell.data(Qt.ItemDataRole.ToolTipRole)
    lacking = {"plain-text", "missing", "locked", "no-keyring", "waiting"}
    assert (cell.data(Role.LOOK) is not None) == (state in lacking)


def test_a_plain_secret_cries_out() -> None:
    row = registry_row(CredentialState.PLAIN_TEXT, note="the configuration of mirror site-oci holds a secret")
    assert words.login_word(row) == "plain text"
    assert words.login_tip(row) == "The configuration of mirror site-oci holds a secret"


def test_a_login_from_the_keyring_makes_up_for_variables_that_are_not_set() -> None:
    side = Connection("oci://r.org/x", "oci://r.org/x", user="bot", secret_variable="S", unset=("S",))
    entry = replace(mirror("m", side.url), push=side, fetch=side)
    assert words.status_look(MirrorRow(entry, login=LoginFacts(CredentialState.STORED))).word == "not checked"
    lacking = MirrorRow(entry, login=LoginFacts(CredentialState.MISSING))
    assert words.status_look(lacking).word == "login incomplete"
    assert "`S` (secret_variable) not set" in words.status_tip(lacking)


def test_details_show_the_login_of_registries_and_the_space_of_folders(
    page: MirrorsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    stored = registry_row(CredentialState.STORED, user="hpcbot", source="GNOME Keyring")
    locked = registry_row(CredentialState.LOCKED, note="the keyring is locked")
    client.answers[ListMirrors] = MirrorsView((stored, locked, mirrors_view().rows[0]))
    load(page, qtbot)
    assert page.details.fact(messages.LOGIN) == "hpcbot, stored (GNOME Keyring)"
    assert page.details._facts[messages.SPACE].isHidden()
    assert not page.details._problem.isVisible()
    assert commands.push_to_mirror.isEnabled()
    commands.copy_address.trigger()
    assert QGuiApplication.clipboard().text() == "oci://registry.site.org/hpc/cache"
    page.table.select_row(1)
    assert page.details._problem.text() == "The keyring is locked"
    page.table.select_row(2)
    assert page.details._facts[messages.LOGIN].isHidden()
    assert not page.details._facts[messages.SPACE].isHidden()


def test_narrow_tables_leave_room_for_addresses(page: MirrorsPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.resize(820, 560)
    qtbot.waitUntil(lambda: page.table.isColumnHidden(Column.AUTOPUSH) and page.table.isColumnHidden(Column.SCOPE))
    assert page.table.columnWidth(Column.PUSH_ADDRESS) > 150
    for width in range(700, 1500, 90):
        page.resize(width, 700)
        least = min(width - 600, 220)
        qtbot.waitUntil(lambda room=least: page.table.columnWidth(Column.PUSH_ADDRESS) > room)  # type: ignore[misc]
    page.resize(1240, 700)
    qtbot.waitUntil(lambda: not page.table.isColumnHidden(Column.SCOPE))
    assert page.table.columnWidth(Column.SCOPE) > 50


def test_the_selected_mirror_stays_in_sight_when_its_details_need_room(page: MirrorsPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    rows = tuple(MirrorRow(mirror(f"m{number}", f"file:///m{number}")) for number in range(20))
    page.model.set_rows(rows)
    last = page.table.rowAt(page.table.viewport().height() - 2)
    page.table.select_row(last)
    page.resize(page.width(), page.height() - 80)
    qtbot.waitUntil(lambda: page.table.visualRect(page.table.currentIndex()).bottom() <= page.table.viewport().height())


def test_contents_of_the_selected_mirror_are_asked_for(
    page: MirrorsPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    load(page, qtbot)
    with qtbot.waitSignal(page.contents_requested) as wanted:
        commands.browse_contents.trigger()
    assert wanted.args == ["scratch"]
    for address in ("https://host.org/x", "s3://bucket/x", "gs://bucket/x", "oci+http://host.org/x"):
        assert words.why_not_browse(mirror("m", address)) == ""
    client.answers[ListMirrors] = MirrorsView((MirrorRow(mirror("m", "sftp://host.org/x")),))
    load(page, qtbot)
    assert commands.browse_contents.toolTip() == messages.WHY_NOT_READABLE
    assert words.why_not_browse(replace(mirror("m", "file:///c"), binary=False)) == messages.WHY_NO_BINARIES


def test_rows_say_what_is_there_after_a_push(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    load(page, qtbot)
    view = client.answers[ListMirrors]
    first, *others = view.rows
    client.answers[ListMirrors] = replace(view, rows=(replace(first, packages=1300), *others))
    client.snapshot_received.emit(transfer_samples.running())
    client.snapshot_received.emit(transfer_samples.ended())
    qtbot.waitUntil(lambda: page.model.rows[0].packages == 1300)
    assert page.current() is page.model.rows[0]
