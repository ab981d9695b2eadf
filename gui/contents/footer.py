# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How much is selected, and how much there is."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from core.foundation.text import format_bytes, plural
from gui import theme
from gui.contents import words
from gui.contents.model import ContentsModel
from gui.contents.selection import Selection
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

    def show_totals(self, model: ContentsModel, selection: Selection) -> None:
        """Hidden where there is nothing at all."""
        contents = model.contents
        self.setVisible(bool(contents.rows))
        count = words.tags(len(contents.rows), registry=not model.signatures)
        totals = [count, plural(contents.packages, "package"), format_bytes(contents.stored_bytes)]
        if len(selection) > 1:
            facts = words.selected(len(selection), selection.stored_bytes)
            self.status.set_facts(facts, [f"{words.OF_ALL} {totals[0]}", *totals[1:]])
        else:
            self.status.set_facts(totals[0], totals[1:])
