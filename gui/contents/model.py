# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The contents table's model: groups that open, as lines of a flat list, so that their number does not matter."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence, Set

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, QTimer, Signal

from core.caches.browsing import EntryKind
from core.foundation.text import short_hash, visible
from core.services.values import ContentsRow, EntrySignature
from core.signing.signatures import SignatureFacts
from gui import messages
from gui.contents import words
from gui.contents.rows import Column, Contents, Group, GroupKey
from gui.packages.slices import Steps, finish
from gui.widgets.cell import Index, Look, Role
from gui.widgets.stepping import Stepper

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
_AT_ONCE = 2_000  # rows that are arranged in no time
_REST_MS = 200  # for others, while more of them come
_COLUMNS = tuple(Column)

LineId = tuple[GroupKey, str]
Line = tuple[Group, str]


class ContentsModel(QAbstractTableModel):
    """Rows in, roles out. A line is a group or an entry of an open group; `LineId` names it for good.

    `signatures` says whether Spack has signatures here, `reading` whether what is not known will come, `stale` that all
    is only what was known last. `judged` says by entry what signatures are worth, as far as that was asked for.

    With very many rows narrowing, sorting and opening go on in steps while the old lines stay, and rows that came are
    put where they belong some times a second.
    """

    arranged = Signal()

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
        self._lines: list[Line] = []
        self._opens_few = False  # whether the filter is new, and opens what it leaves where that is little
        self._outdated = False  # whether a group was opened or closed since the steps began
        self._stepper = Stepper(self)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_REST_MS)
        self._later.timeout.connect(self._on_later)
        self._discarding = Stepper(self)

    # ---- filling ----

    def apply(self, rows: Sequence[ContentsRow]) -> None:
        """Add rows and replace what is known already."""
        self._now = time.time()
        if not self.contents.apply(rows):
            self._repaint()
        elif self._is_small:
            self._arrange()
        elif not self._later.isActive():
            self._later.start()

    @property
    def _is_small(self) -> bool:
        return len(self.contents.rows) <= _AT_ONCE

    def _on_later(self) -> None:
        if self._stepper.running:
            self._later.start()  # beginning anew each time would never end while rows come
        else:
            self._arrange()

    def retain(self, keys: Set[str]) -> None:
        """Forget what is not among `keys`, and sum up anew."""
        if not self.contents.retain(keys):
            return
        self._stepper.stop()
        rows = self.contents.rows
        self._show([line for line in self._lines if (line[1] in rows if line[1] else line[0].keys)])
        self._arrange()

    def clear(self) -> None:
        self._stepper.stop()
        self._later.stop()
        self._discarding.run(self.contents.discarding())
        self.contents = Contents()
        self._open.clear()
        self._show([])
        self.arranged.emit()

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
            self._opens_few = True
            self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorting = (Column(column), order is Qt.SortOrder.DescendingOrder)
        self._arrange()

    def _arrange(self) -> None:
        """Put everything where it belongs now; `arranged` follows."""
        self._later.stop()
        steps = self._arranging()
        if self._is_small:
            self._stepper.stop()
            finish(steps)
        else:
            self._stepper.run(steps)

    def _arranging(self) -> Steps[None]:
        self._outdated = False
        column, descending = self._sorting
        yield from self.contents.narrowing(self._words, self._only)
        if self._opens_few:
            self._opens_few = False
            self._open_while_filtered = self._opened_by_filter()
        lines: list[Line] = []
        for group in (yield from self.contents.ordering(column, descending=descending)):
            lines.append((group, ""))
            if self._is_open(group):
                lines += yield from self._entry_lines(group)
        self._show(lines)
        self._stepper.stop()  # whoever is told must not find this busy any more
        if self._outdated:
            self._arrange()
        else:
            self.arranged.emit()

    def _opened_by_filter(self) -> set[GroupKey]:
        groups = [group for group in self.contents.groups.values() if group.shown]
        few = bool(self._words or self._only is not None) and sum(len(group.shown) for group in groups) <= _FEW
        return {group.key for group in groups} if few else set()

    def _entry_lines(self, group: Group) -> Steps[list[Line]]:
        column, descending = self._sorting
        keys = yield from self.contents.entries(group, column, descending=descending)
        return [(group, key) for key in keys]

    def _show(self, lines: list[Line]) -> None:
        self.beginResetModel()
        self._lines = lines
        self.endResetModel()

    @property
    def busy(self) -> bool:
        """Whether the lines shown are not yet those asked for."""
        return self._stepper.running or self._later.isActive()

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
        self._outdated = True  # what is being arranged may have been there already
        if wanted:
            self._open.add(group.key)
            self._insert(row + 1, finish(self._entry_lines(group)))
        else:
            self._open.discard(group.key)
            self._open_while_filtered.discard(group.key)
            self._remove_entries(row + 1)
        self.dataChanged.emit(self.index(row, 0), self.index(row, 0))

    def _insert(self, at: int, lines: list[Line]) -> None:
        if lines:
            self.beginInsertRows(_NO_PARENT, at, at + len(lines) - 1)
            self._lines[at:at] = lines
            self.endInsertRows()

    def _remove_entries(self, at: int) -> None:
        """Those from line `at` on to the next group: not always all there are, where many are being arranged."""
        end = at
        while end < len(self._lines) and self._lines[end][1]:
            end += 1
        if end > at:
            self.beginRemoveRows(_NO_PARENT, at, end - 1)
            del self._lines[at:end]
            self.endRemoveRows()

    def set_all_open(self, *, wanted: bool) -> None:
        self._open = set(self.contents.groups) if wanted else set()
        self._open_while_filtered = set()
        self._arrange()

    # ---- asking ----

    def entry_at(self, row: int) -> ContentsRow | None:
        """The entry of a line, None for a group."""
        key = self._lines[row][1]
        return self.contents.rows[key] if key else None

    def lines(self, ranges: Iterable[tuple[int, int]]) -> list[Line]:
        """What these ranges of rows show, their last ones included."""
        return [line for first, last in ranges for line in self._lines[first : last + 1]]

    def line_id(self, row: int) -> LineId:
        group, key = self._lines[row]
        return group.key, key

    def find_hash(self, dag_hash: str) -> int | None:
        """The line of a package, whose group is opened; None if it is not shown."""
        for at, (group, _key) in enumerate(self._lines):
            keys = [each for each in group.shown if self.contents.rows[each].hash == dag_hash] if not _key else []
            if keys:
                self.set_open(at, wanted=True)
                return next(iter(self.find([(group.key, keys[0])])), None)
        return None

    def find(self, wanted: Collection[LineId]) -> list[int]:
        """Where these lines are, as far as they are shown."""
        keys = {key for _, key in wanted}  # mostly the answer already, and without making anything
        lines = enumerate(self._lines) if wanted else ()
        return [row for row, (group, key) in lines if key in keys and (group.key, key) in wanted]

    # ---- Qt ----

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(_COLUMNS)

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
        column = _COLUMNS[index.column()]
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
