# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where Spack looks for packages, and where they can be pushed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication, QShowEvent
from PySide6.QtWidgets import QMenu, QWidget

from core.engine.calls.logins import UnlockKeyring
from core.engine.calls.mirrors import ListMirrors, ListScopes
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.mirrors.credentials.states import CredentialState
from core.mirrors.model import PLAIN_SECRET
from core.services.mirror_values import ScopeRow
from core.services.values import MirrorRow, MirrorsView, UndoStep
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.menus import fill, mirror_menu
from gui.mirrors import editor_words, words
from gui.mirrors.commands import Edited, MirrorCommands
from gui.mirrors.details import CONNECTION, USERS, MirrorCard
from gui.mirrors.missing import MissingCounts
from gui.mirrors.missing_words import has_missing
from gui.mirrors.model import MirrorsModel
from gui.mirrors.table import MirrorsTable
from gui.mirrors.testing import MirrorTests
from gui.packages.pushes import PushWatcher
from gui.remote.words import why_not_here
from gui.widgets.controls import ActionButton, Button
from gui.widgets.empty_state import EmptyState
from gui.widgets.page import Page
from gui.widgets.pane_splitter import PaneSplitter
from gui.widgets.table import TablePane

_AGES_MS = 30_000
_LEAST_ROWS = 4  # with the header


