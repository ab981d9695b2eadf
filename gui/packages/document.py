# SPDX-License-Identifier: Apache-2.0 OR MIT
"""spec.json to read, search and copy."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QTextEdit, QVBoxLayout, QWidget

from gui import theme
from gui.packages import words
from gui.widgets.controls import Button, IconButton
from gui.widgets.filter_line import FilterLine
from gui.widgets.labels import Label
from gui.widgets.mono_text import MonoText

_MOST_MARKED = 2000


class DocumentTab(QWidget):
    """The text with a line that finds in it; Return there goes to the next match."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.find_line = FilterLine(words.FIND_IN_DOCUMENT, words.FIND_IN_DOCUMENT)
        self.count = Label("", tone="dim")
        self.previous_button = IconButton("chevron-up", words.PREVIOUS_MATCH)
        self.next_button = IconButton("chevron-down", words.NEXT_MATCH)
        self.copy_button = Button(words.COPY_DOCUMENT, icon="copy")
        self.view = MonoText(words.DOCUMENT_NAME, least_height=60)
        self._matches: list[QTextCursor] = []
        self._at = -1
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.find_line, 1)
        for widget in (self.count, self.previous_button, self.next_button, self.copy_button):
            top.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, theme.SPACE_S, 0)
        column.setSpacing(theme.SPACE_S)
        column.addLayout(top)
        column.addWidget(self.view, 1)
        self.find_line.filter_changed.connect(self._on_text)
        self.find_line.leave_requested.connect(lambda: self._step(1))
        self.next_button.clicked.connect(lambda: self._step(1))
        self.previous_button.clicked.connect(lambda: self._step(-1))
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.view.toPlainText()))
        theme.changed.connect(self._mark)

    def show_text(self, text: str) -> None:
        self.view.setPlainText(text)
        self._on_text()

    def show_instead(self, text: str) -> None:
        self.view.setPlainText(text)
        self._on_text()

    def _on_text(self) -> None:
        wanted = self.find_line.text()
        self._matches, self._at = [], -1
        document = self.view.document()
        place = QTextCursor(document)
        while wanted and len(self._matches) < _MOST_MARKED:
            place = document.find(wanted, place, QTextDocument.FindFlag(0))
            if place.isNull():
                break
            self._matches.append(QTextCursor(place))
        self._mark()
        self.count.setText(words.matches(0, 0) if wanted and not self._matches else "")
        if self._matches:
            self._step(1)

    def _step(self, step: int) -> None:
        if self._matches:
            self._at = (self._at + step) % len(self._matches)
            self.view.setTextCursor(self._matches[self._at])
            self.count.setText(words.matches(self._at + 1, len(self._matches)))

    def _mark(self) -> None:
        look = QTextCharFormat()
        look.setBackground(theme.color("accent_soft"))
        marks = []
        for match in self._matches:
            mark = QTextEdit.ExtraSelection()
            mark.cursor, mark.format = match, look
            marks.append(mark)
        self.view.setExtraSelections(marks)
