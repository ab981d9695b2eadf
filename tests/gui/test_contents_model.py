# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import msgspec
import pytest
from contents_samples import entry, other, rows, without_facts
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from core.caches.browsing import EntryKind
from gui import messages
from gui.contents import words
from gui.contents.model import ContentsModel
from gui.contents.rows import Column, Group
from gui.contents.selection import selecting
from gui.packages.slices import finish
from gui.widgets.cell import Role

SPOKEN = Qt.ItemDataRole.AccessibleTextRole


@pytest.fixture
def model(themed: QApplication) -> ContentsModel:
    model = ContentsModel()
    model.apply(rows())
    return model


def titles(model: ContentsModel) -> list[str]:
    return [str(model.index(row, Column.NAME).data()) for row in range(model.rowCount())]


def texts(model: ContentsModel, row: int) -> list[object]:
    return [model.index(row, column).data() for column in Column]


def test_the_model_keeps_qts_rules(themed: QApplication, qtmodeltester: ModelTester) -> None:
    model = ContentsModel()
    qtmodeltester.check(model)
    model.apply(rows())
    model.set_open(0, wanted=True)
    model.set_all_open(wanted=True)
    model.set_filter("zlib")
    model.set_open(0, wanted=False)
    model.apply([entry("abc")])
    model.retain({row.key for row in rows()})
    qtmodeltester.check(model)


def test_packages_come_by_name_then_the_sections(model: ContentsModel) -> None:
    assert titles(model) == ["openmpi", "zlib", "Other images", "Index and keys"]
    assert model.index(1, Column.NAME).data(Role.DETAIL) == ("(3)",)
    assert model.index(1, Column.NAME).data(SPOKEN) == "zlib, 3 entries, 6\u2009kB, closed"


def test_versions_are_ordered_as_versions_newest_first(model: ContentsModel) -> None:
    model.set_open(1, wanted=True)
    assert titles(model) == ["openmpi", "zlib", "1.10", "1.9", "1.2", "Other images", "Index and keys"]
    model.sort(Column.NAME, Qt.SortOrder.DescendingOrder)
    assert titles(model) == ["zlib", "1.2", "1.9", "1.10", "openmpi", "Other images", "Index and keys"]


def test_other_columns_sort_groups_and_entries(model: ContentsModel) -> None:
    model.set_all_open(wanted=True)
    model.sort(Column.SIZE, Qt.SortOrder.DescendingOrder)
    assert titles(model)[:6] == ["openmpi", "5.0.6", "zlib", "1.10", "1.9", "1.2"]
    model.sort(Column.SIZE, Qt.SortOrder.AscendingOrder)
    assert titles(model)[:6] == ["zlib", "1.2", "1.9", "1.10", "openmpi", "5.0.6"]
    model.sort(Column.INSTALLED, Qt.SortOrder.DescendingOrder)
    assert titles(model)[:2] == ["zlib", "1.10"]
    for column in Column:
        model.sort(column)


def test_entries_say_what_they_are(model: ContentsModel) -> None:
    model.signatures = False
    model.set_open(1, wanted=True)
    installed, _, unindexed = 2, 3, 4
    assert texts(model, installed)[1:4] == ["zlib110", "zen4", "3\u2009kB"]
    assert texts(model, installed)[5:] == ["not available", "yes"]
    assert model.index(unindexed, Column.NAME).data(Role.DETAIL) == ("not in the index",)
    spoken = str(model.index(unindexed, Column.NAME).data(SPOKEN))
    assert spoken.startswith("zlib 1.2, zlib120, zen4, signatures not available, not in the index, 1\u2009kB, pushed ")
    assert model.index(unindexed, Column.SIGNED).data(Qt.ItemDataRole.ToolTipRole) == messages.NOT_SIGNED_TIP


def test_signatures_where_there_are_any(themed: QApplication) -> None:
    model = ContentsModel()
    model.apply([entry("a", signed=True), entry("a", "2", signed=False), entry("a", "3")])
    model.set_open(0, wanted=True)
    assert [texts(model, row)[Column.SIGNED] for row in range(1, 4)] == ["–", "no", "yes"]
    looks = [model.index(row, Column.SIGNED).data(Role.LOOK) for row in range(1, 4)]
    assert [look and look.icon for look in looks] == [None, "circle", "check"]


