# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The selected entry in full."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from core.engine.calls.contents import DescribeEntry, DescribeFile, EntryGraph
from core.foundation.errors import MirrordeckError
from core.foundation.text import visible
from core.services.values import ContentsRow, EntryDetails
from gui import messages, theme
from gui.actions import Actions
from gui.contents import words
from gui.contents.files_tab import FilesTab
from gui.engine_client import EngineClient
from gui.packages import words as package_words
from gui.packages.graph_pane import GraphPane
from gui.theme import FontRole
from gui.widgets.card import Card, Fact
from gui.widgets.command_line import CommandLine
from gui.widgets.controls import ActionButton, IconButton, TabBar
from gui.widgets.labels import ElidedLabel, Label
from gui.widgets.mono_text import MonoText
from gui.widgets.page import TaskOwner

_DELAY_S = 0.15
_TEXT_HEIGHT = 84
_COLUMNS = 4
_MOST_LINES = 4
_FACTS = (
    *(words.ENTRY, words.SIZE, words.PUSHED, words.SIGNATURE),
    *(words.DIGEST, words.MEDIA_TYPE, words.IN_INDEX, words.OWNER),
)
_TABS = (words.OVERVIEW, words.COMMANDS, words.LAYERS, words.SPEC, words.PICTURE, words.FILES)
_PICTURE, _FILES = 4, 5


