# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Icons, check boxes and chevrons are as large as the text beside them wants, at once and in every widget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QAction, QImage, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QStyle, QWidget
from pytestqt.qtbot import QtBot

from gui import icons, theme
from gui.actions import Actions
from gui.navigation import Navigation
from gui.packages.dependency_tree import DependencyModel, DependencyTree
from gui.widgets.cell import Look, Role
from gui.widgets.controls import Button, CheckBox, ComboBox, IconButton, MenuButton, paint_check
from gui.widgets.filter_line import FilterLine
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TableView

PERCENTS = (80, 100, 150, 200)
SLACK = 3  # pixels that rounding and soft edges may make


@pytest.fixture(autouse=True)
def usual_text(themed: QApplication) -> Iterator[None]:
    theme.set_text_percent(themed, 100)
    yield
    theme.set_text_percent(themed, 100)


def extent(picture: QImage, place: QRect) -> int:
    """How many pixels what is drawn in `place` is wide or high, whichever is more, on the colour of its first pixel."""
    part = picture.copy(place)
    ground = part.pixel(0, 0)
    inked = [(x, y) for x in range(part.width()) for y in range(part.height()) if part.pixel(x, y) != ground]
    if not inked:
        return 0
    columns, rows = [x for x, _y in inked], [y for _x, y in inked]
    return max(max(columns) - min(columns), max(rows) - min(rows)) + 1


def at_left(widget: QWidget, start: int) -> QRect:
    return QRect(start, 4, theme.icon_size() + 2, widget.height() - 8)


def at_right(widget: QWidget) -> QRect:
    width = theme.icon_size() + theme.SPACE_XS
    return QRect(widget.width() - width - theme.SPACE_XS, 4, width, widget.height() - 8)


@dataclass(frozen=True, slots=True)
class Case:
    """`place()` is where `drawn`, a part of `window`, has an icon; `kept` must live as long."""

    window: QWidget
    drawn: QWidget
    place: Callable[[], QRect]
    kept: object = None


def check_box() -> Case:
    box = CheckBox("All")
    return Case(box, box, lambda: QRect(0, 0, theme.icon_size() + 3, box.height()))


def combo_box() -> Case:
    box = ComboBox()
    return Case(box, box, lambda: at_right(box))


def menu_button() -> Case:
    menu = QMenu()
    button = MenuButton("More", menu)
    return Case(button, button, lambda: at_right(button), menu)


def search_field() -> Case:
    line = FilterLine("", "Filter")
    return Case(line, line, lambda: at_left(line, theme.SPACE_S - 1))


def icon_button() -> Case:
    button = IconButton("folder", "Choose")
    return Case(button, button, button.rect)


def icon_label() -> Case:
    label = QLabel()
    icons.bind_label(label, "warning", "warn")
    return Case(label, label, label.rect)


def sorted_header() -> Case:
    table = TableView("Test")
    model = QStandardItemModel(1, 1, table)
    model.setHorizontalHeaderLabels(["\N{NO-BREAK SPACE}"])
    table.setModel(model)
    table.setSortingEnabled(True)
    header = table.horizontalHeader()
    return Case(table, header, lambda: QRect(2, 2, header.sectionSize(0) - 4, header.height() - 4))


def state_cell() -> Case:
    table = TableView("Test")
    model = QStandardItemModel(0, 1, table)
    item = QStandardItem("")
    item.setData(Look("cross", "bad", ""), Role.LOOK)
    model.appendRow(item)
    table.setModel(model)
    table.setItemDelegate(StateDelegate(table))
    return Case(table, table.viewport(), lambda: table.visualRect(model.index(0, 0)).adjusted(1, 1, -1, -2), model)


def branch() -> Case:
    model = DependencyModel()
    tree = DependencyTree(model)
    model.show_package()

    def place() -> QRect:
        row = tree.visualRect(model.index(0, 0))
        return QRect(0, row.top() + 2, tree.indentation() - 2, row.height() - 4)

    return Case(tree, tree.viewport(), place, model)


