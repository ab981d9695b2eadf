# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The repositories of a registry, to choose one of."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QModelIndex, QObject, QStringListModel, Qt, Signal
from PySide6.QtWidgets import QTableView, QWidget

from core.engine.calls.contents import ListRepositories
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.services.values import RepositoriesView
from gui import messages
from gui.contents import words
from gui.engine_client import EngineClient
from gui.widgets.cell import CellDelegate, Index
from gui.widgets.page import TaskOwner
from gui.widgets.table import TableView


class RepositoriesModel(QStringListModel):
    def headerData(self, _section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        shown = orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return words.REPOSITORY_COLUMN if shown else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) & ~Qt.ItemFlag.ItemIsEditable


class RepositoriesTable(TableView):
    """`repository_chosen(address)` follows Return and a double click."""

    repository_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(words.REPOSITORIES_TABLE, parent=parent)
        self._model = RepositoriesModel(self)
        self._shown: list[str] = []
        self.setModel(self._model)
        self.setItemDelegate(CellDelegate(self, Qt.TextElideMode.ElideMiddle))
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.arrange((), 0)
        self.activated.connect(self._on_activated)

    def show_addresses(self, addresses: tuple[str, ...], wanted: str) -> None:
        """List those of `addresses` that have all words of `wanted`, without their scheme."""
        words_wanted = wanted.lower().split()
        self._shown = [address for address in addresses if all(word in address.lower() for word in words_wanted)]
        self._model.setStringList([address.partition("://")[2] for address in self._shown])
        self._fill_width()

    @property
    def count(self) -> int:
        return len(self._shown)

    def _on_activated(self, index: QModelIndex) -> None:
        self.repository_chosen.emit(self._shown[index.row()])


class RegistryReader(QObject):
    """Asks a registry for its repositories; `changed` follows everything that changes here."""

    changed = Signal()

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self.reading = False
        self._client = client
        self._view: RepositoriesView | None = None
        self._error: ErrorInfo | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of all repositories there are, as far as the registry tells."""
        return self._view.addresses or () if self._view is not None else ()

    def read(self, instance_id: str, host: str) -> None:
        self.stop()
        self._view = self._error = None
        self.reading = True
        self.tasks.start(self._read(ListRepositories(instance_id, host)))
        self.changed.emit()

    def stop(self) -> None:
        self.tasks.cancel_all()
        self.reading = False

    async def _read(self, call: ListRepositories) -> None:
        try:
            self._view = await self._client.call(call)
        except MirrordeckError as error:
            self._error = error.info()
        except asyncio.CancelledError:
            return  # whoever did it says what comes instead
        self.reading = False
        self.changed.emit()

    def instead(self) -> tuple[str, str, str]:
        """Drawing, sentence and detail while there is nothing to list."""
        if self._error is not None:
            return "empty-folder", self._error.title, messages.sentences(self._error.why, *self._error.remedies)
        if self._view is None:
            return "empty-folder", words.READING_REPOSITORIES if self.reading else words.CHOOSE, words.CHOOSE_DETAIL
        if self._view.addresses is None:
            return "empty-folder", words.CATALOGUE_CLOSED, words.CATALOGUE_CLOSED_DETAIL.format(host=self._view.host)
        return "empty-folder", words.NO_REPOSITORIES, ""
