# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The steps of a mirror's last test, or of the one that runs."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.foundation.text import visible
from core.services.login_values import StepState, TestStep
from gui import messages, theme
from gui.mirrors import testing_words as words
from gui.mirrors.testing import MirrorTests
from gui.widgets.cell import Index, Look, Role
from gui.widgets.controls import CheckBox
from gui.widgets.labels import ElidedLabel, WrappedLabel
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TableView

_NO_PARENT = QModelIndex()
_ItemRole = Qt.ItemDataRole
_LEAST_HEIGHT = 48


class Column(IntEnum):
    STEP = 0
    FOUND = 1
    TIME = 2


class StepsModel(QAbstractTableModel):
    """Steps grow while a test runs."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.steps: tuple[TestStep, ...] = ()

    def set_steps(self, steps: tuple[TestStep, ...]) -> None:
        if steps[: len(self.steps)] == self.steps and len(steps) > len(self.steps):
            self.beginInsertRows(_NO_PARENT, len(self.steps), len(steps) - 1)
            self.steps = steps
            self.endInsertRows()
        elif steps != self.steps:
            self.beginResetModel()
            self.steps = steps
            self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.steps)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == _ItemRole.DisplayRole:
            return words.COLUMNS[section]
        return self._alignment(section, role)

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        step, column = self.steps[index.row()], index.column()
        look = words.STEP_LOOKS[step.state]
        match role:
            case _ItemRole.DisplayRole:
                return (visible(step.title), words.found(step), words.seconds(step))[column]
            case _ItemRole.ToolTipRole:
                return words.step_sentence(step) if column == Column.FOUND else None
            case _ItemRole.AccessibleTextRole if column == Column.STEP:
                return f"{visible(step.title)}, {look.word}, {words.found(step)}"
            case Role.LOOK if column == Column.STEP:
                return Look(look.icon, look.tone, visible(step.title), look.quiet)
            case Role.TONE:
                return "text" if column == Column.FOUND and step.state is not StepState.SKIPPED else "dim"
        return self._alignment(column, role)

    @staticmethod
    def _alignment(column: int, role: int) -> Qt.AlignmentFlag | None:
        right = role == _ItemRole.TextAlignmentRole and column == Column.TIME
        return Qt.AlignmentFlag.AlignRight if right else None


class ConnectionView(QWidget):
    """`reader_chosen` follows the choice whose view it is."""

    reader_chosen = Signal()

    def __init__(self, tests: MirrorTests, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tests = tests
        self._mirror = ""
        self.model = StepsModel(self)
        self.summary = ElidedLabel("", tone="dim")
        self.reader_box = CheckBox(words.AS_READER)
        self.reader_box.setToolTip(words.AS_READER_TIP)
        self.table = TableView(words.STEPS)
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(Column.STEP, StateDelegate(self.table))
        self.table.setSelectionMode(TableView.SelectionMode.SingleSelection)
        self.table.setMinimumHeight(_LEAST_HEIGHT)
        self.table.arrange(((Column.STEP, 190), (Column.TIME, 74)), Column.FOUND)
        self.table.horizontalHeader().hide()
        self.remedy = WrappedLabel()
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_M)
        top.addWidget(self.summary, 1)
        top.addWidget(self.reader_box)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.SPACE_XS, 0, 0)
        column.setSpacing(theme.SPACE_S)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.remedy)
        self.reader_box.toggled.connect(self._on_reader)
        self.table.selectionModel().currentRowChanged.connect(self._show_remedy)
        tests.changed.connect(self._on_changed)

    @property
    def as_reader(self) -> bool:
        return self.reader_box.isChecked()

    def show_mirror(self, mirror: str) -> None:
        self._mirror = mirror
        self._show()

    def _show(self) -> None:
        tests, mirror, reader = self._tests, self._mirror, self.as_reader
        result, failure = tests.result(mirror, as_reader=reader), tests.failure(mirror, as_reader=reader)
        running = tests.is_running(mirror, as_reader=reader)
        self.model.set_steps(tests.steps(mirror, as_reader=reader))
        if running:
            self.summary.setText(words.TESTING[:1].upper() + words.TESTING[1:])
        elif failure is not None:
            self.summary.setText(messages.sentences(failure.sentence(), *failure.remedies))
        elif result is not None:
            self.summary.setText(words.tested(result))
        else:
            self.summary.setText(messages.sentences(words.NOT_TESTED, words.NOT_TESTED_DETAIL))
        bad = [row for row, step in enumerate(self.model.steps) if step.state is StepState.FAILED]
        if not running and bad and not self.table.currentIndex().isValid():
            self.table.select_row(bad[0])
        self._show_remedy()

    def _show_remedy(self) -> None:
        """What the chosen step found in full: its cell may be too narrow, and what to do is nowhere else."""
        index = self.table.currentIndex()
        step = self.model.steps[index.row()] if index.isValid() and index.row() < len(self.model.steps) else None
        troubled = step is not None and (step.remedy or step.state in (StepState.FAILED, StepState.WARNING))
        self.remedy.setText(words.step_sentence(step) if step is not None and troubled else "")

    def _on_changed(self, mirror: str) -> None:
        if mirror == self._mirror:
            self._show()

    def _on_reader(self) -> None:
        self._show()
        self.reader_chosen.emit()
