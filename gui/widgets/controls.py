# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Buttons, check boxes and choices in the look of the theme."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QTabBar,
    QToolButton,
    QWidget,
)

from gui import icons, theme

INDICATOR = 16


class Button(QPushButton):
    """A push button. At most one per page or dialog is `primary`; `flat` is for actions beside text."""

    def __init__(
        self, text: str, *, primary: bool = False, flat: bool = False, icon: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self.setProperty("primary", primary)
        self.setProperty("flat", flat)
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        if icon:
            icons.bind(self, icon, "on_accent" if primary else "accent" if flat else "text")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return presses the button that has the focus, never the default one instead of it."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class ActionButton(Button):
    """A button that does, says and allows what `action` does."""

    def __init__(
        self,
        action: QAction,
        *,
        primary: bool = False,
        flat: bool = False,
        icon: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", primary=primary, flat=flat, icon=icon, parent=parent)
        self._action = action
        self.clicked.connect(action.trigger)
        action.changed.connect(self._on_action_changed)
        self._on_action_changed()

    def _on_action_changed(self) -> None:
        self.setText(self._action.text())
        self.setEnabled(self._action.isEnabled())
        self.setToolTip(self._action.toolTip())


class IconButton(QToolButton):
    """A button that is only an icon; `name` is its accessible name and tooltip."""

    def __init__(self, icon: str, name: str, *, tone: str = "dim", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        icons.bind(self, icon, tone)
        self.setIconSize(QSize(theme.ICON_SMALL, theme.ICON_SMALL))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)
        self.setToolTip(name)


class CheckBox(QCheckBox):
    """A check box with the theme's indicator."""

    def sizeHint(self) -> QSize:
        return _marked_size(self)

    def minimumSizeHint(self) -> QSize:
        return _marked_size(self)

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_check(painter, _mark_rect(self), self.checkState(), enabled=self.isEnabled(), focused=self.hasFocus())
        _paint_text(self, painter)


class ComboBox(QComboBox):
    """A choice whose arrow is drawn in the theme's colours."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)

    def fitting_text(self, text: str, room: int) -> str:
        """As much of `text` as `room` pixels can show."""
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        option.currentText = self.fitting_text(option.currentText or self.placeholderText(), room)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        size = theme.ICON_SMALL
        spot = QPoint(self.width() - size - theme.SPACE_S, (self.height() - size) // 2)
        tone = "dim" if self.isEnabled() else "control_line"
        painter.drawPixmap(spot, icons.pixmap("chevron-down", tone, self.devicePixelRatioF()))


class TabBar(QTabBar):
    """Underlined tabs; the one with the keyboard has the focus ring."""

    def __init__(self, name: str, texts: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setExpanding(False)
        self.setDrawBase(False)
        for text in texts:
            self.addTab(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color("accent"), 2.0))
            ring = QRectF(self.tabRect(self.currentIndex())).adjusted(1, 1, -1, -3)
            painter.drawRoundedRect(ring, 4, 4)


def paint_check(
    painter: QPainter, rect: QRect, state: Qt.CheckState, *, enabled: bool = True, focused: bool = False
) -> None:
    """Paint a check mark box of `INDICATOR` size in the middle of `rect`."""
    box = QRectF(0, 0, INDICATOR - 2, INDICATOR - 2)
    box.moveCenter(QRectF(rect).center())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    filled = state is not Qt.CheckState.Unchecked
    if filled:
        painter.setBrush(theme.color("accent" if enabled else "control_line"))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(box.adjusted(-0.6, -0.6, 0.6, 0.6), 4, 4)
    else:
        painter.setBrush(theme.color("surface" if enabled else "track"))
        painter.setPen(QPen(theme.color("control_line" if enabled else "line"), 1.3))
        painter.drawRoundedRect(box, 3.5, 3.5)
    if focused:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("text" if filled else "accent"), 1.6))
        painter.drawRoundedRect(box.adjusted(-0.8, -0.8, 0.8, 0.8), 4, 4)
    styles = Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
    painter.setPen(QPen(theme.color("on_accent"), 2.0, *styles))
    left, top = box.left(), box.top()
    if state is Qt.CheckState.Checked:
        painter.drawPolyline([_at(left, top, 3.2, 7.3), _at(left, top, 5.9, 10.0), _at(left, top, 10.8, 4.4)])
    elif state is Qt.CheckState.PartiallyChecked:
        painter.drawLine(_at(left, top, 3.5, 7), _at(left, top, 10.5, 7))
    painter.restore()


def _at(left: float, top: float, x: float, y: float) -> QPointF:
    return QPointF(left + x, top + y)


def _mark_rect(button: QAbstractButton) -> QRect:
    return QRect(1, (button.height() - INDICATOR) // 2, INDICATOR, INDICATOR)


def _marked_size(button: QAbstractButton) -> QSize:
    metrics = button.fontMetrics()
    text = metrics.size(Qt.TextFlag.TextShowMnemonic, button.text())
    gap = theme.SPACE_S if button.text() else 0
    return QSize(INDICATOR + 2 + gap + text.width() + 2, max(INDICATOR + 2, metrics.height()) + theme.SPACE_S)


def _paint_text(button: QAbstractButton, painter: QPainter) -> None:
    room = button.rect().adjusted(INDICATOR + 2 + theme.SPACE_S, 0, 0, 0)
    flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextShowMnemonic
    painter.setPen(theme.color("text" if button.isEnabled() else "faint"))
    painter.drawText(room, int(flags), button.text())
