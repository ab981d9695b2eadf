# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A short list on a form: each entry a name, what is said of it, and buttons for what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui import theme
from gui.theme import FontRole
from gui.widgets.controls import Button
from gui.widgets.labels import ElidedLabel, Label


@dataclass(frozen=True, slots=True)
class EntryButton:
    """`text` on a button that does `do`; with `why_not` it is disabled and says why."""

    text: str
    do: Callable[[], object]
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """`name` and `detail` are shown as they are: escape foreign text before."""

    name: str
    detail: str
    buttons: tuple[EntryButton, ...]


class EntryList(QWidget):
    """For a handful of entries; long lists belong into a table."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._rows: list[QWidget] = []
        self._nothing = Label("", tone="dim")
        self._nothing.setWordWrap(True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.SPACE_XS)
        self._column.addWidget(self._nothing)

    def show_entries(self, entries: Sequence[Entry], nothing: str) -> None:
        """Replace what is shown; `nothing` is said where there are none."""
        for row in self._rows:
            row.deleteLater()
        self._rows = [_row(entry) for entry in entries]
        for row in self._rows:
            self._column.addWidget(row)
        self._nothing.setText(nothing)
        self._nothing.setVisible(not entries)

    def buttons(self, name: str) -> dict[str, Button]:
        """Those of the entry called `name`, by their texts."""
        row = next(row for row in self._rows if row.accessibleName() == name)
        return {button.text(): button for button in row.findChildren(Button)}

    @property
    def names(self) -> list[str]:
        return [row.accessibleName() for row in self._rows]


def _row(entry: Entry) -> QWidget:
    widget = QWidget()
    widget.setAccessibleName(entry.name)
    words = QVBoxLayout()
    words.setSpacing(0)
    words.addWidget(ElidedLabel(entry.name, FontRole.STRONG, mode=Qt.TextElideMode.ElideMiddle))
    words.addWidget(ElidedLabel(entry.detail, FontRole.SMALL, "dim"))
    line = QHBoxLayout(widget)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(theme.SPACE_XS)
    line.addLayout(words, 1)
    for each in entry.buttons:
        button = Button(each.text, flat=True)
        button.setAccessibleName(f"{each.text} {entry.name}")
        button.setEnabled(not each.why_not)
        button.setToolTip(each.why_not)
        button.clicked.connect(each.do)
        line.addWidget(button)
    return widget
