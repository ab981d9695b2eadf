# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The selected mirror in full."""

from __future__ import annotations

import asyncio
import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from core.engine.calls.mirrors import DescribeMirror
from core.foundation.errors import MirrordeckError
from core.foundation.text import visible
from core.services.mirror_values import MirrorDetails
from core.services.values import MirrorRow
from gui import messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.mirrors import testing_words, words
from gui.mirrors.connection import ConnectionView
from gui.mirrors.testing import MirrorTests
from gui.mirrors.users import UsersView
from gui.widgets.card import Card, Fact
from gui.widgets.controls import ActionButton, TabBar
from gui.widgets.labels import WrappedLabel
from gui.widgets.mono_text import MonoText
from gui.widgets.page import TaskOwner

_COLUMNS = 4
_YAML_HEIGHT = 90
_DELAY_S = 0.15
_COMMENT = re.compile(r"(^|\s)# .*$")
_CAPTIONS = (
    messages.PUSH_ADDRESS,
    messages.FETCH_ADDRESS,
    messages.CONTAINS,
    messages.SCOPE,
    messages.INDEX,
    messages.MAY_PUSH,
    messages.SPACE,
    messages.LOGIN,
)
OVERVIEW, USERS, CONNECTION, YAML = range(4)


class MirrorCard(Card):
    """Tabs about one mirror, and what can be done with it. What the list knows is there at once, the rest a moment
    after the last change."""

    def __init__(
        self, client: EngineClient, actions: Actions, tests: MirrorTests, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self.details: MirrorDetails | None = None
        self._client = client
        self._tests = tests
        self._row: MirrorRow | None = None
        names = (messages.OVERVIEW, words.USERS, testing_words.CONNECTION, messages.SPACK_YAML)
        self.tabs = TabBar(messages.MIRROR_DETAILS, names)
        self.push_button = ActionButton(actions.push_to_mirror)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.tabs)
        top.addStretch(1)
        test, edit, browse = map(ActionButton, (actions.test_mirrors, actions.edit_mirror, actions.browse_contents))
        self._buttons = (edit, test, browse, self.push_button)
        for button in self._buttons:
            top.addWidget(button)
        self._spared = (test, edit, browse)
        self._facts: dict[str, Fact] = {}
        self._problem = WrappedLabel(tone="bad")
        self.users = UsersView()
        self.connection = ConnectionView(tests)
        self.yaml = MonoText(messages.SPACK_YAML, least_height=_YAML_HEIGHT)
        self._dimmer = _CommentDimmer(self.yaml.document())
        self._pages = QStackedWidget()
        for page in (self._overview(), self.users, self.connection, self.yaml):
            self._pages.addWidget(page)
        self.tabs.currentChanged.connect(self._pages.setCurrentIndex)
        tests.changed.connect(self._on_tested)
        self.body.addLayout(top)
        self.body.addWidget(self._pages, 1)

    def _overview(self) -> QWidget:
        widget = QWidget()
        layout = QVBoxLayout(widget)
        layout.setContentsMargins(0, theme.SPACE_XS, 0, 0)
        layout.setSpacing(theme.SPACE_M)
        layout.addWidget(self._problem)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.SPACE_XL)
        grid.setVerticalSpacing(theme.SPACE_M)
        places = [*range(len(_CAPTIONS) - 1), len(_CAPTIONS) - 2]  # folders have no login, others no free space
        for place, caption in zip(places, _CAPTIONS, strict=True):
            middle = Qt.TextElideMode.ElideMiddle  # the ends of addresses are what tells them apart
            fact = self._facts[caption] = Fact(caption, elide_mode=middle)
            fact.value.make_selectable()
            grid.addWidget(fact, place // _COLUMNS, place % _COLUMNS)
        for column in range(_COLUMNS):
            grid.setColumnStretch(column, 1)
        layout.addLayout(grid)
        layout.addStretch(1)
        return widget

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_buttons()

    def _fit_buttons(self) -> None:
        """Where large text leaves no room for all tabs, what keys do as well gives way."""
        room = self.contentsRect().width() - 2 * theme.CARD_PADDING - self.tabs.sizeHint().width()
        needed = sum(button.sizeHint().width() + theme.SPACE_S for button in self._buttons)
        for button in self._spared:
            button.setVisible(needed <= room)
            needed -= (button.sizeHint().width() + theme.SPACE_S) * button.isHidden()

    # ---- showing ----

    def show_mirror(self, instance_id: str, row: MirrorRow) -> None:
        """Show what `row` says, and ask the engine for the rest."""
        other = self._row is None or self._row.mirror.name != row.mirror.name
        self._row = row
        if other:
            self.details = None
        self._show_row()
        self._show_details(messages.MIRRORS_READING)
        self.connection.show_mirror(row.mirror.name)
        self.setAccessibleName(f"{messages.MIRROR_DETAILS}: {row.mirror.name}")
        self.tasks.cancel_all()
        self.tasks.start(self._ask(DescribeMirror(instance_id, row.mirror.name)))

    def show_tab(self, number: int) -> None:
        self.tabs.setCurrentIndex(number)

    async def _ask(self, call: DescribeMirror) -> None:
        await asyncio.sleep(_DELAY_S)
        try:
            self.details = await self._client.call(call)
        except MirrordeckError as error:
            self.details = None
            self._show_details(error.info().sentence())
        else:
            self._show_details("")

    def _show_row(self) -> None:
        row = self._row
        if row is None:
            return
        mirror = row.mirror
        tests, lacks = self._tests, words.login_lacks(row)
        test, failure, running = tests.result(mirror.name), tests.failure(mirror.name), tests.is_running(mirror.name)
        look = words.status_look(row, test, running=running, failure=failure)
        in_trouble = look.tone in ("bad", "warn")
        self._problem.setText(
            words.status_tip(row, test, failure) if in_trouble else words.login_tip(row) if lacks else ""
        )
        self._problem.set_tone(look.tone if in_trouble else "warn")
        facts = {
            messages.PUSH_ADDRESS: visible(words.push_address(mirror)),
            messages.FETCH_ADDRESS: visible(words.fetch_address(mirror)),
            messages.CONTAINS: words.contains_text(mirror),
            messages.SCOPE: visible(mirror.scope),
            messages.INDEX: words.index_text(row),
            messages.MAY_PUSH: words.may_push_text(row, test),
            messages.LOGIN: visible(words.login_text(row)),
            messages.SPACE: messages.free_space(row.free_bytes) if row.free_bytes is not None else messages.NONE,
        }
        for caption, text in facts.items():
            self._facts[caption].set(text or messages.NONE)
        self._facts[messages.LOGIN].setToolTip(words.login_tip(row))
        self._facts[messages.LOGIN].setVisible(row.login is not None)
        self._facts[messages.SPACE].setVisible(row.login is None)

    def _show_details(self, instead: str) -> None:
        """What the engine said; `instead` of it where it said nothing (yet)."""
        details = self.details
        self.users.show_details(details, instead)
        self.yaml.setPlainText(words.yaml_text(details) if details is not None else instead)
        if details is not None:
            scope = self._facts[messages.SCOPE]
            scope.set(words.origins_text(details) or messages.NONE)
            scope.setToolTip(words.origins_tip(details))

    def _on_tested(self, mirror: str) -> None:
        if self._row is not None and mirror == self._row.mirror.name:
            scope = self._facts[messages.SCOPE].value.text()
            self._show_row()
            self._facts[messages.SCOPE].set(scope)

    def fact(self, caption: str) -> str:
        """What the overview says below `caption`."""
        return self._facts[caption].value.text()


class _CommentDimmer(QSyntaxHighlighter):
    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        theme.changed.connect(self.rehighlight)

    def highlightBlock(self, text: str) -> None:
        found = _COMMENT.search(text)
        if found:
            dim = QTextCharFormat()
            dim.setForeground(theme.color("faint"))
            self.setFormat(found.start(), len(text) - found.start(), dim)
