# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Instances elsewhere in the window: opening, choosing, losing and finding them again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fake_client import FakeClient
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from samples import INSTANCE
from transfer_samples import ended

from core.engine.calls.history import ListHistory
from core.engine.calls.instances import ListInstances, OpenInstance
from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.packages import ListPackages
from core.engine.calls.presets import ListPresets
from core.engine.calls.transfers import WatchTransfers
from core.foundation.errors import EngineGone, NotFound
from core.remote.address import HERE, Address, Place
from core.services.history_values import Action, HistoryEntry
from core.transfers.model import QueueSnapshot, Totals
from gui import messages, preferences
from gui.main_window import MainWindow, WindowOptions
from gui.remote import words
from gui.remote.addresses import remember_address, remembered_addresses
from gui.remote.open_dialog import OpenDialog
from gui.widgets.dialogs import MessageDialog

Opener = Callable[..., MainWindow]
NODE = Place("alice@node7")
THERE = replace(INSTANCE, id="spack-7", root="/shared/spack", environment="")


@pytest.fixture
def opened(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> Iterator[Opener]:
    lives: list[tuple[MainWindow, asyncio.Task[None]]] = []
    client.answers[OpenInstance] = lambda call: THERE if call.directory == THERE.root else INSTANCE
    client.answers[ListInstances] = ()

    def open_window(**options: str) -> MainWindow:
        window = MainWindow(client, WindowOptions(**options))  # type: ignore[arg-type]
        window.show()
        lives.append((window, loop.create_task(window.run())))
        qtbot.waitUntil(lambda: client.starts > 0)
        settle(window, qtbot)
        return window

    yield open_window
    client.snapshot_received.emit(QueueSnapshot((), (), Totals(), paused=False))
    for place in client._connections.values():
        place.totals = Totals()
    for window, _life in lives:
        window.close()
    qtbot.waitUntil(lambda: all(life.done() for _window, life in lives))
    for window, _life in lives:
        window.deleteLater()


def settle(window: MainWindow, qtbot: QtBot) -> None:
    owners = (window.tasks, window.opening.tasks, window.idle_text.tasks, *(page.tasks for page in window.pages))
    qtbot.waitUntil(lambda: not any(owner.busy for owner in owners), timeout=20_000)


def dialog_in(window: MainWindow, qtbot: QtBot) -> OpenDialog:
    window.commands.open_instance.trigger()
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(OpenDialog)))
    return next(each for each in window.findChildren(OpenDialog) if each.isVisible())


def open_elsewhere(window: MainWindow, qtbot: QtBot) -> None:
    dialog = dialog_in(window, qtbot)
    dialog.show_address(Address(NODE, THERE.root))
    dialog.confirm_button.click()
    qtbot.waitUntil(lambda: window.instance == THERE)
    settle(window, qtbot)


def choose(window: MainWindow, text: str) -> None:
    combo = window.side_bar.combo
    combo.activated.emit(next(row for row in range(combo.count()) if combo.itemText(row).startswith(text)))


def test_an_instance_elsewhere_is_shown_with_its_place_and_remembered(
    opened: Opener, client: FakeClient, qtbot: QtBot
) -> None:
    window = opened()
    before = len(client.asked(ListMirrors))
    open_elsewhere(window, qtbot)
    assert client.place == NODE
    combo = window.side_bar.combo
    assert combo.currentText() == "alice@node7:/shared/spack  ·  1.1.1"
    assert window.side_bar.environment.text() == "alice@node7"
    assert window.windowTitle() == "alice@node7 – Mirrordeck"
    assert window.status.text().startswith("alice@node7:/shared/spack")
    assert [combo.itemText(row) for row in range(combo.count())] == [
        *("alice@node7:/shared/spack  ·  1.1.1", "/opt/spack  ·  1.1.1", "", messages.OPEN_INSTANCE),
        "Disconnect from alice@node7",
    ]
    assert remembered_addresses() == (Address(NODE, "/shared/spack"),)
    assert len(client.asked(ListMirrors)) > before
    choose(window, "/opt/spack")
    qtbot.waitUntil(lambda: window.instance == INSTANCE)
    settle(window, qtbot)
    assert client.place == HERE


def test_what_was_opened_elsewhere_is_offered_again_and_reached_when_chosen(
    opened: Opener, client: FakeClient, qtbot: QtBot
) -> None:
    remember_address(Address(NODE, THERE.root))
    window = opened()
    choose(window, "alice@node7:/shared/spack")
    qtbot.waitUntil(lambda: window.instance == THERE)
    settle(window, qtbot)
    assert client.place == NODE


