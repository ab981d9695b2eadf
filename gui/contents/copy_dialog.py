# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copying packages to another build cache, and into and out of bundles: the plan first, then the queue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.upkeep import PlanCopy, StartCopy
from core.engine.messages import Call
from core.foundation.errors import MirrordeckError
from core.mirrors.model import Mirror
from core.services.upkeep_values import CopyRequest, CopySigning
from core.services.values import ContentsRow
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan
from gui import messages, theme
from gui.contents import copy_words as words
from gui.contents.words import has_signatures
from gui.engine_client import EngineClient
from gui.keys.dialogs import UnlockDialog
from gui.push import words as push_words
from gui.push.mirror_box import MirrorBox
from gui.push.model import PlanModel
from gui.push.tree import PlanPane, PlanTree
from gui.widgets.controls import CheckBox, ComboBox
from gui.widgets.dialogs import ask
from gui.widgets.form_rows import FormRows
from gui.widgets.labels import ElidedLabel
from gui.widgets.task_dialog import TaskDialog

_TARGET_WIDTH = 240


class CopyModel(PlanModel):
    """A push plan in the words of what is done here: copying, migrating …"""

    def __init__(self, verb: str, parent: QObject | None = None) -> None:
        self._verb = verb
        super().__init__(parent)

    def name_of(self, decision: Decision) -> str:
        return words.group_name(self._verb, decision)

    def detail_of(self, decision: Decision, items: tuple[PlanItem, ...], options: PushOptions) -> str:
        return words.group_detail(decision, items, options)


class CopyPlanDialog(TaskDialog):
    """Subclasses add their fields to `form`, call `replan` after changes, and say what to plan in `request`.

    Accepted once it is in the queue: `push_started(push id)`.
    """

    push_started = Signal(str)

    def __init__(
        self, client: EngineClient, instance: str, title: str, verb: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(title, verb, parent)
        self.client = client
        self._instance = instance
        self.verb = verb
        self.plan: PushPlan | None = None
        self.form = FormRows()
        self.model = CopyModel(verb, self)
        self.tree = PlanTree(self.model)
        self.pane = PlanPane(self.tree)
        self.sentence = ElidedLabel("", tone="dim")
        self.body.addWidget(self.form)
        self.body.addWidget(self.sentence)
        self.body.addWidget(self.pane, 1)
        self.tree.replace.clicked.connect(self.replan)
        self.confirm_button.clicked.connect(self._on_start)

    # ---- for subclasses ----

    def request(self) -> Call[PushPlan] | None:
        """What to plan; None where `why_no_request` says what is missing."""
        raise NotImplementedError

    @property
    def why_no_request(self) -> str:
        raise NotImplementedError

    # ---- planning ----

    def replan(self) -> None:
        """What is on the screen is for something else; plan again."""
        self.plan = None
        self.model.set_stale(True)
        call = self.request()
        if call is None:
            self.sentence.setText("")
            self.forbid(self.why_no_request)
            return
        self.notice.clear()
        self.sentence.setText(words.PLANNING)
        self.forbid(words.WHY_PLANNING)
        self.work_instead(partial(self._make_plan, call))

    async def _make_plan(self, call: Call[PushPlan]) -> None:
        try:
            plan = await self.client.call(call)
        except MirrordeckError as error:
            self.sentence.setText("")
            self.forbid(error.info().title)
            raise
        self.plan = plan
        self.model.set_plan(plan)
        self.tree.show_groups(plan)
        self.sentence.setText(words.heading(self.verb, plan))
        self.confirm_button.setText(words.button(self.verb, plan))
        self.forbid(words.why_not(plan))
        problems = plan.blockers or plan.warnings
        if problems:
            first, *others = problems
            tone = "bad" if plan.blockers else "warn"
            lines = (messages.sentences(first.why, *first.remedies), *(each.sentence() for each in others))
            text = "\n".join(line for line in lines if line)
            self.notice.show_notice(first.title, text, tone=tone, closable=False)
        self.make_room()

    def _on_start(self) -> None:
        if self.plan is not None:
            self.forbid(push_words.WHY_STARTING)
            self.work_instead(partial(self._start, self.plan))

    async def _start(self, plan: PushPlan) -> None:
        if plan.key_locked and not await ask(self._unlock_dialog(plan)):
            self.forbid(words.why_not(plan))
            return
        try:
            push_id = await self.client.call(StartCopy(plan.id))
        except MirrordeckError as error:
            self.forbid(error.info().title)
            raise
        self.push_started.emit(push_id)
        self.accept()

    def _unlock_dialog(self, plan: PushPlan) -> UnlockDialog:
        return UnlockDialog(self.client, self._instance, plan.key, plan.key_owner, self)

    def on_stopped(self) -> None:
        self.sentence.setText(words.STOPPED)
        self.forbid(words.STOPPED)


def side_by_side(first: QWidget, second: QWidget) -> QWidget:
    """Two fields in one row of a form."""
    widget = QWidget()
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.SPACE_L)
    row.addWidget(first)
    row.addWidget(second)
    row.addStretch(1)
    widget.setFocusProxy(first)
    return widget


