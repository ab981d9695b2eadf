# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_client import FakeClient
from package_samples import NOW, TWO_DAYS_AGO, fill_packages, hash_of
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from samples import INSTANCE, packages

from core.engine.calls.history import ListHistory
from core.engine.calls.packages import DescribePackage, ListLinks, MeasureSizes, PackageGraph, SizeByFolder
from core.engine.calls.presence import FindHoldings
from core.foundation.errors import DatabaseError, ErrorInfo
from core.services.history_values import Action, HistoryEntry
from core.services.package_values import Holding, SizeRow
from gui.actions import Actions
from gui.packages import words
from gui.packages.folders import Column as FolderColumn
from gui.packages.overview import holding_line
from gui.packages.page import PackagesPage
from gui.packages.rows import Column
from gui.widgets.cell import Role


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[PackagesPage]:
    fill_packages(client, packages())
    page = PackagesPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1300, 900)
    page.show()
    qtbot.waitExposed(page)
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: task.done() and not page.loader.busy and len(page.model.facts.known_mirrors()) == 2)
    page.table.show_package(hash_of("hdf5", "1.14.5"))
    yield page
    page.leave()


def open_tab(page: PackagesPage, commands: Actions, number: int) -> None:
    commands.show_details.setChecked(True)
    page.details.tabs.setCurrentIndex(number)


