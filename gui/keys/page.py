# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The keys that sign packages, and those whose signatures count."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QMenu, QWidget

from core.engine.calls.keys import ListKeys, ListPublishedKeys
from core.foundation.errors import MirrordeckError
from core.services.keys_values import Key, KeysView, MirrorKeys
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.keys import words
from gui.keys.commands import KeyCommands
from gui.keys.details import KeyCard
from gui.keys.model import Column, KeysModel
from gui.menus import fill, key_menu
from gui.widgets.controls import ActionButton
from gui.widgets.empty_state import EmptyState
from gui.widgets.page import Page
from gui.widgets.pane_splitter import PaneSplitter
from gui.widgets.state_delegate import StateDelegate
from gui.widgets.table import TablePane, TableView

_WIDTHS = (
    (Column.FINGERPRINT, 176),
    (Column.KIND, 124),
    (Column.EXPIRES, 96),
    (Column.USE, 132),
    (Column.PUBLISHED, 160),
)
_ROOM = ((Column.KIND, 892), (Column.PUBLISHED, 640))
_LEAST_ROWS = 4  # with the header


class KeysPage(Page):
    """Keys come first, from this machine; then, one mirror after another, where they are published."""

    title = messages.KEYS

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(client, actions, parent)
        self.work = KeyCommands(client, self)
        self.model = KeysModel(self)
        self.view: KeysView | None = None
        self._done = ""
        self.table = TableView(words.TABLE, "keys")
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(Column.USE, StateDelegate(self.table))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        for column, room in _ROOM:
            self.table.spare([column], room)
        self.table.arrange(_WIDTHS, Column.OWNER)
        self.pane = TablePane(self.table)
        self.empty = EmptyState("empty-keys", words.READING)
        self.empty.add_button(ActionButton(actions.create_key))
        self.empty.add_button(ActionButton(actions.import_keys))
        self.pane.show_instead(self.empty)
        self.details = KeyCard(actions)
        self.details.hide()
        for button in (
            ActionButton(actions.trust_file),
            ActionButton(actions.import_keys),
            ActionButton(actions.create_key, primary=True),
        ):
            self.header_buttons.addWidget(button)
        self.splitter = PaneSplitter("keys", self.pane, self.details, (1, 0))
        self.body.addWidget(self.splitter, 1)
        self.pane.setMinimumHeight(_LEAST_ROWS * theme.row_height())
        self._connect()

    def _connect(self) -> None:
        a, work = self.commands, self.work
        selection = self.table.selectionModel()
        selection.currentRowChanged.connect(self._on_current_changed)
        selection.selectionChanged.connect(lambda *_: self.update_actions())
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        a.create_key.triggered.connect(lambda: work.run(work.create()))
        a.trust_file.triggered.connect(lambda: work.run(work.trust_file()))
        a.import_keys.triggered.connect(lambda: work.run(work.import_from_mirror()))
        a.publish_keys.triggered.connect(lambda: work.run(work.publish(self.chosen())))
        a.allow_keys.triggered.connect(lambda: work.run(work.allow(self.chosen())))
        a.export_keys.triggered.connect(lambda: work.run(work.export(self.chosen())))
        a.untrust_keys.triggered.connect(lambda: work.run(work.untrust(self.chosen())))
        a.copy_fingerprint.triggered.connect(self._on_copy)
        a.show_key_commands.triggered.connect(lambda: work.run(work.show_spack(self.chosen())))
        work.done.connect(self._on_done)
        work.failed.connect(self.show_error)

    # ---- reading ----

    async def load(self, instance_id: str) -> None:
        number = self.next_generation()
        if instance_id != self.instance_id:
            self._show_keys(())
            self.model.set_mirrors(None)
            self.empty.show_message("empty-keys", words.READING)
            self.sentence.setText("")
        self.instance_id = self.work.instance = instance_id
        self.refresh_line.set_running(True)
        try:
            view = await self.client.call(ListKeys(instance_id))
            if self.is_current(number):
                self._on_loaded(view)
                await self._read_mirrors(number)
        except MirrordeckError as error:
            if self.is_current(number):
                self._on_failed(error)
        finally:
            if self.is_current(number):
                self.refresh_line.set_running(False)

    async def _read_mirrors(self, number: int) -> None:
        found: list[MirrorKeys] = []
        await self.client.call(ListPublishedKeys(self.instance_id), found.extend)
        if not self.is_current(number):
            return
        self.work.mirrors = tuple(found)
        self.model.set_mirrors(tuple(found))
        self._on_current_changed()
        unlisted = words.unlisted(found)
        if unlisted and self.banner.isHidden():
            self.banner.show_notice("", unlisted, tone="warn")

    def _on_loaded(self, view: KeysView) -> None:
        self.view = view
        self._show_keys(view.keys)
        if not view.has_gpg:
            self.empty.show_message("empty-folder", words.NO_GPG, words.NO_GPG_DETAIL)
        else:
            self.empty.show_message(
                "empty-keys", words.EMPTY, messages.sentences(words.EMPTY_DETAIL, words.kept_in(view.home))
            )
        self.sentence.setText(words.sentence(view) if view.keys else "")
        done, self._done = self._done, ""
        if done:
            self.banner.show_notice(done, tone="ok")
        elif view.warnings:
            first, *others = view.warnings
            text = messages.sentences(first.why, *(other.title for other in others))
            self.banner.show_notice(first.title, text, tone="warn")
        else:
            self.banner.clear()
        self.update_actions()

    def _on_failed(self, error: MirrordeckError) -> None:
        if self.model.rows:
            self.show_error(error)
            return
        info = error.info()
        self.empty.show_message("empty-folder", info.title, messages.sentences(info.why, *info.remedies))

    def _show_keys(self, keys: tuple[Key, ...]) -> None:
        current, place = self.current(), self.table.currentIndex().row()
        self.model.show(keys)
        if keys:
            self.pane.show_table()
            found = self.model.find(current.fingerprint) if current is not None else None
            self.table.select_row(found if found is not None else min(max(place, 0), len(keys) - 1))
        else:
            self.pane.show_instead(self.empty)
        self._on_current_changed()

    # ---- what is chosen ----

    def current(self) -> Key | None:
        """The key shown in the details."""
        index = self.table.currentIndex()
        return self.model.rows[index.row()] if index.isValid() else None

    def chosen(self) -> list[Key]:
        """The selected keys, from top to bottom."""
        return [self.model.rows[row] for row in self.table.selected_rows()]

    def update_actions(self) -> None:
        if not self.isVisible():
            return
        a, chosen = self.commands, self.chosen()
        no_gpg = words.WHY_NO_GPG if self.view is not None and not self.view.has_gpg else ""
        stopped = self.why_no_push() or no_gpg
        for action in (a.create_key, a.trust_file, a.import_keys):
            a.allow(action, stopped)
        none = "" if chosen else words.WHY_NO_KEY
        a.untrust_keys.setText(messages.DELETE_KEYS if any(key.secret for key in chosen) else messages.UNTRUST_KEYS)
        for action in (a.publish_keys, a.allow_keys, a.untrust_keys):
            a.allow(action, stopped or none)
        a.allow(a.export_keys, no_gpg or none or ("" if self.client.running else messages.ENGINE_GONE))
        a.allow(a.copy_fingerprint, none)
        a.allow(a.show_key_commands)

    def panes(self) -> list[QWidget]:
        return [self.table] if self.model.rows else []

    def leave(self) -> None:
        super().leave()
        self.work.tasks.cancel_all()
        self.table.remember()
        self.splitter.remember()

    # ---- what people do ----

    def _on_current_changed(self) -> None:
        key = self.current()
        self.details.setVisible(key is not None)
        if key is not None:
            self.details.show_key(key, self.model.mirrors)
        self.update_actions()

    def _on_done(self, sentence: str) -> None:
        self._done = sentence
        self.start(self.load(self.instance_id))

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(key.fingerprint for key in self.chosen()))

    def _on_context_menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill(menu, key_menu(self.commands))
        menu.popup(self.table.viewport().mapToGlobal(point))
