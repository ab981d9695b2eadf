# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How much is transferred at once, changed while it runs: a small window below its button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from core.foundation.errors import MirrordeckError
from gui import preferences, settings_words, theme
from gui.theme import FontRole
from gui.transfers import notice_words as words
from gui.widgets.controls import ComboBox
from gui.widgets.form_rows import FormRows
from gui.widgets.labels import Label

_PARALLEL = (1, 2, 4, 8, 16, 32)
_BANDWIDTHS = (None, *(count * 1_000_000 for count in (1, 5, 10, 50, 100)))


class LimitsPopover(QFrame):
    """Two choices that count at once and are kept, as on the Settings page. `failed(MirrordeckError)`."""

    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("table-frame")
        self.setAccessibleName(words.LIMITS)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.parallel = self._choice("parallel")
        self.bandwidth = self._choice("bytes_per_s")
        rows = FormRows()
        rows.add(settings_words.PARALLEL, self.parallel)
        rows.add(settings_words.BANDWIDTH, self.bandwidth)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_L, theme.SPACE_M, theme.SPACE_L, theme.SPACE_M)
        column.setSpacing(theme.SPACE_S)
        column.addWidget(rows)
        column.addWidget(Label(words.LIMITS_HINT, FontRole.SMALL, "dim"))

    def open_below(self, button: QWidget) -> None:
        """Show what is set now, its right edge below that of `button`."""
        now = preferences.now()
        _fill(self.parallel, _PARALLEL, now.parallel, str)
        _fill(self.bandwidth, _BANDWIDTHS, now.bytes_per_s, settings_words.per_second)
        self.adjustSize()
        corner = button.mapToGlobal(button.rect().bottomRight())
        self.move(corner.x() - self.width(), corner.y() + theme.SPACE_XS)
        self.show()
        self.parallel.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)

    def _choice(self, setting: str) -> ComboBox:
        combo = ComboBox()
        combo.activated.connect(lambda _place: self._change(setting, combo.currentData()))
        return combo

    def _change(self, setting: str, value: int | None) -> None:
        try:
            preferences.change(**{setting: value})
        except MirrordeckError as error:
            self.failed.emit(error)


def _fill(combo: ComboBox, usual: Sequence[Any], now: Any, text: Callable[[Any], str]) -> None:
    """Offer the usual values, and the one set now among them."""
    values = usual if now in usual else sorted((*usual, now), key=lambda value: (value is not None, value))
    combo.clear()
    for value in values:
        combo.addItem(text(value), value)
    combo.setCurrentIndex(values.index(now))
