# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Settings are kept and followed at once, and say what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from core.foundation.settings import LogLevel, Scheme, Settings, load_settings
from gui import preferences, theme
from gui import settings_words as words
from gui.actions import Actions
from gui.settings_page import SettingsPage
from gui.widgets.labels import Label


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot, themed: QApplication) -> Iterator[SettingsPage]:
    page = SettingsPage(client, commands)
    qtbot.addWidget(page)
    page.resize(700, 500)
    page.show()
    yield page
    preferences.change(scheme=Scheme.LIGHT, text_percent=100, compact=True)
    theme.set_compact(wanted=False)


def choose(combo: QComboBox, text: str) -> None:
    combo.setCurrentIndex(combo.findText(text))
    combo.activated.emit(combo.currentIndex())


def said(page: SettingsPage) -> list[str]:
    return [label.text() for label in page.findChildren(Label) if not label.isHidden()]


def test_every_setting_can_be_seen_and_changed(page: SettingsPage) -> None:
    assert page.shown == set(Settings.__struct_fields__)


def test_choices_are_kept_at_once(page: SettingsPage) -> None:
    choose(page.parallel, "8")
    choose(page.tries, "2")
    choose(page.bandwidth, words.per_second(10_000_000))
    choose(page.log_level, words.LOG_LEVELS[LogLevel.DEBUG])
    kept = load_settings()
    assert (kept.parallel, kept.tries, kept.bytes_per_s, kept.log_level) == (8, 2, 10_000_000, LogLevel.DEBUG)
    choose(page.bandwidth, words.NO_LIMIT)
    assert load_settings().bytes_per_s is None


def test_looks_change_while_one_looks(page: SettingsPage, themed: QApplication) -> None:
    choose(page.scheme, "Dark")
    assert theme.tokens() is theme.DARK
    before = themed.font().pointSizeF()
    choose(page.text_size, "150 %")
    assert themed.font().pointSizeF() == pytest.approx(1.5 * before)


def test_values_that_were_set_elsewhere_are_shown(page: SettingsPage) -> None:
    preferences.change(parallel=5, compact=False, offline=True, bytes_per_s=777_000)
    assert page.parallel.currentText() == "5"
    assert page.density.currentText() == words.DENSITIES[False]
    assert page.offline.isChecked()
    assert page.bandwidth.currentData() == 777_000


@pytest.mark.parametrize(
    ("text", "why"),
    [("relative", words.NOT_ABSOLUTE), ("/no/such/place", words.NO_SUCH_FOLDER)],
)
def test_a_folder_that_cannot_be_is_not_kept(page: SettingsPage, text: str, why: str) -> None:
    page.packing.edit.setText(text)
    page.packing.edit.editingFinished.emit()
    assert why in said(page)
    assert load_settings() == Settings()


def test_a_folder_typed_or_chosen_is_kept_and_may_be_emptied(page: SettingsPage, tmp_path: Path) -> None:
    page.packing.edit.setText(str(tmp_path))
    assert load_settings().packing_place == tmp_path
    page.packing.edit.setText("")
    assert load_settings() == Settings()


def test_a_proxy_with_a_login_is_refused_in_words(page: SettingsPage, qtbot: QtBot) -> None:
    page.proxy.setFocus()
    qtbot.keyClicks(page.proxy, "http://ann:secret@proxy:3128")
    qtbot.keyClick(page.proxy, Qt.Key.Key_Return)
    page.proxy.editingFinished.emit()
    assert words.NOT_A_PROXY in said(page)
    assert load_settings().proxy == ""
    page.proxy.setText("http://proxy:3128")
    page.proxy.editingFinished.emit()
    assert words.NOT_A_PROXY not in said(page)
    assert load_settings().proxy == "http://proxy:3128"


def test_a_check_box_is_kept(page: SettingsPage, qtbot: QtBot) -> None:
    page.notifications.click()
    assert not load_settings().notifications
    page.offline.click()
    assert load_settings().offline
