# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Installed packages: find, choose, look at, push."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from core.services.values import PackageRow
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.packages import words
from gui.packages.background import Learner, LicenceReader, Measurer
from gui.packages.commands import PackageCommands
from gui.packages.completion import complete, is_spec
from gui.packages.coverage import CoverageView
from gui.packages.details import PackageCard
from gui.packages.facts import OnMirror
from gui.packages.filter_bar import NO_MIRROR, FilterBar, FilterChoice
from gui.packages.footer import SelectionFooter
from gui.packages.instances import InstancesView
from gui.packages.loader import PackageLoader
from gui.packages.model import PackagesModel
from gui.packages.narrower import Narrower
from gui.packages.pushes import PushWatcher
from gui.packages.rows import Column, Show
from gui.packages.table import PackagesTable
from gui.settings import remembered
from gui.widgets.controls import ActionButton, Button, TabBar
from gui.widgets.empty_state import EmptyState
from gui.widgets.page import Page
from gui.widgets.pane_splitter import PaneSplitter
from gui.widgets.table import TablePane

_ROWS_AT_LEAST = 3
_SPLIT_KEY, _DETAILS_KEY, _MEASURE_KEY = "packages/split", "packages/details", "packages/measure"


class PackagesPage(Page):
    """`push_requested(hashes, mirror)` carries what is to be pushed; the mirror is "" where any may be chosen."""

    title = messages.PACKAGES
    push_requested = Signal(tuple, str)

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(client, actions, parent)
        self.model = PackagesModel(self)
        self.loader = PackageLoader(client, self.model, self)
        self.narrower = Narrower(client, self.model, self)
        self.learner = Learner(client, self.model, self)
        self.pushes = PushWatcher(client, self)
        self.target = ""
        self._missing_wanted = self._package_wanted = ""
        self._check_when_arranged = False
        self._pushable_shown = 0
        self._build_list()
        self.measurer = Measurer(client, self.model, self.table.hashes_in_sight, self)
        self.licences = LicenceReader(client, self.model, self.table.hashes_in_sight, self)
        self.coverage = CoverageView(client)
        self.instances = InstancesView(client, actions)
        self._lay_out_views()
        self.chores = PackageCommands(self)
        self._connect()
        self._show_state()

    # ---- building ----

    def _build_list(self) -> None:
        self.filters = FilterBar(lambda before: complete(self.model.packages, before))
        self.filter_line, self.show_combo = self.filters.line, self.filters.show_combo
        self.table = PackagesTable(self.model)
        self.pane = TablePane(self.table)
        self.pane.setMinimumHeight(_ROWS_AT_LEAST * theme.comfortable_height())
        self.empty = EmptyState("empty-packages", messages.PACKAGES_EMPTY, messages.PACKAGES_EMPTY_DETAIL)
        self.no_match = EmptyState("empty-search", messages.NOTHING_MATCHES, messages.NOTHING_MATCHES_DETAIL)
        self.clear_button = Button(messages.CLEAR_FILTER)
        self.no_match.add_button(self.clear_button)
        self.failed = EmptyState("empty-folder", messages.PACKAGES_FAILED)
        self.failed.add_button(ActionButton(self.commands.refresh))
        self.details = PackageCard(self.client, self.commands, self.model.facts)
        self.details.hide()
        self.footer = SelectionFooter(self.client, self.commands)

    def _lay_out_views(self) -> None:
        self.views = TabBar(words.VIEWS, (words.VIEW_PACKAGES, words.VIEW_COVERAGE, words.VIEW_INSTANCES))
        self.details_button = ActionButton(self.commands.show_details)
        self.header_buttons.addWidget(self.views)
        self.header_buttons.addWidget(self.details_button)
        self.splitter = PaneSplitter("packages", self.pane, self.details, (3, 2))
        listing = QWidget()
        column = QVBoxLayout(listing)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_S)
        column.addWidget(self.filters)
        column.addWidget(self.splitter, 1)
        column.addWidget(self.footer)
        self.stack = QStackedWidget()
        self.stack.addWidget(listing)
        self.stack.addWidget(self.coverage)
        self.stack.addWidget(self.instances)
        self.body.addWidget(self.stack, 1)

    def _connect(self) -> None:
        self.filters.changed.connect(self._on_filters_changed)
        self.filter_line.leave_requested.connect(self.table.setFocus)
        self.clear_button.clicked.connect(self._on_clear_filter)
        self.table.toggle_requested.connect(lambda: self.model.toggle(self.table.selected_rows()))
        self.table.current_changed.connect(self._on_current_changed)
        self.table.activated.connect(lambda _index: self._open_details())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self.update_actions())
        self.table.scrolled.connect(self._on_sight_changed)
        self.model.arranged.connect(self._on_arranged)
        self.model.checked_changed.connect(self._on_checked_changed)
        self.loader.changed.connect(self._show_state)
        self.loader.loaded.connect(self._on_loaded)
        self.loader.outdated.connect(lambda: self.start(self._reload()))
        self.narrower.changed.connect(self._on_narrowed)
        self.learner.environments_changed.connect(self._on_facts)
        self.learner.mirrors_changed.connect(self._on_facts)
        self.measurer.progressed.connect(self._show_sentence)
        self.pushes.pushed.connect(self.learner.learn_mirrors)
        self.views.currentChanged.connect(self._on_view_changed)
        self.coverage.push_requested.connect(self.push_requested)
        self.coverage.changed.connect(self._show_sentence)
        self.coverage.failed.connect(self.show_error)
        self.instances.changed.connect(self._show_sentence)
        self.details.package_wanted.connect(self.show_package)
        self.details.enlarged.connect(self._on_enlarged)
        commands = self.commands
        commands.show_details.toggled.connect(self._on_details_toggled)
        commands.measure_sizes.toggled.connect(self._on_measure_toggled)
        commands.show_details.setChecked(remembered().value(_DETAILS_KEY) == "yes")
        commands.measure_sizes.setChecked(remembered().value(_MEASURE_KEY) != "no")

    # ---- loading ----

    async def load(self, instance_id: str) -> None:
        again = instance_id == self.instance_id and bool(self.model.total)
        if instance_id != self.instance_id:
            self.table.forget_place()
            self.details.show_nothing()
            self.narrower.forget()
        self.instance_id = instance_id
        self.coverage.open(instance_id, refresh=again)
        self.instances.outdate()
        self.learner.learn(instance_id, refresh=again)
        await self.loader.load(instance_id)

    def forget(self) -> None:
        super().forget()
        self.instances.forget()

    async def _reload(self) -> None:
        """The database has changed; mirrors have not."""
        self.learner.learn(self.instance_id, refresh=False)
        await self.loader.load(self.instance_id)

    def _on_loaded(self) -> None:
        view = self.loader.view
        self.footer_again()
        self.narrower.again()
        self.details.again()
        self._measure()
        if view is not None and view.problems:
            first, *others = view.problems
            more = messages.problems(len(others)) if others else ""
            self.banner.show_notice(first.title, messages.sentences(first.why, *first.remedies, more), tone="warn")
        elif not self.target:
            self.banner.clear()
        if self._package_wanted in self.model.packages.places:
            self.show_package(self._package_wanted)
        self._package_wanted = ""

    def _on_facts(self) -> None:
        facts = self.model.facts
        self.filters.set_environments(facts.environments)
        self.filters.set_mirrors(tuple(facts.mirrors))
        self.details.mirrors_changed()
        if self.filters.choice.environment or self.filters.choice.missing_on:
            self.narrower.again()
        self.footer_again()
        self._show_sentence()
        if self._missing_wanted in facts.mirrors:
            self.show_missing(self._missing_wanted)

    # ---- what is shown ----

    def _show_state(self) -> None:
        model, failure = self.model, self.loader.failure
        if model.rowCount():
            self.pane.show_table()
        elif model.total and not self.loader.busy and not model.busy:
            spec = is_spec(self.filter_line.text())
            detail = words.NOTHING_MATCHES_SPEC if spec else messages.NOTHING_MATCHES_DETAIL
            self.no_match.show_message("empty-search", messages.NOTHING_MATCHES, detail)
            self.pane.show_instead(self.no_match)
        elif failure is not None and not model.total:
            info = failure.info()
            self.failed.show_message("empty-folder", info.title, messages.sentences(info.why, *info.remedies))
            self.pane.show_instead(self.failed)
        elif not model.total:
            reading = self.loader.loading
            sentence = messages.PACKAGES_READING if reading else messages.PACKAGES_EMPTY
            self.empty.show_message("empty-packages", sentence, "" if reading else messages.PACKAGES_EMPTY_DETAIL)
            self.pane.show_instead(self.empty)
        if failure is not None and model.total:
            self.show_error(failure)
        self._show_sentence()

    def _show_sentence(self) -> None:
        model, narrower, loader = self.model, self.narrower, self.loader
        self.refresh_line.set_running(loader.busy or narrower.asking or self.coverage.reading or self.instances.reading)
        if self.views.currentIndex() > 0:
            self.sentence.setText(self._view().sentence)
        elif loader.loading:
            self.sentence.setText(messages.PACKAGES_READING)
        elif narrower.asking:
            asking = words.SEARCHING if is_spec(self.filters.choice.text) else words.ASKING_MISSING
            self.sentence.setText(asking)
        elif not model.total:
            self.sentence.setText("")
        else:
            counted = words.count_sentence(model.found, self._total(), len(model.facts.new))
            age = words.mirrors_age(model.facts.known_mirrors(), time.time())
            unknown = words.unknown_answers(narrower.unknown) if narrower.unknown else ""
            measured = words.measuring(self.measurer.measured) if self.measurer.busy else ""
            told = narrower.missing_sentence()
            self.sentence.setText(messages.sentences(told or counted, unknown, measured, "" if told else age))

    def _total(self) -> int:
        """How many there would be without a filter; all installed ones, usually."""
        everything = self.filters.choice.show is Show.ALL
        return self.model.total if everything else self.model.packages.installed

    def _on_arranged(self) -> None:
        self._pushable_shown = self.model.count_checkable()
        if self._check_when_arranged and not self.narrower.asking:
            self._check_when_arranged = False
            self.model.check_shown()
        self.footer.set_hidden(self.model.checked_hidden())
        self._show_state()
        self.update_actions()
        self._on_sight_changed()

    def _on_sight_changed(self) -> None:
        self.measurer.look_again()
        if self.isVisible() and self.loader.view is not None and self.table.wants_column(Column.NOTE):
            self.licences.look(self.instance_id)

    # ---- choosing ----

    def _on_filters_changed(self) -> None:
        self._check_when_arranged = False
        self.narrower.choose(self.instance_id, self.filters.choice)
        self.footer_again()

    def _on_narrowed(self) -> None:
        problem, error = self.narrower.problem, self.narrower.error
        if problem is not None:
            text = f"{problem.title}: {problem.why}" if problem.why else problem.title
            self.filter_line.show_problem(text, problem.position, problem.length)
        elif error is not None:
            self.filter_line.show_problem(error.sentence(), 0, 0)
        else:
            self.filter_line.clear_problem()
        self._show_state()

    def _on_clear_filter(self) -> None:
        self.filters.clear()
        if not self.model.rowCount():
            self.filters.choose(FilterChoice(show=Show.ALL))
        self.filter_line.setFocus()

    def _on_current_changed(self) -> None:
        self.update_actions()
        self._show_details()

    def _on_checked_changed(self) -> None:
        self.footer_again()
        self.update_actions()

    def footer_again(self) -> None:
        """Count what is checked again."""
        model = self.model
        mirror = self._mirror_counted()
        self.footer.set_selection(self.instance_id, model.checked, model.checked_hidden(), model.checked_hashes, mirror)

    def _mirror_counted(self) -> OnMirror | None:
        """The mirror a push would most likely go to, if something is known of it."""
        mirrors, chosen = self.model.facts.mirrors, self.filters.choice.missing_on
        name = self.target or (chosen if chosen != NO_MIRROR else "")
        mirror = mirrors.get(name) if name else next(iter(self.model.facts.known_mirrors()), None)
        return mirror if mirror is not None and mirror.read_at is not None else None

    # ---- details, sizes, views ----

    def current(self) -> PackageRow | None:
        return self.table.current()

    def _open_details(self) -> None:
        self.commands.show_details.setChecked(True)
        self.details.tabs.setFocus()

    def _on_details_toggled(self, wanted: bool) -> None:
        remembered().setValue(_DETAILS_KEY, "yes" if wanted else "no")
        self._show_details()
        if not wanted:
            self.pane.show()
            if self.isVisible():
                self.table.setFocus()

    def _on_enlarged(self, wanted: bool) -> None:
        self.pane.setVisible(not wanted)
        self.footer.setVisible(not wanted)

    def _show_details(self) -> None:
        row = self.current()
        if row is None or not self.commands.show_details.isChecked():
            if self.details.isVisible():
                self.details.show_nothing()
            return
        self.details.show_package(self.instance_id, row)

    def _on_measure_toggled(self, wanted: bool) -> None:
        remembered().setValue(_MEASURE_KEY, "yes" if wanted else "no")
        self._measure()

    def _measure(self) -> None:
        wanted = self.isVisible() and self.commands.measure_sizes.isChecked() and self.loader.view is not None
        self.measurer.set_wanted(self.instance_id, wanted=wanted and self.table.wants_column(Column.SIZE))
        self._show_sentence()

    def _on_view_changed(self, number: int) -> None:
        self.stack.setCurrentIndex(number)
        self.coverage.set_shown(shown=number == 1)
        self.instances.set_shown(shown=number == 2)
        self._show_sentence()
        self.update_actions()

    def _view(self) -> CoverageView | InstancesView:
        """What is shown instead of the list."""
        return self.coverage if self.views.currentIndex() == 1 else self.instances

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.loader.watch(wanted=True)
        QTimer.singleShot(0, self, self._measure)
        QTimer.singleShot(0, self, self._on_sight_changed)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.loader.watch(wanted=False)
        self.licences.tasks.cancel_all()
        self._measure()

    # ---- for the window ----

    def update_actions(self) -> None:
        if self.isVisible():
            self.instances.why_no_push = self.why_no_push()
            self.instances.update_buttons()
            self.chores.update(self._pushable_shown, listing=self.views.currentIndex() == 0)

    def choose_for(self, mirror: str) -> None:
        """Ask for packages to push to `mirror`; the next push goes there."""
        self.target = mirror
        self.views.setCurrentIndex(0)
        self.banner.show_notice(messages.choose_for_mirror(mirror), messages.CHOOSE_FOR_MIRROR_TEXT)
        self.table.setFocus()

    def show_missing(self, mirror: str) -> None:
        """List, checked, everything explicit that `mirror` lacks with what it needs; the next push goes there."""
        self.target = mirror
        if mirror not in self.model.facts.mirrors:
            self._missing_wanted = mirror  # it is new: what there is has to be asked first
            self.learner.learn(self.instance_id, refresh=False)
            return
        self._missing_wanted = ""
        self.views.setCurrentIndex(0)
        self.model.check_none()
        self.filters.choose(FilterChoice(show=Show.EXPLICIT, missing_on=mirror))
        self._check_when_arranged = True
        if not self.narrower.asking and not self.model.busy:
            self._on_arranged()
        self.table.setFocus()

    def mirrors_edited(self) -> None:
        """Mirrors were added, removed or changed."""
        self.learner.learn(self.instance_id, refresh=False)
        self.coverage.open(self.instance_id, refresh=False)

    def pushed(self) -> None:
        """The selection is on its way."""
        self.target = ""
        self.banner.clear()
        self.model.check_none()

    def show_when_loaded(self, dag_hash: str) -> None:
        """As `show_package`, once the instance that is being opened has been read."""
        self._package_wanted = dag_hash

    def show_package(self, dag_hash: str) -> None:
        """Select the package, whatever was filtered away before."""
        self.views.setCurrentIndex(0)
        if self.model.find(dag_hash) is None:
            row = self.model.packages.places.get(dag_hash)
            self.filters.choose(FilterChoice(show=Show.INSTALLED if self._is_pushable(row) else Show.ALL))
        self.table.show_package(dag_hash)
        self.table.setFocus()

    def _is_pushable(self, at: int | None) -> bool:
        return at is not None and bool(self.model.packages.pushable[at])

    def panes(self) -> list[QWidget]:
        if self.views.currentIndex() > 0:
            return [self.views, self._view().table]
        return [self.filter_line, self.table, self.details.tabs, self.footer.push_button]

    def focus_filter(self) -> None:
        line = self.instances.line if self.views.currentIndex() == 2 else self.filter_line
        if line is self.filter_line:
            self.views.setCurrentIndex(0)
        line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        line.selectAll()

    def leave(self) -> None:
        super().leave()
        for part in (self.filter_line, self.loader, self.learner, self.measurer, self.coverage, self.instances):
            part.leave()
        for owner in (self.footer, self.narrower, self.details, self.chores, self.licences):
            owner.tasks.cancel_all()
        self.table.remember()
        self.splitter.remember()
