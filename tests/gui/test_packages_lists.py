# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The parts of the Packages page that need no window: slices, completion, files, commands, layouts."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest
from samples import package, packages

from core.services.package_values import EnvironmentRow, MirrorPresence, SizeRow
from gui.packages import slices
from gui.packages.completion import complete, is_eager, is_spec
from gui.packages.export import as_csv, as_json
from gui.packages.facts import Facts
from gui.packages.filter_bar import FilterChoice
from gui.packages.grouping import Group, grouped
from gui.packages.rows import Column, Narrowing, PackageList, Show
from gui.packages.spack_commands import command_lines
from gui.widgets.layered import Box, lay_out


def listed() -> PackageList:
    result = PackageList()
    result.extend(packages())
    result.extend([package("hdf5", "1.12.2", variants="~cuda+mpi api=v110", compilers="c=llvm@19.1")])
    return result


@pytest.mark.parametrize("descending", [False, True])
def test_sorting_in_slices_is_sorting(descending: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 7)
    chance = random.Random(5)
    for count in range(60):
        keys = [chance.randrange(9) for _ in range(count)]
        positions = chance.sample(range(count), count)
        found = slices.finish(slices.sorting(positions, keys, descending=descending))
        assert found == sorted(positions, key=keys.__getitem__, reverse=descending)


def test_no_step_of_sorting_takes_more_than_two_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 50)
    keys = [(number * 7919) % 1000 for number in range(1000)]
    steps = sum(1 for _ in slices.sorting(range(1000), keys, descending=False))
    assert steps >= 20 + 4 * 10  # runs, then at least half as many pieces on every level of merging


def test_removed_packages_are_gone_everywhere() -> None:
    rows = listed()
    gone = rows.hashes[0]
    assert rows.remove([gone, "unknown"]) == {0}
    assert (len(rows), rows.installed) == (5, 3)
    order = slices.finish(rows.ordering(Column.PACKAGE, Facts(), descending=False))
    assert 0 not in order
    assert len(order) == 5
    assert complete(rows, "zlib@")[1] == ["1.10"]


def test_missing_and_environment_narrow_by_hash() -> None:
    rows, facts = listed(), Facts()
    some = frozenset(rows.hashes[:2])
    wanted = Narrowing(Show.ALL, (), (some,), (frozenset(rows.hashes[:1]),))
    assert slices.finish(rows.narrowing(range(6), wanted, facts)) == [1]
    assert not wanted.narrows(Narrowing(Show.ALL))
    assert rows.put_first([0, 1, 2], {rows.hashes[2]}) == [2, 0, 1]


def test_new_upstream_and_implicit_are_lists_of_their_own() -> None:
    rows, facts = listed(), Facts()
    facts.new = frozenset(rows.hashes[1:2])
    for show, found in ((Show.NEW, [1]), (Show.UPSTREAM, []), (Show.IMPLICIT, [2]), (Show.EXTERNAL, [3])):
        assert slices.finish(rows.narrowing(range(6), Narrowing(show), facts)) == found, show


def test_groups_have_headings_and_environments_repeat_packages() -> None:
    rows, facts = listed(), Facts()
    facts.set_environments([EnvironmentRow(name, "", (), (rows.hashes[2],)) for name in ("b", "a")])
    found = slices.finish(grouped(rows, [2, 0], Group.ENVIRONMENT, facts))
    assert found.sections == (("a", 1), ("b", 1), ("In no environment", 1))
    assert found.lines == [~0, 2, ~1, 2, ~2, 0]
    compilers = slices.finish(grouped(rows, [5, 0], Group.COMPILER, facts))
    assert compilers.sections == (("gcc@13.3.0", 1), ("llvm@19.1", 1))


@pytest.mark.parametrize(
    ("text", "spec"),
    [("zlib 1.10", False), ("zlib@1.1", True), ("+mpi", True), ("~mpi", True), ("hdf5 -mpi", True), ("py-numpy", False),
     ("target=zen4", True), ("/abc", True), ("", False)],
)  # fmt: skip
def test_specs_are_told_from_words(text: str, spec: bool) -> None:
    assert is_spec(text) is spec


