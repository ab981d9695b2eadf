# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is seen first, once; and what the desktop shows of us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
import transfer_samples
from fake_client import FakeClient
from PySide6.QtCore import QProcess, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QPushButton, QSystemTrayIcon
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from samples import INSTANCE

from core.engine.calls.instances import FindCheckouts, OpenInstance, SurveyInstance
from core.engine.calls.settings import SettingsChanged
from core.foundation.errors import NotFound
from core.services.values import InstanceSurvey
from core.transfers.model import ItemState, QueueSnapshot, Totals
from gui import messages, preferences
from gui.desktop import Desktop, tray_icon
from gui.engine_client import program_command
from gui.main_window import MainWindow, WindowOptions
from gui.settings import remembered
from gui.widgets.dialogs import MessageDialog

Opener = Callable[..., MainWindow]


@pytest.fixture
def opened(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> Iterator[Opener]:
    windows: list[tuple[MainWindow, asyncio.Task[None]]] = []

    def open_window(options: WindowOptions | None = None) -> MainWindow:
        window = MainWindow(client, options or WindowOptions())
        window.show()
        windows.append((window, loop.create_task(window.run())))
        others = (window.opening, window.first_run, window.idle_text, *window.pages)
        owners = (window.tasks, *(each.tasks for each in others))
        qtbot.waitUntil(lambda: client.starts > 0 and not any(owner.busy for owner in owners))
        return window

    yield open_window
    client.snapshot_received.emit(QueueSnapshot((), (), Totals(), paused=False))
    for window, life in windows:
        window.close()
        qtbot.waitUntil(life.done)
        window.deleteLater()


def test_the_first_start_tells_what_was_found_and_is_left_for_good(opened: Opener, qtbot: QtBot) -> None:
    remembered().remove("window/welcomed")
    window = opened()
    first = window.first_run
    assert window.stack.currentWidget() is first
    assert first.spack.text.text() == "/opt/spack  ·  1.1.1"
    assert first.contents.text.text() == "5 installed packages and 3 mirrors"
    assert first.keyring.text.text() == "No keyring is available here. Logins last until you quit"
    assert QApplication.focusWidget() is first.add_button
    first.look_button.click()
    assert window.stack.currentWidget() is window.mirrors
    assert remembered().value("window/welcomed") == "yes"


def test_who_may_only_look_is_not_offered_to_add_a_mirror(opened: Opener) -> None:
    remembered().remove("window/welcomed")
    first = opened(WindowOptions(read_only=True)).first_run
    assert not first.add_button.isVisible()
    assert QApplication.focusWidget() is first.look_button


def test_settings_may_be_looked_at_before(opened: Opener) -> None:
    remembered().remove("window/welcomed")
    window = opened()
    window.commands.show_settings.trigger()
    assert window.stack.currentWidget() is window.settings
    assert remembered().value("window/welcomed") is None


Choice = Callable[[MainWindow, QtBot], None]


def _click_on_mirrors(window: MainWindow, qtbot: QtBot) -> None:
    pages = window.side_bar.pages
    place = pages.visualRect(pages.model().index(0, 0)).center()
    qtbot.mouseClick(pages.viewport(), Qt.MouseButton.LeftButton, pos=place)


@pytest.mark.parametrize(
    ("choose", "page"),
    [
        (lambda window, _: window.commands.show_packages.trigger(), 1),
        (lambda window, _: window.commands.show_mirrors.trigger(), 0),
        (_click_on_mirrors, 0),
    ],
    ids=["another page", "the page behind it", "a click on that"],
)
def test_choosing_a_page_leaves_the_first_one(choose: Choice, page: int, opened: Opener, qtbot: QtBot) -> None:
    remembered().remove("window/welcomed")
    window = opened()
    assert window.stack.currentWidget() is window.first_run
    choose(window, qtbot)
    assert window.stack.currentWidget() is window.pages[page]
    assert remembered().value("window/welcomed") == "yes"


def test_the_first_start_tells_that_mirrors_could_not_be_read(opened: Opener, client: FakeClient) -> None:
    remembered().remove("window/welcomed")
    client.answers[SurveyInstance] = InstanceSurvey(5, 0, "mirrors.yaml:4 is not valid YAML")
    first = opened().first_run
    assert first.contents.text.text() == "5 installed packages and 0 mirrors. mirrors.yaml:4 is not valid YAML"


def test_without_spack_it_offers_what_lies_in_the_usual_places(
    opened: Opener, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[OpenInstance] = NotFound("No Spack instance was found", "neither SPACK_ROOT nor PATH leads to one")
    client.answers[FindCheckouts] = ("/opt/spack",)
    remembered().remove("window/welcomed")
    window = opened()
    first = window.first_run
    assert first.open_button.isVisible()
    assert first.sample_button.isVisible()
    assert not first.add_button.isVisible()
    assert not first.contents.isVisible()
    window.show_page(1)
    assert window.stack.currentWidget() is first
    assert "SPACK_ROOT" in first.spack.text.text()
    client.answers[OpenInstance] = INSTANCE
    offer = next(each for each in first.findChildren(QPushButton) if each.text() == "Open /opt/spack")
    offer.click()
    qtbot.waitUntil(lambda: first.add_button.isVisible() and not window.tasks.busy)
    assert client.asked(OpenInstance)[-1] == OpenInstance("/opt/spack")


def test_it_says_that_an_instance_is_being_opened(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[OpenInstance] = NotFound("No Spack instance was found", "neither SPACK_ROOT nor PATH leads to one")
    client.answers[FindCheckouts] = ("/opt/spack",)
    remembered().remove("window/welcomed")
    first = opened().first_run
    client.answers[OpenInstance] = INSTANCE
    client.hold(OpenInstance)
    next(each for each in first.findChildren(QPushButton) if each.text() == "Open /opt/spack").click()
    qtbot.waitUntil(lambda: first.spack.text.text() == messages.OPENING_INSTANCE)
    client.release(OpenInstance)
    qtbot.waitUntil(lambda: first.spack.text.text() == "/opt/spack  ·  1.1.1")


def test_without_spack_a_sample_opens_in_a_window_of_its_own(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(QProcess, "startDetached", lambda program, words: started.append([program, *words]))
    opened().commands.open_sample.trigger()
    assert started == [[*program_command(), "--demo"]]


def test_the_sample_offers_no_second_one(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> None:
    window = MainWindow(client, WindowOptions(demo=True))
    qtbot.addWidget(window)
    assert not window.commands.open_sample.isEnabled()
    window.close()


def test_settings_reach_the_engine_and_the_status_bar(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    assert window.status.text() == "/opt/spack  ·  1.1.1  ·  no keyring"
    window.commands.work_offline.trigger()
    qtbot.waitUntil(lambda: bool(client.asked(SettingsChanged)))
    assert preferences.now().offline
    assert window.status.text().endswith("offline")
    window.commands.work_offline.trigger()
    assert not preferences.now().offline
    assert not window.status.text().endswith("offline")


def test_a_window_that_was_closed_asks_its_engine_nothing(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    asked = list(client.calls)
    preferences.change(offline=True)
    assert not window.general.tasks.busy
    assert client.calls == asked


def pixels(look: str) -> QImage:
    return tray_icon(look).pixmap(32, 32).toImage()


def test_the_icon_has_a_shape_for_each_state(opened: Opener) -> None:
    opened()
    assert len({bytes(pixels(look).constBits()) for look in ("idle", "busy", "failed")}) == 3


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(Desktop, "notify", lambda _self, title, text: told.append((title, text)))
    return told


@pytest.mark.parametrize(("wanted", "active", "count"), [(True, False, 1), (False, False, 0), (True, True, 0)])
def test_a_push_that_ended_is_told_once_to_who_looks_elsewhere(
    opened: Opener,
    client: FakeClient,
    monkeypatch: pytest.MonkeyPatch,
    told: list[tuple[str, str]],
    wanted: bool,
    active: bool,
    count: int,
) -> None:
    preferences.change(notifications=wanted)
    window = opened()
    monkeypatch.setattr(window, "isActiveWindow", lambda: active)
    client.tell(transfer_samples.snapshot([transfer_samples.row("llvm")]))
    ended = transfer_samples.snapshot([transfer_samples.row("llvm", state=ItemState.DONE)])
    client.tell(ended)
    client.tell(ended)
    assert len(told) == count
    if told:
        assert told[0][0] == messages.PUSH_ENDED
        assert "1 pushed" in told[0][1]


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_closing_while_active_offers_the_background_only_with_an_icon(
    opened: Opener,
    client: FakeClient,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    told: list[tuple[str, str]],
) -> None:
    window = opened()
    monkeypatch.setattr(QSystemTrayIcon, "isVisible", lambda _self: True)
    client.snapshot_received.emit(QueueSnapshot((), (), Totals(moving=1), paused=False))
    window.close()
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(MessageDialog)))
    dialog = next(each for each in window.findChildren(MessageDialog) if each.isVisible())
    keep = next(each for each in dialog.findChildren(QPushButton) if each.text() == messages.KEEP_RUNNING)
    keep.click()
    qtbot.waitUntil(lambda: not window.isVisible() and not window.tasks.busy)
    assert not client.closed
    assert told
    window.desktop.show_wanted.emit()
    assert window.isVisible()
