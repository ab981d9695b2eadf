# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The commonest tasks, counted in clicks from the Mirrors page of the real window; typing is free."""

from __future__ import annotations

from collections.abc import Iterator

import contents_samples
import mirror_samples
import pytest
import transfer_samples
from fake_client import FakeClient
from package_samples import fill_packages, hash_of
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from samples import packages
from upkeep_samples import removal

from core.engine.calls.contents import ListContents
from core.engine.calls.mirrors import ApplyMirrorEdit
from core.engine.calls.presence import CountMissing, FindMissing
from core.engine.calls.push import PlanPush, StartPush
from core.engine.calls.transfers import RetryTransfers
from core.engine.calls.upkeep import ApplyDelete, PlanFree
from core.services.package_values import CoverageCell, MirrorPresence, MissingCount, MissingOn
from core.services.upkeep_values import RemovalOutcome
from core.transfers.model import ItemState, QueueSnapshot, Totals
from gui.contents.free_dialog import FreeDialog
from gui.contents.permission import allow_deleting
from gui.main_window import MainWindow, WindowOptions
from gui.mirrors.editor import MirrorEditor
from gui.mirrors.model import Column
from gui.push.dialog import PushDialog


class Person:
    """Clicks what can be seen and pressed, and counts."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window = window
        self.clicks = 0
        self._qtbot = qtbot

    def press(self, text: str, inside: QWidget | None = None) -> None:
        place = inside or self.window
        self._qtbot.waitUntil(lambda: self._button(text, place) is not None)
        button = self._button(text, place)
        assert button is not None
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        self.clicks += 1

    def point_at(self, widget: QWidget, place: object) -> None:
        self._qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place)  # type: ignore[arg-type]
        self.clicks += 1

    def dialog(self, kind: type[QDialog]) -> QDialog:
        def shown() -> list[QDialog]:
            return [each for each in self.window.findChildren(kind) if each.isVisible()]

        self._qtbot.waitUntil(lambda: bool(shown()))
        return shown()[0]

    @staticmethod
    def _button(text: str, place: QWidget) -> QPushButton | None:
        buttons = (each for each in place.findChildren(QPushButton) if each.text().startswith(text))
        return next((each for each in buttons if each.isVisible() and each.isEnabled()), None)


@pytest.fixture
def person(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> Iterator[Person]:
    mirror_samples.fill(client)
    fill_packages(client, packages())
    count = MissingCount(MirrorPresence("scratch", 1.0, 1.0, True), CoverageCell(400, 2, 1))
    client.rows[CountMissing] = [[count]]
    client.answers[FindMissing] = MissingOn((hash_of("hdf5", "1.14.5"),), (), 3, 1.0)
    client.answers[PlanPush] = lambda call: transfer_samples.plan(call.request.options, mirror=call.request.mirror)
    client.answers[StartPush] = "push-1"
    client.answers[ListContents] = contents_samples.view(image="")
    client.rows[ListContents] = [[contents_samples.entry("zlib", "1.10")]]
    client.answers[PlanFree] = removal()
    client.answers[ApplyDelete] = RemovalOutcome(3, 2, 900, 0, "batch")
    window = MainWindow(client, WindowOptions())
    window.show()
    life = loop.create_task(window.run())
    qtbot.waitUntil(lambda: bool(window.mirrors.model.rows) and window.mirrors.missing.result("scratch") is not None)
    assert window.page is window.mirrors
    yield Person(window, qtbot)
    client.snapshot_received.emit(QueueSnapshot((), (), Totals(), paused=False))
    window.close()
    qtbot.waitUntil(life.done)
    window.deleteLater()


def test_add_a_registry_with_a_token_in_two(person: Person, client: FakeClient, qtbot: QtBot) -> None:
    person.press("Add mirror")
    editor = person.dialog(MirrorEditor)
    assert isinstance(editor, MirrorEditor)
    qtbot.keyClicks(editor.fields.address.edit, "https://registry.site.org/hpc/cache/")
    qtbot.waitUntil(editor.fields.login.isVisible)
    qtbot.keyClicks(editor.fields.login.user_edit, "hpcbot")
    qtbot.keyClicks(editor.fields.login.secret.edit, mirror_samples.SECRET)
    person.press("Check and save", editor)
    qtbot.waitUntil(lambda: bool(client.asked(ApplyMirrorEdit)))
    assert person.clicks <= 2


def test_push_an_environment_in_three(person: Person, client: FakeClient, qtbot: QtBot) -> None:
    person.press("Push")
    dialog = person.dialog(PushDialog)
    person.press("Push", dialog)
    qtbot.waitUntil(lambda: bool(client.asked(StartPush)))
    assert person.clicks <= 3
    assert client.asked(PlanPush)[-1].request.hashes == ()  # the environment, as Spack understands it


def test_see_what_is_missing_in_one(person: Person, qtbot: QtBot) -> None:
    table = person.window.mirrors.table
    person.point_at(table.viewport(), table.visualRect(table.model().index(0, Column.MISSING)).center())
    qtbot.waitUntil(lambda: person.window.packages.model.checked > 0)
    assert person.window.page is person.window.packages
    assert person.clicks <= 1


def test_retry_a_failed_push_in_one(person: Person, client: FakeClient, qtbot: QtBot) -> None:
    client.snapshot_received.emit(transfer_samples.snapshot([transfer_samples.row("llvm", state=ItemState.FAILED)]))
    person.press("Retry", person.window.status)
    qtbot.waitUntil(lambda: bool(client.asked(RetryTransfers)))
    assert person.clicks <= 1


def test_free_space_on_a_folder_in_three_and_a_number(person: Person, client: FakeClient, qtbot: QtBot) -> None:
    allow_deleting("scratch")  # asked once for each mirror
    person.press("Browse contents")
    person.press("Free space")
    dialog = person.dialog(FreeDialog)
    assert isinstance(dialog, FreeDialog)
    qtbot.keyClicks(dialog.form.goal_edit, "50 GB")
    qtbot.waitUntil(dialog.confirm_button.isEnabled)  # it says only then what it does
    person.press(dialog.confirm_button.text(), dialog)
    qtbot.waitUntil(lambda: bool(client.asked(ApplyDelete)))
    assert person.clicks <= 3
    qtbot.waitUntil(lambda: not any(page.tasks.busy for page in person.window.pages))
