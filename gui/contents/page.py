# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a mirror, or any cache somebody types the address of, holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSplitter, QWidget

from core.engine.calls.contents import UpdateIndex
from core.engine.calls.mirrors import ListMirrors
from core.foundation.errors import MirrordeckError
from core.mirrors.model import Mirror
from core.services.values import ContentsRow, ContentsView
from gui import messages, theme
from gui.actions import Actions
from gui.contents import words
from gui.contents.details import EntryCard
from gui.contents.footer import TotalsFooter
from gui.contents.model import ContentsModel
from gui.contents.place_box import PlaceBox
from gui.contents.reader import ContentsReader
from gui.contents.repositories import RegistryReader, RepositoriesTable
from gui.contents.table import ContentsTable
from gui.engine_client import EngineClient
from gui.settings import remembered
from gui.widgets.controls import ActionButton, Button
from gui.widgets.empty_state import EmptyState
from gui.widgets.filter_line import FilterLine
from gui.widgets.labels import Label
from gui.widgets.page import Page
from gui.widgets.table import TablePane

_MEMORY = "contents/place"
_ROWS_AT_LEAST = 3


class ContentsPage(Page):
    """`package_wanted(hash)` asks for an installed package on the Packages page. Nothing is read before it is shown."""

    title = messages.CONTENTS
    package_wanted = Signal(str)

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(client, actions, parent)
        self.model = ContentsModel(self)
        self.reader = ContentsReader(client, self.model, self)
        self.registry = RegistryReader(client, self)
        self.place = ""
        self._mirrors: dict[str, Mirror] = {}
        self._load_when_shown = False
        self._updating = False
        self._selection: list[str] = []
        self._selecting = QTimer(self)
        self._selecting.setSingleShot(True)
        self._selecting.setInterval(0)
        self._selecting.timeout.connect(self._on_selection)
        self._build_tools()
        self._build_list()
        self.footer = TotalsFooter()
        self.body.addWidget(self.footer)
        self._connect()
        self._show_state()

    # ---- building ----

    def _build_tools(self) -> None:
        self.stop_button = ActionButton(self.commands.stop_reading)
        self.header_buttons.addWidget(self.stop_button)
        self.header_buttons.addWidget(ActionButton(self.commands.refresh))
        self.place_box = PlaceBox()
        label = Label(words.PLACE_LABEL, tone="dim")
        label.setBuddy(self.place_box)
        self.filter_line = FilterLine(words.FILTER, words.FILTER_NAME)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_S)
        row.addWidget(label)
        row.addWidget(self.place_box)
        row.addSpacing(theme.SPACE_XS)
        row.addWidget(self.filter_line, 1)
        self.body.addLayout(row)

    def _build_list(self) -> None:
        self.table = ContentsTable(self.model)
        self.repositories = RepositoriesTable()
        self.pane = TablePane(self.table)
        self.pane.setMinimumHeight(_ROWS_AT_LEAST * theme.comfortable_height())
        self.empty = EmptyState("empty-folder", words.CHOOSE, words.CHOOSE_DETAIL)
        self.no_match = EmptyState("empty-search", messages.NOTHING_MATCHES, words.NOTHING_MATCHES_DETAIL)
        self.clear_button = Button(messages.CLEAR_FILTER)
        self.no_match.add_button(self.clear_button)
        self.details = EntryCard(self.client, self.commands)
        self.details.hide()
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(theme.SPACE_S)
        splitter.addWidget(self.pane)
        splitter.addWidget(self.details)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 1)
        self.body.addWidget(splitter, 1)

    def _connect(self) -> None:
        self.place_box.place_chosen.connect(self.open_place)
        self.repositories.repository_chosen.connect(self.open_place)
        self.filter_line.filter_changed.connect(self._on_filter_changed)
        self.filter_line.leave_requested.connect(self._focus_list)
        self.clear_button.clicked.connect(self.filter_line.reset)
        self.reader.changed.connect(self._show_state)
        self.registry.changed.connect(self._show_state)
        self.reader.finished.connect(self._on_read)
        self.table.entry_activated.connect(self.details.tabs.setFocus)
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        selection = self.table.selectionModel()
        selection.currentRowChanged.connect(self._selecting.start)
        selection.selectionChanged.connect(self._selecting.start)
        self.model.modelReset.connect(self._selecting.start)
        commands = self.commands
        commands.stop_reading.triggered.connect(self._on_stop)
        commands.update_index.triggered.connect(self._on_update_index)
        commands.copy_tag.triggered.connect(lambda: self._copy(lambda row: row.key))
        commands.copy_entry_digest.triggered.connect(lambda: self._copy(_digest))
        commands.copy_pull_line.triggered.connect(lambda: self._copy(self._pull_line))
        commands.show_installed.triggered.connect(self._on_show_installed)
        commands.open_groups.triggered.connect(lambda: self.model.set_all_open(wanted=True))
        commands.close_groups.triggered.connect(lambda: self.model.set_all_open(wanted=False))

    # ---- reading ----

    async def load(self, instance_id: str) -> None:
        """The mirrors of an instance and, once the page is shown, what one of them holds; again for a refresh."""
        again = instance_id == self.instance_id and not self._load_when_shown
        self.instance_id = instance_id
        if not self.isVisible():
            self._load_when_shown = True
            return
        self._load_when_shown = False
        await self._read_mirrors(first=not again)
        if self.place:
            self._read(refresh=again)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._load_when_shown:
            self.start(self.load(self.instance_id))

    def open_place(self, text: str) -> None:
        """Show what was typed: a mirror, an address, or the repositories of a registry."""
        self.open_mirror(words.place_of(text, self._mirrors))

    def open_mirror(self, place: str) -> None:
        """Show a mirror by its name, or an address."""
        self.place = place
        self.place_box.set_place(self.place)
        remembered().setValue(_MEMORY, self.place)
        if not self._load_when_shown and self.instance_id:
            self._read(refresh=False)

    @property
    def mirror(self) -> Mirror | None:
        """The mirror that is shown, None for an address."""
        return self._mirrors.get(self.place)

    async def _read_mirrors(self, *, first: bool) -> None:
        number = self.next_generation()
        try:
            view = await self.client.call(ListMirrors(self.instance_id))
        except MirrordeckError:
            return  # the Mirrors page tells about it; addresses can be typed all the same
        if not self.is_current(number):
            return
        mirrors = [row.mirror for row in view.rows if row.mirror.binary]
        self._mirrors = {mirror.name: mirror for mirror in mirrors}
        self.place_box.set_mirrors(mirrors)
        if first:
            kept = self.place or str(remembered().value(_MEMORY) or "")
            local = next((mirror.name for mirror in mirrors if mirror.fetch.folder is not None), "")
            self.place = kept if kept in self._mirrors or words.is_address(kept) else local
            self.place_box.set_place(self.place)

    def _read(self, *, refresh: bool) -> None:
        self.banner.clear()
        self.registry.stop()
        self.model.signatures = words.has_signatures(self.place, self.mirror)
        if words.is_registry(self.place):
            self.reader.forget()
            self.registry.read(self.instance_id, self.place)
        else:
            self.reader.read(self.instance_id, self.place, refresh=refresh)

    def _on_read(self) -> None:
        view = self.reader.view
        if view is not None and view.from_memory and view.error is None and words.is_local(self.place, self.mirror):
            self.reader.read(self.instance_id, self.place, refresh=True)  # it costs nobody anything
            return
        self._show_notice(view)

    def _on_stop(self) -> None:
        self.tasks.cancel_all()
        self.registry.stop()
        self.reader.stop()
        self._show_state()

    # ---- what is shown ----

    def _show_notice(self, view: ContentsView | None) -> None:
        error = self.reader.error
        if error is not None and self.model.rowCount():
            known = words.last_known(view) if view is not None else ""
            text = messages.sentences(error.why, known, *error.remedies)
            self.banner.show_notice(error.title, text, tone="bad")
        elif view is None or error is not None:
            self.banner.clear()
        elif view.problems:
            first, *others = view.problems
            more = messages.problems(len(others)) if others else ""
            self.banner.show_notice(first.title, messages.sentences(first.why, *first.remedies, more), tone="warn")
        elif view.not_in_index:
            title, text = words.not_in_index(view.not_in_index)
            if view.has_index is False:
                title, text = words.NO_INDEX_TITLE, words.NO_INDEX_TEXT
            button = "" if self._why_no_update() else words.UPDATE_INDEX
            self.banner.show_notice(title, text, tone="warn", button=button, action=self._on_update_index)

    @property
    def reading(self) -> bool:
        """Whether there is anything to wait for."""
        return self.reader.reading or self.registry.reading or self._updating

    def _show_state(self) -> None:
        if words.is_registry(self.place):
            self._show_repositories()
        else:
            self._show_contents()
        self.footer.show_totals(self.model, self._selection)
        self.stop_button.setVisible(self.reading)
        self.refresh_line.set_running(self.reading)
        self.update_actions()

    def _show_contents(self) -> None:
        reader, total = self.reader, len(self.model.contents.rows)
        if self.model.rowCount():
            self.pane.show_table()
        elif total:
            self.pane.show_instead(self.no_match)
        else:
            self.empty.show_message(*reader.instead())
            self.pane.show_instead(self.empty)
        if reader.reading:
            self.sentence.setText(words.reading(total))
        elif reader.stopped:
            self.sentence.setText(words.STOPPED)
        else:
            self.sentence.setText(words.sentence(reader.view) if reader.view is not None else "")

    def _show_repositories(self) -> None:
        addresses = self.registry.addresses
        self.sentence.setText(words.repositories(len(addresses), self.place) if addresses else "")
        if addresses:
            self.repositories.show_addresses(addresses, self.filter_line.text())
            self.pane.show_instead(self.repositories if self.repositories.count else self.no_match)
        else:
            self.empty.show_message(*self.registry.instead())
            self.pane.show_instead(self.empty)

    # ---- choosing ----

    def _on_filter_changed(self, text: str) -> None:
        self.model.set_filter(text)
        self._show_state()

    def _on_selection(self) -> None:
        """After any number of changes at once."""
        self._selection = self.model.keys_at(self.table.all_selected_rows())
        row = self.current()
        if row is None:
            self.details.show_nothing()
        else:
            self.details.show_entry(self.instance_id, self.place, row)
        self.footer.show_totals(self.model, self._selection)
        self.update_actions()

    def current(self) -> ContentsRow | None:
        """The entry with the keyboard, None for a group."""
        index = self.table.currentIndex()
        return self.model.entry_at(index.row()) if index.isValid() else None

    def chosen(self) -> list[ContentsRow]:
        """All entries that are selected, those of selected groups too."""
        rows = self.model.contents.rows
        return [rows[key] for key in self._selection if key in rows]

    # ---- actions ----

    def update_actions(self) -> None:
        if not self.isVisible():
            return
        commands, row, chosen = self.commands, self.current(), self.chosen()
        commands.allow(commands.stop_reading, "" if self.reading else words.WHY_NOT_READING)
        commands.allow(commands.update_index, self._why_no_update())
        none = "" if chosen else words.WHY_NO_ENTRY
        commands.allow(commands.copy_tag, none)
        commands.allow(commands.copy_entry_digest, none or ("" if any(map(_digest, chosen)) else words.WHY_NO_DIGEST))
        can_pull = any(map(self._pull_line, chosen))
        commands.allow(commands.copy_pull_line, none or ("" if can_pull else words.WHY_NO_IMAGE))
        here = "" if row is not None and row.installed else words.WHY_NOT_INSTALLED
        commands.allow(commands.show_installed, here if row is not None else words.WHY_NO_ENTRY)
        groups = "" if self.model.rowCount() else words.WHY_NO_GROUPS
        for action in (commands.open_groups, commands.close_groups):
            commands.allow(action, groups)

    def panes(self) -> list[QWidget]:
        shown = self.pane.shown
        lists = [shown] if shown in (self.table, self.repositories) else []
        return [self.place_box, self.filter_line, *lists, self.details.tabs]

    def focus_filter(self) -> None:
        self.filter_line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter_line.selectAll()

    def leave(self) -> None:
        super().leave()
        self.reader.leave()
        self.registry.stop()
        self.details.tasks.cancel_all()
        self._selecting.stop()
        self.table.remember()

    def _focus_list(self) -> None:
        shown = self.pane.shown
        if shown is not None:
            shown.setFocus()

    def _why_no_update(self) -> str:
        if not self.place:
            return words.WHY_NO_PLACE
        if self.mirror is None:
            return words.WHY_NOT_CONFIGURED
        return self.why_no_push()

    def _on_update_index(self) -> None:
        self.start(self._update_index(self.instance_id, self.place))

    async def _update_index(self, instance_id: str, place: str) -> None:
        self.banner.show_notice(words.UPDATING_INDEX)
        self._updating = True
        self._show_state()
        try:
            update = await self.client.call(UpdateIndex(instance_id, place))
        except MirrordeckError as error:
            self.show_error(error)
            return
        except asyncio.CancelledError:
            self.banner.clear()
            raise
        finally:
            self._updating = False
            self._show_state()
        if (instance_id, place) == (self.instance_id, self.place):
            self._read(refresh=True)
        title, text = words.index_updated(update)
        self.banner.show_notice(title, text, tone="warn" if update.skipped else "ok")

    def _pull_line(self, row: ContentsRow) -> str:
        image = self.reader.view.image if self.reader.view is not None else ""
        return words.pull_line(image, row) if image else ""

    def _copy(self, text_of: Callable[[ContentsRow], str]) -> None:
        texts = map(text_of, self.chosen())
        QGuiApplication.clipboard().setText("\n".join(text for text in texts if text))

    def _on_show_installed(self) -> None:
        row = self.current()
        if row is not None:
            self.package_wanted.emit(row.hash)

    def _on_context_menu(self, place: QPoint) -> None:
        commands = self.commands
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([commands.copy_tag, commands.copy_entry_digest, commands.copy_pull_line])
        menu.addSeparator()
        menu.addAction(commands.show_installed)
        menu.addSeparator()
        menu.addActions([commands.open_groups, commands.close_groups])
        menu.popup(self.table.viewport().mapToGlobal(place))


def _digest(row: ContentsRow) -> str:
    return row.manifest_digest or row.blob_digest
