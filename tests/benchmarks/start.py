# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How long the window takes to its first picture and to its packages, and what it and its engine keep.

Starts the program as people do, from a new process each time. Memory is proportional (PSS): pages that processes share
count once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import generator

ROOT = Path(__file__).resolve().parents[2]
# Runs inside the program: the first paint of its window, then the moment its list of packages is whole.
_WATCH = """
import json, os, sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication
from gui import app, main_window

wanted, found = int(sys.argv[1]), {}

def age():
    started = int(open("/proc/self/stat").read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return float(open("/proc/uptime").read().split()[0]) - started

def pss(process):
    lines = open(f"/proc/{process}/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024

class Watch(QObject):
    def __init__(self, window):
        super().__init__(window)
        self.window = window
        window.installEventFilter(self)
        self.timer = QTimer(self, interval=5)
        self.timer.timeout.connect(self.look)
        self.timer.start()

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and "paint_s" not in found:
            QTimer.singleShot(0, self.painted)
        return False

    def painted(self):
        if "paint_s" not in found:
            found.update(paint_s=age(), paint_cpu_s=time.process_time())

    def look(self):
        model = self.window.packages.model
        if model.rowCount() < wanted or self.window.packages.loader.busy or "paint_s" not in found:
            return
        self.timer.stop()
        found.update(packages_s=age(), packages_cpu_s=time.process_time())
        found["window_bytes"] = pss("self")
        children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
        found["engine_bytes"] = sum(map(pss, children))
        print(json.dumps(found), flush=True)
        self.window.close()

class Window(main_window.MainWindow):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.watch = Watch(self)

app.MainWindow = Window
app.run_window(app.WindowOptions(instance=sys.argv[2]))
"""


def measure(packages: int, place: Path) -> dict[str, float]:
    """One start with an instance of that many packages below `place`: `paint_s` and `packages_s` since the process
    began, of which it computed `paint_cpu_s` and `packages_cpu_s`; `window_bytes` and `engine_bytes` once all packages
    are listed."""
    if not place.exists():
        generator.write_index(place, packages)
    home = place.parent / "home"
    environment = {**os.environ, "MIRRORDECK_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    command = [sys.executable, "-P", "-c", _WATCH, str(packages), str(place)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured
