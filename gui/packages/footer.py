# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is selected, what comes along with it, and the button that pushes it."""

from __future__ import annotations

import asyncio

from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.engine.calls.packages import SummarizeSelection
from core.foundation.errors import MirrordeckError
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.widgets.card import Card
from gui.widgets.controls import ActionButton
from gui.widgets.page import TaskOwner
from gui.widgets.status_line import StatusLine

_DELAY_S = 0.15


class SelectionFooter(Card):
    """Asks for the selection's size a moment after its last change; a later change makes the answer stale."""

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._count = 0
        self._hidden = 0
        self._about = ""
        self.status = StatusLine()
        self.push_button = ActionButton(actions.push_packages, primary=True)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self.status, 1)
        row.addWidget(ActionButton(actions.select_none, flat=True))
        row.addWidget(ActionButton(actions.select_shown))
        row.addWidget(self.push_button)
        self.body.addLayout(row)
        theme.density_changed.connect(self._fit_density)
        self._fit_density()
        self._show()

    def _fit_density(self) -> None:
        edge = theme.SPACE_XS if theme.compact() else theme.SPACE_M
        self.body.setContentsMargins(theme.CARD_PADDING, edge, theme.CARD_PADDING, edge)

    def set_selection(self, instance_id: str, hashes: tuple[str, ...], hidden: int) -> None:
        """`hidden` of the `hashes` are not shown by the table at the moment."""
        self.tasks.cancel_all()
        self._count, self._hidden = len(hashes), hidden
        self._about = messages.COUNTING
        self._show()
        if hashes:
            self.tasks.start(self._summarize(SummarizeSelection(instance_id, hashes)))

    def set_hidden(self, hidden: int) -> None:
        self._hidden = hidden
        self._show()

    async def _summarize(self, call: SummarizeSelection) -> None:
        await asyncio.sleep(_DELAY_S)
        try:
            summary = await self._client.call(call)
        except MirrordeckError as error:
            self._about = error.info().sentence()
        else:
            self._about = messages.with_dependencies(summary.with_dependencies, summary.size_bytes)
        self._show()

    def _show(self) -> None:
        if not self._count:
            self.status.set_facts(messages.NOTHING_SELECTED, (messages.NOTHING_SELECTED_HINT,))
            return
        hidden = messages.hidden_by_filter(self._hidden) if self._hidden else ""
        self.status.set_facts(messages.selected(self._count), (self._about, hidden))
