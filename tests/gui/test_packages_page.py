# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from samples import INSTANCE, package, packages

from core.engine.calls.packages import ListPackages, SummarizeSelection
from core.engine.calls.presence import FindHeldBack
from core.foundation.errors import DatabaseError, EngineGone, ErrorInfo
from core.services.package_values import HeldBackRow
from core.services.values import PackagesView, SelectionSummary
from gui import messages
from gui.actions import Actions
from gui.packages import words
from gui.packages.filter_bar import FilterChoice
from gui.packages.page import PackagesPage
from gui.packages.rows import Column, Show
from gui.widgets.cell import CellDelegate, Role, inner


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[PackagesPage]:
    page = PackagesPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1000, 700)
    page.show()
    qtbot.waitExposed(page)
    yield page
    page.leave()


def load(page: PackagesPage, qtbot: QtBot) -> None:
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: task.done() and not page.loader.busy)


def click_check(page: PackagesPage, qtbot: QtBot, row: int) -> None:
    place = page.table.visualRect(page.model.index(row, Column.CHECK)).center()
    qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_a_first_load_shows_sorted_rows(page: PackagesPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    assert page.pane.shown is page.table
    assert page.sentence.text().startswith("3 packages.")
    assert [page.model.row_at(row).name for row in range(3)] == ["hdf5", "zlib", "zlib"]


def test_rows_of_many_batches_arrive_in_slices(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[ListPackages] = [[package(f"p{batch}", f"1.{number}") for number in range(1500)] for batch in range(3)]
    client.answers[ListPackages] = PackagesView(4500, "v1")
    load(page, qtbot)
    assert page.model.rowCount() == 4500


def test_choosing_counts_with_dependencies_and_pushes(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    load(page, qtbot)
    assert not page.footer.push_button.isEnabled()
    assert page.footer.push_button.toolTip() == messages.WHY_NO_PACKAGES
    click_check(page, qtbot, 0)
    click_check(page, qtbot, 1)
    qtbot.waitUntil(lambda: "5\u2009GB" in page.footer.status.text())
    assert page.footer.status.text().startswith("2 selected with dependencies 40 packages")
    assert len(client.asked(SummarizeSelection)) == 1
    with qtbot.waitSignal(page.push_requested) as pushed:
        qtbot.mouseClick(page.footer.push_button, Qt.MouseButton.LeftButton)
    assert pushed.args == [page.model.checked_hashes(), ""]


def test_space_checks_all_selected_rows(page: PackagesPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_End, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert page.model.checked == 3


def test_select_all_means_all_that_is_shown(page: PackagesPage, commands: Actions, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.filter_line.setText("zlib")
    qtbot.waitUntil(lambda: page.model.rowCount() == 2)
    assert commands.select_shown.text() == "Select all 2"
    commands.select_shown.trigger()
    assert page.model.checked == 2
    commands.select_none.trigger()
    assert page.model.checked == 0


def test_the_footer_counts_what_the_filter_hides(page: PackagesPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    click_check(page, qtbot, 0)
    page.filter_line.setText("zlib")
    qtbot.waitUntil(lambda: "1 of them not shown" in page.footer.status.text())


def test_nothing_matches_offers_a_way_back(page: PackagesPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    qtbot.keyClicks(page.filter_line, "nonsense")
    qtbot.waitUntil(lambda: page.pane.shown is page.no_match)
    qtbot.mouseClick(page.clear_button, Qt.MouseButton.LeftButton)
    assert page.pane.shown is page.table
    assert page.filter_line.text() == ""


def test_escape_clears_the_filter_at_once(page: PackagesPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.filter_line.setText("zlib")
    qtbot.waitUntil(lambda: page.model.rowCount() == 2)
    qtbot.keyClick(page.filter_line, Qt.Key.Key_Escape)
    assert page.model.rowCount() == 3


def test_show_all_lists_externals_too(page: PackagesPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.show_combo.setCurrentIndex(page.show_combo.findData(Show.ALL))
    assert page.model.rowCount() == 5
    click_check(page, qtbot, 0)
    assert page.model.checked == 0


def test_the_selected_row_stays_through_filter_and_refresh(page: PackagesPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.table.select_row(2)
    page.filter_line.setText("1.10")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    assert page.table.currentIndex().row() == 0
    page.filter_line.reset()
    assert page.table.currentIndex().row() == 2
    load(page, qtbot)
    assert page.table.currentIndex().row() == 2


def test_a_refresh_keeps_the_old_rows_until_the_new_ones_are_complete(
    page: PackagesPage, client: FakeClient, qtbot: QtBot
) -> None:
    load(page, qtbot)
    client.rows[ListPackages] = [packages()[:1]]
    client.hold(ListPackages)
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: page.refresh_line.running and len(client.asked(ListPackages)) == 2)
    assert page.model.rowCount() == 3
    client.release(ListPackages)
    qtbot.waitUntil(lambda: task.done() and not page.loader.busy)
    assert page.model.rowCount() == 1
    assert not page.refresh_line.running


def test_a_stale_answer_is_dropped(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.hold(ListPackages)
    old = page.start(page.load("other"))
    qtbot.waitUntil(lambda: len(client.asked(ListPackages)) == 1)
    new = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: len(client.asked(ListPackages)) == 2)
    client.release(ListPackages)
    qtbot.waitUntil(lambda: old.done() and new.done() and page.model.rowCount() == 3)
    assert page.model.total == 5


def test_a_first_failure_is_told_in_place_of_the_rows(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[ListPackages] = []
    client.answers[ListPackages] = DatabaseError("index.json cannot be read", "line 1")
    load(page, qtbot)
    assert page.pane.shown is page.failed
    assert not page.refresh_line.running


def test_a_failed_refresh_keeps_the_rows(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    load(page, qtbot)
    client.answers[ListPackages] = DatabaseError("index.json cannot be read", "line 1")
    load(page, qtbot)
    assert page.model.rowCount() == 3
    assert page.banner.title == "index.json cannot be read"


def test_problems_of_single_records_are_a_warning(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    first, second = ErrorInfo("database", "record abc is left out", "no name"), ErrorInfo("database", "b", "c")
    client.answers[ListPackages] = PackagesView(5, "v1", (first, second))
    load(page, qtbot)
    assert page.banner.isVisible()
    assert page.banner.accessibleName() == "record abc is left out. no name. 1 more problem."


def test_an_empty_instance_says_so(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[ListPackages] = []
    client.answers[ListPackages] = PackagesView(0, "")
    load(page, qtbot)
    assert page.pane.shown is page.empty


def test_copies_what_is_selected(page: PackagesPage, commands: Actions, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.table.select_row(1)
    commands.copy_spec.trigger()
    assert QGuiApplication.clipboard().text() == "zlib@1.9/zlib190"
    commands.copy_hash.trigger()
    assert QGuiApplication.clipboard().text() == f"/{page.model.row_at(1).hash}"


def test_read_only_says_why_nothing_can_be_pushed(page: PackagesPage, commands: Actions, qtbot: QtBot) -> None:
    page.read_only = True
    load(page, qtbot)
    click_check(page, qtbot, 0)
    assert not commands.push_packages.isEnabled()
    assert commands.push_packages.toolTip() == messages.WHY_READ_ONLY


def test_the_footer_counts_again_after_a_refresh(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    load(page, qtbot)
    client.answers[SummarizeSelection] = EngineGone("The engine has ended")
    click_check(page, qtbot, 0)
    qtbot.waitUntil(lambda: "engine" in page.footer.status.text())
    client.answers[SummarizeSelection] = SelectionSummary(1, 7, 1000)
    load(page, qtbot)
    qtbot.waitUntil(lambda: "7 packages" in page.footer.status.text())


def test_nothing_can_be_pushed_without_an_engine(
    page: PackagesPage, client: FakeClient, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(page, qtbot)
    page.model.check_shown()
    monkeypatch.setattr(type(client), "running", False)
    page.update_actions()
    assert page.footer.push_button.toolTip() == messages.ENGINE_GONE
    assert not page.footer.push_button.isEnabled()


def test_the_columns_show_usual_contents_whole(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    row = package("compiler-wrapper", "3.31.6", target="x86_64_v3", explicit=False, installed_at=time.time() - 29e6)
    client.rows[ListPackages] = [[row]]
    page.resize(1300, 700)
    load(page, qtbot)
    for column in (Column.PACKAGE, Column.VERSION, Column.COMPILER, Column.TARGET, Column.INSTALLED, Column.NOTE):
        index = page.model.index(0, column)
        delegate = page.table.itemDelegateForIndex(index)
        assert isinstance(delegate, CellDelegate)
        assert delegate.inside_width(index) <= inner(page.table.visualRect(index)).width(), column


def test_the_first_focus_selects_a_row(page: PackagesPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    page.table.setFocus()
    assert page.table.selected_rows() == [0]


def test_what_may_not_be_redistributed_says_so_for_what_is_in_sight(
    page: PackagesPage, client: FakeClient, qtbot: QtBot
) -> None:
    reason = "its recipe says so in line 12"

    def told(call: FindHeldBack) -> list[list[HeldBackRow]]:
        return [[HeldBackRow(each, reason * (each == call.hashes[0])) for each in call.hashes]]

    client.rows[FindHeldBack] = told
    load(page, qtbot)
    qtbot.waitUntil(lambda: page.model.index(0, Column.NOTE).data() == words.HELD_BACK)
    note = page.model.index(0, Column.NOTE)
    assert note.data(Role.LOOK).tone == "warn"
    assert reason in note.data(Qt.ItemDataRole.ToolTipRole)
    assert page.model.index(1, Column.NOTE).data() == messages.EXPLICIT
    assert "not redistributable" in page.model.index(0, Column.PACKAGE).data(Qt.ItemDataRole.AccessibleTextRole)
    asked = client.asked(FindHeldBack)[-1]
    assert asked.hashes == tuple(row.hash for row in page.model.found_rows())
    page.filters.choose(FilterChoice(show=Show.ALL))
    qtbot.waitUntil(lambda: len(client.asked(FindHeldBack)) > 1)
    assert not set(client.asked(FindHeldBack)[-1].hashes) & set(asked.hashes)  # what is known is not asked again
