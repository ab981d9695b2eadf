# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rows on their way to a window: together, but never kept back for long."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

_T = TypeVar("_T")

_MOST = 2000
_SECONDS = 0.25


def in_batches(rows: Iterable[_T]) -> Iterator[list[_T]]:
    """`rows` in their order, at most 2,000 at once, and what there is whenever a quarter of a second has passed."""
    batch: list[_T] = []
    sent = time.monotonic()
    for row in rows:
        batch.append(row)
        if len(batch) >= _MOST or time.monotonic() - sent >= _SECONDS:
            yield batch
            batch, sent = [], time.monotonic()
    if batch:
        yield batch
