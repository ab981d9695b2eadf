# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A push is kept from its dialog: as a preset under a name, or as a script in a file."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from samples import INSTANCE

from core.engine.calls.presets import SavePreset, WritePushScript
from core.engine.calls.push import PlanPush
from core.foundation.errors import Conflict, NotFound
from core.services.values import SavedPush, ScriptKind
from gui.push import words
from gui.push.dialog import PushDialog
from gui.push.keeping import PresetName


@pytest.fixture
def dialog(client: FakeClient, qtbot: QtBot) -> Iterator[PushDialog]:
    client.answers[PlanPush] = NotFound("There is no plan", "not needed here")
    dialog = PushDialog(client, INSTANCE, mirror="scratch", hashes=("a" * 32,))
    qtbot.addWidget(dialog)
    dialog.open()
    qtbot.waitUntil(lambda: not dialog.tasks.busy)
    yield dialog
    dialog.reject()
    qtbot.waitUntil(lambda: not dialog.tasks.busy and not dialog.keep_button.tasks.busy)


def choose(dialog: PushDialog, text: str) -> None:
    action = next(each for each in dialog.keep_button.menu_of_kinds.actions() if each.text() == text)
    action.trigger()


def asked_name(dialog: PushDialog, qtbot: QtBot, *, saying: str = "") -> PresetName:
    def shown() -> list[PresetName]:
        found = dialog.findChildren(PresetName)
        return [each for each in found if each.isVisible() and saying in each.problem.text()]

    qtbot.waitUntil(lambda: bool(shown()))
    return shown()[-1]


def test_a_preset_keeps_what_where_and_how(dialog: PushDialog, client: FakeClient, qtbot: QtBot) -> None:
    choose(dialog, words.KEEP_PRESET)
    name = asked_name(dialog, qtbot)
    assert not name.save_button.isEnabled()
    qtbot.keyClicks(name.edit, "nightly")
    qtbot.keyClick(name.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(client.asked(SavePreset)))
    saved = SavedPush("/opt/spack", "hpc-base", dialog.request())
    assert client.asked(SavePreset) == [SavePreset("nightly", saved)]
    qtbot.waitUntil(lambda: dialog.notice.title == words.PRESET_KEPT)


def test_a_name_that_is_taken_is_replaced_only_after_saying_so(
    dialog: PushDialog, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[SavePreset] = Conflict("There is a preset nightly already")
    choose(dialog, words.KEEP_PRESET)
    first = asked_name(dialog, qtbot)
    first.edit.setText("nightly")
    first.save_button.click()
    again = asked_name(dialog, qtbot, saying="already")
    assert again.save_button.text() == words.REPLACE_PRESET
    again.edit.setText("other")
    assert again.save_button.text() == words.SAVE
    again.edit.setText("nightly")
    client.answers[SavePreset] = None
    again.save_button.click()
    qtbot.waitUntil(lambda: len(client.asked(SavePreset)) == 2)
    assert [call.replace for call in client.asked(SavePreset)] == [False, True]


@pytest.mark.parametrize(("kind", "executable"), [(ScriptKind.SHELL, True), (ScriptKind.GITHUB, False)])
def test_a_script_is_written_where_one_says(
    dialog: PushDialog, client: FakeClient, qtbot: QtBot, tmp_path: Path, kind: ScriptKind, executable: bool
) -> None:
    client.answers[WritePushScript] = "the text\n"
    choose(dialog, words.KEEP_KINDS[kind])
    qtbot.waitUntil(lambda: any(each.isVisible() for each in dialog.findChildren(QFileDialog)))
    chooser = next(each for each in dialog.findChildren(QFileDialog) if each.isVisible())
    target = tmp_path / "script"
    chooser.filesSelected.emit([str(target)])
    chooser.done(1)
    qtbot.waitUntil(target.exists)
    assert target.read_text() == "the text\n"
    assert bool(target.stat().st_mode & stat.S_IXUSR) is executable
    qtbot.waitUntil(lambda: dialog.notice.title == words.SCRIPT_WRITTEN)
