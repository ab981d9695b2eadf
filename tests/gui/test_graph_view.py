# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from pathlib import Path

import pytest
from package_samples import deep_graph
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.services.package_values import Graph, GraphEdge, GraphNode
from gui.packages import words
from gui.packages.graph_pane import GraphPane
from gui.widgets.graph_view import GraphView

SMALL = Graph(
    (
        GraphNode("r", "petsc", "3.22", "installed", 0),
        GraphNode("m", "openmpi", "5.0.6", "installed", 1),
        GraphNode("h", "hdf5", "1.14", "installed", 1),
        GraphNode("z", "zlib", "1.3", "external", 2),
    ),
    (
        GraphEdge("r", "m", ("build", "link"), ("mpi",)),
        GraphEdge("r", "h", ("run",), ()),
        GraphEdge("h", "z", ("build",), ()),
        GraphEdge("m", "z", ("test",), ()),
    ),
)


@pytest.fixture
def pane(themed: QApplication, qtbot: QtBot) -> GraphPane:
    pane = GraphPane()
    qtbot.addWidget(pane)
    pane.resize(700, 500)
    pane.show()
    qtbot.waitExposed(pane)
    pane.show_graph(SMALL)
    return pane


@pytest.fixture
def view(pane: GraphPane) -> GraphView:
    return pane.view


def test_all_of_a_small_graph_is_in_sight_and_its_root_chosen(view: GraphView) -> None:
    assert view.current == "r"
    for key in view.keys:
        assert view.rect().contains(view.box_rect(key).toRect())
    assert view.box_rect("r").bottom() < view.box_rect("h").top()


def test_dependency_types_have_styles_of_their_own(view: GraphView) -> None:
    styles = [edge.style for edge in view._edges]
    assert len(set(styles)) == 4
    assert styles[0] is Qt.PenStyle.SolidLine
    assert view._edges[0].label == "mpi"


def test_arrow_keys_walk_along_lines_and_return_goes_there(pane: GraphPane, view: GraphView, qtbot: QtBot) -> None:
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Down)
    first = view.current
    assert first in ("m", "h")
    qtbot.keyClick(view, Qt.Key.Key_Right if view.box_rect(first).x() < view.box_rect("r").x() else Qt.Key.Key_Left)
    assert {first, view.current} == {"m", "h"}
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.current == "z"
    assert view.accessibleDescription() == "zlib 1.3, z, external"
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.current == "z"
    with qtbot.waitSignal(pane.package_wanted) as wanted:
        qtbot.keyClick(view, Qt.Key.Key_Return)
    assert wanted.args == ["z"]
    qtbot.keyClick(view, Qt.Key.Key_Up)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert view.current == "r"


def test_clicks_choose_and_double_clicks_go(pane: GraphPane, view: GraphView, qtbot: QtBot) -> None:
    place = view.box_rect("h").center().toPoint()
    with qtbot.waitSignal(view.current_changed):
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=place)
    assert view.current == "h"
    with qtbot.waitSignal(pane.package_wanted) as wanted:
        qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=place)
    assert wanted.args == ["h"]


def test_dragging_pans_and_the_wheel_zooms_around_the_pointer(view: GraphView, qtbot: QtBot) -> None:
    empty = QPoint(5, 5)
    before = view.box_rect("r").topLeft()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=empty)
    qtbot.mouseMove(view, empty + QPoint(30, 20))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=empty + QPoint(30, 20))
    assert view.box_rect("r").topLeft() - before == QPointF(30, 20)
    fixed = view.box_rect("z").topLeft()
    none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(fixed, view.mapToGlobal(fixed), QPoint(), QPoint(0, 240), *none, False)
    scale = view.scale_now
    QApplication.sendEvent(view, event)
    assert view.scale_now == pytest.approx(scale * 1.44)
    assert (view.box_rect("z").topLeft() - fixed).manhattanLength() < 0.01
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.scale_now == 1.0


def test_searching_marks_and_walks(pane: GraphPane, view: GraphView, qtbot: QtBot) -> None:
    qtbot.keyClicks(pane.find_line, "p")
    qtbot.waitUntil(lambda: pane.found.text() == "2 of 4")
    assert view.found == {"r", "m"}
    qtbot.keyClick(pane.find_line, Qt.Key.Key_Return)
    assert view.current == "m"
    pane.find_line.setText("nothing")
    qtbot.waitUntil(lambda: pane.found.text() == "0 of 4")
    pane.find_line.reset()
    assert pane.found.text() == ""


def test_thirty_levels_stay_readable_and_say_what_was_cut(pane: GraphPane, view: GraphView, qtbot: QtBot) -> None:
    pane.show_graph(deep_graph(30))
    assert pane.told.text() == "30 packages, the nearest of 42."
    assert view.scale_now > 0.5
    root, *_others, last = view.keys
    assert view.rect().contains(view.box_rect(root).toRect())
    assert not view.rect().intersects(view.box_rect(last).toRect())
    view.setFocus()
    for _ in range(29):
        qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.current == last
    assert view.rect().contains(view.box_rect(last).toRect())


def test_the_picture_is_saved_as_svg(view: GraphView, tmp_path: Path) -> None:
    view.save_svg(tmp_path / "graph.svg")
    text = (tmp_path / "graph.svg").read_text()
    assert "petsc" in text
    with pytest.raises(OSError, match="No such file"):
        view.save_svg(tmp_path / "nowhere" / "graph.svg")


def test_buttons_have_names_and_work(pane: GraphPane, view: GraphView, qtbot: QtBot) -> None:
    for name in (words.ZOOM_IN, words.ZOOM_OUT, words.FIT, words.SAVE_PICTURE):
        assert pane.buttons[name].accessibleName() == name
    qtbot.mouseClick(pane.buttons[words.ZOOM_IN], Qt.MouseButton.LeftButton)
    assert view.scale_now == pytest.approx(1.25)
    qtbot.mouseClick(pane.buttons[words.FIT], Qt.MouseButton.LeftButton)
    assert view.scale_now == 1.0


def test_an_empty_graph_is_no_trouble(pane: GraphPane, view: GraphView, qtbot: QtBot) -> None:
    pane.show_graph(Graph((), ()))
    view.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Plus, Qt.Key.Key_0, Qt.Key.Key_Return):
        qtbot.keyClick(view, key)
    assert view.current == ""
    assert not view.grab().isNull()
