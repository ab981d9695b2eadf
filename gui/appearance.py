# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How the window looks, as chosen in the View menu and remembered. GUI thread only."""

from __future__ import annotations

from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QApplication

from gui import theme
from gui.actions import Actions
from gui.settings import remembered
from gui.theme import Scheme

_SCHEME_KEY, _COMPACT_KEY = "window/appearance", "window/compact"


def restore(app: QApplication) -> None:
    """Give `app` the look that was chosen last; the desktop's scheme and compact rows at first."""
    theme.set_compact(wanted=_remembered_compact())
    theme.apply(app, _remembered_scheme())


def connect(actions: Actions) -> None:
    """Let the actions of the View menu show and change the look."""
    group = QActionGroup(actions)
    for scheme, action in (
        (Scheme.SYSTEM, actions.appearance_system),
        (Scheme.LIGHT, actions.appearance_light),
        (Scheme.DARK, actions.appearance_dark),
    ):
        action.setChecked(scheme is _remembered_scheme())
        action.triggered.connect(lambda _checked=False, chosen=scheme: _choose(chosen))
        group.addAction(action)
    actions.compact_rows.setChecked(_remembered_compact())
    actions.compact_rows.toggled.connect(_choose_compact)


def _choose(scheme: Scheme) -> None:
    remembered().setValue(_SCHEME_KEY, scheme.value)
    app = QApplication.instance()
    if isinstance(app, QApplication):
        theme.apply(app, scheme)


def _choose_compact(wanted: bool) -> None:
    remembered().setValue(_COMPACT_KEY, "yes" if wanted else "no")
    theme.set_compact(wanted=wanted)


def _remembered_scheme() -> Scheme:
    value = str(remembered().value(_SCHEME_KEY, ""))
    return Scheme(value) if value in tuple(Scheme) else Scheme.SYSTEM


def _remembered_compact() -> bool:
    return remembered().value(_COMPACT_KEY) != "no"
