# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What may go to free space: a goal, or rules for what is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QVBoxLayout, QWidget

from core.services.upkeep_values import FreeRule, KeepRules
from gui import icons, theme
from gui.contents import removal_words as words
from gui.widgets.choosing import Engine
from gui.widgets.controls import CheckBox, ComboBox, MenuButton
from gui.widgets.form_rows import FormRows
from gui.widgets.labels import Label
from gui.widgets.path_edit import PathEdit

_DEBOUNCE_MS = 500
_DAYS_WIDTH = 84
_DAY_S = 86400.0
_FIRST_DAYS = "90"
_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([kmgt]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


class Preset(IntEnum):
    """In the order of `words.PRESETS`."""

    GOAL = 0
    INSTALLED = 1
    ENVIRONMENTS = 2
    AGE = 3
    SPACK = 4


class FreeForm(QWidget):
    """`edited` follows every change at once, `settled` after a pause."""

    edited = Signal()
    settled = Signal()

    def __init__(self, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._environments: set[str] = set()
        self.preset_combo = ComboBox()
        self.preset_combo.setAccessibleName(words.RULE)
        self.preset_combo.addItems(words.PRESETS)
        self.goal_edit = QLineEdit()
        self.goal_edit.setPlaceholderText(words.GOAL_EXAMPLE)
        self.installed_box = CheckBox(words.KEEP_INSTALLED)
        self.environments_menu = QMenu(self)
        self.environments_button = MenuButton(words.NO_ENVIRONMENTS, self.environments_menu)
        self.environments_button.setAccessibleName(words.ENVIRONMENTS)
        self.days_edit = QLineEdit()
        self.days_edit.setPlaceholderText(words.DAYS_ANY)
        self.days_edit.setAccessibleName(f"{words.NEWER}, {words.DAYS}")
        self.days_edit.setFixedWidth(theme.scaled(_DAYS_WIDTH))
        self.keep_list = PathEdit(words.KEEP_LIST_CHOOSE, folder=False, engine=engine)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_DEBOUNCE_MS)
        self._pause.timeout.connect(self.settled)
        self._lay_out()
        self.preset_combo.currentIndexChanged.connect(self._on_preset)
        self.installed_box.toggled.connect(lambda _on: self._on_edited())
        for edit in (self.goal_edit, self.days_edit, self.keep_list.edit):
            edit.textChanged.connect(lambda _text: self._on_edited())
        self._on_preset()

    def _lay_out(self) -> None:
        keep = QWidget()
        row = QHBoxLayout(keep)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self.installed_box)
        row.addSpacing(theme.SPACE_S)
        row.addWidget(self.environments_button)
        row.addSpacing(theme.SPACE_S)
        row.addWidget(Label(words.NEWER.lower(), tone="dim"))
        row.addWidget(self.days_edit)
        row.addWidget(Label(words.DAYS, tone="dim"))
        row.addStretch(1)
        rows = FormRows()
        rows.add(words.RULE, self.preset_combo)
        self._goal = rows.add(words.GOAL, self.goal_edit)
        self._keep = rows.add(words.KEEP_TITLE, keep)
        self._list = rows.add(words.KEEP_LIST, self.keep_list)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(rows)

    # ---- what is entered ----

    @property
    def preset(self) -> Preset:
        return Preset(self.preset_combo.currentIndex())

    @property
    def rule(self) -> FreeRule:
        if self.preset is Preset.GOAL:
            return FreeRule.GOAL
        return FreeRule.SPACK if self.preset is Preset.SPACK else FreeRule.ALL_NOT_KEPT

    @property
    def goal_bytes(self) -> int | None:
        """None for what is no size."""
        found = _SIZE.fullmatch(self.goal_edit.text().strip())
        return int(float(found[1].replace(",", ".")) * _UNITS[found[2].lower()]) if found else None

    @property
    def keep(self) -> KeepRules:
        days = self._days()
        return KeepRules(
            environments=tuple(sorted(self._environments)),
            installed=self.installed_box.isChecked(),
            newer_than_s=days * _DAY_S if days is not None else None,
        )

    @property
    def keep_list_path(self) -> str:
        return self.keep_list.edit.text().strip() if self.preset is Preset.SPACK else ""

    @property
    def why_not(self) -> str:
        """Why nothing can be planned yet, "" if something can."""
        if self.preset is Preset.GOAL and not self.goal_bytes:
            return words.GOAL_WRONG
        if self.preset is not Preset.SPACK and self.days_edit.text().strip() and self._days() is None:
            return words.DAYS_WRONG
        return words.WHY_NO_RULE if self.rule is FreeRule.ALL_NOT_KEPT and self.keep == KeepRules() else ""

    def _days(self) -> float | None:
        try:
            days = float(self.days_edit.text().strip().replace(",", "."))
        except ValueError:
            return None
        return days if 0 < days < 1e5 else None

    def set_environments(self, names: Sequence[str]) -> None:
        """Offer these to be kept."""
        self.environments_menu.clear()
        for name in names:
            action = self.environments_menu.addAction(name.replace("&", "&&"))
            icons.bind_check(action)
            action.setChecked(name in self._environments)
            action.toggled.connect(lambda on, wanted=name: self._on_environment(wanted, on))
        self._on_preset()

    # ---- changes ----

    def _on_environment(self, name: str, wanted: bool) -> None:
        (self._environments.add if wanted else self._environments.discard)(name)
        self.environments_button.setText(words.environments(sorted(self._environments)))
        self._on_edited()

    def _on_preset(self) -> None:
        preset = self.preset
        self._goal.set_visible(wanted=preset is Preset.GOAL)
        self._keep.set_visible(wanted=preset is not Preset.SPACK)
        self._list.set_visible(wanted=preset is Preset.SPACK)
        self.environments_button.setEnabled(not self.environments_menu.isEmpty())
        if preset is Preset.INSTALLED:
            self.installed_box.setChecked(True)
        if preset is Preset.AGE and not self.days_edit.text():
            self.days_edit.setText(_FIRST_DAYS)
        self._on_edited()

    def _on_edited(self) -> None:
        typed = self.goal_edit.text().strip()
        wrong = bool(typed) and self.goal_bytes is None
        self._goal.say(words.GOAL_WRONG if wrong else words.GOAL_HINT, "warn" if wrong else "dim")
        self._keep.say(words.DAYS_WRONG if self.why_not == words.DAYS_WRONG else words.KEEP_HINT)
        self._list.say(words.KEEP_LIST_HINT)
        self._pause.start()
        self.edited.emit()

    def leave(self) -> None:
        """Tell nothing any more."""
        self._pause.stop()
        self.keep_list.tasks.cancel_all()
