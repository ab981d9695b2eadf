# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_client import FakeClient
from package_samples import NOW, TWO_DAYS_AGO, fill_packages, hash_of
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QMenu
from pytestqt.qtbot import QtBot
from samples import INSTANCE, packages

from core.engine.calls.packages import ComparePackages, ExplainReuse, ListRelatives
from core.engine.calls.presence import CompareInstalled, FindMissing, ViewCoverage
from core.foundation.errors import ErrorInfo, UsageError
from core.services.package_values import (
    Comparison,
    CoverageCell,
    CoverageRow,
    CoverageView,
    DifferenceLine,
    InstalledVersusMirror,
    MirrorPresence,
    MissingOn,
    PackageRef,
    RemotePackage,
    ReuseCandidate,
    ReuseView,
)
from gui.actions import Actions
from gui.packages import words
from gui.packages.compare import CompareDialog
from gui.packages.coverage import CoverageView as CoverageWidget
from gui.packages.page import PackagesPage
from gui.packages.reuse import Column as ReuseColumn
from gui.packages.reuse import ReuseDialog
from gui.packages.rows import Column
from gui.packages.versus import VersusDialog
from gui.widgets.cell import Role
from gui.widgets.commands_dialog import CommandsDialog

SCRATCH = MirrorPresence("scratch", TWO_DAYS_AGO, NOW, True)
SLOW = MirrorPresence("nfs", None, error=ErrorInfo("remote", "nfs did not answer"))
COVERAGE = CoverageView(
    (CoverageRow("", 430), CoverageRow("hpc-base", 412, 2)),
    (SCRATCH, SLOW),
    ((CoverageCell(412, 16, 2), None), (CoverageCell(412, 0, 0), None)),
)


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[PackagesPage]:
    fill_packages(client, packages())
    client.answers[ViewCoverage] = COVERAGE
    page = PackagesPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1300, 800)
    page.show()
    qtbot.waitExposed(page)
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: task.done() and not page.loader.busy and len(page.model.facts.known_mirrors()) == 2)
    yield page
    page.leave()


def dialog_of(page: PackagesPage, kind: type[QDialog], qtbot: QtBot) -> QDialog:
    qtbot.waitUntil(lambda: any(each.isVisible() for each in page.findChildren(kind)))
    return next(each for each in page.findChildren(kind) if each.isVisible())


def close_all(page: PackagesPage, qtbot: QtBot) -> None:
    """Before Qt's own end of the test takes them away."""
    for dialog in page.findChildren(QDialog):
        dialog.reject()
    qtbot.waitUntil(lambda: not page.chores.tasks.busy)


