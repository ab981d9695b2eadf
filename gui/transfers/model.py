# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The rows of the Transfers table, in an order that follows their states."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, IntEnum
from itertools import groupby
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from core.foundation.text import short_hash
from core.transfers.model import ItemState, QueueSnapshot, RowKind, TransferRow
from gui.transfers import words
from gui.widgets.bar_delegate import percent
from gui.widgets.cell import Index, Look, Role, place

_DATA = Qt.ItemDataRole
_ROLES = [
    _DATA.DisplayRole, _DATA.ToolTipRole, Role.TONE, Role.LOOK, Role.PROGRESS, Role.SORT, Role.OBJECT
]  # fmt: skip
_MANY = 500  # changed rows from which on the view is told once for all
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_RANKS = {
    ItemState.FAILED: 0,
    ItemState.PACKING: 1,
    ItemState.COPYING: 1,
    ItemState.UPLOADING: 1,
    ItemState.FINALISING: 1,
    ItemState.INDEXING: 1,
    ItemState.UPLOADED: 2,
    ItemState.WAITING: 3,
    ItemState.CANCELLED: 4,
    ItemState.DONE: 6,
    ItemState.PRESENT: 7,
}
_INCOMPLETE_RANK = 5
_LOOKS = {
    ItemState.WAITING: ("circle", "dim"),
    ItemState.PACKING: ("half", "accent"),
    ItemState.COPYING: ("arrow-up", "accent"),
    ItemState.UPLOADING: ("arrow-up", "accent"),
    ItemState.UPLOADED: ("half", "dim"),
    ItemState.FINALISING: ("dot", "accent"),
    ItemState.INDEXING: ("dot", "accent"),
    ItemState.DONE: ("check", "ok"),
    ItemState.PRESENT: ("layers", "ok"),
    ItemState.FAILED: ("cross", "bad"),
    ItemState.CANCELLED: ("slash", "dim"),
}
# Negated start, push, rank of the state, place in the push, row: unique, so that bisection finds a row.
Key = tuple[float, str, int, int, str]


class Column(IntEnum):
    PACKAGE = 0
    TO = 1
    STATE = 2
    PROGRESS = 3
    RATE = 4
    LEFT = 5
    TRY = 6


class StateFilter(Enum):
    """Which states are shown; its number is the place in `words.FILTERS`."""

    ALL = 0
    UNFINISHED = 1
    FAILED = 2
    ENDED = 3

    def accepts(self, state: ItemState) -> bool:
        match self:
            case StateFilter.UNFINISHED:
                return not state.ended
            case StateFilter.FAILED:
                return state is ItemState.FAILED
            case StateFilter.ENDED:
                return state.ended
        return True


def phase_share(row: TransferRow) -> float | None:
    """How far the current phase is, 0.0 to 1.0; None where that is not known or nothing moves."""
    if row.state not in (ItemState.PACKING, ItemState.COPYING, ItemState.UPLOADING) or not row.total_bytes:
        return None
    return min(row.done_bytes / row.total_bytes, 1.0)


