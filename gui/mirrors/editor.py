# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Adding a mirror and changing one: one form, what it does to which file, one confirmation."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from core.engine.calls.logins import DescribeLogin, KeyringState
from core.engine.calls.mirrors import DescribeMirror, ListScopes, PlanMirrorEdit, UnderstandAddress
from core.foundation.errors import MirrordeckError
from core.mirrors.credentials.states import Direction
from core.services.mirror_values import (
    AddMirror,
    ChangeMirror,
    EditPlan,
    MirrorDetails,
    MirrorEdit,
    MirrorForm,
    ScopeRow,
)
from gui.engine_client import EngineClient
from gui.mirrors import editor_words as words
from gui.mirrors.checked_dialog import CheckedDialog, Wish
from gui.mirrors.editor_fields import MirrorFields
from gui.mirrors.login_fields import LoginFields
from gui.theme import FontRole
from gui.widgets.controls import Button
from gui.widgets.form_scroll import FormScroll
from gui.widgets.labels import Label
from gui.widgets.mono_text import MonoText

_COMMAND_LINES = 3


class MirrorEditor(CheckedDialog):
    """Open it with `ask`. `name` is the mirror to change, or with `copy` the one to start from; "" adds a new one.

    After it was accepted `name` is that of the mirror.
    """

    def __init__(
        self, client: EngineClient, instance: str, *, name: str = "", copy: bool = False, parent: QWidget | None = None
    ) -> None:
        title = words.edit_title(name) if name and not copy else words.ADD_TITLE
        super().__init__(client, instance, title, parent)
        self.name = name
        self._copy = copy
        self._locked: tuple[str, str] = ("", "")
        self._filled = False
        self._fields = MirrorFields(client)
        self.meanings = Label("", FontRole.SMALL, "dim")
        self.meanings.setWordWrap(True)
        self.command = MonoText(words.COMMAND)
        self.command.setLineWrapMode(MonoText.LineWrapMode.WidgetWidth)
        self.command.fit_lines(_COMMAND_LINES)
        self.command_button = Button(words.SHOW_COMMAND)
        self.copy_button = Button(words.COPY, icon="copy")
        for widget in (self.meanings, self.command, self.copy_button):
            widget.hide()
        for place, button in enumerate((self.command_button, self.copy_button)):
            self.buttons.insertWidget(place, button)
        scroll = FormScroll(self._fields)
        self.content.addWidget(scroll, 1)
        self.lay_out_below(self.meanings, self.command)
        self._fields.edited.connect(self.on_edited)
        scroll.form_changed.connect(self.make_room)
        self.command_button.clicked.connect(self._on_command)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.toPlainText()))

    @property
    def fields(self) -> MirrorFields:
        return self._fields

    @property
    def login_fields(self) -> LoginFields:
        return self._fields.login

    # ---- filling ----

    def open(self) -> None:
        super().open()
        self._fields.address.edit.setFocus()
        self.tasks.start(self._fill())

    async def _fill(self) -> None:
        self.busy_line.set_running(True)
        try:
            scopes = await self.client.call(ListScopes(self.instance))
            details: MirrorDetails | None = None
            if self.name:
                details = await self.client.call(DescribeMirror(self.instance, self.name))
        except MirrordeckError as error:
            self.show_error(error.info())
            return
        finally:
            self.busy_line.set_running(False)
        self._fields.show_scopes(scopes, self._first_scope(scopes, details))
        if details is not None:
            self._fields.fill(details.form, copy=f"{details.name}-copy" if self._copy else "")
        self._filled = True
        await self.refresh()
        await self._fill_login()

    async def _fill_login(self) -> None:
        """What the keyring knows; it may take its time."""
        try:
            if self.name and not self._copy:
                login = await self.client.call(DescribeLogin(self.instance, self.name, Direction.PUSH))
                self._fields.fill_login(login)
            else:
                self._fields.login.show_keyring(await self.client.call(KeyringState(self.instance)))
        except MirrordeckError as error:
            self.show_error(error.info())

    def _first_scope(self, scopes: tuple[ScopeRow, ...], details: MirrorDetails | None) -> str:
        """Where to write: where the mirror is, if one may; else where Spack itself would, or the first possible."""
        free = [scope for scope in scopes if scope.writable and not scope.explicit_only]
        chosen = next((scope for scope in free if scope.is_default), free[0] if free else None)
        if chosen is None:
            return ""
        if details is None or self._copy or not details.texts:
            return chosen.name
        home = next((scope for scope in scopes if scope.name == details.texts[0].scope), chosen)
        if home in free:
            return home.name
        self._locked = words.locked(details.name, home, chosen.name)
        return chosen.name

    # ---- planning ----

    def edit(self) -> MirrorEdit:
        """What saving would do."""
        scope = self._fields.scope
        place = scope.name if scope is not None else ""
        base = self._fields.base
        if base is None:
            return AddMirror(self._fields.form(), place, self._fields.more.last)
        return ChangeMirror(base.name, self._fields.form(), place, base)

    def on_edited(self) -> None:
        if self._filled:
            super().on_edited()

    async def wish(self) -> Wish | None:
        fields, text = self._fields, self._fields.text
        if not self._filled:
            return None
        number = self.generation
        if text and not fields.understood:
            scope = fields.scope.name if fields.scope is not None else ""
            facts = await self.client.call(UnderstandAddress(self.instance, text, scope))
            if number != self.generation:
                return None
            self._filled = False  # what follows from the address is no edit of its own
            fields.show_facts(facts)
            self._filled = True
        if fields.problem:
            return None
        plan = await self.client.call(PlanMirrorEdit(self.instance, self.edit()))
        login = fields.login.login if fields.has_login else None
        host = fields.facts.contacts if fields.facts is not None else ""
        return Wish(fields.form(), login, plan=plan, settings=fields.more.settings, host=host, codec=fields.more.codec)

    @property
    def checks(self) -> bool:
        """For a new address or login, and only where there is a server."""
        fields, base = self._fields, self._fields.base
        if fields.facts is None or not fields.facts.contacts:
            return fields.facts is None
        if base is None or fields.more.settings is not None or (fields.has_login and fields.login.has_news):
            return True
        form = fields.form()
        return (form.fetch, form.push) != (base.fetch, base.push)

    def show_plan(self, plan: EditPlan | None) -> None:
        self.meanings.setText(words.meanings(plan) if plan is not None else "")
        self.meanings.setVisible(bool(self.meanings.text()))
        self.command.setPlainText(plan.command if plan is not None else "")
        self.copy_button.setEnabled(bool(self.command.toPlainText()))
        warnings = plan.warnings if plan is not None else ()
        self._fields.show_warnings([warning for warning in warnings if words.is_autopush(warning)])
        super().show_plan(plan)

    def show_standing_notice(self) -> None:
        if self._locked[0]:
            self.notice.show_notice(*self._locked, tone="info", closable=False)
        else:
            self.notice.clear()

    def show_problems(self) -> None:
        self._fields.show_problems()

    def was_written(self, form: MirrorForm) -> None:
        self.name, self._fields.base = form.name, form

    def accept(self) -> None:
        self.name = self._fields.name
        super().accept()

    def done(self, result: int) -> None:
        for path in (self._fields.address, self._fields.more.ca_file):
            path.tasks.cancel_all()
        super().done(result)

    # ---- what people do ----

    def _on_command(self) -> None:
        shown = self.command.isHidden()
        self.command.setVisible(shown)
        self.copy_button.setVisible(shown)
        self.command_button.setText(words.HIDE_COMMAND if shown else words.SHOW_COMMAND)
        self.make_room()
