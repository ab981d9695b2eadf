# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A list above its details, with a border that people move and find again where they left it."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import QSplitter, QWidget

from gui import theme
from gui.settings import remembered


class PaneSplitter(QSplitter):
    """`first` and `second` share the room by `shares` until somebody moves the border; kept below `memory`."""

    def __init__(
        self,
        memory: str,
        first: QWidget,
        second: QWidget,
        shares: tuple[int, int],
        orientation: Qt.Orientation = Qt.Orientation.Vertical,
    ) -> None:
        super().__init__(orientation)
        self._key = f"{memory}/splitter"
        self.setChildrenCollapsible(False)
        self.setHandleWidth(theme.SPACE_S)
        for number, (widget, share) in enumerate(zip((first, second), shares, strict=True)):
            self.addWidget(widget)
            self.setStretchFactor(number, share)
        kept = remembered().value(self._key)
        if isinstance(kept, QByteArray):
            self.restoreState(kept)

    def remember(self) -> None:
        """Keep where the border is. Where one side is hidden, what was kept before stays."""
        if all(size > 0 for size in self.sizes()):
            remembered().setValue(self._key, self.saveState())
