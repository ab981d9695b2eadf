# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an edit does to a file, line by line."""

from __future__ import annotations

from PySide6.QtGui import QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import QWidget

from core.foundation.text import visible
from gui import theme
from gui.widgets.mono_text import MonoText

_TONES = {"+": "ok", "-": "bad", "@": "faint"}
_HEADERS = 2  # `--- before` and `+++ after`; whoever shows a difference names the file beside it


class DiffView(MonoText):
    """A unified difference: added and removed lines by sign and colour. As high as it must be, within limits."""

    def __init__(self, name: str, *, most_lines: int = 10, parent: QWidget | None = None) -> None:
        super().__init__(name, parent=parent)
        self._most_lines = most_lines
        self._painter = _Signs(self.document())
        self.show_diff("")

    def show_diff(self, text: str) -> None:
        """Show `text`; an empty one hides the view."""
        lines = body_of(text)
        self.setPlainText("\n".join(lines))
        self.fit_lines(min(max(len(lines), 2), self._most_lines))
        self.setVisible(bool(lines))


def body_of(diff: str) -> list[str]:
    """The lines of a unified difference without its headers, invisible characters shown."""
    lines = diff.splitlines()[_HEADERS:]
    return [visible(line) for at, line in enumerate(lines) if at or not line.startswith("@@")]


def counts_of(diff: str) -> tuple[int, int]:
    """How many lines `diff` adds and removes."""
    signs = [line[:1] for line in body_of(diff)]
    return signs.count("+"), signs.count("-")


class _Signs(QSyntaxHighlighter):
    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        theme.changed.connect(self.rehighlight)

    def highlightBlock(self, text: str) -> None:
        if tone := _TONES.get(text[:1]):
            ink = QTextCharFormat()
            ink.setForeground(theme.color(tone))
            self.setFormat(0, len(text), ink)
