# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The cards around the Transfers table: everything at a glance, a push that has ended, a row that has failed."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from core.transfers.model import ItemState, PushStatus, RowKind, TransferRow
from gui import icons, messages, theme
from gui.theme import FontRole
from gui.transfers import words
from gui.transfers.state import TransfersState
from gui.widgets.bar_delegate import percent
from gui.widgets.bars import Bar
from gui.widgets.card import Card, Fact
from gui.widgets.controls import ActionButton, Button
from gui.widgets.error_text import ErrorText
from gui.widgets.labels import ElidedLabel, Label

_WORDS_HEIGHT = 150


class OverallCard(Card):
    """Per cent, bytes, what happens now, one bar, and four figures."""

    def __init__(self, state: TransfersState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.head = Label("", FontRole.STRONG)
        self.bytes = Label("")
        self.doing = ElidedLabel("", tone="dim")
        self.doing.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.bar = Bar()
        self.bar.setAccessibleName(words.OVERALL_BAR)
        self.rate = Fact(words.RATE, big=True)
        self.left = Fact(words.TIME_LEFT, big=True)
        self.present = Fact(words.ALREADY_THERE, big=True)
        self.failed = Fact(words.FAILED, big=True)
        facts = (self.rate, self.left, self.present, self.failed)
        line = QHBoxLayout()
        line.setSpacing(theme.SPACE_M)
        line.addWidget(self.head)
        line.addWidget(self.bytes)
        line.addWidget(self.doing, 1)
        left = QVBoxLayout()
        left.setSpacing(theme.SPACE_S)
        left.addStretch()
        left.addLayout(line)
        left.addWidget(self.bar)
        left.addStretch()
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_XL)
        row.addLayout(left, 1)
        for fact in facts:
            fact.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            fact.setMinimumWidth(fact.caption.fontMetrics().horizontalAdvance("ALREADY"))
            row.addWidget(fact)
        self.body.addLayout(row)

    def show_now(self) -> None:
        """Read everything from the state again."""
        totals = self._state.overall
        moves = totals.active and bool(self._state.moving or not self._state.paused)
        self.rate.set(words.rate(totals) if moves else messages.NONE)
        self.left.set(words.time_left(totals) if moves else messages.NONE)
        self.present.set(f"{totals.present:,}")
        self.failed.set(f"{totals.failed:,}", "bad" if totals.failed else "text")
        self.bytes.setText(words.overall_bytes(totals) if totals.total_bytes else "")
        if totals.active:
            share = totals.done_bytes / totals.total_bytes if totals.total_bytes else None
            self.head.setText(words.COUNTING if share is None else percent(share))
            self.bar.set_share(share)
        else:
            self.head.setText(words.STOPPED if totals.cancelled else words.FINISHED)
            share = totals.done_bytes / totals.total_bytes if totals.cancelled and totals.total_bytes else 1.0
            self.bar.set_share(share, "accent" if totals.failed or totals.cancelled else "ok")
        self.doing.setText(self._doing())

    def _doing(self) -> str:
        totals, moving = self._state.overall, self._state.moving
        if self._state.paused and totals.active:
            return words.PAUSING if moving else f"{words.PAUSED}, {words.waiting_count(totals.waiting)}"
        return words.phases(moving, totals.waiting)


class PushSummary(QFrame):
    """One line about a push that has ended. `retry_wanted(row ids)`."""

    retry_wanted = Signal(tuple)

    def __init__(self, state: TransfersState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._state = state
        self._push: PushStatus | None = None
        self._failed: tuple[str, ...] = ()
        self._image = ""
        self._picture = QLabel()
        self._title = Label("", FontRole.STRONG)
        self.text = Label("")
        self.text.setWordWrap(True)
        self.text.make_selectable()
        self.retry = Button(words.RETRY_FAILED, flat=True)
        self.retry.clicked.connect(lambda: self.retry_wanted.emit(self._failed))
        self.copy_image = Button(words.COPY_IMAGE_NAME, flat=True)
        self.copy_image.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._image))
        self.copy = Button(words.COPY_REPORT, flat=True)
        self.copy.clicked.connect(self._on_copy)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.CARD_PADDING, theme.SPACE_XS, theme.SPACE_S, theme.SPACE_XS)
        layout.setSpacing(theme.SPACE_S)
        layout.addWidget(self._picture)
        layout.addWidget(self._title)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.retry)
        layout.addWidget(self.copy_image)
        layout.addWidget(self.copy)
        self.hide()

    def show_push(self, push: PushStatus | None) -> None:
        """Show `push`, or hide for None and for a push that goes on."""
        if push == self._push:
            return
        self._push = push
        self.setVisible(push is not None and push.ended)
        if push is None or not push.ended:
            return
        rows = self._state.rows_of(push.id)
        self._failed = tuple(row.id for row in rows if row.state is ItemState.FAILED)
        image = self._state.closing_row(push.id, RowKind.TAG)
        self._image = image.image if image is not None else ""
        name, tone = ("warning", "warn") if self._failed or any(row.missing for row in rows) else ("check", "ok")
        if push.totals.cancelled and not self._failed:
            name, tone = "slash", "dim"
        icons.bind_label(self._picture, name, tone)
        self._title.setText(words.push_title(push))
        self.text.setText(self.summary(push, rows))
        self.retry.setVisible(bool(self._failed))
        self.copy_image.setVisible(bool(self._image))
        self.setAccessibleName(f"{self._title.text()}: {self.text.text()}")

    def summary(self, push: PushStatus, rows: list[TransferRow]) -> str:
        image, index = (self._state.closing_row(push.id, kind) for kind in (RowKind.TAG, RowKind.INDEX))
        return words.push_summary(push, self._state.package_totals([push]), rows, image=image, index=index)

    def _on_copy(self) -> None:
        if self._push is not None:
            rows = self._state.rows_of(self._push.id)
            skipped = self._state.skipped.get(self._push.id, ())
            text = words.report(self._push, self.summary(self._push, rows), rows, skipped, self._state.label)
            QGuiApplication.clipboard().setText(text)


class WordsArea(QScrollArea):
    """As high as the words inside need, within limits; longer ones are scrolled."""

    def __init__(self, words_inside: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = QWidget()
        self._content.setObjectName("scroll-content")
        layout = QVBoxLayout(self._content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(words_inside)
        layout.addStretch()
        self.setWidget(self._content)
        self.setWidgetResizable(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def heightForWidth(self, width: int) -> int:
        return min(self._content.heightForWidth(width), _WORDS_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 2 * theme.comfortable_height())


class FailureCard(Card):
    """Why a row has failed, or what its image lacks, and what to do."""

    def __init__(self, state: TransfersState, retry: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setAccessibleName(words.FAILURE_PANEL)
        self.error = ErrorText()
        self.retry = ActionButton(retry)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_M)
        self._area = WordsArea(self.error)
        row.addWidget(self._area, 1)
        row.addWidget(self.retry, 0, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(row)
        self.hide()

    def show_row(self, row: TransferRow | None) -> None:
        """Show what is wrong with `row`; hide where nothing is."""
        if row is None or (row.error is None and not row.missing):
            self.hide()
            return
        can_retry = bool(self._state.remedy_rows(row))
        error = row.error or words.incomplete_error(row, self._state.label, can_retry=can_retry)
        tone = "bad" if row.error is not None else "warn"
        self.error.show_error(error, words.spoken(row, None, paused=False), tone=tone)
        self.retry.setVisible(can_retry)
        self.show()
        self._area.updateGeometry()  # a scroll area does not pass on that its words need more room now
