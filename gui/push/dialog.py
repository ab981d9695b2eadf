# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a push will do, before it does anything."""

from __future__ import annotations

import asyncio
from itertools import chain

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.push import PlanPush, StartPush
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.services.values import InstanceInfo, SavedPush
from core.transfers.plan import PushOptions, PushPlan, PushRequest
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.keys.dialogs import UnlockDialog
from gui.push import words
from gui.push.command import spack_command
from gui.push.image_options import ImageOptions
from gui.push.keeping import KeepButton
from gui.push.model import PlanModel
from gui.push.packing import PackingPlace
from gui.push.signing import SigningChoice
from gui.push.targets import Targets
from gui.push.tree import PlanPane, PlanTree
from gui.settings import remembered
from gui.theme import FontRole
from gui.widgets.banner import Banner
from gui.widgets.controls import Button, CheckBox, ComboBox
from gui.widgets.dialogs import ask
from gui.widgets.labels import ElidedLabel, Label
from gui.widgets.page import TaskOwner
from gui.widgets.refresh_line import RefreshLine

_WIDTH, _HEIGHT = 760, 580
_WINDOW_FRAME = 40
_COMMAND_LINES = 4
_MOST_ON_A_COMMAND_LINE = 2000
_BUILD_KEY = "push/build_dependencies"
_MIRROR_KEY = "push/mirror"


