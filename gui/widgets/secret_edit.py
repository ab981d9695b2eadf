# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A field for passwords and tokens."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from core.foundation.secret import Secret
from gui import messages, theme
from gui.widgets.controls import IconButton


class SecretEdit(QWidget):
    """Hidden while it is typed, shown on demand; what is in it never reaches a clipboard, shown or not."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit()
        self.edit.setAccessibleName(name)
        self.edit.selectionChanged.connect(self._on_selection_changed)
        self.show_button = IconButton("eye", messages.SHOW_SECRET)
        self.show_button.setCheckable(True)
        self.show_button.toggled.connect(self._on_toggled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_XS)
        row.addWidget(self.edit, 1)
        row.addWidget(self.show_button)
        self.setFocusProxy(self.edit)
        self._on_toggled(shown=False)

    @property
    def secret(self) -> Secret:
        return Secret(self.edit.text())

    def forget(self) -> None:
        """Empty it, and hide what is typed next."""
        self.edit.clear()
        self.show_button.setChecked(False)

    def _on_toggled(self, shown: bool) -> None:
        self.edit.deselect()
        self.edit.setEchoMode(QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password)
        name = messages.HIDE_SECRET if shown else messages.SHOW_SECRET
        self.show_button.setAccessibleName(name)
        self.show_button.setToolTip(name)

    def _on_selection_changed(self) -> None:
        """Marked text is copied by keys, menus and on X11 by the mere marking; Qt prevents it only while hidden."""
        if self.edit.echoMode() is QLineEdit.EchoMode.Normal and self.edit.hasSelectedText():
            self.edit.deselect()
