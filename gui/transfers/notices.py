# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What waits for a person, above the Transfers table: unfinished transfers, and mirrors that paused themselves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.transfers.model import HoldReason, MirrorHold
from gui import theme
from gui.transfers import notice_words as words
from gui.transfers.leftovers import Leftovers
from gui.widgets.banner import Banner
from gui.widgets.controls import Button


class ChoiceBanner(Banner):
    """A banner that stays until one of several buttons was pressed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, stacked=True)
        self._choices = QHBoxLayout()
        self._choices.setSpacing(theme.SPACE_S)
        self._choices.setContentsMargins(0, 0, 0, 0)
        place = QWidget()
        place.setLayout(self._choices)
        layout = self.layout()
        if layout is not None:
            layout.addWidget(place)

    def add_choice(self, text: str, tip: str = "") -> Button:
        button = Button(text)
        button.setToolTip(tip)
        self._choices.addWidget(button)
        return button


class OfferBanner(ChoiceBanner):
    """Offers what earlier runs left. `discard_wanted` has to be confirmed by a person."""

    discard_wanted = Signal()

    def __init__(self, leftovers: Leftovers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._leftovers = leftovers
        self.proceed = self.add_choice(words.CONTINUE)
        self.keep = self.add_choice(words.KEEP_PAUSED, words.WAITS_HERE)
        self.discard = self.add_choice(words.DISCARD, words.KEEPS_CACHES)
        self.proceed.clicked.connect(lambda: leftovers.proceed(paused=False))
        self.keep.clicked.connect(lambda: leftovers.proceed(paused=True))
        self.discard.clicked.connect(self.discard_wanted)

    def show_now(self, why_not: str) -> None:
        """Show what is left, or hide where nothing is. `why_not` says why nothing can be done about it, if so."""
        leftovers = self._leftovers
        if not leftovers.offers:
            self.clear()
            return
        for button, tip in ((self.proceed, ""), (self.keep, words.WAITS_HERE), (self.discard, words.KEEPS_CACHES)):
            button.setEnabled(not why_not and not leftovers.busy)
            button.setToolTip(why_not or tip)
        details = words.offer_details(leftovers.offers, time.time())
        self.show_notice(f"{words.unfinished(leftovers.count)}.", details, tone="info", closable=False)


class HoldBanner(ChoiceBanner):
    """Why a mirror paused itself, with what helps. Its signals carry the name of the mirror."""

    sign_in_wanted = Signal(str)
    go_on_wanted = Signal(str)
    give_up_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mirror = ""
        self._shown: tuple[object, ...] = ()
        self.sign_in = self.add_choice(words.SIGN_IN)
        self.go_on = self.add_choice(words.CONTINUE)
        self.give_up = self.add_choice(words.GIVE_UP, words.GIVE_UP_TIP)
        self.sign_in.clicked.connect(lambda: self.sign_in_wanted.emit(self.mirror))
        self.go_on.clicked.connect(lambda: self.go_on_wanted.emit(self.mirror))
        self.give_up.clicked.connect(lambda: self.give_up_wanted.emit(self.mirror))

    def show_holds(self, holds: Sequence[MirrorHold]) -> None:
        """Show the first of `holds`; the others follow when it is settled. Said anew only if there is something new:
        screen readers would read it again."""
        if not holds:
            self.clear()
            return
        hold = holds[0]
        key = (hold.mirror, hold.reason, hold.error, hold.waiting, hold.tries, len(holds))
        if key == self._shown and not self.isHidden():
            return
        self._shown, self.mirror = key, hold.mirror
        self.sign_in.setVisible(hold.reason is HoldReason.LOGIN)
        self.go_on.setText(words.go_on(hold))
        text = words.hold_text(hold, datetime.now().astimezone(), others=len(holds) - 1)
        self.show_notice(words.hold_title(hold), text, tone="warn", closable=False)
