# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from core.engine.progress import with_progress
from core.foundation.errors import NotFound
from core.foundation.logs import current_request
from core.services.values import Step


def test_how_far_it_is_comes_before_the_result() -> None:
    seen = threading.Event()

    def work(report: Callable[[int, int], None]) -> str:
        report(1, 3)
        report(2, 3)
        assert seen.wait(30)
        return "done"

    parts = with_progress(work)
    assert next(parts) == [Step(2, 3)]
    seen.set()
    assert list(parts) == ["done"]


def test_quick_work_says_nothing_and_knows_its_request() -> None:
    token = current_request.set("7 upkeep.apply")
    try:
        assert list(with_progress(lambda _report: current_request.get())) == ["7 upkeep.apply"]
    finally:
        current_request.reset(token)


def test_what_it_raises_is_raised() -> None:
    def work(_report: Callable[[int, int], None]) -> str:
        raise NotFound("There is no build cache")

    with pytest.raises(NotFound):
        list(with_progress(work))


def test_who_stops_listening_waits_for_its_end() -> None:
    goes_on, ended = threading.Event(), []

    def work(report: Callable[[int, int], None]) -> str:
        report(1, 2)
        assert goes_on.wait(30)
        ended.append(True)
        return ""

    parts = with_progress(work)
    next(parts)
    goes_on.set()
    parts.close()  # type: ignore[attr-defined]
    assert ended
