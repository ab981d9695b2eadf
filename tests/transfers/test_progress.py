# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from core.transfers.progress import RateMeter


def test_nothing_is_said_in_the_first_seconds():
    meter = RateMeter(100.0)
    meter.add(1000, 101.0)
    assert meter.rate_bps(104.9) is None
    assert meter.left_s(1000, 104.9) is None


def test_rate_and_time_left():
    meter = RateMeter(0.0)
    for second in range(10):
        meter.add(100, float(second))
    assert meter.rate_bps(10.0) == 100.0
    assert meter.left_s(500, 10.0) == 5.0


def test_old_seconds_leave_the_window():
    meter = RateMeter(0.0)
    meter.add(1_000_000, 1.0)
    for second in range(30, 60):
        meter.add(200, float(second))
    assert meter.rate_bps(59.5) == 200.0


def test_a_stalled_transfer_has_no_rate():
    meter = RateMeter(0.0)
    meter.add(100, 8.0)
    assert meter.rate_bps(10.0) is not None
    assert meter.rate_bps(14.0) is None
