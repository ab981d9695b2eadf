# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from gui.main_window import MainWindow, WindowOptions
from gui.widgets.controls import IconButton

PAGES = pytest.mark.parametrize(
    "page", range(7), ids=["mirrors", "packages", "transfers", "contents", "keys", "history", "settings"]
)


@pytest.fixture
def window(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow(client, WindowOptions())
    window.show()
    window.activateWindow()
    life: asyncio.Task[None] = loop.create_task(window.run())
    qtbot.waitUntil(lambda: bool(window.mirrors.model.rows) and window.packages.model.rowCount() == 3)
    yield window
    window.close()
    qtbot.waitUntil(life.done)
    window.deleteLater()


def name_of(widget: QWidget) -> str:
    """What a screen reader says: the accessible interface takes button texts and label buddies into account."""
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface.text(QAccessible.Text.Name) if interface else ""


def focusable(window: MainWindow) -> list[QWidget]:
    widgets = window.findChildren(QWidget)
    return [each for each in widgets if each.isVisible() and each.focusPolicy() & Qt.FocusPolicy.TabFocus]


@PAGES
def test_every_control_has_a_name(window: MainWindow, page: int) -> None:
    window.show_page(page)
    controls = [each for each in focusable(window) if not isinstance(each, QLabel)]
    assert len(controls) > 3
    unnamed = [repr(each) for each in controls if not name_of(each).strip()]
    assert unnamed == []


@PAGES
def test_tab_reaches_everything_and_comes_back(window: MainWindow, page: int, qtbot: QtBot) -> None:
    window.show_page(page)
    start = window.side_bar.pages
    start.setFocus()
    seen: list[QWidget] = [start]
    for _ in range(100):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        here = QApplication.focusWidget()
        if here is start:
            break
        assert here is not seen[-1], f"{here} keeps the focus"
        seen.append(here)
    else:
        pytest.fail("the walk never came back")
    missed = [each for each in focusable(window) if each.isEnabled() and each not in seen]
    assert [repr(each) for each in missed if each.focusProxy() is None] == []


@PAGES
def test_shift_tab_walks_back_too(window: MainWindow, page: int, qtbot: QtBot) -> None:
    window.show_page(page)
    start = window.side_bar.pages
    start.setFocus()
    for _ in range(100):
        before = QApplication.focusWidget()
        qtbot.keyClick(before, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
        assert QApplication.focusWidget() is not before
        if QApplication.focusWidget() is start:
            return
    pytest.fail("the walk never came back")


def test_labels_are_buddies_of_their_fields(window: MainWindow) -> None:
    buddies = {label.buddy() for label in window.findChildren(QLabel) if label.buddy() is not None}
    unlabelled = set(window.findChildren(QComboBox)) - buddies
    assert all(combo.accessibleName() for combo in unlabelled)


def test_placeholders_are_not_the_only_name_of_a_field(window: MainWindow) -> None:
    fields = [each for each in window.findChildren(QLineEdit) if not isinstance(each.parent(), QComboBox)]
    assert fields
    assert all(each.accessibleName() for each in fields)


def test_disabled_actions_say_why(window: MainWindow) -> None:
    for page in range(7):
        window.show_page(page)
        for action in window.commands.children():
            if action.objectName() and not action.isEnabled():  # type: ignore[attr-defined]
                assert action.toolTip() != action.text().removesuffix("…"), action.objectName()  # type: ignore[attr-defined]


def test_buttons_with_nothing_but_an_icon_have_tooltips(window: MainWindow) -> None:
    buttons = window.findChildren(IconButton)
    assert buttons
    assert [button.accessibleName() for button in buttons if not button.toolTip()] == []
