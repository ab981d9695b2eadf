# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What comes back from a server, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


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