def pages() -> Case:
    actions = Actions()
    pages = Navigation([(actions.show_packages, "packages")])
    left, size = theme.SPACE_S + theme.SPACE_M - 1, theme.large_icon_size
    return Case(pages, pages.viewport(), lambda: QRect(left, 3, size() + 2, theme.comfortable_height() - 2), actions)


@pytest.mark.parametrize("percent", PERCENTS)
@pytest.mark.parametrize(
    "made",
    [
        check_box,
        combo_box,
        menu_button,
        search_field,
        icon_button,
        icon_label,
        sorted_header,
        state_cell,
        branch,
        pages,
    ],
)
def test_what_is_drawn_follows_the_size_of_text(
    made: Callable[[], Case], percent: int, themed: QApplication, qtbot: QtBot
) -> None:
    case = made()
    qtbot.addWidget(case.window)

    def drawn() -> int:
        case.window.resize(case.window.sizeHint())
        QApplication.sendPostedEvents()
        return extent(case.drawn.grab().toImage(), case.place())

    before, usual = drawn(), theme.icon_size()
    assert before >= usual // 3  # a chevron is wide and low, and nothing drawn is nothing tested
    theme.set_text_percent(themed, percent)
    assert drawn() == pytest.approx(before * theme.icon_size() / usual, abs=SLACK)


def test_icons_grow_with_the_text_and_never_below_what_they_were_drawn_for(themed: QApplication) -> None:
    sizes = {}
    for percent in PERCENTS:
        theme.set_text_percent(themed, percent)
        sizes[percent] = theme.icon_size()
        assert icons.pixmap("check").width() == theme.icon_size()
        assert icons.pixmap("packages").width() == theme.large_icon_size()
        assert icons.pixmap("empty-keys").width() == 128
    assert sizes[80] >= 16
    assert sizes[200] > 1.5 * sizes[100]
    assert sorted(sizes.values()) == list(sizes.values())


def test_icons_of_buttons_and_menus_follow_the_text_while_they_are_shown(themed: QApplication, qtbot: QtBot) -> None:
    button, menu = Button("Push", icon="retry"), QMenu()
    for widget in (button, menu):
        qtbot.addWidget(widget)
        widget.ensurePolished()
    for percent in PERCENTS:
        theme.set_text_percent(themed, percent)
        size = theme.icon_size()
        assert button.iconSize() == QSize(size, size)
        assert button.icon().actualSize(QSize(100, 100)).width() >= size
        assert menu.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize, None, menu) == size


def test_menus_show_what_is_checked_as_large_as_their_text(themed: QApplication) -> None:
    actions = Actions()
    checkable = [each for each in actions.findChildren(QAction) if each.isCheckable()]
    assert {actions.compact_rows, actions.toggle_navigation} <= set(checkable)
    for action in checkable:
        action.setChecked(False)
        assert action.icon().isNull(), f"{action.text()} looks as if it were checked"
    actions.toggle_navigation.setChecked(True)
    for percent in PERCENTS:
        theme.set_text_percent(themed, percent)
        assert actions.toggle_navigation.icon().actualSize(QSize(100, 100)).width() >= theme.icon_size()


def test_a_check_mark_is_drawn_in_its_box_in_every_size(themed: QApplication) -> None:
    for percent in PERCENTS:
        theme.set_text_percent(themed, percent)
        size = theme.icon_size()
        for state in (Qt.CheckState.Checked, Qt.CheckState.PartiallyChecked):
            picture = QImage(3 * size, 3 * size, QImage.Format.Format_RGB32)
            picture.fill(Qt.GlobalColor.white)
            painter = QPainter(picture)
            paint_check(painter, QRect(size, size, size, size), state)
            painter.end()
            box = QRect(QPoint(size, size), QSize(size, size))
            assert extent(picture, picture.rect()) == extent(picture, box.adjusted(-2, -2, 2, 2)) <= size + SLACK
            middle = picture.pixelColor(box.center())
            assert middle == theme.color("on_accent") or state is Qt.CheckState.Checked
