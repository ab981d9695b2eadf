# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_client import FakeClient
from package_samples import NOW, TWO_DAYS_AGO, fill_packages, hash_of
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from samples import INSTANCE, package, packages

from core.engine.calls.packages import FindPackages, ListPackages, PackagesChanged
from core.engine.calls.presence import FindMissing, ListPresence
from core.foundation.errors import DatabaseError
from core.services.package_values import FoundPackages, MissingOn, QueryProblem
from core.services.values import PackagesView
from gui.actions import Actions
from gui.packages import words
from gui.packages.filter_bar import NO_MIRROR, FilterChoice
from gui.packages.grouping import Group
from gui.packages.page import PackagesPage
from gui.packages.rows import Column, Show
from gui.widgets.cell import Role

WRONG = FoundPackages((), (), QueryProblem("This query cannot be understood", "no version follows “@”", 4, 1))


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[PackagesPage]:
    fill_packages(client, packages())
    page = PackagesPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1300, 800)
    page.show()
    qtbot.waitExposed(page)
    task = page.start(page.load(INSTANCE.id))
    facts = page.model.facts
    qtbot.waitUntil(
        lambda: task.done() and not page.loader.busy and len(facts.known_mirrors()) == 2 and bool(facts.environments)
    )
    yield page
    page.leave()


def names(page: PackagesPage) -> list[str]:
    return [f"{row.name}@{row.version}" for row in page.model.found_rows()]


