# SPDX-License-Identifier: Apache-2.0 OR MIT
"""All actions by name, and the user guide."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.actions import Actions
from gui.help.topics import topics
from gui.help.viewer import HelpViewer
from gui.palette import Palette, name_of


def test_every_action_is_there_and_has_a_name(commands: Actions) -> None:
    entries = commands.all()
    assert len(entries) > 80
    assert all(name_of(action) for action, _ in entries)
    assert ("Push", "Packages") in {(name_of(action), page) for action, page in entries}


def test_typing_finds_and_return_chooses(commands: Actions, qtbot: QtBot) -> None:
    palette = Palette(commands.all())
    qtbot.addWidget(palette)
    palette.show()
    qtbot.keyClicks(palette.edit, "user gui")
    assert palette.model.rowCount() == 1
    qtbot.keyClick(palette.edit, Qt.Key.Key_Return)
    assert palette.chosen is commands.show_help
    assert not palette.isVisible()


def test_it_says_that_no_action_has_such_a_name(commands: Actions, qtbot: QtBot) -> None:
    palette = Palette(commands.all())
    qtbot.addWidget(palette)
    palette.show()
    assert not palette.nothing.isVisible()
    qtbot.keyClicks(palette.edit, "no such action")
    assert palette.nothing.isVisible()
    assert not palette.list.isVisible()
    palette.edit.clear()
    assert palette.list.isVisible()


def test_arrows_move_while_typing_and_possible_actions_come_first(commands: Actions, qtbot: QtBot) -> None:
    palette = Palette(commands.all())
    qtbot.addWidget(palette)
    palette.show()
    enabled = [
        palette.model.entry_at(row)[0].isEnabled()  # type: ignore[union-attr]
        for row in range(palette.model.rowCount())
    ]
    assert enabled == sorted(enabled, reverse=True)
    first = palette.list.currentIndex().row()
    qtbot.keyClick(palette.edit, Qt.Key.Key_Down)
    assert palette.list.currentIndex().row() == first + 1


def test_what_is_not_possible_says_why_and_only_another_page_leads_on(commands: Actions, qtbot: QtBot) -> None:
    palette = Palette(commands.all())
    qtbot.addWidget(palette)
    palette.show()
    qtbot.keyClicks(palette.edit, "ask earlier")
    index = palette.model.index(0)
    assert "Go to the Mirrors page first" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    qtbot.keyClick(palette.edit, Qt.Key.Key_Return)
    assert (palette.chosen, palette.page) == (commands.move_mirror_up, "Mirrors")
    here = Palette(commands.all(), "Mirrors")
    qtbot.addWidget(here)
    here.show()
    qtbot.keyClicks(here.edit, "ask earlier")
    qtbot.keyClick(here.edit, Qt.Key.Key_Return)
    assert here.chosen is None
    assert here.isVisible()


def test_the_guide_begins_at_the_beginning_and_follows_links(themed: QApplication, qtbot: QtBot) -> None:
    viewer = HelpViewer()
    qtbot.addWidget(viewer)
    viewer.show()
    assert viewer.topic is topics()[0]
    assert "spack install" in viewer.view.toPlainText()
    viewer.view.anchorClicked.emit(QUrl("30-signing.md"))
    assert viewer.topic is not None
    assert viewer.topic.title == "Signing"


def test_search_narrows_chapters_and_marks_what_was_found(themed: QApplication, qtbot: QtBot) -> None:
    viewer = HelpViewer()
    qtbot.addWidget(viewer)
    viewer.show()
    qtbot.keyClicks(viewer.search, "crontab")
    qtbot.waitUntil(lambda: viewer.list.count() == 1)
    assert viewer.topic is not None
    assert viewer.topic.name == "50-automation.md"
    marks = viewer.view.extraSelections()
    cursors: list[QTextCursor] = [mark.cursor for mark in marks]
    assert [cursor.selectedText() for cursor in cursors] == ["crontab"]
    viewer.open_topic("30-signing.md")
    assert viewer.topic.title == "Signing"
    assert viewer.list.count() == len(topics())
    qtbot.keyClicks(viewer.search, "no such word anywhere")
    qtbot.waitUntil(lambda: viewer.list.count() == 0)
    assert "No chapter" in viewer.view.toPlainText()
    viewer.search.leave()