def test_return_opens_the_details_and_the_cross_closes_them(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    assert page.details.isHidden()
    assert client.asked(DescribePackage) == []
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert page.details.isVisible()
    assert page.details.heading.text() == "hdf5@1.14.5  hdf5114"
    qtbot.waitUntil(lambda: page.details.close_button.height() > 0)
    assert page.details.height() > 100
    qtbot.mouseClick(page.details.close_button, Qt.MouseButton.LeftButton)
    assert page.details.isHidden()
    assert not commands.show_details.isChecked()
    assert page.table.hasFocus()


def test_the_overview_tells_everything_at_once(page: PackagesPage, commands: Actions, qtbot: QtBot) -> None:
    open_tab(page, commands, 0)
    overview = page.details.overview
    assert overview.fact(words.PREFIX).startswith("/opt/spack/opt/spack/hdf5")  # before anything was asked
    qtbot.waitUntil(lambda: overview.fact(words.RELOCATION).startswith("Fits below"))
    assert overview.fact(words.PACKAGE_HASH) == "pkghash"
    assert overview.fact(words.IN_ENVIRONMENTS) == "hpc-base"
    assert overview.fact(words.FLAGS) == "cflags=-O3"
    qtbot.waitUntil(lambda: "sha256:abc" in overview.fact(words.ON_MIRRORS))
    scratch, nfs, public = overview.fact(words.ON_MIRRORS).splitlines()
    assert scratch == "scratch: yes, 1.2\u2009MB, sha256:abc, signed, as of 2 days ago"
    assert nfs == "nfs: no, as of 2 hours ago"
    assert public == "public: not known, never read"


def test_mirrors_can_be_asked_about_one_package(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    open_tab(page, commands, 0)
    qtbot.waitUntil(lambda: len(client.asked(FindHoldings)) == 1)
    client.rows[FindHoldings] = [[Holding("nfs", None, None, error=ErrorInfo("remote", "nfs did not answer"))]]
    qtbot.mouseClick(page.details.overview.ask_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "nfs did not answer" in page.details.overview.fact(words.ON_MIRRORS))
    assert client.asked(FindHoldings)[-1] == FindHoldings(INSTANCE.id, hash_of("hdf5", "1.14.5"), refresh=True)


def test_a_failure_is_told_and_asked_again_later(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[SizeByFolder] = DatabaseError("prefix cannot be read", "Permission denied")
    open_tab(page, commands, 2)
    qtbot.waitUntil(lambda: page.details.folders.empty.sentence == "prefix cannot be read: Permission denied")
    page.details.tabs.setCurrentIndex(0)
    page.details.tabs.setCurrentIndex(2)
    qtbot.waitUntil(lambda: len(client.asked(SizeByFolder)) == 2)


def test_folders_are_bars_from_the_largest(page: PackagesPage, commands: Actions, qtbot: QtBot) -> None:
    open_tab(page, commands, 2)
    model = page.details.folders.model
    qtbot.waitUntil(lambda: len(model.rows) == 2)
    shares = [model.index(row, FolderColumn.SHARE).data(Role.PROGRESS) for row in range(2)]
    assert shares[0] == 1.0
    assert shares[1] < 0.01
    assert model.index(1, FolderColumn.FOLDER).data() == "."
    said = model.index(0, FolderColumn.FOLDER).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == "lib, 900\u2009kB, 4 files"


def test_the_document_is_searched_and_copied(page: PackagesPage, commands: Actions, qtbot: QtBot) -> None:
    open_tab(page, commands, 3)
    tab = page.details.document
    qtbot.waitUntil(lambda: '"name": "hdf5"' in tab.view.toPlainText())
    tab.find_line.setText("name")
    qtbot.waitUntil(lambda: tab.count.text() == "1 of 2")
    qtbot.keyClick(tab.find_line, Qt.Key.Key_Return)
    assert tab.count.text() == "2 of 2"
    qtbot.mouseClick(tab.previous_button, Qt.MouseButton.LeftButton)
    assert tab.count.text() == "1 of 2"
    assert tab.view.textCursor().selectedText() == "name"
    tab.find_line.setText("nothing")
    qtbot.waitUntil(lambda: tab.count.text() == "not found")
    qtbot.mouseClick(tab.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == tab.view.toPlainText()


def test_the_tree_learns_a_level_when_it_is_opened(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    open_tab(page, commands, 1)
    tree, model = page.details.dependencies.tree, page.details.dependencies.model
    needs, needed_by = model.index(0, 0), model.index(1, 0)
    qtbot.waitUntil(lambda: model.rowCount(model.index(0, 0)) == 1)
    needs, needed_by = model.index(0, 0), model.index(1, 0)
    zlib = model.index(0, 0, needs)
    assert zlib.data() == "zlib"
    assert zlib.data(Role.DETAIL) == ("1.10", "build, link  ·  provides zlib-api")
    assert not model.hasChildren(needed_by)
    assert [call.hash for call in client.asked(ListLinks)] == [hash_of("hdf5", "1.14.5")] * 2
    tree.expand(zlib)
    qtbot.waitUntil(lambda: model.rowCount(model.index(0, 0, model.index(0, 0))) == 1)
    assert client.asked(ListLinks)[-1] == ListLinks(INSTANCE.id, hash_of("zlib", "1.10"), dependents=False)
    tree.setFocus()
    tree.setCurrentIndex(zlib)
    qtbot.keyClick(tree, Qt.Key.Key_Return)
    current = page.current()
    assert current is not None
    assert current.hash == hash_of("zlib", "1.10")


def test_the_picture_comes_with_the_tree_and_the_details_can_have_all_the_room(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    open_tab(page, commands, 1)
    picture = page.details.dependencies.picture
    qtbot.waitUntil(lambda: len(picture.view.keys) == 30)
    page.details.enlarge_button.setChecked(True)
    assert not page.pane.isVisible()
    assert page.details.enlarge_button.accessibleName() == words.SHRINK
    page.details.enlarge_button.setChecked(False)
    assert page.pane.isVisible()
    assert len(client.asked(PackageGraph)) == 1


def test_only_the_last_of_many_packages_is_asked_about(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    commands.show_details.setChecked(True)
    for row in (0, 1, 2):
        page.table.select_row(row)
    qtbot.waitUntil(lambda: page.details.details is not None)
    assert [call.hash for call in client.asked(DescribePackage)] == [hash_of("zlib", "1.10")]


def test_sizes_of_what_is_in_sight_fill_in(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    hashes = tuple(row.hash for row in page.model.found_rows())
    client.rows[MeasureSizes] = [[SizeRow(hashes[0], 1_200_000), SizeRow(hashes[1], None), SizeRow(hashes[2], 7)]]
    page.measurer.look_again()
    qtbot.waitUntil(lambda: page.model.index(0, Column.SIZE).data() == "1.2\u2009MB")
    assert page.model.index(1, Column.SIZE).data() == "–"
    assert client.asked(MeasureSizes)[-1] == MeasureSizes(INSTANCE.id, hashes)
    page.table.sortByColumn(Column.SIZE, Qt.SortOrder.DescendingOrder)
    assert page.model.index(0, Column.SIZE).data() == "1.2\u2009MB"
    commands.measure_sizes.setChecked(False)
    asked = len(client.asked(MeasureSizes))
    page.measurer.look_again()
    assert not page.measurer.tasks.busy or asked == len(client.asked(MeasureSizes))


def test_a_holding_nobody_knows_about_says_so() -> None:
    assert holding_line(Holding("m", None, None), NOW) == "m: not known"
    assert holding_line(Holding("m", False, TWO_DAYS_AGO), NOW) == "m: no, as of 2 days ago"


def test_what_was_pushed_when_and_by_whom(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    zlib = hash_of("zlib", "1.10")
    client.rows[ListHistory] = lambda call: [
        [
            HistoryEntry(NOW, "ann@login1", Action.PUSHED, "scratch", hash=call.request.text, detail="12 MB"),
            HistoryEntry(TWO_DAYS_AGO, "bob@login2", Action.DELETED, "nfs", hash="another"),  # only mentions it
        ]
    ]
    page.show_package(zlib)
    open_tab(page, commands, 0)
    qtbot.waitUntil(lambda: bool(page.details.overview.fact(words.HISTORY)))
    (line,) = page.details.overview.fact(words.HISTORY).splitlines()
    assert line.endswith("pushed: scratch, 12 MB, by ann@login1")
    assert client.asked(ListHistory)[-1].request.text == zlib
    client.rows[ListHistory] = []
    page.show_package(hash_of("zlib", "1.9"))
    qtbot.waitUntil(lambda: page.details.overview.fact(words.HISTORY) == "")