def test_problems_have_a_shape_and_words(model: ContentsModel) -> None:
    model.set_open(0, wanted=True)
    cell = model.index(1, Column.NAME)
    assert cell.data(Role.LOOK).icon == "triangle"
    assert cell.data(Role.DETAIL) == ("Incomplete image: 2 layers missing",)
    assert "Incomplete image" in cell.data(SPOKEN)


def test_sizes_and_dates_come_later_and_nothing_moves(model: ContentsModel, themed: QApplication) -> None:
    model = ContentsModel()
    model.set_state(reading=True, stale=False)
    model.apply(without_facts(rows()))
    model.set_open(1, wanted=True)
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    assert texts(model, 2)[3:5] == ["…", "…"]
    model.apply(rows())
    assert texts(model, 2)[3] == "3\u2009kB"
    assert texts(model, 1)[3] == "6\u2009kB"
    assert resets == []
    model.set_state(reading=False, stale=False)
    assert texts(model, model.rowCount() - 1)[4] == "–"


def test_a_better_name_moves_an_entry(model: ContentsModel) -> None:
    row = entry("py-numpy-2", "1")
    model.apply([row])
    assert "py-numpy-2" in titles(model)
    model.apply([msgspec.structs.replace(row, name="py-numpy", version="2-1")])
    assert "py-numpy" in titles(model)
    assert "py-numpy-2" not in titles(model)
    assert model.contents.packages == 5


def test_what_is_gone_goes(model: ContentsModel) -> None:
    before = model.contents.stored_bytes
    kept = {row.key for row in rows() if row.name != "openmpi"}
    model.retain(kept)
    assert titles(model) == ["zlib", "Other images", "Index and keys"]
    assert model.contents.stored_bytes == before - 200_000_000
    assert model.contents.packages == 3


def test_a_filter_opens_what_it_finds_and_counts(model: ContentsModel) -> None:
    model.set_filter("zlib 1.1")
    assert titles(model) == ["zlib", "1.10"]
    assert model.index(0, Column.NAME).data(Role.DETAIL) == ("(1 of 3)",)
    assert texts(model, 0)[3] == "3\u2009kB"
    model.set_open(0, wanted=False)
    assert titles(model) == ["zlib"]
    model.set_filter("")
    assert titles(model) == ["openmpi", "zlib", "Other images", "Index and keys"]
    assert texts(model, 1)[3] == "6\u2009kB"
    model.set_filter("my-env")
    assert titles(model) == ["Other images", "my-env"]
    model.set_filter("/zlib110")
    assert titles(model) == ["zlib", "1.10"]


def test_rows_that_arrive_while_a_filter_is_on(model: ContentsModel) -> None:
    model.set_filter("zlib")
    model.apply([entry("hdf5"), entry("zlib", "2.0")])
    assert titles(model)[:2] == ["zlib", "2.0"]
    model.set_filter("")
    assert "hdf5" in titles(model)


def test_a_group_stands_for_its_entries(model: ContentsModel) -> None:
    model.set_open(1, wanted=True)
    assert len(finish(selecting(model.contents, model.lines([(1, 1)])))) == 3
    assert len(finish(selecting(model.contents, model.lines([(1, 3)])))) == 3
    assert model.entry_at(1) is None
    assert model.group_row(4) == 1
    assert model.find([model.line_id(3)]) == [3]


def test_the_same_blob_counts_once(themed: QApplication) -> None:
    model = ContentsModel()
    twice = msgspec.structs.replace(entry("zlib", "1.9"), key="zlib-1.9-again.spack")
    model.apply([entry("zlib", "1.9", size=700), msgspec.structs.replace(twice, stored_bytes=700)])
    assert model.contents.stored_bytes == 700
    assert texts(model, 0)[3] == "700\u2009B"
    model.apply([other("big", EntryKind.IMAGE, 10**9)])
    assert model.contents.stored_bytes == 700, "layers of images belong to packages"


def test_old_rows_are_faint(model: ContentsModel) -> None:
    assert model.index(0, Column.NAME).data(Role.TONE) == "text"
    model.set_state(reading=False, stale=True)
    assert {model.index(0, column).data(Role.TONE) for column in Column} == {"faint"}


