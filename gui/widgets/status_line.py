# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A line of short facts, the first one strong, the others dim."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui import theme
from gui.theme import FontRole
from gui.widgets.labels import ElidedLabel, Label


class StatusLine(QWidget):
    """`3 selected   with dependencies 40 packages · 3.8 GB on disk`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE_M)
        self._first = Label("", FontRole.STRONG)
        self._rest = ElidedLabel("", tone="dim")
        layout.addWidget(self._first)
        layout.addWidget(self._rest, 1)

    def set_facts(self, first: str, rest: Sequence[str] = ()) -> None:
        self._first.setText(first)
        self._first.setVisible(bool(first))
        self._rest.setText("  ·  ".join(part for part in rest if part))

    def text(self) -> str:
        """Everything it says, for tests and screen readers."""
        return " ".join(part for part in (self._first.text(), self._rest.text()) if part)
