# SPDX-License-Identifier: Apache-2.0 OR MIT
"""When a mirror itself is the problem: the rest of what goes there waits instead of failing one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from core.foundation.errors import (
    AccessDenied,
    AuthRequired,
    ErrorInfo,
    MirrorVanished,
    NetworkDown,
    NoSpace,
    QuotaExceeded,
    RateLimited,
)
from core.transfers.model import HoldReason, MirrorHold

_FIRST_RETRY_S = 15.0
_LONGEST_RETRY_S = 300.0
_REASONS: tuple[tuple[type[Exception], HoldReason], ...] = (
    (NoSpace, HoldReason.NO_SPACE),
    (QuotaExceeded, HoldReason.NO_SPACE),
    (AuthRequired, HoldReason.LOGIN),
    (AccessDenied, HoldReason.LOGIN),
    (MirrorVanished, HoldReason.VANISHED),
    (NetworkDown, HoldReason.UNREACHABLE),
    (RateLimited, HoldReason.UNREACHABLE),
)


def hold_reason(failure: Exception) -> HoldReason | None:
    """Why nothing more should be tried on a mirror after `failure`; None if only this row failed."""
    return next((reason for kind, reason in _REASONS if isinstance(failure, kind)), None)


@dataclass(frozen=True, slots=True)
class Hold:
    """`until` is when it ends by itself, by the queue's clock; None: when somebody says so."""

    reason: HoldReason
    error: ErrorInfo
    tries: int
    until: float | None


class Holds:
    """The mirrors that are held now. Not thread-safe: whoever uses it holds the queue's lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[str, Hold] = {}
        self._tries: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()

    def __contains__(self, mirror: str) -> bool:
        return mirror in self._held

    def begin(self, mirror: str, reason: HoldReason, error: ErrorInfo) -> int:
        """Hold `mirror`; one without connection is tried again after a pause that grows. Gives which hold in a row it
        is since something got there."""
        if mirror not in self._held:
            self._tries[mirror] += 1
            tries, until = self._tries[mirror], None
            if reason is HoldReason.UNREACHABLE:
                until = self._clock() + min(_FIRST_RETRY_S * 2.0 ** min(tries - 1, 10), _LONGEST_RETRY_S)
            self._held[mirror] = Hold(reason, error, tries, until)
        return self._tries[mirror]

    def end(self, mirror: str) -> Hold | None:
        """What was held, if it was."""
        hold = self._held.pop(mirror, None)
        if hold is not None:
            self._ended[mirror] += 1
        return hold

    def ended(self, mirror: str) -> int:
        """How many holds of `mirror` have ended: what began before the last of them says nothing about now."""
        return self._ended[mirror]

    def worked(self, mirror: str) -> None:
        """Something got there."""
        self._tries.pop(mirror, None)

    def expire(self) -> bool:
        """End those whose time has come; whether there were any."""
        now = self._clock()
        ended = [mirror for mirror, hold in self._held.items() if hold.until is not None and hold.until <= now]
        for mirror in ended:
            self.end(mirror)
        return bool(ended)

    def left_s(self) -> float | None:
        """Seconds until the next one ends by itself."""
        ends = [hold.until for hold in self._held.values() if hold.until is not None]
        return max(0.0, min(ends) - self._clock()) if ends else None

    def pictures(self, waiting: Callable[[str], int]) -> tuple[MirrorHold, ...]:
        now = self._clock()
        return tuple(
            MirrorHold(
                mirror,
                hold.reason,
                hold.error,
                waiting(mirror),
                hold.tries,
                None if hold.until is None else max(0.0, hold.until - now),
            )
            for mirror, hold in self._held.items()
        )
