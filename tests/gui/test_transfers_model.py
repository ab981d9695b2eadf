# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The rows of the Transfers table: order, exact changes, texts, ten thousand of them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import transfer_samples as samples
from PySide6.QtCore import QPersistentModelIndex, Qt
from pytestqt.modeltest import ModelTester

from core.transfers.model import ItemState, PushStatus, QueueSnapshot, Totals, TransferRow
from gui.transfers import words
from gui.transfers.model import TransfersModel
from gui.transfers.rows import Column, StateFilter
from gui.widgets.cell import Role

DISPLAY = Qt.ItemDataRole.DisplayRole
SPOKEN = Qt.ItemDataRole.AccessibleTextRole

DONE = samples.row("a", state=ItemState.DONE, stored=38_000_000, seconds=30)


@pytest.fixture
def model(qapp: object) -> TransfersModel:
    return TransfersModel()


def names(model: TransfersModel) -> list[str]:
    """What is shown; headings as `# push`."""
    shown = []
    for number in range(model.rowCount()):
        row, push = model.row_at(number), model.push_at(number)
        shown.append(f"# {push.id}" if push is not None else row.name or "index" if row is not None else "")
    return shown


def text(model: TransfersModel, number: int, column: Column, role: int = DISPLAY) -> object:
    return model.data(model.index(number, column), role)


def test_behaves_as_qt_expects(model: TransfersModel, qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(model)
    model.apply(samples.running())
    model.apply(samples.ended())
    qtmodeltester.check(model)
    model.apply(QueueSnapshot((), (), samples.totals([]), paused=False))
    assert model.rowCount() == 0


def test_newest_push_comes_first_and_what_failed_floats_in_its_push(model: TransfersModel) -> None:
    rows = [
        samples.row("there", state=ItemState.PRESENT),
        samples.row("done", state=ItemState.DONE),
        samples.row("waits"),
        samples.row("moves", state=ItemState.PACKING),
        samples.row("stopped", state=ItemState.CANCELLED),
        samples.row("failed", state=ItemState.FAILED),
        samples.row("newer-done", state=ItemState.DONE, push="p2"),
        samples.row("newer-failed", state=ItemState.FAILED, push="p2"),
    ]
    model.apply(samples.snapshot(rows))
    assert names(model) == [
        "# p2", "newer-failed", "newer-done", "# p1", "failed", "moves", "waits", "stopped", "done", "there",
    ]  # fmt: skip


def test_a_row_that_fails_goes_up_and_stays_selected(model: TransfersModel) -> None:
    rows = [samples.row(name) for name in ("a", "b", "c")]
    whole = samples.snapshot(rows)
    model.apply(whole)
    held = QPersistentModelIndex(model.index(2, 0))
    model.apply(replace(whole, rows=(replace(rows[2], state=ItemState.FAILED),)))
    assert names(model) == ["c", "a", "b"]
    assert held.row() == 0
    assert model.number_of(rows[1].id) == 2


def test_only_the_cells_that_look_different_are_announced(model: TransfersModel) -> None:
    row = samples.row("big", state=ItemState.PACKING, done=0, total=50_000_000_000)
    whole = samples.snapshot([row, samples.row("other")])
    model.apply(whole)
    told: list[tuple[int, int, int]] = []
    model.dataChanged.connect(lambda top, last, _roles: told.append((top.row(), top.column(), last.column())))
    model.apply(replace(whole, rows=(row,)))
    assert told == []
    model.apply(replace(whole, rows=(replace(row, done_bytes=6_000_000_000),)))
    assert told == [(0, Column.PROGRESS, Column.PROGRESS)]
    told.clear()
    model.apply(replace(whole, rows=(replace(row, done_bytes=6_000_000_000, rate_bps=5e9, left_s=9.0),)))
    assert told == [(0, Column.RATE, Column.LEFT)]


def test_bytes_above_four_gib_keep_their_value(model: TransfersModel) -> None:
    model.apply(samples.snapshot([samples.row("big", state=ItemState.PACKING, done=3 * 2**40, total=4 * 2**40)]))
    assert text(model, 0, Column.PROGRESS, Role.PROGRESS) == pytest.approx(0.75)
    assert text(model, 0, Column.PROGRESS, Role.SORT) == 3 * 2**40
    assert str(text(model, 0, Column.PROGRESS)).startswith("75")


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [
        (samples.row("a", state=ItemState.PACKING), Column.RATE, "–"),
        (samples.row("a", state=ItemState.PACKING), Column.LEFT, "–"),
        (samples.row("a", state=ItemState.PACKING, rate=31e6), Column.RATE, "31 MB/s"),
        (samples.row("a", state=ItemState.PACKING, left=120), Column.LEFT, "2 min"),
        (samples.row("a", state=ItemState.DONE), Column.RATE, ""),
        (samples.row("a", state=ItemState.DONE, stored=38_000_000, seconds=30), Column.PROGRESS, "38 MB in 30 s"),
        (samples.row("a", state=ItemState.FAILED, error=samples.NO_SPACE), Column.PROGRESS, "No space left on device"),
        (samples.row("a", total=None), Column.PROGRESS, ""),
        (samples.row("a", state=ItemState.DONE, stored=7_000, seconds=0.01), Column.PROGRESS, "7 kB"),
        (samples.row("a", mirror="file:///data/my%20cache"), Column.TO, "/data/my cache"),
        (samples.row("a", attempt=3), Column.TRY, "3"),
        (samples.row("evil\u202etxt"), Column.PACKAGE, "evil\\u202etxt"),
        (samples.row("a", state=ItemState.UPLOADED), Column.PROGRESS, "Waits for the packages it depends on"),
        (replace(DONE, blob="uploaded"), Column.PROGRESS, "38 MB in 30 s"),
        (replace(DONE, blob="present"), Column.PROGRESS, "38 MB, already there"),
        (replace(DONE, blob="mounted"), Column.PROGRESS, "38 MB, mounted from another repository"),
        (samples.tag_row(), Column.PACKAGE, "Image my-env"),
        (samples.tag_row(), Column.STATE, "After packages"),
        (samples.tag_row(), Column.TRY, ""),
        (samples.tag_row(ItemState.FINALISING), Column.STATE, "Finalising"),
        (samples.tag_row(ItemState.DONE), Column.PROGRESS, "Tagged registry.site.org/hpc/cache:my-env"),
        (samples.row("a", mirror="oci://registry.site.org/hpc"), Column.TO, "registry.site.org/hpc"),
        (samples.index_row(), Column.PACKAGE, "Index"),
        (samples.index_row(), Column.STATE, "After packages"),
        (samples.index_row(ItemState.DONE), Column.PROGRESS, "12 new entries, 1,204 in all"),
        (samples.index_row(ItemState.INDEXING), Column.STATE, "Updating the index"),
    ],
)
def test_cells(model: TransfersModel, row: TransferRow, column: Column, expected: str) -> None:
    model.apply(samples.snapshot([row]))
    assert str(text(model, 0, column)).replace("\u2009", " ") == expected


@pytest.mark.parametrize("state", [ItemState.FINALISING, ItemState.INDEXING])
def test_a_phase_without_bytes_has_a_word_and_no_per_cent(model: TransfersModel, state: ItemState) -> None:
    model.apply(samples.snapshot([samples.row("a", state=state, done=100, total=100)]))
    assert text(model, 0, Column.PROGRESS, Role.PROGRESS) == -1.0
    assert text(model, 0, Column.PROGRESS) == ""
    assert text(model, 0, Column.STATE, Role.LOOK).word == text(model, 0, Column.STATE)  # type: ignore[attr-defined]


def test_every_state_has_its_own_shape_and_word(model: TransfersModel) -> None:
    looks = set()
    for state in ItemState:
        model.apply(samples.snapshot([samples.row("a", state=state)]))
        look = text(model, 0, Column.STATE, Role.LOOK)
        looks.add(look.word)  # type: ignore[attr-defined]
        assert look.icon  # type: ignore[attr-defined]
    assert len(looks) == len(ItemState)


