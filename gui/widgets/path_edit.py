# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A field for a path, typed or chosen."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from gui import theme
from gui.widgets.choosing import Choice, Engine, choose_path
from gui.widgets.controls import IconButton
from gui.widgets.page import TaskOwner


class PathEdit(QWidget):
    """`choose` names the button and the dialog; `folder` asks for a folder instead of a file.

    The path is one of those that `engine` understands, None: one of this computer.
    """

    def __init__(
        self, choose: str, *, folder: bool, engine: Engine | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._choose = choose
        self._choice = Choice.FOLDER if folder else Choice.FILE
        self._engine = engine
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
        chosen = await choose_path(self, self._choose, self._choice, self._engine)
        if chosen:
            self.edit.setText(chosen)
