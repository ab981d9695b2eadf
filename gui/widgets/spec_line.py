# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A filter line that can point at what is wrong in it and complete what is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, QPoint, QStringListModel, Qt
from PySide6.QtGui import (
    QHideEvent,
    QInputMethodEvent,
    QKeyEvent,
    QMoveEvent,
    QResizeEvent,
    QShowEvent,
    QTextCharFormat,
)
from PySide6.QtWidgets import QCompleter, QFrame, QHBoxLayout, QLabel, QListView, QWidget

from gui import icons, theme
from gui.widgets.filter_line import FilterLine
from gui.widgets.labels import Label

Completion = tuple[int, Sequence[str]]
_POPUP_ROWS = 10
_LEAST_WIDTH = 360


class SpecLine(FilterLine):
    """`show_problem` underlines a part of the text and says why below the line, without moving what is there.

    `complete(text before the cursor)` answers where the word being typed starts and what it may become. Offers appear
    by themselves where `eager(text)` says so, and with Ctrl+Space.
    """

    def __init__(
        self,
        placeholder: str,
        name: str,
        complete: Callable[[str], Completion],
        eager: Callable[[str], bool],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(placeholder, name, parent)
        self._complete = complete
        self._eager = eager
        self._offers = QStringListModel(self)
        self._completer = QCompleter(self._offers, self)
        self._completer.setWidget(self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.setMaxVisibleItems(_POPUP_ROWS)
        self._completer.activated.connect(self._on_chosen)
        self._popup = QListView()
        self._popup.setAccessibleName(name)
        self._completer.setPopup(self._popup)
        self.problem_box = ProblemBox(self)
        self.marked: tuple[int, int] | None = None
        self.textEdited.connect(self._on_edited)
        self.textChanged.connect(self._unmark)

    # ---- what is wrong ----

    def show_problem(self, text: str, position: int, length: int) -> None:
        """Underline `length` characters (at least one, where there is one) from `position` on, and say `text`."""
        end = len(self.text())
        start = min(position, max(end - 1, 0))
        self._underline(start, max(min(length or 1, end - start), 0))
        self.problem_box.show_text(text)
        self.setAccessibleDescription(text)

    def clear_problem(self) -> None:
        self._unmark()
        self.problem_box.hide()
        self.setAccessibleDescription("")

    def _unmark(self) -> None:
        if self.marked is not None:
            self._underline(0, 0)

    def _underline(self, start: int, length: int) -> None:
        """Formats of a line edit are only reachable as those of an input method that composes nothing."""
        wave = QTextCharFormat()
        wave.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        wave.setUnderlineColor(theme.color("bad"))
        kind = QInputMethodEvent.AttributeType.TextFormat
        formats = [QInputMethodEvent.Attribute(kind, start - self.cursorPosition(), length, wave)] if length else []
        QCoreApplication.sendEvent(self, QInputMethodEvent("", formats))
        self.marked = (start, length) if length else None

    # ---- completing ----

    def _on_edited(self) -> None:
        before = self.text()[: self.cursorPosition()]
        if self._eager(before):
            self.offer()
        else:
            self._popup.hide()

    def offer(self) -> None:
        """Show what the word before the cursor may become."""
        before = self.text()[: self.cursorPosition()]
        start, offers = self._complete(before)
        typed = before[start:]
        if not offers or list(offers) == [typed]:
            self._popup.hide()
            return
        self._offers.setStringList(list(offers))
        widest = max(map(self.fontMetrics().horizontalAdvance, offers)) + theme.scaled(64)
        place = self.rect()
        place.setLeft(max(0, self.cursorRect().left() - self.fontMetrics().horizontalAdvance(typed)))
        place.setWidth(min(widest, max(self.width() - place.left(), theme.scaled(160))))
        self._completer.complete(place)

    @property
    def offers(self) -> list[str]:
        """What is offered now."""
        return self._offers.stringList() if self._popup.isVisible() else []

    def _on_chosen(self, offer: str) -> None:
        cursor = self.cursorPosition()
        start, _offers = self._complete(self.text()[:cursor])
        self.setText(f"{self.text()[:start]}{offer}{self.text()[cursor:]}")
        self.setCursorPosition(start + len(offer))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        popup = self._popup
        if popup.isVisible() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab):
            event.ignore()  # the completer takes what is chosen in it
            return
        if event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self.offer()
            return
        if event.key() == Qt.Key.Key_Escape and popup.isVisible():
            popup.hide()
            return
        super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.problem_box.hide()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.accessibleDescription():
            self.problem_box.show_text(self.accessibleDescription())

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self.problem_box.place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.problem_box.place()


class ProblemBox(QFrame):
    """A sentence that hangs below a line, over whatever is there."""

    def __init__(self, line: QWidget) -> None:
        super().__init__(line)
        self._line = line
        self.setObjectName("problem")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        picture = QLabel()
        icons.bind_label(picture, "error", "bad")
        self._text = Label("")
        self._text.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_S, theme.SPACE_XS, theme.SPACE_S, theme.SPACE_XS)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(picture)
        row.addWidget(self._text, 1)
        self.hide()

    def text(self) -> str:
        return self._text.text()

    def show_text(self, text: str) -> None:
        self._text.setText(text)
        if not self._line.isVisible():
            return  # the line shows it when it is shown itself
        if self.parentWidget() is not self._line.window():
            self.setParent(self._line.window())
        self.place()
        self.show()
        self.raise_()

    def place(self) -> None:
        """Hang below the line."""
        parent = self.parentWidget()
        if parent is None or parent is self._line:
            return
        self.setFixedWidth(max(self._line.width(), theme.scaled(_LEAST_WIDTH)))
        self.resize(self.width(), self.heightForWidth(self.width()))
        self.move(self._line.mapTo(parent, QPoint(0, self._line.height() + 2)))