def test_a_row_is_read_out_every_quarter_and_with_its_state(model: TransfersModel) -> None:
    row = samples.row("openmpi", "5.0.6", ItemState.UPLOADING, done=62, total=100, mirror="site-oci")
    whole = samples.snapshot([row])
    model.apply(whole)
    assert text(model, 0, Column.PACKAGE, SPOKEN) == "openmpi 5.0.6 to site-oci, uploading, 62 per cent"
    model.apply(replace(whole, rows=(replace(row, done_bytes=74),)))
    assert text(model, 0, Column.PACKAGE, SPOKEN) == "openmpi 5.0.6 to site-oci, uploading, 62 per cent"
    roles: list[int] = []
    model.dataChanged.connect(lambda _top, _last, changed: roles.extend(changed))
    model.apply(replace(whole, rows=(replace(row, done_bytes=75),)))
    assert SPOKEN in roles
    assert text(model, 0, Column.PACKAGE, SPOKEN) == "openmpi 5.0.6 to site-oci, uploading, 75 per cent"
    model.apply(replace(whole, rows=(replace(row, state=ItemState.FINALISING, done_bytes=100),)))
    assert text(model, 0, Column.PACKAGE, SPOKEN) == "openmpi 5.0.6 to site-oci, finalising"


def test_waiting_rows_say_when_the_queue_is_paused(model: TransfersModel) -> None:
    whole = samples.snapshot([samples.row("a")])
    model.apply(whole)
    assert text(model, 0, Column.STATE) == "Waiting"
    model.apply(replace(whole, rows=(), paused=True))
    assert text(model, 0, Column.STATE) == "Paused"
    assert "paused" in str(text(model, 0, Column.PACKAGE, SPOKEN))


def test_filter_follows_the_states(model: TransfersModel, qtmodeltester: ModelTester) -> None:
    whole = samples.running()
    model.apply(whole)
    model.set_filter(StateFilter.FAILED)
    assert names(model) == ["petsc"]
    model.set_filter(StateFilter.UNFINISHED)
    assert names(model) == ["openmpi", "llvm", "hdf5", "gcc-runtime", "boost", "index"]
    model.apply(replace(whole, rows=(replace(whole.rows[0], state=ItemState.DONE),)))
    assert "openmpi" not in names(model)
    model.set_filter(StateFilter.ENDED)
    assert "openmpi" in names(model)
    assert model.total == len(whole.rows)
    qtmodeltester.check(model)


def test_cleared_pushes_leave_in_one_piece(model: TransfersModel) -> None:
    rows = [samples.row(f"a{number}", push="p1") for number in range(5)]
    rows += [samples.row(f"b{number}", push="p2") for number in range(3)]
    whole = samples.snapshot(rows)
    model.apply(whole)
    removed: list[tuple[int, int]] = []
    model.rowsRemoved.connect(lambda _parent, first, last: removed.append((first, last)))
    model.apply(replace(whole, rows=(), pushes=whole.pushes[:1]))
    assert removed == [(0, 3), (0, 0)]  # the second push with its heading, and the heading a single push does not need
    assert names(model) == [f"a{number}" for number in range(5)]


def test_rows_that_go_elsewhere_find_the_place_they_would_have_had(qapp: object) -> None:
    chance = random.Random(4)
    rows = {name: samples.row(name) for name in map(str, range(300))}
    model = TransfersModel()
    model.apply(samples.snapshot(list(rows.values())))
    for _ in range(40):
        for name in chance.sample(sorted(rows), chance.randrange(1, 9)):
            order = (chance.randrange(2), chance.randrange(99), 0)
            rows[name] = replace(rows[name], state=chance.choice(list(ItemState)), order=order)
        model.apply(samples.snapshot(list(rows.values())))
        afresh = TransfersModel()
        afresh.apply(samples.snapshot(list(rows.values())))
        assert names(model) == names(afresh)


