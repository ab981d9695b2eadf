# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The short style sheet on top of Fusion and the palette."""

from __future__ import annotations

from dataclasses import asdict
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.theme import Tokens

_BORDER = 1
_BESIDE_ARROW = 10
_SHEET = Template("""
QMainWindow, QDialog, #page { background: $bg; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 4px 6px; }
QToolTip { qproperty-textFormat: PlainText; }

QLabel[tone="dim"] { color: $dim; }
QLabel[tone="faint"] { color: $faint; }
QLabel[tone="ok"] { color: $ok; }
QLabel[tone="warn"] { color: $warn; }
QLabel[tone="bad"] { color: $bad; }

#card, #table-frame { background: $surface; border: 1px solid $line; border-radius: 10px; }
#table-frame { border-radius: 8px; padding: 0 1px 3px 1px; }
#table-frame[focused="true"] { border-color: $accent; }
#navigation { background: $surface; border-right: 1px solid $line; }
#status { background: $surface; border-top: 1px solid $line; }
#banner { background: $accent_soft; border: 1px solid $accent; border-radius: 8px; }
#banner[tone="warn"] { background: $surface; border-color: $warn; }
#banner[tone="bad"] { background: $surface; border-color: $bad; }
#problem { background: $raised; border: 1px solid $bad; border-radius: 6px; }

QPushButton { background: $raised; color: $text; border: 1px solid $control_line; border-radius: 6px;
  padding: 0 14px; min-height: ${control}px; }
QPushButton:hover { background: $bg; }
QPushButton:pressed { background: $track; }
QPushButton:focus { border: 2px solid $accent; padding: 0 13px; min-height: ${focused}px; }
QPushButton:disabled { color: $faint; border-color: $line; }
MenuButton::menu-indicator { image: none; width: 0; }
QPushButton[primary="true"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QPushButton[primary="true"]:focus { border: 2px solid $text; }
QPushButton[primary="true"]:disabled { background: $track; color: $dim; border-color: $track; }
QPushButton[flat="true"] { background: transparent; border: 1px solid transparent; color: $accent; padding: 0 8px; }
QPushButton[flat="true"]:hover { background: $bg; }
QPushButton[flat="true"]:focus { border: 2px solid $accent; padding: 0 7px; }
QPushButton[flat="true"]:disabled { color: $faint; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 5px; }
QToolButton:hover, QToolButton:checked { background: $track; }
QToolButton::menu-indicator { image: none; }
QToolButton:focus { border: 2px solid $accent; padding: 4px; }
QPushButton, QToolButton, QMenu { icon-size: ${icon}px; }

QLineEdit, QComboBox, QPlainTextEdit { background: $surface; color: $text; border: 1px solid $control_line;
  border-radius: 6px; padding: 0 10px; min-height: ${control}px; selection-background-color: $accent;
  selection-color: $on_accent; }
QPlainTextEdit { padding: 6px 8px; }
QLineEdit:focus, QComboBox:focus, QPlainTextEdit:focus { border: 2px solid $accent; padding: 0 9px;
  min-height: ${focused}px; }
QPlainTextEdit:focus { padding: 5px 7px; }
QLineEdit QToolButton { border: none; padding: 3px; }
QLineEdit:disabled, QComboBox:disabled { color: $faint; border-color: $line; }
QComboBox::drop-down { border: none; width: ${arrow}px; }
QComboBox QLineEdit, QComboBox QLineEdit:focus { border: none; padding: 0; min-height: 0; background: transparent; }
QComboBox QAbstractItemView { background: $raised; color: $text; border: 1px solid $line; padding: 4px; outline: none;
  selection-background-color: $accent_soft; selection-color: $text; }
QComboBox QAbstractItemView::item { min-height: ${control}px; padding: 0 6px; }

QMenuBar { background: $surface; border-bottom: 1px solid $line; padding: 2px 8px; }
QMenuBar::item { padding: 5px 10px; border-radius: 4px; background: transparent; color: $text; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: $accent_soft; }
QMenu { background: $raised; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 6px 28px 6px 12px; border-radius: 4px; color: $text; }
QMenu::item:selected { background: $accent_soft; }
QMenu::item:disabled { color: $faint; }
QMenu::icon { padding-left: 8px; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }

QTableView, QTreeView, QListView { background: transparent; border: none; outline: none; }
QTableView QTableCornerButton::section { background: transparent; border: none; }
QHeaderView { background: $surface; border: none; }
TableHeader { background: transparent; }

QListWidget, #guide { background: $surface; border: 1px solid $line; border-radius: 8px; }
QListWidget { padding: 4px; }
QListWidget:focus, #guide:focus { border-color: $accent; }
QListWidget::item { padding: 6px 8px; border-radius: 6px; color: $text; }
QListWidget::item:selected { background: $accent_soft; color: $text; }

QTabWidget::pane { border: none; }
QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: $dim; padding: 7px 12px 8px 12px;
  border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $accent; border-bottom: 2px solid $accent; }

QScrollArea, QScrollArea > QWidget > #scroll-content { background: transparent; border: none; }
QScrollBar { background: transparent; border: none; }
QScrollBar:vertical { width: 11px; }
QScrollBar:horizontal { height: 11px; }
QScrollBar::handle { background: $control_line; border: 3px solid $surface; border-radius: 5px; }
QScrollBar::handle:vertical { min-height: 36px; }
QScrollBar::handle:horizontal { min-width: 36px; }
QScrollBar::handle:hover { background: $dim; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $line; }
""")


def style_sheet(tokens: Tokens, control_height: int, icon_size: int) -> str:
    """The style sheet in the colours of `tokens`, for controls and icons that are so many pixels high."""
    inside = control_height - 2 * _BORDER
    arrow = icon_size + _BESIDE_ARROW
    return _SHEET.substitute(asdict(tokens), control=inside, focused=inside - 2, icon=icon_size, arrow=arrow)
