# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Work that would hold up the window, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T], name: str) -> T:
    """What `function` returns or raises; it runs in a new thread called `name`.

    A cancelled wait leaves the thread to itself: tell it in another way, or let it end.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only if that is a T

    def run() -> None:
        result, failed = None, None
        try:
            result = function()
        except BaseException as error:  # raised to whoever waits
            failed = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future
