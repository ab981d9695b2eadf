# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import UsageError
from core.transfers.limits import Bandwidth, check_limits
from core.transfers.model import TransferLimits


class Time:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, _token: CancelToken, seconds: float) -> bool:
        self.now += seconds
        return False


def test_bytes_take_the_time_they_should():
    time = Time()
    bandwidth = Bandwidth(time.clock, time.sleep)
    bandwidth.set(1_000_000)
    for _ in range(50):
        bandwidth.spend(100_000, CancelToken())
    assert time.now - 100.0 == pytest.approx(5.0)


def test_what_was_not_used_is_saved_for_a_second_at_most():
    time = Time()
    bandwidth = Bandwidth(time.clock, time.sleep)
    bandwidth.set(1_000_000)
    time.now += 60
    bandwidth.spend(1_000_000, CancelToken())
    assert time.now == 160.0
    bandwidth.spend(500_000, CancelToken())
    assert time.now == pytest.approx(160.5)


def test_without_a_limit_nobody_waits():
    time = Time()
    bandwidth = Bandwidth(time.clock, time.sleep)
    bandwidth.set(1_000_000)
    bandwidth.set(None)
    bandwidth.spend(10**12, CancelToken())
    assert time.now == 100.0


@pytest.mark.parametrize(
    "limits",
    [TransferLimits(0), TransferLimits(1000), TransferLimits(1, per_mirror=0), TransferLimits(1, bytes_per_s=10)],
)
def test_numbers_that_make_no_sense(limits):
    with pytest.raises(UsageError):
        check_limits(limits)
