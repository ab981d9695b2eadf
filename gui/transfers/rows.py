# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rows of transfers and headings of pushes as the table shows them: order, looks, filters."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any

from PySide6.QtCore import Qt

from core.transfers.model import ItemState, PushStatus, Totals, TransferRow
from gui.transfers import words
from gui.widgets.cell import Look, Role

_DATA = Qt.ItemDataRole
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
LOOKS = {
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
_OPEN = Look("chevron-down", "dim", words.OPENED)
_CLOSED = Look("chevron-right", "dim", words.CLOSED)


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
    PAUSED = 4

    def accepts(self, row: TransferRow) -> bool:
        match self:
            case StateFilter.UNFINISHED:
                return not row.state.ended
            case StateFilter.FAILED:
                return row.state is ItemState.FAILED
            case StateFilter.ENDED:
                return row.state.ended
            case StateFilter.PAUSED:
                return row.paused
        return True


def phase_share(row: TransferRow) -> float | None:
    """How far the current phase is, 0.0 to 1.0; None where that is not known or nothing moves."""
    if row.state not in (ItemState.PACKING, ItemState.COPYING, ItemState.UPLOADING) or not row.total_bytes:
        return None
    return min(row.done_bytes / row.total_bytes, 1.0)


def is_incomplete(row: TransferRow) -> bool:
    """Done, but not all that was wanted."""
    return row.state is ItemState.DONE and bool(row.missing)


def rank(row: TransferRow) -> int:
    return _INCOMPLETE_RANK if is_incomplete(row) else _RANKS[row.state]


def step(row: TransferRow) -> tuple[ItemState, int]:
    """What has to change before a row is read out anew."""
    return row.state, int((phase_share(row) or 0.0) * 4)


def heading_data(push: PushStatus, packages: Totals, column: Column, role: int, *, is_open: bool) -> Any:
    """What a cell of the heading of `push` answers; `packages` counts its packages."""
    totals = push.totals
    if role == Role.GROUND:
        return "track"
    if role == Role.OBJECT:
        return push
    if column is Column.PACKAGE:
        if role == _DATA.AccessibleTextRole:
            return words.spoken_push(push, packages, is_open=is_open)
        if role == Role.LOOK:
            return _OPEN if is_open else _CLOSED
        if role == Role.DETAIL:
            return (words.packages_of(packages),)
        return words.heading(push) if role == _DATA.DisplayRole else None
    if column is Column.STATE and role == Role.LOOK:
        icon, tone = ("cross", "bad") if totals.failed else ("check", "ok") if push.ended else ("dot", "accent")
        return Look(icon, tone, words.push_state(push))
    if column is Column.PROGRESS and role == Role.PROGRESS and not push.ended and totals.total_bytes:
        return min(totals.done_bytes / totals.total_bytes, 1.0)
    if role in (_DATA.DisplayRole, _DATA.AccessibleTextRole):
        texts = {Column.STATE: words.push_state(push), Column.PROGRESS: words.push_counts(packages)}
        return texts.get(column, "")
    return None
