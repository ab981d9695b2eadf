# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A push that signs with a key whose passphrase has to be given first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import samples as common
import transfer_samples as samples
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.engine.calls.keys import UnlockKey
from core.engine.calls.push import PlanPush, StartPush
from core.foundation.errors import PassphraseNeeded
from gui.keys.dialogs import UnlockDialog
from gui.push.dialog import PushDialog

KEY = "3CD048C966B5A9A9BDF04EAD28FD54E3F83DC1DB"


@pytest.fixture
def dialog(client: FakeClient, qtbot: QtBot) -> Iterator[PushDialog]:
    def plan(call: PlanPush) -> object:
        made = samples.plan(call.request.options, mirror=call.request.mirror)
        return replace(made, key=KEY, key_owner="Ann <ann@example.org>", key_locked=True, warnings=(), blockers=())

    client.answers[PlanPush] = plan
    client.answers[StartPush] = "push-1"
    dialog = PushDialog(client, common.INSTANCE, mirror="scratch", hashes=("a" * 32,))
    qtbot.addWidget(dialog)
    dialog.open()
    qtbot.waitUntil(lambda: not dialog.tasks.busy)
    yield dialog
    dialog.reject()


def unlocking(dialog: PushDialog, qtbot: QtBot) -> UnlockDialog:
    def shown() -> list[UnlockDialog]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, UnlockDialog) and each.isVisible()]

    qtbot.mouseClick(dialog.push_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(shown()))
    return shown()[0]


def test_the_plan_says_it_and_the_passphrase_is_asked_once(
    dialog: PushDialog, client: FakeClient, qtbot: QtBot
) -> None:
    assert "passphrase of the key is asked for" in dialog.notice.accessibleName()
    unlock = unlocking(dialog, qtbot)
    qtbot.keyClicks(unlock.passphrase.edit, "open")
    with qtbot.waitSignal(dialog.push_started):
        qtbot.mouseClick(unlock.confirm_button, Qt.MouseButton.LeftButton)
    (asked,) = client.asked(UnlockKey)
    assert (asked.fingerprint, asked.passphrase.reveal()) == (KEY, "open")


def test_without_the_passphrase_nothing_is_pushed(dialog: PushDialog, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[UnlockKey] = PassphraseNeeded("Signing failed", "The passphrase is wrong")
    unlock = unlocking(dialog, qtbot)
    qtbot.mouseClick(unlock.confirm_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: unlock.notice.isVisible() and not unlock.working)
    unlock.reject()
    qtbot.waitUntil(lambda: not dialog.tasks.busy)
    assert client.asked(StartPush) == []
    assert dialog.push_button.isEnabled()
