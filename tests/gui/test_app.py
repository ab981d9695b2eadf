# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.services.sample import make_sample_instance
from gui.widgets.page import TaskOwner

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
import gui.app

begin = gui.app.MainWindow.run

async def run(window):
    window.client.engine_ready.connect(lambda: print("up", flush=True))
    await begin(window)

gui.app.MainWindow.run = run
sys.exit(gui.app.run_window(gui.app.WindowOptions(instance=sys.argv[1], read_only=True)))
"""


READ_ONLY = """
import sys
from pathlib import Path

import gui.app
from gui.settings import remembered
from helpers.nothing_changes import nothing_changes

begin = gui.app.MainWindow.run

async def run(window):
    def use() -> None:
        a = window.commands
        for action in (a.show_packages, a.toggle_navigation, a.compact_rows, a.appearance_dark, a.show_mirrors):
            action.trigger()
        remembered().setValue("window/test", "held")
        assert remembered().value("window/test") == "held"
        window.resize(1100, 700)
        print("used", flush=True)
        window.close()

    window.client.engine_ready.connect(use)
    await begin(window)

gui.app.MainWindow.run = run
with nothing_changes(*map(Path, sys.argv[1:])):
    status = gui.app.run_window(gui.app.WindowOptions(instance=sys.argv[1], read_only=True))
sys.exit(status)
"""


def test_a_read_only_window_changes_nothing_anywhere(tmp_path: Path, home: Path) -> None:
    make_sample_instance(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(tmp_path), str(home)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "used\n"
    assert not (home / "mirrordeck").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window_and_its_engine_in_order(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def test_pages_may_be_hidden_before_the_loop_runs() -> None:
    """Qt does that while the window is built; an error in a `hideEvent` would end the process there."""
    TaskOwner().cancel_all()
