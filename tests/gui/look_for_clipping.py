# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Shows every page and the main dialogs, and says what is cut or blurred there; for a process of its own, because Qt
takes the scale of the screen from the environment of its start.

    QT_SCALE_FACTOR=1.25 python tests/gui/look_for_clipping.py WIDTH HEIGHT TEXT_PERCENT [FOLDER for pictures]
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import contents_samples
import key_samples
import mirror_samples
import transfer_samples
from fake_client import FakeClient
from package_samples import fill_packages
from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QLabel,
    QLineEdit,
    QTabBar,
    QWidget,
)
from qasync import QEventLoop
from samples import INSTANCE, fill, packages

from core.engine.calls.contents import DescribeEntry, ListContents
from core.engine.calls.history import ListHistory
from core.engine.calls.keys import ListKeys
from core.engine.calls.presence import CountMissing
from core.engine.calls.push import PlanPush
from core.services.package_values import CoverageCell, MirrorPresence, MissingCount
from gui import preferences, theme
from gui.appearance import restore
from gui.first_run import FirstRun
from gui.keys.dialogs import CreateDialog
from gui.main_window import MainWindow, WindowOptions
from gui.mirrors.editor import MirrorEditor
from gui.palette import Palette
from gui.push.dialog import PushDialog
from gui.widgets.labels import ElidedLabel

_TURNS, _TURN_S = 100, 0.02


def problems_of(shown: QWidget) -> Iterator[str]:
    """What cannot be read in full in `shown` or below it."""
    ratio = shown.devicePixelRatioF()
    for widget in (each for each in shown.findChildren(QWidget) if each.isVisible()):
        if isinstance(widget, QAbstractButton):
            yield from _button_problems(widget, ratio)
        elif isinstance(widget, QLabel):
            yield from _label_problems(widget, ratio)
        elif isinstance(widget, QLineEdit) and widget.height() < widget.fontMetrics().height():
            yield f"{_named(widget)}: lower than its text"
        elif isinstance(widget, QTabBar):
            for at in range(widget.count()):
                if widget.tabRect(at).width() < widget.fontMetrics().horizontalAdvance(widget.tabText(at)):
                    yield f"tab {widget.tabText(at)} is cut"
        parent = widget.parentWidget()
        if parent is not None and not _scrolled(widget) and not widget.isWindow():
            missing = widget.geometry().width() > 0 and not parent.rect().contains(widget.geometry())
            if missing and not isinstance(parent, QAbstractScrollArea):
                yield f"{_named(widget)} {widget.geometry()} is outside of its parent {parent.rect()}"


def _button_problems(button: QAbstractButton, ratio: float) -> Iterator[str]:
    least = button.sizeHint()
    if button.width() < least.width():
        yield f"{_named(button)}: {button.width()} px wide, needs {least.width()}"
    if button.height() < button.fontMetrics().height():
        yield f"{_named(button)}: lower than its text"
    if not button.icon().isNull():
        size = QSize(theme.icon_size(), theme.icon_size())
        if button.iconSize() != size:
            yield f"{_named(button)}: its icon is {button.iconSize().width()} px wide, its text wants {size.width()}"
        picture = button.icon().pixmap(size, ratio)
        if picture.width() < round(size.width() * ratio):
            yield f"{_named(button)}: its icon has {picture.width()} pixels for {size.width() * ratio}"


def _label_problems(label: QLabel, ratio: float) -> Iterator[str]:
    picture = label.pixmap()
    if not picture.isNull():
        if picture.devicePixelRatio() < ratio:
            yield f"{_named(label)}: its picture is drawn for {picture.devicePixelRatio()} of {ratio}"
    elif label.height() < label.fontMetrics().height() and label.text():
        yield f"{_named(label)}: lower than its text"
    elif label.wordWrap():
        if label.height() < label.heightForWidth(label.width()) - 1:
            yield f"{_named(label)}: {label.height()} px high, needs {label.heightForWidth(label.width())}"
    elif not isinstance(label, ElidedLabel):
        needed = label.fontMetrics().horizontalAdvance(label.text())
        if label.contentsRect().width() < needed:
            yield f"{_named(label)}: {label.contentsRect().width()} px wide, needs {needed}"