class MirrorsPage(Page):
    """`push_requested(name)`, `missing_requested(name)` and `contents_requested(name)` carry the selected mirror.

    `edited` follows every change of the configuration.
    """

    title = messages.MIRRORS
    push_requested = Signal(str)
    missing_requested = Signal(str)
    contents_requested = Signal(str)
    edited = Signal()

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(client, actions, parent)
        self.tests = MirrorTests(client, self)
        self.work = MirrorCommands(client, self)
        self.missing = MissingCounts(client, self)
        self.model = MirrorsModel(self.tests, self.missing, self)
        self.scopes: tuple[ScopeRow, ...] = ()
        self._undo: tuple[UndoStep, ...] = ()
        self._edited: Edited | None = None
        self._problems: tuple[ErrorInfo, ...] = ()
        self.table = MirrorsTable(self.model)
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-mirrors", messages.MIRRORS_READING)
        self.empty.add_button(ActionButton(actions.add_mirror))
        self.folder_button = Button(messages.ADD_FOLDER)
        self.empty.add_button(self.folder_button)
        self.pane.show_instead(self.empty)
        self.details = MirrorCard(client, actions, self.tests)
        self.details.hide()
        for button in (ActionButton(actions.test_mirrors), ActionButton(actions.add_mirror, primary=True)):
            self.header_buttons.addWidget(button)
        self.splitter = PaneSplitter("mirrors", self.pane, self.details, (1, 0))
        self.body.addWidget(self.splitter, 1)
        theme.density_changed.connect(self._fit_table)
        self._fit_table()
        self._ages = QTimer(self)
        self._ages.setInterval(_AGES_MS)
        self._pushes = PushWatcher(client, self)
        self._connect()

    def _fit_table(self) -> None:
        """A few rows stay in sight however much there is to say about one of them."""
        self.pane.setMinimumHeight(_LEAST_ROWS * theme.row_height())

    def _connect(self) -> None:
        a, work = self.commands, self.work
        selection = self.table.selectionModel()
        selection.currentRowChanged.connect(self._on_current_changed)
        selection.selectionChanged.connect(lambda *_: self.update_actions())
        self.table.activated.connect(a.edit_mirror.trigger)
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        self.table.dropped.connect(self._on_dropped)
        self.table.missing_chosen.connect(self.missing_requested)
        self.folder_button.clicked.connect(lambda: work.run(work.add_folder()))
        a.add_mirror.triggered.connect(lambda: work.run(work.add()))
        a.remove_mirrors.triggered.connect(lambda: work.run(work.remove([row.mirror.name for row in self.chosen()])))
        a.test_mirrors.triggered.connect(self._on_test)
        a.create_mirror.triggered.connect(lambda: work.run(work.create()))
        a.undo_edit.triggered.connect(self._on_undo)
        with_one: dict[QAction, Callable[[MirrorRow], object]] = {
            a.edit_mirror: lambda row: work.run(work.edit(row.mirror.name)),
            a.duplicate_mirror: lambda row: work.run(work.duplicate(row.mirror.name)),
            a.copy_to_user: self._copy_to_user,
            a.destroy_mirror: lambda row: work.run(work.destroy(row.mirror.name)),
            a.sign_in: lambda row: work.run(work.sign_in(row.mirror.name)),
            a.sign_out: lambda row: work.run(work.sign_out(row.mirror.name)),
            a.move_to_keyring: lambda row: work.run(work.move_to_keyring(row.mirror.name)),
            a.move_mirror_up: lambda row: self._move(row, -1),
            a.move_mirror_down: lambda row: self._move(row, 1),
            a.push_to_mirror: lambda row: self.push_requested.emit(row.mirror.name),
            a.show_missing: lambda row: self.missing_requested.emit(row.mirror.name),
            a.browse_contents: lambda row: self.contents_requested.emit(row.mirror.name),
            a.open_mirror_folder: lambda row: QDesktopServices.openUrl(QUrl.fromLocalFile(str(row.mirror.push.folder))),
            a.copy_address: lambda row: _copy(words.push_address(row.mirror) or words.fetch_address(row.mirror)),
            a.copy_mirror_yaml: lambda _row: _copy(words.entry_text(self.details.details)),
            a.show_mirror_command: lambda _row: self.details.show_tab(USERS),
        }
        for action, do in with_one.items():
            action.triggered.connect(partial(self._with_one, do))
        work.edited.connect(self._on_edited)
        work.done.connect(self._on_done)
        work.failed.connect(self.show_error)
        self.tests.changed.connect(lambda _name: self.update_actions())
        self.missing.changed.connect(lambda _name: self.update_actions())
        self._pushes.pushed.connect(lambda _mirrors: self.start(self._look_again()))
        self._ages.timeout.connect(self.model.tell_ages)
        self._ages.start()

    # ---- reading ----

    async def load(self, instance_id: str) -> None:
        number = self.next_generation()
        again = instance_id == self.instance_id and self._edited is None
        if instance_id != self.instance_id:
            self._show_rows(())
            self.empty.show_message("empty-mirrors", messages.MIRRORS_READING)
            self.sentence.setText(messages.MIRRORS_READING)
        self.instance_id = self.work.instance = instance_id
        self.refresh_line.set_running(True)
        try:
            scopes, _, view = await asyncio.gather(  # one after the other, distances would add up
                self.client.call(ListScopes(instance_id)),
                self.tests.recall(instance_id),
                self.client.call(ListMirrors(instance_id)),
            )
        except MirrordeckError as error:
            if self.is_current(number):
                self.refresh_line.set_running(False)
                self._on_failed(error)
            return
        if self.is_current(number):
            self.refresh_line.set_running(False)
            self.scopes = self.work.scopes = scopes
            if self._edited is not None:
                self.missing.forget_asking(self._edited.mirror)
            self._on_loaded(view)
            self.missing.learn(instance_id, [row.mirror for row in view.rows], again=again)

    async def _look_again(self) -> None:
        """Something was pushed: the rows say what is there now."""
        number = self._generation
        try:
            view = await self.client.call(ListMirrors(self.instance_id))
        except MirrordeckError:
            return  # what was shown stays
        if self.is_current(number):
            self._show_rows(view.rows)

    def _on_loaded(self, view: MirrorsView) -> None:
        edited, self._edited = self._edited, None
        self._undo = view.undo
        self._show_rows(view.rows, edited.mirror if edited is not None else "")
        if view.problems:
            self.empty.show_message("empty-folder", messages.MIRRORS_BROKEN, messages.MIRRORS_BROKEN_DETAIL)
        else:
            self.empty.show_message("empty-mirrors", messages.MIRRORS_EMPTY, messages.MIRRORS_EMPTY_DETAIL)
        scopes = len({row.mirror.scope for row in view.rows})
        self.sentence.setText(messages.mirrors_sentence(len(view.rows), scopes) if view.rows else "")
        new_problems = set(view.problems) - set(self._problems)
        self._problems = view.problems
        if edited is not None and not new_problems:
            self._show_edited(edited)
        else:
            self._show_standing_notice(view)
        if edited is not None and edited.is_new:
            self.details.show_tab(USERS)
        self.update_actions()

    def _show_edited(self, edited: Edited) -> None:
        undo = next((step for step in self._undo if step.id == edited.undo), None) if edited.undo else None
        button = messages.UNDO if undo is not None else ""
        self.banner.show_notice(f"{edited.sentence}.", tone="ok", button=button, action=self._on_undo)

    def _show_standing_notice(self, view: MirrorsView) -> None:
        """What is wrong with the configuration or its logins, one thing at a time."""
        locked = [row for row in view.rows if row.login is not None and row.login.state is CredentialState.LOCKED]
        plain = [row for row in view.rows if words.is_plain(row)]
        problems = [each for each in view.problems if each.code != PLAIN_SECRET or self.read_only]
        if problems:
            first, *others = problems
            more = messages.problems(len(others)) if others else ""
            self.banner.show_notice(first.title, messages.sentences(first.why, *first.remedies, more), tone="warn")
        elif locked:
            text, button = messages.KEYRING_LOCKED_TEXT, messages.UNLOCK
            self.banner.show_notice(messages.KEYRING_LOCKED, text, tone="warn", button=button, action=self._on_unlock)
        elif plain:
            title, name = messages.plain_secrets([row.mirror.name for row in plain]), plain[0].mirror.name
            self.banner.show_notice(
                title,
                messages.STATUS_PLAIN_SECRET_TIP,
                tone="warn",
                button=messages.MOVE_TO_KEYRING,
                action=lambda: self.work.run(self.work.move_to_keyring(name)),
            )
        else:
            self.banner.clear()

    def _on_failed(self, error: MirrordeckError) -> None:
        info = error.info()
        if self.model.rows:
            self.show_error(info)
            return
        self.sentence.setText("")
        self.empty.show_message("empty-folder", info.title, messages.sentences(info.why, *info.remedies))

    def _show_rows(self, rows: tuple[MirrorRow, ...], wanted: str = "") -> None:
        current, place = self.current(), self.table.currentIndex().row()
        self.model.set_rows(rows, frozenset(scope.name for scope in self.scopes if not scope.writable))
        if rows:
            self.pane.show_table()
            name = wanted or (current.mirror.name if current is not None else "")
            found = self.model.find(name)
            self.table.select_row(found if found is not None else min(max(place, 0), len(rows) - 1))
        else:
            self.pane.show_instead(self.empty)
        self._on_current_changed()

    # ---- what is chosen ----

    def current(self) -> MirrorRow | None:
        """The mirror shown in the details."""
        index = self.table.currentIndex()
        return self.model.rows[index.row()] if index.isValid() else None

    def chosen(self) -> list[MirrorRow]:
        """The selected mirrors, from top to bottom."""
        return [self.model.rows[row] for row in self.table.selected_rows()]

    def _with_one(self, do: Callable[[MirrorRow], object], _checked: bool = False) -> None:
        chosen = self.chosen()
        if len(chosen) == 1:
            do(chosen[0])

    def _scope_of(self, row: MirrorRow) -> ScopeRow | None:
        return next((scope for scope in self.scopes if scope.name == row.mirror.scope), None)

    def add_address(self, address: str) -> None:
        """Open the form for a new mirror at `address`."""
        self.work.run(self.work.add(address))

    def update_actions(self) -> None:
        if not self.isVisible():
            return
        a, chosen = self.commands, self.chosen()
        row = chosen[0] if len(chosen) == 1 else None
        one = "" if row is not None else messages.WHY_ONE_MIRROR if chosen else messages.WHY_NO_MIRROR
        stopped = self.why_no_push()
        change = stopped or one
        a.test_mirrors.setText(messages.test_mirrors(len(chosen)))
        for action in (a.add_mirror, a.create_mirror):
            a.allow(action, stopped)
        self.folder_button.setEnabled(not stopped)
        self.folder_button.setToolTip(stopped)
        a.allow(a.destroy_mirror, change or (words.why_not_destroy(row.mirror) if row else ""))
        a.allow(a.remove_mirrors, stopped or ("" if chosen else messages.WHY_NO_MIRROR))
        a.allow(a.test_mirrors, self._why_no_test(chosen))
        for action in (a.edit_mirror, a.duplicate_mirror, a.move_mirror_up, a.move_mirror_down):
            a.allow(action, change)
        a.allow(a.copy_to_user, change or (self._why_no_copy(row) if row else ""))
        no_login = change or (words.why_not_sign_in(row.mirror) if row else "")
        for action in (a.sign_in, a.sign_out):
            a.allow(action, no_login)
        plain = row is not None and words.is_plain(row)
        a.allow(a.move_to_keyring, change or ("" if plain else messages.WHY_NOT_PLAIN))
        a.undo_edit.setText(editor_words.undo(self._undo[0].title) if self._undo else messages.UNDO)
        a.allow(a.undo_edit, stopped or ("" if self._undo else messages.WHY_NO_UNDO))
        a.allow(a.push_to_mirror, change or (words.why_not_push(row.mirror) if row else ""))
        lacks = row is not None and has_missing(self.missing.result(row.mirror.name))
        a.allow(a.show_missing, one or ("" if lacks else messages.WHY_NOTHING_MISSING))
        a.allow(a.browse_contents, one or (words.why_not_browse(row.mirror) if row else ""))
        folder = row.mirror.push.folder if row else None
        no_folder = one or ("" if folder else messages.WHY_NOT_FOLDER)
        a.allow(a.open_mirror_folder, no_folder or why_not_here(self.client.place))
        for action in (a.copy_address, a.copy_mirror_yaml, a.show_mirror_command):
            a.allow(action, one)

    def _why_no_test(self, chosen: list[MirrorRow]) -> str:
        if not self.client.running:
            return messages.ENGINE_GONE
        running = chosen and all(self.tests.is_running(row.mirror.name, as_reader=self._as_reader) for row in chosen)
        return messages.WHY_TESTING if running else "" if chosen else messages.WHY_NO_MIRROR

    def _why_no_copy(self, row: MirrorRow) -> str:
        target = self._own_scope()
        if target is None:
            return messages.WHY_NO_USER_SCOPE
        return messages.WHY_IN_USER_SCOPE if row.mirror.name in target.entries else ""

    def _own_scope(self) -> ScopeRow | None:
        return next((scope for scope in self.scopes if scope.name == "user" and scope.writable), None)

    @property
    def _as_reader(self) -> bool:
        """Testing as a reader is chosen where it is shown."""
        return self.details.tabs.currentIndex() == CONNECTION and self.details.connection.as_reader

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.missing.count_again()

    def panes(self) -> list[QWidget]:
        return [self.table, self.details.tabs] if self.details.isVisible() else [self.table]

    def leave(self) -> None:
        super().leave()
        self._ages.stop()
        for owner in (self.work, self.tests, self.missing, self.details):
            owner.tasks.cancel_all()
        self.table.remember()
        self.splitter.remember()

    # ---- what people do ----

    def _on_current_changed(self) -> None:
        row = self.current()
        self.details.setVisible(row is not None)
        if row is not None:
            self.details.show_mirror(self.instance_id, row)
        self.update_actions()

    def _on_edited(self, edited: Edited) -> None:
        self._edited = edited
        self.start(self.load(self.instance_id))
        self.edited.emit()

    def _on_done(self, sentence: str) -> None:
        self._edited = Edited(sentence, "") if sentence else None
        self.start(self.load(self.instance_id))

    def _on_undo(self) -> None:
        if self._undo:
            self.work.run(self.work.undo(self._undo[0]))

    def _on_test(self) -> None:
        self.tests.start([row.mirror.name for row in self.chosen()], as_reader=self._as_reader)

    def _on_unlock(self) -> None:
        self.start(self._unlock())

    async def _unlock(self) -> None:
        """Wait for a person to open the keyring; everything else goes on."""
        try:
            await self.client.call(UnlockKeyring(self.instance_id))
        except MirrordeckError as error:
            self.show_error(error)
        else:
            await self.load(self.instance_id)

    def _copy_to_user(self, row: MirrorRow) -> None:
        scope = self._own_scope()
        if scope is not None:
            self.work.run(self.work.copy_to(row, scope))

    def _move(self, row: MirrorRow, step: int) -> None:
        here = self.model.rows.index(row)
        if 0 <= here + step < len(self.model.rows):
            self._move_to(row, here + step if step < 0 else here + step + 1, self.model.rows[here + step])

    def _on_dropped(self, name: str, place: int) -> None:
        here = self.model.find(name)
        if here is None or place in (here, here + 1):
            return
        self._move_to(self.model.rows[here], place, self.model.rows[place if place < here else place - 1])

    def _move_to(self, row: MirrorRow, place: int, passed: MirrorRow) -> None:
        """Put `row` in front of row number `place`, which is on the other side of `passed`."""
        scope = self._scope_of(row)
        if passed.mirror.scope != row.mirror.scope:
            self._refuse(editor_words.other_scope(passed.mirror.name, passed.mirror.scope))
        elif scope is not None and not scope.writable:
            self._refuse(editor_words.scope_locked(scope.name, scope.why_not))
        else:
            behind = self.model.rows[place].mirror if place < len(self.model.rows) else None
            same = behind is not None and behind.scope == row.mirror.scope
            self.work.run(self.work.move(row, behind.name if behind is not None and same else ""))

    def _refuse(self, sentence: str) -> None:
        self.banner.show_notice(messages.NOT_MOVED, sentence, tone="warn")

    def _on_context_menu(self, place: QPoint) -> None:
        a, menu = self.commands, QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill(menu, mirror_menu(a))
        menu.popup(self.table.viewport().mapToGlobal(place))


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
