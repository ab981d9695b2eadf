# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The current package in full: tabs, each filled when it is looked at."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from core.engine.calls.history import ListHistory
from core.engine.calls.packages import DescribePackage, PackageGraph, SizeByFolder
from core.engine.calls.presence import FindHoldings
from core.foundation.errors import MirrordeckError
from core.foundation.text import short_hash
from core.services.history_values import HistoryEntry, HistoryRequest
from core.services.package_values import Holding, PackageDetails
from core.services.values import PackageRow
from gui import theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.packages import words
from gui.packages.dependencies import DependenciesTab
from gui.packages.document import DocumentTab
from gui.packages.facts import Facts
from gui.packages.folders import FoldersTab
from gui.packages.overview import OverviewTab
from gui.theme import FontRole
from gui.widgets.card import Card
from gui.widgets.controls import IconButton, TabBar
from gui.widgets.labels import ElidedLabel
from gui.widgets.page import TaskOwner

_DELAY_S = 0.15
_MOST_HISTORY = 20


class PackageCard(Card):
    """What the row knows is there at once, the rest a moment after the last change.

    Signals: `package_wanted(hash)` to go to another package; `enlarged(bool)` to have all the room, or share it again.
    """

    package_wanted = Signal(str)
    enlarged = Signal(bool)

    def __init__(self, client: EngineClient, actions: Actions, facts: Facts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._instance = ""
        self._row: PackageRow | None = None
        self._asked: set[int] = set()  # tabs that have been filled, or are being
        self.details: PackageDetails | None = None
        self.tabs = TabBar(words.DETAILS, (words.OVERVIEW, words.DEPENDENCIES, words.FOLDERS, words.DOCUMENT))
        self.heading = ElidedLabel("", FontRole.STRONG)
        self.heading.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.enlarge_button = IconButton("enlarge", words.ENLARGE)
        self.enlarge_button.setCheckable(True)
        self.enlarge_button.toggled.connect(self._on_enlarge)
        self.close_button = IconButton("close", words.CLOSE_DETAILS)
        self.close_button.clicked.connect(lambda: actions.show_details.setChecked(False))
        self.overview = OverviewTab(facts)
        self.dependencies = DependenciesTab(client)
        self.folders = FoldersTab()
        self.document = DocumentTab()
        self.dependencies.package_wanted.connect(self.package_wanted)
        self.overview.ask_button.clicked.connect(self._on_ask_mirrors)
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.tabs)
        top.addWidget(self.heading, 1)
        top.addWidget(self.enlarge_button)
        top.addWidget(self.close_button)
        self._pages = QStackedWidget()
        self._tabs = (self.overview, self.dependencies, self.folders, self.document)
        for page in self._tabs:
            self._pages.addWidget(page)
        self.tabs.currentChanged.connect(self._on_tab)
        self.body.setContentsMargins(theme.CARD_PADDING, theme.SPACE_XS, theme.SPACE_S, theme.SPACE_S)
        self.body.setSpacing(theme.SPACE_XS)
        self.body.addLayout(top)
        self.body.addWidget(self._pages, 1)

    # ---- choosing ----

    def show_package(self, instance_id: str, row: PackageRow) -> None:
        """Show what `row` says, and what the engine says about it unless that is here already."""
        title = f"{row.name}@{row.version}  {short_hash(row.hash)}"
        self.heading.setText(title)
        self.setAccessibleName(f"{words.DETAILS}: {title}")
        self.show()
        same = self._row is not None and (self._instance, self._row) == (instance_id, row)
        if not same:
            self._instance, self._row = instance_id, row
            self._start_over()

    def again(self) -> None:
        """The database was read again."""
        if self._row is not None and self.isVisible():
            self._start_over()

    def show_nothing(self) -> None:
        self._row, self.details = None, None
        self.tasks.cancel_all()
        self.dependencies.tasks.cancel_all()
        self.enlarge_button.setChecked(False)
        self.hide()

    def mirrors_changed(self) -> None:
        """More is known about mirrors."""
        self.overview.mirrors_changed()

    def _start_over(self) -> None:
        if self._row is None:
            return
        self.tasks.cancel_all()
        self.dependencies.tasks.cancel_all()
        self._asked.clear()
        self.details = None
        self.overview.show_row(self._row)
        self._on_tab()

    def _on_tab(self) -> None:
        number = self.tabs.currentIndex()
        self._pages.setCurrentIndex(number)
        if self._row is not None and number not in self._asked:
            self._asked.add(number)
            self.tasks.start(self._fill(number, self._instance, self._row))

    def _on_enlarge(self, wanted: bool) -> None:
        self.enlarge_button.setToolTip(words.SHRINK if wanted else words.ENLARGE)
        self.enlarge_button.setAccessibleName(self.enlarge_button.toolTip())
        self.enlarged.emit(wanted)

    # ---- asking ----

    async def _fill(self, number: int, instance: str, row: PackageRow) -> None:
        page = self._tabs[number]
        page.show_instead(words.READING)
        await asyncio.sleep(_DELAY_S)
        try:
            if page is self.overview or page is self.document:
                await self._describe(instance, row)
            elif page is self.dependencies:
                self.dependencies.show_graph(instance, row, await self._client.call(PackageGraph(instance, row.hash)))
            elif page is self.folders:
                folders = await self._client.call(SizeByFolder(instance, row.hash))
                self.folders.show_folders(folders)
        except MirrordeckError as error:
            page.show_instead(error.info().sentence())
            self._asked.discard(number)  # so that choosing it again asks again
            return
        if page is self.overview:
            await self._find_holdings(instance, row, refresh=False)
            await self._find_history(row)

    async def _describe(self, instance: str, row: PackageRow) -> None:
        if self.details is None:
            self.details = await self._client.call(DescribePackage(instance, row.hash))
        self.overview.show_details(self.details)
        self.document.show_text(self.details.document)

    async def _find_history(self, row: PackageRow) -> None:
        found: list[HistoryEntry] = []
        try:
            await self._client.call(ListHistory(HistoryRequest(text=row.hash, most=_MOST_HISTORY)), found.extend)
        except MirrordeckError:
            return  # the History page tells about it
        self.overview.show_history([entry for entry in found if entry.hash == row.hash])

    def _on_ask_mirrors(self) -> None:
        if self._row is not None:
            self.overview.show_no_holdings(words.READING)
            self.tasks.start(self._find_holdings(self._instance, self._row, refresh=True))

    async def _find_holdings(self, instance: str, row: PackageRow, *, refresh: bool) -> None:
        def on_rows(rows: list[Holding]) -> None:
            self.overview.add_holdings(rows)

        try:
            await self._client.call(FindHoldings(instance, row.hash, refresh), on_rows)
        except MirrordeckError as error:
            self.overview.show_no_holdings(error.info().sentence())
