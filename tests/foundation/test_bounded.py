# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import threading
import time

import pytest

from core.foundation.bounded import within
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled


def test_gives_and_raises_what_the_call_does() -> None:
    assert within(5, CancelToken(), lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(5, CancelToken(), lambda: 1 // 0)
    with pytest.raises(TimeoutError, match="its own"):
        within(5, CancelToken(), lambda: _fail(TimeoutError("its own")))


def test_a_call_that_hangs_is_given_up() -> None:
    released = threading.Event()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        within(0.2, CancelToken(), lambda: released.wait(120))
    assert time.monotonic() - started < 60
    released.set()


def test_cancelling_does_not_wait_for_it() -> None:
    released, token = threading.Event(), CancelToken()
    timer = threading.Timer(0.1, token.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        within(60, token, lambda: released.wait(120))
    released.set()
    timer.join()


def _fail(error: Exception) -> None:
    raise error
