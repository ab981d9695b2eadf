# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The picture of a package's dependencies with what one does to it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from core.foundation.text import short_hash
from core.services.package_values import Graph, GraphEdge, GraphNode
from gui import messages, theme
from gui.packages import words
from gui.widgets.choosing import Choice, local_dialog
from gui.widgets.controls import IconButton
from gui.widgets.dialogs import ask
from gui.widgets.filter_line import FilterLine
from gui.widgets.graph_view import GraphEdgeLook, GraphNodeLook, GraphView
from gui.widgets.labels import ElidedLabel, Label
from gui.widgets.page import TaskOwner

_STYLES = {
    "link": Qt.PenStyle.SolidLine,
    "run": Qt.PenStyle.DashLine,
    "build": Qt.PenStyle.DotLine,
    "test": Qt.PenStyle.DashDotLine,
}
_STEP = 1.25
_ROOM_FOR_LEGEND = 190
_LINE_SHOWN = 26


class GraphPane(QWidget):
    """`package_wanted(hash)` follows Return or a double click on a package."""

    package_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self.view = GraphView(words.PICTURE_NAME)
        self.view.setMinimumHeight(64)
        self.find_line = FilterLine(words.FIND_IN_PICTURE, words.FIND_IN_PICTURE)
        self.found = Label("", tone="dim")
        self.told = ElidedLabel("", tone="dim")
        self._instead = Label("", tone="dim")
        self._instead.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._instead.setWordWrap(True)
        self.buttons = {
            name: IconButton(icon, name)
            for icon, name in (
                ("minus", words.ZOOM_OUT),
                ("plus", words.ZOOM_IN),
                ("fit", words.FIT),
                ("external", words.SAVE_PICTURE),
            )
        }
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_XS)
        top.addWidget(self.find_line, 1)
        top.addWidget(self.found)
        for button in self.buttons.values():
            top.addWidget(button)
        frame = QFrame()
        frame.setObjectName("table-frame")
        self._stack = QStackedLayout(frame)
        self._stack.setContentsMargins(1, 1, 1, 1)
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._instead)
        self._legend = QWidget()
        bottom = QHBoxLayout(self._legend)
        bottom.setContentsMargins(0, 0, 0, 0)
        bottom.setSpacing(theme.SPACE_M)
        for kind, text in words.LINES:
            bottom.addWidget(_Line(_STYLES[kind]))
            bottom.addWidget(Label(text, tone="dim"))
        bottom.addWidget(self.told, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_XS)
        column.addLayout(top)
        column.addWidget(frame, 1)
        column.addWidget(self._legend)

    def _connect(self) -> None:
        self.find_line.filter_changed.connect(self._on_find)
        self.find_line.leave_requested.connect(lambda: self.view.walk_found(1))
        self.view.activated.connect(self.package_wanted)
        self.buttons[words.ZOOM_IN].clicked.connect(lambda: self.view.zoom(_STEP))
        self.buttons[words.ZOOM_OUT].clicked.connect(lambda: self.view.zoom(1 / _STEP))
        self.buttons[words.FIT].clicked.connect(partial(self.view.fit, whole=True))
        self.buttons[words.SAVE_PICTURE].clicked.connect(lambda: self.tasks.start(self._save()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._legend.setVisible(self.height() > theme.scaled(_ROOM_FOR_LEGEND))

    def show_graph(self, graph: Graph) -> None:
        root = graph.nodes[0].hash if graph.nodes else ""
        self.view.show_graph([_node(each) for each in graph.nodes], [_edge(each) for each in graph.edges], root)
        self.say(words.picture_sentence(graph))
        self._stack.setCurrentWidget(self.view)
        self._on_find(self.find_line.text())

    def show_instead(self, text: str) -> None:
        self._instead.setText(text)
        self.say("")
        self._stack.setCurrentWidget(self._instead)

    def say(self, text: str) -> None:
        """A sentence below the picture."""
        self.told.setText(text)

    def _on_find(self, text: str) -> None:
        found = self.view.search(text)
        self.found.setText(words.found_in_picture(found, len(self.view.keys)) if text.strip() else "")

    async def _save(self) -> None:
        title = words.SAVE_PICTURE.removesuffix("…")
        dialog = local_dialog(self, title, Choice.NEW_FILE, filters=("SVG (*.svg)",), suffix="svg")
        chosen: list[str] = []
        dialog.filesSelected.connect(chosen.extend)
        if not await ask(dialog) or not chosen:
            return
        try:
            self.view.save_svg(Path(chosen[0]))
        except OSError as error:
            self.say(messages.sentences(words.PICTURE_FAILED, error.strerror or str(error)))


class _Line(QWidget):
    """A piece of line for the legend."""

    def __init__(self, style: Qt.PenStyle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._style = style
        self.setFixedSize(QSize(theme.scaled(_LINE_SHOWN), theme.icon_size()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(theme.color("control_line"), 1.6, self._style))
        painter.drawLine(0, self.height() // 2, self.width(), self.height() // 2)


def _node(node: GraphNode) -> GraphNodeLook:
    state = "" if node.state == "installed" else messages.STATE_WORDS.get(node.state, words.NOT_RECORDED).lower()
    sentence = ", ".join(part for part in (f"{node.name} {node.version}", short_hash(node.hash), state) if part)
    return GraphNodeLook(node.hash, node.level, node.name, node.version, bool(state), sentence)


def _edge(edge: GraphEdge) -> GraphEdgeLook:
    kind = next((kind for kind, _text in words.LINES if kind in edge.types), "link")
    return GraphEdgeLook(edge.parent, edge.child, _STYLES[kind], ", ".join(edge.virtuals))
