# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A window that is the Transfers page and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fake_client import FakeClient
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from gui.actions import Actions
from gui.transfers.page import TransfersPage
from gui.transfers.state import TransfersState


@contextmanager
def transfers_page(client: FakeClient, qtbot: QtBot) -> Iterator[TransfersPage]:
    """The page in a window that knows its shortcuts."""
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = Actions(window)
    for action in actions.findChildren(type(actions.quit)):
        window.addAction(action)
    state = TransfersState(client, window)
    page = TransfersPage(client, actions, state)
    window.setCentralWidget(page)
    window.resize(1000, 700)
    window.show()
    actions.enter_page(page.title)
    page.update_actions()
    yield page
    page.leave()
    state.leave()