class PackagesChoice(ComboBox):
    """Which packages of a cache: those selected, those of the active environment, or all."""

    def __init__(self, rows: Sequence[ContentsRow], environment: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(words.WHAT)
        self._hashes = tuple(row.hash for row in rows)
        if rows:
            self.addItem(words.selected(len(rows)), "selected")
        if environment:
            self.addItem(words.environment(environment), "environment")
        self.addItem(words.EVERYTHING, "everything")
        if not rows:
            self.setCurrentIndex(self.count() - 1)

    @property
    def hashes(self) -> tuple[str, ...]:
        return self._hashes if self.currentData() == "selected" else ()

    @property
    def environment(self) -> bool:
        return bool(self.currentData() == "environment")

    @property
    def everything(self) -> bool:
        return bool(self.currentData() == "everything")


class TargetBox(MirrorBox):
    """The mirrors but one, or anything typed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(words.TO_NAME)
        self.setToolTip(words.TO_NAME)
        self.setMinimumWidth(theme.scaled(_TARGET_WIDTH))

    async def offer(self, client: EngineClient, instance: str, but: str = "") -> Sequence[Mirror]:
        """Ask for the mirrors; none where they cannot be read, since a name may still be typed."""
        try:
            view = await client.call(ListMirrors(instance))
        except MirrordeckError:
            return ()
        mirrors = [row.mirror for row in view.rows if row.mirror.binary and row.mirror.name != but]
        self.set_mirrors(mirrors)
        return mirrors


class CopyDialog(CopyPlanDialog):
    """From one build cache to another."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        source: str,
        rows: Sequence[ContentsRow],
        *,
        environment: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(client, instance, words.copy_title(source), words.COPY, parent)
        self._source = source
        self.target_box = TargetBox()
        self.choice = PackagesChoice(rows, environment)
        self.dependencies_box = CheckBox(words.DEPENDENCIES)
        self.dependencies_box.setChecked(True)
        self.index_combo = ComboBox()
        for text, value in ((push_words.INDEX_UPDATE, True), (push_words.INDEX_LEAVE, False)):
            self.index_combo.addItem(text, value)
        self.signing_combo = ComboBox()
        for signing, text in words.SIGNINGS:
            self.signing_combo.addItem(text, signing)
        self.form.add(words.WHAT, side_by_side(self.choice, self.dependencies_box))
        self.form.add(words.TO, self.target_box)
        self._signing = self.form.add(words.SIGNING, self.signing_combo)
        self.form.add(words.INDEX, self.index_combo)
        self.target_box.target_changed.connect(self.replan)
        self.target_box.editTextChanged.connect(lambda _text: self.forbid(words.WHY_PLANNING))
        for combo in (self.choice, self.index_combo, self.signing_combo):
            combo.activated.connect(self.replan)
        self.dependencies_box.clicked.connect(self.replan)

    def open(self) -> None:
        super().open()
        self.target_box.edit.setFocus(Qt.FocusReason.OtherFocusReason)
        self.replan()
        self.tasks.start(self._offer())

    async def _offer(self) -> None:
        mirrors = await self.target_box.offer(self.client, self._instance, self._source)
        if not self.target_box.target and len(mirrors) == 1:
            self.target_box.set_target(mirrors[0].name)
        self.replan()

    @property
    def why_no_request(self) -> str:
        return words.WHY_NO_TARGET

    def request(self) -> PlanCopy | None:
        target, mirror = self.target_box.target, self.target_box.mirror
        signs = has_signatures(target, mirror)
        self._signing.set_visible(wanted=signs)
        self.dependencies_box.setEnabled(not self.choice.everything)
        if not target:
            return None
        request = CopyRequest(
            source=self._source,
            target=target,
            hashes=self.choice.hashes,
            environment=self.choice.environment,
            dependencies=self.dependencies_box.isChecked(),
            force=self.tree.replace.isChecked(),
            update_index=bool(self.index_combo.currentData()),
            signing=CopySigning(self.signing_combo.currentData()) if signs else CopySigning.KEEP,
        )
        return PlanCopy(self._instance, request)
