# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Choosing files where the engine is, and the ones of this computer where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from core.engine.calls.files import ListDirectory
from core.remote.address import HERE, Place
from core.services.files_values import DirectoryEntry, DirectoryView
from gui.remote import words
from gui.widgets.choosing import Choice, choose_path, local_title
from gui.widgets.dialogs import MessageDialog
from gui.widgets.path_edit import PathEdit
from gui.widgets.remote_files import RemoteFilesDialog

HOME = DirectoryView(
    "/home/ann",
    "/home",
    (
        DirectoryEntry("spack", True, 0, 1.7e9),
        DirectoryEntry(".hidden", True, 0, 1.7e9),
        DirectoryEntry("key\x1b[2J.pub", False, 1234, 1.7e9),
    ),
)
SPACK = DirectoryView("/home/ann/spack", "/home/ann", ())
TREE = {"": HOME, "/home/ann": HOME, "/home/ann/spack": SPACK, "/home": DirectoryView("/home", "/")}
DENIED = DirectoryView("/root", "/", error="Permission denied")


@pytest.fixture
def engine(client: FakeClient) -> FakeClient:
    client.place = Place("alice@node7")
    client.answers[ListDirectory] = lambda call: TREE.get(call.path, DENIED)
    return client


@pytest.fixture
def window(loop: QEventLoop) -> Iterator[QWidget]:
    window = QWidget()
    window.show()
    yield window
    window.close()
    window.deleteLater()


Chooser = Callable[[Choice], RemoteFilesDialog]


@pytest.fixture
def choosing(engine: FakeClient, window: QWidget, loop: QEventLoop, qtbot: QtBot) -> Iterator[Chooser]:
    """Opens the dialog; what was chosen is in `chosen` of the dialog, which is what `choose_path` returns."""
    tasks = []

    def begin(choice: Choice) -> RemoteFilesDialog:
        tasks.append(loop.create_task(choose_path(window, "Choose…", choice, engine, name="keys", suffix="pub")))
        qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(RemoteFilesDialog)))
        dialog = next(each for each in window.findChildren(RemoteFilesDialog) if each.isVisible())
        qtbot.waitUntil(lambda: not dialog.working)
        dialog.result_of = tasks[-1]  # type: ignore[attr-defined]
        return dialog

    yield begin
    for dialog in window.findChildren(RemoteFilesDialog):
        dialog.done(0)
    qtbot.waitUntil(lambda: all(task.done() for task in tasks))


def result(dialog: RemoteFilesDialog, qtbot: QtBot) -> str:
    task = dialog.result_of  # type: ignore[attr-defined]
    qtbot.waitUntil(task.done)
    return task.result()  # type: ignore[no-any-return]


def names(dialog: RemoteFilesDialog) -> list[str]:
    return [dialog.model.index(row, 0).data() for row in range(dialog.model.rowCount())]


def test_the_home_over_there_is_shown_with_foreign_names_made_visible(choosing: Chooser) -> None:
    dialog = choosing(Choice.FILE)
    assert dialog.windowTitle() == "Choose (alice@node7)"
    assert dialog.path.text() == "/home/ann"
    assert names(dialog) == ["spack/", "key\\x1b[2J.pub"]
    dialog.hidden.setChecked(True)
    assert names(dialog) == ["spack/", ".hidden/", "key\\x1b[2J.pub"]


def test_a_file_is_chosen_by_its_real_name(choosing: Chooser, qtbot: QtBot) -> None:
    dialog = choosing(Choice.FILE)
    dialog.table.select_row(0)
    assert dialog.confirm_button.toolTip() == words.WHY_NO_FILE
    dialog.table.select_row(1)
    dialog.confirm_button.click()
    assert result(dialog, qtbot) == "/home/ann/key\x1b[2J.pub"


def test_folders_are_entered_by_keyboard_and_chosen(choosing: Chooser, engine: FakeClient, qtbot: QtBot) -> None:
    dialog = choosing(Choice.FOLDER)
    assert engine.asked(ListDirectory)[-1].dirs_only
    dialog.table.select_row(0)
    qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.path.text() == "/home/ann/spack" and not dialog.working)
    assert dialog.pane.shown is dialog.empty
    dialog.confirm_button.click()
    assert result(dialog, qtbot) == "/home/ann/spack"


def test_up_and_what_cannot_be_read(choosing: Chooser, qtbot: QtBot) -> None:
    dialog = choosing(Choice.FILE)
    dialog.up.click()
    qtbot.waitUntil(lambda: dialog.path.text() == "/home" and not dialog.working)
    dialog.path.setText("/root")
    qtbot.keyClick(dialog.path, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.notice.title == "/root cannot be read")
    assert dialog.path.text() == "/home"


def test_a_new_file_gets_its_ending_and_none_is_replaced_unasked(choosing: Chooser, qtbot: QtBot) -> None:
    dialog = choosing(Choice.NEW_FILE)
    assert dialog.name.text() == "keys"
    dialog.name.setText("a/b")
    assert dialog.confirm_button.toolTip() == words.WHY_NO_NAME
    dialog.name.setText("key\x1b[2J.pub")
    dialog.confirm_button.click()
    qtbot.waitUntil(lambda: any(each.isVisible() for each in dialog.findChildren(MessageDialog)))
    next(each for each in dialog.findChildren(MessageDialog) if each.isVisible()).reject()
    qtbot.waitUntil(lambda: not dialog.working)
    dialog.name.setText("keys")
    dialog.confirm_button.click()
    assert result(dialog, qtbot) == "/home/ann/keys.pub"


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_field_asks_where_its_path_belongs(
    elsewhere: bool, engine: FakeClient, window: QWidget, loop: QEventLoop, qtbot: QtBot
) -> None:
    engine.place = Place("node7") if elsewhere else HERE
    edit = PathEdit("Choose a folder", folder=True, engine=engine)
    edit.setParent(window)
    edit.show()
    edit.choose()
    kind = RemoteFilesDialog if elsewhere else QFileDialog
    qtbot.waitUntil(lambda: any(each.isVisible() for each in edit.findChildren(kind)))
    edit.tasks.cancel_all()
    qtbot.waitUntil(lambda: not edit.tasks.busy)


def test_what_belongs_to_this_computer_says_so(engine: FakeClient) -> None:
    assert local_title("Export…", engine) == "Export (on this computer)"
    engine.place = HERE
    assert local_title("Export…", engine) == "Export"
