# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The files of a package, listed while its archive is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.engine.calls.downloads import ListFiles
from core.foundation.errors import MirrordeckError
from core.foundation.text import visible
from core.services.download_values import FileRow, PackageId
from core.services.values import ContentsRow
from gui import messages, theme
from gui.contents import copy_words as words
from gui.engine_client import EngineClient
from gui.widgets.cell import CellDelegate, Index
from gui.widgets.controls import Button
from gui.widgets.empty_state import EmptyState
from gui.widgets.filter_line import FilterLine
from gui.widgets.labels import ElidedLabel
from gui.widgets.page import TaskOwner
from gui.widgets.table import TablePane, TableView

_NO_PARENT = QModelIndex()


class FileColumn(IntEnum):
    PATH = 0
    SIZE = 1
    LINK = 2


_WIDTHS = ((FileColumn.SIZE, 92), (FileColumn.LINK, 240))


class FilesModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.files: list[FileRow] = []
        self._shown: list[FileRow] = []
        self._wanted = ""

    def clear(self) -> None:
        self.beginResetModel()
        self.files, self._shown = [], []
        self.endResetModel()

    def add(self, files: Sequence[FileRow]) -> None:
        self.files += files
        shown = [file for file in files if self._wanted in file.path.lower()]
        if shown:
            count = len(self._shown)
            self.beginInsertRows(_NO_PARENT, count, count + len(shown) - 1)
            self._shown += shown
            self.endInsertRows()

    def set_filter(self, text: str) -> None:
        self._wanted = text.strip().lower()
        self.beginResetModel()
        self._shown = [file for file in self.files if self._wanted in file.path.lower()]
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(FileColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight if section == FileColumn.SIZE else None
        return words.FILES_COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        file = self._shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (visible(file.path), words.file_size(file), visible(file.link))[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight if index.column() == FileColumn.SIZE else None
        return None


class FilesTab(QWidget):
    """`show_package` lists by itself where the archive is at hand, and elsewhere when a person asks for it."""

    def __init__(self, client: EngineClient, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._call: ListFiles | None = None
        self.model = FilesModel(self)
        self.table = TableView(words.FILES_TABLE)
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(FileColumn.PATH, CellDelegate(self.table, Qt.TextElideMode.ElideMiddle))
        self.table.arrange(_WIDTHS, FileColumn.PATH)
        self.pane = TablePane(self.table)
        self.nothing = EmptyState("empty-packages", words.NO_FILES)
        self.list_button = Button(words.LIST_FILES)
        self.list_button.clicked.connect(self.list_now)
        self.nothing.add_button(self.list_button)
        self.filter_line = FilterLine(words.FILES_FILTER, words.FILES_TABLE)
        self.filter_line.filter_changed.connect(self._on_filter)
        self.filter_line.leave_requested.connect(self.table.setFocus)
        self.sentence = ElidedLabel("", tone="dim")
        self.stop_button = Button(messages.STOP)
        self.stop_button.clicked.connect(self.stop)
        self._top = QWidget()
        top = QHBoxLayout(self._top)
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.filter_line, 1)
        top.addWidget(self.sentence, 1)
        top.addWidget(self.stop_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_XS)
        column.addWidget(self._top)
        column.addWidget(self.pane, 1)
        self._show_offer("", offer=False)

    def show_package(self, instance_id: str, place: str, row: ContentsRow, *, at_hand: bool) -> None:
        """Another package; what is being listed is given up."""
        self.forget()
        if not row.hash:
            self._show_offer(words.NO_FILES, offer=False)
            return
        self._call = ListFiles(instance_id, place, PackageId(row.name, row.version, row.hash))
        self._show_offer(words.files_offer(row.stored_bytes), offer=True)
        if at_hand:
            self.list_now()

    def list_now(self) -> None:
        if self._call is not None and not self.tasks.busy:
            self.tasks.start(self._list(self._call))

    def forget(self) -> None:
        """Show nothing, and read nothing any more."""
        self.tasks.cancel_all()
        self._call = None
        self.model.clear()
        self.filter_line.set_text_now("")
        self.model.set_filter("")

    def stop(self) -> None:
        self.tasks.cancel_all()

    async def _list(self, call: ListFiles) -> None:
        self.model.clear()
        self._show_offer(words.LISTING, offer=False)
        self.stop_button.show()
        try:
            view = await self._client.call(call, self._on_files)
        except MirrordeckError as error:
            self._show_offer(error.info().sentence(), offer=True)
        except asyncio.CancelledError:
            if call is self._call:
                self._show_offer(words.FILES_STOPPED, offer=True)
            raise
        else:
            self.sentence.setText(words.files_sentence(view))
            self._show_files()
        finally:
            if call is self._call:
                self.stop_button.hide()

    def _on_files(self, files: list[FileRow]) -> None:
        self.model.add(files)
        self.sentence.setText(words.files_so_far(len(self.model.files)))
        self._show_files()

    def _on_filter(self, text: str) -> None:
        self.model.set_filter(text)
        if self.model.files:
            self._show_files()

    def _show_files(self) -> None:
        self._top.show()
        if self.model.rowCount() or not self.model.files:
            self.pane.show_table()
        else:
            self._show_instead(words.NO_MATCH, offer=False)

    def _show_offer(self, text: str, *, offer: bool) -> None:
        self._top.setVisible(text == words.LISTING)
        self.sentence.setText("")
        self.stop_button.hide()
        self._show_instead(text, offer=offer)

    def _show_instead(self, text: str, *, offer: bool) -> None:
        self.nothing.show_message("empty-packages", text)
        self.list_button.setVisible(offer)
        self.pane.show_instead(self.nothing)
