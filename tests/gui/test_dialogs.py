# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Dialogs that are waited for, and end in other ways than by their buttons."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from shiboken6 import delete

from gui.remote.askpass import Question
from gui.remote.askpass_dialog import answer_of_person
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.task_dialog import TaskDialog


async def message(parent: QWidget) -> int:
    return await ask(MessageDialog("Stop?", "It is not finished.", (("Cancel", 0), ("Stop", 1)), parent=parent))


async def at_work(parent: QWidget) -> int:
    dialog, stopped = TaskDialog("Copying", "Copy", parent), asyncio.Event()

    async def never_ends() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            stopped.set()

    dialog.work(never_ends)
    result = await ask(dialog)
    await stopped.wait()
    return result


async def question(parent: QWidget) -> object:
    return await answer_of_person(Question("node7", "Password: "), parent)


@pytest.mark.parametrize("asking", [message, at_work, question])
def test_a_dialog_that_goes_with_its_parent_is_answered_with_no(
    asking: Callable[[QWidget], Coroutine[Any, Any, object]], loop: QEventLoop, themed: QApplication, qtbot: QtBot
) -> None:
    parent = QWidget()
    task = loop.create_task(asking(parent))
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None)
    delete(parent)
    qtbot.waitUntil(task.done)
    assert not task.result()


def test_a_wait_that_is_cancelled_after_the_dialog_has_gone_ends_quietly(
    loop: QEventLoop, themed: QApplication, qtbot: QtBot
) -> None:
    parent = QWidget()
    task = loop.create_task(message(parent))
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None)
    task.cancel()
    delete(parent)
    qtbot.waitUntil(task.done)
    assert task.cancelled()


def test_what_is_clicked_the_moment_something_has_ended_is_done(
    loop: QEventLoop, themed: QApplication, qtbot: QtBot
) -> None:
    dialog, done = TaskDialog("Copying", "Copy"), []
    qtbot.addWidget(dialog)

    async def second() -> None:
        done.append("second")

    async def first() -> None:
        # Before anybody is told that this has ended.
        loop.call_soon(dialog.work, second)
        done.append("first")

    dialog.work(first)
    qtbot.waitUntil(lambda: not dialog.tasks.busy)
    assert done == ["first", "second"]
    assert not dialog.working
    assert dialog.cancel_button.text() == dialog.close_text
