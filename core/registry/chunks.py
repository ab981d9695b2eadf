# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Parts of a body, how large they may be, and how far an upload has come."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from core.network.bodies import Body

FIRST_CHUNK_BYTES = 64 << 20
LEAST_CHUNK_BYTES = 4 << 20
_LEAST_STATED = 64 << 10
_BUFFER_BYTES = 256 << 10
_AMOUNT = re.compile(r"(?<![\w.])([0-9]{1,15})(?:\.0+)?\s*(bytes|[KMG]i?B|B)?(?![\w.])", re.IGNORECASE)
_UNITS = {"k": 10**3, "m": 10**6, "g": 10**9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}


class Meter:
    """Reports how many more bytes of one blob are through, each byte once however often it is sent."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self._report = report
        self.furthest = 0
        self.position = 0

    def at(self, position: int) -> None:
        """The next byte to be sent."""
        self.position = position

    def sent(self, count: int) -> None:
        self.position += count
        if self.position > self.furthest:
            self._report(self.position - self.furthest)
            self.furthest = self.position


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `start` to `start + size` of a body. The meter is set back whenever a try begins."""

    whole: Body
    start: int
    size: int
    meter: Meter

    def open(self) -> BinaryIO:
        self.meter.at(self.start)
        reader = self.whole.open()
        if self.start == 0 and self.size == self.whole.size:
            return reader
        reader.seek(self.start)
        return io.BufferedReader(_Limited(reader, self.size), _BUFFER_BYTES)


class _Limited(io.RawIOBase):
    """The next `size` bytes of `reader`, which is closed with it."""

    def __init__(self, reader: BinaryIO, size: int) -> None:
        self._reader = reader
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._reader.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._reader.close()
        super().close()


def stated_limit(text: str, sent: int) -> int | None:
    """The largest amount a refusal mentions that is less than the `sent` bytes it refused."""
    found = []
    for number, unit in _AMOUNT.findall(text):
        amount = int(number) * _UNITS.get(unit.lower().rstrip("b"), 1)
        if _LEAST_STATED <= amount < sent:
            found.append(amount)
    return max(found, default=None)


def smaller_chunk(sent: int, refusal: str) -> int | None:
    """How large to try next after `sent` bytes at once were refused; None if there is nothing left to try."""
    limit = stated_limit(refusal, sent)
    if limit is not None:
        return limit
    if sent > FIRST_CHUNK_BYTES:
        return FIRST_CHUNK_BYTES
    return max(LEAST_CHUNK_BYTES, sent // 4) if sent > LEAST_CHUNK_BYTES else None
