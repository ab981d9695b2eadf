# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot
from samples import package, packages

from core.spack.versions import version_key
from gui.packages.model import PackagesModel
from gui.packages.rows import Column, Narrowing, PackageList, Show, compiler_text, sort_text
from gui.widgets.cell import Role

ROLE = Qt.ItemDataRole
DOWN = Qt.SortOrder.DescendingOrder


@pytest.fixture
def model(themed: QApplication) -> PackagesModel:
    model = PackagesModel()
    model.append(packages())
    model.settle()
    return model


def find(model: PackagesModel, text: str, show: Show = Show.INSTALLED) -> None:
    model.narrow(Narrowing(show, tuple(text.lower().split())))


def names(model: PackagesModel) -> list[str]:
    return [f"{model.row_at(row).name}@{model.row_at(row).version}" for row in range(model.rowCount())]


def cell(model: PackagesModel, row: int, column: Column, role: int = ROLE.DisplayRole) -> object:
    return model.data(model.index(row, column), role)


def test_words_meet_hashes_only_at_their_beginning(model: PackagesModel) -> None:
    find(model, "hdf5114")
    assert names(model) == ["hdf5@1.14.5"]
    find(model, "11450")
    assert names(model) == []


def test_the_model_keeps_qts_rules(model: PackagesModel, qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(model)


def test_an_empty_model_keeps_them_too(themed: QApplication, qtmodeltester: ModelTester) -> None:
    empty = PackagesModel()
    qtmodeltester.check(empty)
    find(empty, "x")
    empty.sort(Column.VERSION)
    assert empty.rowCount() == 0


def test_rows_say_what_they_are(model: PackagesModel) -> None:
    assert names(model) == ["hdf5@1.14.5", "zlib@1.9", "zlib@1.10"]
    assert cell(model, 0, Column.PACKAGE) == "hdf5"
    assert cell(model, 0, Column.PACKAGE, Role.DETAIL) == ("hdf5114",)
    assert cell(model, 0, Column.COMPILER) == "gcc@13.3.0"
    assert cell(model, 0, Column.COMPILER, ROLE.ToolTipRole) == "c,cxx=gcc@13.3.0"
    assert cell(model, 0, Column.TARGET) == "zen4"
    assert cell(model, 0, Column.INSTALLED, ROLE.ToolTipRole) == "2023-11-14 22:13"
    assert cell(model, 0, Column.NOTE) == "Dependency"
    assert cell(model, 1, Column.NOTE) == "Explicit"
    assert cell(model, 1, Column.PACKAGE, ROLE.AccessibleTextRole) == "zlib 1.9, zlib190, gcc@13.3.0, zen4, explicit"


def test_dates_beyond_32_bits_are_understood(themed: QApplication) -> None:
    model = PackagesModel()
    model.append([package("future", installed_at=float(2**33)), package("never", installed_at=0.0)])
    assert cell(model, 0, Column.INSTALLED) == "just now"
    assert str(cell(model, 0, Column.INSTALLED, ROLE.ToolTipRole)).startswith("2242")
    assert cell(model, 1, Column.INSTALLED) == "–"


def test_versions_sort_as_versions(model: PackagesModel) -> None:
    find(model, "zlib")
    model.sort(Column.VERSION, DOWN)
    assert names(model) == ["zlib@1.10", "zlib@1.9"]
    model.sort(Column.VERSION)
    assert names(model) == ["zlib@1.9", "zlib@1.10"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["hdf5@1.14.5", "zlib@1.9", "zlib@1.10"]),
        ("ZLIB", ["zlib@1.9", "zlib@1.10"]),
        ("zlib@1.1", ["zlib@1.10"]),
        ("%gcc@13 zlib 1.9", ["zlib@1.9"]),
        ("/hdf5114", ["hdf5@1.14.5"]),
        ("+shared hdf", ["hdf5@1.14.5"]),
        ("linux-debian12-zen4 1.10", ["zlib@1.10"]),
        ("nothing", []),
    ],
)
def test_all_words_must_match(model: PackagesModel, text: str, found: list[str]) -> None:
    find(model, text)
    assert names(model) == found


def test_typing_and_deleting_gives_the_same_as_starting_over(model: PackagesModel) -> None:
    for text in ("z", "zl", "zlib", "zlib 1.1", "zlib 1.", "zli 9", "", "1.1"):
        find(model, text)
        fresh = PackagesModel()
        fresh.append(packages())
        fresh.settle()
        find(fresh, text)
        assert names(model) == names(fresh), text


def test_show_decides_which_records_are_listed(model: PackagesModel) -> None:
    find(model, "", Show.EXPLICIT)
    assert names(model) == ["zlib@1.9", "zlib@1.10"]
    find(model, "", Show.ALL)
    assert names(model) == ["cuda@12.6", "gone@3.0", "hdf5@1.14.5", "zlib@1.9", "zlib@1.10"]
    assert model.found == model.total == 5


