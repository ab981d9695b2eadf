# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Settings: every change is kept and followed at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSystemTrayIcon, QVBoxLayout, QWidget

from core.foundation.errors import MirrordeckError
from core.foundation.settings import LEAST_TEXT, MOST_TEXT, Settings
from gui import messages, preferences, theme
from gui import settings_words as words
from gui.actions import Actions
from gui.appearance import TEXT_STEP
from gui.engine_client import EngineClient
from gui.remote import words as remote_words
from gui.settings_lists import KnownInstances, SavedPushes
from gui.theme import FontRole
from gui.widgets.card import Card
from gui.widgets.controls import ActionButton, CheckBox, ComboBox
from gui.widgets.form_rows import FormRow, FormRows
from gui.widgets.form_scroll import FormScroll
from gui.widgets.labels import Label
from gui.widgets.page import Page
from gui.widgets.path_edit import PathEdit

_WIDTH, _LABELS = 760, 190
_PARALLEL = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_BANDWIDTHS = (None, *(count * 1_000_000 for count in (1, 5, 10, 25, 50, 100, 250)))
_TRIES = (1, 2, 3, 6, 10, 20)
_WAITS_S = (0, 60, 300, 900, 3600, 8 * 3600, 86400)


class SettingsPage(Page):
    """Fields that show `preferences.now()` and change it."""

    title = messages.SETTINGS

    def __init__(self, client: EngineClient, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(client, actions, parent)
        self.sentence.setText(words.SENTENCE)
        self._shows: dict[str, Callable[[Settings], None]] = {}
        self._cards = QWidget()
        self._column = QVBoxLayout(self._cards)
        self._column.setContentsMargins(0, 0, 0, theme.SPACE_L)
        self._column.setSpacing(theme.SPACE_M)
        self._add_instances()
        self._add_presets()
        self._add_transfers()
        self._add_network()
        self._add_appearance()
        self._add_notices()
        self._add_log()
        self._column.addStretch(1)
        self.body.addWidget(FormScroll(self._cards), 1)
        theme.density_changed.connect(self._fit_text_size)
        self._fit_text_size()
        preferences.changed.connect(self._show)
        self._show(preferences.now())

    def _fit_text_size(self) -> None:
        self._cards.setMaximumWidth(theme.scaled(_WIDTH))

    async def load(self, instance_id: str) -> None:
        self.instance_id = instance_id
        place = self.client.place
        self.sentence.setText(words.SENTENCE if place.is_here else remote_words.settings_there(place.title))
        self._show(preferences.now())
        await self._list()

    def forget(self) -> None:
        super().forget()
        self.instances.forget()
        self.presets.forget()

    async def _list(self) -> None:
        await self.instances.load(self.instance_id)
        await self.presets.load()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.client.running:  # not while the window is built
            self.start(self._list())

    def panes(self) -> list[QWidget]:
        return [self.parallel]

    def leave(self) -> None:
        for each in (self.packing, self.certificates, self.instances, self.presets):
            each.tasks.cancel_all()
        super().leave()

    # ---- sections ----

    def _add_instances(self) -> None:
        rows = self._section(words.INSTANCES)
        self.instances = KnownInstances(self.client, self)
        self.instances.failed.connect(self.show_error)
        rows.add_wide(self.instances.view).say(words.INSTANCES_HINT)
        self._shows["first_instance"] = lambda _settings: self.instances.show_known()

    def _add_presets(self) -> None:
        rows = self._section(words.PRESETS)
        self.presets = SavedPushes(self.client, self.why_no_push, self)
        self.presets.failed.connect(self.show_error)
        rows.add_wide(self.presets.view)

    def _add_transfers(self) -> None:
        rows = self._section(words.TRANSFERS)
        self.parallel = self._choice(rows, words.PARALLEL, "parallel", _PARALLEL, str)
        self.bandwidth = self._choice(rows, words.BANDWIDTH, "bytes_per_s", _BANDWIDTHS, words.per_second)
        self.tries = self._choice(rows, words.TRIES, "tries", _TRIES, str, hint=words.TRIES_HINT)
        self.packing = PathEdit(words.CHOOSE_FOLDER, folder=True)
        usual = words.USUAL_FOLDER.format(place=Settings().packing_place)
        self._text(rows, words.PACKING_FOLDER, "packing_folder", self.packing, usual, check=_why_not_folder)

    def _add_network(self) -> None:
        rows = self._section(words.NETWORK)
        self.proxy = QLineEdit()
        self._text(rows, words.PROXY, "proxy", self.proxy, words.PROXY_PLACEHOLDER, hint=words.PROXY_HINT)
        self.no_proxy = QLineEdit()
        self._text(rows, words.NO_PROXY, "no_proxy", self.no_proxy, words.NO_PROXY_PLACEHOLDER)
        self.certificates = PathEdit(words.CHOOSE_FILE, folder=False)
        self._text(rows, words.CA_FILE, "ca_file", self.certificates, words.CA_PLACEHOLDER, check=_why_not_file)
        self.offline = self._check(rows, words.OFFLINE, words.OFFLINE_TEXT, "offline")
        self.remote_wait = self._choice(
            rows, words.REMOTE_WAIT, "remote_wait_s", _WAITS_S, words.waiting, hint=words.REMOTE_WAIT_HINT
        )

    def _add_appearance(self) -> None:
        rows = self._section(words.APPEARANCE)
        self.scheme = self._choice(rows, words.SCHEME, "scheme", tuple(words.SCHEMES), words.SCHEMES.__getitem__)
        self.density = self._choice(rows, words.ROWS, "compact", tuple(words.DENSITIES), words.DENSITIES.__getitem__)
        sizes = tuple(range(LEAST_TEXT, MOST_TEXT + 1, TEXT_STEP))
        self.text_size = self._choice(rows, words.TEXT_SIZE, "text_percent", sizes, words.percent)

    def _add_notices(self) -> None:
        rows = self._section(words.NOTICES)
        self.notifications = self._check(rows, words.PUSH_ENDED, words.NOTIFICATIONS, "notifications")
        possible = QSystemTrayIcon.isSystemTrayAvailable()
        hint = words.TRAY_HINT if possible else words.NO_TRAY
        self.tray = self._check(rows, words.TRAY, words.TRAY_TEXT, "tray", hint=hint)
        self.tray.setEnabled(possible)

    def _add_log(self) -> None:
        rows = self._section(words.LOG)
        levels = tuple(words.LOG_LEVELS)
        named = words.LOG_LEVELS.__getitem__
        self.log_level = self._choice(rows, words.LOG_LEVEL, "log_level", levels, named, hint=words.LOG_HINT)
        place = QWidget()
        row = QHBoxLayout(place)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(ActionButton(self.commands.open_log))
        row.addStretch(1)
        rows.add("", place)

    # ---- fields ----

    def _section(self, title: str) -> FormRows:
        card = Card()
        card.body.addWidget(Label(title, FontRole.STRONG))
        rows = FormRows(label_width=_LABELS)
        card.body.addWidget(rows)
        self._column.addWidget(card)
        return rows

    def _choice(
        self,
        rows: FormRows,
        label: str,
        name: str,
        values: Sequence[Any],
        text_of: Callable[[Any], str],
        *,
        hint: str = "",
    ) -> ComboBox:
        combo = ComboBox()
        combo.setAccessibleName(label)
        for value in values:
            combo.addItem(text_of(value), value)
        row = rows.add(label, combo)
        row.say(hint)

        def show(settings: Settings) -> None:
            wanted = getattr(settings, name)
            known = [combo.itemData(at) for at in range(combo.count())]
            if wanted not in known:
                combo.addItem(text_of(wanted), wanted)
                known.append(wanted)
            combo.setCurrentIndex(known.index(wanted))

        combo.activated.connect(lambda at: self._change(row, hint, {name: combo.itemData(at)}))
        self._shows[name] = show
        return combo

    def _check(self, rows: FormRows, label: str, text: str, name: str, *, hint: str = "") -> CheckBox:
        box = CheckBox(text)
        row = rows.add(label, box)
        row.say(hint)
        box.clicked.connect(lambda wanted: self._change(row, hint, {name: wanted}))
        self._shows[name] = lambda settings: box.setChecked(getattr(settings, name))
        return box

    def _text(
        self,
        rows: FormRows,
        label: str,
        name: str,
        field: QLineEdit | PathEdit,
        placeholder: str,
        *,
        hint: str = "",
        check: Callable[[str], str] = lambda _text: "",
    ) -> None:
        edit = field.edit if isinstance(field, PathEdit) else field
        edit.setAccessibleName(label)
        edit.setPlaceholderText(placeholder)
        row = rows.add(label, field)
        row.say(hint)

        def keep() -> None:
            text = edit.text().strip()
            why_not = check(text) if text else ""
            if why_not:
                row.say(why_not, "bad")
            else:
                self._change(row, hint, {name: text})

        edit.editingFinished.connect(keep)
        edit.textChanged.connect(lambda: None if edit.hasFocus() else keep())  # chosen in a dialog

        def show(settings: Settings) -> None:
            kept = getattr(settings, name)
            if not edit.hasFocus() and edit.text() != kept:
                edit.setText(kept)

        self._shows[name] = show

    def _change(self, row: FormRow, hint: str, changes: dict[str, Any]) -> None:
        try:
            preferences.change(**changes)
        except ValueError:
            row.say(words.NOT_A_PROXY, "bad")  # the only field that takes what cannot be
        except MirrordeckError as error:
            self.show_error(error)
        else:
            row.say(hint)

    def _show(self, settings: Settings) -> None:
        for show in self._shows.values():
            show(settings)

    @property
    def shown(self) -> frozenset[str]:
        """The settings that can be seen and changed here."""
        return frozenset(self._shows)


def _why_not_folder(text: str) -> str:
    if not text.startswith("/"):
        return words.NOT_ABSOLUTE
    if not Path(text).is_dir():
        return words.NO_SUCH_FOLDER
    return "" if os.access(text, os.W_OK | os.X_OK) else words.NOT_WRITABLE


def _why_not_file(text: str) -> str:
    if not text.startswith("/"):
        return words.NOT_ABSOLUTE
    return "" if Path(text).exists() else words.NO_SUCH_FILE
