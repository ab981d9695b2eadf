# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Follows what is selected in the table, after any number of changes at once, and never for long at once."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from gui.contents.model import ContentsModel
from gui.contents.selection import Selection, selecting
from gui.contents.table import ContentsTable
from gui.packages.slices import Steps, finish
from gui.widgets.stepping import Stepper

_AT_ONCE = 2_000  # rows that are looked at in no time


class Chooser(QObject):
    """`changed` follows once `selection` is what is selected, or another row has the keyboard."""

    changed = Signal()

    def __init__(self, table: ContentsTable, model: ContentsModel, parent: QObject) -> None:
        super().__init__(parent)
        self.selection = Selection(model.contents)
        self._table = table
        self._model = model
        self._stepper = Stepper(self)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._look)
        selection = table.selectionModel()
        for change in (selection.currentRowChanged, selection.selectionChanged, model.modelReset):
            change.connect(self._soon.start)

    @property
    def busy(self) -> bool:
        """Whether `selection` is not yet what is selected."""
        return self._soon.isActive() or self._stepper.running

    def leave(self) -> None:
        self._soon.stop()
        self._stepper.stop()

    def _look(self) -> None:
        lines = self._model.lines(self._table.selected_ranges())
        steps = self._looking(selecting(self._model.contents, lines))
        if len(lines) <= _AT_ONCE and len(self._model.contents.rows) <= _AT_ONCE:
            self._stepper.stop()
            finish(steps)
        else:
            self._stepper.run(steps)

    def _looking(self, steps: Steps[Selection]) -> Steps[None]:
        self.selection = yield from steps
        self._stepper.stop()
        self.changed.emit()