def test_names_without_a_meaning(themed: QApplication) -> None:
    model = ContentsModel()
    key = "v3/manifests/key/A721F1AE8B12BCA30AACF1F345CB9C6C81CA8CE8.key.manifest.json"
    model.apply(
        [
            other(key, EntryKind.KEY),
            other("v3/manifests/key/keys.manifest.json", EntryKind.KEY),
            other("v3/manifests/index/index.manifest.json", EntryKind.INDEX),
            other("blobs/sha256/ff/" + "f" * 64, EntryKind.UNTAGGED),
            msgspec.structs.replace(entry("x"), key="odd.spack", name="", version="", hash=""),
        ]
    )
    model.set_all_open(wanted=True)
    assert titles(model) == [
        words.UNREADABLE_NAMES, "odd.spack", "Index and keys", "Index",
        "Key A721F1AE8B12BCA30AACF1F345CB9C6C81CA8CE8", "List of keys", "Untagged", "sha256:ffffffffffff",
    ]  # fmt: skip


def test_foreign_names_cannot_hide_anything(themed: QApplication) -> None:
    model = ContentsModel()
    model.apply([entry("a\u202eb", "1\n2")])
    model.set_open(0, wanted=True)
    assert titles(model) == ["a\\u202eb", "1\\n2"]


def test_with_very_many_entries_lines_change_in_steps(qtbot: QtBot, themed: QApplication) -> None:
    many = [entry(f"package{number % 300}", f"{number % 17}.{number % 5}", number=number) for number in range(30_000)]
    model = ContentsModel()

    def settled() -> bool:
        return not model.busy

    for start in range(0, len(many), 1000):  # as they come: faster than they are arranged
        model.apply(many[start : start + 1000])
    qtbot.waitUntil(settled)
    assert model.rowCount() == 300
    model.set_all_open(wanted=True)
    assert model.rowCount() == 300, "what was shown stays until the new lines are complete"
    qtbot.waitUntil(settled)
    assert model.rowCount() == 30_300
    model.sort(Column.SIZE, Qt.SortOrder.DescendingOrder)
    model.apply([entry("package7", "99.1", number=70_000)])
    qtbot.waitUntil(settled)
    assert model.rowCount() == 30_301, "what came in between is there"
    sizes = [model.contents.sums(group).stored_bytes or 0 for group in groups(model)]
    assert sizes == sorted(sizes, reverse=True)
    assert titles(model)[1:5] != titles(model)[5:9]
    model.sort(Column.NAME)
    qtbot.waitUntil(settled)
    at = titles(model).index("package7")
    assert titles(model)[at + 1] == "99.1"
    versions = [title.split(".") for title in titles(model)[at + 1 : at + 102]]
    assert versions == sorted(versions, key=lambda parts: [int(part) for part in parts], reverse=True)


def test_a_group_opens_and_closes_while_lines_are_arranged(qtbot: QtBot, themed: QApplication) -> None:
    model = ContentsModel()
    model.apply([entry(f"package{number % 60:02}", f"{number}.0", number=number) for number in range(6000)])
    qtbot.waitUntil(lambda: not model.busy)
    model.sort(Column.NAME, Qt.SortOrder.DescendingOrder)
    assert model.busy
    model.set_open(1, wanted=True)
    assert model.rowCount() == 160
    qtbot.waitUntil(lambda: not model.busy)
    assert model.rowCount() == 160
    assert titles(model)[0] == "package59"
    model.set_all_open(wanted=True)
    model.set_open(0, wanted=False)  # its entries are not even shown yet
    qtbot.waitUntil(lambda: not model.busy)
    assert model.rowCount() == 60 + 59 * 100
    model.set_filter("package5")
    assert model.busy
    model.retain({row.key for row in model.contents.rows.values() if row.name == "package51"})
    assert "package59" not in titles(model), "nothing is shown that is gone"
    qtbot.waitUntil(lambda: not model.busy)
    assert titles(model)[0] == "package51"
    assert model.rowCount() in (1, 101)
    model.clear()
    assert model.rowCount() == 0


def test_what_is_selected_counts_each_entry_once(model: ContentsModel) -> None:
    model.set_all_open(wanted=True)
    found = finish(selecting(model.contents, model.lines([(0, model.rowCount() - 1)])))
    assert len(found) == len(model.contents.rows) == len(list(found))
    assert found.stored_bytes == model.contents.size_of(model.contents.rows)
    model.retain({next(iter(model.contents.rows))})
    assert len(list(found)) == 1, "what is gone is nobody's selection"


def groups(model: ContentsModel) -> list[Group]:
    return [model.lines([(row, row)])[0][0] for row in range(model.rowCount()) if model.is_group(row)]