class EntryCard(Card):
    """Tabs about one entry. What the list knows is there at once, the rest a moment after the last change; the picture
    and the files once their tab is looked at.

    Signals: `package_wanted(hash)` to go to another package; `enlarged(bool)` to have all the room, or share it again.
    """

    package_wanted = Signal(str)
    enlarged = Signal(bool)

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._shown: tuple[str, str, str, str] | None = None
        self._row: ContentsRow | None = None
        self._at_hand = False
        self._filled: set[int] = set()  # tabs that have been asked for, of this entry
        self.details: EntryDetails | None = None
        self.tabs = TabBar(words.DETAILS, _TABS)
        self.heading = ElidedLabel("", FontRole.STRONG)
        self.heading.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.tabs)
        top.addWidget(self.heading, 1)
        top.addWidget(ActionButton(actions.show_installed))
        self.enlarge_button = IconButton("enlarge", package_words.ENLARGE)
        self.enlarge_button.setCheckable(True)
        self.enlarge_button.toggled.connect(self._on_enlarge)
        top.addWidget(self.enlarge_button)
        self._facts: dict[str, Fact] = {}
        self._problem = Label("", tone="warn")
        self.lines = [CommandLine() for _ in range(_MOST_LINES)]
        self._no_lines = Label("", tone="dim")
        self.layers = MonoText(words.LAYERS, least_height=_TEXT_HEIGHT)
        self.spec = MonoText(words.SPEC, least_height=_TEXT_HEIGHT)
        self.picture = GraphPane()
        self.picture.package_wanted.connect(self.package_wanted)
        self.files = FilesTab(client)
        pages = QStackedWidget()
        for page in (self._overview(), self._commands(), self.layers, self.spec, self.picture, self.files):
            pages.addWidget(page)
        self.tabs.currentChanged.connect(pages.setCurrentIndex)
        self.tabs.currentChanged.connect(lambda _tab: self._fill_tab())
        self.body.addLayout(top)
        self.body.addWidget(pages, 1)

    def _overview(self) -> QWidget:
        widget, layout = _column()
        layout.setSpacing(theme.SPACE_M)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.SPACE_XL)
        grid.setVerticalSpacing(theme.SPACE_M)
        for place, caption in enumerate(_FACTS):
            fact = self._facts[caption] = Fact(caption, elide_mode=Qt.TextElideMode.ElideMiddle)
            fact.value.make_selectable()
            grid.addWidget(fact, place // _COLUMNS, place % _COLUMNS)
        for column, stretch in enumerate((3, 2, 2, 3)):
            grid.setColumnStretch(column, stretch)
        self._problem.setWordWrap(True)
        self._problem.make_selectable()
        layout.addLayout(grid)
        layout.addWidget(self._problem)
        layout.addStretch(1)
        return widget

    def _commands(self) -> QWidget:
        widget, layout = _column()
        layout.setSpacing(0)
        layout.addWidget(self._no_lines)
        for line in self.lines:
            layout.addWidget(line)
        layout.addStretch(1)
        return widget

    def show_entry(self, instance_id: str, place: str, row: ContentsRow, *, at_hand: bool = False) -> None:
        """Show what `row` says, and what the engine says about it unless that is here already. What is `at_hand` costs
        nobody anything to read."""
        self._row, self._at_hand = row, at_hand
        wanted = (instance_id, place, row.key, row.manifest_digest)
        self._show_row(row)
        if wanted != self._shown:
            self._shown = wanted
            self.details = None
            self._filled.clear()
            self._show_rest(words.READING_DETAILS)
            self.tasks.cancel_all()
            self.files.forget()
            self.tasks.start(self._ask(DescribeEntry(instance_id, place, row.key)))
            if at_hand:
                self.tasks.start(self._ask_file(DescribeFile(instance_id, place, row.key)))

    def _on_enlarge(self, wanted: bool) -> None:
        self.enlarge_button.setToolTip(package_words.SHRINK if wanted else package_words.ENLARGE)
        self.enlarge_button.setAccessibleName(self.enlarge_button.toolTip())
        self.enlarged.emit(wanted)

    def show_nothing(self) -> None:
        self.enlarge_button.setChecked(False)
        self._shown = None
        self.leave()
        self.hide()

    def leave(self) -> None:
        """Ask nothing any more."""
        for owner in (self.tasks, self.files.tasks, self.picture.tasks):
            owner.cancel_all()

    async def _ask(self, call: DescribeEntry) -> None:
        await asyncio.sleep(_DELAY_S)
        try:
            self.details = await self._client.call(call)
        except MirrordeckError as error:
            self._show_rest(error.info().sentence())
            self._shown = None  # so that choosing it again asks again
        else:
            self._show_rest("")
            self._fill_tab()

    async def _ask_file(self, call: DescribeFile) -> None:
        await asyncio.sleep(_DELAY_S)
        try:
            facts = await self._client.call(call)
        except MirrordeckError:
            return  # nobody misses it
        self._facts[words.OWNER].set(words.file_text(facts) if facts is not None else messages.NONE)

    def _fill_tab(self) -> None:
        """Ask for what the tab in sight shows, once."""
        tab, row = self.tabs.currentIndex(), self._row
        if self._shown is None or row is None or tab in self._filled or self.details is None:
            return
        instance_id, place = self._shown[:2]
        if tab == _PICTURE:
            self._filled.add(tab)
            self.picture.show_instead(words.READING_PICTURE if self.details.spec is not None else words.NO_SPEC)
            if self.details.spec is not None:
                self.tasks.start(self._ask_graph(EntryGraph(instance_id, place, row.key)))
        elif tab == _FILES:
            self._filled.add(tab)
            self.files.show_package(instance_id, place, row, at_hand=self._at_hand)

    async def _ask_graph(self, call: EntryGraph) -> None:
        try:
            self.picture.show_graph(await self._client.call(call))
        except MirrordeckError as error:
            self.picture.show_instead(error.info().sentence())

    def _show_row(self, row: ContentsRow) -> None:
        facts = {
            words.ENTRY: visible(row.key),
            words.SIZE: words.size_text(row.stored_bytes, reading=False),
            words.PUSHED: words.moment(row.modified) if row.modified else "",
            words.DIGEST: row.manifest_digest or row.blob_digest,
            words.IN_INDEX: "" if row.in_index is None else words.IN_THE_INDEX if row.in_index else words.IN_NO_INDEX,
        }
        for caption, text in facts.items():
            self._facts[caption].set(text or messages.NONE)
        self._facts[words.OWNER].set(messages.NONE)
        self._show_problem(visible(row.problem))
        self.heading.setText(words.full_title(row))
        self.setAccessibleName(f"{words.DETAILS}: {words.full_title(row)}")
        self.show()

    def _show_rest(self, instead: str) -> None:
        """What the engine said; `instead` of it where it said nothing."""
        details = self.details
        lines = details.lines if details is not None else ()
        for number, widget in enumerate(self.lines):
            widget.show_line(lines[number] if number < len(lines) else None)
        self._no_lines.setText(instead or words.NO_COMMANDS)
        self._no_lines.setVisible(not lines)
        self.layers.setPlainText(words.details_text(details) if details is not None else instead)
        self.spec.setPlainText(words.spec_text(details) if details is not None else instead)
        self._facts[words.SIGNATURE].set(messages.NONE)
        if details is None:
            self._facts[words.MEDIA_TYPE].set(messages.NONE)
            self.picture.show_instead(instead)
            return
        if details.signature is not None:
            self._facts[words.SIGNATURE].set(*words.signature_text(details.signature))
        self._facts[words.MEDIA_TYPE].set(details.media_type or words.SPACK_MANIFEST)
        self._facts[words.DIGEST].set(details.manifest_digest or self._facts[words.DIGEST].value.text())
        if words.incomplete(details):
            self._show_problem(words.incomplete(details))

    def _show_problem(self, text: str) -> None:
        self._problem.setText(text)
        self._problem.setVisible(bool(text))

    def fact(self, caption: str) -> str:
        """What the overview says below `caption`."""
        return self._facts[caption].value.text()

    @property
    def problem(self) -> str:
        return self._problem.text()


def _column() -> tuple[QWidget, QVBoxLayout]:
    widget = QWidget()
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, theme.SPACE_XS, 0, 0)
    return widget, layout
