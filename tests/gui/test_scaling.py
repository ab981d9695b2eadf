# SPDX-License-Identifier: Apache-2.0 OR MIT
"""On screens of every scale and with text of every size, nothing is cut and icons stay crisp."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = Path(__file__).with_name("look_for_clipping.py")
_ROOT = _PROGRAM.parents[2]


@pytest.mark.parametrize(
    ("scale", "width", "height", "percent"),
    [
        (1.0, 900, 560, 100),
        (1.25, 900, 560, 100),
        (1.5, 900, 560, 160),
        (2.0, 900, 560, 80),
        (1.0, 900, 560, 200),
        (1.0, 1600, 1000, 200),
    ],
)
def test_nothing_is_cut_and_icons_are_crisp(scale: float, width: int, height: int, percent: int) -> None:
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), str(width), str(height), str(percent)],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "QT_SCALE_FACTOR": str(scale),
            "PYTHONPATH": str(_ROOT),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["ratio"] == scale
    assert report["found"] == {}
