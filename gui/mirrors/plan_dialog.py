# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an edit without a form does to which file, and one confirmation: removing, copying, moving secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from core.engine.calls.mirrors import ApplyMirrorEdit, PlanMirrorEdit
from core.engine.messages import Call
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.foundation.text import visible
from core.services.mirror_values import AppliedEdit, EditPlan, MirrorEdit
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.mirrors import editor_words as words
from gui.theme import FontRole
from gui.widgets.banner import Banner
from gui.widgets.controls import Button, ComboBox
from gui.widgets.diff_view import DiffView, counts_of
from gui.widgets.labels import Label
from gui.widgets.page import TaskOwner
from gui.widgets.refresh_line import RefreshLine

_WIDTH = 640
_MOST_LINES = 14


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to do it: what to call it, and its edits."""

    text: str
    edits: tuple[MirrorEdit, ...]


class PlanDialog(QDialog):
    """Open it with `ask`. `choices` are offered where there are several; `confirm` is the button's word.

    `apply` makes the request that saves a plan, where that is more than writing the file. `applied` are the edits that
    were saved, which may be some of them when it failed in between.
    """

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        title: str,
        choices: Sequence[Choice],
        confirm: str,
        *,
        text: str = "",
        apply: Callable[[EditPlan], Call[AppliedEdit]] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.applied: list[AppliedEdit] = []
        self.tasks = TaskOwner()
        self._client = client
        self._instance = instance
        self._choices = tuple(choices)
        self._apply = apply or (lambda plan: ApplyMirrorEdit(instance, plan.id))
        self._plans: list[EditPlan] = []
        self.setWindowTitle(title)
        self.busy_line = RefreshLine()
        self.choice_box = ComboBox()
        self.choice_box.setAccessibleName(words.FROM)
        self.choice_box.addItems([choice.text for choice in choices])
        self.choice_box.currentIndexChanged.connect(self._replan)
        self.summary = Label("", tone="dim")
        self.remains = Label("")
        for label in (self.summary, self.remains):
            label.setWordWrap(True)
        self.diff = DiffView(words.DIFFERENCE, most_lines=_MOST_LINES)
        self.notice = Banner(stacked=True)
        self.cancel_button = Button(messages.CANCEL)
        self.confirm_button = Button(confirm, primary=True)
        self.confirm_button.setEnabled(False)
        self.cancel_button.clicked.connect(self.reject)
        self.confirm_button.clicked.connect(lambda: self.tasks.start(self._confirm()))
        self._lay_out(title, text)

    def _lay_out(self, title: str, text: str) -> None:
        heading = Label(title, FontRole.BIG)
        heading.setWordWrap(True)
        sentence = Label(text)
        sentence.setWordWrap(True)
        sentence.setVisible(bool(text))
        choice = QHBoxLayout()
        choice.setSpacing(theme.SPACE_S)
        label = Label(words.FROM, tone="dim")
        label.setBuddy(self.choice_box)
        for widget in (label, self.choice_box):
            widget.setVisible(len(self._choices) > 1)
            choice.addWidget(widget)
        choice.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE_S)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.confirm_button)
        content = QVBoxLayout()
        margin = theme.PAGE_MARGIN
        content.setContentsMargins(margin, margin, margin, margin)
        content.setSpacing(theme.SPACE_M)
        content.addWidget(heading)
        content.addWidget(sentence)
        content.addLayout(choice)
        for part in (self.summary, self.diff, self.remains, self.notice):
            content.addWidget(part)
        content.addStretch(1)
        content.addLayout(buttons)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.busy_line)
        outer.addLayout(content)
        self.resize(_WIDTH, outer.sizeHint().height())
        self.cancel_button.setFocus()

    def open(self) -> None:
        super().open()
        self._replan()

    @property
    def _edits(self) -> tuple[MirrorEdit, ...]:
        return self._choices[max(self.choice_box.currentIndex(), 0)].edits

    def _replan(self) -> None:
        self.tasks.cancel_all()
        self.tasks.start(self._plan())

    async def _plan(self) -> None:
        self.confirm_button.setEnabled(False)
        self.busy_line.set_running(True)
        try:
            self._plans = [await self._client.call(PlanMirrorEdit(self._instance, edit)) for edit in self._edits]
        except MirrordeckError as error:
            self._show_error(error.info())
        else:
            self._show_plans()
        finally:
            self.busy_line.set_running(False)

    def _show_plans(self) -> None:
        diffs = [plan.diff for plan in self._plans]
        self.diff.show_diff(join(diffs))
        self.summary.setText("\n".join(words.difference(plan, *counts_of(plan.diff)) for plan in self._plans))
        self.remains.setText("\n".join(visible(plan.remains) for plan in self._plans if plan.remains))
        self.remains.setVisible(bool(self.remains.text()))
        warnings = [warning for plan in self._plans for warning in plan.warnings]
        if warnings:
            text = "\n".join(words.problem_text(warning) for warning in warnings)
            self.notice.show_notice("", text, tone="warn", closable=False)
        else:
            self.notice.clear()
        self.confirm_button.setEnabled(any(diffs))
        self.confirm_button.setToolTip("" if any(diffs) else words.NOTHING_CHANGES)
        self._make_room()

    def _show_error(self, error: ErrorInfo) -> None:
        text = messages.sentences(error.why, *error.remedies)
        self.notice.show_notice(error.title, text, tone="bad", closable=False)
        self._make_room()

    def _make_room(self) -> None:
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))

    async def _confirm(self) -> None:
        self.confirm_button.setEnabled(False)
        self.busy_line.set_running(True)
        try:
            for number, edit in enumerate(self._edits[len(self.applied) :]):
                # Plans are made of the file as it was: only the first one is of the file as it is.
                again = number > 0 or bool(self.applied)
                plan = await self._client.call(PlanMirrorEdit(self._instance, edit)) if again else self._plans[0]
                self.applied.append(await self._client.call(self._apply(plan)))
        except MirrordeckError as error:
            self.choice_box.setEnabled(not self.applied)
            self._show_error(error.info())
            self.confirm_button.setEnabled(True)
        else:
            self.accept()
        finally:
            self.busy_line.set_running(False)

    def done(self, result: int) -> None:
        self.tasks.cancel_all()
        self.busy_line.set_running(False)
        super().done(result)


def join(diffs: Sequence[str]) -> str:
    """Several differences below each other, behind the header of the first."""
    first, *others = [diff for diff in diffs if diff] or [""]
    return "\n".join((first.rstrip("\n"), *("\n".join(other.splitlines()[2:]) for other in others)))
