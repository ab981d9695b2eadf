# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signing in to a mirror that is there, at any time."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.engine.calls.logins import DescribeLogin
from core.engine.calls.mirrors import DescribeMirror, PlanMirrorEdit
from core.foundation.errors import MirrordeckError
from core.foundation.text import visible
from core.mirrors.credentials.states import Direction
from core.services.login_values import Keep, LoginOverview
from core.services.mirror_values import ChangeMirror, ConnectionForm, MirrorForm
from gui import theme
from gui.engine_client import EngineClient
from gui.mirrors import editor_words, login_words
from gui.mirrors.checked_dialog import CheckedDialog, Wish
from gui.mirrors.editor_fields import LABEL_WIDTH
from gui.mirrors.login_fields import LoginFields
from gui.widgets.controls import Button, ComboBox
from gui.widgets.form_rows import FormRow, FormRows
from gui.widgets.labels import Label


class SignInDialog(CheckedDialog):
    """Open it with `ask`. The file changes only where it does not name the user and the variable yet."""

    def __init__(self, client: EngineClient, instance: str, mirror: str, parent: QWidget | None = None) -> None:
        super().__init__(client, instance, login_words.SIGN_IN, parent)
        self.mirror = mirror
        self.overview: LoginOverview | None = None
        self._form: MirrorForm | None = None
        self._scope = ""
        self._login = LoginFields(label_width=LABEL_WIDTH)
        self.used_by = Label("", tone="dim")
        self.used_by.setWordWrap(True)
        self.direction_box = ComboBox()
        self.direction_box.setAccessibleName(login_words.FOR)
        for direction in (Direction.PUSH, Direction.FETCH):
            self.direction_box.addItem(login_words.DIRECTIONS[direction], direction)
        self.permission = Label(login_words.PERMISSION_PUSH, tone="dim")
        self.container = Label("", tone="dim")
        self.container.setWordWrap(True)
        self.container_button = Button(login_words.USE_IT)
        self.shell_button = Button(login_words.COPY_FOR_SHELL, icon="copy")
        self.shell_button.setToolTip(login_words.COPY_FOR_SHELL_TIP)
        self.shell_button.hide()
        self._fields = QWidget()
        self._lay_out_fields()
        self.buttons.insertWidget(0, self.shell_button)
        self.content.addWidget(self._fields)
        self.content.addStretch(1)
        self.lay_out_below()
        self._login.edited.connect(self.on_edited)
        self.direction_box.activated.connect(lambda: self.tasks.start(self._fill()))
        self.container_button.clicked.connect(lambda: self._login.choose(Keep.CONTAINER))
        self.shell_button.clicked.connect(self._on_copy_for_shell)

    def _lay_out_fields(self) -> None:
        rows = FormRows(label_width=LABEL_WIDTH)
        self._direction: FormRow = rows.add(login_words.FOR, self.direction_box)
        self._direction.set_visible(wanted=False)
        self._container = QWidget()
        row = QHBoxLayout(self._container)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self.container, 1)
        row.addWidget(self.container_button)
        self._container.hide()
        column = QVBoxLayout(self._fields)
        column.setContentsMargins(0, 0, 0, theme.SPACE_S)
        column.setSpacing(theme.SPACE_M)
        for widget in (self.used_by, rows, self._login, self.permission, self._container):
            column.addWidget(widget)

    @property
    def fields(self) -> QWidget:
        return self._fields

    @property
    def login_fields(self) -> LoginFields:
        return self._login

    @property
    def direction(self) -> Direction:
        return Direction(self.direction_box.currentData())

    # ---- filling ----

    def open(self) -> None:
        super().open()
        self._login.user_edit.setFocus()
        self.notice.show_notice("", login_words.READING, tone="info", closable=False)
        self.tasks.start(self._fill())

    async def _fill(self) -> None:
        self.busy_line.set_running(True)
        self.overview = None
        try:
            details = await self.client.call(DescribeMirror(self.instance, self.mirror))
            overview = await self.client.call(DescribeLogin(self.instance, self.mirror, self.direction))
        except MirrordeckError as error:
            self.show_error(error.info())
            return
        finally:
            self.busy_line.set_running(False)
        self._form = details.form
        free = [text.scope for text in details.texts if text.writable]
        self._scope = free[0] if free else ""
        self._login.fill(self._side(details.form), overview.keep, overview.command)
        self._login.show_keyring(overview.keyring)
        self._show(overview)
        await self.refresh()
        (self._login.secret if self._login.user else self._login.user_edit).setFocus()

    def _show(self, overview: LoginOverview) -> None:
        self.overview = overview
        self.heading.setText(login_words.heading(visible(overview.host)))
        self.setWindowTitle(self.heading.text())
        self.used_by.setText(login_words.used_by(overview))
        self.used_by.setVisible(bool(self.used_by.text()))
        self._direction.set_visible(wanted=self._form is not None and self._form.push is not None)
        push = self.direction is Direction.PUSH
        self.permission.setText(login_words.PERMISSION_PUSH if push else login_words.PERMISSION_FETCH)
        self.container.setText(login_words.container_login(overview.container_login))
        self._container.setVisible(bool(overview.container_login))
        if overview.container_login:
            self._login.offer_container_login()
        self.shell_button.setVisible(bool(overview.shell_line))

    def _side(self, form: MirrorForm) -> ConnectionForm:
        return form.push if form.push is not None and self.direction is Direction.PUSH else form.fetch

    # ---- what is entered ----

    def _wanted(self, form: MirrorForm) -> MirrorForm:
        """The mirror with the user and the names of the variables entered here."""
        side = self._login.applied_to(self._side(form), form.name)
        push = form.push is not None and self.direction is Direction.PUSH
        return replace(form, push=side) if push else replace(form, fetch=side)

    async def wish(self) -> Wish | None:
        if self._form is None or self.overview is None or self._login.problem:
            return None
        form = self._wanted(self._form)
        plan = None
        if form != self._form:
            edit = ChangeMirror(form.name, form, self._scope, self._form)
            plan = await self.client.call(PlanMirrorEdit(self.instance, edit))
        return Wish(form, self._login.login, self.direction, plan)

    @property
    def checks(self) -> bool:
        return self._login.login.keep is not Keep.NONE

    def show_problems(self) -> None:
        if self._login.show_problem():
            self._login.focus_problem()

    def show_standing_notice(self) -> None:
        warnings = self.overview.warnings if self.overview is not None else ()
        if warnings:
            text = "\n".join(editor_words.problem_text(warning) for warning in warnings)
            self.notice.show_notice("", text, tone="warn", closable=False)
        else:
            self.notice.clear()

    def was_written(self, form: MirrorForm) -> None:
        self._form = form

    # ---- what people do ----

    def _on_copy_for_shell(self) -> None:
        if self.overview is not None:
            QGuiApplication.clipboard().setText(self.overview.shell_line)
