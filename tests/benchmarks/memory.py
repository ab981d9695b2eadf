# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The most memory an engine has while it works, in proportion: pages that processes share count once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import generator
import worlds
from helpers.child_engine import Engine
from measuring import CORES, Measurement, Scale, installed

from core.caches.folder_cache import FolderCache
from core.caches.layout3 import blob_key
from core.engine.calls.contents import UpdateIndex
from core.engine.calls.instances import OpenInstance
from core.engine.calls.push import PlanPush, StartPush
from core.engine.calls.transfers import WatchTransfers
from core.engine.messages import Snapshot
from core.transfers.plan import PushOptions, PushRequest, Signing

MOST_MEGABYTES = 64 + 2 * CORES
LOOK_S = 0.02


class Meter:
    """Looks at the memory of a process again and again while a block runs."""

    def __init__(self, process: int) -> None:
        self.most_mb = 0.0
        self._rollup = Path(f"/proc/{process}/smaps_rollup")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Meter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(LOOK_S):
            with suppress(OSError):
                text = self._rollup.read_text()
                self.most_mb = max(self.most_mb, int(text.partition("\nPss:")[2].split()[0]) * 1024 / 1e6)


def measure(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """Pushing one large package and very many small ones, updating a large index."""
    for size in (scale.giant, scale.small):
        install_root = folder / size / "opt/spack"
        generator.write_tree(install_root, generator.SIZES[size])
        most = _peak(lambda engine, root=install_root: push(engine, root, root.parent / "mirror"))
        yield Measurement(f"engine's memory, pushing {size}", "MB", [most], MOST_MEGABYTES)
    place = folder / "many"
    worlds.make_indexed(place, scale.packages)
    cache = FolderCache(place / "mirror")
    most = _peak(lambda engine: update(engine, install_root, place / "mirror"))
    index = cache.read_index()
    size_mb = cache.folder.path(blob_key(index.digest)).stat().st_size / 1e6 if index else 0.0
    title = f"engine's memory, index of {scale.packages:,} ({size_mb:.0f} MB)"
    yield Measurement(title, "MB", [most], MOST_MEGABYTES + size_mb)


def _peak(work: Callable[[Engine], None]) -> float:
    engine = Engine()
    with Meter(engine.process.pid) as meter:
        work(engine)
    engine.end()
    return meter.most_mb


def push(engine: Engine, install_root: Path, mirror: Path) -> None:
    hashes = installed(install_root)
    info, _ = engine.ask(OpenInstance(directory=str(install_root)))
    options = PushOptions(signing=Signing.UNSIGNED, private=True)
    plan, _ = engine.ask(PlanPush(info.id, PushRequest(str(mirror), hashes=hashes, options=options)))
    engine.ask(WatchTransfers())
    push_id, _ = engine.ask(StartPush(plan.id))
    seen = engine.snapshots
    while not any(status.id == push_id and status.ended for shot in seen for status in shot.queue.pushes):
        message = engine.receive()
        seen = [message] if isinstance(message, Snapshot) else []


def update(engine: Engine, install_root: Path, mirror: Path) -> None:
    info, _ = engine.ask(OpenInstance(directory=str(install_root)))
    engine.ask(UpdateIndex(info.id, str(mirror)))
