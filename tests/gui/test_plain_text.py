# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Foreign text is shown as it is: no widget takes it for rich text, tooltips least of all."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fake_client import FakeClient
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QTextBrowser, QTextEdit, QToolTip, QWidget
from pytestqt.qtbot import QtBot
from samples import INSTANCE

from gui.main_window import MainWindow, WindowOptions
from gui.widgets.banner import Banner
from gui.widgets.dialogs import MessageDialog

GUI = Path(__file__).parents[2] / "gui"
HOSTILE = "<b>bold</b><img src='file:///etc/passwd'>&lt;"
# Our own guide is the only rich text there is.
RICH = {"gui/help/viewer.py"}


def labels_of(widget: QWidget) -> list[QLabel]:
    return [label for label in widget.findChildren(QLabel) if label.text()]


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_t16_tooltips_are_plain_text(themed: QApplication, qtbot: QtBot) -> None:
    button = QWidget()
    qtbot.addWidget(button)
    button.show()
    QToolTip.showText(QPoint(10, 10), HOSTILE, button)
    tips = [each for each in QApplication.topLevelWidgets() if each.inherits("QTipLabel")]
    assert tips
    for tip in tips:
        assert isinstance(tip, QLabel)
        assert tip.textFormat() is Qt.TextFormat.PlainText
        assert tip.text() == HOSTILE
    QToolTip.hideText()


def test_t16_every_label_of_the_window_is_plain_text(client: FakeClient, qtbot: QtBot) -> None:
    window = MainWindow(client, WindowOptions(instance=INSTANCE.root))
    qtbot.addWidget(window)
    found = labels_of(window)
    assert len(found) > 30
    assert [label.text() for label in found if label.textFormat() is not Qt.TextFormat.PlainText] == []
    rich = [each for each in window.findChildren(QTextEdit) if each.acceptRichText() and not each.isReadOnly()]
    assert rich == []


def test_t16_banners_and_dialogs_show_what_came(themed: QApplication, qtbot: QtBot) -> None:
    banner = Banner()
    dialog = MessageDialog(HOSTILE, HOSTILE, (("Close", 0),), details=HOSTILE)
    for widget in (banner, dialog):
        qtbot.addWidget(widget)
    banner.show_notice(HOSTILE, HOSTILE, tone="bad")
    for widget in (banner, dialog):
        found = labels_of(widget)
        assert any(HOSTILE in label.text() for label in found)
        assert {label.textFormat() for label in found} == {Qt.TextFormat.PlainText}


def test_t16_nothing_else_in_the_window_can_show_rich_text() -> None:
    names = {"setHtml", "insertHtml", "appendHtml", "setMarkdown", "RichText", "MarkdownText", "AutoText"}
    classes = {QTextBrowser.__name__, QMessageBox.__name__}
    wrong = []
    for path in GUI.rglob("*.py"):
        where = path.relative_to(GUI.parent).as_posix()
        for node in ast.walk(ast.parse(path.read_bytes())):
            used = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if used in names | classes and where not in RICH:
                wrong.append(f"{where}:{getattr(node, 'lineno', 0)}: {used}")
    assert wrong == []
