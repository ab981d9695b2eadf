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
    QMenu,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QStylePainter,
    QTabBar,
    QToolButton,
    QWidget,
)

from gui import icons, theme

_DRAWN_BOX = 14.0  # the units its lines are given in


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


class MenuButton(Button):
    """A button that opens `menu`, with a chevron behind its text."""

    def __init__(self, text: str, menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(text, parent=parent)
        self.setMenu(menu)

    def sizeHint(self) -> QSize:
        return super().sizeHint() + QSize(theme.icon_size() - theme.SPACE_XS, 0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.features &= ~QStyleOptionButton.ButtonFeature.HasMenu
        painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option)
        option.rect = option.rect.adjusted(0, 0, -theme.icon_size(), 0)
        painter.drawControl(QStyle.ControlElement.CE_PushButtonLabel, option)
        painter.end()
        _paint_arrow(self)


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
        painter.end()
        _paint_arrow(self)


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


def _paint_arrow(widget: QWidget) -> None:
    place = widget.rect().adjusted(widget.width() - theme.icon_size() - theme.SPACE_S, 0, 0, 0)
    icons.paint(QPainter(widget), place, "chevron-down", "dim" if widget.isEnabled() else "control_line")


def paint_check(
    painter: QPainter, rect: QRect, state: Qt.CheckState, *, enabled: bool = True, focused: bool = False
) -> None:
    """Paint a check mark box of the size of an icon in the middle of `rect`."""
    box = QRectF(0, 0, _DRAWN_BOX, _DRAWN_BOX)
    painter.save()
    painter.translate(QRectF(rect).center())
    unit = (theme.icon_size() - 2) / _DRAWN_BOX
    painter.scale(unit, unit)
    painter.translate(-box.center())
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
    if state is Qt.CheckState.Checked:
        painter.drawPolyline([QPointF(3.2, 7.3), QPointF(5.9, 10.0), QPointF(10.8, 4.4)])
    elif state is Qt.CheckState.PartiallyChecked:
        painter.drawLine(QPointF(3.5, 7), QPointF(10.5, 7))
    painter.restore()


def _mark_rect(button: QAbstractButton) -> QRect:
    size = theme.icon_size()
    return QRect(1, (button.height() - size) // 2, size, size)


def _marked_size(button: QAbstractButton) -> QSize:
    metrics = button.fontMetrics()
    text = metrics.size(Qt.TextFlag.TextShowMnemonic, button.text())
    gap = theme.SPACE_S if button.text() else 0
    mark = theme.icon_size() + 2
    return QSize(mark + gap + text.width() + 2, max(mark, metrics.height()) + theme.SPACE_S)


def _paint_text(button: QAbstractButton, painter: QPainter) -> None:
    room = button.rect().adjusted(theme.icon_size() + 2 + theme.SPACE_S, 0, 0, 0)
    flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextShowMnemonic
    painter.setPen(theme.color("text" if button.isEnabled() else "faint"))
    painter.drawText(room, int(flags), button.text())
