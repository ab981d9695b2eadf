# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The mirrors table's model: rows in Spack's search order."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from core.foundation.text import format_age, visible
from core.services.values import MirrorRow
from gui import messages
from gui.mirrors import words
from gui.widgets.cell import Index, Look, Role

_NO_PARENT = QModelIndex()
_ItemRole = Qt.ItemDataRole


class Column(IntEnum):
    NAME = 0
    PUSH_ADDRESS = 1
    SIGNED = 2
    AUTOPUSH = 3
    LOGIN = 4
    SCOPE = 5
    STATUS = 6
    PACKAGES = 7


class MirrorsModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[MirrorRow, ...] = ()

    def set_rows(self, rows: tuple[MirrorRow, ...]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def find(self, name: str) -> int | None:
        """Where the mirror called `name` is."""
        return next((at for at, row in enumerate(self.rows) if row.mirror.name == name), None)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ItemRole.DisplayRole:
            return messages.MIRROR_COLUMNS[section]
        return _alignment(Column(section)) if role == _ItemRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        answer = _ROLES.get(role)
        return answer(self.rows[index.row()], Column(index.column())) if answer is not None else None


def _text(row: MirrorRow, column: Column) -> str:
    return visible(_TEXTS[column](row))


def _alignment(column: Column) -> Qt.AlignmentFlag | None:
    return Qt.AlignmentFlag.AlignRight if column is Column.PACKAGES else None


def _tone(row: MirrorRow, column: Column) -> str:
    if column is Column.PUSH_ADDRESS and not row.mirror.binary:
        return "dim"
    return "text" if column in (Column.NAME, Column.PUSH_ADDRESS, Column.PACKAGES) else "dim"


def _tip(row: MirrorRow, column: Column) -> str | None:
    if column is Column.STATUS:
        return words.status_tip(row) or None
    if column is Column.LOGIN:
        return words.login_tip(row) or None
    if column is Column.SIGNED:
        return words.signed_tip(row.mirror) or None
    if column is Column.SCOPE and row.mirror.origin:
        first = row.mirror.origin[0]
        return messages.origin(first.scope, first.file, first.line)
    if column is Column.PACKAGES and row.packages is not None and row.index_written_at:
        return messages.index_of(row.packages, format_age(time.time() - row.index_written_at))
    return None


def _sentence(row: MirrorRow, column: Column) -> str | None:
    if column is not Column.NAME:
        return None
    mirror = row.mirror
    count = messages.mirror_packages(row.packages) if row.packages is not None else ""
    login = f"{messages.LOGIN} {words.login_word(row)}" if row.login is not None else ""
    parts = (
        mirror.name,
        words.kind_text(mirror),
        words.push_address(mirror),
        login,
        words.status_look(row).word,
        count,
    )
    return ", ".join(part for part in parts if part)


_TEXTS: dict[Column, Callable[[MirrorRow], str]] = {
    Column.NAME: lambda row: row.mirror.name,
    Column.PUSH_ADDRESS: lambda row: words.short_push_address(row.mirror),
    Column.SIGNED: lambda row: words.signed_text(row.mirror),
    Column.AUTOPUSH: lambda row: messages.AUTOPUSH_ON if row.mirror.autopush else messages.NONE,
    Column.LOGIN: words.login_word,
    Column.SCOPE: lambda row: row.mirror.scope,
    Column.STATUS: lambda row: words.status_look(row).word,
    Column.PACKAGES: lambda row: f"{row.packages:,}" if row.packages is not None else messages.NONE,
}
_LOOKS: dict[Column, Callable[[MirrorRow], Look | None]] = {
    Column.STATUS: words.status_look,
    Column.LOGIN: words.login_look,
}
_ROLES: dict[int, Callable[[MirrorRow, Column], object]] = {
    _ItemRole.DisplayRole: _text,
    _ItemRole.TextAlignmentRole: lambda _row, column: _alignment(column),
    _ItemRole.ToolTipRole: _tip,
    _ItemRole.AccessibleTextRole: _sentence,
    Role.OBJECT: lambda row, _column: row,
    Role.TONE: _tone,
    Role.DETAIL: lambda row, column: (words.kind_text(row.mirror),) if column is Column.NAME else (),
    Role.LOOK: lambda row, column: _LOOKS[column](row) if column in _LOOKS else None,
}
