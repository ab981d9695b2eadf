# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Text in the kinds and tones of the theme."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QLabel, QSizePolicy, QWidget

from gui import theme
from gui.theme import FontRole


class Label(QLabel):
    """A plain-text label. `tone` is one of text, dim, faint, ok, warn, bad."""

    def __init__(
        self, text: str = "", role: FontRole = FontRole.BODY, tone: str = "text", parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        theme.use_font(self, role)
        self.setProperty("tone", tone)

    def set_tone(self, tone: str) -> None:
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            repolish(self)

    def make_selectable(self) -> Label:
        """Let people copy the text by mouse and keyboard."""
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        return self


class ElidedLabel(Label):
    """A label that gives way: text that does not fit ends in an ellipsis and is complete in the tooltip."""

    def __init__(
        self,
        text: str = "",
        role: FontRole = FontRole.BODY,
        tone: str = "text",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, role, tone, parent)
        self._mode = mode
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance("…"), super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(self.text(), self._mode, room.width())
        self.setToolTip(self.text() if shown != self.text() else "")
        painter = QPainter(self)
        self.style().drawItemText(
            painter, room, int(self.alignment()), self.palette(), self.isEnabled(), shown, self.foregroundRole()
        )


class WrappedLabel(Label):
    """A selectable label of several lines that gets the height it needs where layouts do not ask for it (splitters).

    Hidden while it says nothing.
    """

    def __init__(
        self, text: str = "", role: FontRole = FontRole.BODY, tone: str = "text", parent: QWidget | None = None
    ) -> None:
        super().__init__("", role, tone, parent)
        self.setWordWrap(True)
        policy = self.sizePolicy()
        policy.setVerticalPolicy(QSizePolicy.Policy.Fixed)  # more would only tear apart what belongs together
        self.setSizePolicy(policy)
        self.make_selectable()
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setVisible(bool(text))
        self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(0)  # what it was before counts as needed otherwise
        if self.text():
            self.setMinimumHeight(max(0, self.heightForWidth(self.width())))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


def repolish(widget: QWidget) -> None:
    """Apply the style sheet again after a property it asks for has changed."""
    style = widget.style() or QApplication.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()
