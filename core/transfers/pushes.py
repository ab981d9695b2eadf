# SPDX-License-Identifier: Apache-2.0 OR MIT
"""All pushes of a queue, in the order they were asked for. Not thread-safe: whoever uses it holds the queue's lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from core.transfers.model import ItemState
from core.transfers.rows import Push, Row


class Pushes:
    def __init__(self) -> None:
        self._pushes: dict[str, Push] = {}

    def __iter__(self) -> Iterator[Push]:
        return iter(self._pushes.values())

    def __getitem__(self, push_id: str) -> Push:
        return self._pushes[push_id]

    def add(self, push: Push) -> None:
        self._pushes[push.job.plan.id] = push

    def forget_ended(self) -> None:
        self._pushes = {key: push for key, push in self._pushes.items() if not push.ended}

    @property
    def idle(self) -> bool:
        return all(push.ended for push in self)

    @property
    def counts(self) -> Counter[ItemState]:
        """Rows by state."""
        counts: Counter[ItemState] = Counter()
        for push in self:
            counts.update(push.counts)
        return counts

    def rows(self) -> list[Row]:
        return [row for push in self for row in push.rows]

    def moving(self) -> Iterator[Row]:
        return (row for push in self for row in push.moving)

    def open_bytes(self) -> int:
        """How much is done of what has not ended."""
        return round(sum(push.open_weight() for push in self))

    def named(self, row_ids: Iterable[str]) -> list[Row]:
        """The rows named, all when none is."""
        wanted = set(row_ids)
        return [row for row in self.rows() if row.id in wanted] if wanted else self.rows()

    def packages(self, row_ids: Collection[str]) -> Iterator[tuple[Push, list[Row]]]:
        """Those of the rows named that are packages and have not ended, by push."""
        wanted = set(row_ids)
        for push in self:
            rows = [row for row in push.packages if row.id in wanted and not row.state.ended]
            if rows:
                yield push, rows

    def to(self, mirror: str) -> list[Push]:
        return [push for push in self if push.job.plan.mirror == mirror]

    def waiting_for(self, mirror: str) -> int:
        """How many rows wait to go to `mirror`."""
        return sum(push.counts[ItemState.WAITING] + push.counts[ItemState.UPLOADED] for push in self.to(mirror))

    def next_row(self, may_move: Callable[[str], bool]) -> Row | None:
        """The first row of the first push to a mirror that `may_move`, unless one of another push was moved before
        it."""
        best = None
        for push in self:
            row = push.next_row() if may_move(push.job.plan.mirror) else None
            if row is not None and (best is None or row.order[0] > best.order[0]):
                best = row
        return best
