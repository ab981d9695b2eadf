# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The selected mirror in full."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.foundation.text import visible
from core.services.values import MirrorRow
from gui import messages, theme
from gui.actions import Actions
from gui.mirrors import words
from gui.theme import FontRole
from gui.widgets.card import Card, Fact
from gui.widgets.controls import ActionButton, TabBar
from gui.widgets.labels import Label

_COLUMNS = 3
_YAML_HEIGHT = 100
_COMMENT = re.compile(r"\s# .*$")


class MirrorDetails(Card):
    """Tabs Overview and Spack YAML, and what can be done with the mirror."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tabs = TabBar(messages.MIRROR_DETAILS, (messages.OVERVIEW, messages.SPACK_YAML))
        self.push_button = ActionButton(actions.push_to_mirror, primary=True)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.tabs)
        top.addStretch(1)
        top.addWidget(ActionButton(actions.copy_address))
        top.addWidget(ActionButton(actions.open_mirror_folder))
        top.addWidget(ActionButton(actions.browse_contents))
        top.addWidget(self.push_button)
        self._facts: dict[str, Fact] = {}
        self._problem = Label("", tone="bad")
        self.yaml = QPlainTextEdit()
        self.yaml.setReadOnly(True)
        self.yaml.setFont(theme.font(FontRole.MONO))
        self.yaml.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.yaml.setAccessibleName(messages.SPACK_YAML)
        self.yaml.setTabChangesFocus(True)
        self.yaml.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.yaml.setMinimumHeight(_YAML_HEIGHT)
        self._dimmer = _CommentDimmer(self.yaml.document())
        pages = QStackedWidget()
        pages.addWidget(self._overview())
        pages.addWidget(self.yaml)
        self.tabs.currentChanged.connect(pages.setCurrentIndex)
        self.body.addLayout(top)
        self.body.addWidget(pages, 1)

    def _overview(self) -> QWidget:
        widget = QWidget()
        layout = QVBoxLayout(widget)
        layout.setContentsMargins(0, theme.SPACE_XS, 0, 0)
        layout.setSpacing(theme.SPACE_M)
        self._problem.setWordWrap(True)
        self._problem.make_selectable()
        layout.addWidget(self._problem)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.SPACE_XL)
        grid.setVerticalSpacing(theme.SPACE_M)
        captions = (
            messages.PUSH_ADDRESS,
            messages.FETCH_ADDRESS,
            messages.CONTAINS,
            messages.INDEX,
            messages.MAY_PUSH,
            messages.SPACE,
            messages.LOGIN,
        )
        places = [*range(len(captions) - 1), len(captions) - 2]  # folders have no login, others no free space
        for place, caption in zip(places, captions, strict=True):
            middle = Qt.TextElideMode.ElideMiddle  # the ends of addresses are what tells them apart
            fact = self._facts[caption] = Fact(caption, elide_mode=middle)
            fact.value.make_selectable()
            grid.addWidget(fact, place // _COLUMNS, place % _COLUMNS)
        for column in range(_COLUMNS):
            grid.setColumnStretch(column, 1)
        layout.addLayout(grid)
        layout.addStretch(1)
        return widget

    def show_mirror(self, row: MirrorRow) -> None:
        mirror = row.mirror
        look, lacks = words.status_look(row), words.login_lacks(row)
        in_trouble = look.tone in ("bad", "warn")
        self._problem.setText(words.status_tip(row) if in_trouble else words.login_tip(row) if lacks else "")
        self._problem.set_tone(look.tone if in_trouble else "warn")
        self._problem.setVisible(bool(self._problem.text()))
        self._fit_problem()
        facts = {
            messages.PUSH_ADDRESS: visible(words.push_address(mirror)),
            messages.FETCH_ADDRESS: visible(words.fetch_address(mirror)),
            messages.CONTAINS: words.contains_text(mirror),
            messages.INDEX: words.index_text(row),
            messages.MAY_PUSH: words.may_push_text(row),
            messages.LOGIN: visible(words.login_text(row)),
            messages.SPACE: messages.free_space(row.free_bytes) if row.free_bytes is not None else messages.NONE,
        }
        for caption, text in facts.items():
            self._facts[caption].set(text or messages.NONE)
        self._facts[messages.LOGIN].setToolTip(words.login_tip(row))
        self._facts[messages.LOGIN].setVisible(row.login is not None)
        self._facts[messages.SPACE].setVisible(row.login is None)
        lines = words.yaml_lines(mirror)
        width = max((len(text) for text, _ in lines), default=0) + 3
        self.yaml.setPlainText("\n".join(f"{visible(text):<{width}} # {visible(origin)}" for text, origin in lines))
        self.setAccessibleName(f"{messages.MIRROR_DETAILS}: {mirror.name}")

    def _fit_problem(self) -> None:
        """A splitter does not know that wrapped text needs more height when it is narrow."""
        margins = self.body.contentsMargins()
        width = self.width() - margins.left() - margins.right()
        self._problem.setMinimumHeight(max(0, self._problem.heightForWidth(width)))

    def fact(self, caption: str) -> str:
        """What the overview says below `caption`."""
        return self._facts[caption].value.text()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_problem()


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
