# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An error in full: what did not happen, why, what to do, and its details for whoever helps."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.foundation.errors import ErrorInfo
from gui import messages, theme
from gui.theme import FontRole
from gui.widgets.controls import Button
from gui.widgets.labels import Label


class ErrorText(QWidget):
    """Shows one `ErrorInfo`; hidden by `clear`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._details = ""
        self._title = Label("", FontRole.STRONG, "bad")
        self._why = Label("")
        self._remedies = Label("", tone="dim")
        self._copy = Button(messages.COPY_DETAILS, icon="copy")
        self._copy.clicked.connect(self._on_copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE_XS)
        for label in (self._title, self._why, self._remedies):
            label.setWordWrap(True)
            label.make_selectable()
            layout.addWidget(label)
        row = QHBoxLayout()
        row.addWidget(self._copy)
        row.addStretch()
        layout.addSpacing(theme.SPACE_XS)
        layout.addLayout(row)

    def show_error(self, error: ErrorInfo, details: str = "", *, tone: str = "bad") -> None:
        """`details` is added to what can be copied; `tone` is that of the title."""
        self._title.setText(error.title)
        self._title.set_tone(tone)
        self._why.setText(error.why)
        self._why.setVisible(bool(error.why))
        self._remedies.setText("\n".join(error.remedies))
        self._remedies.setVisible(bool(error.remedies))
        self._details = details_of(error, details)
        self.show()

    def clear(self) -> None:
        self._details = ""
        self.hide()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)


def details_of(error: ErrorInfo, details: str = "") -> str:
    """The error as text to paste into a mail."""
    lines = (error.title, error.why, *error.remedies, f"({error.code})", details)
    return "\n".join(line for line in lines if line)
