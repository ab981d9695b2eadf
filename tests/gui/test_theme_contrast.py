# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from importlib.resources import files

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetrics, QPalette
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from gui import icons, theme
from gui.style_sheet import style_sheet
from gui.theme import DARK, LIGHT, SHAPE_PAIRS, TEXT_PAIRS, Scheme, Tokens
from gui.widgets.labels import Label
from gui.widgets.table import TableView

DRAWINGS = sorted(path.name for path in files("resources.icons").iterdir() if path.name.endswith(".svg"))
SCHEMES = pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])


@SCHEMES
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_can_be_read(tokens: Tokens, ink: str, ground: str) -> None:
    assert theme.contrast(getattr(tokens, ink), getattr(tokens, ground)) >= 4.5


@SCHEMES
@pytest.mark.parametrize(("ink", "ground"), SHAPE_PAIRS)
def test_shapes_can_be_seen(tokens: Tokens, ink: str, ground: str) -> None:
    assert theme.contrast(getattr(tokens, ink), getattr(tokens, ground)) >= 3


def test_contrast_is_that_of_wcag() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@SCHEMES
def test_the_style_sheet_names_no_colour_of_its_own(tokens: Tokens) -> None:
    used = {word.strip(";,)") for word in style_sheet(tokens, 34, 16).split() if word.startswith("#")}
    colours = {word for word in used if QColor.isValidColorName(word)}
    assert colours <= {getattr(tokens, name) for name in theme.TOKEN_NAMES}


def test_a_choice_changes_everything_at_once(themed: QApplication, qtbot: QtBot) -> None:
    button = QPushButton()
    qtbot.addWidget(button)
    icons.bind(button, "search", "text")
    before = _ink(button)
    with qtbot.waitSignal(theme.changed):
        theme.apply(themed, Scheme.DARK)
    assert theme.tokens() is DARK
    assert themed.palette().color(QPalette.ColorRole.Window) == QColor(DARK.bg)
    assert before == QColor(LIGHT.text).rgb()
    assert _ink(button) == QColor(DARK.text).rgb()


def _ink(button: QPushButton) -> int:
    """The strongest colour of the button's icon."""
    image = button.icon().pixmap(64, 64).toImage()
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return max(pixels, key=QColor.alpha).rgb()


def test_a_palette_the_desktop_insists_on_replaces_the_tokens(themed: QApplication) -> None:
    forced = QPalette(Qt.GlobalColor.black)
    forced.setColor(QPalette.ColorRole.WindowText, QColor("#ffff00"))
    forced.setColor(QPalette.ColorRole.Window, QColor("#000000"))
    tokens = theme.tokens_of(forced)
    assert (tokens.text, tokens.dim, tokens.warn, tokens.bg) == ("#ffff00", "#ffff00", "#ffff00", "#000000")


def test_sizes_follow_the_desktops_font(themed: QApplication, qtbot: QtBot) -> None:
    usual = themed.font()
    larger = themed.font()
    larger.setPointSizeF(usual.pointSizeF() * 2)
    try:
        themed.setFont(larger)
        label, table = Label("x", theme.FontRole.TITLE), TableView("rows")
        qtbot.addWidget(label)
        qtbot.addWidget(table)
        assert label.font().pointSizeF() == pytest.approx(usual.pointSizeF() * 3.5)
        assert table.verticalHeader().defaultSectionSize() >= QFontMetrics(larger).height() + 16
    finally:
        themed.setFont(usual)


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_drawing_is_valid_and_takes_the_themes_colours(themed: QApplication, name: str) -> None:
    source = (files("resources.icons") / name).read_text("utf-8")
    image = icons.pixmap(name.removesuffix(".svg")).toImage()
    assert any(image.pixelColor(x, y).alpha() for x in range(image.width()) for y in range(image.height()))
    if name != "app.svg":
        assert "currentColor" in source
        assert "#" not in source
