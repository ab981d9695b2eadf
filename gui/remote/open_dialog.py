# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Opening an instance here, on another computer, or as another account."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from core.engine.calls.instances import OpenInstance
from core.foundation.errors import UsageError
from core.remote.address import HERE, Address, Place, checked_place, parse_address
from core.services.values import InstanceInfo
from gui import messages
from gui.connection import Connection
from gui.engine_client import EngineClient
from gui.remote import words
from gui.widgets.choosing import Choice, choose_path
from gui.widgets.controls import ComboBox
from gui.widgets.form_rows import FormRows
from gui.widgets.path_edit import PathEdit
from gui.widgets.task_dialog import TaskDialog

_LABELS, _HEIGHT = 130, 190
_HERE, _SSH, _SUDO = range(3)


class _FolderEdit(PathEdit):
    """Whose folders are meant depends on the other fields: it only says that somebody wants to choose."""

    wanted = Signal()

    def choose(self) -> None:
        self.wanted.emit()


class OpenDialog(TaskDialog):
    """Open it with `ask`; accepted, `place` and `info` say what was opened. The current place stays what it is."""

    def __init__(self, client: EngineClient, parent: QWidget | None = None) -> None:
        super().__init__(words.OPEN_TITLE, words.OPEN, parent, height=_HEIGHT)
        self.place = HERE
        self.info: InstanceInfo | None = None
        self._client = client
        self.where = ComboBox()
        for text in (words.THIS_COMPUTER, words.BY_SSH, words.OTHER_ACCOUNT):
            self.where.addItem(text)
        self.host, self.account = QLineEdit(), QLineEdit()
        self.folder = _FolderEdit(words.CHOOSE_FOLDER, folder=True)
        self.folder.wanted.connect(lambda: self.work(self._browse))
        rows = FormRows(label_width=_LABELS)
        rows.add(words.WHERE, self.where)
        self._host_row = rows.add(words.HOST, self.host)
        self._host_row.say(words.HOST_HINT)
        self._account_row = rows.add(words.ACCOUNT, self.account)
        self._folder_row = rows.add(words.FOLDER, self.folder)
        self.body.addWidget(rows)
        self.body.addStretch(1)
        self.where.currentIndexChanged.connect(self._on_where)
        for edit in (self.host, self.account, self.folder.edit):
            edit.textChanged.connect(self._check)
            edit.returnPressed.connect(self.confirm_button.click)
        self.host.editingFinished.connect(self._split_address)
        self.confirm_button.clicked.connect(lambda: self.work(self._open))
        self.confirm_button.setDefault(True)
        self._on_where()

    def open(self) -> None:
        super().open()
        self.make_room()
        self.where.setFocus()

    def show_address(self, address: Address) -> None:
        """Fill the fields with `address`."""
        place = address.place
        self.where.setCurrentIndex(_SSH if place.host else _SUDO if place.account else _HERE)
        self.host.setText(place.host)
        self.account.setText(place.account)
        self.folder.edit.setText(address.path)

    # ---- the form ----

    @property
    def _written(self) -> Place:
        where = self.where.currentIndex()
        host = self.host.text().strip() if where == _SSH else ""
        return Place(host, self.account.text().strip() if where != _HERE else "")

    def _on_where(self) -> None:
        where = self.where.currentIndex()
        self._host_row.set_visible(wanted=where == _SSH)
        self._account_row.set_visible(wanted=where != _HERE)
        self._account_row.label.setText(words.ACCOUNT_OVER_THERE if where == _SSH else words.ACCOUNT)
        self._account_row.say(words.ACCOUNT_OVER_THERE_HINT if where == _SSH else words.ACCOUNT_HINT)
        self._folder_row.say(words.FOLDER_HINT if where == _HERE else words.FOLDER_HINT_THERE)
        self.notice.clear()
        self._check()
        self.make_room()

    def _check(self) -> None:
        where, place = self.where.currentIndex(), self._written
        if self.working:
            why = messages.WHY_WORKING
        elif where == _SSH and not place.host:
            why = words.WHY_NO_HOST
        elif where == _SUDO and not place.account:
            why = words.WHY_NO_ACCOUNT
        elif where == _HERE and not self.folder.edit.text().strip():
            why = words.WHY_NO_FOLDER
        else:
            why = ""
        self.forbid(why)
        self.folder.button.setEnabled(not why or why == words.WHY_NO_FOLDER)

    def _split_address(self) -> None:
        """Take a whole address that was pasted into the field of the computer apart."""
        try:
            address = parse_address(self.host.text().strip())
        except UsageError:
            return
        if address.place.host:
            self.show_address(address)

    # ---- work ----

    def on_working(self) -> None:
        self._check()

    async def _open(self) -> None:
        connection, place = await self._reach()
        self.info = await connection.call(OpenInstance(self.folder.edit.text().strip() or None))
        self.place = place
        self.accept()

    async def _browse(self) -> None:
        connection, _place = await self._reach()
        folder = self.folder.edit.text().strip()
        chosen = await choose_path(self, words.CHOOSE_FOLDER, Choice.FOLDER, connection, begin=folder)
        if chosen:
            self.folder.edit.setText(chosen)

    async def _reach(self) -> tuple[Connection, Place]:
        self.notice.clear()
        place = checked_place(self._written)
        if not place.is_here:
            self.notice.show_notice(words.connecting(place.title), closable=False)
        connection = await self._client.reach(place)
        self.notice.clear()
        return connection, place
