# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A plan of a deletion with all that stands between it and being carried out."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from core.services.upkeep_values import UpkeepPlan
from gui import theme
from gui.contents import removal_words as words
from gui.contents.permission import allow_deleting, may_delete
from gui.contents.removal_list import RemovalModel, RemovalTable
from gui.theme import FontRole
from gui.widgets.banner import Banner
from gui.widgets.empty_state import EmptyState
from gui.widgets.form_rows import FormRows
from gui.widgets.labels import WrappedLabel
from gui.widgets.table import TablePane

_LEAST_ROWS = 4


class RemovalPane(QWidget):
    """`place` is where something would be deleted. `changed` follows whatever may change `why_not`."""

    changed = Signal()

    def __init__(self, place: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place = place
        self.plan: UpkeepPlan | None = None
        self.model = RemovalModel(self)
        self.table = RemovalTable(self.model)
        self.pane = TablePane(self.table)
        self.pane.setMinimumHeight(_LEAST_ROWS * theme.row_height())
        self.nothing = EmptyState("empty-packages", words.PLANNING)
        self.summary = WrappedLabel(role=FontRole.STRONG)
        self.remarks = WrappedLabel(tone="warn")
        self.permit = Banner(stacked=True)
        self.number_edit = QLineEdit()
        self.number_edit.setAccessibleName(words.TYPE_NUMBER)
        self.number_edit.textChanged.connect(lambda _text: self.changed.emit())
        self._number = FormRows()
        self._number_row = self._number.add(words.TYPE_NUMBER, self.number_edit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_S)
        column.addWidget(self.permit)
        column.addWidget(self.summary)
        column.addWidget(self.pane, 1)
        column.addWidget(self.remarks)
        column.addWidget(self._number)
        self.show_instead(words.PLANNING)

    def show_plan(self, found: UpkeepPlan) -> None:
        self.plan = found
        self.model.show_plan(found)
        self.summary.setText(words.summary(found) if not found.plan.empty else "")
        self.remarks.setText(words.remarks(found))
        self.number_edit.clear()
        self._number.setVisible(found.must_type_number)
        self._number_row.say(words.type_number(found.plan.packages))
        if found.plan.empty:
            self.nothing.show_message("empty-packages", words.summary(found))
            self.pane.show_instead(self.nothing)
        else:
            self.pane.show_table()
        self._show_permit(found)
        self.changed.emit()

    def show_instead(self, text: str) -> None:
        """There is no plan yet, or none any more."""
        self.plan = None
        self.model.show_plan(None)
        self.nothing.show_message("empty-packages", text)
        self.pane.show_instead(self.nothing)
        for label in (self.summary, self.remarks):
            label.setText("")
        self._number.hide()
        self.changed.emit()

    def _show_permit(self, found: UpkeepPlan) -> None:
        if found.capabilities.delete is False or found.plan.empty or may_delete(self._place):
            self.permit.clear()
            return
        self.permit.show_notice(
            words.not_allowed(self._place),
            words.ALLOW_TEXT,
            tone="warn",
            button=words.ALLOW,
            action=self._on_allow,
            closable=False,
        )

    def _on_allow(self) -> None:
        allow_deleting(self._place)
        self.permit.clear()
        self.changed.emit()

    @property
    def why_not(self) -> str:
        """Why the plan cannot be carried out now, "" if it can."""
        found = self.plan
        if found is None:
            return self.nothing.sentence
        if found.plan.empty:
            return words.WHY_NOTHING
        if found.capabilities.delete is False:
            return found.capabilities.why_not or words.WHY_NOT_ALLOWED
        if not may_delete(self._place):
            return words.WHY_NOT_ALLOWED
        if found.must_type_number and self.number_edit.text().strip() != str(found.plan.packages):
            return words.why_no_number(found.plan.packages)
        return ""
