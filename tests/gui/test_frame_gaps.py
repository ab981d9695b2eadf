# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from gui.frame_gaps import FrameGaps


def test_a_blocked_loop_is_seen(qtbot: QtBot) -> None:
    owner = QObject()
    gaps = FrameGaps(owner)
    told: list[str] = []
    gaps.recorded.connect(told.append)
    gaps.record(True)
    ended: list[bool] = []

    def block() -> None:
        end, enough = time.perf_counter() + 0.12, time.thread_time() + 0.03
        while time.perf_counter() < end or time.thread_time() < enough:
            pass
        ended.append(True)

    QTimer.singleShot(0, block)
    qtbot.waitUntil(lambda: bool(ended) and gaps.percentile_ms(1.0) > 0)
    gaps.record(False)
    assert gaps.longest_ms >= 110
    assert gaps.percentile_ms(1.0) == round(gaps.longest_ms)
    assert gaps.most_work_ms >= 30
    assert gaps.work_percentile_ms(1.0) == round(gaps.most_work_ms) <= gaps.percentile_ms(1.0) + 5
    assert told == [gaps.summary()]
    assert f"Longest gap {gaps.longest_ms:.0f} ms" in told[0]


def test_waiting_is_no_work(qtbot: QtBot) -> None:
    owner = QObject()
    gaps = FrameGaps(owner)
    gaps.record(True)
    ended: list[bool] = []

    def wait() -> None:
        time.sleep(0.12)  # what blocks the loop without using the processor
        ended.append(True)

    QTimer.singleShot(0, wait)
    qtbot.waitUntil(lambda: bool(ended) and gaps.percentile_ms(1.0) > 0)
    gaps.record(False)
    assert gaps.longest_ms >= 110
    assert gaps.most_work_ms < 60


def test_each_recording_begins_anew_and_ends_once(qtbot: QtBot) -> None:
    owner = QObject()
    gaps = FrameGaps(owner)
    told: list[str] = []
    gaps.recorded.connect(told.append)
    gaps.longest_ms = 5000.0
    gaps.record(True)
    assert gaps.longest_ms == 0.0
    gaps.record(False)
    gaps.record(False)
    assert len(told) == 1
