# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import contents_samples
import pytest
import transfer_samples as samples
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from samples import INSTANCE, package

from core.engine.calls.contents import DescribeEntry, ListContents
from core.engine.calls.instances import OpenInstance
from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.packages import ListPackages
from core.foundation.errors import NotFound
from core.remote.address import HERE
from core.transfers.model import ItemState, QueueSnapshot, Totals
from gui import between_pages, messages, preferences, theme
from gui.app import ErrorReporter
from gui.main_window import MainWindow, WindowOptions
from gui.mirrors.editor import MirrorEditor
from gui.side_bar import Offer
from gui.widgets.dialogs import MessageDialog

Opener = Callable[..., MainWindow]


@pytest.fixture
def opened(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> Iterator[Opener]:
    """Opens windows; they are closed as a person would close them."""
    lives: list[asyncio.Task[None]] = []
    windows: list[MainWindow] = []

    def open_window(**options: object) -> MainWindow:
        window = MainWindow(client, WindowOptions(**options))  # type: ignore[arg-type]
        window.show()
        lives.append(loop.create_task(window.run()))
        windows.append(window)
        own = (window.tasks, window.between_pages.tasks, window.opening.tasks, window.idle_text.tasks)
        owners = (*own, *(page.tasks for page in window.pages))
        qtbot.waitUntil(lambda: client.starts > 0 and not any(owner.busy for owner in owners))
        return window

    yield open_window
    client.snapshot_received.emit(QueueSnapshot((), (), Totals(), paused=False))
    for window in windows:
        window.close()
    qtbot.waitUntil(lambda: all(life.done() for life in lives))
    assert not lives or client.closed
    for window in windows:
        window.deleteLater()


def test_start_opens_the_instance_and_fills_the_pages(opened: Opener, client: FakeClient) -> None:
    window = opened(instance="/opt/spack", environment="hpc-base")
    assert client.starts == 1
    assert client.asked(OpenInstance) == [OpenInstance("/opt/spack", "hpc-base")]
    assert window.side_bar.combo.currentText() == "/opt/spack  ·  1.1.1"
    assert window.side_bar.environment.text() == "Environment hpc-base"
    assert window.page is window.mirrors
    assert len(client.asked(ListPackages)) == 1
    assert client.asked(ListMirrors)


def test_pages_by_key_and_back_with_their_state(opened: Opener, qtbot: QtBot) -> None:
    window = opened()
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.stack.currentWidget() is window.packages
    window.packages.filter_line.setText("zlib")
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert window.stack.currentWidget() is window.transfers
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.packages.filter_line.text() == "zlib"


def test_actions_of_hidden_pages_say_where_to_go(opened: Opener) -> None:
    window = opened()
    assert window.commands.push_to_mirror.isEnabled()
    assert window.commands.push_packages.toolTip() == "Go to the Packages page first"
    window.show_page(1)
    assert not window.commands.push_to_mirror.isEnabled()
    assert window.commands.select_shown.isEnabled()


def test_f6_walks_through_the_panes(opened: Opener, qtbot: QtBot) -> None:
    window = opened()
    window.show_page(1)
    window.activateWindow()
    window.side_bar.pages.setFocus()
    seen = []
    for _ in range(4):
        window.commands.next_pane.trigger()
        seen.append(QApplication.focusWidget())
    push = window.packages.footer.push_button
    assert seen[:2] == [window.packages.filter_line, window.packages.table]
    assert window.side_bar.pages in seen
    assert push not in seen  # it is disabled
    window.commands.previous_pane.trigger()
    assert QApplication.focusWidget() is not seen[-1]


def test_ctrl_f_goes_to_the_filter(opened: Opener, qtbot: QtBot) -> None:
    window = opened()
    window.show_page(1)
    window.commands.filter.trigger()
    assert window.packages.filter_line.hasFocus()


def test_a_narrow_window_shows_icons_only(opened: Opener, qtbot: QtBot) -> None:
    window = opened()
    window.resize(900, 560)
    qtbot.waitUntil(lambda: window.side_bar.width() < 100)
    assert window.side_bar.combo.isHidden()
    window.resize(1240, 780)
    qtbot.waitUntil(lambda: window.side_bar.width() > 100)
    window.commands.toggle_navigation.trigger()
    assert window.side_bar.combo.isHidden()
    window.commands.toggle_navigation.trigger()


def test_unfinished_transfers_are_counted_in_the_navigation(opened: Opener, client: FakeClient) -> None:
    window = opened()
    client.snapshot_received.emit(QueueSnapshot((), (), Totals(waiting=4, moving=2), paused=False))
    index = window.side_bar.pages.model().index(2, 0)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Transfers, 6 unfinished"


def test_without_an_instance_the_window_says_what_to_do(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[OpenInstance] = NotFound("No Spack instance was found", "SPACK_ROOT is not set")
    window = opened()
    assert window.stack.currentWidget() is window.no_instance
    assert not window.commands.push_to_mirror.isEnabled()
    assert client.asked(ListMirrors) == []


def test_an_instance_that_fails_leaves_the_old_one(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    client.answers[OpenInstance] = NotFound("/x is no Spack instance", "there is no bin/spack")
    other = replace(INSTANCE, id="spack-2", root="/x")
    window.side_bar.instance_chosen.emit(Offer.of(HERE, other))
    qtbot.waitUntil(window.banner.isVisible)
    assert window.banner.title == "/x is no Spack instance"
    assert window.instance == INSTANCE
    assert window.stack.currentWidget() is window.mirrors


def test_a_lost_engine_is_told_and_started_again(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    client.engine_lost.emit("It ended with status 1.")
    assert window.banner.isVisible()
    assert window.commands.restart_engine.isEnabled()
    button = next(each for each in window.banner.findChildren(QPushButton) if each.text() == messages.RESTART_ENGINE)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(client.asked(ListMirrors)) == 2)
    assert client.starts == 2
    assert not window.banner.isVisible()


class _Dialog(QDialog):
    made: tuple[object, ...] = ()

    def __init__(
        self, client: object, instance: object, *, mirror: str, hashes: tuple[str, ...], parent: object
    ) -> None:
        super().__init__(parent)  # type: ignore[call-overload]
        type(self).made = (instance, mirror, hashes)


@pytest.fixture
def push_dialog(monkeypatch: pytest.MonkeyPatch) -> type[_Dialog]:
    monkeypatch.setattr(between_pages, "PushDialog", _Dialog)
    return _Dialog


def open_dialog(window: MainWindow, kind: type[QDialog]) -> QDialog | None:
    return next((each for each in window.findChildren(kind) if each.isVisible()), None)


def test_a_push_of_packages_ends_on_the_transfers_page(
    opened: Opener, push_dialog: type[_Dialog], qtbot: QtBot
) -> None:
    window = opened()
    window.show_page(1)
    window.packages.table.setFocus()
    window.packages.model.check_shown()
    hashes = window.packages.model.checked_hashes()
    window.commands.push_packages.trigger()
    qtbot.waitUntil(lambda: open_dialog(window, push_dialog) is not None)
    assert push_dialog.made == (INSTANCE, "", hashes)
    dialog = open_dialog(window, push_dialog)
    assert dialog is not None
    dialog.accept()
    qtbot.waitUntil(lambda: window.page is window.transfers)
    assert window.packages.model.checked == 0
    qtbot.waitUntil(lambda: window.focusWidget() in (window.transfers.table, window.transfers.pane))


def test_a_push_to_a_mirror_takes_the_environment(opened: Opener, push_dialog: type[_Dialog], qtbot: QtBot) -> None:
    window = opened()
    window.commands.push_to_mirror.trigger()
    qtbot.waitUntil(lambda: open_dialog(window, push_dialog) is not None)
    assert push_dialog.made == (INSTANCE, "scratch", ())
    dialog = open_dialog(window, push_dialog)
    assert dialog is not None
    dialog.reject()
    qtbot.waitUntil(lambda: not window.between_pages.tasks.busy)
    assert window.page is window.mirrors


def test_without_environment_and_selection_packages_are_chosen_first(
    opened: Opener, client: FakeClient, push_dialog: type[_Dialog], qtbot: QtBot
) -> None:
    client.answers[OpenInstance] = replace(INSTANCE, environment="")
    window = opened()
    window.commands.push_to_mirror.trigger()
    assert window.page is window.packages
    assert window.packages.banner.title == "Choose the packages to push to scratch"
    window.packages.model.check_shown()
    window.commands.push_packages.trigger()
    qtbot.waitUntil(lambda: open_dialog(window, push_dialog) is not None)
    assert push_dialog.made[1] == "scratch"
    dialog = open_dialog(window, push_dialog)
    assert dialog is not None
    dialog.reject()
    qtbot.waitUntil(lambda: not window.between_pages.tasks.busy)


def test_contents_of_a_mirror_and_back_to_an_installed_package(
    opened: Opener, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[ListContents] = contents_samples.view(image="")
    installed = package("zlib", "1.10")
    client.rows[ListContents] = [[contents_samples.entry("zlib", "1.10", installed=True)]]
    client.answers[DescribeEntry] = lambda call: contents_samples.details(call.key)
    window = opened()
    qtbot.keyClick(window.mirrors.table, Qt.Key.Key_Down)
    qtbot.keyClick(window.mirrors.table, Qt.Key.Key_B)
    assert window.page is window.contents
    qtbot.waitUntil(lambda: window.contents.model.rowCount() == 1 and not window.contents.reader.busy)
    assert {call.mirror for call in client.asked(ListContents)} == {"nfs"}
    window.contents.package_wanted.emit(installed.hash)
    assert window.page is window.packages
    assert window.packages.model.row_at(window.packages.table.currentIndex().row()).hash == installed.hash
    qtbot.keyClick(window, Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
    assert window.page is window.contents


def test_closing_while_transfers_run_asks_first(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    client.snapshot_received.emit(QueueSnapshot((), (), Totals(moving=1, waiting=2), paused=False))
    window.close()
    qtbot.waitUntil(lambda: open_dialog(window, MessageDialog) is not None)
    dialog = open_dialog(window, MessageDialog)
    assert dialog is not None
    default = next(each for each in dialog.findChildren(QPushButton) if each.isDefault())
    assert default.text() == messages.CANCEL
    qtbot.mouseClick(default, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.tasks.busy)
    assert window.isVisible()
    assert not client.closed


def test_the_window_remembers_page_and_size(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    first = opened()
    first.resize(950, 666)
    first.show_page(1)
    first.close()
    qtbot.waitUntil(lambda: client.closed)
    second = opened()
    assert second.page is second.packages
    assert second.height() == 666  # the offscreen screen is too narrow for any width but the smallest


def test_unexpected_errors_are_logged_and_shown_once(
    opened: Opener, qtbot: QtBot, expected_warnings: list[str]
) -> None:
    window = opened()
    expected_warnings.append("unexpected error")
    reporter = ErrorReporter(window)
    for _ in range(2):
        error = ValueError("some detail")
        reporter.report(ValueError, error, None)
    dialogs = [each for each in window.findChildren(MessageDialog) if each.isVisible()]
    assert len(dialogs) == 1
    dialogs[0].accept()
    qtbot.waitUntil(lambda: open_dialog(window, MessageDialog) is None)


def test_the_title_tells_read_only_and_demo(opened: Opener) -> None:
    assert opened(read_only=True, demo=True).windowTitle() == "demo – read only – Mirrordeck"


def test_the_title_ends_with_the_name_so_that_qt_adds_nothing(opened: Opener) -> None:
    assert opened().windowTitle() == messages.APP_NAME


def test_a_lost_engine_says_what_was_not_pushed(opened: Opener, client: FakeClient) -> None:
    window = opened()
    rows = [samples.row("llvm"), samples.row("zlib", state=ItemState.WAITING), samples.index_row()]
    client.snapshot_received.emit(samples.snapshot(rows))
    window.show_page(1)
    client.engine_lost.emit("It ended with status 1.")
    assert "2 packages not pushed" in window.banner.accessibleName()
    assert window.side_bar.pages.model().index(2, 0).data(Qt.ItemDataRole.AccessibleTextRole) == "Transfers"


def test_f6_reaches_the_notice_about_the_engine(opened: Opener, client: FakeClient) -> None:
    window = opened()
    window.activateWindow()
    window.side_bar.pages.setFocus()
    client.engine_lost.emit("It ended with status 1.")
    window.commands.next_pane.trigger()
    assert QApplication.focusWidget() is window.banner.button


def test_the_chosen_page_cannot_be_unselected(opened: Opener, qtbot: QtBot) -> None:
    pages = opened().side_bar.pages
    pages.setFocus()
    qtbot.keyClick(pages, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    where = pages.visualRect(pages.currentIndex()).center()
    qtbot.mouseClick(pages.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, where)
    assert pages.selectionModel().isSelected(pages.currentIndex())


@pytest.mark.parametrize("room", [60, 90, 132, 400])
def test_the_instance_keeps_its_version_whatever_is_cut(opened: Opener, room: int) -> None:
    combo = opened().side_bar.combo
    shown = combo.fitting_text("/very/long/path/to/some/place/spack  ·  1.1.1", room)
    assert shown.endswith("  ·  1.1.1")
    if room > 80:
        assert combo.fontMetrics().horizontalAdvance(shown) <= room
    assert combo.fitting_text("/opt/tree", 400) == "/opt/tree"


def test_twenty_compact_rows_fit_the_first_size(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[ListPackages] = [[package(f"p{number}") for number in range(40)]]
    theme.set_compact(wanted=True)
    try:
        window = opened()
        window.show_page(1)
        window.resize(1240, 780)
        qtbot.waitUntil(lambda: window.packages.table.viewport().height() >= 20 * theme.row_height())
    finally:
        theme.set_compact(wanted=False)


def test_the_safe_button_of_a_message_has_the_focus(opened: Opener, qtbot: QtBot) -> None:
    window = opened()
    window.commands.about.trigger()
    qtbot.waitUntil(lambda: open_dialog(window, MessageDialog) is not None)
    dialog = open_dialog(window, MessageDialog)
    assert dialog is not None
    focus = dialog.focusWidget()
    assert isinstance(focus, QPushButton)
    assert focus.isDefault()
    dialog.reject()
    qtbot.waitUntil(lambda: not window.tasks.busy)


def test_frame_gaps_are_recorded_until_told(opened: Opener, qtbot: QtBot) -> None:
    window = opened()
    window.commands.record_gaps.trigger()
    window.commands.record_gaps.trigger()
    qtbot.waitUntil(lambda: open_dialog(window, MessageDialog) is not None)
    dialog = open_dialog(window, MessageDialog)
    assert any(label.text().startswith("Longest gap") for label in dialog.findChildren(QLabel))
    dialog.reject()


def test_a_refused_login_leads_to_its_mirror(opened: Opener) -> None:
    window = opened()
    for name in ("nfs", "nowhere"):
        window.show_page(2)
        window.transfers.sign_in_wanted.emit(name)
        assert window.page is window.mirrors
    current = window.mirrors.current()
    assert current is not None
    assert current.mirror.name == "nfs"


def test_the_history_and_the_contents_are_reached_from_the_transfers(opened: Opener) -> None:
    window = opened()
    window.transfers.history_wanted.emit()
    assert window.page is window.history
    window.transfers.contents_wanted.emit("scratch")
    assert window.page is window.contents


def test_an_address_that_was_looked_at_becomes_a_mirror(opened: Opener, client: FakeClient, qtbot: QtBot) -> None:
    window = opened()
    window.contents.open_mirror("scratch")
    assert not window.commands.add_as_mirror.isEnabled()
    window.show_page(3)
    window.contents.open_mirror("oci://registry.site.org/hpc/cache")
    qtbot.waitUntil(window.commands.add_as_mirror.isEnabled)
    window.commands.add_as_mirror.trigger()
    assert window.page is window.mirrors
    qtbot.waitUntil(lambda: bool(window.findChildren(MirrorEditor)))
    (editor,) = window.findChildren(MirrorEditor)
    assert editor.fields.address.edit.text() == "oci://registry.site.org/hpc/cache"
    editor.reject()
    qtbot.waitUntil(lambda: not window.mirrors.work.tasks.busy)


@pytest.mark.parametrize(("named", "expected"), [(None, "/sw/spack"), ("/opt/spack", "/opt/spack")])
def test_the_instance_chosen_in_the_settings_is_opened_unless_one_is_named(
    opened: Opener, client: FakeClient, named: str | None, expected: str
) -> None:
    preferences.change(first_instance="/sw/spack")
    opened(instance=named)
    assert [call.directory for call in client.asked(OpenInstance)] == [expected]
