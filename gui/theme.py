# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Colours, measures and fonts of the window in one place. Widgets use names from here, never literal colours.

Everything in this module belongs to the GUI thread.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from core.foundation.settings import Scheme
from gui.style_sheet import style_sheet

SPACE_XS, SPACE_S, SPACE_M, SPACE_L, SPACE_XL = 4, 8, 12, 16, 24
PAGE_MARGIN = 24
CARD_PADDING = 16
_CONTROL_HEIGHT = 30
_ICON, _LARGE_ICON = 16, 20
BAR_ROW, BAR_OVERALL = 6, 8
FADE_MS = 120
_ROW_HEIGHT, _COMPACT_ROW_HEIGHT = 34, 26
_USUAL_TEXT, _USUAL_WIDTH = "Installed 0123", 100
_ROLE = "font-role"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one scheme as `#rrggbb`."""

    bg: str
    surface: str
    raised: str
    line: str
    control_line: str
    text: str
    dim: str
    faint: str
    accent: str
    on_accent: str
    accent_soft: str
    selection: str
    ok: str
    warn: str
    bad: str
    track: str


LIGHT = Tokens(
    bg="#f5f6f8",
    surface="#ffffff",
    raised="#ffffff",
    line="#e1e4ea",
    control_line="#7d8696",
    text="#1b2230",
    dim="#566072",
    faint="#666f7d",
    accent="#1a5fd0",
    on_accent="#ffffff",
    accent_soft="#e6effd",
    selection="#e3edfd",
    ok="#17734a",
    warn="#875a00",
    bad="#bf2b27",
    track="#e6e9ef",
)
DARK = Tokens(
    bg="#15181d",
    surface="#1b1f26",
    raised="#222731",
    line="#2d333e",
    control_line="#78818f",
    text="#e7eaf0",
    dim="#9aa3b2",
    faint="#8a93a2",
    accent="#5b9dff",
    on_accent="#0b1220",
    accent_soft="#1f3355",
    selection="#26344d",
    ok="#4cc38a",
    warn="#f0b03f",
    bad="#ff6b6b",
    track="#2a303b",
)

# Every pair that may meet on the screen: text needs 4.5:1, shapes (icons, bars, outlines, focus) need 3:1.
# On selected rows dim and faint become text, so they are not listed there.
TEXT_PAIRS: tuple[tuple[str, str], ...] = (
    *((ink, ground) for ink in ("text", "dim", "faint") for ground in ("bg", "surface", "raised")),
    *(("text", ground) for ground in ("selection", "accent_soft", "track")),
    *((ink, ground) for ink in ("accent", "ok", "warn", "bad") for ground in ("bg", "surface")),
    ("dim", "track"),
    ("accent", "accent_soft"),
    ("on_accent", "accent"),
)
SHAPE_PAIRS: tuple[tuple[str, str], ...] = (
    *((ink, ground) for ink in ("control_line", "accent") for ground in ("bg", "surface", "raised")),
    *((ink, "selection") for ink in ("text", "accent", "ok", "warn", "bad")),
    *((ink, "accent_soft") for ink in ("ok", "warn", "bad")),
    *((ink, "track") for ink in ("accent", "ok", "bad")),
    ("control_line", "selection"),
    ("surface", "accent"),
)


class FontRole(StrEnum):
    """Kinds of text; sizes are relative to the desktop's own font."""

    TITLE = "title"
    BIG = "big"
    BODY = "body"
    STRONG = "strong"
    SMALL = "small"
    CAPTION = "caption"
    MONO = "mono"


_FONT_SIZES = {FontRole.TITLE: 1.75, FontRole.BIG: 1.25, FontRole.CAPTION: 0.85, FontRole.SMALL: 0.92}
_SEMI_BOLD = (FontRole.TITLE, FontRole.BIG, FontRole.STRONG, FontRole.CAPTION)


