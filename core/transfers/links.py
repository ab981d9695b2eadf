# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How fast the last push to a mirror sent what it had packed: a small file each in `<cache>/links`.

It is a hint for people. Nothing depends on it, and a file that cannot be written is none.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import msgspec

from core.foundation.decoding import from_json
from core.foundation.errors import MirrordeckError
from core.foundation.files import atomic_write
from core.foundation.places import cache_dir
from core.mirrors.tables import address_key

# Of less than this the time goes into asking and answering, and says little about the link.
LEAST_BYTES = 10_000_000


class Link(msgspec.Struct, frozen=True):
    """`sent` bytes went out in the `seconds` in which anything was on its way; that ended `at` (unix seconds)."""

    at: float
    sent: int
    seconds: float

    @property
    def bytes_per_s(self) -> float:
        return self.sent / self.seconds


class LinkMeter:
    """Measures while uploads overlap. Not thread-safe; `now` is of any clock that does not jump, in seconds."""

    def __init__(self) -> None:
        self._sent = 0
        self._seconds = 0.0
        self._uploads = 0
        self._since = 0.0

    def change(self, uploads: int, now: float) -> None:
        """So many more uploads are on their way, or less."""
        if self._uploads:
            self._seconds += now - self._since
        self._uploads, self._since = self._uploads + uploads, now

    def sent(self, count: int) -> None:
        """An upload has ended that really sent `count` bytes."""
        self._sent += count

    def link(self, at: float) -> Link | None:
        """None where too little was sent to say anything."""
        enough = self._sent >= LEAST_BYTES and self._seconds > 0
        return Link(at, self._sent, self._seconds) if enough else None


def keep_link(url: str, link: Link) -> None:
    """Remember how fast the mirror at `url` was. Any thread."""
    path = _file_of(url)
    with suppress(MirrordeckError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, msgspec.json.encode(link))


def last_link(url: str) -> Link | None:
    """What was remembered last, None if there is nothing. Any thread."""
    try:
        link = from_json(_file_of(url).read_bytes(), Link)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return link if link.sent > 0 and link.seconds > 0 else None


def _file_of(url: str) -> Path:
    return cache_dir() / "links" / f"{hashlib.sha256(address_key(url).encode()).hexdigest()}.json"
