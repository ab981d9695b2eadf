# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Measures the window with its engine behind a slow line: what every click takes until its answer is shown.

    python tests/benchmarks/far.py                                 sample instance, 100 ms and 1 MB/s
    python tests/benchmarks/far.py --packages 20000 --rtt 0        a made-up database, no delay

Wall time from the click until the page is quiet again, the median of some; and what crossed the line meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import generator
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from core.engine.calls.instances import OpenInstance
from core.remote.address import Place
from core.services.sample import make_sample_instance
from gui import appearance
from gui.engine_client import EngineClient, engine_command
from gui.main_window import MainWindow, WindowOptions
from gui.push.dialog import PushDialog
from gui.remote.install_dialog import InstallDialog

PATIENCE_S = 300.0
HELD_S = 0.5
RUNS = 3
NODE = Place("node7")


async def until(condition: Callable[[], bool], since: float) -> float:
    """Seconds from `since` on until `condition` held, and went on to hold: some questions are asked after a pause."""
    end, last = time.monotonic() + PATIENCE_S, time.monotonic()
    while time.monotonic() - last < HELD_S:
        if time.monotonic() > end:
            raise SystemExit("the window did not get ready")
        await asyncio.sleep(0.01)
        if not condition():
            last = time.monotonic()
    return last - since


class Far:
    """A window and what it is asked to do."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    def quiet(self) -> bool:
        window = self.window
        busy = [page.tasks.busy for page in window.pages] + [window.opening.tasks.busy]
        packages = window.packages
        working = (packages.loader.busy, packages.model.busy, packages.narrower.asking)
        return not any((*busy, *working, bool(window.client.connection._waiting)))

    async def take(self, title: str, act: Callable[[], object], runs: int = RUNS) -> None:
        times = []
        for _ in range(runs):
            begin, heard = time.monotonic(), self.heard()
            act()
            await asyncio.sleep(0)
            times.append(await until(self.quiet, begin))
            heard = self.heard() - heard
        print(f"{title:44} {1000 * statistics.median(times):8.0f} ms {heard / 1000:10.1f} kB", flush=True)

    def heard(self) -> int:
        return COUNT["bytes"]

    async def install(self) -> None:
        """Agree to everything that is asked while connecting."""
        while True:
            for widget in QApplication.topLevelWidgets():
                if isinstance(widget, InstallDialog) and widget.isVisible() and widget.confirm_button.isEnabled():
                    widget.confirm_button.click()
            await asyncio.sleep(0.05)


COUNT = {"bytes": 0}


def count_bytes() -> None:
    """Let connections count what they hear."""
    from gui.remote.connection import RemoteConnection

    listen = RemoteConnection._on_line

    def counted(connection: RemoteConnection, line: bytes) -> None:
        COUNT["bytes"] += len(line) + 1
        listen(connection, line)

    RemoteConnection._on_line = counted  # type: ignore[method-assign]


async def measure(window: MainWindow, root: str) -> None:
    far = Far(window)
    agreeing = asyncio.ensure_future(far.install())
    await until(far.quiet, 0)
    pages = window.pages
    begin = time.monotonic()
    window.opening.tasks.start(window.opening._open(NODE, OpenInstance(root)))
    await until(lambda: window.instance is not None and window.client.place == NODE, begin)
    print(f"{'connecting, copying the engine':44} {1000 * (time.monotonic() - begin):8.0f} ms", flush=True)
    filled = await until(far.quiet, begin)
    print(f"{'all pages filled':44} {1000 * filled:8.0f} ms {far.heard() / 1000:10.1f} kB", flush=True)
    for row, page in enumerate(pages):
        window.show_page(row)
        await far.take(f"{page.title}: refresh", window.commands.refresh.trigger)
    window.show_page(0)
    rows = iter([1, 0, 2, 1, 0])
    await far.take("Mirrors: choose one, its details", lambda: window.mirrors.table.select_row(next(rows)))
    window.show_page(1)
    packages = window.packages
    at = iter([3, 7, 5])
    await far.take("Packages: choose one, its details", lambda: packages.table.select_row(next(at)))
    words = iter(["z", "zl", "zli"])
    await far.take("Packages: type into the filter", lambda: packages.filter_line.setText(next(words)))
    packages.filter_line.setText("")
    await until(far.quiet, 0)
    await far.take("Packages: select all shown", window.commands.select_shown.trigger, 1)
    window.show_page(3)
    mirrors = window.mirrors.model.rows
    if mirrors:
        await far.take("Contents: open a mirror", lambda: window.contents.open_mirror(mirrors[0].mirror.name), 1)
    await push(window, far)
    agreeing.cancel()
    begin = time.monotonic()
    await window.client.reach(Place("again"))
    print(f"{'connecting where the engine is already':44} {1000 * (time.monotonic() - begin):8.0f} ms", flush=True)


async def push(window: MainWindow, far: Far) -> None:
    """Until the plan of pushing a package with what it needs is shown."""
    instance = window.instance
    assert instance is not None
    hashes = (window.packages.model.row_at(0).hash,)
    begin = time.monotonic()
    dialog = PushDialog(window.client, instance, mirror="", hashes=hashes, parent=window)
    dialog.open()
    print(f"{'Push: the dialog until its plan is shown':44} {1000 * await until(far.quiet, begin):8.0f} ms", flush=True)
    dialog.done(0)
    dialog.deleteLater()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=int, default=0, help="of a made-up database (0: the sample instance)")
    parser.add_argument("--rtt", type=int, default=100, help="milliseconds")
    parser.add_argument("--rate", type=int, default=1_000_000, help="bytes a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "far")
        (home / "run").mkdir(parents=True, mode=0o700)
        root = home / "spack"
        if options.packages:
            generator.write_index(root, options.packages)
        else:
            make_sample_instance(root)
        programs = Path(folder, "bin")
        programs.mkdir()
        line = shlex.join([sys.executable, str(Path(__file__).with_name("slow_link.py"))])
        (programs / "ssh").write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        (programs / "ssh").chmod(0o755)
        os.environ.update(
            PATH=f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            SLOW_LINK_HOME=str(home),
            SLOW_LINK_RTT_MS=str(options.rtt),
            SLOW_LINK_BPS=str(options.rate),
            MIRRORDECK_HOME=f"{folder}/here",
            HOME=folder,
        )
        run(str(root))


def run(root: str) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    count_bytes()
    app = QApplication(sys.argv[:1])
    appearance.restore(app)
    with QEventLoop(app) as loop:
        window = MainWindow(EngineClient(engine_command(read_only=False)), WindowOptions())
        window.resize(1600, 1000)
        window.first_run.finished.emit()
        window.show()

        async def work() -> None:
            life = asyncio.ensure_future(window.run())
            try:
                await measure(window, root)
            finally:
                window.close()
                await life

        loop.run_until_complete(work())
        window.deleteLater()


if __name__ == "__main__":
    main()
