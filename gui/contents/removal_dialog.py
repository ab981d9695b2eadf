# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting chosen entries: the list of all that goes, then the trash or for good."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QWidget

from core.engine.calls.upkeep import ApplyDelete, PlanDelete, SavePlan
from core.engine.messages import Call
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.services.upkeep_values import DeleteRequest, RemovalOutcome, UpkeepPlan
from core.services.values import Step
from gui.contents import removal_words as words
from gui.contents.removal_pane import RemovalPane
from gui.engine_client import EngineClient
from gui.widgets.choosing import Choice, choose_path
from gui.widgets.controls import Button
from gui.widgets.labels import WrappedLabel
from gui.widgets.task_dialog import TaskDialog

_OUTDATED = "plan-outdated"


class RemovalDialog(TaskDialog):
    """Subclasses say what to plan in `request`. `outcome` is what was deleted, None if nothing was."""

    def __init__(self, client: EngineClient, title: str, place: str, parent: QWidget | None = None) -> None:
        super().__init__(title, words.DELETE, parent)
        self.client = client
        self.outcome: RemovalOutcome | None = None
        self._applying = False
        self.removal = RemovalPane(place)
        self.export_button = Button(words.EXPORT)
        self.permanent_button = Button(words.PERMANENTLY)
        self.extra_buttons.addWidget(self.export_button)
        self.buttons.insertWidget(self.buttons.indexOf(self.confirm_button), self.permanent_button)
        self.status = WrappedLabel(tone="dim")
        self.body.addWidget(self.removal, 1)
        self.body.addWidget(self.status)
        self.removal.changed.connect(self._allow)
        self.export_button.clicked.connect(lambda: self.tasks.start(self._export()))
        self.permanent_button.clicked.connect(lambda: self._carry_out(permanently=True))
        self.confirm_button.clicked.connect(lambda: self._carry_out(permanently=self._no_trash))
        self._allow()

    # ---- planning ----

    def request(self) -> Call[UpkeepPlan] | None:
        """What to plan now; None where nothing can be planned yet."""
        raise NotImplementedError

    async def plan(self) -> None:
        """Ask for the plan, and show it."""
        call = self.request()
        if call is None:
            return
        self.removal.show_instead(words.PLANNING)
        try:
            found = await self.client.call(call, self._shower(words.looked_at))
        except MirrordeckError as error:
            self.removal.show_instead(error.info().title)
            raise
        self.notice.clear()
        self._show_plan(found)

    def _show_plan(self, found: UpkeepPlan) -> None:
        self.removal.show_plan(found)
        capabilities = found.capabilities
        if capabilities.delete is False:
            self.show_error(ErrorInfo("refused", words.NOTHING_CAN_GO, capabilities.why_not, capabilities.remedies))
        self.confirm_button.setText(words.TO_TRASH if capabilities.trash else words.DELETE)
        self._allow()
        self.make_room()

    # ---- carrying out ----

    @property
    def _no_trash(self) -> bool:
        return self.removal.plan is not None and not self.removal.plan.capabilities.trash

    def _carry_out(self, *, permanently: bool) -> None:
        found = self.removal.plan
        if found is not None and not self.removal.why_not and not self._applying:
            self._applying = True
            self.work_instead(partial(self._apply, found, permanently=permanently))

    async def _apply(self, found: UpkeepPlan, *, permanently: bool) -> None:
        try:
            call = ApplyDelete(found.plan.id, permanently)
            self.outcome = await self.client.call(call, self._shower(words.gone))
        except MirrordeckError as error:
            if error.info().code != _OUTDATED:
                raise
            await self.plan()
            self.notice.show_notice(words.OUTDATED, words.OUTDATED_WHY, tone="warn", closable=False)
        else:
            self.accept()

    def _shower(self, text: Callable[[Step], str]) -> Callable[[list[Step]], None]:
        """Shows how far the engine has come."""
        return lambda steps: self.status.setText(text(steps[-1]))

    def on_stopped(self) -> None:
        if self.removal.plan is None:
            self.removal.show_instead(words.WHY_NOTHING)
        else:
            self.notice.show_notice("", words.INTERRUPTED, tone="warn", closable=False)

    def on_working(self) -> None:
        self._applying = self._applying and self.working
        self.status.setText("")  # what comes now is not known yet, or it has ended
        self._allow()

    def _allow(self) -> None:
        why = words.WHY_DELETING if self._applying else self.removal.why_not
        self.forbid(why)
        self.permanent_button.setVisible(self.removal.plan is not None and self.removal.plan.capabilities.trash)
        self.permanent_button.setEnabled(not why)
        self.permanent_button.setToolTip(why)
        nothing = self.removal.plan is None or self.removal.plan.plan.empty
        self.export_button.setEnabled(not nothing)
        self.removal.setEnabled(not self._applying)

    async def _export(self) -> None:
        found = self.removal.plan
        if found is None:
            return
        file = await choose_path(self, words.EXPORT_TITLE, Choice.NEW_FILE, self.client, suffix="json")
        if not file:
            return
        try:
            await self.client.call(SavePlan(found.plan.id, file))
        except MirrordeckError as error:
            self.show_error(error.info())


class DeleteDialog(RemovalDialog):
    """Chosen entries of a listing, by their keys."""

    def __init__(
        self, client: EngineClient, instance: str, place: str, keys: tuple[str, ...], parent: QWidget | None = None
    ) -> None:
        super().__init__(client, words.delete_title(place), place, parent)
        self._call = PlanDelete(instance, DeleteRequest(place, keys=keys))

    def request(self) -> Call[UpkeepPlan]:
        return self._call

    def open(self) -> None:
        super().open()
        self.cancel_button.setFocus()
        self.work(self.plan)
