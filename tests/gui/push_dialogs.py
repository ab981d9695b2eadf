# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Push dialogs that are closed in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import samples
from fake_client import FakeClient
from pytestqt.qtbot import QtBot

from gui.push.dialog import PushDialog


@contextmanager
def push_dialogs(client: FakeClient, qtbot: QtBot, hashes: tuple[str, ...]) -> Iterator[Callable[..., PushDialog]]:
    """Opens dialogs that push `hashes` to a mirror; their first plan is there then, unless nobody wants to `wait`."""
    opened: list[PushDialog] = []

    def make(mirror: str, *, wait: bool = True) -> PushDialog:
        dialog = PushDialog(client, samples.INSTANCE, mirror=mirror, hashes=hashes)
        qtbot.addWidget(dialog)
        opened.append(dialog)
        dialog.open()
        if wait:
            qtbot.waitUntil(lambda: not dialog.tasks.busy)
        return dialog

    yield make
    for dialog in opened:
        dialog.reject()
        qtbot.waitUntil(lambda tasks=dialog.tasks: not tasks.busy)  # type: ignore[misc]
