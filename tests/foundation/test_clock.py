# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import threading
import time

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import Cancelled


def test_sleep_ends_when_cancelled() -> None:
    token = CancelToken()
    timer = threading.Timer(0.02, token.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        Clock().sleep(60, token)
    assert time.monotonic() - started < 10
    timer.join()


def test_sleep_and_time_pass() -> None:
    clock = Clock()
    before = clock.monotonic()
    clock.sleep(0.01, CancelToken())
    assert clock.monotonic() - before >= 0.01
    assert abs(clock.now() - time.time()) < 5
    assert 0 <= clock.random() < 1