@pytest.mark.parametrize(
    ("before", "start", "offers"),
    [
        ("hd", 0, ["hdf5"]),
        ("zlib@", 5, ["1.10", "1.9"]),
        ("zlib@1.1", 5, ["1.10"]),
        ("zlib@=", 5, ["=1.10", "=1.9"]),
        ("hdf5@1.12+", 10, ["cuda", "mpi", "shared"]),
        ("hdf5~c", 5, ["cuda"]),
        ("hdf5+mpi api=", 9, ["api=v110"]),
        ("hdf5 target=", 5, ["target=zen4"]),
        ("hdf5%", 5, ["gcc@13.3.0", "llvm@19.1"]),
        ("hdf5^z", 5, ["zlib"]),
        ("+m", 1, ["mpi"]),
        ("nothing@", 8, []),
    ],
)
def test_completion_comes_from_the_packages(before: str, start: int, offers: list[str]) -> None:
    rows = PackageList()
    rows.extend([row for row in listed().rows if row.name in ("hdf5", "zlib")])
    assert complete(rows, before) == (start, offers)


def test_offers_appear_by_themselves_behind_sigils_only() -> None:
    assert [text for text in ("hd", "hdf5@", "hdf5@1", "hdf5+", "hdf5 ", "hdf5 api=") if is_eager(text)] == [
        "hdf5@", "hdf5@1", "hdf5+", "hdf5 api=",
    ]  # fmt: skip


def test_export_has_what_is_shown_and_no_formulas() -> None:
    facts = Facts()
    rows = [package("zlib", "1.9", variants="=cmd"), package("new", "2", variants="+pic", explicit=False)]
    facts.add_sizes([SizeRow(rows[0].hash, 1200)])
    facts.set_mirrors(["scratch"])
    facts.add_presence(MirrorPresence("scratch", 1.0, hashes=(rows[0].hash,)))
    columns = (Column.PACKAGE, Column.VARIANTS, Column.SIZE, Column.MIRRORS, Column.EXPLICIT)
    table = list(csv.reader(io.StringIO(as_csv(rows, columns, facts))))
    assert table[0] == ["package", "variants", "size", "on_mirrors", "explicit"]
    assert table[1] == ["zlib", "'=cmd", "1200", "scratch", "True"]
    objects = json.loads(as_json(rows, columns, facts))
    assert objects[1] == {
        "package": "new", "variants": "+pic", "size": None, "on_mirrors": "", "explicit": False, "hash": rows[1].hash,
    }  # fmt: skip


def test_commands_say_the_same_in_spack() -> None:
    choice = FilterChoice("hdf5+mpi", Show.EXPLICIT, "hpc-base", "scratch")
    lines = command_lines(choice, [package("hdf5", "1.14.5")], "scratch")
    assert [line.text for line in lines] == [
        "spack -e hpc-base find -lv --explicit hdf5+mpi",
        "spack find -ldv /hdf5114",
        "spack find --format '{prefix}' /hdf5114",
        "spack -e hpc-base buildcache check -m scratch /hdf5114",
        "spack buildcache push --update-index scratch /hdf5114",
    ]
    assert command_lines(FilterChoice('x="'), [], "")[0].text == "spack find -lv"


def test_a_layout_keeps_levels_and_distances() -> None:
    boxes = [Box("a", 0, 80), Box("b", 1, 60), Box("c", 1, 100), Box("d", 3, 40)]
    found = lay_out(boxes, [("a", "b"), ("a", "c"), ("a", "d"), ("b", "d")], row_height=50, gap=10)
    assert [found.places[key][1] for key in "abcd"] == [25, 75, 75, 175]
    (b, _), (c, _) = found.places["b"], found.places["c"]
    assert abs(b - c) >= 60 / 2 + 100 / 2 + 10 - 1e-9
    assert len(found.lines["a", "d"]) == 4  # a bend on each of the two rows in between
    assert all(0 <= x <= found.width for x, _ in found.places.values())
    assert lay_out([], [], row_height=50, gap=10).width == 0


def test_a_layout_untangles_what_can_be_untangled() -> None:
    boxes = [Box(f"{side}{number}", level, 40) for level, side in enumerate("ul") for number in range(6)]
    edges = [(f"u{number}", f"l{5 - number}") for number in range(6)]
    found = lay_out(boxes, edges, row_height=50, gap=10)
    upper = sorted(range(6), key=lambda number: found.places[f"u{number}"][0])
    lower = sorted(range(6), key=lambda number: found.places[f"l{5 - number}"][0])
    assert upper == lower
