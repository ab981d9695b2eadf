# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A picture of a layered graph: drag to pan, wheel to zoom, arrow keys to walk along the lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QFocusEvent,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui import theme
from gui.theme import FontRole
from gui.widgets.layered import Box, Layout, lay_out

_NODE_HEIGHT, _ROW_HEIGHT = 28, 66  # with a usual font
_GAP = 18.0
_INSIDE, _WORD_GAP, _EDGE_OF_PICTURE = 10.0, 6.0, 24.0
_LEAST_SCALE, _READABLE_SCALE, _FIRST_SCALE, _MOST_SCALE = 0.05, 0.55, 1.0, 3.0
_STEP = 1.2
_LEFT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
_KEYS_WALK = {
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
}


@dataclass(frozen=True, slots=True)
class GraphNodeLook:
    """A box: `title` strong, `detail` dim behind it; `quiet` boxes have a dashed outline."""

    key: str
    level: int
    title: str
    detail: str
    quiet: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class GraphEdgeLook:
    """A line from an upper to a lower box; `label` is shown while one of them is the current one."""

    upper: str
    lower: str
    style: Qt.PenStyle
    label: str = ""


class GraphView(QWidget):
    """Signals: `current_changed(key)` after a box was chosen, `activated(key)` after Return or a double click.

    The picture fits the widget until a person zooms or pans it.
    """

    current_changed = Signal(str)
    activated = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nodes: dict[str, GraphNodeLook] = {}
        self._edges: Sequence[GraphEdgeLook] = ()
        self._layout = Layout({}, {}, 0.0, 0.0)
        self._rects: dict[str, QRectF] = {}
        self._paths: list[QPainterPath] = []
        self._scale = _FIRST_SCALE
        self._origin = QPointF()
        self._grabbed: QPointF | None = None
        self._touched = False
        self._whole = False
        self.current = ""
        self.found: frozenset[str] = frozenset()
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)
        theme.density_changed.connect(self._fit_text_size)

    # ---- what is shown ----

    def show_graph(self, nodes: Sequence[GraphNodeLook], edges: Sequence[GraphEdgeLook], current: str = "") -> None:
        """Draw this graph from now on, all of it in sight, `current` chosen."""
        strong, body = QFontMetrics(theme.font(FontRole.STRONG)), QFontMetrics(theme.font(FontRole.BODY))
        boxes = [Box(node.key, node.level, _width(node, strong, body)) for node in nodes]
        self._nodes = {node.key: node for node in nodes}
        self._edges = edges
        lines = [(edge.upper, edge.lower) for edge in edges]
        self._layout = lay_out(boxes, lines, row_height=theme.scaled(_ROW_HEIGHT), gap=_GAP)
        self._rects = {}
        height = theme.scaled(_NODE_HEIGHT)
        for box in boxes:
            x, y = self._layout.places[box.key]
            self._rects[box.key] = QRectF(x - box.width / 2, y - height / 2, box.width, height)
        self._paths = [self._path(edge) for edge in edges]
        self.found = frozenset()
        self.current = current if current in self._nodes else ""
        self._describe()
        self.fit(whole=False)

    def _fit_text_size(self) -> None:
        found = self.found
        self.show_graph(list(self._nodes.values()), self._edges, self.current)
        self.found = found

    def _path(self, edge: GraphEdgeLook) -> QPainterPath:
        points = [QPointF(*point) for point in self._layout.lines[edge.upper, edge.lower]]
        points[0] = QPointF(points[0].x(), self._rects[edge.upper].bottom())
        points[-1] = QPointF(points[-1].x(), self._rects[edge.lower].top())
        path = QPainterPath(points[0])
        for start, end in pairwise(points):
            middle = (start.y() + end.y()) / 2
            path.cubicTo(QPointF(start.x(), middle), QPointF(end.x(), middle), end)
        return path

    @property
    def keys(self) -> tuple[str, ...]:
        """All boxes, from top to bottom and left to right."""
        return tuple(sorted(self._rects, key=lambda key: (self._rects[key].y(), self._rects[key].x())))

    def search(self, text: str) -> int:
        """Mark every box whose title or detail has `text`, and bring the first into sight; returns how many."""
        wanted = text.strip().lower()
        matches = [key for key in self.keys if wanted in f"{self._nodes[key].title}@{self._nodes[key].detail}".lower()]
        self.found = frozenset(matches) if wanted else frozenset()
        if self.found and self.current not in self.found:
            self.choose(matches[0])
        self.update()
        return len(self.found)

    def walk_found(self, step: int) -> None:
        """Choose the next (or with -1 the previous) box that was found."""
        matches = [key for key in self.keys if key in self.found]
        if matches:
            here = matches.index(self.current) if self.current in self.found else -step
            self.choose(matches[(here + step) % len(matches)])

    def choose(self, key: str) -> None:
        """Make `key` the current box and bring it into sight."""
        if key not in self._rects:
            return
        changed = key != self.current
        self.current = key
        self._show_box(key)
        self._describe()
        self.update()
        if changed:
            self.current_changed.emit(key)

    def _describe(self) -> None:
        node = self._nodes.get(self.current)
        self.setAccessibleDescription(node.sentence if node is not None else "")
        if self.hasFocus():
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))

    # ---- zoom and pan ----

    def fit(self, *, whole: bool = True) -> None:
        """Show all of the picture, not larger than usual text. Without `whole`, what would be too small to read is
        shown in part, with the current box."""
        self._touched, self._whole = False, whole
        least = _LEAST_SCALE if whole else _READABLE_SCALE
        width, height = self._layout.width + 2 * _EDGE_OF_PICTURE, self._layout.height
        scale = min(self.width() / max(width, 1), self.height() / max(height, 1), _FIRST_SCALE)
        self._scale = max(scale, least)
        self._origin = QPointF(
            (self.width() - self._layout.width * self._scale) / 2,
            (self.height() - self._layout.height * self._scale) / 2,
        )
        if scale < least and self.current:
            middle = self._rects[self.current].center()
            self._origin = QPointF(self.width() / 2 - middle.x() * self._scale, self._origin.y())
            self._show_box(self.current)
            self._touched = False
        self.update()

    def zoom(self, factor: float, around: QPointF | None = None) -> None:
        """Enlarge by `factor`; the point `around` (the current box, or the middle) stays where it is."""
        fixed = around
        if fixed is None:
            rect = self._rects.get(self.current)
            fixed = self._to_widget(rect.center()) if rect is not None else QPointF(self.rect().center())
        scale = min(max(self._scale * factor, _LEAST_SCALE), _MOST_SCALE)
        self._origin = fixed - (fixed - self._origin) * (scale / self._scale)
        self._scale = scale
        self._touched = True
        self.update()

    @property
    def scale_now(self) -> float:
        return self._scale

    def _show_box(self, key: str) -> None:
        room = QRectF(self.rect()).adjusted(_EDGE_OF_PICTURE, _EDGE_OF_PICTURE, -_EDGE_OF_PICTURE, -_EDGE_OF_PICTURE)
        rect = QRectF(self._to_widget(self._rects[key].topLeft()), self._rects[key].size() * self._scale)
        moved = QPointF(
            max(room.left() - rect.left(), 0.0) or min(room.right() - rect.right(), 0.0),
            max(room.top() - rect.top(), 0.0) or min(room.bottom() - rect.bottom(), 0.0),
        )
        if not moved.isNull():
            self._origin += moved
            self._touched = True

    def _to_widget(self, point: QPointF) -> QPointF:
        return point * self._scale + self._origin

    def box_rect(self, key: str) -> QRectF:
        """Where the box is on the widget now."""
        return QRectF(self._to_widget(self._rects[key].topLeft()), self._rects[key].size() * self._scale)

    def key_at(self, place: QPointF) -> str:
        """The box below `place`, "" for none."""
        point = (place - self._origin) / self._scale
        return next((key for key, rect in self._rects.items() if rect.contains(point)), "")

    # ---- events ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._touched:
            self.fit(whole=self._whole)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom(_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        key = self.key_at(event.position())
        if key:
            self.choose(key)
        else:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self._origin += event.position() - self._grabbed
            self._grabbed = event.position()
            self._touched = True
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._grabbed = None
            self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        key = self.key_at(event.position())
        if key:
            self.activated.emit(key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _KEYS_WALK:
            self._walk(*_KEYS_WALK[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current:
            self.activated.emit(self.current)
        else:
            super().keyPressEvent(event)

    def _walk(self, right: int, down: int) -> None:
        """To the nearest box along a line, or on the same row."""
        here = self._rects.get(self.current)
        if here is None:
            self.choose(next(iter(self.keys), ""))
            return
        if down > 0:
            others = [edge.lower for edge in self._edges if edge.upper == self.current]
        elif down < 0:
            others = [edge.upper for edge in self._edges if edge.lower == self.current]
        else:
            row = [key for key, rect in self._rects.items() if rect.y() == here.y()]
            others = [key for key in row if (self._rects[key].x() - here.x()) * right > 0]

        def distance(key: str) -> tuple[float, float]:
            there = self._rects[key].center()
            return abs(there.y() - here.center().y()), abs(there.x() - here.center().x())

        if others:
            self.choose(min(others, key=distance))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            key = self.key_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._nodes[key].sentence if key else "", self)
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        if not self.current and self._rects:
            self.choose(self.keys[0])
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, 240)

    # ---- painting ----

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(self._origin)
        painter.scale(self._scale, self._scale)
        seen = QRectF(-self._origin / self._scale, QSizeF(self.size()) / self._scale)
        self._paint(painter, seen, focused=self.hasFocus())

    def save_svg(self, file: Path) -> None:
        """Write the whole picture, in today's colours, to `file`. Raises OSError."""
        size = QSizeF(self._layout.width + 2 * _EDGE_OF_PICTURE, self._layout.height)
        generator = QSvgGenerator()
        with file.open("wb"):  # the generator keeps reasons to itself
            pass
        generator.setFileName(str(file))
        generator.setSize(size.toSize())
        generator.setViewBox(QRectF(QPointF(), size))
        painter = QPainter(generator)
        painter.fillRect(QRectF(QPointF(), size), theme.color("surface"))
        painter.translate(_EDGE_OF_PICTURE, 0)
        self._paint(painter, QRectF(QPointF(-_EDGE_OF_PICTURE, 0), size), focused=False)
        painter.end()

    def _paint(self, painter: QPainter, seen: QRectF, *, focused: bool) -> None:
        chosen = []
        pens = {style: QPen(theme.color("control_line"), 1.2, style) for style in {edge.style for edge in self._edges}}
        for edge, path in zip(self._edges, self._paths, strict=True):
            if self.current in (edge.upper, edge.lower):
                chosen.append((edge, path))
            elif path.boundingRect().adjusted(-1, -1, 1, 1).intersects(seen):
                painter.strokePath(path, pens[edge.style])
        for edge, path in chosen:
            painter.strokePath(path, QPen(theme.color("accent"), 2.0, edge.style))
        for key, rect in self._rects.items():
            if rect.intersects(seen):
                self._paint_box(painter, key, rect, focused=focused)
        self._paint_labels(painter, chosen)

    def _paint_box(self, painter: QPainter, key: str, rect: QRectF, *, focused: bool) -> None:
        node = self._nodes[key]
        is_current = key == self.current
        outline = QPen(theme.color("accent" if is_current else "control_line"), 2.0 if is_current else 1.0)
        if is_current and focused:
            outline.setWidthF(3.0)
        elif key in self.found:
            outline = QPen(theme.color("warn"), 2.5)
        if node.quiet:
            outline.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(outline)
        painter.setBrush(theme.color("accent_soft" if is_current else "surface"))
        painter.drawRoundedRect(rect, 6, 6)
        room = rect.adjusted(_INSIDE, 0, -_INSIDE, 0)
        painter.setFont(theme.font(FontRole.STRONG))
        painter.setPen(theme.color("text" if is_current or not node.quiet else "dim"))
        painter.drawText(room, _LEFT, node.title)
        room.setLeft(room.left() + painter.fontMetrics().horizontalAdvance(node.title) + _WORD_GAP)
        painter.setFont(theme.font(FontRole.BODY))
        painter.setPen(theme.color("text" if is_current else "dim"))
        painter.drawText(room, _LEFT, node.detail)

    def _paint_labels(self, painter: QPainter, chosen: Sequence[tuple[GraphEdgeLook, QPainterPath]]) -> None:
        painter.setFont(theme.font(FontRole.SMALL))
        metrics = painter.fontMetrics()
        for edge, path in chosen:
            if not edge.label:
                continue
            middle = path.pointAtPercent(0.75 if edge.upper == self.current else 0.25)
            size = QSizeF(metrics.horizontalAdvance(edge.label) + 2 * _WORD_GAP, metrics.height() + 2)
            room = QRectF(middle - QPointF(size.width() / 2, size.height() / 2), size)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("surface"))
            painter.drawRoundedRect(room, 4, 4)
            painter.setPen(theme.color("accent"))
            painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter), edge.label)


def _width(node: GraphNodeLook, strong: QFontMetrics, body: QFontMetrics) -> float:
    detail = body.horizontalAdvance(node.detail) + _WORD_GAP if node.detail else 0.0
    return strong.horizontalAdvance(node.title) + detail + 2 * _INSIDE
