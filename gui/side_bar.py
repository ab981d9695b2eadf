# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Instance selector above the list of pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from core.foundation.text import visible
from core.remote.address import HERE, Address, Place
from core.services.values import InstanceInfo
from gui import messages, theme
from gui.actions import Actions
from gui.navigation import Navigation
from gui.remote import words
from gui.theme import FontRole
from gui.widgets.controls import ComboBox, IconButton
from gui.widgets.labels import ElidedLabel, Label

_WIDE = 208
_BESIDE_ICON = 36
_OPEN_ANOTHER = "open"
_DISCONNECT = "disconnect "
_SEPARATOR = "  ·  "
_TOOLTIP = Qt.ItemDataRole.ToolTipRole


@dataclass(frozen=True, slots=True)
class Offer:
    """An instance that can be chosen. `info` is None for one elsewhere that was not reached yet."""

    address: Address
    info: InstanceInfo | None = None

    @classmethod
    def of(cls, place: Place, info: InstanceInfo) -> Offer:
        return cls(Address(place, info.root or info.install_root), info)

    @property
    def key(self) -> str:
        """Tells offers apart."""
        return f"{self.address}\n{self.info.id if self.info is not None else ''}"

    @property
    def text(self) -> str:
        if self.info is not None:
            return instance_text(self.info, self.address.place)
        return visible(str(self.address))


class InstanceBox(ComboBox):
    """Cuts the path of an instance, never its version."""

    def fitting_text(self, text: str, room: int) -> str:
        path, separator, version = text.rpartition(_SEPARATOR)
        end = separator + version if separator else ""
        metrics = self.fontMetrics()
        room -= metrics.horizontalAdvance(end)
        return metrics.elidedText(path if separator else text, Qt.TextElideMode.ElideMiddle, room) + end


class SideBar(QFrame):
    """`instance_chosen(Offer)`, `open_requested` and `disconnect_requested(Place)` come from the selector."""

    instance_chosen = Signal(object)
    open_requested = Signal()
    disconnect_requested = Signal(object)

    def __init__(self, actions: Actions, pages: Sequence[tuple[QAction, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("navigation")
        self._offers: tuple[Offer, ...] = ()
        self._current: Offer | None = None
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
        self._selector.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._foot = foot = QHBoxLayout()
        foot.setContentsMargins(theme.SPACE_M, 0, theme.SPACE_M, theme.SPACE_S)
        foot.addStretch(0)
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
        self.setFixedWidth(theme.large_icon_size() + _BESIDE_ICON if narrow else theme.scaled(_WIDE))
        self._foot.setStretch(0, 1 if narrow else 0)
        self.caption.setVisible(not narrow)
        self.combo.setVisible(not narrow)
        self.environment.setVisible(not narrow and bool(self.environment.text()))
        self.button.setVisible(narrow)
        self.pages.set_narrow(narrow)

    def show_instances(self, offers: Sequence[Offer], current: Offer | None) -> None:
        """Offer these; `current` is one of them."""
        self._offers, self._current = tuple(offers), current
        self.combo.clear()
        for offer in self._offers:
            self.combo.addItem(offer.text, offer.key)
            self.combo.setItemData(self.combo.count() - 1, _tip(offer), _TOOLTIP)
        if self._offers:
            self.combo.insertSeparator(self.combo.count())
        self.combo.addItem(messages.OPEN_INSTANCE, _OPEN_ANOTHER)
        for place in self._reached():
            self.combo.addItem(words.disconnect(place.title), f"{_DISCONNECT}{place.title}")
        self._show_current()

    def _reached(self) -> list[Place]:
        """Where there is an engine elsewhere, in the order of the offers."""
        places = dict.fromkeys(offer.address.place for offer in self._offers if offer.info is not None)
        return [place for place in places if not place.is_here]

    def _show_current(self) -> None:
        current = self._current
        self.combo.setCurrentIndex(self.combo.findData(current.key) if current is not None else -1)
        self.combo.setPlaceholderText(messages.NO_INSTANCE)
        environment = current.info.environment if current is not None and current.info is not None else ""
        place = visible(current.address.place.title) if current is not None else ""
        self.environment.setText(messages.facts(place, messages.environment(environment) if environment else ""))
        self.environment.setVisible(self.combo.isVisibleTo(self) and bool(self.environment.text()))
        tip = _tip(current) if current is not None else messages.NO_INSTANCE
        self.combo.setToolTip(tip)
        self.button.setToolTip(tip)

    def _on_activated(self, row: int) -> None:
        self._choose(str(self.combo.itemData(row)))
        self._show_current()

    def _choose(self, data: str) -> None:
        if data == _OPEN_ANOTHER:
            self.open_requested.emit()
        elif data.startswith(_DISCONNECT):
            title = data.removeprefix(_DISCONNECT)
            self.disconnect_requested.emit(next(place for place in self._reached() if place.title == title))
        elif self._current is None or data != self._current.key:
            self.instance_chosen.emit(next(offer for offer in self._offers if offer.key == data))

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


def instance_text(info: InstanceInfo, place: Place = HERE) -> str:
    """`/opt/spack · 1.1.1`, with the home directory here as `~`, or `alice@node7:/opt/spack · 1.1.1`."""
    path = info.root or info.install_root
    home = str(Path.home())
    if not place.is_here:
        shown = visible(str(Address(place, path)))
    else:
        shown = f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path
    return _SEPARATOR.join(part for part in (shown, info.version) if part)


def _tip(offer: Offer) -> str:
    info = offer.info
    if info is None:
        return visible(str(offer.address))
    lines = (visible(offer.address.place.title), info.root, info.install_root)
    return "\n".join(line for line in (*lines, "" if info.writable else messages.READ_ONLY) if line)
