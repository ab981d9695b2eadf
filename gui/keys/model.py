# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The keys table's model: those that can sign first, those that are no good any more last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

from PySide6.QtCore import QObject, Qt

from core.foundation.text import visible
from core.services.keys_values import Key, MirrorKeys
from gui.keys import words
from gui.widgets.cell import Index, Role
from gui.widgets.list_model import ListModel

_ItemRole = Qt.ItemDataRole


class Column(IntEnum):
    OWNER = 0
    FINGERPRINT = 1
    KIND = 2
    EXPIRES = 3
    USE = 4
    PUBLISHED = 5


class KeysModel(ListModel[Key]):
    """`mirrors` is None while it is not known what they publish."""

    titles = words.COLUMNS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.mirrors: tuple[MirrorKeys, ...] | None = None

    def show(self, rows: Sequence[Key]) -> None:
        super().show(sorted(rows, key=_order))

    def set_mirrors(self, mirrors: tuple[MirrorKeys, ...] | None) -> None:
        self.mirrors = mirrors
        if self.rows:
            last = self.index(len(self.rows) - 1, Column.PUBLISHED)
            self.dataChanged.emit(self.index(0, Column.PUBLISHED), last)

    def find(self, fingerprint: str) -> int | None:
        return next((at for at, key in enumerate(self.rows) if key.fingerprint == fingerprint), None)

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        key, column = self.rows[index.row()], Column(index.column())
        match column, role:
            case Column.PUBLISHED, _ItemRole.DisplayRole:
                return words.published_on(key, self.mirrors)
            case Column.USE, Role.LOOK:
                return words.use(key)
            case Column.USE, _ItemRole.ToolTipRole:
                return words.use_sentence(key)
            case Column.FINGERPRINT, _ItemRole.ToolTipRole:
                return words.fingerprint(key.fingerprint)
            case Column.OWNER, _ItemRole.AccessibleTextRole:
                return f"{visible(key.user_id)}, {words.use(key).word}, {words.EXPIRES} {words.expires(key)}"
            case _, _ItemRole.DisplayRole:
                return _TEXTS[column](key)
            case _, Role.OBJECT:
                return key
            case _, Role.TONE:
                return "text" if column is Column.OWNER else "dim"
        return None


def _order(key: Key) -> tuple[bool, bool, str, str]:
    return not key.secret, bool(key.problem), key.user_id.casefold(), key.fingerprint


_TEXTS: dict[Column, Callable[[Key], str]] = {
    Column.OWNER: lambda key: visible(key.user_id),
    Column.FINGERPRINT: lambda key: words.fingerprint(key.fingerprint[-16:]),
    Column.KIND: lambda key: key.algorithm,
    Column.EXPIRES: words.expires,
    Column.USE: lambda key: words.use(key).word,
}
