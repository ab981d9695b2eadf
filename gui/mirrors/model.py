# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The mirrors table's model: rows in Spack's search order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QMimeData, QModelIndex, QObject, Qt

from core.foundation.text import format_age, visible
from core.services.values import MirrorRow
from gui import messages
from gui.mirrors import missing_words, words
from gui.mirrors.missing import MissingCounts
from gui.mirrors.testing import MirrorTests
from gui.widgets.cell import Index, Look, Role

_NO_PARENT = QModelIndex()
_ItemRole = Qt.ItemDataRole
ROW_MIME = "application/x-mirrordeck-mirror"


class Column(IntEnum):
    NAME = 0
    PUSH_ADDRESS = 1
    FETCH_ADDRESS = 2
    CONTAINS = 3
    SIGNED = 4
    AUTOPUSH = 5
    LOGIN = 6
    SCOPE = 7
    STATUS = 8
    MISSING = 9
    PACKAGES = 10


class MirrorsModel(QAbstractTableModel):
    """`locked` are the scopes that cannot be written. A row can be dragged between two others."""

    def __init__(self, tests: MirrorTests, missing: MissingCounts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[MirrorRow, ...] = ()
        self.locked: frozenset[str] = frozenset()
        self._tests = tests
        self._missing = missing
        tests.changed.connect(self._on_learnt)
        missing.changed.connect(self._on_learnt)

    def set_rows(self, rows: tuple[MirrorRow, ...], locked: frozenset[str] = frozenset()) -> None:
        self.beginResetModel()
        self.rows = rows
        self.locked = locked
        self.endResetModel()

    @property
    def fetch_differs(self) -> bool:
        """True if any mirror is read from another address than it is written to."""
        return any(words.fetch_address(row.mirror) != words.push_address(row.mirror) for row in self.rows)

    def tell_ages(self) -> None:
        """How long ago something was has changed."""
        if self.rows:
            self.dataChanged.emit(self.index(0, Column.STATUS), self.index(len(self.rows) - 1, Column.MISSING))

    def _on_learnt(self, name: str) -> None:
        row = self.find(name)
        if row is not None:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))

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
        row, column = self.rows[index.row()], Column(index.column())
        match column, role:
            case Column.STATUS, _ItemRole.DisplayRole:
                return self._status(row).word
            case Column.STATUS, Role.LOOK:
                return self._status(row)
            case Column.STATUS, _ItemRole.ToolTipRole:
                name = row.mirror.name
                return words.status_tip(row, self._tests.result(name), self._tests.failure(name)) or None
            case Column.SCOPE, Role.LOOK:
                locked = row.mirror.scope in self.locked
                return Look("lock", "dim", visible(row.mirror.scope), quiet=True) if locked else None
            case Column.MISSING, _:
                return self._missing_data(row, role)
            case Column.NAME, _ItemRole.AccessibleTextRole:
                missing = missing_words.missing_sentence(self._missing.result(row.mirror.name))
                return _sentence(row, self._status(row).word, missing)
        answer = _ROLES.get(role)
        return answer(row, column) if answer is not None else None

    def _status(self, row: MirrorRow) -> Look:
        name, tests = row.mirror.name, self._tests
        running, failure = tests.is_running(name), tests.failure(name)
        return words.status_look(row, tests.result(name), running=running, failure=failure)

    def _missing_data(self, row: MirrorRow, role: int) -> object:
        name = row.mirror.name
        count, asked = self._missing.result(name), self._missing.is_asked(name)
        match role:
            case _ItemRole.DisplayRole:
                return missing_words.missing_text(count, asked=asked)
            case _ItemRole.ToolTipRole:
                return missing_words.missing_tip(count, asked=asked) or None
            case _ItemRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignRight
            case Role.TONE:
                return "accent" if missing_words.has_missing(count) else "dim"
            case Role.OBJECT:
                return row
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [ROW_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        if indexes:
            data.setData(ROW_MIME, self.rows[indexes[0].row()].mirror.name.encode())
        return data


def _text(row: MirrorRow, column: Column) -> str:
    return visible(_TEXTS[column](row))


def _alignment(column: Column) -> Qt.AlignmentFlag | None:
    return Qt.AlignmentFlag.AlignRight if column in (Column.MISSING, Column.PACKAGES) else None


def _tone(row: MirrorRow, column: Column) -> str:
    if column is Column.PUSH_ADDRESS and not row.mirror.binary:
        return "dim"
    return "text" if column in (Column.NAME, Column.PUSH_ADDRESS, Column.PACKAGES) else "dim"


def _tip(row: MirrorRow, column: Column) -> str | None:
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


def _sentence(row: MirrorRow, status: str, missing: str) -> str:
    mirror = row.mirror
    count = messages.mirror_packages(row.packages) if row.packages is not None else ""
    login = f"{messages.LOGIN} {words.login_word(row)}" if row.login is not None else ""
    parts = (mirror.name, words.kind_text(mirror), words.push_address(mirror), login, status, missing, count)
    return ", ".join(part for part in parts if part)


_TEXTS: dict[Column, Callable[[MirrorRow], str]] = {
    Column.NAME: lambda row: row.mirror.name,
    Column.PUSH_ADDRESS: lambda row: words.short_push_address(row.mirror),
    Column.FETCH_ADDRESS: lambda row: words.short_fetch_address(row.mirror),
    Column.CONTAINS: lambda row: words.contains_text(row.mirror),
    Column.SIGNED: lambda row: words.signed_text(row.mirror),
    Column.AUTOPUSH: lambda row: messages.AUTOPUSH_ON if row.mirror.autopush else messages.NONE,
    Column.LOGIN: words.login_word,
    Column.SCOPE: lambda row: row.mirror.scope,
    Column.PACKAGES: lambda row: f"{row.packages:,}" if row.packages is not None else messages.NONE,
}
_ROLES: dict[int, Callable[[MirrorRow, Column], object]] = {
    _ItemRole.DisplayRole: _text,
    _ItemRole.TextAlignmentRole: lambda _row, column: _alignment(column),
    _ItemRole.ToolTipRole: _tip,
    Role.OBJECT: lambda row, _column: row,
    Role.TONE: _tone,
    Role.DETAIL: lambda row, column: (words.kind_text(row.mirror),) if column is Column.NAME else (),
    Role.LOOK: lambda row, column: words.login_look(row) if column is Column.LOGIN else None,
}
