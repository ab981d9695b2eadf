# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A package at a glance: what it is, where it lies, how well it moves, and which mirrors have it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget

from core.foundation.text import format_bytes, visible
from core.services.history_values import HistoryEntry
from core.services.package_values import Holding, PackageDetails
from core.services.values import PackageRow
from gui import messages, theme
from gui.packages import words
from gui.packages.facts import Facts
from gui.packages.rows import compiler_text
from gui.theme import FontRole
from gui.widgets.card import Fact
from gui.widgets.controls import Button
from gui.widgets.labels import Label

_FACTS = (words.PREFIX, words.HASH, words.ARCHITECTURE, words.COMPILERS, words.INSTALLED, words.NAMESPACE)
_MORE_FACTS = (words.PACKAGE_HASH, words.IN_ENVIRONMENTS, words.BUILD_SPEC)
_MORE_TEXTS = (words.RELOCATION, words.FLAGS, words.MODULES)
_COLUMNS = 3


class OverviewTab(QScrollArea):
    """Facts, then longer texts, each with its caption."""

    def __init__(self, facts: Facts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known = facts
        self._row: PackageRow | None = None
        self._holdings: dict[str, Holding] = {}
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(words.OVERVIEW)
        inside = QWidget()
        inside.setObjectName("scroll-content")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, theme.SPACE_XS, theme.SPACE_S, theme.SPACE_XS)
        column.setSpacing(theme.SPACE_M)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.SPACE_XL)
        grid.setVerticalSpacing(theme.SPACE_S)
        self._facts: dict[str, Fact] = {}
        for place, caption in enumerate((*_FACTS, *_MORE_FACTS)):
            fact = self._facts[caption] = Fact(caption, elide_mode=Qt.TextElideMode.ElideMiddle)
            fact.value.make_selectable()
            grid.addWidget(fact, place // _COLUMNS, place % _COLUMNS)
        for place, stretch in enumerate((3, 2, 2)):
            grid.setColumnStretch(place, stretch)
        column.addLayout(grid)
        self._texts: dict[str, Paragraph] = {}
        self.ask_button = Button(words.ASK_MIRRORS, icon="retry")
        for caption in (words.VARIANTS, words.ON_MIRRORS, words.HISTORY, *_MORE_TEXTS):
            self._texts[caption] = Paragraph(caption)
            column.addWidget(self._texts[caption])
            if caption == words.ON_MIRRORS:
                column.addWidget(self.ask_button)
        column.addStretch(1)
        self.setWidget(inside)

    def fact(self, caption: str) -> str:
        """What is said below `caption`."""
        if caption in self._texts:
            return self._texts[caption].text()
        return self._facts[caption].value.text()

    def show_row(self, row: PackageRow) -> None:
        """What the table knows."""
        if self._row is None or self._row.hash != row.hash:
            self._holdings = {}
            self.verticalScrollBar().setValue(0)
            for caption in (*_MORE_FACTS, words.HISTORY, *_MORE_TEXTS):
                self._set(caption, "")
        self._row = row
        self._set(words.PREFIX, row.prefix)
        self._set(words.HASH, row.hash)
        self._set(words.ARCHITECTURE, f"{row.platform}-{row.os}-{row.target}")
        self._set(words.COMPILERS, compiler_text(row.compilers))
        self._set(words.INSTALLED, _moment(row.installed_at))
        self._set(words.NAMESPACE, row.namespace)
        self._set(words.VARIANTS, visible(row.variants))
        self.mirrors_changed()

    def show_details(self, details: PackageDetails) -> None:
        environments = ", ".join(details.environments)
        self._set(words.PACKAGE_HASH, details.package_hash)
        self._set(words.IN_ENVIRONMENTS, environments)
        self._set(words.BUILD_SPEC, details.build_spec)
        self._set(words.FLAGS, visible("  ".join(f"{name}={value}" for name, value in details.flags)))
        self._set(words.MODULES, visible(", ".join(details.external_modules)))
        self._set(words.RELOCATION, details.relocation.words if details.relocation is not None else "")

    def show_instead(self, _text: str) -> None:
        """The row's own facts are there already."""

    def add_holdings(self, rows: Sequence[Holding]) -> None:
        self._holdings.update((row.mirror, row) for row in rows)
        self.mirrors_changed()

    def show_history(self, entries: Sequence[HistoryEntry]) -> None:
        """What was done with this package on mirrors, the newest first."""
        self._set(words.HISTORY, "\n".join(map(history_line, entries)))

    def show_no_holdings(self, why: str) -> None:
        self._set(words.ON_MIRRORS, visible(why))

    def mirrors_changed(self) -> None:
        """Say for every mirror whether it has the package, as well as that is known."""
        if self._row is None:
            return
        now = time.time()
        lines = []
        for name, mirror in self._known.mirrors.items():
            holding = self._holdings.get(name)
            if holding is not None and (holding.present is not None or holding.error is not None):
                lines.append(holding_line(holding, now))
            else:
                lines.append(words.presence_line(mirror, self._row.hash in mirror.hashes, now))
        self._set(words.ON_MIRRORS, "\n".join(lines) or words.NO_MIRRORS)
        self.ask_button.setVisible(bool(lines))

    def _set(self, caption: str, text: str) -> None:
        if caption in self._texts:
            self._texts[caption].set(text)
        else:
            self._facts[caption].set(visible(text) or messages.NONE)


class Paragraph(QWidget):
    """A caption above a text of any length; hidden without one."""

    def __init__(self, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self._text = Label("")
        self._text.setWordWrap(True)
        self._text.make_selectable()
        self._text.setAccessibleName(caption)
        column.addWidget(Label(caption, FontRole.CAPTION, "dim"))
        column.addWidget(self._text)

    def set(self, text: str) -> None:
        self._text.setText(text)
        self.setVisible(bool(text))

    def text(self) -> str:
        return self._text.text()


def holding_line(holding: Holding, now: float) -> str:
    """`site-oci: yes, 12 MB, sha256:…, signed, as of 2 hours ago`."""
    if holding.present is None:
        why = visible(holding.error.sentence()) if holding.error is not None else words.NOT_KNOWN
        return f"{visible(holding.mirror)}: {why}"
    parts = [messages.YES if holding.present else messages.NO]
    if holding.present:
        parts.append(format_bytes(holding.stored_bytes) if holding.stored_bytes is not None else "")
        parts.append(visible(holding.manifest_digest or holding.blob_digest))
        parts.append({True: messages.SIGNED, False: messages.UNSIGNED, None: ""}[holding.signed])
    parts.append(words.as_of(holding.read_at, now) if holding.read_at is not None else "")
    return f"{visible(holding.mirror)}: {', '.join(part for part in parts if part)}"


def history_line(entry: HistoryEntry) -> str:
    """`2026-11-20 14:02  pushed: site-oci, by ann@login1`."""
    parts = (f"{entry.action}: {entry.where}", entry.detail, f"by {entry.who}" if entry.who else "")
    return visible(f"{_moment(entry.at)}  {', '.join(part for part in parts if part)}")


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M") if seconds else ""
