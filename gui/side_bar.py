# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Instance selector above the list of pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from core.services.values import InstanceInfo
from gui import messages, theme
from gui.actions import Actions
from gui.navigation import Navigation
from gui.theme import FontRole
from gui.widgets.controls import ComboBox, IconButton
from gui.widgets.labels import ElidedLabel, Label

WIDE, NARROW = 208, 56
_OPEN_ANOTHER = "open"
_SEPARATOR = "  ·  "
_TOOLTIP = Qt.ItemDataRole.ToolTipRole


class InstanceBox(ComboBox):
    """Cuts the path of an instance, never its version."""

    def fitting_text(self, text: str, room: int) -> str:
        path, separator, version = text.rpartition(_SEPARATOR)
        end = separator + version if separator else ""
        metrics = self.fontMetrics()
        room -= metrics.horizontalAdvance(end)
        return metrics.elidedText(path if separator else text, Qt.TextElideMode.ElideMiddle, room) + end


class SideBar(QFrame):
    """`instance_chosen(InstanceInfo)` and `open_requested` come from the selector."""

    instance_chosen = Signal(object)
    open_requested = Signal()

    def __init__(self, actions: Actions, pages: Sequence[tuple[QAction, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("navigation")
        self._instances: tuple[InstanceInfo, ...] = ()
        self._current = ""
        self.caption = Label(messages.INSTANCE, FontRole.CAPTION, "dim")
        self.combo = InstanceBox()
        self.combo.setAccessibleName(messages.INSTANCE)
        self.combo.setMinimumContentsLength(8)
        self.combo.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.activated.connect(self._on_activated)
        self.caption.setBuddy(self.combo)
        self.environment = ElidedLabel("", FontRole.SMALL, "dim")
        self.environment.setContentsMargins(2, 2, 0, 0)
        self.button = IconButton("folder", messages.INSTANCE)
        self.button.clicked.connect(self._on_button)
        self.pages = Navigation(pages)
        self.collapse = IconButton("sidebar", actions.toggle_navigation.text())
        self.collapse.clicked.connect(actions.toggle_navigation.trigger)
        self._lay_out()
        self.set_narrow(False)

    def _lay_out(self) -> None:
        self._selector = QVBoxLayout()
        self._selector.setContentsMargins(theme.SPACE_M, theme.SPACE_L, theme.SPACE_M, theme.SPACE_S)
        self._selector.setSpacing(theme.SPACE_XS)
        self._selector.addWidget(self.caption)
        self._selector.addWidget(self.combo)
        self._selector.addWidget(self.environment)
        self._selector.addWidget(self.button)
        foot = QHBoxLayout()
        foot.setContentsMargins(theme.SPACE_M, 0, theme.SPACE_M, theme.SPACE_S)
        foot.addWidget(self.collapse)
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._selector)
        layout.addWidget(self.pages, 1)
        layout.addLayout(foot)

    def set_narrow(self, narrow: bool) -> None:
        """Only icons, or words as well."""
        self.setFixedWidth(NARROW if narrow else theme.scaled(WIDE))
        self.caption.setVisible(not narrow)
        self.combo.setVisible(not narrow)
        self.environment.setVisible(not narrow and bool(self.environment.text()))
        self.button.setVisible(narrow)
        self.pages.set_narrow(narrow)

    def show_instances(self, instances: Sequence[InstanceInfo], current: str) -> None:
        self._instances, self._current = tuple(instances), current
        self.combo.clear()
        for info in self._instances:
            self.combo.addItem(instance_text(info), info.id)
            self.combo.setItemData(self.combo.count() - 1, instance_tip(info), _TOOLTIP)
        if self._instances:
            self.combo.insertSeparator(self.combo.count())
        self.combo.addItem(messages.OPEN_INSTANCE, _OPEN_ANOTHER)
        self._show_current()

    def _show_current(self) -> None:
        at = self.combo.findData(self._current)
        self.combo.setCurrentIndex(at)
        self.combo.setPlaceholderText(messages.NO_INSTANCE)
        info = next((info for info in self._instances if info.id == self._current), None)
        self.environment.setText(messages.environment(info.environment) if info and info.environment else "")
        self.environment.setVisible(self.combo.isVisibleTo(self) and bool(self.environment.text()))
        tip = instance_tip(info) if info else messages.NO_INSTANCE
        self.combo.setToolTip(tip)
        self.button.setToolTip(tip)

    def _on_activated(self, row: int) -> None:
        self._choose(str(self.combo.itemData(row)))
        self._show_current()

    def _choose(self, data: str) -> None:
        if data == _OPEN_ANOTHER:
            self.open_requested.emit()
        elif data != self._current:
            self.instance_chosen.emit(next(info for info in self._instances if info.id == data))

    def _on_button(self) -> None:
        menu = QMenu(self)
        for row in range(self.combo.count()):
            data = self.combo.itemData(row)
            if data is None:
                menu.addSeparator()
            else:
                menu.addAction(self.combo.itemText(row)).setData(data)
        menu.triggered.connect(lambda action: self._choose(action.data()))
        menu.popup(self.button.mapToGlobal(self.button.rect().bottomLeft()))


def instance_text(info: InstanceInfo) -> str:
    """`/opt/spack · 1.1.1`, with the home directory as `~`."""
    path = info.root or info.install_root
    home = str(Path.home())
    shown = f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path
    return _SEPARATOR.join(part for part in (shown, info.version) if part)


def instance_tip(info: InstanceInfo) -> str:
    lines = (info.root, info.install_root, "" if info.writable else messages.READ_ONLY)
    return "\n".join(line for line in lines if line)
