# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Icons drawn as SVG in one colour and shown in any colour of the theme. GUI thread only."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QSize, Qt
from PySide6.QtGui import QAction, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QLabel
from shiboken6 import isValid

from gui import theme

_PLACEHOLDERS = ("currentColor", "var(--accent)", "var(--line)", "var(--surface)")
_RATIOS = (1.0, 1.5, 2.0, 3.0)


def pixmap(name: str, tone: str = "text", ratio: float = 1.0, size: QSize | None = None) -> QPixmap:
    """Drawing `name` in the colour of token `tone`, for a screen with device pixel ratio `ratio`.

    `size` is in logical pixels; the drawing's own size when it is not given. Cached: treat as read only.
    """
    tokens = theme.tokens()
    wanted = size or _natural_size(name)
    ink = getattr(tokens, tone)
    return _render(name, (ink, tokens.accent, tokens.line, tokens.surface), ratio, wanted.width(), wanted.height())


def icon(name: str, tone: str = "text", disabled_tone: str = "faint") -> QIcon:
    """An icon in today's colours; `bind` keeps one up to date instead."""
    result = QIcon()
    for ratio in _RATIOS:
        result.addPixmap(pixmap(name, tone, ratio))
        result.addPixmap(pixmap(name, disabled_tone, ratio), QIcon.Mode.Disabled)
    return result


def app_icon() -> QIcon:
    """The application's own icon, in its own colours."""
    result = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        result.addPixmap(_render("app", ("", "", "", ""), 1.0, size, size))
    return result


def bind(target: QAction | QAbstractButton, name: str, tone: str = "text") -> None:
    """Give `target` the icon now and in the new colours whenever the theme changes, as long as it lives."""
    _bind(target, lambda alive: alive.setIcon(icon(name, tone)))


def bind_label(target: QLabel, name: str, tone: str = "text") -> None:
    """Show the drawing in `target`, in the theme's colours."""
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


@lru_cache(maxsize=64)
def _source(name: str) -> str:
    return (files("resources.icons") / f"{name}.svg").read_text("utf-8")


@lru_cache(maxsize=64)
def _natural_size(name: str) -> QSize:
    return QSvgRenderer(QByteArray(_source(name).encode())).defaultSize()


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
