# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Labelled fields below each other, each with room for a sentence below it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from gui import theme
from gui.theme import FontRole
from gui.widgets.labels import Label


class FormRow:
    """A label, its field, and what is said about it."""

    def __init__(self, label: Label, field: QWidget, hint: Label) -> None:
        self.label = label
        self.field = field
        self.hint = hint
        self._shown = True

    def say(self, text: str, tone: str = "dim") -> None:
        """Show `text` below the field; "" takes it away."""
        self.hint.setText(text)
        self.hint.set_tone(tone)
        self.hint.setVisible(bool(text) and self._shown)

    @property
    def said(self) -> str:
        return self.hint.text()

    def set_visible(self, *, wanted: bool) -> None:
        self._shown = wanted
        self.label.setVisible(wanted)
        self.field.setVisible(wanted)
        self.hint.setVisible(wanted and bool(self.said))


class FormRows(QWidget):
    """A grid of `FormRow`; labels of several forms align if they are given the same `label_width`."""

    def __init__(self, *, label_width: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.SPACE_M)
        self._grid.setVerticalSpacing(theme.SPACE_XS)
        self._grid.setColumnStretch(1, 1)
        self._label_width = label_width
        theme.density_changed.connect(self._fit_text_size)
        self._fit_text_size()

    def _fit_text_size(self) -> None:
        self._grid.setColumnMinimumWidth(0, theme.scaled(self._label_width))

    def add(self, text: str, field: QWidget) -> FormRow:
        """A new row; `text` names the field for people and for screen readers."""
        at = self._grid.rowCount()
        label = Label(text, tone="dim")
        label.setBuddy(field.focusProxy() or field)
        self._grid.addWidget(label, at, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(field, at, 1)
        return FormRow(label, field, self._hint(at + 1, 1))

    def add_wide(self, field: QWidget) -> FormRow:
        """A new row without a label, which `field` fills."""
        at = self._grid.rowCount()
        self._grid.addWidget(field, at, 0, 1, 2)
        label = Label("")
        label.hide()
        return FormRow(label, field, self._hint(at + 1, 0))

    def _hint(self, row: int, column: int) -> Label:
        hint = Label("", FontRole.SMALL, "dim")
        hint.setWordWrap(True)
        hint.hide()
        self._grid.addWidget(hint, row, column, 1, 2 - column)
        return hint
