# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What people do with any dialog that works for a while."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QPushButton
from pytestqt.qtbot import QtBot

from gui.widgets.task_dialog import TaskDialog

D = TypeVar("D", bound=TaskDialog)


def opened(dialog: D, qtbot: QtBot) -> D:
    """`dialog`, which has done what it does by itself."""
    qtbot.addWidget(dialog)
    dialog.open()
    qtbot.waitUntil(lambda: not dialog.working)
    return dialog


def click(button: QPushButton, qtbot: QtBot) -> None:
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def closed(dialog: QDialog, button: QPushButton, qtbot: QtBot) -> None:
    """A click on `button` closes `dialog`, sooner or later."""
    with qtbot.waitSignal(dialog.finished):
        click(button, qtbot)
