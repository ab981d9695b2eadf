# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The selected key in full."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from core.foundation.text import visible
from core.services.keys_values import Key, MirrorKeys
from gui import theme
from gui.actions import Actions
from gui.keys import words
from gui.theme import FontRole
from gui.widgets.card import Card, Fact
from gui.widgets.controls import ActionButton
from gui.widgets.labels import ElidedLabel, Label

_FACTS = (words.FINGERPRINT, words.KIND, words.EXPIRES, words.PUBLISHED, words.COUNTS_ON, words.CREATED)
_COLUMNS = 3


class KeyCard(Card):
    """What there is to know about one key, and what can be done with it."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = ElidedLabel("", FontRole.STRONG)
        self.sentence = Label("", tone="dim")
        self.sentence.setWordWrap(True)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.heading, 1)
        for action in (actions.publish_keys, actions.export_keys, actions.untrust_keys):
            top.addWidget(ActionButton(action))
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.SPACE_XL)
        grid.setVerticalSpacing(theme.SPACE_M)
        self._facts: dict[str, Fact] = {}
        for place, caption in enumerate(_FACTS):
            fact = self._facts[caption] = Fact(caption, elide_mode=Qt.TextElideMode.ElideMiddle)
            fact.value.make_selectable()
            grid.addWidget(fact, place // _COLUMNS, place % _COLUMNS)
        for column, stretch in enumerate((4, 2, 1)):
            grid.setColumnStretch(column, stretch)
        self.body.addLayout(top)
        self.body.addWidget(self.sentence)
        self.body.addSpacing(theme.SPACE_XS)
        self.body.addLayout(grid)
        self.body.addStretch(1)

    def show_key(self, key: Key, mirrors: Sequence[MirrorKeys] | None) -> None:
        self.heading.setText(visible(key.user_id))
        self.sentence.setText(words.use_sentence(key))
        self.sentence.set_tone("bad" if key.problem else "dim")
        soon = words.expires_soon(key)
        self._facts[words.FINGERPRINT].set(words.fingerprint(key.fingerprint))
        self._facts[words.KIND].set(key.algorithm)
        self._facts[words.CREATED].set(words.day(key.created))
        self._facts[words.EXPIRES].set(words.expires(key), "warn" if soon else "text")
        self._facts[words.PUBLISHED].set(words.published_on(key, mirrors))
        self._facts[words.COUNTS_ON].set(words.counts_on(key, mirrors))

    def fact(self, caption: str) -> str:
        return self._facts[caption].value.text()
