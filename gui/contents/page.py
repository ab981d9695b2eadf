# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a mirror, or any cache somebody types the address of, holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from core.engine.calls.mirrors import ListMirrors
from core.foundation.errors import MirrordeckError
from core.services.values import ContentsRow, ContentsView
from gui import messages, theme
from gui.actions import Actions
from gui.contents import words
from gui.contents.allowing import Situation, allow, digest_of
from gui.contents.chooser import Chooser
from gui.contents.commands import ContentsCommands
from gui.contents.details import EntryCard
from gui.contents.footer import TotalsFooter
from gui.contents.index_update import IndexUpdater
from gui.contents.model import ContentsModel
from gui.contents.narrower import ContentsNarrower
from gui.contents.notices import Told, notice_of
from gui.contents.place_box import PlaceBox
from gui.contents.reader import ContentsReader
from gui.contents.repositories import RegistryReader, RepositoriesTable
from gui.contents.signatures import SignatureReader
from gui.contents.space import SpaceModel, SpaceTable
from gui.contents.table import ContentsTable
from gui.engine_client import EngineClient
from gui.menus import cache_menu, entry_menu, fill
from gui.packages.completion import is_eager
from gui.widgets.controls import ActionButton, Button, ComboBox, MenuButton
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Label
from gui.widgets.page import Page
from gui.widgets.pane_splitter import PaneSplitter
from gui.widgets.spec_line import SpecLine
from gui.widgets.table import TablePane

_ROWS_AT_LEAST = 3


