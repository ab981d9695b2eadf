# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A loop that runs whenever Qt does, a client without an engine, and the theme."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_client import FakeClient
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from samples import fill

from gui import theme
from gui.actions import Actions
from gui.settings import remembered


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The offscreen platform has no window manager to tell sizes to, and says so."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints"))


class PatientBot(QtBot):
    """Waits as long as a busy machine may need; who waits for what comes pays nothing for that."""

    LIMIT_MS = 60_000

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = LIMIT_MS) -> None:
        def reached() -> bool | None:
            try:
                return callback()
            except LookupError:  # the last one of what there is none of yet
                return False

        super().waitUntil(reached, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = LIMIT_MS, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitSignals(self, signals: Any, *, timeout: int = LIMIT_MS, **options: Any) -> Any:
        return super().waitSignals(signals, timeout=timeout, **options)

    def waitExposed(self, widget: Any, *, timeout: int = LIMIT_MS) -> Any:
        return super().waitExposed(widget, timeout=timeout)


@pytest.fixture(autouse=True)
def _no_widgets_left() -> Iterator[None]:
    """Widgets of this test end with it: what a window has yet to show has no parent, and all that is left is dressed
    anew whenever a theme is applied, for each of the tests that follow. A window that is still there is that of a test
    that failed, and may be in the middle of something."""
    before = set(QApplication.topLevelWidgets())
    yield
    for widget in set(QApplication.topLevelWidgets()) - before:
        if not widget.isVisible():
            widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


@pytest.fixture
def loop(qapp: QApplication, qtbot: QtBot) -> Iterator[QEventLoop]:
    """The running loop of this test: tasks go on while qtbot waits. Every task must have ended afterwards."""
    qapp.setQuitOnLastWindowClosed(False)
    event_loop = QEventLoop(qapp)
    asyncio.set_event_loop(event_loop)
    asyncio.events._set_running_loop(event_loop)
    yield event_loop
    for task in asyncio.all_tasks(event_loop):
        task.cancel()
    qtbot.waitUntil(lambda: not asyncio.all_tasks(event_loop))
    asyncio.events._set_running_loop(None)
    event_loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def themed(qapp: QApplication) -> Iterator[QApplication]:
    """The application in light colours, with text and rows as they are at first."""
    _look_as_at_first(qapp)
    yield qapp
    _look_as_at_first(qapp)


def _look_as_at_first(app: QApplication) -> None:
    theme.set_compact(wanted=False)
    theme.set_text_percent(app, 100)
    theme.apply(app, theme.Scheme.LIGHT)


@pytest.fixture
def client(loop: QEventLoop, themed: QApplication) -> FakeClient:
    """Answers like an engine with one instance, three mirrors and five records, seen before."""
    remembered().setValue("window/welcomed", "yes")
    return fill(FakeClient())


@pytest.fixture
def commands(themed: QApplication) -> Actions:
    return Actions()
