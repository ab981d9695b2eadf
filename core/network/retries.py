# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which failures are worth another try, and when the server wants it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from email.utils import parsedate_to_datetime

from core.foundation.errors import NetworkDown, RateLimited, RemoteError
from core.network.limits import LONGEST_WAIT_S
from core.network.messages import Headers

# 499 and 522 are what proxies say about a peer that went away.
_TRANSIENT = frozenset({408, 429, 499, 500, 502, 503, 504, 522})
_IN_TEXT = re.compile(r"retry[-_ ]after[\"']?\s*[:=]?\s*[\"']?(\d+(?:\.\d+)?)\s*(ms|µs|us|ns|s|m|h)?\b", re.IGNORECASE)
_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9, "m": 60.0, "h": 3600.0}
_MOST_S = 366 * 86400.0


def is_transient(error: RemoteError) -> bool:
    """True if the same request may succeed soon."""
    if error.retry_after_s is not None and error.retry_after_s > LONGEST_WAIT_S:
        return False
    return isinstance(error, NetworkDown | RateLimited) or error.status in _TRANSIENT


def is_rate_limit(status: int, text: str) -> bool:
    """True for 429, and for the 403 with which GitHub's registry says the same."""
    return status == 429 or (status == 403 and "secondary rate limit" in text.lower())


def retry_after_s(headers: Headers, body: bytes, now: float) -> float | None:
    """Seconds to wait: from Retry-After (seconds or a date), `retry_after` in JSON, or the words of a message.

    A date is compared with the server's own clock where it shows one, else with `now` (Unix time).
    """
    asked = _from_header(headers, now)
    if asked is None:
        asked = _from_json(body)
    if asked is None and (found := _IN_TEXT.search(body[:65536].decode(errors="replace"))):
        asked = float(found[1]) * _UNITS[(found[2] or "").lower()]
    return None if asked is None else min(max(asked, 0.0), _MOST_S)


def _from_header(headers: Headers, now: float) -> float | None:
    text = headers.get("retry-after", "").strip()[:100]
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text):
        return float(text)
    with suppress(ValueError, IndexError, OverflowError):
        until = parsedate_to_datetime(text).timestamp()
        with suppress(ValueError, IndexError, OverflowError):
            now = parsedate_to_datetime(headers.get("date", "")).timestamp()
        return until - now
    return None


def _from_json(body: bytes) -> float | None:
    with suppress(ValueError, RecursionError):
        document = json.loads(body)
        places = [document]
        if isinstance(document, dict) and isinstance(document.get("errors"), list):
            rows = [row for row in document["errors"][:10] if isinstance(row, dict)]
            places += rows + [row.get("detail") for row in rows]
        for place in places:
            value = place.get("retry_after") if isinstance(place, dict) else None
            if isinstance(value, int | float) and not isinstance(value, bool) and value == value:  # noqa: PLR0124 - NaN
                return float(value)
    return None
