# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Asking many places at once, so that one that does not answer delays nobody but itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

from core.foundation.cancel import CancelToken

_T = TypeVar("_T")
_R = TypeVar("_R")

_AT_ONCE = 16
_LOOK_S = 0.1


def side_by_side(places: Sequence[_T], ask: Callable[[_T], _R], token: CancelToken) -> Iterator[_R]:
    """`ask(place)` for each of `places`, in the order they answer. What `ask` raises is raised.

    Raises Cancelled at once when `token` is cancelled; a place still being asked is left to itself then.
    """
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ask")
    try:
        waiting = {pool.submit(ask, place) for place in places}
        while waiting:
            token.raise_if_cancelled()
            done, waiting = wait(waiting, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