class TransfersModel(QAbstractTableModel):
    """Rows by id. Newest push first; in a push what failed, then what moves, waits, was stopped, is done, was there.

    Ten thousand rows stay fluid: a snapshot touches only the cells that look different afterwards.
    """

    def __init__(self, label: Callable[[str], str] = short_hash, parent: QObject | None = None) -> None:
        """`label` names a package by its hash."""
        super().__init__(parent)
        self._label = label
        self._rows: dict[str, TransferRow] = {}
        self._places: dict[str, int] = {}
        self._next_place = 0
        self._started: dict[str, float] = {}
        self._keys: list[Key] = []
        self._key_of: dict[str, Key] = {}
        self._spoken: dict[str, tuple[ItemState, int, str]] = {}
        self._filter = StateFilter.ALL
        self._paused = False

    def apply(self, snapshot: QueueSnapshot) -> None:
        """Insert, change, move and remove exactly what `snapshot` says."""
        self._started = {push.id: push.started_at for push in snapshot.pushes}
        gone = [row.id for row in self._rows.values() if row.push_id not in self._started]
        self._take_out(gone)
        for row_id in gone:
            del self._rows[row_id], self._places[row_id]
            self._spoken.pop(row_id, None)
        self._put(row for row in snapshot.rows if row.push_id in self._started)
        if snapshot.paused != self._paused:
            self._paused = snapshot.paused
            self._spoken.clear()
            if self._keys:
                last = self.index(len(self._keys) - 1, Column.STATE)
                self.dataChanged.emit(self.index(0, Column.STATE), last, _ROLES)

    def set_filter(self, chosen: StateFilter) -> None:
        if chosen is self._filter:
            return
        self.beginResetModel()
        self._filter = chosen
        shown = (row for row in self._rows.values() if chosen.accepts(row.state))
        self._key_of = {row.id: self._key(row) for row in shown}
        self._keys = sorted(self._key_of.values())
        self.endResetModel()

    @property
    def total(self) -> int:
        """Rows known, shown or not."""
        return len(self._rows)

    def row_at(self, number: int) -> TransferRow:
        return self._rows[self._keys[number][-1]]

    def number_of(self, row_id: str) -> int | None:
        """Where a row is shown."""
        key = self._key_of.get(row_id)
        return None if key is None else bisect_left(self._keys, key)

    # ---- changes ----

    def _put(self, rows: Iterable[TransferRow]) -> None:
        fresh: dict[str, Key] = {}
        hidden: list[str] = []
        moved: dict[str, Key] = {}
        touched: list[tuple[TransferRow, TransferRow]] = []
        for row in rows:
            before = self._rows.get(row.id)
            self._rows[row.id] = row
            if before is None:
                self._places[row.id] = self._next_place
                self._next_place += 1
            old = self._key_of.get(row.id)
            new = self._key(row) if self._filter.accepts(row.state) else None
            if new is None:
                if old is not None:
                    hidden.append(row.id)
            elif old is None:
                fresh[row.id] = new
            else:
                if old != new:
                    moved[row.id] = new
                if before is not None:
                    touched.append((before, row))
        self._take_out(hidden)
        self._reorder(moved)
        self._bring_in(fresh)
        if len(touched) > _MANY:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._keys) - 1, Column.TRY), _ROLES)
        else:
            for before, row in touched:
                self._tell(before, row)

    def _key(self, row: TransferRow) -> Key:
        rank = _rank(row)
        return -self._started[row.push_id], row.push_id, rank, self._places[row.id], row.id

    def _take_out(self, row_ids: Sequence[str]) -> None:
        keys = [self._key_of.pop(row_id) for row_id in row_ids if row_id in self._key_of]
        numbers = sorted(bisect_left(self._keys, key) for key in keys)
        runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
        for run in reversed(runs):
            self.beginRemoveRows(QModelIndex(), run[0], run[-1])
            del self._keys[run[0] : run[-1] + 1]
            self.endRemoveRows()

    def _bring_in(self, fresh: dict[str, Key]) -> None:
        keys = sorted(fresh.values())
        runs = [(at, list(run)) for at, run in groupby(keys, lambda key: bisect_left(self._keys, key))]
        for at, run in reversed(runs):
            self.beginInsertRows(QModelIndex(), at, at + len(run) - 1)
            self._keys[at:at] = run
            self._key_of.update((key[-1], key) for key in run)
            self.endInsertRows()

    def _reorder(self, moved: dict[str, Key]) -> None:
        """Rows that go elsewhere by themselves; the selection goes with them."""
        if not moved:
            return
        self.layoutAboutToBeChanged.emit()
        held = self.persistentIndexList()
        ids = [self._keys[index.row()][-1] for index in held]
        self._key_of.update(moved)
        self._keys = sorted(self._key_of.values())
        self.changePersistentIndexList(
            held, [self._at(row_id, index.column()) for row_id, index in zip(ids, held, strict=True)]
        )
        self.layoutChanged.emit()

    def _at(self, row_id: str, column: int) -> QModelIndex:
        return self.index(bisect_left(self._keys, self._key_of[row_id]), column)

    def _tell(self, before: TransferRow, row: TransferRow) -> None:
        """Emit `dataChanged` for the cells of `row` that look different now."""
        number = bisect_left(self._keys, self._key_of[row.id])
        columns = [column for column in Column if self._picture(before, column) != self._picture(row, column)]
        for _, run in groupby(enumerate(columns), lambda pair: pair[1] - pair[0]):
            run_of = [column for _, column in run]
            self.dataChanged.emit(self.index(number, run_of[0]), self.index(number, run_of[-1]), _ROLES)
        known = self._spoken.get(row.id)
        if known is not None and known[:2] != _step(row):
            cell = self.index(number, Column.PACKAGE)
            self.dataChanged.emit(cell, cell, [_DATA.AccessibleTextRole])

    def _picture(self, row: TransferRow, column: Column) -> object:
        """All that a cell shows; two rows with the same picture look the same there."""
        if column is Column.STATE:
            return row.state, bool(row.missing)
        if column is Column.PROGRESS:
            share = phase_share(row)
            return self._text(row, column), None if share is None else int(share * 1000), row.state.moving
        return self._text(row, column)

    # ---- looks ----

    def _text(self, row: TransferRow, column: Column) -> str:
        match column:
            case Column.PACKAGE:
                return words.package_name(row)
            case Column.TO:
                return place(row.mirror)
            case Column.STATE:
                return words.state_word(row, paused=self._paused)
            case Column.PROGRESS:
                share = phase_share(row)
                return percent(share) if share is not None else words.progress_sentence(row, self._label)
            case Column.RATE:
                return words.rate(row) if row.state.moving else ""
            case Column.LEFT:
                return words.time_left(row) if row.state.moving else ""
        return "" if row.state is ItemState.PRESENT or row.kind is not RowKind.PACKAGE else str(row.attempt)

    def _look(self, row: TransferRow) -> Look:
        icon, tone = _LOOKS[row.state] if not _is_incomplete(row) else ("triangle", "warn")
        waits = row.state is ItemState.WAITING
        if waits and self._paused:
            icon = "pause"
        quiet = waits or row.state in (ItemState.UPLOADED, ItemState.CANCELLED)
        return Look(icon, tone, words.state_word(row, paused=self._paused), quiet)

    def _progress(self, row: TransferRow) -> float | None:
        """The share for the bar; below zero for a bar of unknown length, None for no bar."""
        return None if not row.state.moving else -1.0 if (share := phase_share(row)) is None else share

    def _sentence(self, row: TransferRow) -> str:
        """The row for screen readers; it changes only with the state and every 25 per cent."""
        state, quarter = _step(row)
        known = self._spoken.get(row.id)
        if known is None or known[:2] != (state, quarter):
            known = state, quarter, words.spoken(row, phase_share(row), paused=self._paused)
            self._spoken[row.id] = known
        return known[2]

    def _sort_value(self, row: TransferRow, column: Column) -> object:
        match column:
            case Column.STATE:
                return _rank(row)
            case Column.PROGRESS:
                return row.done_bytes
            case Column.RATE:
                return row.rate_bps
            case Column.LEFT:
                return row.left_s
            case Column.TRY:
                return row.attempt
        return self._text(row, column)

    # ---- Qt ----

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  Qt's own default
        return 0 if parent.isValid() else len(self._keys)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DATA.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == _DATA.DisplayRole:
            return words.COLUMNS[section]
        if orientation is Qt.Orientation.Horizontal and role == _DATA.TextAlignmentRole:
            return _RIGHT if section >= Column.RATE else None
        return None

    def data(self, index: Index, role: int = _DATA.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self.row_at(index.row()), Column(index.column())
        if role == _DATA.DisplayRole:
            return self._text(row, column)
        if role == Role.PROGRESS:
            return self._progress(row) if column is Column.PROGRESS else None
        if role == Role.LOOK:
            return self._look(row) if column is Column.STATE else None
        if role == Role.TONE:
            return "text" if column <= Column.TO else "dim"
        if role == Role.DETAIL:
            return words.package_details(row) if column is Column.PACKAGE else None
        if role == Role.OBJECT:
            return row
        if role == Role.SORT:
            return self._sort_value(row, column)
        if role == _DATA.TextAlignmentRole:
            return _RIGHT if column >= Column.RATE else None
        if role == _DATA.ToolTipRole:
            return row.error.sentence() if row.error is not None and column is Column.PROGRESS else None
        if role == _DATA.AccessibleTextRole:
            return self._sentence(row) if column is Column.PACKAGE else self._text(row, column)
        return None


def _is_incomplete(row: TransferRow) -> bool:
    """Done, but not all that was wanted."""
    return row.state is ItemState.DONE and bool(row.missing)


def _rank(row: TransferRow) -> int:
    return _INCOMPLETE_RANK if _is_incomplete(row) else _RANKS[row.state]


def _step(row: TransferRow) -> tuple[ItemState, int]:
    """What has to change before a row is read out anew."""
    return row.state, int((phase_share(row) or 0.0) * 4)
