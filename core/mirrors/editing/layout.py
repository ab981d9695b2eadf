# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Lines of a text: where they begin and end, how they end, what comments belong to an entry."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LINE_END = re.compile(r"\r\n|\n|\r")
_COMMENT = re.compile(r"([ ]*)#.*")


class Layout:
    """Offsets are characters from the beginning. `newline` is how the text's first line ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        ends = [match.end() for match in _LINE_END.finditer(text)]
        self._starts = [0, *ends]
        first = _LINE_END.search(text)
        self.newline = first[0] if first else "\n"

    def line(self, offset: int) -> int:
        """Number of the line `offset` is in, from 0."""
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle)
        return low

    def start(self, line: int) -> int:
        """Where a line begins; the end of the text for a line after the last."""
        return self._starts[line] if line < len(self._starts) else len(self.text)

    def line_start(self, offset: int) -> int:
        return self.start(self.line(offset))

    def line_end(self, offset: int) -> int:
        """The beginning of the line after the one `offset` is in."""
        return self.start(self.line(offset) + 1)

    def content(self, line: int) -> str:
        """A line without its end."""
        return self.text[self.start(line) : self.start(line + 1)].rstrip("\r\n")

    def column(self, offset: int) -> int:
        return offset - self.line_start(offset)

    def comments_above(self, line: int, column: int) -> int:
        """The first of the comment lines right above `line` that begin at `column` too; `line` if there are none."""
        while line > 0 and self._comment_column(line - 1) == column:
            line -= 1
        return line

    def comments_below(self, line: int, column: int) -> int:
        """The line after the comment lines right below `line` that stand further right than `column`."""
        line += 1
        while line < len(self._starts) and (self._comment_column(line) or 0) > column:
            line += 1
        return line

    def whole_lines(self, first: int, after: int) -> tuple[int, int]:
        """What to cut for lines to be gone; a last line without an end takes that of the line above with it."""
        start, end = self.start(first), self.start(after)
        if end == len(self.text) and end > start and not self.text.endswith(("\n", "\r")):
            start -= len(self.text[:start]) - len(self.text[:start].removesuffix("\n").removesuffix("\r"))
        return start, end

    def joined(self, lines: Sequence[str]) -> str:
        """`lines` with this text's line ends."""
        return "".join(line + self.newline for line in lines)

    def inserted_at(self, offset: int, lines: str) -> str:
        """What to write for complete `lines` where a line begins; after a last line without an end they have none."""
        if offset == len(self.text) and self.text and not self.text.endswith(("\n", "\r")):
            return self.newline + lines.removesuffix(self.newline)
        return lines

    def _comment_column(self, line: int) -> int | None:
        match = _COMMENT.fullmatch(self.content(line))
        return len(match[1]) if match else None
