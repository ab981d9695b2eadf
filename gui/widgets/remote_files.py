# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A dialog that looks into the folders where the engine runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from core.engine.calls.files import ListDirectory
from core.foundation.text import format_age, format_bytes, visible
from core.remote.address import Place
from core.services.files_values import DirectoryEntry, DirectoryView
from gui import messages, theme
from gui.remote import words
from gui.widgets.cell import Index, Role
from gui.widgets.controls import CheckBox, IconButton
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.empty_state import EmptyState
from gui.widgets.table import TablePane, TableView
from gui.widgets.task_dialog import TaskDialog

_NO_PARENT = QModelIndex()
_ItemRole = Qt.ItemDataRole
_NAME, _SIZE, _CHANGED = range(3)
_WIDTHS = ((_SIZE, 90), (_CHANGED, 130))


class _Engine(Protocol):
    @property
    def place(self) -> Place: ...

    async def call(self, call: Any, /) -> Any: ...


class FilesModel(QAbstractTableModel):
    """The entries of one folder, in the order of the engine."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: Sequence[DirectoryEntry] = ()

    def show(self, entries: Sequence[DirectoryEntry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(words.FILE_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == _ItemRole.DisplayRole:
            return words.FILE_COLUMNS[section]
        return None

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        entry, column = self.entries[index.row()], index.column()
        match column, role:
            case _, Role.OBJECT:
                return entry
            case _, Role.TONE:
                return "text" if column == _NAME else "dim"
            case 0, _ItemRole.DisplayRole:
                return f"{visible(entry.name)}/" if entry.is_dir else visible(entry.name)
            case 1, _ItemRole.DisplayRole:
                return "" if entry.is_dir else format_bytes(entry.size_bytes)
            case 2, _ItemRole.DisplayRole:
                return format_age(time.time() - entry.mtime_s)
            case 0, _ItemRole.AccessibleTextRole:
                return words.spoken_entry(entry.name, is_dir=entry.is_dir)
        return None


class RemoteFilesDialog(TaskDialog):
    """Open it with `ask`; accepted, `chosen` is an absolute path there.

    `folders`: a folder is chosen; `new`: a file to be written, called `name` at first and ending in `suffix`.
    """

    def __init__(
        self,
        engine: _Engine,
        title: str,
        *,
        folders: bool,
        new: bool = False,
        begin: str = "",
        name: str = "",
        suffix: str = "",
        parent: QWidget | None = None,
    ) -> None:
        place = engine.place.title
        super().__init__(words.on_place(title, place), words.SAVE if new else words.CHOOSE, parent)
        self.chosen = ""
        self.view = DirectoryView("", "")
        self._engine, self._folders, self._new, self._suffix = engine, folders, new, suffix
        self.path = QLineEdit()
        self.path.setAccessibleName(words.PATH)
        self.up = IconButton("arrow-up", words.UP)
        self.home = IconButton("folder", words.HOME)
        self.model = FilesModel(self)
        self.table = TableView(words.files_table(place))
        self.table.setModel(self.model)
        self.table.arrange(_WIDTHS, _NAME)
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-folder", "")
        self.hidden = CheckBox(words.SHOW_HIDDEN)
        self.name = QLineEdit(name)
        self.name.setAccessibleName(words.FILE_NAME)
        self.name.setPlaceholderText(words.FILE_NAME)
        self.name.setVisible(new)
        self._lay_out()
        self._connect()
        self._go(begin)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_XS)
        top.addWidget(self.path, 1)
        top.addWidget(self.up)
        top.addWidget(self.home)
        self.body.addLayout(top)
        self.body.addWidget(self.pane, 1)
        self.body.addWidget(self.name)
        self.extra_buttons.addWidget(self.hidden)

    def _connect(self) -> None:
        self.path.returnPressed.connect(lambda: self._go(self.path.text().strip()))
        self.up.clicked.connect(lambda: self._go(self.view.parent))
        self.home.clicked.connect(lambda: self._go(""))
        self.table.doubleClicked.connect(self._on_activated)
        self.table.activated.connect(self._on_activated)
        self.table.selectionModel().selectionChanged.connect(self._check)
        self.hidden.toggled.connect(self._show)
        self.name.textChanged.connect(self._check)
        self.name.returnPressed.connect(self.confirm_button.click)
        self.confirm_button.clicked.connect(self._on_confirm)

    # ---- walking ----

    def _go(self, path: str) -> None:
        self.work_instead(lambda: self._list(path))

    async def _list(self, path: str) -> None:
        self.notice.clear()
        view = await self._engine.call(ListDirectory(path, self._folders))
        if view.error and self.view.path:
            self.notice.show_notice(words.not_readable(view.path), visible(view.error), tone="bad", closable=False)
            self.path.setText(visible(self.view.path))
            return
        self.view = view
        self.path.setText(visible(view.path))
        self._show()
        self.table.setFocus()

    def _show(self) -> None:
        shown = [each for each in self.view.entries if self.hidden.isChecked() or not each.name.startswith(".")]
        self.model.show(shown)
        self.up.setEnabled(bool(self.view.parent))
        if shown:
            self.pane.show_table()
        else:
            sentence = words.NO_FOLDERS if self._folders else words.EMPTY_FOLDER
            self.empty.show_message("empty-folder", words.not_readable(self.view.path) if self.view.error else sentence,
                                    visible(self.view.error))  # fmt: skip
            self.pane.show_instead(self.empty)
        if self.view.left_out:
            self.notice.show_notice(words.left_out(self.view.left_out), closable=False)
        self._check()

    def _entry(self) -> DirectoryEntry | None:
        rows = self.table.selected_rows()
        return self.model.entries[rows[0]] if rows else None

    def _on_activated(self, index: QModelIndex) -> None:
        entry: DirectoryEntry = index.data(Role.OBJECT)
        if entry.is_dir:
            self._go(self._inside(entry.name))
        elif self._new:
            self.name.setText(entry.name)
        else:
            self.confirm_button.click()

    def _inside(self, name: str) -> str:
        return f"{self.view.path.rstrip('/')}/{name}"

    # ---- choosing ----

    def on_working(self) -> None:
        self._check()

    def _check(self) -> None:
        entry = self._entry()
        if not self.view.path:
            why = words.READING
        elif self._new:
            name = self.name.text().strip()
            why = "" if name and "/" not in name else words.WHY_NO_NAME
        elif self._folders:
            why = ""
        else:
            why = "" if entry is not None and not entry.is_dir else words.WHY_NO_FILE
        self.forbid(why)

    def _on_confirm(self) -> None:
        entry = self._entry()
        if self._new:
            self.work(self._save)
        elif self._folders:
            self._choose(self._inside(entry.name) if entry is not None else self.view.path)
        elif entry is not None:
            self._choose(self._inside(entry.name))

    async def _save(self) -> None:
        name = self.name.text().strip()
        if self._suffix and "." not in name:
            name = f"{name}.{self._suffix}"
        if any(entry.name == name for entry in self.view.entries):
            buttons = ((messages.CANCEL, 0), (words.REPLACE, 1))
            title = words.REPLACE_TITLE.format(name=visible(name))
            if not await ask(MessageDialog(title, words.REPLACE_TEXT, buttons, parent=self)):
                return
        self._choose(self._inside(name))

    def _choose(self, path: str) -> None:
        self.chosen = path
        self.accept()
