# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Very many packages to two folders and a registry at once, through the real window and its engine, stopped and gone
on with in the middle; then the engine is killed, a new one goes on, and all three mirrors are verified.

`python tests/soak/load.py` by hand (10,000 packages: about half an hour), `--packages 300` to see that it works. Prints
what it took: memory in proportion (pages that processes share count once), the window's longest work at once, the
sizes of snapshots.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
for _place in ("", "tests", "tests/benchmarks"):
    sys.path.insert(0, str(ROOT / _place))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import generator  # noqa: E402
from helpers.verifying import verify  # noqa: E402
from memory import Meter  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402
from qasync import QEventLoop  # noqa: E402
from registry.servers import docker_registry  # noqa: E402
from window import TRANSFERS, Recorder, scroll  # noqa: E402

from core.caches.protocol import BuildCache  # noqa: E402
from core.engine.calls.push import PlanPush, StartPush  # noqa: E402
from core.mirrors.arguments import resolve_mirror  # noqa: E402
from core.mirrors.credentials.states import Direction  # noqa: E402
from core.mirrors.reading import mirrors_of  # noqa: E402
from core.services.access import open_access  # noqa: E402
from core.services.sample import write_database  # noqa: E402
from core.services.sample_files import write_notes  # noqa: E402
from core.spack.instance import find_instance  # noqa: E402
from core.transfers.plan import PushOptions, PushRequest, Signing  # noqa: E402
from gui import appearance  # noqa: E402
from gui.collector import calm_collector  # noqa: E402
from gui.connection import Connection  # noqa: E402
from gui.engine_client import EngineClient, engine_command  # noqa: E402
from gui.main_window import MainWindow, WindowOptions  # noqa: E402
from gui.settings import remembered, write_nothing  # noqa: E402

PATIENCE_S = 7200.0
REPOSITORY = "load/cache"
STOPPED_AT, KILLED_AT = 0.2, 0.5  # how much of all was done


def write_packages(install_root: Path, count: int) -> tuple[str, ...]:
    """An install tree of a few more than that many packages, of a few small files each; gives their hashes."""
    records = generator.made_up_records(count, seed=1)
    write_database(install_root, records)
    nodes = [each.node for each in records if each.installed and not each.node.external_prefix]
    for node in nodes:
        prefix = Path(node.prefix(str(install_root)))
        (prefix / "share").mkdir(parents=True)
        (prefix / "share" / node.name).write_text(f"{prefix}\n" * 20)
        write_notes(prefix, node)
    return tuple(node.hash for node in nodes)


