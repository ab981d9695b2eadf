# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A push plan as a tree: one group for each decision, its packages below it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, Qt

from core.foundation.text import short_hash, visible
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan
from gui.push import words
from gui.widgets.cell import Index, Look, Role

_DATA = Qt.ItemDataRole
DECISIONS = tuple(words.DECISIONS)
_LOOKS = {
    Decision.PUSH: ("arrow-up", "accent"),
    Decision.COMPLETE: ("half", "accent"),
    Decision.PRESENT: ("check", "ok"),
    Decision.HELD_BACK: ("triangle", "warn"),
    Decision.EXTERNAL: ("circle", "dim"),
    Decision.NOT_INSTALLED: ("slash", "warn"),
}


class Column(IntEnum):
    WHAT = 0
    COUNT = 1
    DETAIL = 2


class PlanModel(QAbstractItemModel):
    """The groups are always there, in the order of `DECISIONS`; a new plan changes only what is below and behind them.

    While `stale` everything is dim: a newer plan is on its way.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._groups: list[tuple[PlanItem, ...]] = [()] * len(DECISIONS)
        self._options = PushOptions()
        self._stale = False

    def set_plan(self, plan: PushPlan) -> None:
        self._options = plan.options
        for number, decision in enumerate(DECISIONS):
            items = tuple(plan.of(decision))
            if items != self._groups[number]:
                self._fill(number, items)
        self.set_stale(False)

    def set_stale(self, stale: bool) -> None:
        self._stale = stale
        self.dataChanged.emit(self.index(0, 0), self.index(len(DECISIONS) - 1, Column.DETAIL))

    def items(self, decision: Decision) -> tuple[PlanItem, ...]:
        return self._groups[DECISIONS.index(decision)]

    def group(self, decision: Decision, column: int = 0) -> QModelIndex:
        return self.index(DECISIONS.index(decision), column)

    def item_at(self, index: Index) -> PlanItem | None:
        """The package of a row; None for a group."""
        group = index.internalId()
        return self._groups[group - 1][index.row()] if group else None

    def name_of(self, decision: Decision) -> str:
        """What a group is called."""
        return words.DECISIONS[decision]

    def detail_of(self, decision: Decision, items: tuple[PlanItem, ...], options: PushOptions) -> str:
        """What stands behind a group."""
        return words.group_detail(decision, items, options)

    def _fill(self, number: int, items: tuple[PlanItem, ...]) -> None:
        parent = self.index(number, 0)
        if self._groups[number]:
            self.beginRemoveRows(parent, 0, len(self._groups[number]) - 1)
            self._groups[number] = ()
            self.endRemoveRows()
        if items:
            self.beginInsertRows(parent, 0, len(items) - 1)
            self._groups[number] = items
            self.endInsertRows()

    def _group_data(self, number: int, column: Column, role: int) -> Any:
        decision, items = DECISIONS[number], self._groups[number]
        name, detail = self.name_of(decision), self.detail_of(decision, items, self._options)
        if role == _DATA.DisplayRole:
            texts = (name, words.packages(len(items)), detail)
            return texts[column]
        if role == Role.LOOK and column is Column.WHAT:
            icon, tone = _LOOKS[decision]
            quiet = self._stale or not items or decision is Decision.EXTERNAL
            return Look(icon, "dim" if self._stale else tone, name, quiet)
        if role == _DATA.ToolTipRole and column is Column.DETAIL:
            return detail or None
        if role == _DATA.AccessibleTextRole and column is Column.WHAT:
            return words.spoken_group(name, len(items), detail)
        if role == Role.TONE:
            return "dim" if self._stale or column is Column.DETAIL else "text"
        return None

    def _item_data(self, item: PlanItem, column: Column, role: int) -> Any:
        if role == _DATA.DisplayRole:
            return (visible(item.name), "", words.item_detail(item))[column]
        if role == Role.DETAIL and column is Column.WHAT:
            return visible(item.version), short_hash(item.hash)
        if role == Role.TONE:
            return "dim" if self._stale or column is Column.DETAIL else "text"
        if role == Role.OBJECT:
            return item
        if role == _DATA.ToolTipRole:
            note = words.item_detail(item) if item.note and column is Column.DETAIL else ""
            return note or item.prefix or item.reason or None
        if role == _DATA.AccessibleTextRole and column is Column.WHAT:
            parts = (visible(f"{item.name} {item.version}"), self.name_of(item.decision), words.item_detail(item))
            return ", ".join(part for part in parts if part)
        return None

    # ---- Qt ----

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008  Qt's own default
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        group = index.internalId() if index.isValid() else 0
        return self.createIndex(group - 1, 0, 0) if group else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        if not parent.isValid():
            return len(DECISIONS)
        return len(self._groups[parent.row()]) if not parent.internalId() and parent.column() == 0 else 0

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(Column)

    def data(self, index: Index, role: int = _DATA.DisplayRole) -> Any:
        if not index.isValid():
            return None
        column, item = Column(index.column()), self.item_at(index)
        if item is not None:
            return self._item_data(item, column, role)
        return self._group_data(index.row(), column, role)
