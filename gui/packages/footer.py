# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is selected, what comes along with it, and the button that pushes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.engine.calls.packages import ListRelatives, SummarizeSelection
from core.foundation.errors import MirrordeckError
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.packages import words
from gui.packages.facts import OnMirror
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
        self._there = ""
        self._mirror: OnMirror | None = None
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

    def set_selection(
        self, instance_id: str, count: int, hidden: int, hashes: Callable[[], tuple[str, ...]], mirror: OnMirror | None
    ) -> None:
        """`hidden` of `count` packages are not shown by the table at the moment; `hashes` are asked for a moment after
        the last change. How many are on `mirror` already is told too."""
        self.tasks.cancel_all()
        self._count, self._hidden, self._mirror = count, hidden, mirror
        self._about, self._there = messages.COUNTING, ""
        self._show()
        if count:
            self.tasks.start(self._summarize(instance_id, hashes))

    def set_hidden(self, hidden: int) -> None:
        self._hidden = hidden
        self._show()

    async def _summarize(self, instance_id: str, hashes_of: Callable[[], tuple[str, ...]]) -> None:
        await asyncio.sleep(_DELAY_S)
        hashes = hashes_of()
        try:
            if self._mirror is not None:
                relatives = await self._client.call(ListRelatives(instance_id, hashes))
                there = sum(each in self._mirror.hashes for each in relatives)
                self._there = words.already_on(there, self._mirror.name)
            summary = await self._client.call(SummarizeSelection(instance_id, hashes))
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
        self.status.set_facts(messages.selected(self._count), (self._about, self._there, hidden))
