# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What was deleted from a folder and can be had back."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QWidget

from core.engine.calls.upkeep import EmptyTrash, ListTrash, RestoreTrash
from core.foundation.text import format_age, format_bytes, visible
from core.services.upkeep_values import TrashBatch, TrashView
from gui import messages
from gui.contents import removal_words as words
from gui.engine_client import EngineClient
from gui.widgets.cell import Index
from gui.widgets.controls import Button
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import WrappedLabel
from gui.widgets.table import TablePane, TableView
from gui.widgets.task_dialog import TaskDialog

_NO_PARENT = QModelIndex()
_WIDTHS = ((0, 140), (2, 96))
_HEIGHT = 440


class TrashModel(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.batches: tuple[TrashBatch, ...] = ()

    def show_batches(self, batches: Sequence[TrashBatch]) -> None:
        self.beginResetModel()
        self.batches = tuple(batches)
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.batches)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(words.TRASH_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight if section == 2 else None
        return words.TRASH_COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        batch = self.batches[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            age = format_age(time.time() - batch.deleted_at)
            return (age, words.batch_text(batch), format_bytes(batch.stored_bytes))[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight if index.column() == 2 else None
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == 1:
            return "\n".join(map(visible, batch.labels[:40]))
        return None


class TrashDialog(TaskDialog):
    """`changed` is True once something was put back."""

    def __init__(self, client: EngineClient, instance: str, place: str, parent: QWidget | None = None) -> None:
        super().__init__(words.TRASH_TITLE.format(place=visible(place)), words.RESTORE, parent, height=_HEIGHT)
        self._client = client
        self._instance = instance
        self._place = place
        self.changed = False
        self.view: TrashView | None = None
        self.model = TrashModel(self)
        self.table = TableView(words.TRASH_TABLE)
        self.table.setModel(self.model)
        self.table.setSelectionMode(TableView.SelectionMode.SingleSelection)
        self.table.arrange(_WIDTHS, 1)
        self.pane = TablePane(self.table)
        self.nothing = EmptyState("empty-folder", words.TRASH_READING)
        self.pane.show_instead(self.nothing)
        self.sentence = WrappedLabel(tone="dim")
        self.empty_button = Button(words.empty_button(None))
        self.extra_buttons.addWidget(self.empty_button)
        self.body.addWidget(self.sentence)
        self.body.addWidget(self.pane, 1)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._allow())
        self.confirm_button.clicked.connect(lambda: self.work(self._restore))
        self.empty_button.clicked.connect(lambda: self.tasks.start(self._ask_to_empty()))
        self._allow()

    def open(self) -> None:
        super().open()
        self.cancel_button.setFocus()
        self.work(self._read)

    @property
    def close_text(self) -> str:
        return messages.CLOSE

    async def _read(self) -> None:
        self.view = await self._client.call(ListTrash(self._instance, self._place))
        self.model.show_batches(self.view.batches)
        self.sentence.setText(words.trash_sentence(self.view) if self.view.batches else "")
        if self.view.batches:
            self.pane.show_table()
            self.table.select_row(0)
        else:
            self.nothing.show_message("empty-folder", words.TRASH_EMPTY)
            self.pane.show_instead(self.nothing)

    async def _restore(self) -> None:
        rows = self.table.selected_rows()
        if not rows:
            return
        batch = self.model.batches[rows[0]]
        outcome = await self._client.call(RestoreTrash(self._instance, self._place, batch.id))
        self.changed = True
        await self._read()
        title, text = words.restored(outcome)
        self.notice.show_notice(title, text, tone="warn" if outcome.skipped else "ok", closable=False)

    async def _ask_to_empty(self) -> None:
        buttons = ((messages.CANCEL, 0), (words.empty_button(self.view), 1))
        if await ask(MessageDialog(words.EMPTY_TITLE, words.EMPTY_TEXT, buttons, parent=self)):
            self.work(self._empty)

    async def _empty(self) -> None:
        batches = tuple(batch.id for batch in self.model.batches)  # what came since stays
        freed = await self._client.call(EmptyTrash(self._instance, self._place, batches))
        await self._read()
        self.notice.show_notice(words.emptied(freed), tone="ok", closable=False)

    def on_working(self) -> None:
        self._allow()

    def _allow(self) -> None:
        self.empty_button.setText(words.empty_button(self.view))
        self.empty_button.setEnabled(not self.working and bool(self.model.batches))
        self.forbid("" if self.table.selected_rows() and not self.working else words.WHY_NO_BATCH)
