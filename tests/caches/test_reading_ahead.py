# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading many files: one after the other where that is work, several at a time where it is waiting."""

from __future__ import annotations

import itertools
import threading

import pytest

from core.caches import folder_objects
from core.caches.folder_objects import read_ahead

KEYS = [str(number) for number in range(200)]


class Clock:
    """Stands for `time`: between any two looks at it a second passes, of which this thread computes `share`."""

    def __init__(self, share: float) -> None:
        self._now = itertools.count()
        self._busy = itertools.count(0, share)

    def monotonic(self) -> float:
        return next(self._now)

    def thread_time(self) -> float:
        return next(self._busy)


@pytest.mark.parametrize(("share", "threads"), [(1.0, {"MainThread"}), (0.1, {"MainThread", "cache-reading"})])
def test_threads_help_where_reading_is_waiting(
    monkeypatch: pytest.MonkeyPatch, share: float, threads: set[str]
) -> None:
    monkeypatch.setattr(folder_objects, "time", Clock(share))
    seen = set()

    def read(key: str) -> str:
        seen.add(threading.current_thread().name.partition("_")[0])
        return key * 2

    assert list(read_ahead(read, KEYS)) == [key * 2 for key in KEYS]
    assert seen == threads


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_nothing_is_begun_after_a_failure(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(folder_objects, "time", Clock(share))
    begun = []

    def read(key: str) -> str:
        begun.append(key)
        if key != "0":
            raise OSError(key)
        return key

    reading = read_ahead(read, KEYS)
    assert next(reading) == "0"
    with pytest.raises(OSError, match="1"):
        next(reading)
    assert len(begun) < 20
