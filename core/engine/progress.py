# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How far work has come that tells it by calling somebody, as rows of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from core.services.values import Step

_T = TypeVar("_T")

_SECONDS = 0.25


def with_progress(work: Callable[[Callable[[int, int], None]], _T]) -> Iterator[list[Step] | _T]:
    """Do `work` in a thread of its own: how far it says it is, four times a second at most, then its result. `work` is
    called with a function that takes what is done and the total. What it raises is raised; whoever stops listening
    waits for its end."""
    newest = shown = Step(0, 0)

    def report(done: int, total: int) -> None:
        nonlocal newest
        newest = Step(done, total)

    with ThreadPoolExecutor(1, thread_name_prefix="work") as pool:
        working = pool.submit(copy_context().run, work, report)
        while wait([working], _SECONDS).not_done:
            if newest != shown:
                shown = newest
                yield [shown]
        yield working.result()
