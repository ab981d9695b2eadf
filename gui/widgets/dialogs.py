# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Dialogs that do not stop the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from gui import messages, theme
from gui.theme import FontRole
from gui.widgets.controls import Button
from gui.widgets.labels import Label


async def ask(dialog: QDialog) -> int:
    """Open `dialog` and wait for its result code; a cancelled wait closes it. One that goes with its parent while it is
    open was not agreed to: 0. Never use `exec()` instead."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def settle(result: int) -> None:
        if not future.done():
            future.set_result(result)

    dialog.finished.connect(settle)
    dialog.destroyed.connect(lambda: settle(0))
    dialog.open()
    try:
        return await future
    except asyncio.CancelledError:
        if isValid(dialog):
            dialog.done(0)  # some only stop what they do when they are rejected
        raise
    finally:
        if isValid(dialog):
            dialog.deleteLater()


class MessageDialog(QDialog):
    """A title, a sentence and buttons, each closing with its own result; the first button is the safe one.

    `details` is shown below in monospace and can be copied.
    """

    def __init__(
        self,
        title: str,
        text: str,
        buttons: Sequence[tuple[str, int]],
        *,
        details: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(messages.APP_NAME)
        self.setMinimumWidth(440)
        self.setMaximumWidth(760)
        self._details = details
        margin = theme.PAGE_MARGIN
        layout = QVBoxLayout(self)
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(theme.SPACE_M)
        heading = Label(title, FontRole.BIG)
        heading.setWordWrap(True)
        layout.addWidget(heading)
        sentence = Label(text)
        sentence.setWordWrap(True)
        layout.addWidget(sentence)
        if details:
            layout.addWidget(self._details_view())
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_S)
        if details:
            copy = Button(messages.COPY_DETAILS, icon="copy")
            copy.clicked.connect(self._on_copy)
            row.addWidget(copy)
        row.addStretch(1)
        for place, (label, result) in reversed(list(enumerate(buttons))):
            button = Button(label, primary=place == 0)
            button.setDefault(place == 0)
            button.clicked.connect(partial(self.done, result))
            row.addWidget(button)
        layout.addSpacing(theme.SPACE_S)
        layout.addLayout(row)
        button.setFocus()  # the last one made is the safe one

    def _details_view(self) -> QPlainTextEdit:
        view = QPlainTextEdit(self._details)
        view.setReadOnly(True)
        theme.use_font(view, FontRole.MONO)
        view.setAccessibleName(messages.DETAILS)
        view.setTabChangesFocus(True)
        view.setMinimumHeight(140)
        return view

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)
