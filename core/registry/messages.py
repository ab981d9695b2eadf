# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What registries say beside the answer: how many requests they still grant, and warnings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.network.messages import Headers

_LIMIT = re.compile(r"\s*(\d+)\s*(?:;.*?\bw=(\d+).*)?")
_WARNING = re.compile(r'\b299\s+\S+\s+"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests the registry still grants within `window_s` seconds."""

    remaining: int
    limit: int | None = None
    window_s: int | None = None


def rate_limit_in(headers: Headers) -> RateLimit | None:
    """From `ratelimit-remaining: 76;w=21600` and `ratelimit-limit: 100;w=21600` (Docker Hub's documentation)."""
    remaining = _LIMIT.fullmatch(headers.get("ratelimit-remaining", "")[:200])
    if remaining is None:
        return None
    limit = _LIMIT.fullmatch(headers.get("ratelimit-limit", "")[:200])
    window = remaining[2] or (limit[2] if limit else None)
    return RateLimit(int(remaining[1]), int(limit[1]) if limit else None, int(window) if window else None)


def warnings_in(headers: Headers) -> list[str]:
    """Texts of `Warning: 299 - "text"` (OCI distribution spec, Warnings)."""
    text = headers.get("warning", "")[:8192]
    return [re.sub(r"\\(.)", r"\1", found) for found in _WARNING.findall(text)]
