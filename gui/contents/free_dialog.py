# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Freeing space: what is wanted above, what would go for it below."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from core.engine.calls.packages import ListEnvironments
from core.engine.calls.upkeep import PlanFree, ReadKeepList
from core.foundation.errors import MirrordeckError
from core.foundation.text import visible
from core.services.upkeep_values import FreeRequest, UpkeepPlan
from gui.contents import removal_words as words
from gui.contents.free_form import FreeForm, Preset
from gui.contents.removal_dialog import RemovalDialog
from gui.engine_client import EngineClient


class FreeDialog(RemovalDialog):
    """The plan is made again a moment after every change."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        place: str,
        *,
        preset: Preset = Preset.GOAL,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(client, words.FREE_TITLE.format(place=visible(place)), place, parent)
        self._instance = instance
        self._place = place
        self._kept: tuple[str, ...] | None = None
        self.form = FreeForm(client)
        self.body.insertWidget(0, self.form)
        self.form.preset_combo.setCurrentIndex(preset)
        self.form.edited.connect(self._on_edited)
        self.form.settled.connect(self._on_settled)
        self._on_edited()

    def open(self) -> None:
        super().open()
        (self.form.goal_edit if self.form.preset is Preset.GOAL else self.form.preset_combo).setFocus()
        self.tasks.start(self._offer_environments())

    async def _offer_environments(self) -> None:
        try:
            rows = await self.client.call(ListEnvironments(self._instance))
        except MirrordeckError:
            return  # rules without environments work all the same
        self.form.set_environments([row.name for row in rows])

    def request(self) -> PlanFree | None:
        if self.form.why_not:
            return None
        form = self.form
        goal = form.goal_bytes if form.preset is Preset.GOAL else None
        return PlanFree(self._instance, FreeRequest(self._place, form.rule, goal, form.keep, self._kept))

    async def plan(self) -> None:
        path = self.form.keep_list_path
        self._kept = None
        if path:
            self._kept = await self.client.call(ReadKeepList(path))
        await super().plan()

    def _on_edited(self) -> None:
        """What is on the screen is the answer to something else."""
        self.removal.show_instead(self.form.why_not or words.PLANNING)

    def _on_settled(self) -> None:
        if not self._applying:
            self.notice.clear()
            self.work_instead(self.plan)

    def _show_plan(self, found: UpkeepPlan) -> None:
        if not self.form.why_not:
            super()._show_plan(found)

    def on_working(self) -> None:
        super().on_working()
        self.form.setEnabled(not self._applying)

    def done(self, result: int) -> None:
        self.form.leave()
        super().done(result)