class PushDialog(QDialog):
    """Open it with `ask`. The plan is made again after every change; only the newest answer counts.

    Accepted once the push has started: `push_started(push id)`.
    """

    push_started = Signal(str)

    def __init__(
        self,
        client: EngineClient,
        instance: InstanceInfo,
        *,
        mirror: str = "",
        hashes: tuple[str, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._client = client
        self._instance = instance
        self._hashes = hashes
        self._plans: tuple[PushPlan, ...] = ()  # in the order of the targets, all or none
        self._generation = 0
        self._planning: asyncio.Task[None] | None = None
        self._wanted: dict[bool, int] = {}  # packages with and without build dependencies
        self.tasks = TaskOwner()
        self.model = PlanModel(self)
        self._build()
        self._lay_out()
        self.mirror_box = self.targets.rows[0].box
        self.mirror_box.set_target(mirror or str(remembered().value(_MIRROR_KEY, "")))
        self.build_box.setChecked(bool(remembered().value(_BUILD_KEY, True, type=bool)))
        self._connect()
        self._show_target()
        self._forbid(words.WHY_PLANNING)

    # ---- building ----

    def _build(self) -> None:
        self.setWindowTitle(words.TITLE)
        self.busy_line = RefreshLine()
        self.heading = Label(words.TITLE, FontRole.TITLE)
        self.targets = Targets()
        self.list_label = ElidedLabel("", FontRole.SMALL, "dim")
        self.selection = ElidedLabel("", tone="dim")
        self.selection.hide()
        self.build_box = CheckBox(words.BUILD_DEPENDENCIES)
        self.tree = PlanTree(self.model)
        self.signing = SigningChoice()
        self.images = ImageOptions()
        self.index_combo = ComboBox()
        self.index_combo.addItem(words.INDEX_UPDATE, True)
        self.index_combo.addItem(words.INDEX_LEAVE, False)
        self.packing = PackingPlace(self._client)
        self.keep_box = CheckBox(words.KEEP_BLOBS)
        self.keep_box.setToolTip(words.KEEP_BLOBS_TIP)
        self.notice = Banner(stacked=True)
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setTabChangesFocus(True)
        theme.use_font(self.command, FontRole.MONO)
        self.command.setAccessibleName(words.COMMAND_NAME)
        self.command.setFixedHeight(_COMMAND_LINES * self.command.fontMetrics().lineSpacing() + theme.SPACE_L)
        self.command_button = Button(words.SHOW_COMMAND)
        self.keep_button = KeepButton(self._client, self._saved_push)
        self.copy_button = Button(words.COPY_COMMAND, icon="copy")
        self.cancel_button = Button(messages.CANCEL)
        self.queue_button = Button(words.ADD_TO_QUEUE)
        self.push_button = Button(words.PUSH, primary=True)
        self.push_button.setDefault(True)
        for widget in (self.command, self.copy_button):
            widget.hide()

    def _lay_out(self) -> None:
        what = QHBoxLayout()
        what.setSpacing(theme.SPACE_L)
        what.addWidget(self.build_box)
        what.addWidget(self.selection, 1)
        choices = QGridLayout()
        choices.setHorizontalSpacing(theme.SPACE_L)
        choices.setVerticalSpacing(theme.SPACE_S)
        choices.setColumnStretch(1, 1)
        for row, (text, choice) in enumerate(((words.SIGNING, self.signing), (words.INDEX, self.index_combo))):
            choices.addWidget(_named(text, choice), row, 0)
            choices.addWidget(choice, row, 1)
        self.packing_label = _named(words.PACKING, self.packing)
        choices.addWidget(self.packing_label, 2, 0)
        choices.addWidget(self.packing, 2, 1)
        choices.addWidget(_named(words.ARCHIVES, self.keep_box), 3, 0)
        choices.addWidget(self.keep_box, 3, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE_S)
        buttons.addWidget(self.command_button)
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.keep_button)
        buttons.addStretch()
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.queue_button)
        buttons.addWidget(self.push_button)
        content = QVBoxLayout()
        margin = theme.PAGE_MARGIN
        content.setContentsMargins(margin, theme.SPACE_L, margin, theme.SPACE_XL)
        content.setSpacing(theme.SPACE_M)
        content.addWidget(self.heading)
        content.addWidget(self.targets)
        content.addLayout(what)
        content.addWidget(self.list_label)
        content.addWidget(PlanPane(self.tree), 1)
        content.addLayout(choices)
        content.addWidget(self.images)
        content.addWidget(self.notice)
        content.addWidget(self.command)
        content.addSpacing(theme.SPACE_XS)
        content.addLayout(buttons)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.busy_line)
        outer.addLayout(content)
        self.setMaximumWidth(_WIDTH)
        self.resize(_WIDTH, _HEIGHT)

    def _connect(self) -> None:
        self.targets.editing.connect(self._on_typing)
        self.targets.changed.connect(self._replan)
        self.targets.looked_at.connect(self._show_list)
        self.build_box.clicked.connect(self._on_build_clicked)
        for box in (self.tree.replace, self.tree.private, self.keep_box):
            box.clicked.connect(self._replan)
        self.signing.chosen.connect(self._replan)
        self.index_combo.activated.connect(self._replan)
        self.images.editing.connect(self._on_typing)
        self.images.changed.connect(self._replan)
        self.images.unfolded.connect(self._make_room)
        self.command_button.clicked.connect(self._on_command)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.toPlainText()))
        self.keep_button.told.connect(self._on_kept)
        self.cancel_button.clicked.connect(self.reject)
        self.queue_button.clicked.connect(lambda: self._on_push(paused=True))
        self.push_button.clicked.connect(lambda: self._on_push(paused=False))
        self.packing.changed.connect(self._replan)
        self.packing.failed.connect(lambda error: self._show_failure(error.info()))

    # ---- planning ----

    def open(self) -> None:
        super().open()
        self.packing.look()
        self.tasks.start(self._offer_mirrors())
        self._replan()
        self.mirror_box.edit.setFocus()
        self.mirror_box.edit.selectAll()

    def request(self) -> PushRequest:
        """What the form asks for now, of its first target."""
        first = next(iter(self.targets.names), "")
        return PushRequest(first, hashes=self._hashes, options=self._options())

    def requests(self) -> tuple[PushRequest, ...]:
        """The same for each target."""
        return self.request().to_each(self.targets.names[1:])

    def _saved_push(self) -> SavedPush:
        instance, also = self._instance, self.targets.names[1:]
        return SavedPush(instance.root or instance.install_root, instance.environment, self.request(), also)

    def _on_kept(self, title: str, text: str, tone: str) -> None:
        self.notice.show_notice(title, text, tone=tone, closable=False)
        self._make_room()

    def _options(self, *, build_dependencies: bool | None = None) -> PushOptions:
        build = self.build_box.isChecked() if build_dependencies is None else build_dependencies
        options = PushOptions(
            with_build_dependencies=build,
            force=self.tree.replace.isChecked(),
            private=self.tree.private.isChecked(),
            update_index=bool(self.index_combo.currentData()),
            signing=self.signing.signing,
            keep_blobs=self.keep_box.isChecked() and build_dependencies is None,  # to count, no mirror is asked
        )
        return self.images.applied_to(options) if self.targets.registry is not None else options

    async def _offer_mirrors(self) -> None:
        try:
            view = await self._client.call(ListMirrors(self._instance.id))
        except MirrordeckError:
            return  # a name may still be typed, and the plan says what is wrong
        mirrors = [row.mirror for row in view.rows if row.mirror.binary]
        self.targets.set_mirrors(mirrors)
        if not self.mirror_box.target and mirrors:
            pushable = [row.mirror for row in view.rows if row.mirror.binary and row.writable is not False]
            self.mirror_box.set_target((pushable or mirrors)[0].name)
            self._replan()
        self._show_target()

    def _on_typing(self) -> None:
        """The plan on the screen is for another target."""
        self._forget_plan(words.WHY_PLANNING)
        self._show_target()

    def _replan(self) -> None:
        self._forget_plan(words.WHY_PLANNING)
        self._show_target()
        self._show_command()
        if not self.targets.names:
            self.busy_line.set_running(False)
            self.notice.show_notice("", words.CHOOSE_MIRROR, tone="info", closable=False)
            self._forbid(words.WHY_NO_MIRROR)
            return
        if self.targets.registry is not None and self.images.problem:
            self.busy_line.set_running(False)
            self.notice.show_notice("", self.images.problem, tone="warn", closable=False)
            self._forbid(self.images.problem)
            return
        self.notice.show_notice("", words.PLANNING, tone="info", closable=False)
        self.busy_line.set_running(True)
        self._planning = self.tasks.start(self._make_plan(self._generation))

    def _forget_plan(self, why: str) -> None:
        self._generation += 1
        self._plans = ()
        if self._planning is not None:
            self._planning.cancel()
            self._planning = None
        self.model.set_stale(True)
        self.heading.set_tone("dim")
        self._forbid(why)

    async def _make_plan(self, number: int) -> None:
        calls = [PlanPush(self._instance.id, request) for request in self.requests()]
        try:
            plans = tuple([await self._client.call(call) for call in calls])
        except MirrordeckError as error:
            if number == self._generation:
                self._show_failure(error.info())
            return
        if number == self._generation:
            self._show_plans(plans)
            if len(self._wanted) == 1 and plans[0].registry is None:  # there every look costs many requests
                self.tasks.start(self._count_others(plans[0]))

    async def _count_others(self, plan: PushPlan) -> None:
        """Learn how many packages there are with the other choice about build dependencies, at leisure."""
        build = not plan.options.with_build_dependencies
        request = PushRequest(plan.mirror, hashes=self._hashes, options=self._options(build_dependencies=build))
        try:
            other = await self._client.call(PlanPush(self._instance.id, request))
        except MirrordeckError:
            return  # the number stays unknown
        self._wanted[build] = words.wanted_count(other)
        self._show_selection()

    # ---- showing ----

    def _show_plans(self, plans: tuple[PushPlan, ...]) -> None:
        self._plans = plans
        first, *others = plans
        self._wanted[first.options.with_build_dependencies] = words.wanted_count(first)
        self.busy_line.set_running(False)
        self.heading.setText(words.heading_of_all(plans) if others else words.heading(first))
        self.heading.set_tone("text")
        self._show_target()
        self._show_list()
        self._show_selection()
        self._show_checks(plans)
        self.images.show_plan(next((plan for plan in plans if plan.images is not None), first))
        self.push_button.setText(words.push_button_of_all(plans))
        self._forbid(words.why_no_push_at_all(plans))

    def _show_list(self) -> None:
        """The packages of the target that was looked at last."""
        plan = self.targets.plan
        if plan is not None:
            self.model.set_plan(plan)
            self.tree.show_groups(plan)
            self.list_label.setText(words.list_of(plan))
        self.list_label.setVisible(len(self._plans) > 1)

    def _show_checks(self, plans: tuple[PushPlan, ...]) -> None:
        blockers = tuple(chain.from_iterable(plan.blockers for plan in plans))
        warnings = tuple(chain.from_iterable(plan.warnings for plan in plans))
        if blockers:
            self._show_notices(blockers, "bad")
        elif warnings:
            self._show_notices(warnings, "warn")
        else:
            self.notice.show_notice("", words.checked(plans), tone="info", closable=False)

    def _show_notices(self, errors: tuple[ErrorInfo, ...], tone: str) -> None:
        first, *others = errors
        lines = (first.why, *first.remedies, *(each.sentence() for each in others))
        text = "\n".join(line for line in lines if line)
        button, action = (words.PLAN_AGAIN, self._replan) if tone == "bad" else ("", self._replan)
        if any(error.code == "too-many-layers" for error in errors):
            button, action = words.SQUASH_NOW, self.images.squash
        self.notice.show_notice(first.title, text, tone=tone, button=button, action=action, closable=False)
        self._make_room()

    def _make_room(self) -> None:
        """Grow as wrapped text and what was unfolded need it; a window does not do that by itself."""
        layout = self.layout()
        if layout is None:
            return
        width, screen = self.width(), self.screen().availableGeometry().height() - _WINDOW_FRAME
        wanted = min(layout.totalHeightForWidth(width), screen)
        self.resize(width, max(self.height(), wanted, layout.totalMinimumHeightForWidth(width)))

    def _show_failure(self, error: ErrorInfo) -> None:
        self.busy_line.set_running(False)
        self.heading.setText(words.TITLE)
        self.push_button.setText(words.PUSH)
        self._show_notices((error,), "bad")
        self._forbid(error.title)

    def _show_target(self) -> None:
        targets, registry = self.targets, self.targets.registry
        targets.show_plans(self._plans)
        for widget in (self.packing_label, self.packing):  # a folder is packed into directly
            widget.setVisible(registry is not None and self._client.place.is_here)  # elsewhere it is not known
        self.images.set_target(registry)
        signable = targets.signable
        self.signing.set_possible(possible=signable is not None)
        self.signing.show_facts(*(signable or (targets.rows[0].box.mirror, self._plans[0] if self._plans else None)))

    def _show_selection(self) -> None:
        known = self._wanted.keys() == {True, False}
        build = self._wanted[True] - self._wanted[False] if known else None
        self.build_box.setText(words.build_dependencies(build))
        if self._plans:
            self.selection.setText(words.selection(self._plans[0], build))
            self.selection.show()

    def _show_command(self) -> None:
        """The command line, where it is wanted: many thousand hashes take long to lay out, and no shell takes them."""
        fits = len(self._hashes) <= _MOST_ON_A_COMMAND_LINE
        self.copy_button.setEnabled(fits)
        if not fits:
            self.command.setPlainText(words.command_too_long(len(self._hashes)))
        elif not self.command.isHidden():
            lines = [spack_command(request, self._instance.environment) for request in self.requests()]
            lines.append(words.beyond_spack(self._options()))
            self.command.setPlainText("\n".join(line for line in lines if line))

    def _forbid(self, why: str) -> None:
        """Say why nothing can be pushed now; "" allows it."""
        self.push_button.setEnabled(not why)
        self.push_button.setToolTip(why)
        self.queue_button.setEnabled(not why)
        self.queue_button.setToolTip(why or words.ADD_TO_QUEUE_TIP)

    # ---- what people do ----

    def _on_build_clicked(self, checked: bool) -> None:
        remembered().setValue(_BUILD_KEY, checked)
        self._replan()

    def _on_command(self) -> None:
        shown = self.command.isHidden()
        self.command.setVisible(shown)
        self.copy_button.setVisible(shown)
        self._show_command()
        self.command_button.setText(words.HIDE_COMMAND if shown else words.SHOW_COMMAND)
        self._make_room()

    def _on_push(self, *, paused: bool) -> None:
        plans = [plan for plan in self._plans if not words.why_no_push(plan)]
        if plans:
            self._forbid(words.WHY_STARTING)
            self.busy_line.set_running(True)
            self.tasks.start(self._start(plans, paused=paused))

    async def _start(self, plans: list[PushPlan], *, paused: bool) -> None:
        for plan in {plan.key: plan for plan in plans if plan.key_locked}.values():
            if not await ask(self._unlock_dialog(plan)):
                self.busy_line.set_running(False)
                self._forbid(words.why_no_push_at_all(self._plans))
                return
        first, *others = [plan.id for plan in plans]
        try:
            push_id = await self._client.call(StartPush(first, paused, tuple(others)))
        except MirrordeckError as error:
            self._show_failure(error.info())
            return
        remembered().setValue(_MIRROR_KEY, self.targets.names[0])
        self.push_started.emit(push_id)
        self.accept()

    def _unlock_dialog(self, plan: PushPlan) -> UnlockDialog:
        return UnlockDialog(self._client, self._instance.id, plan.key, plan.key_owner, self)

    def done(self, result: int) -> None:
        self._generation += 1
        self.tasks.cancel_all()
        self.keep_button.tasks.cancel_all()
        self.packing.tasks.cancel_all()
        self.busy_line.set_running(False)
        super().done(result)


def _named(text: str, buddy: QWidget) -> Label:
    label = Label(text, tone="dim")
    label.setBuddy(buddy)
    return label
