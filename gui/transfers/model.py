# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The rows of the Transfers table, in an order that follows their states."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from core.foundation.text import short_hash
from core.transfers.model import ItemState, MirrorHold, PushStatus, QueueSnapshot, RowKind, Totals, TransferRow
from gui.transfers import words
from gui.transfers.rows import (
    LOOKS,
    Column,
    StateFilter,
    heading_data,
    is_incomplete,
    phase_share,
    rank,
    step,
)
from gui.widgets.bar_delegate import percent
from gui.widgets.cell import Index, Look, Role, place

_DATA = Qt.ItemDataRole
_ROLES = [
    _DATA.DisplayRole, _DATA.ToolTipRole, Role.TONE, Role.LOOK, Role.PROGRESS, Role.SORT, Role.OBJECT
]  # fmt: skip
_COLUMNS = tuple(Column)
_MANY = 500  # changed rows from which on the view is told once for all
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_HEADING_RANK = -1
_UNORDERED = (0, 0, 0)
# Negated start, push, rank of the state, negated order, place in the push, row (the push for its heading): unique, so
# that bisection finds a line.
Key = tuple[float, str, int, tuple[int, int, int], int, str]


class TransfersModel(QAbstractTableModel):
    """Rows by id. Newest push first; in a push what failed, then what moves, waits, was stopped, is done, was there.

    Where there are several pushes each has a heading that opens and closes it; what has ended well is closed at first.
    Ten thousand rows stay fluid: a snapshot touches only the cells that look different afterwards.
    """

    def __init__(
        self,
        label: Callable[[str], str] = short_hash,
        packages: Callable[[PushStatus], Totals] = attrgetter("totals"),
        parent: QObject | None = None,
    ) -> None:
        """`label` names a package by its hash, `packages` counts those of a push."""
        super().__init__(parent)
        self._label = label
        self._packages = packages
        self._rows: dict[str, TransferRow] = {}
        self._places: dict[str, int] = {}
        self._next_place = 0
        self._pushes: dict[str, PushStatus] = {}
        self._chosen: dict[str, bool] = {}  # pushes that somebody opened or closed
        self._open: frozenset[str] = frozenset()
        self._members: Counter[str] = Counter()  # rows of a push that the filter accepts
        self._headed = False
        self._keys: list[Key] = []
        self._key_of: dict[str, Key] = {}
        self._spoken: dict[str, tuple[ItemState, int, str]] = {}
        self._filter = StateFilter.ALL
        self._paused = False
        self._paused_mirrors: frozenset[str] = frozenset()
        self._holds: dict[str, MirrorHold] = {}

    def apply(self, snapshot: QueueSnapshot) -> None:
        """Insert, change, move and remove exactly what `snapshot` says."""
        before, self._pushes = self._pushes, {push.id: push for push in snapshot.pushes}
        self._forget(before.keys() - self._pushes.keys())
        if before.keys() != self._pushes.keys():
            self._open = frozenset(filter(self._opens, self._pushes))
        known = self._rows
        rows = [row for row in snapshot.rows if row.push_id in self._pushes and known.get(row.id) is not row]
        for row in rows:
            self._count(self._rows.get(row.id), row)
        self._put(rows)
        self._fit_headings(before)
        self._take_pauses(snapshot)

    def _forget(self, pushes: set[str]) -> None:
        """Take out `pushes` with their rows."""
        if not pushes:
            return
        gone = [row.id for row in self._rows.values() if row.push_id in pushes]
        if len(gone) == len(self._rows):
            self._forget_all()
            return
        for row_id in gone:
            self._count(self._rows[row_id], None)
        self._take_out([*gone, *pushes])
        for row_id in gone:
            del self._rows[row_id], self._places[row_id]
            self._spoken.pop(row_id, None)

    def _forget_all(self) -> None:
        """Taken out one by one, tens of thousands would be noticed."""
        self.beginResetModel()
        for each in (self._rows, self._places, self._spoken, self._members, self._keys, self._key_of):
            each.clear()
        self.endResetModel()

    def set_filter(self, chosen: StateFilter) -> None:
        if chosen is self._filter:
            return
        self.beginResetModel()
        self._filter = chosen
        self._members = Counter(row.push_id for row in self._rows.values() if chosen.accepts(row))
        self._key_of = self._wanted()
        self._keys = sorted(self._key_of.values())
        self.endResetModel()

    # ---- headings ----

    @property
    def headed(self) -> bool:
        """Whether pushes have headings."""
        return self._headed

    def push_at(self, number: int) -> PushStatus | None:
        """The push whose heading is there."""
        return self._pushes.get(self._keys[number][-1])

    def push_of(self, number: int) -> str:
        """The id of the push a line belongs to."""
        return self._keys[number][1]

    def heading_of(self, number: int) -> int:
        """Where the heading above a line is."""
        return bisect_left(self._keys, self._heading(self._pushes[self._keys[number][1]]))

    def is_open(self, number: int) -> bool:
        return self._keys[number][1] in self._open

    def set_open(self, number: int, *, wanted: bool) -> None:
        """Open or close the push at a line."""
        push_id = self._keys[number][1]
        self._chosen[push_id] = wanted
        self._open = self._open | {push_id} if wanted else self._open - {push_id}
        self._rearrange()
        cell = self.index(bisect_left(self._keys, self._heading(self._pushes[push_id])), Column.PACKAGE)
        self.dataChanged.emit(cell, cell, _ROLES)

    def _opens(self, push_id: str) -> bool:
        """Whether a push is open: as somebody chose, else the newest one and those that need somebody."""
        push = self._pushes[push_id]
        ended_well = push.ended and not push.totals.failed
        return self._chosen.get(push_id, not ended_well or push_id == next(reversed(self._pushes)))

    def _fit_headings(self, before: dict[str, PushStatus]) -> None:
        """Headings come with the second push; then only what changed is told."""
        headed = len(self._pushes) > 1
        wanted = {push_id for push_id in self._pushes if headed and self._members[push_id]}
        if headed != self._headed or before.keys() != self._pushes.keys() or wanted != self._headings():
            self._headed = headed
            self._rearrange()
        for push_id in wanted:
            old, new = before.get(push_id), self._pushes[push_id]
            if old is not None and (old.totals, old.ended) != (new.totals, new.ended):
                number = bisect_left(self._keys, self._heading(new))
                self.dataChanged.emit(self.index(number, 0), self.index(number, Column.TRY), _ROLES)

    def _headings(self) -> set[str]:
        return self._key_of.keys() & self._pushes.keys()

    def _heading(self, push: PushStatus) -> Key:
        return -push.started_at, push.id, _HEADING_RANK, _UNORDERED, 0, push.id

    def _rearrange(self) -> None:
        """Bring in and take out what became of opening, closing and new headings."""
        wanted = self._wanted()
        self._take_out([line for line in self._key_of if line not in wanted])
        self._bring_in({line: key for line, key in wanted.items() if line not in self._key_of})

    def _wanted(self) -> dict[str, Key]:
        """All lines there should be."""
        lines = {row.id: self._key(row) for row in self._rows.values() if self._is_shown(row)}
        if self._headed:
            lines |= {push.id: self._heading(push) for push in self._pushes.values() if self._members[push.id]}
        return lines

    def _is_shown(self, row: TransferRow) -> bool:
        return self._filter.accepts(row) and (not self._headed or row.push_id in self._open)

    def _count(self, before: TransferRow | None, row: TransferRow | None) -> None:
        """Count what the filter accepts, with `row` instead of `before`."""
        for each, more in ((before, -1), (row, 1)):
            if each is not None and self._filter.accepts(each):
                self._members[each.push_id] += more

    # ---- what is paused ----

    def _take_pauses(self, snapshot: QueueSnapshot) -> None:
        holds = {hold.mirror: replace(hold, waiting=0, left_s=hold.left_s and 0.0) for hold in snapshot.holds}
        now = snapshot.paused, frozenset(snapshot.paused_mirrors), holds
        if now != (self._paused, self._paused_mirrors, self._holds):
            self._paused, self._paused_mirrors, self._holds = now
            self._spoken.clear()
            if self._keys:
                last = self.index(len(self._keys) - 1, Column.PROGRESS)
                self.dataChanged.emit(self.index(0, Column.STATE), last, _ROLES)

    def _is_paused(self, row: TransferRow) -> bool:
        """Whether a person paused it, its mirror or everything."""
        return self._paused or row.paused or row.mirror in self._paused_mirrors

    def _hold(self, row: TransferRow) -> MirrorHold | None:
        return self._holds.get(row.mirror)

    # ---- rows ----

    @property
    def total(self) -> int:
        """Rows known, shown or not."""
        return len(self._rows)

    def row_at(self, number: int) -> TransferRow | None:
        """None for a heading."""
        return self._rows.get(self._keys[number][-1])

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
            new = self._key(row) if self._is_shown(row) else None
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
        first, second, third = row.order if row.state is ItemState.WAITING else _UNORDERED
        order = -first, -second, -third
        return -self._pushes[row.push_id].started_at, row.push_id, rank(row), order, self._places[row.id], row.id

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
        lines = [bisect_left(self._keys, self._key_of[row_id]) for row_id in moved]
        self._key_of.update(moved)
        if len(moved) > _MANY:
            self._keys = sorted(self._key_of.values())
        else:
            for line in sorted(lines, reverse=True):
                del self._keys[line]
            for key in moved.values():
                insort(self._keys, key)
        self.changePersistentIndexList(
            held, [self._at(row_id, index.column()) for row_id, index in zip(ids, held, strict=True)]
        )
        self.layoutChanged.emit()

    def _at(self, row_id: str, column: int) -> QModelIndex:
        return self.index(bisect_left(self._keys, self._key_of[row_id]), column)

    def _tell(self, before: TransferRow, row: TransferRow) -> None:
        """Emit `dataChanged` for the cells of `row` that look different now."""
        number = bisect_left(self._keys, self._key_of[row.id])
        columns = [column for column in _COLUMNS if self._picture(before, column) != self._picture(row, column)]
        for _, run in groupby(enumerate(columns), lambda pair: pair[1] - pair[0]):
            run_of = [column for _, column in run]
            self.dataChanged.emit(self.index(number, run_of[0]), self.index(number, run_of[-1]), _ROLES)
        known = self._spoken.get(row.id)
        if known is not None and known[:2] != step(row):
            cell = self.index(number, Column.PACKAGE)
            self.dataChanged.emit(cell, cell, [_DATA.AccessibleTextRole])

    def _picture(self, row: TransferRow, column: Column) -> object:
        """All that a cell shows; two rows with the same picture look the same there."""
        if column is Column.STATE:
            return row.state, bool(row.missing), row.paused
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
                return words.state_word(row, paused=self._is_paused(row), hold=self._hold(row))
            case Column.PROGRESS:
                share = phase_share(row)
                return (
                    percent(share) if share is not None else words.progress_sentence(row, self._label, self._hold(row))
                )
            case Column.RATE:
                return words.rate(row) if row.state.moving else ""
            case Column.LEFT:
                return words.time_left(row) if row.state.moving else ""
        return "" if row.state is ItemState.PRESENT or row.kind is not RowKind.PACKAGE else str(row.attempt)

    def _look(self, row: TransferRow) -> Look:
        icon, tone = LOOKS[row.state] if not is_incomplete(row) else ("triangle", "warn")
        waits = row.state is ItemState.WAITING
        hold = self._hold(row)
        if waits and (self._is_paused(row) or hold is not None):
            icon = "pause"
        quiet = waits or row.state in (ItemState.UPLOADED, ItemState.CANCELLED)
        return Look(icon, tone, words.state_word(row, paused=self._is_paused(row), hold=hold), quiet)

    def _progress(self, row: TransferRow) -> float | None:
        """The share for the bar; below zero for a bar of unknown length, None for no bar."""
        return None if not row.state.moving else -1.0 if (share := phase_share(row)) is None else share

    def _sentence(self, row: TransferRow) -> str:
        """The row for screen readers; it changes only with the state and every 25 per cent."""
        state, quarter = step(row)
        known = self._spoken.get(row.id)
        if known is None or known[:2] != (state, quarter):
            text = words.spoken(row, phase_share(row), paused=self._is_paused(row), hold=self._hold(row))
            known = state, quarter, text
            self._spoken[row.id] = known
        return known[2]

    def _sort_value(self, row: TransferRow, column: Column) -> object:
        match column:
            case Column.STATE:
                return rank(row)
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
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DATA.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == _DATA.DisplayRole:
            return words.COLUMNS[section]
        if orientation is Qt.Orientation.Horizontal and role == _DATA.TextAlignmentRole:
            return _RIGHT if section >= Column.RATE else None
        return None

    def data(self, index: Index, role: int = _DATA.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self.row_at(index.row()), _COLUMNS[index.column()]
        if row is None:
            push = self._pushes[self._keys[index.row()][-1]]
            return heading_data(push, self._packages(push), column, role, is_open=push.id in self._open)
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
