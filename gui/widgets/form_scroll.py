# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A form that scrolls where there is not room for all of it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QVBoxLayout, QWidget

from gui import theme

_LEAST_HEIGHT = 150


class FormScroll(QScrollArea):
    """Wants to be as high as `form`; where it cannot, what has the keyboard is in sight.

    `form_changed` follows every change of what it wants.
    """

    form_changed = Signal()

    def __init__(self, form: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = form
        self._content = content = QWidget()
        content.setObjectName("scroll-content")
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, theme.SPACE_M, 0)
        column.addWidget(form)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(_LEAST_HEIGHT)
        content.installEventFilter(self)
        QApplication.instance().focusChanged.connect(self._on_focus_changed)  # type: ignore[union-attr]

    def sizeHint(self) -> QSize:
        content = self._content
        layout = content.layout()
        width = max(self._width(), content.minimumSizeHint().width())
        height = layout.totalHeightForWidth(width) if layout is not None and layout.hasHeightForWidth() else 0
        return QSize(content.sizeHint().width(), max(height, content.sizeHint().height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest:
            self._fit()
            self.updateGeometry()
            self.form_changed.emit()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Scroll areas know nothing of text that wraps, and would squeeze the fields instead."""
        layout = self._content.layout()
        if layout is not None and layout.hasHeightForWidth():
            self._content.setMinimumHeight(layout.totalMinimumHeightForWidth(self._width()))

    def _width(self) -> int:
        """What the form gets of the width there is."""
        return min(self.viewport().width(), self._form.maximumWidth() + theme.SPACE_M)

    def minimumSizeHint(self) -> QSize:
        """It scrolls up and down only."""
        return super().minimumSizeHint().expandedTo(QSize(self._content.minimumSizeHint().width(), 0))

    def _on_focus_changed(self, _old: QWidget | None, now: QWidget | None) -> None:
        if now is not None and self._form.isAncestorOf(now):
            self.ensureWidgetVisible(now, 0, theme.SPACE_L)
