# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every page of the window has in common."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QVBoxLayout, QWidget

from core.foundation.errors import ErrorInfo, MirrordeckError
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.theme import FontRole
from gui.widgets.banner import Banner
from gui.widgets.labels import ElidedLabel, Label
from gui.widgets.refresh_line import RefreshLine
from gui.widgets.table import TablePane

T = TypeVar("T")


class TaskOwner:
    """Keeps the tasks of a widget and ends them with it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `coroutine` as a task of this owner; what it raises reaches `sys.excepthook`."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def cancel_all(self) -> None:
        """Cancel every task but the one that asks for it. Possible before the loop runs, when there is none."""
        for task in tuple(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            sys.excepthook(type(error), error, error.__traceback__)


class Page(QWidget):
    """Header (title, sentence, buttons), refreshing line, banner, then the page's own `body`.

    A subclass builds its widgets in `__init__`, fills itself in `load` and says which actions make sense in
    `update_actions`. Stale answers: take `number = self.next_generation()` before awaiting and drop the answer unless
    `self.is_current(number)`.
    """

    title = ""

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.client = client
        self.commands = actions
        self.instance_id = ""
        self.tasks = TaskOwner()
        self.read_only = False
        self._generation = 0
        self.heading = Label(self.title, FontRole.TITLE)
        self.sentence = ElidedLabel("", tone="dim")
        self.banner = Banner()
        self.refresh_line = RefreshLine()
        self.header_buttons = QHBoxLayout()
        self.header_buttons.setSpacing(theme.SPACE_S)
        self.body = QVBoxLayout()
        self._lay_out()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.heading)
        words.addWidget(self.sentence)
        header = QHBoxLayout()
        header.addLayout(words, 1)
        header.addLayout(self.header_buttons)
        self._content = content = QVBoxLayout()
        content.addLayout(header)
        content.addWidget(self.banner)
        content.addLayout(self.body, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.refresh_line)
        outer.addLayout(content)
        theme.density_changed.connect(self._fit_density)
        self._fit_density()

    def _fit_density(self) -> None:
        margin, edge = theme.PAGE_MARGIN, theme.SPACE_S if theme.compact() else theme.SPACE_L
        self._content.setContentsMargins(margin, edge, margin, edge)
        for layout in (self._content, self.body):
            layout.setSpacing(theme.SPACE_S if theme.compact() else theme.SPACE_M)

    async def load(self, instance_id: str) -> None:
        """Show `instance_id`, first what is known, then what is fresh. Called again for a refresh."""
        raise NotImplementedError

    def forget(self) -> None:
        """What was shown belongs to another engine: what comes next is no refresh of it."""
        self.instance_id = ""

    def update_actions(self) -> None:
        """Allow or forbid this page's actions, by `self.commands.allow(action, why_not)`. Called when shown, too."""

    def panes(self) -> list[QWidget]:
        """The widgets F6 walks through."""
        return []

    def take_focus(self) -> None:
        """Let the keyboard go where it was when this page was left, the first time to its list, were it still empty."""
        lists = (pane for pane in self.panes() if isinstance(pane, QAbstractItemView) and pane.isVisible())
        frames = (frame for frame in self.findChildren(TablePane) if frame.isVisible())
        wanted = self.focusWidget() or next(lists, None) or next(frames, None)
        if wanted is not None:
            wanted.setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_filter(self) -> None:
        """Ctrl+F."""

    def leave(self) -> None:
        """Called when the window closes or the page is not needed any more."""
        self._generation += 1
        self.tasks.cancel_all()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self.tasks.start(coroutine)

    def next_generation(self) -> int:
        self._generation += 1
        return self._generation

    def is_current(self, generation: int) -> bool:
        return generation == self._generation

    def why_no_push(self) -> str:
        """Why nothing at all can be pushed now, "" if it can."""
        if self.read_only:
            return messages.WHY_READ_ONLY
        return "" if self.client.running else messages.ENGINE_GONE

    def show_error(self, error: MirrordeckError | ErrorInfo) -> None:
        """Put an error into the banner."""
        info = error.info() if isinstance(error, MirrordeckError) else error
        self.banner.show_notice(info.title, messages.sentences(info.why, *info.remedies), tone="bad")