def test_words_narrow_here_and_specs_are_asked(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    page.filter_line.setText("zlib 1.1")
    qtbot.waitUntil(lambda: names(page) == ["zlib@1.10"])
    assert client.asked(FindPackages) == []
    page.filter_line.setText("hdf5+shared")
    qtbot.waitUntil(lambda: names(page) == ["hdf5@1.14.5"])
    assert client.asked(FindPackages) == [FindPackages(INSTANCE.id, "hdf5+shared")]
    page.filter_line.reset()
    assert len(names(page)) == 3


def test_a_wrong_spec_is_underlined_and_the_last_good_result_stays(
    page: PackagesPage, client: FakeClient, qtbot: QtBot
) -> None:
    page.filter_line.setText("hdf5+shared")
    qtbot.waitUntil(lambda: names(page) == ["hdf5@1.14.5"])
    client.answers[FindPackages] = WRONG
    page.filter_line.setText("hdf5@@")
    qtbot.waitUntil(lambda: page.filter_line.marked == (4, 1))
    assert names(page) == ["hdf5@1.14.5"]
    assert page.filter_line.problem_box.isVisible()
    assert page.filter_line.problem_box.text() == "This query cannot be understood: no version follows “@”"
    assert "no version" in page.filter_line.accessibleDescription()
    page.filter_line.setText("zlib")
    qtbot.waitUntil(lambda: len(names(page)) == 2)
    assert page.filter_line.marked is None
    assert page.filter_line.problem_box.isHidden()


def test_an_unfinished_end_is_marked_at_its_last_character(
    page: PackagesPage, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[FindPackages] = FoundPackages((), (), QueryProblem("wrong", "it ends too early", 5))
    page.filter_line.setText("hdf5@")
    qtbot.waitUntil(lambda: page.filter_line.marked == (4, 1))


def test_an_engine_that_cannot_answer_says_so_at_the_line(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[FindPackages] = DatabaseError("index.json cannot be read", "line 1")
    page.filter_line.setText("%gcc")
    qtbot.waitUntil(page.filter_line.problem_box.isVisible)
    assert "index.json cannot be read" in page.filter_line.problem_box.text()
    assert len(names(page)) == 3


def test_a_later_question_makes_an_earlier_answer_void(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.hold(FindPackages)
    page.filter_line.setText("hdf5+shared")
    qtbot.waitUntil(lambda: len(client.asked(FindPackages)) == 1)
    assert page.sentence.text() == words.SEARCHING
    page.filter_line.setText("zlib")
    qtbot.waitUntil(lambda: names(page) == ["zlib@1.9", "zlib@1.10"])
    client.release(FindPackages)
    qtbot.waitUntil(lambda: not page.narrower.tasks.busy)
    assert names(page) == ["zlib@1.9", "zlib@1.10"]


def test_answers_that_are_not_known_are_told(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[FindPackages] = FoundPackages((hash_of("zlib", "1.9"),), ("a", "b"))
    page.filter_line.setText("^mpi")
    qtbot.waitUntil(lambda: "2 packages left out" in page.sentence.text())


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_completion_offers_versions_and_takes_one_by_keyboard(page: PackagesPage, qtbot: QtBot) -> None:
    line = page.filter_line
    line.setFocus()
    qtbot.keyClicks(line, "zlib@")
    assert line.offers == ["1.10", "1.9"]
    popup = line._completer.popup()
    assert popup is not None
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    assert line.text() == "zlib@1.10"
    assert line.offers == []
    line.setText("hd")
    qtbot.keyClick(line, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert line.offers == ["hdf5"]
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.offers == []
    assert line.text() == "hd"


def test_an_environment_lists_its_roots_first(page: PackagesPage) -> None:
    combo = page.filters.environment_combo
    combo.setCurrentIndex(combo.findData("hpc-base"))
    page.table.sortByColumn(Column.PACKAGE, Qt.SortOrder.DescendingOrder)
    assert names(page) == ["hdf5@1.14.5", "zlib@1.9"]


def test_not_on_a_mirror_lists_what_is_not_there(page: PackagesPage, client: FakeClient) -> None:
    page.filters.choose(FilterChoice(missing_on="scratch"))
    assert names(page) == ["hdf5@1.14.5", "zlib@1.10"]
    page.filters.choose(FilterChoice(missing_on=NO_MIRROR))
    assert names(page) == ["hdf5@1.14.5", "zlib@1.10"]
    assert client.asked(FindMissing) == []


def test_what_is_missing_of_an_environment_counts_dependencies(
    page: PackagesPage, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[FindMissing] = MissingOn((hash_of("zlib", "1.10"), hash_of("hdf5", "1.14.5")), (), 410, TWO_DAYS_AGO)
    page.filters.choose(FilterChoice(show=Show.EXPLICIT, environment="hpc-base", missing_on="scratch"))
    qtbot.waitUntil(lambda: "2 of 412 packages in hpc-base missing on scratch" in page.sentence.text())
    assert client.asked(FindMissing) == [FindMissing(INSTANCE.id, "scratch", "hpc-base")]
    assert names(page) == ["hdf5@1.14.5", "zlib@1.10"]  # the dependency, too, although only explicit ones are listed


def test_missing_on_a_mirror_is_shown_checked_ready_to_push(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[FindMissing] = MissingOn((hash_of("zlib", "1.10"),), (), 3, NOW)
    page.show_missing("scratch")
    qtbot.waitUntil(lambda: page.model.checked == 1)
    with qtbot.waitSignal(page.push_requested) as pushed:
        commands.push_packages.trigger()
    assert pushed.args == [(hash_of("zlib", "1.10"),), "scratch"]


def test_the_mirrors_column_and_its_age(page: PackagesPage) -> None:
    row = page.model.find(hash_of("zlib", "1.9"))
    assert row is not None
    index = page.model.index(row, Column.MIRRORS)
    assert index.data() == "scratch"
    assert "scratch: yes, as of 2 hours ago, its index is from 2 hours ago" in index.data(Qt.ItemDataRole.ToolTipRole)
    other = page.model.index(row - 1, Column.MIRRORS)
    assert other.data(Role.LOOK).word == words.ON_NO_MIRROR
    assert "Mirrors as of 2 hours ago." in page.sentence.text()


def test_saved_filters_come_back_in_whole(page: PackagesPage) -> None:
    choice = FilterChoice("zlib", Show.EXPLICIT, "hpc-base", NO_MIRROR)
    page.filters.choose(choice)
    page.filters.saved_menu.aboutToShow.emit()
    page.filters.saved_menu.actions()[0].trigger()
    page.filters.clear()
    assert page.filters.choice == FilterChoice()
    page.filters.saved_menu.aboutToShow.emit()
    saved = next(each for each in page.filters.saved_menu.actions() if each.isCheckable())
    assert saved.text() == "zlib · Explicit only · hpc-base · On no mirror"
    saved.trigger()
    assert page.filters.choice == choice
    page.filters.forget(choice)
    assert page.filters.saved() == []


def test_groups_are_headings_that_cannot_be_checked(page: PackagesPage, commands: Actions, qtbot: QtBot) -> None:
    page.model.set_group(Group.TARGET)
    assert page.model.index(0, Column.PACKAGE).data() == "zen4"
    assert page.model.index(0, Column.PACKAGE).data(Qt.ItemDataRole.AccessibleTextRole) == "zen4, 3 packages"
    page.table.select_row(0)
    assert not commands.copy_spec.isEnabled()
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert page.model.checked == 0
    assert page.sentence.text().startswith("3 packages.")


def test_columns_are_chosen_and_remembered(page: PackagesPage, commands: Actions, client: FakeClient) -> None:
    assert page.table.isColumnHidden(Column.HASH)
    page.table.columns.fill(page.table.columns.menu)
    entry = next(each for each in page.table.columns.menu.actions() if each.text() == "Hash")
    entry.trigger()
    assert not page.table.isColumnHidden(Column.HASH)
    page.table.horizontalHeader().moveSection(page.table.horizontalHeader().visualIndex(Column.HASH), 1)
    page.table.remember()
    again = PackagesPage(client, commands)
    assert again.table.wants_column(Column.HASH)
    assert again.table.horizontalHeader().visualIndex(Column.HASH) == 1
    again.leave()
    again.deleteLater()


def test_the_page_follows_the_database_and_marks_what_is_new(
    page: PackagesPage, client: FakeClient, qtbot: QtBot
) -> None:
    page.model.check([hash_of("zlib", "1.9"), hash_of("hdf5", "1.14.5")])
    page.table.show_package(hash_of("zlib", "1.10"))
    client.rows[ListPackages] = [[package("adios2", "2.10"), package("zlib", "1.9", explicit=False)]]
    client.answers[ListPackages] = PackagesView(5, "v2", only_changes=True, gone=(hash_of("hdf5", "1.14.5"),))
    client.answers[PackagesChanged] = lambda call: call.verifier == "v1"
    page.loader.outdated.emit()
    qtbot.waitUntil(lambda: names(page) == ["adios2@2.10", "zlib@1.9", "zlib@1.10"])
    assert client.asked(ListPackages)[-1] == ListPackages(INSTANCE.id, "v1")
    assert page.model.checked_hashes() == (hash_of("zlib", "1.9"),)
    current = page.current()
    assert current is not None
    assert current.hash == hash_of("zlib", "1.10")
    assert page.model.index(0, Column.PACKAGE).data(Role.DETAIL)[-1] == words.NEW
    qtbot.waitUntil(lambda: "1 new since the start" in page.sentence.text())
    page.filters.choose(FilterChoice(show=Show.NEW))
    assert names(page) == ["adios2@2.10"]


def test_a_changed_database_is_noticed_while_the_page_is_shown(
    page: PackagesPage, client: FakeClient, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.packages.loader._WATCH_S", 0.0)
    client.answers[PackagesChanged] = lambda call: call.verifier == "v1"
    client.answers[ListPackages] = PackagesView(5, "v2", only_changes=True)
    client.rows[ListPackages] = []
    page.hide()
    asked = len(client.asked(PackagesChanged))
    page.show()
    qtbot.waitUntil(lambda: page.loader.view is not None and page.loader.view.verifier == "v2")
    assert len(client.asked(PackagesChanged)) > asked
    assert len(names(page)) == 3


def test_mirrors_are_asked_themselves_only_for_a_refresh(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    assert {call.refresh for call in client.asked(ListPresence)} <= {False}
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: task.done() and client.asked(ListPresence)[-1].refresh)