class ContentsPage(Page):
    """`package_wanted(hash)` asks for an installed package on the Packages page, `mirror_wanted(address)` for a new
    mirror there, `transfers_wanted` for the Transfers page. Nothing is read before it is shown."""

    title = messages.CONTENTS
    package_wanted = Signal(str)
    transfers_wanted = Signal()
    mirror_wanted = Signal(str)

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(client, actions, parent)
        self.model = ContentsModel(self)
        self.reader = ContentsReader(client, self.model, self)
        self.registry = RegistryReader(client, self)
        self.narrower = ContentsNarrower(client, self.model, self)
        self.work = ContentsCommands(client, self)
        self.index = IndexUpdater(client, self)
        self._load_when_shown, self._wanted = False, ""  # `_wanted`: a hash to go to once all lines are shown
        self._build_tools()
        self._build_list()
        self.footer = TotalsFooter()
        self.body.addWidget(self.footer)
        self.signatures = SignatureReader(client, self.table, self.model)
        self.chooser = Chooser(self.table, self.model, self)
        self._connect()
        self._show_state()

    # ---- building ----

    def _build_tools(self) -> None:
        self.stop_button = ActionButton(self.commands.stop_reading)
        self.header_buttons.addWidget(self.stop_button)
        more = QMenu(self)
        fill(more, [*cache_menu(self.commands), None, *entry_menu(self.commands)])
        self.more_button = MenuButton(words.MORE, more)
        for button in (ActionButton(self.commands.verify_cache), ActionButton(self.commands.free_space)):
            self.header_buttons.addWidget(button)
        self.header_buttons.addWidget(self.more_button)
        self.header_buttons.addWidget(ActionButton(self.commands.refresh))
        self.place_box = PlaceBox()
        label = Label(words.PLACE_LABEL, tone="dim")
        label.setBuddy(self.place_box)
        self.filter_line = SpecLine(words.FILTER, words.FILTER_NAME, self.narrower.complete, is_eager)
        self.show_combo = ComboBox()
        self.show_combo.setAccessibleName(words.SHOW)
        self.show_combo.addItems(words.SHOWN)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_S)
        row.addWidget(label)
        row.addWidget(self.place_box)
        row.addSpacing(theme.SPACE_XS)
        row.addWidget(self.filter_line, 1)
        row.addWidget(self.show_combo)
        self.body.addLayout(row)

    def _build_list(self) -> None:
        self.table = ContentsTable(self.model)
        self.repositories = RepositoriesTable()
        self.space = SpaceModel(self)
        self.space_table = SpaceTable(self.space)
        self.pane = TablePane(self.table)
        self.pane.setMinimumHeight(_ROWS_AT_LEAST * theme.comfortable_height())
        self.empty = EmptyState("empty-folder", words.CHOOSE, words.CHOOSE_DETAIL)
        self.no_match = EmptyState("empty-search", messages.NOTHING_MATCHES, words.NOTHING_MATCHES_DETAIL)
        self.clear_button = Button(messages.CLEAR_FILTER)
        self.no_match.add_button(self.clear_button)
        self.details = EntryCard(self.client, self.commands)
        self.details.hide()
        self.splitter = PaneSplitter("contents", self.pane, self.details, (3, 1))
        self.body.addWidget(self.splitter, 1)

    def _connect(self) -> None:
        self.place_box.place_chosen.connect(self.open_place)
        self.repositories.repository_chosen.connect(self.open_place)
        self.filter_line.filter_changed.connect(self._on_filter_changed)
        self.filter_line.leave_requested.connect(self._focus_list)
        self.clear_button.clicked.connect(self.filter_line.reset)
        self.narrower.changed.connect(self._on_narrowed)
        self.show_combo.currentIndexChanged.connect(self._show_state)
        self.space_table.name_wanted.connect(self._on_name_wanted)
        self.work.changed.connect(self._on_changed)
        self.index.changed.connect(self._show_state)
        self.index.told.connect(self._tell)
        self.index.updated.connect(self._on_index_updated)
        self.work.started.connect(self.transfers_wanted)
        self.commands.add_as_mirror.triggered.connect(lambda: self.mirror_wanted.emit(self.place))
        self.work.failed.connect(self.show_error)
        self.work.connect_actions(self.commands, self.chosen, lambda: self._situation().why_no_change)
        self.reader.changed.connect(self._show_state)
        self.registry.changed.connect(self._show_state)
        self.reader.finished.connect(self._on_read)
        self.table.entry_activated.connect(self.details.tabs.setFocus)
        self.details.package_wanted.connect(self._on_hash_wanted)
        self.details.enlarged.connect(lambda wanted: self.pane.setVisible(not wanted))
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        self.chooser.changed.connect(self._on_selection)
        self.model.arranged.connect(self._on_arranged)
        commands = self.commands
        commands.stop_reading.triggered.connect(self._on_stop)
        commands.update_index.triggered.connect(lambda: self.index.update(self.instance_id, self.place))
        commands.copy_tag.triggered.connect(lambda: self._copy(lambda row: row.key))
        commands.copy_entry_digest.triggered.connect(lambda: self._copy(digest_of))
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

    def forget(self) -> None:
        super().forget()
        self.next_generation()
        self.registry.stop()
        self.reader.forget()
        self.place_box.set_mirrors([])

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._load_when_shown:
            self.start(self.load(self.instance_id))
        else:
            self.signatures.judge_again()  # keys may have come and gone meanwhile

    def open_place(self, text: str) -> None:
        """Show what was typed: a mirror, an address, or the repositories of a registry."""
        self.open_mirror(words.place_of(text, self.place_box.mirrors))

    def open_mirror(self, place: str) -> None:
        """Show a mirror by its name, or an address."""
        self.place_box.set_place(place)
        if not self._load_when_shown and self.instance_id:
            self._read(refresh=False)

    @property
    def place(self) -> str:
        """What is shown."""
        return self.place_box.place

    async def _read_mirrors(self, *, first: bool) -> None:
        number = self.next_generation()
        try:
            view = await self.client.call(ListMirrors(self.instance_id))
        except MirrordeckError:
            return  # the Mirrors page tells about it; addresses can be typed all the same
        if not self.is_current(number):
            return
        self.place_box.set_mirrors([row.mirror for row in view.rows if row.mirror.binary])
        if first:
            self.place_box.offer_first()

    def _read(self, *, refresh: bool) -> None:
        self.banner.clear()
        self.registry.stop()
        self.work.instance, self.work.place = self.instance_id, self.place
        self.model.signatures = words.has_signatures(self.place, self.place_box.mirror)
        self.signatures.begin(self.instance_id, self.place)
        if words.is_registry(self.place):
            self.reader.forget()
            self.registry.read(self.instance_id, self.place)
        else:
            self.reader.read(self.instance_id, self.place, refresh=refresh)

    def _on_read(self) -> None:
        view, at_hand = self.reader.view, words.is_local(self.place, self.place_box.mirror)
        if view is not None and view.from_memory and view.error is None and at_hand:
            self.reader.read(self.instance_id, self.place, refresh=True)  # it costs nobody anything
            return
        self._show_notice(view)
        self.signatures.look_soon()

    def _on_stop(self) -> None:
        self.index.stop()
        self.registry.stop()
        self.reader.stop()
        self._show_state()

    # ---- what is shown ----

    def _show_notice(self, view: ContentsView | None) -> None:
        now, commands = self._situation(), self.commands
        told = notice_of(
            view, self.reader.error if now.has_rows else None, old_layout=self.model.contents.count_old_layout()
        )
        if told is None:
            if view is None or self.reader.error is not None:
                self.banner.clear()
            return
        remedies = {words.UPDATE_INDEX: commands.update_index, words.MIGRATE: commands.migrate_cache}
        remedy = remedies.get(told.button)
        if remedy is None or not remedy.isEnabled():
            self._tell(replace(told, button=""))
        else:
            self._tell(replace(told, action=remedy.trigger))

    def _tell(self, told: Told) -> None:
        self.banner.show_notice(told.title, told.text, tone=told.tone, button=told.button, action=told.action)

    @property
    def reading(self) -> bool:
        """Whether there is anything to wait for."""
        return self.reader.reading or self.registry.reading or self.index.updating

    def _show_state(self) -> None:
        if words.is_registry(self.place):
            self._show_repositories()
        else:
            self._show_contents()
        self.footer.show_totals(self.model, self.chooser.selection)
        self.stop_button.setVisible(self.reading)
        self.refresh_line.set_running(self.reading)
        self.update_actions()

    def _show_contents(self) -> None:
        reader, total = self.reader, len(self.model.contents.rows)
        by_space = self.show_combo.currentIndex() == 1
        if self.model.rowCount() and by_space:
            self.space.show_contents(self.model.contents)
            self.pane.show_instead(self.space_table)
        elif self.model.rowCount():
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
        if words.is_registry(self.place):
            self._show_state()
        else:
            self.narrower.choose(self.instance_id, self.place, text)

    def _on_narrowed(self) -> None:
        problem = self.narrower.problem
        if problem is None:
            self.filter_line.clear_problem()
        else:
            text = messages.sentences(problem.title, problem.why)
            self.filter_line.show_problem(text, problem.position, problem.length)
        self._show_state()

    def _on_hash_wanted(self, dag_hash: str) -> None:
        """Go to another package of this build cache, if it is there."""
        self._wanted, row = dag_hash, self.model.find_hash(dag_hash)
        if row is None and self.filter_line.text():
            self.filter_line.set_text_now("")
            self.narrower.choose(self.instance_id, self.place, "")
        else:
            self._go_to(row)

    def _on_arranged(self) -> None:
        self._show_state()
        if self._wanted and not self.filter_line.text():
            self._go_to(self.model.find_hash(self._wanted))

    def _go_to(self, row: int | None) -> None:
        self._wanted = ""
        if row is not None:
            self.table.select_row(row)
            self.table.scrollTo(self.table.currentIndex())
        else:
            self.details.picture.say(words.NOT_HERE)

    def _on_name_wanted(self, name: str) -> None:
        self.show_combo.setCurrentIndex(0)
        self.filter_line.set_text_now(name)
        self._on_filter_changed(name)
        self.table.setFocus()

    def _on_selection(self) -> None:
        row = self.current()
        if row is None:
            self.details.show_nothing()
        else:
            at_hand = words.is_local(self.place, self.place_box.mirror)
            self.details.show_entry(self.instance_id, self.place, row, at_hand=at_hand)
        self.footer.show_totals(self.model, self.chooser.selection)
        self.update_actions()

    def current(self) -> ContentsRow | None:
        """The entry with the keyboard, None for a group."""
        index = self.table.currentIndex()
        return self.model.entry_at(index.row()) if index.isValid() else None

    def chosen(self) -> list[ContentsRow]:
        """All entries that are selected, those of selected groups too."""
        return list(self.chooser.selection)

    # ---- actions ----

    def update_actions(self) -> None:
        if self.isVisible():
            allow(self.commands, self._situation())

    def _situation(self) -> Situation:
        view = self.reader.view
        return Situation(
            place=self.place,
            mirror=self.place_box.mirror,
            stopped=self.why_no_push(),
            engine=self.client.running,
            reading=self.reading,
            current=self.current(),
            chosen=self.chooser.selection,
            image=view.image if view is not None else "",
            old_layout=self.model.contents.has_old_layout,
            has_rows=bool(self.model.rowCount()),
        )

    def panes(self) -> list[QWidget]:
        shown = self.pane.shown
        lists = [shown] if shown in (self.table, self.repositories, self.space_table) else []
        return [self.place_box, self.filter_line, *lists, self.details.tabs]

    def focus_filter(self) -> None:
        self.filter_line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter_line.selectAll()

    def leave(self) -> None:
        super().leave()
        self.registry.stop()
        for part in (self.reader, self.signatures, self.details, self.filter_line, self.space):
            part.leave()
        for owner in (self.work, self.narrower, self.index):
            owner.tasks.cancel_all()
        self.chooser.leave()
        self.table.remember()
        self.space_table.remember()
        self.splitter.remember()

    def _focus_list(self) -> None:
        shown = self.pane.shown
        if shown is not None:
            shown.setFocus()

    def _pull_line(self, row: ContentsRow) -> str:
        view = self.reader.view
        return words.pull_line(view.image, row) if view is not None and view.image else ""

    def _copy(self, text_of: Callable[[ContentsRow], str]) -> None:
        texts = map(text_of, self.chosen())
        QGuiApplication.clipboard().setText("\n".join(text for text in texts if text))

    def _on_show_installed(self) -> None:
        row = self.current()
        if row is not None:
            self.package_wanted.emit(row.hash)

    def _on_index_updated(self, instance_id: str, place: str) -> None:
        if (instance_id, place) == (self.instance_id, self.place):
            self._read(refresh=True)

    def _on_changed(self, told: Told) -> None:
        """The build cache is not as it was."""
        if self.place == self.work.place:
            self._read(refresh=True)
        self._tell(told)

    def _on_context_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill(menu, [*entry_menu(self.commands), None, self.commands.open_groups, self.commands.close_groups])
        menu.popup(self.table.viewport().mapToGlobal(place))