def test_two_packages_are_compared_and_the_reason_stands_out(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    lines = (
        DifferenceLine((), "hash", "aaa", "bbb", is_cause=False),
        DifferenceLine(("openmpi", "ucx"), "variant cuda", "true", "false", is_cause=True),
    )
    client.answers[ComparePackages] = Comparison("l", "r", same_hash=False, first_reason="ucx: cuda", lines=lines)
    page.table.setFocus()
    page.table.select_row(1)
    qtbot.keyClick(page.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    commands.compare_packages.trigger()
    dialog = dialog_of(page, CompareDialog, qtbot)
    assert isinstance(dialog, CompareDialog)
    qtbot.waitUntil(lambda: dialog.reason.text() == "ucx: cuda")
    call = client.asked(ComparePackages)[0]
    assert (call.left, call.right) == (
        PackageRef(f"zlib/{hash_of('zlib', '1.9')}"),
        PackageRef(f"zlib/{hash_of('zlib', '1.10')}"),
    )
    assert dialog.table.currentIndex().row() == 1
    assert dialog.model.index(1, 0).data() == "openmpi › ucx"
    assert dialog.model.index(1, 0).data(Role.GROUND) == "accent_soft"
    assert dialog.model.index(0, 0).data(Role.GROUND) is None
    assert dialog.counts.text() == "1 field differs by itself. 1 field differs because of that."
    dialog.causes_box.click()
    assert dialog.model.rowCount() == 1
    close_all(page, qtbot)


def test_one_package_waits_for_the_other_side(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    page.table.select_row(0)
    commands.compare_packages.trigger()
    dialog = dialog_of(page, CompareDialog, qtbot)
    assert isinstance(dialog, CompareDialog)
    assert dialog.specs[1].hasFocus()
    client.answers[ComparePackages] = UsageError("hdf5 matches several packages", "a, b")
    qtbot.keyClicks(dialog.specs[1], "hdf5")
    dialog.places[1].setCurrentIndex(dialog.places[1].findData("scratch"))
    qtbot.keyClick(dialog.specs[1], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.empty.sentence == "hdf5 matches several packages")
    assert client.asked(ComparePackages)[0].right == PackageRef("hdf5", "scratch")
    close_all(page, qtbot)


def test_the_same_package_twice_is_no_difference(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ComparePackages] = Comparison("a", "a", same_hash=True, first_reason="", lines=())
    dialog = CompareDialog(client, INSTANCE.id, ("scratch",), (("/a", ""), ("/a", "scratch")), page)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.empty.sentence == words.SAME_HASH)
    dialog.reject()


def test_why_a_binary_was_not_used(page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot) -> None:
    candidates = (
        ReuseCandidate("scratch", "b" * 32, "hdf5@1.14.5/bbb", False, ("variant mpi: true here", "os"), ("old",)),
        ReuseCandidate("scratch", "c" * 32, "hdf5@1.12/ccc", None, ()),
    )
    no_index = MirrorPresence("public", NOW, None, has_index=False)
    client.answers[ExplainReuse] = ReuseView("hdf5", ("reuse is off",), candidates, (SCRATCH, SLOW, no_index))
    page.table.select_row(0)
    commands.why_not_used.trigger()
    dialog = dialog_of(page, ReuseDialog, qtbot)
    assert isinstance(dialog, ReuseDialog)
    qtbot.waitUntil(lambda: len(dialog.model.rows) == 2)
    assert client.asked(ExplainReuse) == [ExplainReuse(INSTANCE.id, hash_of("hdf5", "1.14.5"))]
    assert dialog.settings.text().splitlines() == [
        "reuse is off",
        "nfs: nfs did not answer",
        f"public: {words.NO_INDEX_THERE}",
    ]
    assert dialog.verdict.text().splitlines() == ["1. variant mpi: true here", "2. os", "old"]
    assert dialog.model.index(1, ReuseColumn.REASON).data() == words.NOT_TOLD
    client.answers[ComparePackages] = Comparison("a", "b", same_hash=False, first_reason="x", lines=())
    qtbot.mouseClick(dialog.compare_button, Qt.MouseButton.LeftButton)
    other = dialog_of(page, CompareDialog, qtbot)
    assert isinstance(other, CompareDialog)
    assert other.sides()[1] == PackageRef("b" * 32, "scratch")
    dialog.wanted.setText("zlib@1.9")
    dialog.look()
    qtbot.waitUntil(lambda: client.asked(ExplainReuse)[-1].wanted == "zlib@1.9")
    close_all(page, qtbot)


def test_no_binary_of_that_name_is_said_only_where_it_is_known(
    page: PackagesPage, client: FakeClient, qtbot: QtBot
) -> None:
    indexed = MirrorPresence("scratch", NOW, NOW, has_index=True)
    bare = MirrorPresence("public", NOW, None, has_index=False)
    dialog = ReuseDialog(client, INSTANCE.id, ("scratch",), ("", ""), page)
    dialog.open()
    for mirrors, sentence in (
        ((indexed, bare), words.NO_CANDIDATES),
        ((bare,), "Nothing of that name is there, and no mirror has an index."),
        ((indexed, SLOW), "No mirror that could be read has a binary of that name."),
        ((SLOW,), "No mirror could be read."),
        ((), words.NO_MIRRORS),
    ):
        client.answers[ExplainReuse] = ReuseView("llvm", (), (), mirrors)
        dialog.wanted.setText("llvm")
        dialog.look()
        qtbot.waitUntil(lambda wanted=sentence: dialog.empty.sentence == wanted)  # type: ignore[misc]
    dialog.reject()


def test_installed_against_a_mirror_pushes_what_is_missing(
    page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot
) -> None:
    remote = RemotePackage("r" * 32, "llvm", "19.1", "zen4", 12_000_000)
    client.answers[CompareInstalled] = InstalledVersusMirror(
        SCRATCH, ("a", "b"), ("c",), (remote,), ("d", "e", "f"), 61_000_000, 12_000_000
    )
    commands.compare_with_mirror.trigger()
    dialog = dialog_of(page, VersusDialog, qtbot)
    assert isinstance(dialog, VersusDialog)
    qtbot.waitUntil(dialog.push_button.isEnabled)
    counts = [dialog.facts[each].value.text() for each in (words.MISSING_THERE, words.MISSING_HERE, words.IN_BOTH)]
    assert counts == ["2", "1", "3"]
    assert dialog.sentence.text().startswith("As of 2 days ago. 61\u2009MB missing there, 12\u2009MB missing here")
    assert dialog.model.index(0, 0).data(Role.DETAIL) == ("19.1", "rrrrrrr")
    with qtbot.waitSignal(page.push_requested) as pushed:
        qtbot.mouseClick(dialog.push_button, Qt.MouseButton.LeftButton)
    assert pushed.args == [("a", "b"), "scratch"]


def test_a_mirror_never_read_is_read_for_the_comparison(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    nothing = InstalledVersusMirror(MirrorPresence("nfs", None), (), (), (), (), None, None)
    failed = InstalledVersusMirror(SLOW, (), (), (), (), None, None)
    client.answers[CompareInstalled] = lambda call: failed if call.refresh else nothing
    dialog = VersusDialog(client, INSTANCE.id, ("scratch", "nfs"), "nfs", page)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.empty.sentence == "nfs did not answer")
    assert not dialog.push_button.isEnabled()
    dialog.reject()


def test_coverage_is_a_matrix_whose_cells_push_the_difference(
    page: PackagesPage, client: FakeClient, qtbot: QtBot
) -> None:
    assert client.asked(ViewCoverage) == []
    client.answers[FindMissing] = MissingOn(("a", "b"), (), 410, NOW)
    page.views.setCurrentIndex(1)
    table, model = page.coverage.table, page.coverage.model
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    assert [model.index(0, column).data() for column in range(4)] == [
        "Everything explicit",
        "430",
        "412/430",
        "nfs did not answer",
    ]
    said = model.index(0, 2).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said.startswith("Everything explicit on scratch: 412 of 430, 16 missing, 2 not redistributable")
    assert model.index(1, 0).data(Role.DETAIL) == ("2 roots not installed",)
    assert page.sentence.text().startswith("1 environment and everything explicit, on 2 mirrors.")
    with qtbot.waitSignal(page.push_requested) as pushed:
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(model.index(0, 2)).center())
    assert pushed.args == [("a", "b"), "scratch"]
    table.setCurrentIndex(model.index(1, 2))
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert len(client.asked(FindMissing)) == 1  # nothing is missing there


def test_coverage_asks_mirrors_nothing_is_known_of(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    unread = CoverageView(COVERAGE.rows, (SCRATCH, MirrorPresence("nfs", None)), COVERAGE.cells)
    client.answers[ViewCoverage] = lambda call: COVERAGE if call.refresh else unread
    page.views.setCurrentIndex(1)
    qtbot.waitUntil(lambda: [call.refresh for call in client.asked(ViewCoverage)] == [False, True])
    qtbot.waitUntil(lambda: not page.coverage.reading)


def test_coverage_without_mirrors_or_answer_says_so(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ViewCoverage] = UsageError("Environments cannot be read", "no")
    page.views.setCurrentIndex(1)
    coverage = page.coverage
    assert isinstance(coverage, CoverageWidget)
    qtbot.waitUntil(lambda: coverage.empty.sentence == "Environments cannot be read")
    client.answers[ViewCoverage] = CoverageView((), (), ())
    page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: coverage.empty.sentence == words.COVERAGE_EMPTY)


def test_related_packages_are_selected(page: PackagesPage, commands: Actions, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListRelatives] = lambda call: (*call.hashes, hash_of("zlib", "1.9"), "not listed")
    page.table.select_row(0)
    commands.select_dependencies.trigger()
    qtbot.waitUntil(lambda: page.model.checked == 2)
    assert page.banner.title == "2 more packages selected."
    page.model.check_none()
    client.answers[FindMissing] = MissingOn((hash_of("zlib", "1.10"),), (), 3, NOW)
    menu = commands.select_missing_on.menu()
    assert isinstance(menu, QMenu)
    menu.aboutToShow.emit()
    menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: page.model.checked_hashes() == (hash_of("zlib", "1.10"),))
    assert page.target == "scratch"
    menu = commands.select_environment.menu()
    assert isinstance(menu, QMenu)
    menu.aboutToShow.emit()
    menu.actions()[0].trigger()
    assert page.model.checked == 3


