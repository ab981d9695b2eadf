# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A dialog that works while it is open: what is under way can be stopped, what fails is told in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from core.foundation.errors import ErrorInfo, MirrordeckError
from gui import messages, theme
from gui.theme import FontRole
from gui.widgets.banner import Banner
from gui.widgets.controls import Button
from gui.widgets.labels import ElidedLabel
from gui.widgets.page import TaskOwner
from gui.widgets.refresh_line import RefreshLine

Job = Callable[[], Coroutine[Any, Any, None]]

_WIDTH, _HEIGHT = 760, 560
_WINDOW_FRAME = 40


class TaskDialog(QDialog):
    """Title, `body`, one notice, and buttons; `extra_buttons` are those at the left. Open it with `ask`.

    `work` runs one thing at a time; meanwhile the left one of the two last buttons stops it instead of closing.
    """

    def __init__(self, title: str, confirm: str, parent: QWidget | None = None, *, height: int = _HEIGHT) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self.destroyed.connect(self.tasks.cancel_all)  # with its parent, perhaps
        self._working: asyncio.Task[None] | None = None
        self.setWindowTitle(title)
        self.busy_line = RefreshLine()
        self.heading = ElidedLabel(title, FontRole.TITLE)
        self.body = QVBoxLayout()
        self.body.setSpacing(theme.SPACE_M)
        self.notice = Banner(stacked=True)
        self.cancel_button = Button(messages.CANCEL)
        self.cancel_button.clicked.connect(self.reject)
        self.confirm_button = Button(confirm, primary=True)
        self.extra_buttons = QHBoxLayout()
        self.extra_buttons.setSpacing(theme.SPACE_S)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(theme.SPACE_S)
        self.buttons.addLayout(self.extra_buttons)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.cancel_button)
        self.buttons.addWidget(self.confirm_button)
        content = QVBoxLayout()
        margin = theme.PAGE_MARGIN
        content.setContentsMargins(margin, theme.SPACE_L, margin, theme.SPACE_L)
        content.setSpacing(theme.SPACE_M)
        content.addWidget(self.heading)
        content.addLayout(self.body, 1)
        content.addWidget(self.notice)
        content.addLayout(self.buttons)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.busy_line)
        outer.addLayout(content, 1)
        self.setMaximumWidth(theme.scaled(_WIDTH))
        self.resize(theme.scaled(_WIDTH), theme.scaled(height))

    # ---- working ----

    @property
    def working(self) -> bool:
        return self._working is not None

    def work(self, job: Job) -> None:
        """Do `job` unless something is under way already."""
        if self._working is None:
            self.work_instead(job)

    def work_instead(self, job: Job) -> None:
        """Do `job`; what is under way is given up."""
        before, self._working = self._working, self.tasks.start(self._guard(job))
        if before is not None:
            before.cancel()
        self._working.add_done_callback(self._on_ended)
        self.busy_line.set_running(True)
        self.cancel_button.setText(messages.STOP)
        self.on_working()

    async def _guard(self, job: Job) -> None:
        try:
            await job()
        except MirrordeckError as error:
            self.show_error(error.info())
        # At once: a click on what the job has just enabled would come to nothing.
        self._on_ended(asyncio.current_task())

    def _on_ended(self, task: asyncio.Task[None] | None) -> None:
        if task is None or task is not self._working or not isValid(self):
            return  # that was told already, something else is under way, or the dialog is closed
        self._working = None
        self.busy_line.set_running(False)
        self.cancel_button.setText(self.close_text)
        if task.cancelled():
            self.on_stopped()
        self.on_working()

    @property
    def close_text(self) -> str:
        """What the closing button says while nothing is under way."""
        return messages.CANCEL

    def on_working(self) -> None:
        """After something was begun, and after it ended in whatever way."""

    def on_stopped(self) -> None:
        """After a person stopped what was under way."""

    # ---- telling ----

    def show_error(self, error: ErrorInfo) -> None:
        text = messages.sentences(error.why, *error.remedies)
        self.notice.show_notice(error.title, text, tone="bad", closable=False)
        self.make_room()

    def forbid(self, why: str) -> None:
        """Say why it cannot be confirmed now; "" allows it."""
        self.confirm_button.setEnabled(not why)
        self.confirm_button.setToolTip(why)

    def make_room(self) -> None:
        """Grow as far as the screen allows; a window does not do that by itself."""
        layout = self.layout()
        if layout is not None and self.isVisible():
            layout.activate()
            most = self.screen().availableGeometry().height() - _WINDOW_FRAME
            wanted = max(layout.totalSizeHint().height(), layout.totalMinimumHeightForWidth(self.width()))
            self.resize(self.width(), max(self.height(), min(wanted, most)))

    # ---- closing ----

    def reject(self) -> None:
        """Stop what is under way, and close otherwise."""
        if self._working is not None:
            self._working.cancel()
        else:
            super().reject()

    def done(self, result: int) -> None:
        self._working = None
        self.tasks.cancel_all()
        self.busy_line.set_running(False)
        super().done(result)
