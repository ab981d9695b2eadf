# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Why was this binary not used?"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from core.engine.calls.packages import ExplainReuse
from core.foundation.text import visible
from core.services.package_values import ReuseCandidate, ReuseView
from gui import theme
from gui.engine_client import EngineClient
from gui.packages import words
from gui.packages.asking_dialog import AskingDialog
from gui.widgets.cell import Index, Look, Role
from gui.widgets.controls import Button, ComboBox
from gui.widgets.labels import Label
from gui.widgets.list_model import ListModel
from gui.widgets.state_delegate import StateDelegate

_ItemRole = Qt.ItemDataRole
_VERDICT_LINES = 4


class Column(IntEnum):
    BINARY = 0
    MIRROR = 1
    REASON = 2


class CandidatesModel(ListModel[ReuseCandidate]):
    """The nearest binaries first, each with the decisive reason."""

    titles = words.CANDIDATE_COLUMNS

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        look = _look(row)
        texts = (visible(row.label), visible(row.mirror), look.word)
        if role == _ItemRole.DisplayRole:
            return texts[index.column()]
        if role == Role.LOOK and index.column() == Column.REASON:
            return look
        if role == Role.TONE and index.column() == Column.MIRROR:
            return "dim"
        if role == _ItemRole.AccessibleTextRole and index.column() == Column.BINARY:
            return ", ".join(texts)
        return None


def _look(row: ReuseCandidate) -> Look:
    icon, tone = {True: ("check", "ok"), False: ("cross", "bad"), None: ("circle", "dim")}[row.usable]
    reason = visible(row.reasons[0]) if row.reasons else words.USABLE if row.usable else words.NOT_TOLD
    return Look(icon, tone, reason)


class ReuseDialog(AskingDialog):
    """`wanted` is (query or /hash, shown text).

    `compare_requested(left, right)`: two sides for a comparison, each (query or /hash, mirror).
    """

    compare_requested = Signal(tuple, tuple)

    def __init__(
        self,
        client: EngineClient,
        instance_id: str,
        mirrors: Sequence[str],
        wanted: tuple[str, str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(words.REUSE_TITLE, words.CANDIDATES, parent=parent)
        self._client = client
        self._instance = instance_id
        self._meant = wanted
        self.wanted = QLineEdit(wanted[1])
        self.wanted.setAccessibleName(words.REUSE_WANTED)
        self.wanted.setPlaceholderText(words.REUSE_HINT)
        self.mirror_combo = ComboBox()
        self.mirror_combo.setAccessibleName(words.WHERE)
        self.mirror_combo.addItem(words.ALL_MIRRORS, "")
        for mirror in mirrors:
            self.mirror_combo.addItem(mirror, mirror)
        self.model = CandidatesModel(self)
        self._build_result()
        self._lay_out()

    def _build_result(self) -> None:
        self.settings = Label("", tone="warn")
        self.settings.setWordWrap(True)
        self.settings.make_selectable()
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(Column.REASON, StateDelegate(self.table))
        self.table.arrange(((Column.BINARY, 240), (Column.MIRROR, 120)), Column.REASON)
        self.table.selectionModel().currentRowChanged.connect(self._show_verdict)
        self.verdict = Label("")
        self.verdict.setWordWrap(True)
        self.verdict.make_selectable()
        self.verdict.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.verdict.setMinimumHeight(_VERDICT_LINES * self.verdict.fontMetrics().lineSpacing())
        self.look_button = Button(words.ASK_REUSE, primary=True)
        self.look_button.setDefault(True)
        self.look_button.clicked.connect(self.look)
        self.compare_button = Button(words.COMPARE_WITH_CANDIDATE)
        self.compare_button.clicked.connect(self._on_compare)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        label = Label(words.REUSE_WANTED, tone="dim")
        label.setBuddy(self.wanted)
        top.addWidget(label)
        top.addWidget(self.wanted, 1)
        top.addWidget(self.mirror_combo)
        top.addWidget(self.look_button)
        self.above.addLayout(top)
        self.above.addWidget(self.settings)
        self.below.addWidget(self.verdict)
        self.extra_buttons.addWidget(self.compare_button)

    def open(self) -> None:
        super().open()
        if self.wanted.text():
            self.look()
        else:
            self._show(ReuseView("", (), (), ()))
            self.wanted.setFocus()

    def asked(self) -> str:
        """What is asked about: a whole hash as long as nothing else is typed."""
        dag_hash, text = self._meant
        return dag_hash.removeprefix("/") if self.wanted.text() == text else self.wanted.text().strip()

    def look(self) -> None:
        """Ask the engine, which reads the mirrors' indexes."""
        if self.asked():
            self.settings.hide()
            self.ask_engine(self._look(), words.EXPLAINING)

    async def _look(self) -> None:
        mirror = str(self.mirror_combo.currentData())
        self._show(await self._client.call(ExplainReuse(self._instance, self.asked(), mirror)))

    def _show(self, view: ReuseView) -> None:
        against = [*view.settings, *words.mirror_notes(view.mirrors)]
        self.settings.setText("\n".join(map(visible, against)))
        self.settings.setVisible(bool(against))
        self.model.show(view.candidates)
        if view.candidates:
            self.pane.show_table()
            self.table.select_row(0)
            self.table.setFocus()
        else:
            self.show_instead(*(words.no_candidates(view.mirrors) if view.wanted else (words.REUSE_HINT,)))

    def show_instead(self, sentence: str, detail: str = "") -> None:
        self.model.show(())
        self.verdict.setText("")
        self.compare_button.setEnabled(False)
        super().show_instead(sentence, detail)

    def _current(self) -> ReuseCandidate | None:
        index = self.table.currentIndex()
        return self.model.rows[index.row()] if index.isValid() else None

    def _show_verdict(self) -> None:
        row = self._current()
        self.compare_button.setEnabled(row is not None)
        if row is not None:
            reasons = [f"{number}. {visible(text)}" for number, text in enumerate(row.reasons, 1)] or [_look(row).word]
            self.verdict.setText("\n".join((*reasons, *map(visible, row.notes))))

    def _on_compare(self) -> None:
        row = self._current()
        if row is not None:
            self.compare_requested.emit((self.asked(), ""), (row.hash, row.mirror))