def test_the_table_is_exported_as_it_is_shown(page: PackagesPage, tmp_path: Path, qtbot: QtBot) -> None:
    page.filter_line.setText("zlib")
    qtbot.waitUntil(lambda: page.model.found == 2)
    page.table.want_column(Column.VARIANTS, wanted=False)
    page.chores.export_to(tmp_path / "table.csv")
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert lines[0] == "package,version,compiler,target,size,installed,on_mirrors,note"
    assert [line.split(",")[1] for line in lines[1:]] == ["1.9", "1.10"]
    assert page.banner.title.startswith("2 rows written")
    page.chores.export_to(tmp_path / "nowhere" / "table.json")
    assert "Cannot write table.json" in page.banner.title


def test_spack_commands_are_shown_and_copied(page: PackagesPage, commands: Actions, qtbot: QtBot) -> None:
    page.table.select_row(0)
    commands.copy_package_command.trigger()
    assert QGuiApplication.clipboard().text() == f"spack find -ldv /{hash_of('hdf5', '1.14.5')}"
    commands.show_package_commands.trigger()
    dialog = dialog_of(page, CommandsDialog, qtbot)
    assert isinstance(dialog, CommandsDialog)
    assert dialog.lines[0].text.text() == "spack find -lv"
    qtbot.mouseClick(dialog.lines[1].copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "spack find -ldv /hdf5114"
    close_all(page, qtbot)


def test_leaving_closes_dialogs(client: FakeClient, commands: Actions, qtbot: QtBot) -> None:
    fill_packages(client, packages())
    page = PackagesPage(client, commands)
    qtbot.addWidget(page)
    page.show()
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: task.done() and not page.loader.busy)
    page.table.select_row(0)
    commands.show_package_commands.trigger()
    dialog = dialog_of(page, CommandsDialog, qtbot)
    assert isinstance(dialog, CommandsDialog)
    page.leave()
    qtbot.waitUntil(lambda: not page.chores.tasks.busy)
    assert not any(each.isVisible() for each in page.findChildren(CommandsDialog))
