# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The texts of table cells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from gui import theme
from gui.widgets.cell import CellDelegate

ROOM = QRect(10, 0, 100, 33)


@pytest.fixture
def image(themed: QApplication) -> Iterator[QImage]:
    picture = QImage(200, 33, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.white)
    yield picture
    theme.set_text_percent(themed, 100)


def painted(delegate: CellDelegate, image: QImage, text: str, *, at_right: bool = False) -> int:
    painter = QPainter(image)
    width = delegate.paint_text(painter, ROOM, text, "text", at_right=at_right)
    painter.end()
    return width


def inked(image: QImage) -> tuple[int, int]:
    """The first and the last column that anything is painted in."""
    white = QImage(image)
    white.fill(Qt.GlobalColor.white)
    columns = [x for x in range(image.width()) if any(image.pixel(x, y) != white.pixel(x, y) for y in range(33))]
    return columns[0], columns[-1]


def test_a_text_stays_within_its_cell_and_is_cut_where_there_is_no_room(image: QImage) -> None:
    assert painted(CellDelegate(), image, "package " * 20) <= ROOM.width()
    left, right = inked(image)
    assert ROOM.left() <= left
    assert right <= ROOM.right() + 1


def test_numbers_end_where_the_cell_ends(image: QImage) -> None:
    width = painted(CellDelegate(), image, "123", at_right=True)
    left, right = inked(image)
    assert left >= ROOM.right() - width
    assert right > ROOM.right() - 4


def test_a_text_is_laid_out_anew_when_the_size_of_text_changes(themed: QApplication, image: QImage) -> None:
    delegate = CellDelegate()
    before = painted(delegate, image, "zlib")
    theme.set_text_percent(themed, 200)
    assert painted(delegate, image, "zlib") > 1.5 * before


def test_not_every_text_ever_shown_is_kept(image: QImage) -> None:
    delegate = CellDelegate()
    for number in range(1_500):
        painted(delegate, image, f"package-{number}")
    assert 0 < len(delegate._laid_out) <= 1_000