def test_what_cannot_be_pushed_cannot_be_checked_and_says_why(model: PackagesModel) -> None:
    find(model, "", Show.ALL)
    index = model.index(0, Column.CHECK)
    assert not model.flags(index) & Qt.ItemFlag.ItemIsUserCheckable
    assert "never pushed" in str(model.data(index, ROLE.ToolTipRole))
    assert not model.setData(index, Qt.CheckState.Checked, ROLE.CheckStateRole)
    model.toggle([0, 1])
    assert model.checked == 0
    model.check_shown()
    assert model.checked == 3
    assert cell(model, 0, Column.PACKAGE, Role.TONE) == "faint"


def test_check_marks_survive_filter_sort_and_refresh(model: PackagesModel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(model.checked_changed):
        assert model.setData(model.index(0, Column.CHECK), Qt.CheckState.Checked, ROLE.CheckStateRole)
    chosen = model.checked_hashes()
    find(model, "zlib")
    assert model.checked_hidden() == 1
    model.sort(Column.VERSION, DOWN)
    again = PackageList()
    again.extend(packages())
    model.replace(again)
    assert model.checked_hashes() == chosen
    fewer = PackageList()
    fewer.extend(packages()[:2])
    model.replace(fewer)
    assert model.checked == 0


def test_toggling_a_mixed_selection_checks_all_first(model: PackagesModel) -> None:
    model.toggle([0])
    model.toggle([0, 1])
    assert model.checked == 2
    model.toggle([0, 1])
    assert model.checked == 0


def test_compilers_are_told_once() -> None:
    assert compiler_text("c,cxx=gcc@13.3.0 fortran=gcc@13.3.0") == "gcc@13.3.0"
    assert compiler_text("c,cxx=llvm@19.1 fortran=gcc@13.3.0") == "llvm@19.1, gcc@13.3.0"
    assert compiler_text("") == ""


def test_many_rows_are_filtered_without_losing_any(themed: QApplication) -> None:
    model = PackagesModel()
    model.append([package(f"p{number % 100}", f"1.{number}") for number in range(5000)])
    model.settle()
    find(model, "p77@")
    assert model.rowCount() == 50
    assert cell(model, 0, Column.VERSION) == "1.77"
    assert cell(model, 49, Column.VERSION) == "1.4977"


def test_the_usual_build_system_is_not_shown_but_told_and_found(themed: QApplication) -> None:
    model = PackagesModel()
    model.append(
        [package("zlib", variants="~pic+shared build_system=generic"), package("x", variants="build_system=cmake")]
    )
    model.settle()
    zlib, x = 1, 0
    assert cell(model, zlib, Column.VARIANTS) == "~pic+shared"
    assert cell(model, x, Column.VARIANTS) == "build_system=cmake"
    for role in (ROLE.ToolTipRole, ROLE.AccessibleTextRole):
        assert cell(model, zlib, Column.VARIANTS, role) == "~pic+shared build_system=generic"
    find(model, "build_system=generic")
    assert names(model) == ["zlib@1.0"]


VERSIONS = (
    "develop",
    "main",
    "1.10",
    "1.9",
    "1.9rc1",
    "1.9beta",
    "1.02",
    "1.2",
    "2024-01",
    "git.abc=1.9",
    "git.abc",
    "!",
    "",
)


@pytest.mark.parametrize("first", VERSIONS)
@pytest.mark.parametrize("second", VERSIONS)
def test_sort_texts_sort_as_version_keys_do(first: str, second: str) -> None:
    keys = version_key(first), version_key(second)
    texts = sort_text(keys[0]), sort_text(keys[1])
    assert (texts[0] < texts[1]) == (keys[0] < keys[1])
    assert (texts[0] == texts[1]) == (keys[0] == keys[1])


def test_sort_texts_of_long_numbers() -> None:
    numbers = [-1, 0, 9, 10, 99, 100, 20240131, 10**40, 10**900]
    assert sorted(numbers, key=sort_text) == numbers


def test_equal_names_sort_by_version_then_hash(themed: QApplication) -> None:
    model = PackagesModel()
    model.append(
        [package("b", "1.10"), package("b", "1.9", number=2), package("ab", "3"), package("b", "1.9", number=1)]
    )
    model.settle()
    found = [(model.row_at(row).name, model.row_at(row).version, model.row_at(row).hash[:4]) for row in range(4)]
    assert found == [("ab", "3", "ab30"), ("b", "1.9", "b191"), ("b", "1.9", "b192"), ("b", "1.10", "b110")]