class _Theme(QObject):
    """`changed` is emitted after the colours of the application have changed, `density_changed` after row heights and
    sizes of text."""

    changed = Signal()
    density_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tokens = LIGHT
        self.scheme = Scheme.SYSTEM
        self.follows_desktop = False
        self.compact = False
        self.points = 0.0  # size of the desktop's own font; 0: not looked up yet
        self.text_percent = 100
        self.measured = QFont()  # the font `unit` was measured with
        self.unit = 0.0  # how wide text is, compared with a usual font; 0: not measured yet


_theme = _Theme()
changed = _theme.changed
density_changed = _theme.density_changed


def apply(app: QApplication, scheme: Scheme = Scheme.SYSTEM) -> None:
    """Give `app` this look now, and whenever the desktop changes its scheme."""
    hints = app.styleHints()
    if not _theme.follows_desktop:
        hints.colorSchemeChanged.connect(_on_scheme_changed)
        _theme.follows_desktop = True
    _theme.scheme = scheme
    app.setStyle("Fusion")
    if scheme is Scheme.SYSTEM:
        hints.unsetColorScheme()
    else:
        hints.setColorScheme(Qt.ColorScheme.Dark if scheme is Scheme.DARK else Qt.ColorScheme.Light)
    _on_scheme_changed()


def scheme() -> Scheme:
    """The scheme that was asked for last."""
    return _theme.scheme


def tokens() -> Tokens:
    """The colours in use."""
    return _theme.tokens


def color(name: str) -> QColor:
    """The colour of a token in use, by the token's name; do not change it."""
    return _color(getattr(_theme.tokens, name))


@lru_cache(maxsize=128)
def _color(text: str) -> QColor:
    return QColor(text)


def font(role: FontRole) -> QFont:
    """The desktop's font (its monospace for MONO) in the size and weight of `role`."""
    base = QApplication.font()
    if role is FontRole.MONO:
        mono = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        mono.setPointSizeF(_points(base) * 0.95)
        return mono
    base.setPointSizeF(_points(base) * _FONT_SIZES.get(role, 1.0))
    if role in _SEMI_BOLD:
        base.setWeight(QFont.Weight.DemiBold)
    if role is FontRole.CAPTION:
        base.setCapitalization(QFont.Capitalization.AllUppercase)
        base.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 103)
    base.setFeature(QFont.Tag("tnum"), 1)
    return base


def use_font(widget: QWidget, role: FontRole) -> None:
    """Give `widget` the font of `role`, now and whenever the size of text is changed."""
    widget.setProperty(_ROLE, role.value)
    widget.setFont(font(role))


def set_text_percent(app: QApplication, percent: int) -> None:
    """Make all text as large as that share of the desktop's own size."""
    if percent == _theme.text_percent:
        return
    base = app.font()
    _theme.points = _theme.points or _points(base)
    _theme.text_percent = percent
    base.setPointSizeF(_theme.points * percent / 100)
    app.setFont(base)
    _give_style_sheet(app)  # also because it keeps the fonts it knew
    for widget in app.allWidgets():
        if role := widget.property(_ROLE):
            widget.setFont(font(FontRole(role)))
    _theme.density_changed.emit()


def scaled(pixels: int) -> int:
    """A width meant for a usual font, wider where the desktop's text is larger."""
    base = QApplication.font()
    if not _theme.unit or base != _theme.measured:
        _theme.measured = base
        _theme.unit = max(1.0, QFontMetrics(base).horizontalAdvance(_USUAL_TEXT) / _USUAL_WIDTH)
    return round(pixels * _theme.unit)


def icon_size() -> int:
    """Width and height of icons beside text and of the marks of check boxes; never less than they were drawn for."""
    return scaled(_ICON)


def large_icon_size() -> int:
    """Width and height of icons that stand for themselves."""
    return scaled(_LARGE_ICON)


def set_compact(*, wanted: bool) -> None:
    """Make tables compact, or comfortable."""
    if wanted != _theme.compact:
        _theme.compact = wanted
        _theme.density_changed.emit()


def row_height() -> int:
    """Height of a table row with the desktop's font."""
    if _theme.compact:
        return max(_COMPACT_ROW_HEIGHT, QFontMetrics(QApplication.font()).height() + 2 * SPACE_XS)
    return comfortable_height()


