# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Scheme and density: chosen in the View menu, applied at once, remembered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from samples import package

from gui import appearance, preferences, theme
from gui.actions import Actions
from gui.packages.model import PackagesModel
from gui.theme import DARK, FontRole
from gui.widgets.labels import Label
from gui.widgets.table import TableView


@pytest.fixture
def comfortable() -> Iterator[None]:
    theme.set_compact(wanted=False)
    yield
    theme.set_compact(wanted=False)


def test_rows_are_compact_and_the_scheme_is_the_desktops_at_first(themed: QApplication, comfortable: None) -> None:
    appearance.restore(themed)
    assert theme.compact()
    actions = Actions()
    appearance.connect(actions)
    assert actions.compact_rows.isChecked()
    assert actions.appearance_system.isChecked()


def test_choices_apply_at_once_and_come_back(themed: QApplication, comfortable: None) -> None:
    actions = Actions()
    appearance.connect(actions)
    actions.appearance_dark.trigger()
    assert theme.tokens() is DARK
    assert not actions.appearance_system.isChecked()
    actions.compact_rows.trigger()
    theme.apply(themed, theme.Scheme.LIGHT)
    theme.set_compact(wanted=True)
    appearance.restore(themed)
    assert theme.tokens() is DARK
    assert not theme.compact()
    again = Actions()
    appearance.connect(again)
    assert again.appearance_dark.isChecked()
    assert not again.compact_rows.isChecked()


def test_text_grows_in_every_open_window_and_comes_back(themed: QApplication, comfortable: None, qtbot: QtBot) -> None:
    label, table = Label("Title", FontRole.TITLE), TableView("Test")
    qtbot.addWidget(label)
    qtbot.addWidget(table)
    table.setModel(PackagesModel(table))
    table.arrange([(0, 100)], 4)
    assert table.columnWidth(0) == theme.scaled(100)
    before, height, rows = themed.font().pointSizeF(), label.sizeHint().height(), theme.row_height()
    actions = Actions()
    appearance.connect(actions)
    preferences.change(text_percent=180)
    actions.larger_text.trigger()
    actions.larger_text.trigger()
    actions.larger_text.trigger()
    assert preferences.now().text_percent == 200
    assert themed.font().pointSizeF() == pytest.approx(2 * before)
    assert label.sizeHint().height() > 1.8 * height
    assert table.horizontalHeader().height() == theme.row_height() > rows
    assert table.columnWidth(0) == pytest.approx(theme.scaled(100), abs=2)
    actions.usual_text.trigger()
    assert themed.font().pointSizeF() == pytest.approx(before)
    assert label.sizeHint().height() == height
    assert table.columnWidth(0) == pytest.approx(theme.scaled(100), abs=2)


def test_open_tables_follow_the_density(themed: QApplication, comfortable: None, qtbot: QtBot) -> None:
    table = TableView("Test")
    qtbot.addWidget(table)
    model = PackagesModel(table)
    model.append([package("zlib")])
    table.setModel(model)
    before = table.rowHeight(0)
    theme.set_compact(wanted=True)
    assert table.rowHeight(0) == table.horizontalHeader().height() == theme.row_height() < before
    theme.set_compact(wanted=False)
    assert table.rowHeight(0) == before
