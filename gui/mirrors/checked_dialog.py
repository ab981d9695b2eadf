# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A dialog that tries a login before it saves anything, and keeps what was typed whatever happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from core.engine.calls.logins import CheckLogin, SaveLogin, SaveServerSettings
from core.engine.calls.mirrors import ApplyMirrorEdit, ChooseCompression
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.mirrors.credentials.states import Direction
from core.services.login_values import Keep, LoginForm, ServerSettings
from core.services.mirror_values import AppliedEdit, Codec, EditPlan, MirrorForm
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.mirrors import editor_words as words
from gui.mirrors import login_words
from gui.mirrors.login_fields import LoginFields
from gui.theme import FontRole
from gui.widgets.banner import Banner
from gui.widgets.controls import Button
from gui.widgets.diff_view import DiffView, counts_of
from gui.widgets.labels import ElidedLabel, Label
from gui.widgets.page import TaskOwner
from gui.widgets.refresh_line import RefreshLine

_WIDTH = 760
_WINDOW_FRAME = 40
_DEBOUNCE_MS = 300


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be saved. `plan` None: no file has to change; `login`, `settings` and `codec` None: they stay as
    they are.

    `host` is the server that `settings` are about.
    """

    form: MirrorForm
    login: LoginForm | None
    direction: Direction = Direction.PUSH
    plan: EditPlan | None = None
    settings: ServerSettings | None = None
    host: str = ""
    codec: Codec | None = None


class CheckedDialog(QDialog):
    """Subclasses put their fields between `heading` and `lay_out_below`, call `on_edited` after every change, and say
    what is wished for in `wish`, anew after every change and once more when it is saved.

    `applied` is the edit of a file that was saved, None if none had to be.
    """

    def __init__(self, client: EngineClient, instance: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.applied: AppliedEdit | None = None
        self.tasks = TaskOwner()
        self.client = client
        self.instance = instance
        self.generation = 0
        self.current: Wish | None = None
        self._saving: asyncio.Task[None] | None = None
        self._stoppable = False
        self.setWindowTitle(title)
        self.busy_line = RefreshLine()
        self.heading = Label(title, FontRole.TITLE)
        self.heading.setWordWrap(True)
        self.difference = ElidedLabel("", FontRole.SMALL, "dim", Qt.TextElideMode.ElideMiddle)
        self.diff = DiffView(words.DIFFERENCE)
        self.notice = Banner(stacked=True)
        self.cancel_button = Button(messages.CANCEL)
        self.anyway_button = Button(login_words.SAVE_ANYWAY)
        self.anyway_button.hide()
        self.save_button = Button(login_words.CHECK_AND_SAVE, primary=True)
        self.save_button.setDefault(True)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(theme.SPACE_S)
        self.buttons.addStretch()
        for button in (self.cancel_button, self.anyway_button, self.save_button):
            self.buttons.addWidget(button)
        self.content = QVBoxLayout()
        margin = theme.PAGE_MARGIN
        self.content.setContentsMargins(margin, theme.SPACE_L, margin, theme.SPACE_L)
        self.content.setSpacing(theme.SPACE_S)
        self.content.addWidget(self.heading)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.busy_line)
        outer.addLayout(self.content)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_DEBOUNCE_MS)
        self._pause.timeout.connect(lambda: self.tasks.start(self.refresh()))
        self.cancel_button.clicked.connect(self.reject)
        self.save_button.clicked.connect(lambda: self._on_save(check=True))
        self.anyway_button.clicked.connect(lambda: self._on_save(check=False))

    def lay_out_below(self, *widgets: QWidget) -> None:
        """Add the difference, `widgets`, the notice and the buttons below the subclass's fields."""
        for widget in (self.difference, self.diff, *widgets, self.notice):
            self.content.addWidget(widget)
        self.content.addSpacing(theme.SPACE_XS)
        self.content.addLayout(self.buttons)
        self.setMaximumWidth(_WIDTH)
        self.resize(_WIDTH, self.sizeHint().height())

    # ---- for subclasses ----

    async def wish(self) -> Wish | None:
        """What is entered now; None where that cannot be saved. Raises MirrordeckError."""
        raise NotImplementedError

    @property
    def checks(self) -> bool:
        """True if saving asks the server first."""
        raise NotImplementedError

    @property
    def fields(self) -> QWidget:
        """What cannot be edited while it is saved."""
        raise NotImplementedError

    @property
    def login_fields(self) -> LoginFields:
        raise NotImplementedError

    def show_problems(self) -> None:
        """Say why `wish` answers None, where it is wrong."""
        raise NotImplementedError

    def show_standing_notice(self) -> None:
        """Say what is to be said while nothing else is."""
        self.notice.clear()

    def was_written(self, form: MirrorForm) -> None:
        """The file is saved and something else is not: `form` is what the mirror is now."""
        raise NotImplementedError

    # ---- planning ----

    def on_edited(self) -> None:
        """Something else is entered: what is on the screen is about something else, and is made again soon."""
        self.generation += 1
        self.current = None
        self.anyway_button.hide()
        self._pause.start()

    async def refresh(self) -> Wish | None:
        """Make `current` of what is entered now, and show what it does to the file."""
        self._pause.stop()
        number = self.generation
        try:
            wish = await self.wish()
        except MirrordeckError as error:
            if number == self.generation:
                self.show_plan(None)
                self.show_error(error.info())
            return None
        if number != self.generation:
            return None
        self.current = wish
        self.save_button.setText(login_words.CHECK_AND_SAVE if self.checks else login_words.SAVE)
        self.show_plan(wish.plan if wish is not None else None)
        return wish

    def show_plan(self, plan: EditPlan | None) -> None:
        """Show what saving does to the file."""
        self.diff.show_diff(plan.diff if plan is not None else "")
        self.difference.setText(words.difference(plan, *counts_of(plan.diff)) if plan is not None else "")
        self.difference.setVisible(plan is not None)
        warnings = plan.warnings if plan is not None else ()
        others = [warning for warning in warnings if not words.is_autopush(warning)]
        if others:
            text = "\n".join(words.problem_text(warning) for warning in others)
            self.notice.show_notice("", text, tone="warn", closable=False)
        else:
            self.show_standing_notice()
        self.make_room()

    def show_error(self, error: ErrorInfo, title: str = "") -> None:
        text = messages.sentences(error.title if title else "", error.why, *error.remedies)
        self.notice.show_notice(title or error.title, text, tone="bad", closable=False)
        self.make_room()

    def make_room(self) -> None:
        """Grow as far as the screen allows; a window does not do that by itself."""
        layout = self.layout()
        if layout is not None and self.isVisible():
            layout.activate()
            most = self.screen().availableGeometry().height() - _WINDOW_FRAME
            wanted = max(layout.totalSizeHint().height(), layout.totalMinimumHeightForWidth(self.width()))
            self.resize(self.width(), max(self.height(), min(wanted, most)))

    # ---- saving ----

    def _on_save(self, *, check: bool) -> None:
        if self._saving is None:
            self._saving = self.tasks.start(self._save(check=check))

    async def _save(self, *, check: bool) -> None:
        self._set_busy(busy=True)
        try:
            wish = self.current or await self.refresh()
            if wish is None:
                self.fields.setEnabled(True)  # what is disabled cannot get the keyboard
                self.show_problems()
            elif not (check and self.checks) or await self._check(wish):
                await self._write(wish)
        finally:
            self._saving = None
            self._set_busy(busy=False)

    async def _check(self, wish: Wish) -> bool:
        self.notice.show_notice("", login_words.CHECKING, tone="info", closable=False)
        login = wish.login or LoginForm(Keep.NONE)
        call = CheckLogin(self.instance, wish.form, wish.direction, login, wish.settings)
        self._stoppable = True
        try:
            check = await self.client.call(call)
        except asyncio.CancelledError:
            if self.isVisible():
                self._offer_anyway(login_words.CHECK_STOPPED, login_words.NOTHING_SAVED, "info")
            raise
        except MirrordeckError as error:
            info = error.info()
            self._offer_anyway(info.title, messages.sentences(info.why, *info.remedies), "bad")
            return False
        finally:
            self._stoppable = False
        # Without a login nobody expects to write.
        writing = wish.direction is Direction.PUSH and login.keep is not Keep.NONE
        problems = login_words.check_problems(check, writing=writing)
        if problems:
            self._offer_anyway(problems[0][0], "\n".join(text for _, text in problems), "bad")
        return not problems

    def _offer_anyway(self, title: str, text: str, tone: str) -> None:
        self.notice.show_notice(title, text, tone=tone, closable=False)
        self.anyway_button.show()
        self.make_room()

    async def _write(self, wish: Wish) -> None:
        """First the file, then the login: a mirror that lacks its login says so, a login without a mirror is lost."""
        try:
            if wish.plan is not None and wish.plan.diff:
                self.applied = await self.client.call(ApplyMirrorEdit(self.instance, wish.plan.id))
        except MirrordeckError as error:
            await self.refresh()
            self.show_error(error.info())
            return
        self._stoppable = True
        try:
            await self._write_rest(wish)
        except asyncio.CancelledError:
            if self.isVisible():
                self._keep_open(wish, ErrorInfo("cancelled", login_words.CHECK_STOPPED))
            raise
        except MirrordeckError as error:
            self._keep_open(wish, error.info())
        else:
            self.accept()
        finally:
            self._stoppable = False

    async def _write_rest(self, wish: Wish) -> None:
        if wish.settings is not None:
            await self.client.call(SaveServerSettings(self.instance, wish.host, wish.settings))
        if wish.codec is not None:
            await self.client.call(ChooseCompression(self.instance, wish.form.name, wish.codec))
        if wish.login is not None and self.login_fields.has_news:
            await self.client.call(SaveLogin(self.instance, wish.form.name, wish.direction, wish.login))

    def _keep_open(self, wish: Wish, error: ErrorInfo) -> None:
        self.current = None
        self.was_written(wish.form)
        self.show_error(error, words.login_not_saved(wish.form.name) if self.applied is not None else "")

    def _set_busy(self, *, busy: bool) -> None:
        self.busy_line.set_running(busy)
        self.fields.setEnabled(not busy)
        for button in (self.save_button, self.anyway_button):
            button.setEnabled(not busy)
        self.cancel_button.setText(login_words.STOP if busy else messages.CANCEL)

    def reject(self) -> None:
        """Stop what is under way if it can be, and close otherwise; the moment in which a file is written is waited
        for."""
        if self._saving is None:
            self.done(QDialog.DialogCode.Accepted if self.applied is not None else QDialog.DialogCode.Rejected)
        elif self._stoppable:
            self._saving.cancel()

    def done(self, result: int) -> None:
        self.generation += 1
        self._pause.stop()
        self.tasks.cancel_all()
        self.busy_line.set_running(False)
        self.login_fields.forget()
        super().done(result)
