# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What comes back from a server, as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_LIMIT = re.compile(r"\s*(\d+)\s*(?:;.*?\bw=(\d+).*)?")
_WARNING = re.compile(r'\b299\s+\S+\s+"((?:[^"\\]|\\.)*)"')


class Headers(Mapping[str, str]):
    """Header fields; names in any case. Repeated fields read as one value joined by `, `; `all` keeps them apart."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in fields:
            self._fields.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._fields[name.lower()])

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        # Values may be signed addresses.
        return f"Headers({sorted(self._fields)})"

    def all(self, name: str) -> list[str]:
        return list(self._fields.get(name.lower(), ()))

    @property
    def media_type(self) -> str:
        """Content-Type in lower case without parameters: some registries add `charset` (spec: to be ignored)."""
        return self.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def length(self) -> int | None:
        """Content-Length, None if there is none or it is no number."""
        text = self.get("content-length", "").strip()
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that was asked for. `url` is where it came from in the end; it may hold signatures: never show it."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    url: str = field(repr=False)

    @property
    def media_type(self) -> str:
        return self.headers.media_type


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
