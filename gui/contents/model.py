# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The contents table's model: groups that open, as lines of a flat list, so that their number does not matter."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from core.caches.browsing import EntryKind
from core.foundation.text import short_hash, visible
from core.services.values import ContentsRow, EntrySignature
from core.signing.signatures import SignatureFacts
from gui import messages
from gui.contents import words
from gui.contents.rows import Column, Contents, Group, GroupKey
from gui.widgets.cell import Index, Look, Role

_NO_PARENT = QModelIndex()
_ItemRole = Qt.ItemDataRole
_RIGHT = Qt.AlignmentFlag.AlignRight
_OPEN = Look("chevron-down", "dim", words.OPENED)
_CLOSED = Look("chevron-right", "dim", words.CLOSED)
_PROBLEM = Look("triangle", "warn", "problem")
_YES = Look("check", "ok", messages.YES)
_SIGNED = Look("check", "dim", messages.YES, quiet=True)
_NO = Look("circle", "dim", messages.NO, quiet=True)
_SHAPES = {"ok": "check", "warn": "triangle", "bad": "cross", "text": "circle"}
_FEW = 200

LineId = tuple[GroupKey, str]


class ContentsModel(QAbstractTableModel):
    """Rows in, roles out. A line is a group or an entry of an open group; `LineId` names it for good.

    `signatures` says whether Spack has signatures here, `reading` whether what is not known will come, `stale` that all
    is only what was known last. `judged` says by entry what signatures are worth, as far as that was asked for.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.contents = Contents()
        self.signatures = True
        self.judged: dict[str, SignatureFacts] = {}
        self._reading = False
        self._stale = False
        self._now = time.time()
        self._words: tuple[str, ...] = ()
        self._only: frozenset[str] | None = None
        self._sorting: tuple[Column, bool] = (Column.NAME, False)
        self._open: set[GroupKey] = set()
        self._open_while_filtered: set[GroupKey] = set()
        self._lines: list[tuple[Group, str]] = []

    # ---- filling ----

    def apply(self, rows: Sequence[ContentsRow]) -> None:
        """Add rows and replace what is known already."""
        self._now = time.time()
        if self.contents.apply(rows):
            self.contents.narrow(self._words, self._only)
            self._rearrange()
        else:
            self._repaint()

    def retain(self, keys: Collection[str]) -> None:
        """Forget what is not among `keys`, and sum up anew."""
        if self.contents.retain(keys):
            self.contents.narrow(self._words, self._only)
            self._rearrange()

    def clear(self) -> None:
        self.contents = Contents()
        self._open.clear()
        self._rearrange()

    def show_signatures(self, judged: Sequence[EntrySignature]) -> None:
        """What signatures are worth; nothing is forgotten before `forget_signatures`."""
        self.judged.update({one.key: one.facts for one in judged})
        self._repaint()

    def forget_signatures(self) -> None:
        if self.judged:
            self.judged.clear()
            self._repaint()

    def set_state(self, *, reading: bool, stale: bool) -> None:
        if (reading, stale) != (self._reading, self._stale):
            self._reading, self._stale = reading, stale
            self._repaint()

    @property
    def settled(self) -> bool:
        """Whether all is known as it is now."""
        return not self._reading and not self._stale

    def _repaint(self) -> None:
        if self._lines:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._lines) - 1, len(Column) - 1))

    # ---- narrowing and order ----

    def set_filter(self, text: str, only: frozenset[str] | None = None) -> None:
        """Only entries with all words of `text`, of packages with the hashes `only`; where few are left their groups
        are open."""
        wanted = tuple(text.lower().split())
        if (wanted, only) != (self._words, self._only):
            self._words, self._only = wanted, only
            self.contents.narrow(wanted, only)
            groups = [group for group in self.contents.groups.values() if group.shown]
            few = bool(wanted or only is not None) and sum(len(group.shown) for group in groups) <= _FEW
            self._open_while_filtered = {group.key for group in groups} if few else set()
            self._rearrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorting = (Column(column), order is Qt.SortOrder.DescendingOrder)
        self._rearrange()

    def _rearrange(self) -> None:
        """Put everything where it belongs now."""
        self.beginResetModel()
        column, descending = self._sorting
        lines: list[tuple[Group, str]] = []
        for group in self.contents.order(column, descending=descending):
            lines.append((group, ""))
            if self._is_open(group):
                lines += self._entry_lines(group)
        self._lines = lines
        self.endResetModel()

    def _entry_lines(self, group: Group) -> list[tuple[Group, str]]:
        column, descending = self._sorting
        return [(group, key) for key in self.contents.entries(group, column, descending=descending)]

    # ---- opening ----

    def _is_open(self, group: Group) -> bool:
        return group.key in self._open or group.key in self._open_while_filtered

    def is_open(self, row: int) -> bool:
        return self._is_open(self._lines[row][0])

    def is_group(self, row: int) -> bool:
        return not self._lines[row][1]

    def group_row(self, row: int) -> int:
        """Where the group of a line is."""
        while self._lines[row][1]:
            row -= 1
        return row

    def set_open(self, row: int, *, wanted: bool) -> None:
        """Open or close the group at `row`."""
        group = self._lines[row][0]
        if wanted is self._is_open(group):
            return
        count = len(group.shown)
        if wanted:
            self._open.add(group.key)
            self.beginInsertRows(_NO_PARENT, row + 1, row + count)
            self._lines[row + 1 : row + 1] = self._entry_lines(group)
            self.endInsertRows()
        else:
            self._open.discard(group.key)
            self._open_while_filtered.discard(group.key)
            self.beginRemoveRows(_NO_PARENT, row + 1, row + count)
            del self._lines[row + 1 : row + 1 + count]
            self.endRemoveRows()
        self.dataChanged.emit(self.index(row, 0), self.index(row, 0))

    def set_all_open(self, *, wanted: bool) -> None:
        self._open = set(self.contents.groups) if wanted else set()
        self._open_while_filtered = set()
        self._rearrange()

    # ---- asking ----

    def entry_at(self, row: int) -> ContentsRow | None:
        """The entry of a line, None for a group."""
        key = self._lines[row][1]
        return self.contents.rows[key] if key else None

    def keys_at(self, rows: Iterable[int]) -> list[str]:
        """The entries these lines stand for: a group for all that is shown of it."""
        found: dict[str, None] = {}
        for row in rows:
            group, key = self._lines[row]
            found.update(dict.fromkeys((key,) if key else group.shown))
        return list(found)

    def line_id(self, row: int) -> LineId:
        group, key = self._lines[row]
        return group.key, key

    def find_hash(self, dag_hash: str) -> int | None:
        """The line of a package, whose group is opened; None if it is not shown."""
        for at, (group, _key) in enumerate(self._lines):
            keys = [each for each in group.shown if self.contents.rows[each].hash == dag_hash] if not _key else []
            if keys:
                self.set_open(at, wanted=True)
                return self.find([(group.key, keys[0])])[0]
        return None

    def find(self, wanted: Collection[LineId]) -> list[int]:
        """Where these lines are, as far as they are shown."""
        return [row for row, (group, key) in enumerate(self._lines) if (group.key, key) in wanted] if wanted else []

    # ---- Qt ----

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ItemRole.DisplayRole:
            return words.COLUMNS[section]
        return _RIGHT if role == _ItemRole.TextAlignmentRole and section == Column.SIZE else None

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        group, key = self._lines[index.row()]
        column = Column(index.column())
        if role == _ItemRole.TextAlignmentRole:
            return _RIGHT if column is Column.SIZE else None
        if role == Role.TONE:
            return "faint" if self._stale else "text" if column is Column.NAME else "dim"
        if not key:
            return self._group_data(group, column, role)
        return self._entry_data(self.contents.rows[key], column, role)

    def _group_data(self, group: Group, column: Column, role: int) -> object:
        match role:
            case _ItemRole.DisplayRole:
                return self._group_text(group, column)
            case Role.DETAIL if column is Column.NAME:
                return (words.count_text(len(group.shown), len(group.keys)),)
            case Role.LOOK if column is Column.NAME:
                return _OPEN if self._is_open(group) else _CLOSED
            case _ItemRole.AccessibleTextRole if column is Column.NAME:
                size = self.contents.sums(group).stored_bytes
                return words.group_sentence(group.title, len(group.shown), size, is_open=self._is_open(group))
        return None

    def _group_text(self, group: Group, column: Column) -> str:
        if column is Column.NAME:
            return group.title
        size, newest, installed = self.contents.sums(group)
        match column:
            case Column.SIZE:
                return words.size_text(size, reading=self._reading)
            case Column.PUSHED:
                return words.age_text(newest, self._now, reading=self._reading)
            case Column.INSTALLED if installed:
                return f"{installed:,}"
        return ""

    def _entry_data(self, row: ContentsRow, column: Column, role: int) -> object:
        match role:
            case _ItemRole.DisplayRole:
                return self._entry_text(row, column)
            case Role.OBJECT:
                return row
            case Role.DETAIL if column is Column.NAME:
                return self._notes(row)
            case Role.LOOK:
                return self._look(row, column)
            case _ItemRole.ToolTipRole:
                return _tip(row, column, self.judged.get(row.key), signatures=self.signatures)
            case _ItemRole.AccessibleTextRole if column is Column.NAME:
                return words.entry_sentence(row, self._now, self.judged.get(row.key), signatures=self.signatures)
        return None

    def _entry_text(self, row: ContentsRow, column: Column) -> str:
        match column:
            case Column.NAME:
                return words.entry_title(row)
            case Column.HASH:
                return short_hash(row.hash)
            case Column.TARGET:
                return visible(row.target) or (messages.NONE if row.kind is EntryKind.PACKAGE else "")
            case Column.SIZE:
                return words.size_text(row.stored_bytes, reading=self._reading and not row.problem)
            case Column.PUSHED:
                return words.age_text(row.modified, self._now, reading=self._reading and row.stored_bytes is None)
            case Column.SIGNED:
                return words.signed_word(row, self.judged.get(row.key), signatures=self.signatures)
        return messages.YES if row.installed else messages.NONE if row.kind is EntryKind.PACKAGE else ""

    def _notes(self, row: ContentsRow) -> tuple[str, ...]:
        if row.problem:
            return (visible(row.problem),)
        notes = (
            words.NOT_IN_INDEX if row.in_index is False else "",
            words.OLD_LAYOUT if words.is_old(row) else "",
            words.shares(self.contents.sharing(row)),
        )
        return tuple(note for note in notes if note)

    def _look(self, row: ContentsRow, column: Column) -> Look | None:
        if column is Column.NAME:
            return _PROBLEM if row.problem else None
        if column is Column.INSTALLED:
            return _YES if row.installed else None
        if column is Column.SIGNED and self.signatures and row.signed is not None:
            facts = self.judged.get(row.key)
            return _signature_look(facts) if facts is not None else _SIGNED if row.signed else _NO
        return None


def _signature_look(facts: SignatureFacts) -> Look:
    tone = words.signature_text(facts)[1]
    return Look(_SHAPES[tone], tone, words.SIGNATURE_WORDS[facts.state], quiet=tone == "ok")


def _tip(row: ContentsRow, column: Column, facts: SignatureFacts | None, *, signatures: bool) -> str | None:
    if column is Column.NAME:
        return "\n".join(part for part in (visible(row.key), visible(row.problem)) if part)
    if column is Column.HASH:
        return row.hash or None
    if column is Column.SIGNED and not signatures and row.kind is EntryKind.PACKAGE:
        return messages.NOT_SIGNED_TIP
    if column is Column.SIGNED and facts is not None:
        return words.signature_text(facts)[0]
    return words.moment(row.modified) if column is Column.PUSHED and row.modified else None
