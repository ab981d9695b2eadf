# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Headings of pushes, the order of what waits, and pausing single rows and mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import transfer_samples as samples
from fake_client import FakeClient
from PySide6.QtCore import QPersistentModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot
from transfers_window import transfers_page

from core.engine.calls.transfers import MoveTransfers, PauseTransfers, StopTransfers
from core.transfers.model import ItemState, Move, QueueSnapshot, TransferRow
from gui.transfers.model import TransfersModel
from gui.transfers.page import TransfersPage
from gui.transfers.rows import Column, StateFilter
from gui.widgets.cell import Role

SPOKEN = Qt.ItemDataRole.AccessibleTextRole
ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier


def names(model: TransfersModel) -> list[str]:
    """What is shown; headings as `# push`."""
    lines = ((model.row_at(number), model.push_at(number)) for number in range(model.rowCount()))
    return [f"# {push.id}" if push is not None else row.name if row is not None else "" for row, push in lines]


def two(*, ended: bool = False) -> QueueSnapshot:
    state = ItemState.DONE if ended else ItemState.WAITING
    old = [samples.row("old-1", state=state), samples.row("old-2", state=state)]
    return samples.snapshot([*old, samples.row("new-1", push="p2", mirror="nfs"), samples.row("new-2", push="p2")])


def ordered(name: str, place: int, **more: object) -> TransferRow:
    return replace(samples.row(name, **more), order=(0, place, 0))  # type: ignore[arg-type]


@pytest.fixture
def model(qapp: object) -> TransfersModel:
    return TransfersModel()


class TestHeadings:
    def test_a_single_push_has_none(self, model: TransfersModel) -> None:
        model.apply(samples.snapshot([samples.row("a"), samples.row("b")]))
        assert names(model) == ["a", "b"]
        assert not model.headed

    def test_they_come_with_the_second_push_and_go_with_it(
        self, model: TransfersModel, qtmodeltester: ModelTester
    ) -> None:
        whole = two()
        model.apply(replace(whole, rows=whole.rows[:2], pushes=whole.pushes[:1]))
        kept = QPersistentModelIndex(model.index(1, 0))
        model.apply(whole)
        assert names(model) == ["# p2", "new-1", "new-2", "# p1", "old-1", "old-2"]
        assert kept.row() == 5
        qtmodeltester.check(model)
        model.apply(replace(whole, rows=(), pushes=whole.pushes[1:]))
        assert names(model) == ["new-1", "new-2"]
        qtmodeltester.check(model)

    def test_opening_and_closing(self, model: TransfersModel, qtmodeltester: ModelTester) -> None:
        model.apply(two())
        model.set_open(0, wanted=False)
        assert names(model) == ["# p2", "# p1", "old-1", "old-2"]
        whole = two()
        model.apply(replace(whole, rows=(replace(whole.rows[2], state=ItemState.FAILED),)))
        assert names(model) == ["# p2", "# p1", "old-1", "old-2"]
        model.set_open(0, wanted=True)
        assert names(model)[:3] == ["# p2", "new-1", "new-2"]
        qtmodeltester.check(model)

    def test_what_has_ended_well_is_closed_when_something_new_begins(self, model: TransfersModel) -> None:
        model.apply(two(ended=True))
        assert names(model) == ["# p2", "new-1", "new-2", "# p1"]
        model.set_open(3, wanted=True)
        third = samples.row("newest", push="p3")
        model.apply(samples.snapshot([*two(ended=True).rows, third]))
        assert names(model)[-3:] == ["# p1", "old-1", "old-2"]

    def test_a_push_that_ends_stays_open_before_ones_eyes(self, model: TransfersModel) -> None:
        model.apply(two())
        model.apply(two(ended=True))
        assert names(model)[-3:] == ["# p1", "old-1", "old-2"]

    def test_a_filter_takes_empty_pushes_away(self, model: TransfersModel) -> None:
        model.apply(two(ended=True))
        model.set_filter(StateFilter.UNFINISHED)
        assert names(model) == ["# p2", "new-1", "new-2"]
        done = [replace(row, state=ItemState.DONE) for row in two().rows]
        model.apply(samples.snapshot(done))
        assert names(model) == []
        model.set_filter(StateFilter.ALL)
        assert names(model) == ["# p2", "new-1", "new-2", "# p1"]

    def test_what_they_say(self, model: TransfersModel) -> None:
        model.apply(two())
        texts = [model.index(0, column).data() for column in (Column.PACKAGE, Column.STATE)]
        assert texts == ["To nfs", "2 to go"]
        assert model.index(0, 0).data(SPOKEN) == "To nfs, 2 packages, 2 to go, open"
        assert model.index(0, Column.PROGRESS).data(Role.PROGRESS) == 0.0
        told: list[int] = []
        model.dataChanged.connect(lambda top, _last, _roles: told.append(top.row()))
        rows = list(two().rows)
        rows[3] = replace(rows[3], state=ItemState.FAILED, error=samples.NO_SPACE)
        model.apply(samples.snapshot(rows))
        assert 0 in told
        assert model.index(0, Column.STATE).data() == "1 failed"
        assert model.index(0, Column.STATE).data(Role.LOOK).tone == "bad"