def _scrolled(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    return parent is not None and isinstance(parent.parentWidget(), QAbstractScrollArea)


def _named(widget: QWidget) -> str:
    text = getattr(widget, "text", str)()
    return f"{type(widget).__name__} {text or widget.accessibleName() or widget.objectName()!r}"


def filled() -> FakeClient:
    """A client with something on every page."""
    client = mirror_samples.fill(fill(FakeClient()))
    fill_packages(client, packages())
    count = MissingCount(MirrorPresence("scratch", 1.0, 1.0, True), CoverageCell(400, 2, 1))
    client.rows[CountMissing] = [[count]]
    client.rows[ListContents] = [contents_samples.rows()]
    client.answers[ListContents] = contents_samples.view()
    client.answers[DescribeEntry] = lambda call: contents_samples.details(call.key)
    client.answers[ListKeys] = key_samples.view()
    client.answers[ListHistory] = 0
    client.answers[PlanPush] = lambda call: transfer_samples.plan(call.request.options, mirror=call.request.mirror)
    return client


class Look:
    """Walks through the window and collects problems by what was shown."""

    def __init__(self, size: QSize, pictures: Path | None) -> None:
        self.found: dict[str, list[str]] = {}
        self._lives: list[asyncio.Task[None] | None] = []
        self._size = size
        self._pictures = pictures

    async def at(self, name: str, widget: QWidget) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(_TURN_S)
            if len(asyncio.all_tasks()) <= len(self._lives):
                break
        problems = list(problems_of(widget))
        for _ in range(_TURNS):  # what the last answer has changed is laid out in more than one turn
            if not problems:
                break
            await asyncio.sleep(_TURN_S)
            problems = list(problems_of(widget))
        if self._pictures is not None:
            widget.grab().save(str(self._pictures / f"{name}.png"))
        if problems:
            self.found[name] = problems

    async def walk(self) -> None:
        client = filled()
        window = MainWindow(client, WindowOptions(demo=True))
        window.resize(self._size)
        window.show()
        life = asyncio.get_running_loop().create_task(window.run())
        self._lives = [asyncio.current_task(), life]
        await self.at("start", window)
        for row, page in enumerate(window.pages):
            window.show_page(row)
            client.snapshot_received.emit(transfer_samples.running())
            await self.at(page.title, window)
        client.snapshot_received.emit(transfer_samples.ended())
        window.show_page(2)
        await self.at("Transfers, ended", window)
        for dialog in (
            PushDialog(client, INSTANCE, mirror="scratch", parent=window),
            MirrorEditor(client, INSTANCE.id, parent=window),
            CreateDialog(client, INSTANCE.id, window),
            Palette(window.commands.all(), parent=window),
        ):
            dialog.open()
            await self.at(type(dialog).__name__, dialog)
            dialog.reject()
        first = FirstRun(client, window.commands)
        first.resize(self._size)
        first.show()
        first.show_instance(INSTANCE)
        await self.at("FirstRun", first)
        first.leave()
        window.close()
        await life


def main() -> None:
    width, height, percent, *rest = sys.argv[1:]
    app = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory() as home:
        os.environ["MIRRORDECK_HOME"] = home
        preferences.change(text_percent=int(percent))
        restore(app)
        loop = QEventLoop(app)
        look = Look(QSize(int(width), int(height)), Path(rest[0]) if rest else None)
        with loop:
            loop.run_until_complete(look.walk())
        print(json.dumps({"ratio": app.devicePixelRatio(), "unit": theme.scaled(100), "found": look.found}))


if __name__ == "__main__":
    main()