def test_what_is_forgotten_there_is_not_offered_again(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    for path in ("/shared/spack", "/shared/old"):
        remember_address(Address(NODE, path))
    remember_address(Address(Place("node8"), "/x"))
    window = opened()
    open_elsewhere(window, qtbot)
    assert Address(NODE, "/shared/old") in remembered_addresses()
    window.opening.list_again()
    settle(window, qtbot)
    assert remembered_addresses() == (Address(NODE, "/shared/spack"), Address(Place("node8"), "/x"))


def test_a_place_that_is_not_reached_leaves_the_old_instance(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    client.unreachable[NODE] = EngineGone("alice@node7 was not reached", "ssh: connect: Connection refused")
    remember_address(Address(NODE, THERE.root))
    window = opened()
    choose(window, "alice@node7:/shared/spack")
    qtbot.waitUntil(window.banner.isVisible)
    assert window.banner.title == "alice@node7 was not reached"
    assert window.instance == INSTANCE
    assert client.place == HERE
    dialog = dialog_in(window, qtbot)
    dialog.show_address(Address(NODE, THERE.root))
    dialog.confirm_button.click()
    qtbot.waitUntil(lambda: dialog.notice.title == "alice@node7 was not reached")
    assert "Connection refused" in dialog.notice.accessibleName()
    dialog.reject()
    settle(window, qtbot)


def test_the_window_may_be_started_for_an_address(opened: Opener, client: FakeClient) -> None:
    window = opened(instance="alice@node7:/shared/spack")
    assert client.place == NODE
    assert window.instance == THERE


def test_an_address_that_cannot_be_is_told(opened: Opener, client: FakeClient) -> None:
    window = opened(instance="-oProxyCommand=x:/opt/spack")
    assert window.stack.currentWidget() is window.no_instance
    assert client.asked(OpenInstance) == []


def test_transfers_of_another_place_are_forgotten_and_asked_for(
    opened: Opener, client: FakeClient, qtbot: QtBot
) -> None:
    window = opened()
    client.snapshot_received.emit(QueueSnapshot((), (), Totals(moving=1), paused=False))
    open_elsewhere(window, qtbot)
    assert not window.state.overall.active
    asked = len(client.asked(WatchTransfers))
    client.engine_ready.emit()
    qtbot.waitUntil(lambda: len(client.asked(WatchTransfers)) == asked + 1)


def test_closing_names_what_moves_elsewhere(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    open_elsewhere(window, qtbot)
    choose(window, "/opt/spack")
    settle(window, qtbot)
    monkey = client._connections[NODE]
    monkey.totals = Totals(moving=1)
    monkey._process = monkey  # type: ignore[assignment]
    window.close()
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(MessageDialog)))
    dialog = next(each for each in window.findChildren(MessageDialog) if each.isVisible())
    texts = [label.text() for label in dialog.findChildren(type(window.side_bar.caption))]
    assert any(text.startswith("alice@node7") and "1 transfer is running" in text for text in texts)
    dialog.reject()
    settle(window, qtbot)
    monkey._process = None


def test_a_broken_connection_is_told_until_it_is_met_again(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    open_elsewhere(window, qtbot)
    client.reconnecting.emit("client_loop: Broken pipe", 10.0)
    assert window.banner.isVisible()
    assert window.banner.title == "Reconnecting to alice@node7"
    assert "Broken pipe" in window.banner.accessibleName()
    assert "Next try in 10" in window.banner.accessibleName()
    assert (window.banner.button.text(), window.banner.other_button.text()) == (words.RECONNECT, words.GIVE_UP)
    assert window.status.text() == "Reconnecting to alice@node7"
    asked = len(client.asked(ListMirrors))
    client.met_again.emit(True)
    qtbot.waitUntil(lambda: len(client.asked(ListMirrors)) > asked)
    settle(window, qtbot)
    assert not window.banner.isVisible()
    assert "Reconnecting" not in window.status.text()


def test_a_new_engine_after_a_long_absence_is_told(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    open_elsewhere(window, qtbot)
    client.reconnecting.emit("client_loop: Broken pipe", 0.0)
    client.met_again.emit(False)
    settle(window, qtbot)
    assert window.banner.isVisible()
    assert window.banner.title == "The engine on alice@node7 ended meanwhile, and a new one was started"


def test_giving_up_offers_to_connect_again(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    open_elsewhere(window, qtbot)
    client.reconnecting.emit("client_loop: Broken pipe", -1.0)
    assert words.NO_NEXT_TRY in window.banner.accessibleName()
    client.engine_lost.emit(words.GIVEN_UP)
    assert window.banner.button.text() == words.CONNECT
    window.banner.button.click()
    settle(window, qtbot)
    assert not window.banner.isVisible()


# ---- the dialog ----


@pytest.mark.parametrize(
    ("where", "host", "account", "folder", "why"),
    [
        (0, "", "", "", words.WHY_NO_FOLDER),
        (0, "", "", "/opt/spack", ""),
        (1, "", "", "", words.WHY_NO_HOST),
        (1, "node7", "", "", ""),
        (2, "", "", "/opt/spack", words.WHY_NO_ACCOUNT),
        (2, "", "spack", "", ""),
    ],
)
def test_the_dialog_says_what_it_needs(
    where: int, host: str, account: str, folder: str, why: str, client: FakeClient, qtbot: QtBot
) -> None:
    dialog = OpenDialog(client)
    qtbot.addWidget(dialog)
    dialog.where.setCurrentIndex(where)
    dialog.host.setText(host)
    dialog.account.setText(account)
    dialog.folder.edit.setText(folder)
    assert dialog.confirm_button.isEnabled() is not bool(why)
    assert dialog.confirm_button.toolTip() == why


def test_a_pasted_address_is_taken_apart(client: FakeClient, qtbot: QtBot) -> None:
    dialog = OpenDialog(client)
    qtbot.addWidget(dialog)
    dialog.where.setCurrentIndex(1)
    dialog.host.setText("alice@node7:/opt/spack")
    dialog.host.editingFinished.emit()
    assert (dialog.host.text(), dialog.folder.edit.text()) == ("alice@node7", "/opt/spack")


def test_a_host_that_would_be_an_option_is_refused(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> None:
    dialog = OpenDialog(client)
    qtbot.addWidget(dialog)
    dialog.where.setCurrentIndex(1)
    dialog.host.setText("-oProxyCommand=x")
    dialog.confirm_button.click()
    qtbot.waitUntil(lambda: dialog.notice.title == "This computer cannot be")
    assert dialog.info is None


def test_one_place_is_left_which_is_asked_while_something_moves_there(
    opened: Opener, client: FakeClient, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    left: list[Place] = []

    async def disconnect_from(place: Place, timeout_s: float = 5.0) -> None:
        left.append(place)

    monkeypatch.setattr(client, "disconnect_from", disconnect_from)
    window = opened()
    open_elsewhere(window, qtbot)
    monkeypatch.setattr(client, "unfinished", lambda: {NODE: Totals(moving=2)})
    for answer, places in ((0, []), (1, [NODE])):
        choose(window, "Disconnect from alice@node7")
        qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(MessageDialog)))
        dialog = next(each for each in window.findChildren(MessageDialog) if each.isVisible())
        assert "alice@node7: 2 transfers are running" in " ".join(each.text() for each in dialog.findChildren(QLabel))
        dialog.done(answer)
        settle(window, qtbot)
        assert left == places
    monkeypatch.undo()
    assert (client.place, window.instance) == (HERE, INSTANCE)
    texts = [window.side_bar.combo.itemText(row) for row in range(window.side_bar.combo.count())]
    assert texts == ["/opt/spack  ·  1.1.1", "alice@node7:/shared/spack", "", messages.OPEN_INSTANCE]


def test_a_place_is_left_where_no_instance_opens_here(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    def only_there(call: OpenInstance) -> object:
        if call.directory != THERE.root:
            raise NotFound("No Spack instance was found", "neither SPACK_ROOT nor PATH leads to one")
        return THERE

    client.answers[OpenInstance] = only_there
    window = opened()
    assert window.instance is None
    open_elsewhere(window, qtbot)
    choose(window, "Disconnect from alice@node7")
    settle(window, qtbot)
    combo = window.side_bar.combo
    assert (client.place, window.instance) == (HERE, None)
    assert window.windowTitle() == messages.APP_NAME
    assert combo.currentText() == ""
    texts = [combo.itemText(row) for row in range(combo.count())]
    assert texts == ["alice@node7:/shared/spack", "", messages.OPEN_INSTANCE]
    assert window.stack.currentWidget() is window.no_instance
    choose(window, "alice@node7:/shared/spack")
    qtbot.waitUntil(lambda: window.instance == THERE, timeout=30_000)
    settle(window, qtbot)
    assert client.place == NODE


def test_what_the_place_left_behind_had_is_not_shown_where_nothing_can_be_read(
    opened: Opener, client: FakeClient, qtbot: QtBot
) -> None:
    client.rows[ListHistory] = [[HistoryEntry(1_700_000_000.0, "ann@here", Action.DELETED, "team")]]
    window = opened()
    window.commands.show_history.trigger()
    qtbot.waitUntil(lambda: window.history.model.rowCount() == 1)
    for kind in (ListHistory, ListMirrors, ListPackages, ListPresets):
        client.answers[kind] = EngineGone("The engine has ended", "")
        client.rows[kind] = []
    open_elsewhere(window, qtbot)
    assert window.history.model.rowCount() == 0
    assert window.mirrors.model.rowCount() == 0
    assert window.packages.model.rowCount() == 0


def test_a_push_that_ends_at_a_place_that_is_not_shown_is_told(
    opened: Opener, client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = opened()
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(window.desktop, "notify", lambda *words: told.append(words))
    (push,) = ended().pushes
    for wanted in (True, False):
        preferences.change(notifications=wanted)
        client.push_ended_elsewhere.emit(NODE, push)
    failed = f"{push.totals.failed} failed"
    assert told == [("Push finished with failures", f"alice@node7: Push to scratch, {failed}")]
