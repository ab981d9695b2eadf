# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A field for a path, typed or chosen."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from gui import theme
from gui.widgets.controls import IconButton
from gui.widgets.dialogs import ask
from gui.widgets.page import TaskOwner


class PathEdit(QWidget):
    """`choose` names the button and the dialog; `folder` asks for a folder instead of a file."""

    def __init__(self, choose: str, *, folder: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._choose = choose
        self._mode = QFileDialog.FileMode.Directory if folder else QFileDialog.FileMode.ExistingFile
        self.edit = QLineEdit()
        self.button = IconButton("folder", choose)
        self.button.clicked.connect(self.choose)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_XS)
        row.addWidget(self.edit, 1)
        row.addWidget(self.button)
        self.setFocusProxy(self.edit)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def showEvent(self, event: QShowEvent) -> None:
        """The style may have given the field its height while nobody asked for ours."""
        super().showEvent(event)
        self.setMinimumHeight(self.edit.sizeHint().height())

    def choose(self) -> None:
        """Have a person choose in a dialog; `tasks.cancel_all` closes it."""
        if not self.tasks.busy:
            self.tasks.start(self._ask())

    async def _ask(self) -> None:
        dialog = QFileDialog(self, self._choose)
        dialog.setFileMode(self._mode)
        if await ask(dialog) and dialog.selectedFiles():
            self.edit.setText(dialog.selectedFiles()[0])
