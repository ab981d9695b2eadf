# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the list is narrowed by: the line, three choices, and filters kept for later."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from core.services.package_values import EnvironmentRow
from gui import icons, messages, theme
from gui.packages import words
from gui.packages.completion import is_eager
from gui.packages.rows import Show
from gui.settings import remembered
from gui.widgets.controls import ComboBox, IconButton
from gui.widgets.spec_line import Completion, SpecLine

NO_MIRROR = "*"
_SAVED_KEY = "packages/filters"
_MOST_SAVED = 30
_SHOWN_LETTERS = 9
_POPUP_EDGES = 40


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """What a person chose. `missing_on` is a mirror, NO_MIRROR for what no mirror has, "" for anything."""

    text: str = ""
    show: Show = Show.INSTALLED
    environment: str = ""
    missing_on: str = ""

    def title(self) -> str:
        """`hdf5+mpi · Explicit only · hpc-base · Not on site-oci`."""
        shown = "" if self.show is Show.INSTALLED else dict(words.SHOWN)[self.show.value]
        where = words.ON_NONE if self.missing_on == NO_MIRROR else words.not_on(self.missing_on)
        parts = (self.text, shown, self.environment, where * bool(self.missing_on))
        return " · ".join(part for part in parts if part)


class ChoiceBox(ComboBox):
    """A choice that takes little room for what is chosen and all it needs for what there is to choose.

    `short` is shown instead of the first entry, which means no choice.
    """

    def __init__(self, name: str, short: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._short = short
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(_SHOWN_LETTERS)
        self.currentTextChanged.connect(lambda text: self.setToolTip(f"{name}: {text}"))

    def fitting_text(self, text: str, room: int) -> str:
        return super().fitting_text(self._short if self._short and not self.currentIndex() else text, room)

    def showPopup(self) -> None:
        metrics = self.fontMetrics()
        texts = [self.itemText(at) for at in range(self.count())]
        widest = max(map(metrics.horizontalAdvance, texts), default=0) + theme.scaled(_POPUP_EDGES)
        self.view().setMinimumWidth(max(self.width(), widest))
        super().showPopup()


class FilterBar(QWidget):
    """`changed` follows every change of `choice`."""

    changed = Signal()

    def __init__(self, complete: Callable[[str], Completion], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = SpecLine(words.FILTER, messages.PACKAGES_FILTER_NAME, complete, is_eager)
        self.show_combo = ChoiceBox(words.SHOW)
        for value, text in words.SHOWN:
            self.show_combo.addItem(text, Show(value))
        self.environment_combo = ChoiceBox(words.ENVIRONMENT, words.ENVIRONMENT)
        self.where_combo = ChoiceBox(words.WHERE, words.WHERE)
        self.saved_button = IconButton("star", words.SAVED_FILTERS)
        self.saved_button.setPopupMode(IconButton.ToolButtonPopupMode.InstantPopup)
        self.saved_menu = QMenu(words.SAVED_FILTERS, self)
        self.saved_menu.setToolTipsVisible(True)
        self.saved_menu.aboutToShow.connect(self._fill_saved)
        self.saved_button.setMenu(self.saved_menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self.line, 1)
        row.addWidget(self.saved_button)
        for combo in (self.show_combo, self.environment_combo, self.where_combo):
            row.addWidget(combo)
            combo.currentIndexChanged.connect(self._on_changed)
        self.line.filter_changed.connect(self._on_changed)
        self._quiet = False
        self.set_environments(())
        self.set_mirrors(())

    @property
    def choice(self) -> FilterChoice:
        show, environment, where = (
            combo.currentData() for combo in (self.show_combo, self.environment_combo, self.where_combo)
        )
        return FilterChoice(self.line.text().strip(), Show(show), environment or "", where or "")

    def choose(self, choice: FilterChoice) -> None:
        """Set everything at once."""
        self._quiet = True
        self.line.set_text_now(choice.text)
        for combo, value in (
            (self.show_combo, choice.show),
            (self.environment_combo, choice.environment),
            (self.where_combo, choice.missing_on),
        ):
            combo.setCurrentIndex(max(0, combo.findData(value)))
        self._quiet = False
        self.changed.emit()

    def clear(self) -> None:
        """Everything that is installed."""
        self.choose(FilterChoice())

    def set_environments(self, rows: Sequence[EnvironmentRow]) -> None:
        self._offer(
            self.environment_combo,
            [(words.ANY_ENVIRONMENT, ""), *((words.environment_text(row), row.name) for row in rows)],
        )

    def set_mirrors(self, names: Sequence[str]) -> None:
        several = [(words.ON_NONE, NO_MIRROR)] if len(names) > 1 else []
        offers = [(words.ANYWHERE, ""), *((words.not_on(name), name) for name in names), *several]
        self._offer(self.where_combo, offers)

    def _offer(self, combo: ComboBox, offers: Sequence[tuple[str, str]]) -> None:
        """Keep what is chosen if it is still there."""
        kept = combo.currentData()
        if [(combo.itemText(at), combo.itemData(at)) for at in range(combo.count())] == list(offers):
            return
        combo.blockSignals(True)
        combo.clear()
        for text, value in offers:
            combo.addItem(text, value)
        combo.setCurrentIndex(max(0, combo.findData(kept)))
        combo.blockSignals(False)
        combo.setVisible(len(offers) > 1)
        if combo.currentData() != kept:
            self._on_changed()

    def _on_changed(self) -> None:
        if not self._quiet:
            self.changed.emit()

    # ---- filters kept for later ----

    def saved(self) -> list[FilterChoice]:
        try:
            found = json.loads(str(remembered().value(_SAVED_KEY) or "[]"))
            return [FilterChoice(**{**each, "show": Show(each["show"])}) for each in found]
        except (ValueError, TypeError, KeyError):
            return []  # written by another version

    def _save(self, choices: Sequence[FilterChoice]) -> None:
        remembered().setValue(_SAVED_KEY, json.dumps([asdict(choice) for choice in choices[:_MOST_SAVED]]))

    def save_current(self) -> None:
        choice = self.choice
        self._save([choice, *(each for each in self.saved() if each != choice)])

    def forget(self, choice: FilterChoice) -> None:
        self._save([each for each in self.saved() if each != choice])

    def _fill_saved(self) -> None:
        menu, saved, here = self.saved_menu, self.saved(), self.choice
        menu.clear()
        save = menu.addAction(words.SAVE_FILTER)
        save.setEnabled(bool(here.title()) and here not in saved)
        save.triggered.connect(self.save_current)
        menu.addSeparator()
        if not saved:
            menu.addAction(words.NO_SAVED_FILTERS).setEnabled(False)
            return
        for choice in saved:
            action = menu.addAction(_menu_text(choice))
            icons.bind_check(action)
            action.setChecked(choice == here)
            action.triggered.connect(lambda _on=False, wanted=choice: self.choose(wanted))
        menu.addSeparator()
        forget = menu.addMenu(words.FORGET_FILTER)
        for choice in saved:
            forget.addAction(_menu_text(choice)).triggered.connect(
                lambda _on=False, unwanted=choice: self.forget(unwanted)
            )


def _menu_text(choice: FilterChoice) -> str:
    return choice.title().replace("&", "&&")
