# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How many requests go to one server at once, and which go first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from core.foundation.cancel import CancelToken

_POLL_S = 0.1


class Lanes:
    """Lanes for transfers, and some that only small requests use. Any thread.

    Small requests go first: they may take up to half of the transfers' lanes as well, before waiting transfers. The
    other half is left to transfers, so that a flood of small requests does not stop them. Within each kind it is
    first come, first served.
    """

    def __init__(self, transfers: int, metadata: int) -> None:
        self._changed = threading.Condition()
        self._free = {True: transfers, False: metadata}  # by "is for transfers"
        self._may_borrow = transfers // 2
        self._waiting: dict[bool, deque[object]] = {True: deque(), False: deque()}

    @contextmanager
    def lane(self, *, transfer: bool, token: CancelToken) -> Iterator[None]:
        """Hold a lane while the block runs. Raises Cancelled."""
        taken = self._take(transfer, token)
        try:
            yield
        finally:
            with self._changed:
                self._free[taken] += 1
                self._may_borrow += taken and not transfer
                self._changed.notify_all()

    def _take(self, transfer: bool, token: CancelToken) -> bool:
        """Wait for a lane; which kind it is."""
        ticket = object()
        with self._changed:
            queue = self._waiting[transfer]
            queue.append(ticket)
            try:
                while queue[0] is not ticket or (taken := self._open(transfer)) is None:
                    token.raise_if_cancelled()
                    self._changed.wait(_POLL_S)
                self._free[taken] -= 1
                self._may_borrow -= taken and not transfer
                return taken
            finally:
                queue.remove(ticket)
                self._changed.notify_all()

    def _open(self, transfer: bool) -> bool | None:
        """The kind of lane that the first one waiting may take now."""
        borrow = self._free[True] > 0 and self._may_borrow > 0
        if transfer:
            yields = borrow and bool(self._waiting[False])
            return True if self._free[True] > 0 and not yields else None
        if self._free[False] > 0:
            return False
        return True if borrow else None
