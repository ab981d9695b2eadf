# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot
from samples import INSTANCE, mirror, mirrors_view

from core.engine.messages import ListMirrors
from core.foundation.errors import ConfigError, ErrorInfo
from core.mirrors.model import Connection, KeyOrigin
from core.services.values import MirrorRow, MirrorsView
from gui import messages
from gui.actions import Actions
from gui.mirrors import words
from gui.mirrors.model import Column, MirrorsModel
from gui.mirrors.page import MirrorsPage
from gui.widgets.cell import Role


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


def test_the_model_keeps_qts_rules(themed: QApplication, qtmodeltester: ModelTester) -> None:
    model = MirrorsModel()
    qtmodeltester.check(model)
    model.set_rows(mirrors_view().rows)
    qtmodeltester.check(model)


def test_rows_say_what_they_are(themed: QApplication) -> None:
    model = MirrorsModel()
    model.set_rows(mirrors_view().rows)

    def texts(row: int) -> list[object]:
        return [model.index(row, column).data() for column in Column]

    assert texts(0) == ["scratch", "/scratch/cache", "yes", "on", "user", "ok", "1,204"]
    assert texts(1) == ["nfs", "/nfs/cache", "yes", "–", "site", "not writable", "318"]
    assert texts(2) == ["public", "https://bin.example.org/cache", "yes", "–", "site", "not checked", "–"]
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
    assert page.details.yaml.toPlainText().splitlines() == [
        "scratch:                 # user  /home/ann/.spack/mirrors.yaml:3",
        "  url: /scratch/cache    # user  /home/ann/.spack/mirrors.yaml:4",
    ]


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
    entry = replace(
        entry,
        origin=(
            *entry.origin,
            KeyOrigin("access_pair", "user", "f", 5),
            KeyOrigin("access_pair.secret", "user", "f", 6),
        ),
    )
    told = repr((words.yaml_lines(entry), words.push_address(entry), words.fetch_address(entry)))
    assert "geheim" not in told
    assert "secret: ••••" in told


def test_states_that_need_care_have_shapes_of_their_own() -> None:
    plain = Connection(url="file:///c", raw="/c", plain_secret=True)
    unset = Connection(url="file:///c", raw="/c", user_variable="U", secret_variable="S", unset=("S",))
    base = mirror("m", "file:///c")
    looks = [
        words.status_look(MirrorRow(replace(base, push=plain))),
        words.status_look(MirrorRow(replace(base, push=unset))),
        words.status_look(MirrorRow(replace(base, binary=False))),
        words.status_look(MirrorRow(base, writable=True)),
    ]
    assert [(look.icon, look.tone) for look in looks] == [
        ("triangle", "warn"), ("triangle", "warn"), ("circle", "dim"), ("check", "ok"),
    ]  # fmt: skip
    assert "(secret_variable) not set" in words.status_tip(MirrorRow(replace(base, push=unset)))


def test_a_folder_one_may_not_write_to_is_not_ok() -> None:
    row = MirrorRow(mirror("team", "file:///opt/team"), writable=False)
    assert words.status_look(row).word == "not writable"
    assert words.status_look(row).tone == "warn"
    assert words.status_tip(row)
    assert words.may_push_text(row) == "no, not writable"


def test_a_broken_configuration_is_not_an_empty_one(page: MirrorsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListMirrors] = MirrorsView(
        (), (ErrorInfo("config", "mirrors.yaml:4: not valid YAML", "unexpected ]"),)
    )
    load(page, qtbot)
    assert page.banner.title == "mirrors.yaml:4: not valid YAML"
    assert page.empty.sentence == messages.MIRRORS_BROKEN
