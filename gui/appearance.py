# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How the window looks: as a person has set it, and as the View menu shows it. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QApplication

from core.foundation.settings import LEAST_TEXT, MOST_TEXT, Scheme, Settings
from gui import preferences, theme
from gui.actions import Actions

TEXT_STEP = 10


def restore(app: QApplication) -> None:
    """Give `app` the look that was chosen last."""
    settings = preferences.now()
    theme.set_compact(wanted=settings.compact)
    theme.set_text_percent(app, settings.text_percent)
    theme.apply(app, settings.scheme)


def connect(actions: Actions) -> None:
    """Let the actions of the View menu show and change the look."""
    _ViewMenu(actions)


class _ViewMenu(QObject):
    def __init__(self, actions: Actions) -> None:
        super().__init__(actions)
        self._compact = actions.compact_rows
        self._schemes = {
            Scheme.SYSTEM: actions.appearance_system,
            Scheme.LIGHT: actions.appearance_light,
            Scheme.DARK: actions.appearance_dark,
        }
        group = QActionGroup(actions)
        for scheme, action in self._schemes.items():
            action.triggered.connect(lambda _checked=False, chosen=scheme: preferences.change(scheme=chosen))
            group.addAction(action)
        self._compact.triggered.connect(lambda wanted: preferences.change(compact=wanted))
        actions.larger_text.triggered.connect(lambda: _resize_text(TEXT_STEP))
        actions.smaller_text.triggered.connect(lambda: _resize_text(-TEXT_STEP))
        actions.usual_text.triggered.connect(lambda: preferences.change(text_percent=100))
        preferences.changed.connect(self._show)
        self._show(preferences.now())

    def _show(self, settings: Settings) -> None:
        self._schemes[settings.scheme].setChecked(True)
        self._compact.setChecked(settings.compact)


def _resize_text(step: int) -> None:
    wanted = preferences.now().text_percent + step
    preferences.change(text_percent=max(LEAST_TEXT, min(wanted, MOST_TEXT)))


def _follow(settings: Settings) -> None:
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return
    theme.set_compact(wanted=settings.compact)
    theme.set_text_percent(app, settings.text_percent)
    if settings.scheme is not theme.scheme():
        theme.apply(app, settings.scheme)


preferences.changed.connect(_follow)