class TestOrder:
    def test_rows_wait_in_the_order_they_are_taken(self, model: TransfersModel) -> None:
        model.apply(samples.snapshot([ordered("small", 1), ordered("large", 9), ordered("middle", 5)]))
        assert names(model) == ["large", "middle", "small"]

    def test_moving_is_seen_and_the_selection_goes_along(self, model: TransfersModel) -> None:
        whole = samples.snapshot([ordered("small", 1), ordered("large", 9)])
        model.apply(whole)
        kept = QPersistentModelIndex(model.index(1, 0))
        model.apply(replace(whole, rows=(replace(whole.rows[0], order=(1, 1, 0)),)))
        assert names(model) == ["small", "large"]
        assert kept.row() == 0

    def test_paused_rows_say_so_and_can_be_listed(self, model: TransfersModel) -> None:
        whole = samples.snapshot([samples.row("a"), replace(samples.row("b"), paused=True)])
        model.apply(whole)
        assert [model.index(number, Column.STATE).data() for number in (0, 1)] == ["Waiting", "Paused"]
        model.set_filter(StateFilter.PAUSED)
        assert names(model) == ["b"]
        model.apply(replace(whole, rows=(replace(whole.rows[1], paused=False),)))
        assert names(model) == []

    def test_a_paused_mirror_concerns_its_rows_only(self, model: TransfersModel) -> None:
        whole = samples.snapshot([samples.row("a", mirror="nfs"), samples.row("b")])
        model.apply(replace(whole, paused_mirrors=("nfs",)))
        assert [model.index(number, Column.STATE).data() for number in (0, 1)] == ["Paused", "Waiting"]


@pytest.fixture
def page(qtbot: QtBot, client: FakeClient) -> Iterator[TransfersPage]:
    with transfers_page(client, qtbot) as page:
        yield page


def asked(qtbot: QtBot, page: TransfersPage, kind: type, count: int = 1) -> object:
    client = page.client
    assert isinstance(client, FakeClient)
    qtbot.waitUntil(lambda: len(client.asked(kind)) == count)
    return client.asked(kind)[-1]


def receive(page: TransfersPage, qtbot: QtBot, snapshot: QueueSnapshot) -> None:
    """As if the engine had sent `snapshot`; the table has the keyboard."""
    page.client.snapshot_received.emit(snapshot)
    page.table.setFocus()
    qtbot.waitUntil(page.table.hasFocus)


def select(page: TransfersPage, name: str) -> str:
    row = next(row for row in page.state.rows.values() if row.name == name)
    number = page.model.number_of(row.id)
    assert number is not None
    page.table.select_row(number)
    return row.id


