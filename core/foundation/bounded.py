# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Waiting no longer than one wants for calls that nothing can stop: names to be resolved, mounts that are dead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from core.foundation.cancel import CancelToken

T = TypeVar("T")

_POLL_S = 0.05


def within(seconds: float, token: CancelToken, call: Callable[[], T]) -> T:
    """What `call` gives or raises, in a thread of its own. Raises TimeoutError, and Cancelled as soon as `token` is.

    A call that is given up goes on by itself; its thread does not keep the program from ending.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # raised to whoever waits for the result
            future.set_exception(error)

    threading.Thread(target=run, name="bounded call", daemon=True).start()
    deadline = time.monotonic() + seconds
    while not future.done():
        token.raise_if_cancelled()
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            future.exception(min(_POLL_S, left))
        except TimeoutError:
            continue
    return future.result()