def test_another_queue_takes_the_place_of_all_rows_at_once(model: TransfersModel) -> None:
    model.apply(samples.snapshot([samples.row("a"), samples.row("b", push="p2"), samples.row("c", push="p2")]))
    removed: list[int] = []
    model.rowsRemoved.connect(lambda _parent, first, last: removed.append(last - first + 1))
    fresh = samples.snapshot([samples.row("d", push="p3")])
    model.apply(fresh)
    assert removed == []
    assert names(model) == ["d"]
    assert model.total == 1
    model.apply(QueueSnapshot((), (), Totals(), paused=False))
    assert model.rowCount() == model.total == 0


def test_ten_thousand_rows_are_touched_only_where_they_change(model: TransfersModel) -> None:
    rows = [samples.row(f"p{number}") for number in range(10_000)]
    inserted: list[int] = []
    model.rowsInserted.connect(lambda _parent, first, last: inserted.append(last - first + 1))
    whole = samples.snapshot(rows)
    model.apply(whole)
    assert inserted == [10_000]
    told: list[int] = []
    model.dataChanged.connect(lambda top, last, _roles: told.append(last.row() - top.row() + 1))
    moving = tuple(replace(row, state=ItemState.PACKING, done_bytes=10) for row in rows[-4:])
    model.apply(replace(whole, rows=moving))
    assert names(model)[:4] == [row.name for row in moving]
    assert sum(told) <= 4 * len(Column)
    told.clear()
    model.apply(replace(whole, rows=tuple(replace(row, state=ItemState.CANCELLED) for row in rows)))
    assert told == [10_000]


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        (("h1",), "Usable as a cache, not runnable until zlib@1 is pushed"),
        (("h1", "h2"), "Usable as a cache, not runnable until zlib@1 and hdf5@2 are pushed"),
        (("h1", "h2", "h3"), "Usable as a cache, not runnable until zlib@1, hdf5@2 and 1 other are pushed"),
        (("h1", "h2", "h3", "h4"), "Usable as a cache, not runnable until zlib@1, hdf5@2 and 2 others are pushed"),
    ],
)
def test_an_image_that_lacks_layers_is_done_but_not_well(qapp: object, missing: tuple[str, ...], sentence: str) -> None:
    model = TransfersModel({"h1": "zlib@1", "h2": "hdf5@2"}.__getitem__)
    stopped, whole = samples.row("stopped", state=ItemState.CANCELLED), samples.row("whole", state=ItemState.DONE)
    half = replace(samples.row("half", state=ItemState.DONE, stored=7_000), missing=missing)
    model.apply(samples.snapshot([whole, half, stopped]))
    assert names(model) == ["stopped", "half", "whole"]
    assert text(model, 1, Column.PROGRESS) == sentence
    look = text(model, 1, Column.STATE, Role.LOOK)
    assert (look.icon, look.tone, look.word) == ("triangle", "warn", "Done")  # type: ignore[attr-defined]
    assert text(model, 1, Column.PACKAGE, SPOKEN) == "half 1.0 to scratch, done, usable as a cache, not runnable"


def test_a_copy_is_told_from_a_push() -> None:
    totals = Totals(done=2, present=1)
    pushed = PushStatus("p", "site", totals, 1.7e9, 240.0, True)
    copied = PushStatus("c", "site", totals, 1.7e9, 240.0, True, source="team")
    assert (words.push_title(pushed), words.push_title(copied)) == ("Push to site", "Copy of team to site")
    assert words.push_summary(pushed, totals, (), None, None).startswith("2 pushed, 1 already there.")
    assert words.push_summary(copied, totals, (), None, None).startswith("2 copied, 1 already there.")
    nothing = PushStatus("c", "site", Totals(), 1.7e9, 1.0, True, source="team")
    assert words.push_summary(nothing, Totals(), (), None, None) == "Nothing to copy."