def comfortable_height() -> int:
    """Height of what is a row but not one of many."""
    return max(_ROW_HEIGHT, QFontMetrics(QApplication.font()).height() + 2 * SPACE_S)


def control_height() -> int:
    """Height of buttons and fields with the desktop's font."""
    return max(_CONTROL_HEIGHT, QFontMetrics(QApplication.font()).height() + 2 * SPACE_S - 2)


def compact() -> bool:
    """Whether tables are compact; what stands around them should then leave them more room, too."""
    return _theme.compact


def _points(base: QFont) -> float:
    return base.pointSizeF() if base.pointSizeF() > 0 else base.pixelSize() * 0.75


def _on_scheme_changed() -> None:
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return
    if _forces_palette(app):
        _theme.tokens = tokens_of(app.style().standardPalette())
    else:
        desktop = Scheme.DARK if app.styleHints().colorScheme() == Qt.ColorScheme.Dark else Scheme.LIGHT
        scheme = desktop if _theme.scheme is Scheme.SYSTEM else _theme.scheme
        _theme.tokens = DARK if scheme is Scheme.DARK else LIGHT
    app.setPalette(palette_of(_theme.tokens))
    _give_style_sheet(app)
    _theme.changed.emit()


def _give_style_sheet(app: QApplication) -> None:
    app.setStyleSheet(style_sheet(_theme.tokens, control_height(), icon_size()))


def _forces_palette(app: QApplication) -> bool:
    hints = app.styleHints()
    if _theme.scheme is not Scheme.SYSTEM or not hasattr(hints, "accessibility"):  # Qt 6.10 and later
        return False
    return bool(hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast)


def tokens_of(palette: QPalette) -> Tokens:
    """Tokens made of a palette the desktop insists on: its own colours, states told apart by shape and word alone."""
    role = QPalette.ColorRole
    text, base = palette.color(role.WindowText), palette.color(role.Base)
    accent = palette.color(role.Highlight)
    ink = text.name()
    return Tokens(
        bg=palette.color(role.Window).name(),
        surface=base.name(),
        raised=palette.color(role.Button).name(),
        line=ink,
        control_line=ink,
        text=ink,
        dim=ink,
        faint=ink,
        accent=accent.name(),
        on_accent=palette.color(role.HighlightedText).name(),
        accent_soft=_mixed(base, accent, 0.15),
        selection=_mixed(base, accent, 0.15),
        ok=ink,
        warn=ink,
        bad=ink,
        track=_mixed(base, text, 0.15),
    )


def _mixed(ground: QColor, ink: QColor, share: float) -> str:
    parts = zip(_rgb(ground), _rgb(ink), strict=True)
    return QColor.fromRgbF(*(a + (b - a) * share for a, b in parts)).name()


def _rgb(value: QColor) -> tuple[float, float, float]:
    return value.redF(), value.greenF(), value.blueF()


def palette_of(tokens: Tokens) -> QPalette:
    """The palette for everything the style sheet does not reach."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    for roles, name in (
        ((role.Window, role.AlternateBase), tokens.bg),
        ((role.Base, role.Light), tokens.surface),
        ((role.Button, role.ToolTipBase), tokens.raised),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText), tokens.text),
        ((role.Midlight, role.Mid, role.Dark, role.Shadow), tokens.line),
        ((role.PlaceholderText,), tokens.faint),
        ((role.Highlight, role.Link, role.LinkVisited, role.Accent), tokens.accent),
        ((role.HighlightedText,), tokens.on_accent),
    ):
        for each in roles:
            palette.setColor(each, QColor(name))
    for each in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, each, QColor(tokens.faint))
    return palette


def contrast(first: str, second: str) -> float:
    """Contrast of two `#rrggbb` colours, 1 to 21 (WCAG 2)."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(name: str) -> float:
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _rgb(QColor(name)))
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


TOKEN_NAMES = tuple(field.name for field in fields(Tokens))
