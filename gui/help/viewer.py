# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The user guide in a window of its own, beside the one it is about. Offline."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QKeySequence,
    QShortcut,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from gui import messages, theme
from gui.help.topics import Topic, topics
from gui.settings import remembered
from gui.theme import FontRole
from gui.widgets.filter_line import FilterLine

_WIDTH, _HEIGHT = 940, 660
_LIST_WIDTH = 250
_GEOMETRY_KEY = "help/geometry"
_NAME = Qt.ItemDataRole.UserRole


class HelpViewer(QDialog):
    """Chapters at the left, narrowed by the search; the chosen one at the right, with what was searched for marked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowFlag(Qt.WindowType.Window)
        self.setWindowTitle(messages.HELP_TITLE)
        self.search = FilterLine(messages.HELP_SEARCH, messages.HELP_SEARCH)
        self.list = QListWidget()
        self.list.setAccessibleName(messages.HELP_CHAPTERS)
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view = QTextBrowser()
        self.view.setObjectName("guide")
        self.view.setOpenLinks(False)
        self.view.setAccessibleName(messages.HELP_TEXT)
        self.view.document().setDocumentMargin(theme.PAGE_MARGIN)
        left = QVBoxLayout()
        left.setSpacing(theme.SPACE_S)
        left.addWidget(self.search)
        left.addWidget(self.list, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_M, theme.SPACE_M, theme.SPACE_M, theme.SPACE_M)
        row.setSpacing(theme.SPACE_M)
        row.addLayout(left)
        row.addWidget(self.view, 1)
        self._fit_text()
        wanted = QSize(theme.scaled(_WIDTH), theme.scaled(_HEIGHT))
        self.resize(wanted.boundedTo(self.screen().availableSize()))
        geometry = remembered().value(_GEOMETRY_KEY)
        if geometry:
            self.restoreGeometry(geometry)
        self.search.filter_changed.connect(self._narrow)
        self.search.leave_requested.connect(self.list.setFocus)
        self.list.currentItemChanged.connect(self._show_chosen)
        self.view.anchorClicked.connect(self._follow)
        theme.changed.connect(self._show_chosen)
        theme.density_changed.connect(self._fit_text)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self.search.setFocus)
        self._narrow("")

    def open_topic(self, name: str) -> None:
        """Show the chapter of that file name, whatever is searched for."""
        if not any(self.list.item(row).data(_NAME) == name for row in range(self.list.count())):
            self.search.set_text_now("")
            self._narrow("")
        for row in range(self.list.count()):
            if self.list.item(row).data(_NAME) == name:
                self.list.setCurrentRow(row)

    @property
    def topic(self) -> Topic | None:
        """The chapter that is shown."""
        item = self.list.currentItem()
        return next((each for each in topics() if item is not None and each.name == item.data(_NAME)), None)

    def _narrow(self, text: str) -> None:
        shown, words = self.topic, text.lower().split()
        found = [each for each in topics() if each.matches(words)]
        self.list.blockSignals(True)
        self.list.clear()
        for each in found:
            item = QListWidgetItem(each.title)
            item.setData(_NAME, each.name)
            self.list.addItem(item)
        if found:
            self.list.setCurrentRow(found.index(shown) if shown in found else 0)
        self.list.blockSignals(False)
        self._show_chosen()

    def _show_chosen(self, *_: object) -> None:
        topic = self.topic
        if topic is None:
            self.view.setMarkdown(messages.HELP_NOTHING)
            return
        self.view.setMarkdown(topic.text)
        self._dress()
        self._mark(self.search.text().split())

    def _dress(self) -> None:
        """Give paragraphs room and commands a ground of their own, in the colours of the theme."""
        document = self.view.document()
        mono = theme.font(FontRole.MONO)
        block = document.begin()
        while block.isValid():
            cursor = QTextCursor(block)
            shape, ink = QTextBlockFormat(), QTextCharFormat()
            if _is_code(block):
                shape.setBackground(theme.color("track"))
                shape.setLeftMargin(theme.SPACE_S)
                shape.setTopMargin(0 if _is_code(block.previous()) else theme.SPACE_S)
                shape.setBottomMargin(0 if _is_code(block.next()) else theme.SPACE_M)
                ink.setFont(mono)
                text = QTextCursor(block)  # not BlockUnderCursor, which begins at the end of the block before
                text.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
                text.mergeCharFormat(ink)
            else:
                shape.setBottomMargin(theme.SPACE_S)
                shape.setLineHeight(125, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            cursor.mergeBlockFormat(shape)
            block = block.next()
        self.view.moveCursor(QTextCursor.MoveOperation.Start)

    def _mark(self, words: list[str]) -> None:
        marks = []
        first: QTextCursor | None = None
        for word in words:
            found = self.view.document().find(word)
            while not found.isNull():
                mark = QTextEdit.ExtraSelection()
                mark.cursor = found
                mark.format.setBackground(theme.color("accent_soft"))
                mark.format.setForeground(theme.color("text"))
                marks.append(mark)
                if first is None or found.position() < first.position():
                    first = QTextCursor(found)
                found = self.view.document().find(word, found)
        self.view.setExtraSelections(marks)
        if first is not None:
            first.clearSelection()
            self.view.setTextCursor(first)
            self.view.ensureCursorVisible()

    def _follow(self, link: QUrl) -> None:
        if link.isRelative():
            self.open_topic(link.path())
        elif link.scheme() == "https":
            QDesktopServices.openUrl(link)

    def _fit_text(self) -> None:
        self.list.setFixedWidth(theme.scaled(_LIST_WIDTH))
        self.search.setFixedWidth(theme.scaled(_LIST_WIDTH))
        self.view.document().setDefaultFont(theme.font(FontRole.BODY))
        self._show_chosen()

    def closeEvent(self, event: QCloseEvent) -> None:
        remembered().setValue(_GEOMETRY_KEY, self.saveGeometry())
        self.search.leave()
        super().closeEvent(event)


def _is_code(block: QTextBlock) -> bool:
    return block.isValid() and block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence)
