# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What people arranged is found again, and a screen far away is spared."""

from __future__ import annotations

import pytest
import transfer_samples
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot
from samples import packages

from core.transfers.model import ItemState
from gui.packages.model import PackagesModel
from gui.packages.rows import Column
from gui.packages.table import PackagesTable
from gui.transfers import state as state_module
from gui.transfers.state import TransfersState
from gui.widgets import motion
from gui.widgets.pane_splitter import PaneSplitter


def splitter(qtbot: QtBot, memory: str) -> PaneSplitter:
    made = PaneSplitter(memory, QLabel("above"), QLabel("below"), (3, 1))
    qtbot.addWidget(made)
    made.resize(300, 600)
    made.show()
    return made


def test_a_border_stays_where_it_was_put(qtbot: QtBot, themed: QApplication) -> None:
    first = splitter(qtbot, "here")
    first.setSizes([200, 392])
    first.remember()
    assert splitter(qtbot, "here").sizes() == first.sizes()
    assert splitter(qtbot, "elsewhere").sizes() != first.sizes()


def test_a_hidden_side_changes_nothing_that_was_kept(qtbot: QtBot, themed: QApplication) -> None:
    first = splitter(qtbot, "here")
    first.setSizes([200, 392])
    first.remember()
    first.widget(1).hide()
    first.remember()
    assert splitter(qtbot, "here").sizes() == [200, 392]


def test_order_width_and_sorting_of_columns_come_back(qtbot: QtBot, themed: QApplication) -> None:
    def table() -> PackagesTable:
        model = PackagesModel()
        model.append(packages())
        made = PackagesTable(model)
        model.setParent(made)
        qtbot.addWidget(made)
        made.resize(1200, 400)
        made.show()
        return made

    first = table()
    header = first.horizontalHeader()
    header.resizeSection(Column.VERSION, 133)
    header.moveSection(header.visualIndex(Column.VERSION), 1)
    first.sortByColumn(Column.VERSION, Qt.SortOrder.DescendingOrder)
    first.remember()
    again = table().horizontalHeader()
    assert again.sectionSize(Column.VERSION) == 133
    assert again.visualIndex(Column.VERSION) == 1
    assert again.sortIndicatorSection() == Column.VERSION
    assert again.sortIndicatorOrder() is Qt.SortOrder.DescendingOrder


@pytest.mark.parametrize(
    ("variable", "value", "far"),
    [("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22", True), ("DISPLAY", ":0", False)],
)
def test_a_display_over_ssh_is_far_and_nothing_moves_there(
    monkeypatch: pytest.MonkeyPatch, themed: QApplication, variable: str, value: str, far: bool
) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setenv(variable, value)
    assert motion.display_is_far() is far
    if far:
        assert not motion.motion_wanted()


def test_a_forwarded_display_is_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setenv("DISPLAY", "localhost:10.0")
    monkeypatch.setattr(QApplication, "platformName", staticmethod(lambda: "xcb"))
    assert motion.display_is_far()
    monkeypatch.setenv("DISPLAY", "unix:0")
    assert not motion.display_is_far()


def test_nothing_moves_where_the_desktop_says_so(monkeypatch: pytest.MonkeyPatch, themed: QApplication) -> None:
    monkeypatch.setattr(motion, "display_is_far", lambda: False)
    monkeypatch.setattr(QApplication, "platformName", staticmethod(lambda: "xcb"))
    for enabled in (False, True):
        QApplication.setEffectEnabled(Qt.UIEffect.UI_General, enabled)
        assert motion.motion_wanted() is enabled


def test_far_away_changes_are_put_together_and_none_is_lost(
    client: FakeClient, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "display_is_far", lambda: True)
    state = TransfersState(client)
    seen: list[int] = []
    state.changed.connect(lambda snapshot: seen.append(len(snapshot.rows)))
    rows = [transfer_samples.row(name, state=ItemState.WAITING) for name in ("a", "b", "c")]
    client.snapshot_received.emit(transfer_samples.snapshot(rows[:1]))
    client.snapshot_received.emit(transfer_samples.snapshot(rows[1:2]))
    client.snapshot_received.emit(transfer_samples.snapshot(rows[2:]))
    assert seen == [1]
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert set(state.rows) == {row.id for row in rows}
    state.leave()
