# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Icons drawn as SVG in one colour and shown in any colour of the theme. GUI thread only."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QRect, QSize, Qt
from PySide6.QtGui import QAction, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QLabel
from shiboken6 import isValid

from gui import theme

_PLACEHOLDERS = ("currentColor", "var(--accent)", "var(--line)", "var(--surface)")
_LARGEST_ICON = 20  # what is larger is a drawing
_RATIOS = (1.0, 1.5, 2.0, 3.0)


def pixmap(name: str, tone: str = "text", ratio: float = 1.0, size: QSize | None = None) -> QPixmap:
    """Drawing `name` in the colour of token `tone`, for a screen with device pixel ratio `ratio`.

    `size` is in logical pixels; when it is not given, icons are as large as the text wants them, and large drawings as
    they were drawn. Cached: treat as read only.
    """
    tokens = theme.tokens()
    wanted = size or _usual_size(name)
    ink = getattr(tokens, tone)
    return _render(name, (ink, tokens.accent, tokens.line, tokens.surface), ratio, wanted.width(), wanted.height())


def paint(painter: QPainter, place: QRect, name: str, tone: str = "text") -> None:
    """Paint icon `name` at the left edge of `place`, in the middle of its height."""
    device = painter.device()
    picture = pixmap(name, tone, device.devicePixelRatioF() if device else 1.0)
    size = picture.deviceIndependentSize().toSize()
    painter.drawPixmap(place.left(), place.center().y() - size.height() // 2 + 1, picture)


def icon(name: str, tone: str = "text", disabled_tone: str = "faint") -> QIcon:
    """An icon in today's colours and size; `bind` keeps one up to date instead."""
    result = QIcon()
    size = QSize(theme.icon_size(), theme.icon_size())
    for ratio in _RATIOS:
        result.addPixmap(pixmap(name, tone, ratio, size))
        result.addPixmap(pixmap(name, disabled_tone, ratio, size), QIcon.Mode.Disabled)
    return result


def app_icon() -> QIcon:
    """The application's own icon, in its own colours."""
    result = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        result.addPixmap(_render("app", ("", "", "", ""), 1.0, size, size))
    return result


def bind(target: QAction | QAbstractButton, name: str, tone: str = "text") -> None:
    """Give `target` the icon now, and anew whenever colours or the size of text change, as long as it lives."""
    _bind(target, lambda alive: alive.setIcon(icon(name, tone)))


def bind_check(action: QAction) -> None:
    """Let `action` be checked; menus show that as large as their text, which the style's own mark is not."""
    action.setCheckable(True)
    _bind(action, _show_check)
    action.toggled.connect(lambda _on: _show_check(action))


def _show_check(action: QAction) -> None:
    action.setIcon(icon("check") if action.isChecked() else QIcon())


def bind_label(target: QLabel, name: str, tone: str = "text") -> None:
    """Show the drawing in `target`, in the theme's colours and size."""
    _bind(target, lambda alive: alive.setPixmap(pixmap(name, tone, alive.devicePixelRatioF())))


def _bind(target: QObject, show: Callable[[Any], None]) -> None:
    _bindings[target] = show
    show(target)


def _on_theme_changed() -> None:
    for target, show in list(_bindings.items()):
        if isValid(target):
            show(target)


# Keyed by the object: a target bound again just changes its icon.
_bindings: weakref.WeakKeyDictionary[QObject, Callable[[Any], None]] = weakref.WeakKeyDictionary()
theme.changed.connect(_on_theme_changed)
theme.density_changed.connect(_on_theme_changed)


@lru_cache(maxsize=64)
def _source(name: str) -> str:
    return (files("resources.icons") / f"{name}.svg").read_text("utf-8")


@lru_cache(maxsize=64)
def _natural_size(name: str) -> QSize:
    return QSvgRenderer(QByteArray(_source(name).encode())).defaultSize()


def _usual_size(name: str) -> QSize:
    drawn = _natural_size(name)
    if drawn.width() > _LARGEST_ICON:
        return drawn
    return QSize(theme.scaled(drawn.width()), theme.scaled(drawn.height()))


@lru_cache(maxsize=512)
def _render(name: str, colors: tuple[str, ...], ratio: float, width: int, height: int) -> QPixmap:
    source = _source(name)
    for placeholder, value in zip(_PLACEHOLDERS, colors, strict=True):
        source = source.replace(placeholder, value)
    result = QPixmap(round(width * ratio), round(height * ratio))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(source.encode())).render(painter)
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result
