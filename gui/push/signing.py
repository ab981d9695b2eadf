# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether a push is signed, and with which key."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.mirrors.model import Mirror
from core.transfers.plan import PushPlan, Signing
from gui.push import words
from gui.widgets.controls import ComboBox
from gui.widgets.labels import ElidedLabel


class SigningChoice(QWidget):
    """A choice, or a sentence where there is none. `chosen` follows a person's choice."""

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = ""
        self.combo = ComboBox()
        self.combo.setAccessibleName(words.SIGNING)
        for choice in Signing:
            self.combo.addItem("", choice)
        self.combo.activated.connect(self.chosen)
        self.sentence = ElidedLabel(words.NOT_SIGNED, tone="dim")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.combo, 1)
        row.addWidget(self.sentence, 1)
        self.setFocusProxy(self.combo)
        self.set_possible(possible=True)

    @property
    def signing(self) -> Signing:
        return Signing(self.combo.currentData()) if not self.combo.isHidden() else Signing.AS_MIRROR

    def set_possible(self, *, possible: bool) -> None:
        """Registries keep no signatures."""
        self.combo.setVisible(possible)
        self.sentence.setVisible(not possible)

    def show_facts(self, mirror: Mirror | None, plan: PushPlan | None) -> None:
        """Say what each choice means for `mirror`, as far as `plan` knows."""
        if plan is not None and plan.key:
            self._key = words.key_text(plan.key, plan.key_owner)
        signs = mirror.signed if mirror is not None else None
        if plan is not None and plan.options.signing is Signing.AS_MIRROR:
            signs = bool(plan.key)
        for number in range(self.combo.count()):
            choice = Signing(self.combo.itemData(number))
            self.combo.setItemText(number, words.signing(choice, mirror_signs=signs, key=self._key))
