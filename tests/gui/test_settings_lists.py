# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Spack instances and saved pushes are listed on the Settings page, and can be used and forgotten there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import pytest
from fake_client import FakeClient
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from samples import INSTANCE

from core.engine.calls.instances import ForgetInstance, ListInstances, OpenInstance
from core.engine.calls.presets import ListPresets, RemovePreset, SavePreset
from core.engine.calls.push import PlanPush, StartPush
from core.foundation.errors import Conflict, ErrorInfo, NotFound
from core.foundation.settings import load_settings
from core.services.values import SavedPush
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan, PushRequest
from gui import settings_words as words
from gui.actions import Actions
from gui.push import words as push_words
from gui.push.keeping import PresetName
from gui.settings_page import SettingsPage
from gui.widgets.dialogs import MessageDialog

D = TypeVar("D", MessageDialog, PresetName)
OTHER = replace(INSTANCE, id="other", root="/sw/spack", install_root="/sw/spack/opt/spack")
NIGHTLY = SavedPush("/opt/spack", "", PushRequest("site-oci", hashes=("a" * 32, "b" * 32)))
PLAN = PushPlan(
    "plan-1",
    INSTANCE.id,
    "site-oci",
    "oci://registry.site.org/hpc",
    (
        PlanItem("a" * 32, "hdf5", "1.14.5", Decision.PUSH, size_bytes=2_000_000),
        PlanItem("b" * 32, "zlib", "1.3.1", Decision.PRESENT),
    ),
    PushOptions(),
    2,
)


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[SettingsPage]:
    client.answers[ListInstances] = (INSTANCE, OTHER)
    client.answers[ListPresets] = {"nightly": NIGHTLY}
    page = SettingsPage(client, commands)
    qtbot.addWidget(page)
    page.start(page.load(INSTANCE.id))
    page.show()
    owners = (page.tasks, page.instances.tasks, page.presets.tasks)
    qtbot.waitUntil(lambda: page.presets.view.names == ["nightly"] and not any(each.busy for each in owners))
    yield page
    page.leave()
    qtbot.waitUntil(lambda: not any(each.busy for each in owners))


def dialog_of(page: SettingsPage, qtbot: QtBot, kind: type[D]) -> D:
    def shown() -> list[D]:
        return [each for each in page.findChildren(kind) if each.isVisible()]

    qtbot.waitUntil(lambda: bool(shown()))
    return shown()[-1]


def press(dialog: MessageDialog, text: str) -> None:
    next(each for each in dialog.findChildren(QPushButton) if each.text() == text).click()


def test_another_instance_is_shown_or_opened_first(page: SettingsPage, qtbot: QtBot) -> None:
    here, there = page.instances.view.names
    assert not page.instances.view.buttons(here)[words.SHOW].isEnabled()
    with qtbot.waitSignal(page.instances.show_wanted) as shown:
        page.instances.view.buttons(there)[words.SHOW].click()
    assert shown.args == [OTHER]
    page.instances.view.buttons(there)[words.OPEN_FIRST].click()
    assert load_settings().first_instance == "/sw/spack"
    page.instances.view.buttons(there)[words.NOT_FIRST].click()
    assert load_settings().first_instance == ""


def test_an_instance_is_forgotten_but_not_the_one_shown(page: SettingsPage, client: FakeClient, qtbot: QtBot) -> None:
    here, there = page.instances.view.names
    assert not page.instances.view.buttons(here)[words.FORGET].isEnabled()
    page.instances.view.buttons(there)[words.OPEN_FIRST].click()
    client.answers[ListInstances] = (INSTANCE,)
    with qtbot.waitSignal(page.instances.changed):
        page.instances.view.buttons(there)[words.FORGET].click()
    assert client.asked(ForgetInstance) == [ForgetInstance("other")]
    assert page.instances.view.names == [here]
    assert load_settings().first_instance == ""


def test_a_preset_says_what_it_would_push_and_is_queued_after_a_yes(
    page: SettingsPage, client: FakeClient, qtbot: QtBot
) -> None:
    client.answers[OpenInstance], client.answers[PlanPush], client.answers[StartPush] = INSTANCE, PLAN, "push-1"
    page.presets.view.buttons("nightly")[words.PUSH_PRESET].click()
    dialog = dialog_of(page, qtbot, MessageDialog)
    assert client.asked(PlanPush) == [PlanPush(INSTANCE.id, NIGHTLY.request)]
    assert not client.asked(StartPush)
    with qtbot.waitSignal(page.presets.pushed):
        press(dialog, words.push_count(1))
    assert client.asked(StartPush) == [StartPush("plan-1")]


def test_a_preset_that_cannot_be_planned_says_why(page: SettingsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[OpenInstance] = NotFound("There is no Spack instance", "/opt/spack")
    page.presets.view.buttons("nightly")[words.PUSH_PRESET].click()
    qtbot.waitUntil(lambda: page.banner.title == "There is no Spack instance")
    client.answers[OpenInstance] = INSTANCE
    client.answers[PlanPush] = replace(PLAN, blockers=(ErrorInfo("denied", "Cannot write to /scratch"),))
    page.presets.view.buttons("nightly")[words.PUSH_PRESET].click()
    qtbot.waitUntil(lambda: page.banner.title == "Cannot write to /scratch")
    assert not client.asked(StartPush)


def test_a_preset_is_renamed_unless_the_name_is_taken(page: SettingsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[SavePreset] = Conflict("There is a preset weekly already")
    page.presets.view.buttons("nightly")[words.RENAME].click()
    dialog = dialog_of(page, qtbot, PresetName)
    dialog.edit.setText("weekly")
    dialog.save_button.click()
    qtbot.waitUntil(lambda: dialog_of(page, qtbot, PresetName).save_button.text() == push_words.REPLACE_PRESET)
    again = dialog_of(page, qtbot, PresetName)
    client.answers[SavePreset] = None
    again.edit.setText("monthly")
    again.save_button.click()
    qtbot.waitUntil(lambda: client.asked(RemovePreset) == [RemovePreset("nightly")])
    assert client.asked(SavePreset)[-1] == SavePreset("monthly", NIGHTLY, replace=False)


def test_a_preset_is_deleted_after_a_question(page: SettingsPage, client: FakeClient, qtbot: QtBot) -> None:
    page.presets.view.buttons("nightly")[words.DELETE].click()
    client.answers[ListPresets] = {}
    press(dialog_of(page, qtbot, MessageDialog), words.DELETE)
    qtbot.waitUntil(lambda: client.asked(RemovePreset) == [RemovePreset("nightly")])
    qtbot.waitUntil(lambda: page.presets.view.names == [])
