# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A moment of the soak: random work with faults breaks nothing and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = os.environ.get("MIRRORDECK_SOAK_SECONDS", "4")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_moment_of_random_work(seed: str, tmp_path: Path) -> None:
    script = Path(__file__).with_name("run.py")
    command = [sys.executable, str(script), "--seconds", SECONDS, "--seed", seed]
    done = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 violations" in done.stdout
    assert "threads left 0, files left 0" in done.stdout
    assert "memory: first third" in done.stdout
