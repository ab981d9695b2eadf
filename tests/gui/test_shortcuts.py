# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The keys people learn: each does what it should where it should, and no key means two things on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from gui import messages, preferences
from gui.actions import Actions
from gui.main_window import MainWindow, WindowOptions

_ANY = ""
_KEYS = (
    ("Ctrl+1", _ANY, "show_mirrors"),
    ("Ctrl+2", _ANY, "show_packages"),
    ("Ctrl+3", _ANY, "show_transfers"),
    ("Ctrl+4", _ANY, "show_contents"),
    ("Ctrl+5", _ANY, "show_keys"),
    ("Ctrl+6", _ANY, "show_history"),
    ("Ctrl+7", _ANY, "show_settings"),
    ("Ctrl+J", _ANY, "show_transfers"),
    ("Ctrl+F", _ANY, "filter"),
    ("Ctrl+Shift+P", _ANY, "show_palette"),
    ("Ctrl+Shift+R", _ANY, "retry_failed"),
    ("Ctrl++", _ANY, "larger_text"),
    ("Ctrl+-", _ANY, "smaller_text"),
    ("F1", _ANY, "show_help"),
    ("F5", _ANY, "refresh"),
    ("F6", _ANY, "next_pane"),
    ("Shift+F6", _ANY, "previous_pane"),
    ("Ctrl+N", messages.MIRRORS, "add_mirror"),
    ("T", messages.MIRRORS, "test_mirrors"),
    ("P", messages.MIRRORS, "push_to_mirror"),
    ("B", messages.MIRRORS, "browse_contents"),
    ("Del", messages.MIRRORS, "remove_mirrors"),
    ("Alt+Up", messages.MIRRORS, "move_mirror_up"),
    ("Alt+Down", messages.MIRRORS, "move_mirror_down"),
    ("Ctrl+P", messages.PACKAGES, "push_packages"),
    ("Ctrl+A", messages.PACKAGES, "select_shown"),
    ("Alt+Return", messages.PACKAGES, "show_details"),
    ("Ctrl+Space", messages.TRANSFERS, "pause_transfer"),
    ("Ctrl+R", messages.TRANSFERS, "retry_transfer"),
    ("Alt+Up", messages.TRANSFERS, "move_transfer_up"),
    ("Alt+Down", messages.TRANSFERS, "move_transfer_down"),
    ("Del", messages.CONTENTS, "delete_entries"),
    ("V", messages.CONTENTS, "verify_cache"),
)


@pytest.fixture
def window(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow(client, WindowOptions())
    window.show()
    life = loop.create_task(window.run())
    owners = (window.tasks, window.opening.tasks, window.idle_text.tasks, *(page.tasks for page in window.pages))
    qtbot.waitUntil(lambda: window.instance is not None and not any(owner.busy for owner in owners))
    window.activateWindow()
    yield window
    preferences.change(text_percent=100)
    window.close()
    qtbot.waitUntil(life.done)
    window.deleteLater()


@pytest.mark.parametrize(("keys", "page", "name"), _KEYS, ids=[f"{page or 'any'}-{keys}" for keys, page, _ in _KEYS])
def test_keys_as_people_learn_them(commands: Actions, keys: str, page: str, name: str) -> None:
    action = getattr(commands, name)
    assert QKeySequence(keys) in action.shortcuts()
    assert dict(commands.all())[action] == page


def test_no_key_means_two_things_on_one_page(commands: Actions) -> None:
    pages = {page for _, page in commands.all() if page}
    for shown in pages:
        known = [action for action, page in commands.all() if page in ("", shown)]
        counted = Counter(keys.toString() for action in known for keys in action.shortcuts())
        assert [keys for keys, count in counted.items() if count > 1] == [], shown


def test_text_grows_and_shrinks_by_the_keys_of_every_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    control = Qt.KeyboardModifier.ControlModifier
    before = preferences.now().text_percent
    qtbot.keyClick(window, Qt.Key.Key_Equal, control)
    assert preferences.now().text_percent == before + 10
    qtbot.keyClick(window, Qt.Key.Key_Plus, control)
    assert preferences.now().text_percent == before + 20
    qtbot.keyClick(window, Qt.Key.Key_0, control)
    assert preferences.now().text_percent == 100


def test_a_page_gone_to_by_its_key_has_the_keyboard_in_its_list(window: MainWindow, qtbot: QtBot) -> None:
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(window, Qt.Key.Key_2, control)
    assert QApplication.focusWidget() is window.packages.table
    window.packages.filter_line.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_1, control)
    assert QApplication.focusWidget() is window.mirrors.table
    qtbot.keyClick(window, Qt.Key.Key_2, control)
    assert QApplication.focusWidget() is window.packages.filter_line


def test_going_on_from_a_list_leads_to_the_next_list(window: MainWindow, qtbot: QtBot) -> None:
    window.mirrors.table.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.focusWidget() is window.packages.table


def test_a_list_that_is_still_empty_gets_the_keyboard_when_it_is_filled(window: MainWindow, qtbot: QtBot) -> None:
    window.mirrors.table.setFocus()
    window.history.pane.show_instead(QLabel("nothing"))
    qtbot.keyClick(window, Qt.Key.Key_6, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.focusWidget() is window.history.pane
    qtbot.keyClick(window.history.pane, Qt.Key.Key_Down)
    assert window.page is window.history
    window.history.pane.show_table()
    assert QApplication.focusWidget() is window.history.table


def test_arrows_in_the_navigation_stay_there(window: MainWindow, qtbot: QtBot) -> None:
    window.side_bar.pages.setFocus()
    qtbot.keyClick(window.side_bar.pages, Qt.Key.Key_Down)
    assert window.page is window.packages
    assert window.side_bar.pages.hasFocus()


def test_space_checks_the_first_package_where_none_is_current(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    table = window.packages.table
    table.selectionModel().clear()
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert table.currentIndex().row() == 0
    assert window.packages.model.checked == 1
