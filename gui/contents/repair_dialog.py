# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Putting right what a verification found: every step shown first, then one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QWidget

from core.caches.protocol import IndexUpdate
from core.engine.calls.checks import FinishRepair, PlanRepair
from core.engine.calls.push import PlanPush, StartPush
from core.engine.calls.upkeep import ApplyDelete, PlanDelete
from core.foundation.errors import ErrorInfo
from core.services.upkeep_values import UpkeepPlan
from core.services.values import Step
from core.services.verify_values import Finding, RepairPlan
from core.transfers.model import PushStatus, QueueSnapshot
from core.transfers.plan import Decision, PushPlan
from gui import theme
from gui.contents import removal_words
from gui.contents import verify_words as words
from gui.contents.removal_pane import RemovalPane
from gui.engine_client import EngineClient
from gui.widgets.labels import WrappedLabel
from gui.widgets.task_dialog import TaskDialog

_HEIGHT = 240
_LIST_HEIGHT = 460


class RepairDialog(TaskDialog):
    """Accepted once everything was done; `update` is what was done to the index."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        mirror: str,
        findings: tuple[Finding, ...],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(words.repair_title(mirror), words.REPAIR_CONFIRM, parent, height=_HEIGHT)
        self._client = client
        self._instance = instance
        self._mirror = mirror
        self._findings = findings
        self._plan: RepairPlan | None = None
        self._push: PushPlan | None = None
        self._repairing = False
        self.update_done: IndexUpdate | None = None
        self.status = WrappedLabel(words.REPAIR_PLANNING, tone="dim")
        self.steps = WrappedLabel()
        self.steps.setAccessibleName(words.REPAIR_STEPS)
        self.removal = RemovalPane(mirror)
        self.removal.hide()
        self.finish = WrappedLabel()
        self.left = WrappedLabel(tone="warn")
        for label in (self.status, self.steps):
            self.body.addWidget(label)
        self.body.addWidget(self.removal, 1)
        for label in (self.finish, self.left):
            self.body.addWidget(label)
        self.body.addStretch(0)
        self.removal.changed.connect(self._allow)
        self.confirm_button.clicked.connect(self._on_repair)
        self._allow()

    def open(self) -> None:
        super().open()
        self.cancel_button.setFocus()
        self.work(self._make_plans)

    # ---- planning ----

    async def _make_plans(self) -> None:
        plan = await self._client.call(PlanRepair(self._instance, self._mirror, self._findings))
        if plan.push is not None:
            self._push = await self._client.call(PlanPush(self._instance, plan.push))
        if plan.delete is not None:
            call = PlanDelete(self._instance, plan.delete)
            self.removal.show_plan(await self._client.call(call, self._shower(removal_words.looked_at)))
        self._plan = plan
        self._show_plan(plan)

    def _show_plan(self, plan: RepairPlan) -> None:
        self.status.setText(words.NOTHING_PLANNED if plan.empty else "")
        deletion = self.removal.plan
        steps = [words.push_step(self._push) if self._push is not None else ""]
        if deletion is not None:
            steps.append(words.delete_step(len(deletion.plan.entries)))
        self.steps.setText("\n".join(step for step in steps if step))
        self.removal.setVisible(deletion is not None)
        if deletion is not None:
            self.resize(self.width(), max(self.height(), theme.scaled(_LIST_HEIGHT)))
        last = (words.MARK_STEP if plan.mark else "", words.INDEX_STEP if plan.reindex else "")
        self.finish.setText("\n".join(step for step in last if step))
        self.left.setText(words.left(plan))
        blockers = self._push.blockers if self._push is not None else ()
        if blockers:
            self.show_error(blockers[0])
        self._allow()
        self.make_room()

    # ---- repairing ----

    def _on_repair(self) -> None:
        plan = self._plan
        if plan is not None and not self.working:
            self._repairing = True
            self.work(partial(self._repair, plan))

    async def _repair(self, plan: RepairPlan) -> None:
        self.notice.clear()
        if self._push is not None and any(self._push.of(Decision.PUSH, Decision.COMPLETE)):
            self.status.setText(words.PUSHING)
            ended = await _push_to_the_end(self._client, self._push, self._show_push)
            self._push = None  # what was done is not done again
            if ended.totals.failed or ended.totals.cancelled:
                failed = ended.totals.failed + ended.totals.cancelled
                self.show_error(ErrorInfo("push-failed", words.push_failed(failed), words.PUSH_FAILED_WHY))
                return
        if not await self._delete(plan):
            return
        self.status.setText(words.FINISHING)
        self.update_done = await self._client.call(FinishRepair(self._instance, plan))
        self.accept()

    async def _delete(self, plan: RepairPlan) -> bool:
        """False if something else would go than was shown."""
        shown = self.removal.plan
        if shown is None or plan.delete is None:
            return True
        self.status.setText(words.DELETING)
        again = PlanDelete(self._instance, plan.delete)  # it was made before the push
        now: UpkeepPlan = await self._client.call(again, self._shower(removal_words.looked_at))
        if {entry.key for entry in now.plan.entries} != {entry.key for entry in shown.plan.entries}:
            self.removal.show_plan(now)
            self.show_error(ErrorInfo("changed", words.CHANGED, words.CHANGED_WHY))
            return False
        await self._client.call(ApplyDelete(now.plan.id), self._shower(removal_words.gone))
        return True

    def _show_push(self, push: PushStatus) -> None:
        self.status.setText(words.pushing(push.totals))

    def _shower(self, text: Callable[[Step], str]) -> Callable[[list[Step]], None]:
        """Shows how far the engine has come."""
        return lambda steps: self.status.setText(text(steps[-1]))

    def on_working(self) -> None:
        self._repairing = self._repairing and self.working
        if not self.working:
            self.status.setText(self.status.text() if self._plan is not None and self._plan.empty else "")
        self._allow()

    def _allow(self) -> None:
        plan = self._plan
        deletion = self.removal.plan
        blocked = self._push.blockers[0].title if self._push is not None and self._push.blockers else ""
        if plan is None or self.working:
            why = words.REPAIR_PLANNING
        elif plan.empty:
            why = words.NOTHING_PLANNED
        else:
            why = blocked or (self.removal.why_not if deletion is not None else "")
        self.forbid(why)
        self.removal.setEnabled(not self._repairing)


async def _push_to_the_end(client: EngineClient, plan: PushPlan, show: Callable[[PushStatus], None]) -> PushStatus:
    """Start a push, and wait until it has ended; stopping to wait leaves it in the queue. `show` gets every state."""
    seen: dict[str, PushStatus] = {}
    news = asyncio.Event()

    def on_snapshot(snapshot: QueueSnapshot) -> None:
        seen.update((push.id, push) for push in snapshot.pushes)
        news.set()

    client.snapshot_received.connect(on_snapshot)
    try:
        push_id = await client.call(StartPush(plan.id))
        while True:
            push = seen.get(push_id)
            if push is not None and push.ended:
                return push
            if push is not None:
                show(push)
            news.clear()
            await news.wait()
    finally:
        client.snapshot_received.disconnect(on_snapshot)
