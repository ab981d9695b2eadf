# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One notice at the top of a page."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPropertyAnimation, Qt, Signal
from PySide6.QtWidgets import QFrame, QGraphicsOpacityEffect, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui import icons, messages, theme
from gui.theme import FontRole
from gui.widgets.controls import Button, IconButton
from gui.widgets.labels import Label, repolish
from gui.widgets.motion import motion_wanted

_ICONS = {"info": ("info", "accent"), "ok": ("check", "ok"), "warn": ("warning", "warn"), "bad": ("error", "bad")}


class Banner(QFrame):
    """Hidden until `show_notice`; a new notice replaces the old one. `dismissed` follows the close button.

    A `stacked` banner has its title above its text, for places that are narrow.
    """

    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None, *, stacked: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._picture = QLabel()
        self._title = Label("", FontRole.STRONG)
        self._text = Label("")
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._text.make_selectable()
        self.button = Button("")
        self.button.clicked.connect(self._on_button)
        self.other_button = Button("")
        self.other_button.clicked.connect(self._on_other_button)
        self._close = IconButton("close", messages.DISMISS)
        self._close.clicked.connect(self._on_close)
        self._action: Callable[[], object] | None = None
        self._other_action: Callable[[], object] | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.SPACE_M, theme.SPACE_S, theme.SPACE_S, theme.SPACE_S)
        layout.setSpacing(theme.SPACE_S)
        words = QVBoxLayout() if stacked else QHBoxLayout()
        words.setSpacing(2 if stacked else theme.SPACE_S)
        words.addWidget(self._title)
        words.addWidget(self._text, 1)
        self._title.setWordWrap(stacked)
        layout.addWidget(self._picture)
        layout.addLayout(words, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.other_button)
        layout.addWidget(self._close)
        self.hide()

    def show_notice(
        self,
        title: str,
        text: str = "",
        *,
        tone: str = "info",
        button: str = "",
        action: Callable[[], object] | None = None,
        other_button: str = "",
        other_action: Callable[[], object] | None = None,
        closable: bool = True,
    ) -> None:
        """Show `title` (semi-bold) and `text`; `tone` is info, ok, warn or bad; `action` belongs to `button`,
        `other_action` to a second one beside it."""
        name, ink = _ICONS[tone]
        icons.bind_label(self._picture, name, ink)
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self.other_button.setText(other_button)
        self.other_button.setVisible(bool(other_button))
        self._action, self._other_action = action, other_action
        self._close.setVisible(closable)
        self.setProperty("tone", tone)
        self.setAccessibleName(". ".join(part for part in (title, text) if part))
        repolish(self)
        if self.isHidden():
            self.show()
            self._fade_in()

    def clear(self) -> None:
        self.hide()

    @property
    def title(self) -> str:
        return self._title.text()

    def _fade_in(self) -> None:
        if not motion_wanted():
            return
        effect = QGraphicsOpacityEffect(self)
        self.setGraphicsEffect(effect)
        fade = QPropertyAnimation(effect, b"opacity", effect)
        fade.setDuration(theme.FADE_MS)
        fade.setStartValue(0.0)
        fade.setEndValue(1.0)
        fade.finished.connect(self._on_faded, Qt.ConnectionType.QueuedConnection)
        fade.start()

    def _on_faded(self) -> None:
        self.setGraphicsEffect(None)  # type: ignore[arg-type]

    def _on_button(self) -> None:
        if self._action is not None:
            self._action()

    def _on_other_button(self) -> None:
        if self._other_action is not None:
            self._other_action()

    def _on_close(self) -> None:
        self.hide()
        self.dismissed.emit()
