# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What whoever looks at the queue has not been told yet. Not thread-safe: whoever uses it holds the queue's lock."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from core.transfers.plan import PlanItem
from core.transfers.rows import Push, Row


class News:
    """`wanted`: something changed that is no row. `full`: the next to look has to be told everything."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._known: set[str] = set()  # pushes
        self.wanted = False
        self.full = False

    def __bool__(self) -> bool:
        return self.wanted or bool(self._rows)

    def add(self, rows: Iterable[Row]) -> None:
        """`rows` changed."""
        self._rows.update((row.id, row) for row in rows)

    def forget_ended(self) -> None:
        """Pushes that have ended were cleared away."""
        self._rows = {row_id: row for row_id, row in self._rows.items() if not row.push.ended}
        self.wanted = True

    def skipped(self, pushes: Iterable[Push]) -> dict[str, tuple[PlanItem, ...]]:
        """What `pushes`, which are all there are, skipped, as far as that is news."""
        by_id = {push.job.plan.id: push.skipped for push in pushes}
        news = {push: items for push, items in by_id.items() if items and (self.full or push not in self._known)}
        self._known = set(by_id)
        return news

    def told(self, moving: Iterable[Row], most: int | None) -> list[Row]:
        """All that are `moving`, and at most so many of the others; they are no news any more."""
        rows = {row.id: row for row in moving}
        rows |= {row_id: self._rows.pop(row_id) for row_id in list(islice(self._rows, most))}
        self.wanted = self.full = False
        return list(rows.values())
