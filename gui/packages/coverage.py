# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How much of each environment, and of everything explicit, is on each mirror. A click pushes the difference."""

from __future__ import annotations

import time

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemView, QVBoxLayout, QWidget

from core.engine.calls.presence import FindMissing, ViewCoverage
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.foundation.text import visible
from core.services.package_values import CoverageCell, CoverageRow, MirrorPresence
from core.services.package_values import CoverageView as CoverageAnswer
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.packages import words
from gui.widgets.bars import paint_bar
from gui.widgets.cell import CellDelegate, Index, Role
from gui.widgets.empty_state import EmptyState
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.page import TaskOwner
from gui.widgets.table import TablePane, TableView

_ItemRole = Qt.ItemDataRole
_NO_PARENT = QModelIndex()
_NAME, _COUNT, _FIRST_MIRROR = 0, 1, 2
_WIDTHS = (240, 96, 210)
_NOTHING = CoverageAnswer((), (), ())


class CoverageModel(QAbstractTableModel):
    """Rows are environments, the first one everything explicit; columns are mirrors."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.view = _NOTHING

    def show(self, view: CoverageAnswer) -> None:
        self.beginResetModel()
        self.view = view
        self.endResetModel()

    def cell(self, index: Index) -> tuple[CoverageRow, MirrorPresence, CoverageCell | None] | None:
        """What an index is about; None for the first columns."""
        if not index.isValid() or index.column() < _FIRST_MIRROR:
            return None
        number = index.column() - _FIRST_MIRROR
        return self.view.rows[index.row()], self.view.mirrors[number], self.view.cells[index.row()][number]

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.view.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else _FIRST_MIRROR + len(self.view.mirrors)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ItemRole.TextAlignmentRole and section == _COUNT:
            return Qt.AlignmentFlag.AlignRight
        if section < _FIRST_MIRROR:
            texts = (words.ENVIRONMENT, words.PACKAGES_COLUMN)
            return texts[section] if role == _ItemRole.DisplayRole else None
        mirror = self.view.mirrors[section - _FIRST_MIRROR]
        if role == _ItemRole.DisplayRole:
            return visible(mirror.mirror)
        return _mirror_tip(mirror) if role == _ItemRole.ToolTipRole else None

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        found = self.cell(index)
        if found is not None:
            return _cell_data(*found, role)
        row = self.view.rows[index.row()]
        if index.column() == _COUNT:
            if role == _ItemRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignRight
            return f"{row.packages:,}" if role == _ItemRole.DisplayRole else None
        return _row_data(row, role)


def _row_data(row: CoverageRow, role: int) -> object:
    problem = row.problem.title if row.problem is not None else ""
    rest = words.not_installed(row.not_installed) if row.not_installed else problem
    if role == _ItemRole.DisplayRole:
        return visible(row.name) or words.EVERYTHING_EXPLICIT
    if role == Role.DETAIL:
        return (rest,) if rest else ()
    if role == _ItemRole.ToolTipRole:
        return row.problem.sentence() if row.problem is not None else rest or None
    return None


def _cell_data(row: CoverageRow, mirror: MirrorPresence, cell: CoverageCell | None, role: int) -> object:
    total = row.packages
    if cell is None:
        if role == _ItemRole.ToolTipRole:
            return mirror.error.sentence() if mirror.error is not None else None
        if role == Role.TONE:
            return "dim"
        unknown = visible(mirror.error.title) if mirror.error is not None else words.UNKNOWN_CELL
        return unknown if role == _ItemRole.DisplayRole else None
    if role == _ItemRole.DisplayRole:
        return words.coverage_text(cell.have, total)
    if role == Role.PROGRESS:
        return cell.have / total if total else 1.0
    if role == Role.TONE:
        return "text" if cell.missing else "dim"
    if role in (_ItemRole.ToolTipRole, _ItemRole.AccessibleTextRole):
        name = row.name or words.EVERYTHING_EXPLICIT
        said = words.coverage_sentence(name, mirror.mirror, cell.have, total, cell.held_back)
        return f"{said}, {_mirror_tip(mirror)}"
    return None


def _mirror_tip(mirror: MirrorPresence) -> str:
    known = words.as_of(mirror.read_at, time.time()) if mirror.read_at is not None else words.UNKNOWN_CELL
    return f"{known}; {mirror.error.sentence()}" if mirror.error is not None else known


class CoverageDelegate(CellDelegate):
    """`412/430` with a bar behind it; the cell with the keyboard is framed."""

    def paint_inside(self, painter: QPainter, room: QRect, index: Index, *, selected: bool) -> None:
        share = index.data(Role.PROGRESS)
        if share is None:
            super().paint_inside(painter, room, index, selected=selected)
        else:
            width = self.body_metrics.horizontalAdvance("8,888/8,888") + theme.SPACE_S
            bar = QRectF(room.left(), room.center().y() - theme.BAR_ROW / 2 + 1, room.width() - width, theme.BAR_ROW)
            if bar.width() > 3 * theme.BAR_ROW:
                paint_bar(painter, bar, share, "ok" if share >= 1 else "accent")
            tone = "text" if selected else index.data(Role.TONE)
            self.paint_text(painter, room, index.data(), tone, at_right=True)

    def inside_width(self, index: Index) -> int:
        return self.body_metrics.horizontalAdvance(index.data() or "")


class CoverageView(QWidget):
    """Reads when it is shown for the first time and on a refresh.

    Signals: `push_requested(hashes, mirror)`; `changed` when there is something else to say; `failed(error)`.
    """

    push_requested = Signal(tuple, str)
    changed = Signal()
    failed = Signal(object)

    def __init__(self, client: EngineClient, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._instance = ""
        self._shown = False
        self._outdated = True
        self.reading = False
        self.model = CoverageModel(self)
        self.table = TableView(words.COVERAGE_TABLE, "coverage")
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setItemDelegate(CoverageDelegate(self.table))
        self.table.setItemDelegateForColumn(_NAME, PackageDelegate(self.table))
        self.table.arrange((), _NAME)
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-mirrors", words.COVERAGE_EMPTY, words.COVERAGE_EMPTY_DETAIL)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pane)
        self.table.clicked.connect(self._on_chosen)
        self.table.activated.connect(self._on_chosen)

    def open(self, instance_id: str, *, refresh: bool) -> None:
        """Be about `instance_id`; with `refresh` mirrors are asked again if this is shown."""
        if instance_id != self._instance:
            self.tasks.cancel_all()
            self.model.show(_NOTHING)
        self._instance, self._outdated = instance_id, True
        if self._shown:
            self._read(refresh=refresh)

    def set_shown(self, *, shown: bool) -> None:
        self._shown = shown
        if shown and self._outdated and self._instance:
            self._read(refresh=False)

    @property
    def sentence(self) -> str:
        """What is shown, or that it is being read."""
        view = self.model.view
        if not view.rows:
            return words.COVERAGE_READING if self.reading else ""
        environments = sum(bool(row.name) for row in view.rows)
        return words.coverage_heading(environments, len(view.mirrors))

    def _read(self, *, refresh: bool) -> None:
        self.tasks.cancel_all()
        self._outdated, self.reading = False, True
        self._show_state()
        self.tasks.start(self._ask(refresh=refresh))

    async def _ask(self, *, refresh: bool) -> None:
        try:
            view = await self._client.call(ViewCoverage(self._instance, refresh))
            if not refresh and any(mirror.read_at is None and mirror.error is None for mirror in view.mirrors):
                self._show(view)  # then ask the mirrors nothing is known of
                view = await self._client.call(ViewCoverage(self._instance, refresh=True))
        except MirrordeckError as error:
            self.reading, self._outdated = False, True
            self._show_state(error.info())
            return
        self.reading = False
        self._show(view)

    def _show(self, view: CoverageAnswer) -> None:
        place = self.table.currentIndex()
        self.model.show(view)
        header = self.table.horizontalHeader()
        for column in range(1, self.model.columnCount()):
            header.resizeSection(column, theme.scaled(_WIDTHS[min(column, _FIRST_MIRROR)]))
        if place.row() < len(view.rows) and place.isValid():
            self.table.setCurrentIndex(self.model.index(place.row(), place.column()))
        elif view.rows and view.mirrors:
            self.table.setCurrentIndex(self.model.index(0, _FIRST_MIRROR))
        self._show_state()

    def _show_state(self, error: ErrorInfo | None = None) -> None:
        view = self.model.view
        if view.rows and view.mirrors:
            self.pane.show_table()
            if error is not None:
                self.failed.emit(error)
        else:
            if error is not None:
                self.empty.show_message("empty-folder", error.title, messages.sentences(error.why, *error.remedies))
            elif self.reading:
                self.empty.show_message("empty-mirrors", words.COVERAGE_READING)
            else:
                self.empty.show_message("empty-mirrors", words.COVERAGE_EMPTY, words.COVERAGE_EMPTY_DETAIL)
            self.pane.show_instead(self.empty)
        self.changed.emit()

    def _on_chosen(self, index: QModelIndex) -> None:
        found = self.model.cell(index)
        if found is not None and (found[2] is None or found[2].missing):
            self.tasks.start(self._push(found[0], found[1]))

    async def _push(self, row: CoverageRow, mirror: MirrorPresence) -> None:
        try:
            missing = await self._client.call(FindMissing(self._instance, mirror.mirror, row.name))
        except MirrordeckError as error:
            self.failed.emit(error.info())
            return
        if missing.hashes:
            self.push_requested.emit(missing.hashes, mirror.mirror)

    def leave(self) -> None:
        self.tasks.cancel_all()
        self.table.remember()
