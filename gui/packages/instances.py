# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The packages of all instances that are known, side by side."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.engine.calls.instances import ListInstances
from core.engine.calls.packages import ListPackages
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.services.values import InstanceInfo, PackageRow
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.packages import words
from gui.packages.instances_model import COLUMNS, InstancesModel, Which
from gui.packages.rows import checkable
from gui.widgets.controls import ActionButton, Button, ComboBox
from gui.widgets.empty_state import EmptyState
from gui.widgets.filter_line import FilterLine
from gui.widgets.package_delegate import PackageDelegate
from gui.widgets.page import TaskOwner
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TablePane, TableView

_WIDTHS = ((0, 220), (1, 90), (2, 120), (3, 100))
_INSTANCE_WIDTH = 150


class InstancesView(QWidget):
    """Reads every instance when it is shown for the first time and on a refresh, one after the other.

    Signals: `package_wanted(InstanceInfo, hash)` to go to a package where it is; `push_requested(InstanceInfo, hashes)`
    to push from there; `changed` when there is something else to say.
    """

    package_wanted = Signal(object, str)
    push_requested = Signal(object, tuple)
    changed = Signal()

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._shown = False
        self._outdated = True
        self._failures: dict[InstanceInfo, ErrorInfo] = {}
        self.why_no_push = ""
        self.reading = False
        self.model = InstancesModel(self)
        self.line = FilterLine(words.INSTANCES_FILTER, messages.PACKAGES_FILTER_NAME)
        self.which_combo = ComboBox()
        self.which_combo.setAccessibleName(words.SHOW)
        for which, text in words.WHICH:
            self.which_combo.addItem(text, Which(which))
        self.table = TableView(words.INSTANCES_TABLE, "instances")
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(0, PackageDelegate(self.table))
        self.table.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.table.setSortingEnabled(True)
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-packages", words.INSTANCES_READING)
        self.empty.add_button(ActionButton(actions.open_instance))
        self.no_match = EmptyState("empty-search", messages.NOTHING_MATCHES, messages.NOTHING_MATCHES_DETAIL)
        self.show_button, self.push_button = Button(""), Button("", primary=True)
        self._lay_out()
        self.line.filter_changed.connect(self._narrow)
        self.line.leave_requested.connect(self.table.setFocus)
        self.which_combo.currentIndexChanged.connect(self._narrow)
        self.model.arranged.connect(self._show_state)
        self.table.selectionModel().currentChanged.connect(lambda *_: self.update_buttons())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self.update_buttons())
        self.table.activated.connect(self._on_show)
        self.show_button.clicked.connect(lambda: self._on_show(self.table.currentIndex()))
        self.push_button.clicked.connect(self._on_push)
        self.update_buttons()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.line, 1)
        top.addWidget(self.which_combo)
        bottom = QHBoxLayout()
        bottom.setSpacing(theme.SPACE_S)
        bottom.addStretch(1)
        bottom.addWidget(self.show_button)
        bottom.addWidget(self.push_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_S)
        column.addLayout(top)
        column.addWidget(self.pane, 1)
        column.addLayout(bottom)

    # ---- reading ----

    def set_shown(self, *, shown: bool) -> None:
        self._shown = shown
        if shown and self._outdated:
            self.read()

    def outdate(self) -> None:
        """Another instance was opened, or somebody asks for what there is now."""
        self._outdated = True
        if self._shown:
            self.read()

    def forget(self) -> None:
        """They were those of another engine."""
        self.tasks.cancel_all()
        self._outdated = True
        self._start_over(())

    def read(self) -> None:
        self._outdated = False
        self.tasks.cancel_all()
        self.tasks.start(self._read())

    async def _read(self) -> None:
        self.reading = True
        self._failures = {}
        try:
            instances = await self._client.call(ListInstances())
            self._start_over(instances)
            for instance in instances if len(instances) > 1 else ():
                await self._read_one(instance)
        except MirrordeckError:
            self._outdated = True  # the window tells that the engine is gone
        finally:
            self.reading = False
        self._show_state()

    def _start_over(self, instances: tuple[InstanceInfo, ...]) -> None:
        self.model.start_over(instances)
        first = len(COLUMNS)
        for number in range(first, first + len(instances)):
            self.table.setItemDelegateForColumn(number, StateDelegate(self.table))
        self.table.arrange((*_WIDTHS, *((first + at, _INSTANCE_WIDTH) for at in range(len(instances)))), 0)

    async def _read_one(self, instance: InstanceInfo) -> None:
        def on_rows(rows: list[PackageRow]) -> None:
            self.model.add(instance, rows)

        try:
            await self._client.call(ListPackages(instance.id), on_rows)
        except MirrordeckError as error:
            self._failures[instance] = error.info()
            self.model.failed.add(instance)
        self.model.arrange()

    # ---- showing ----

    @property
    def sentence(self) -> str:
        """How much is shown of how many instances, and which could not be read."""
        names = dict(zip(self.model.instances, words.instance_names(self.model.instances), strict=True))
        failed = [f"{names[each]}: {error.sentence()}" for each, error in self._failures.items()]
        if self.reading and not self.model.total:
            return words.INSTANCES_READING
        shown, total = self.model.rowCount(), self.model.total
        return messages.sentences(words.instances_sentence(shown, total, len(names)) if total else "", *failed)

    def _narrow(self) -> None:
        self.model.narrow(self.line.text(), Which(self.which_combo.currentData()))

    def _show_state(self) -> None:
        if self.model.rowCount():
            self.pane.show_table()
        elif self.model.total:
            self.pane.show_instead(self.no_match)
        else:
            one = len(self.model.instances) < 2 and not self.reading
            sentence, detail = (words.ONE_INSTANCE, words.ONE_INSTANCE_DETAIL) if one else (words.INSTANCES_READING, "")
            self.empty.show_message("empty-packages", sentence, detail)
            self.pane.show_instead(self.empty)
        self.update_buttons()
        self.changed.emit()

    # ---- what people do ----

    def _chosen(self) -> InstanceInfo | None:
        """The instance that the buttons are about: that of the column with the keyboard."""
        index = self.table.currentIndex()
        return self.model.instance_at(index) if index.isValid() and index.row() < self.model.rowCount() else None

    def _hashes(self, instance: InstanceInfo) -> tuple[str, ...]:
        """What is selected and can be pushed from there."""
        records = (self.model.record(row, instance) for row in self.table.selected_rows())
        return tuple(record.hash for record in records if record is not None and checkable(record))

    def update_buttons(self) -> None:
        """Name the instance that they are about, or say why they do nothing."""
        instance = self._chosen()
        name = words.instance_name(instance, self.model.instances) if instance is not None else words.AN_INSTANCE
        row = self.table.currentIndex().row()
        there = instance is not None and self.model.record(row, instance) is not None
        pushable = bool(self._hashes(instance)) if instance is not None else False
        self.show_button.setText(words.show_in(name))
        self.push_button.setText(words.push_from(name))
        self.show_button.setEnabled(there)
        self.push_button.setEnabled(pushable and not self.why_no_push)
        why = messages.WHY_NO_ROW if instance is None else words.NOT_INSTALLED_THERE
        self.show_button.setToolTip("" if there else why)
        self.push_button.setToolTip(self.why_no_push or ("" if pushable else why))

    def _on_show(self, index: QModelIndex) -> None:
        instance = self.model.instance_at(index) if index.isValid() else None
        if instance is not None and self.model.record(index.row(), instance) is not None:
            self.package_wanted.emit(instance, self.model.row_at(index.row()).hash)

    def _on_push(self) -> None:
        instance = self._chosen()
        if instance is not None:
            self.push_requested.emit(instance, self._hashes(instance))

    def leave(self) -> None:
        self.line.leave()
        self.tasks.cancel_all()
        self.table.remember()
