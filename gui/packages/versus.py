# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Everything installed against everything a mirror has."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.engine.calls.presence import CompareInstalled
from core.foundation.text import format_bytes, short_hash, visible
from core.services.package_values import InstalledVersusMirror, RemotePackage
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.packages import words
from gui.packages.asking_dialog import AskingDialog
from gui.widgets.card import Card, Fact
from gui.widgets.cell import Index, Role
from gui.widgets.controls import Button, ComboBox
from gui.widgets.labels import ElidedLabel, Label
from gui.widgets.list_model import ListModel
from gui.widgets.package_delegate import PackageDelegate

_ItemRole = Qt.ItemDataRole


class RemoteModel(ListModel[RemotePackage]):
    """Packages a mirror has and the instance has not."""

    titles = words.VERSUS_COLUMNS

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        size = format_bytes(row.stored_bytes) if row.stored_bytes is not None else messages.NONE
        if role == _ItemRole.DisplayRole:
            return (visible(row.name), visible(row.target), size)[index.column()]
        if role == Role.DETAIL and index.column() == 0:
            return (visible(row.version), short_hash(row.hash))
        if role == _ItemRole.AccessibleTextRole and index.column() == 0:
            return f"{row.name} {row.version}, {short_hash(row.hash)}, {row.target}, {size}"
        return None


class VersusDialog(AskingDialog):
    """`push_requested(hashes, mirror)` closes it."""

    push_requested = Signal(tuple, str)

    def __init__(
        self, client: EngineClient, instance_id: str, mirrors: Sequence[str], first: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(words.VERSUS_TITLE, words.MISSING_HERE_NAME, parent=parent)
        self._client = client
        self._instance = instance_id
        self._answer: InstalledVersusMirror | None = None
        self.mirror_combo = ComboBox()
        self.mirror_combo.setAccessibleName(words.WHERE)
        for mirror in mirrors:
            self.mirror_combo.addItem(mirror, mirror)
        self.mirror_combo.setCurrentIndex(max(0, self.mirror_combo.findData(first)))
        self.sentence = ElidedLabel("", tone="dim")
        captions = (words.MISSING_THERE, words.MISSING_HERE, words.IN_BOTH, words.HELD_BACK)
        self.facts = {caption: Fact(caption, big=True) for caption in captions}
        self.model = RemoteModel(self)
        self.table.setModel(self.model)
        self.table.setItemDelegateForColumn(0, PackageDelegate(self.table))
        self.table.arrange(((1, 120), (2, 96)), 0)
        self.again_button = Button(words.LOOK_AGAIN, icon="retry")
        self.push_button = Button(words.PUSH_MISSING, primary=True)
        self.push_button.setDefault(True)
        self._lay_out()
        self.mirror_combo.currentIndexChanged.connect(lambda _at: self.compare(refresh=False))
        self.again_button.clicked.connect(lambda: self.compare(refresh=True))
        self.push_button.clicked.connect(self._on_push)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.mirror_combo)
        top.addWidget(self.sentence, 1)
        card = Card()
        facts = QHBoxLayout()
        facts.setSpacing(theme.SPACE_XL)
        for fact in self.facts.values():
            facts.addWidget(fact, 1)
        card.body.addLayout(facts)
        self.above.addLayout(top)
        self.above.addWidget(card)
        self.above.addWidget(Label(words.MISSING_HERE_NAME, tone="dim"))
        self.extra_buttons.addWidget(self.again_button)
        self.buttons.addWidget(self.push_button)

    def open(self) -> None:
        super().open()
        self.compare(refresh=False)

    def compare(self, *, refresh: bool) -> None:
        """Ask the engine; with `refresh` it asks the mirror."""
        self._answer = None
        self.ask_engine(self._compare(str(self.mirror_combo.currentData()), refresh=refresh), words.COMPARING)

    async def _compare(self, mirror: str, *, refresh: bool) -> None:
        answer = await self._client.call(CompareInstalled(self._instance, mirror, refresh))
        if not refresh and answer.mirror.read_at is None and answer.mirror.error is None:
            answer = await self._client.call(CompareInstalled(self._instance, mirror, refresh=True))
        self._show(answer)

    def _show(self, answer: InstalledVersusMirror) -> None:
        known = answer.mirror
        if known.read_at is None:
            self.show_instead(words.why_unknown(known))
            return
        self._answer = answer
        error = known.error.sentence() if known.error is not None else ""
        told = words.versus_sentence(known.read_at, answer.missing_there_bytes, answer.missing_here_bytes)
        self.sentence.setText(messages.sentences(told, error))
        for caption, count in (
            (words.MISSING_THERE, len(answer.missing_there)),
            (words.MISSING_HERE, len(answer.missing_here)),
            (words.IN_BOTH, len(answer.both)),
            (words.HELD_BACK, len(answer.held_back)),
        ):
            self.facts[caption].set(f"{count:,}")
        self.model.show(answer.missing_here)
        if answer.missing_here:
            self.pane.show_table()
        else:
            super().show_instead(words.NOTHING_MISSING_HERE)
        self.push_button.setEnabled(bool(answer.missing_there))
        self.push_button.setText(words.push_count(len(answer.missing_there)))
        self.push_button.setToolTip("" if answer.missing_there else words.WHY_NOT_MISSING)

    def show_instead(self, sentence: str, detail: str = "") -> None:
        self.model.show(())
        self.sentence.setText("")
        for fact in self.facts.values():
            fact.set(messages.NONE)
        self.push_button.setEnabled(False)
        super().show_instead(sentence, detail)

    def _on_push(self) -> None:
        if self._answer is not None and self._answer.missing_there:
            self.accept()
            self.push_requested.emit(self._answer.missing_there, self._answer.mirror.mirror)
