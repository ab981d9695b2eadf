# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What answers say beside the point: warnings, and how many requests are left."""

from __future__ import annotations

import threading

from core.foundation.text import visible
from core.network.messages import Headers
from core.registry.messages import RateLimit, rate_limit_in, warnings_in

_MOST_WARNINGS = 50
_WARNING_CHARACTERS = 500


class Notes:
    """Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rate_limit: RateLimit | None = None
        self._seen: list[str] = []
        self._told = 0

    def read(self, headers: Headers) -> None:
        limit = rate_limit_in(headers)
        if limit is not None:
            with self._lock:
                self._rate_limit = limit
        for text in warnings_in(headers):
            self.warn(text)

    def warn(self, text: str) -> None:
        shown = visible(text)[:_WARNING_CHARACTERS]
        with self._lock:
            if shown not in self._seen and len(self._seen) < _MOST_WARNINGS:
                self._seen.append(shown)

    def rate_limit(self) -> RateLimit | None:
        with self._lock:
            return self._rate_limit

    def new_warnings(self) -> list[str]:
        with self._lock:
            new = self._seen[self._told :]
            self._told = len(self._seen)
            return new
