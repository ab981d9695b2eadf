# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How much is selected, and how much there is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from core.foundation.text import format_bytes, plural
from gui import theme
from gui.contents import words
from gui.contents.model import ContentsModel
from gui.widgets.card import Card
from gui.widgets.status_line import StatusLine


class TotalsFooter(Card):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.status = StatusLine()
        self.body.addWidget(self.status)
        theme.density_changed.connect(self._fit_density)
        self._fit_density()

    def _fit_density(self) -> None:
        edge = theme.SPACE_XS if theme.compact() else theme.SPACE_S
        self.body.setContentsMargins(theme.CARD_PADDING, edge, theme.CARD_PADDING, edge)

    def show_totals(self, model: ContentsModel, selection: Sequence[str]) -> None:
        """`selection` are keys. Hidden where there is nothing at all."""
        contents = model.contents
        self.setVisible(bool(contents.rows))
        count = words.tags(len(contents.rows), registry=not model.signatures)
        totals = [count, plural(contents.packages, "package"), format_bytes(contents.stored_bytes)]
        if len(selection) > 1:
            size = contents.size_of(key for key in selection if key in contents.rows)
            self.status.set_facts(words.selected(len(selection), size), [f"{words.OF_ALL} {totals[0]}", *totals[1:]])
        else:
            self.status.set_facts(totals[0], totals[1:])