class SnapshotMeter:
    """How many snapshots came to the window and how large they were, in bytes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        on_line = Connection._on_line

        def noted(connection: Connection, line: bytes) -> None:
            if b'"t":"snapshot"' in line[:40]:
                self.sizes.append(len(line))
            on_line(connection, line)

        Connection._on_line = noted  # type: ignore[method-assign]

    def words(self) -> str:
        sizes, self.sizes = sorted(self.sizes) or [0], []
        return f"{len(sizes)} snapshots, the middle one {sizes[len(sizes) // 2]:,}, the largest {sizes[-1]:,} bytes"


class Load:
    """`window` shows an instance that has the packages `hashes`; they go to `targets`."""

    def __init__(self, window: MainWindow, hashes: tuple[str, ...], targets: list[str]) -> None:
        self.window = window
        self.hashes = hashes
        self.targets = targets
        self.recorder = Recorder(window)
        self.snapshots = SnapshotMeter()
        self._began = time.monotonic()

    async def run(self) -> None:
        window, state = self.window, self.window.state
        await self._until(lambda: window.instance is not None, "the instance")
        window.show_page(TRANSFERS)
        self.recorder.begin()
        with Meter(self._engine()) as engine, Meter(os.getpid()) as own:
            await self._push()
            self._say("planned and started")
            await self._moving(lambda: self._done() >= STOPPED_AT * self._all)
            self._say(f"{self._done():,} done")
            window.commands.stop_all.trigger()
            await self._until(lambda: not state.overall.active, "all to stop")
            self._say(f"all stopped at {self._done():,}")
            state.retry(tuple(state.rows))
            await self._until(lambda: state.overall.active > 0, "all to go on")
            self._say("gone on with")
            await self._moving(lambda: self._done() >= KILLED_AT * self._all)
            self._say(f"{self._done():,} done")
        self._say_memory(engine, own)
        self._say("memory looked at")  # which is work of this program, not of the window
        await self._kill()
        with Meter(self._engine()) as engine, Meter(os.getpid()) as own:
            window.transfers.offer.proceed.click()
            await self._until(lambda: state.overall.active > 0, "what was left")
            self._say("gone on with by the next engine")
            await self._moving(lambda: not (state.leftovers.busy or state.overall.active))
            self._say(f"all done: {state.overall}")
        self._say_memory(engine, own)
        self.recorder.end()
        if state.overall.failed or state.overall.cancelled:
            raise SystemExit("not all was pushed")

    @property
    def _all(self) -> int:
        return len(self.hashes) * len(self.targets)

    def _done(self) -> int:
        return self.window.state.overall.done

    async def _push(self) -> None:
        client, instance = self.window.client, self.window.instance
        assert instance is not None
        options = PushOptions(signing=Signing.UNSIGNED, update_index=True, private=True)
        plans = []
        for target in self.targets:
            request = PushRequest(target, hashes=self.hashes, options=options)
            plans.append((await client.call(PlanPush(instance.id, request))).id)
            self._say(f"planned for {target}")
        await client.call(StartPush(plans[0], also=tuple(plans[1:])))

    async def _kill(self) -> None:
        window, leftovers = self.window, self.window.state.leftovers
        os.kill(self._engine(), signal.SIGKILL)
        await self._until(lambda: not window.client.running, "the engine to end")
        self._say(f"killed at {self._done():,}")
        window.commands.restart_engine.trigger()
        await self._until(lambda: leftovers.count > 0 and window.transfers.offer.proceed.isEnabled(), "the offer")
        self._say(f"offered: {window.transfers.offer.title}")

    async def _moving(self, done: Callable[[], bool]) -> None:
        """Look at the table, up and down, until it is `done`."""
        bar = self.window.transfers.table.verticalScrollBar()
        end = time.monotonic() + PATIENCE_S
        while not done():
            if time.monotonic() > end:
                raise SystemExit(f"this takes too long: {self.window.state.overall}")
            await scroll(bar.value, bar.setValue, 20)
            bar.setValue(bar.maximum())
            await asyncio.sleep(0.2)
            bar.setValue(0)
            await asyncio.sleep(0.2)

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f"it did not come: {what}; {self.window.state.overall}")
            await asyncio.sleep(0.02)

    def _engine(self) -> int:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return next(int(pid) for pid in children if b"core.engine" in Path(f"/proc/{pid}/cmdline").read_bytes())

    def _say(self, what: str) -> None:
        self.recorder.note(what)
        gaps = self.recorder.found[-1]
        work = f"window at most {gaps.most_work:.0f} ms at once, 99 % within {gaps.usual_work} ms"
        print(f"{time.monotonic() - self._began:7.1f} s  {what}; {work}; {self.snapshots.words()}", flush=True)

    def _say_memory(self, engine: Meter, own: Meter) -> None:
        print(f"memory: engine at most {engine.most_mb:.0f} MB, window {own.most_mb:.0f} MB", flush=True)


def check(install_root: Path, hashes: tuple[str, ...], targets: list[str]) -> list[str]:
    """What is wrong with the mirrors."""
    wrong = []
    instance = find_instance(str(install_root), environ={})
    access = open_access(instance, keep=False)
    for target in targets:
        cache: BuildCache = access.open(resolve_mirror(target, mirrors_of(instance), cwd=install_root), Direction.PUSH)
        begin = time.monotonic()
        wrong += [f"{target}: {finding.words}" for finding in verify(cache, full=False) if not finding.harmless]
        index = cache.read_index()
        indexed = {key for key, record in index.records.items() if record.in_buildcache} if index is not None else set()
        wrong += [f"{target}: {len(indexed)} in its index, not {len(hashes)}"] if indexed != set(hashes) else []
        print(f"{target}: verified in {time.monotonic() - begin:.1f} s", flush=True)
    access.close()
    return wrong


def show(install_root: Path, hashes: tuple[str, ...], targets: list[str]) -> None:
    remembered().setValue("window/welcomed", "yes")
    write_nothing()
    calm_collector()
    app = QApplication(sys.argv[:1])
    appearance.restore(app)
    with QEventLoop(app) as loop:
        window = MainWindow(EngineClient(engine_command(read_only=False)), WindowOptions(str(install_root)))
        window.resize(1600, 1000)
        window.show()

        async def work() -> None:
            life = asyncio.ensure_future(window.run())
            try:
                await Load(window, hashes, targets).run()
            finally:
                window.state.overall = replace(window.state.overall, waiting=0, moving=0)
                window.close()
                await life

        loop.run_until_complete(work())
        window.deleteLater()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where to work, default a temporary folder")
    options = parser.parse_args()
    program = shutil.which("docker-registry")
    if program is None:
        parser.error("there is no docker-registry")
    with tempfile.TemporaryDirectory(prefix="mirrordeck-load-", dir=options.folder) as folder:
        place = Path(folder)
        os.environ.update({"MIRRORDECK_HOME": f"{place}/home", "HOME": folder, "PYTHONPATH": str(ROOT)})
        hashes = write_packages(place / "spack", options.packages)
        (place / "registry").mkdir()
        with docker_registry(program, place / "registry") as registry:
            targets = [str(place / "one"), str(place / "two"), f"oci+http://{registry.host}/{REPOSITORY}"]
            show(place / "spack", hashes, targets)
            wrong = check(place / "spack", hashes, targets)
    print("\n".join(wrong) or "nothing is wrong with the mirrors")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
