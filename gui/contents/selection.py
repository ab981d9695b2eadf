# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is selected, of whatever size. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.services.values import ContentsRow
from gui.contents.rows import Contents, Group
from gui.packages.slices import Steps

_LINES_AT_ONCE = 2_000


class Selection:
    """Entries by their keys, those of selected groups among them. What is known of them may change; those that are gone
    are left out when they are asked for."""

    def __init__(self, contents: Contents, keys: Sequence[str] = (), stored_bytes: int | None = None) -> None:
        self.stored_bytes = stored_bytes
        self._contents = contents
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[ContentsRow]:
        rows = self._contents.rows
        return (rows[key] for key in self._keys if key in rows)


def selecting(contents: Contents, lines: Sequence[tuple[Group, str]]) -> Steps[Selection]:
    """The selection that `lines` of the table are: a group stands for all that is shown of it."""
    found: dict[str, None] = {}
    for start in range(0, len(lines), _LINES_AT_ONCE):
        for group, key in lines[start : start + _LINES_AT_ONCE]:
            if key:
                found[key] = None
            else:
                found.update(dict.fromkeys(group.shown))
        yield
    keys = list(found)
    return Selection(contents, keys, (yield from contents.sizing(keys)))