class TestPage:
    def test_keys_move_what_waits(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, qtbot, samples.running())
        boost = select(page, "boost")
        qtbot.keyClick(page.table, Qt.Key.Key_Up, ALT)
        assert asked(qtbot, page, MoveTransfers) == MoveTransfers((boost,), Move.UP)
        qtbot.keyClick(page.table, Qt.Key.Key_Down, ALT)
        assert asked(qtbot, page, MoveTransfers, 2) == MoveTransfers((boost,), Move.DOWN)
        page.commands.push_next.trigger()
        assert asked(qtbot, page, MoveTransfers, 3) == MoveTransfers((boost,), Move.NEXT)
        select(page, "openmpi")
        assert not page.commands.push_next.isEnabled()
        assert page.commands.push_next.toolTip() == "Only packages that wait have an order"

    def test_a_key_pauses_and_resumes_what_is_selected(self, page: TransfersPage, qtbot: QtBot) -> None:
        whole = samples.running()
        receive(page, qtbot, whole)
        llvm = select(page, "llvm")
        qtbot.keyClick(page.table, Qt.Key.Key_Space, CTRL)
        assert asked(qtbot, page, PauseTransfers) == PauseTransfers(True, (llvm,))
        row = page.state.rows[llvm]
        receive(page, qtbot, replace(whole, rows=(replace(row, paused=True, state=ItemState.WAITING),)))
        assert page.commands.pause_transfer.text() == "Resume"
        qtbot.keyClick(page.table, Qt.Key.Key_Space, CTRL)
        assert asked(qtbot, page, PauseTransfers, 2) == PauseTransfers(False, (llvm,))
        select(page, "cmake")
        assert not page.commands.pause_transfer.isEnabled()

    def test_a_mirror_is_paused_and_resumed(self, page: TransfersPage, qtbot: QtBot) -> None:
        whole = samples.running()
        receive(page, qtbot, whole)
        select(page, "llvm")
        assert page.commands.pause_mirror.text() == "Pause all to scratch"
        page.commands.pause_mirror.trigger()
        assert asked(qtbot, page, PauseTransfers) == PauseTransfers(True, mirrors=("scratch",))
        receive(page, qtbot, replace(whole, rows=(), paused_mirrors=("scratch",)))
        assert page.commands.pause_mirror.text() == "Resume all to scratch"

    def test_a_heading_stands_for_its_push(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, qtbot, two())
        page.table.select_row(0)
        qtbot.keyClick(page.table, Qt.Key.Key_Delete)
        ids = tuple(row.id for row in two().rows if row.push_id == "p2")
        assert asked(qtbot, page, StopTransfers) == StopTransfers(ids)

    def test_keys_open_and_close_a_push(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, qtbot, two())
        page.table.select_row(2)
        qtbot.keyClick(page.table, Qt.Key.Key_Left)
        assert page.table.currentIndex().row() == 0
        qtbot.keyClick(page.table, Qt.Key.Key_Left)
        assert names(page.model) == ["# p2", "# p1", "old-1", "old-2"]
        qtbot.keyClick(page.table, Qt.Key.Key_Right)
        assert names(page.model)[:2] == ["# p2", "new-1"]
        qtbot.keyClick(page.table, Qt.Key.Key_Return)
        assert not page.model.is_open(0)

    def test_a_click_on_the_chevron_and_a_double_click_do_too(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, qtbot, two())
        cell = page.table.visualRect(page.model.index(0, Column.PACKAGE))
        chevron = cell.center()
        chevron.setX(cell.left() + 18)
        qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=chevron)
        assert not page.model.is_open(0)
        qtbot.mouseDClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=cell.center())
        assert page.model.is_open(0)

    def test_the_summary_is_that_of_the_push_under_the_cursor(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, qtbot, two(ended=True))
        page.table.select_row(3)
        assert page.summary.isVisible()
        assert page.summary.text.text().startswith("2 pushed")

    def test_showing_the_contents_of_its_mirror(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, qtbot, samples.running())
        select(page, "cmake")
        with qtbot.waitSignal(page.contents_wanted) as wanted:
            page.commands.show_in_contents.trigger()
        assert wanted.args == ["scratch"]
