# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The window, with its engine, on made-up data: the longest time its event loop did not come round.

What counts is the work of the window's thread in a gap (its CPU time): other programs make gaps longer, the engine
among them where there are few cores. The gaps themselves are shown beside it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import generator
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from core.caches.browsing import EntryKind
from core.engine.calls.push import PlanPush, StartPush
from core.foundation.digests import digest_of
from core.foundation.places import cache_dir
from core.services.contents_memory import ContentsMemory, RememberedContents
from core.services.sample_nodes import SampleRecord
from core.services.values import ContentsRow
from core.transfers.plan import PushOptions, PushRequest, Signing
from gui import appearance
from gui.collector import calm_collector
from gui.contents.rows import Column as ContentsColumn
from gui.engine_client import EngineClient, engine_command
from gui.frame_gaps import FrameGaps
from gui.main_window import MainWindow, WindowOptions
from gui.packages.rows import Column
from gui.settings import remembered, write_nothing

TYPED = "hdf5-1"
PATIENCE_S = 300.0
PACKAGES, TRANSFERS, CONTENTS = 1, 2, 3
REMEMBERED = "https://mirror.invalid/cache"  # a mirror that is known from memory only
LEAST_WHILE_PUSHING_S = 4.0


@dataclass(frozen=True, slots=True)
class Gaps:
    """Milliseconds: the most work at once and what 99 % of it stays below, with what they may be; the longest gap."""

    title: str
    most_work: float
    usual_work: float
    longest: float
    work_allowed: float = 50.0
    usual_allowed: float = 16.0


class Recorder:
    """The gaps of one thing after the other."""

    def __init__(self, window: MainWindow) -> None:
        self._gaps = FrameGaps(window)
        self.found: list[Gaps] = []

    def begin(self) -> None:
        self._gaps.record(wanted=True)

    def note(self, title: str, *, work_allowed: float = 50.0) -> None:
        """What was recorded since it began, or since the last note, was `title`."""
        gaps = self._gaps
        gaps.record(wanted=False)
        usual = gaps.work_percentile_ms(0.99)
        self.found.append(Gaps(title, gaps.most_work_ms, usual, gaps.longest_ms, work_allowed))
        gaps.record(wanted=True)

    def end(self) -> None:
        self._gaps.record(wanted=False)


class FirstPaint(QObject):
    """When a widget was painted first, in CPU seconds since this program began."""

    def __init__(self, widget: QObject) -> None:
        super().__init__(widget)
        self.after_s = 0.0
        widget.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self.after_s:
            self.after_s = time.process_time()
        return False


async def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"the window did not get ready: {what}")
        await asyncio.sleep(0.02)


# ---- packages ----


def packages_quiet(window: MainWindow) -> bool:
    page = window.packages
    return not (page.loader.busy or page.model.busy or page.narrower.asking)


async def type_and_clear(window: MainWindow, packages: int) -> None:
    page = window.packages
    for end in range(1, len(TYPED) + 1):
        page.filter_line.setText(TYPED[:end])
        await asyncio.sleep(0.15)  # as fast as people type
    await until(lambda: packages_quiet(window) and 0 < page.model.found < packages, "filter")


async def walk(window: MainWindow, packages: int) -> None:
    page = window.packages
    for at in (packages // 2, packages - 1, 0):
        page.table.show_package(page.model.row_at(at).hash)
        await asyncio.sleep(0.1)
    await scroll(page.table.verticalScrollBar().value, page.table.verticalScrollBar().setValue, 40)


async def scroll(value: Callable[[], int], set_value: Callable[[int], None], times: int) -> None:
    """As a wheel that is turned fast."""
    for _ in range(times):
        set_value(value() + 90)
        await asyncio.sleep(0.016)


async def measure_packages(window: MainWindow, recorder: Recorder, packages: int) -> None:
    page = window.packages
    recorder.begin()
    window.commands.measure_sizes.setChecked(False)
    await until(lambda: window.instance is not None, "instance")
    window.show_page(PACKAGES)
    await until(lambda: page.model.total >= packages and packages_quiet(window), "packages")
    recorder.note("opening and loading")
    await type_and_clear(window, packages)
    recorder.note("typing a filter", work_allowed=110.0)
    page.filters.clear()
    await until(lambda: packages_quiet(window) and page.model.found >= packages, "no filter")
    recorder.note("clearing it", work_allowed=110.0)
    await walk(window, packages)
    recorder.note("walking through the table")
    page.table.sortByColumn(Column.VERSION, Qt.SortOrder.DescendingOrder)
    await until(lambda: packages_quiet(window), "sorting")
    page.table.sortByColumn(Column.PACKAGE, Qt.SortOrder.AscendingOrder)
    await until(lambda: packages_quiet(window), "sorting")
    recorder.note("sorting")
    window.commands.select_shown.trigger()
    await until(lambda: page.model.checked > 0 and not page.footer.tasks.busy, "checking")
    window.commands.select_none.trigger()
    await until(lambda: not page.model.checked, "unchecking")
    await asyncio.sleep(0.3)
    recorder.note("checking all, then none")


# ---- contents ----


def remember_contents(records: list[SampleRecord]) -> None:
    """A mirror that was read before and has all of `records`."""
    rows = tuple(
        ContentsRow(
            key=f"v3/manifests/spec/{node.name}/{node.name}-{node.version}-{node.hash}.spec.manifest.json",
            kind=EntryKind.PACKAGE,
            name=node.name,
            version=node.version,
            hash=node.hash,
            target="x86_64_v3",
            stored_bytes=100_000 + number % 9973,
            modified=1.7e9 + number,
            signed=number % 3 == 0,
            installed=True,
            in_index=True,
            manifest_digest=digest_of(node.hash.encode()),
            blob_digest=digest_of(f"blob {node.hash}".encode()),
            problem="",
        )
        for number, node in enumerate(record.node for record in records)
    )
    memory = ContentsMemory(cache_dir() / "contents", keep=True)
    memory.put(REMEMBERED, RememberedContents(time.time(), True, time.time(), rows, {}))


async def measure_contents(window: MainWindow, recorder: Recorder, entries: int) -> None:
    page = window.contents

    def quiet() -> bool:
        return not (page.reader.busy or page.model.busy or page.chooser.busy)

    recorder.begin()
    window.show_page(CONTENTS)
    page.open_mirror(REMEMBERED)
    await until(lambda: len(page.model.contents.rows) >= entries and quiet(), "contents")
    recorder.note("contents: loading")
    window.commands.open_groups.trigger()
    await until(lambda: page.model.rowCount() > entries and quiet(), "groups")
    recorder.note("contents: opening all groups")
    for column in (ContentsColumn.SIZE, ContentsColumn.PUSHED, ContentsColumn.NAME):
        page.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
        await until(quiet, "sorting contents")
    recorder.note("contents: sorting")
    page.table.selectAll()
    await asyncio.sleep(0.05)
    await until(quiet, "selecting contents")
    recorder.note("contents: selecting all")
    page.table.clearSelection()
    await asyncio.sleep(0.05)
    await until(quiet, "selecting contents")
    for end in range(1, len(TYPED) + 1):
        page.filter_line.setText(TYPED[:end])
        await asyncio.sleep(0.15)
    await until(lambda: quiet() and 0 < page.model.rowCount() < entries, "filter of contents")
    page.filter_line.reset()
    await until(lambda: quiet() and page.model.rowCount() > entries, "no filter of contents")
    recorder.note("contents: typing a filter, clearing it")
    await scroll(page.table.verticalScrollBar().value, page.table.verticalScrollBar().setValue, 40)
    window.commands.close_groups.trigger()
    await until(lambda: quiet() and page.model.rowCount() < entries, "closed groups")
    recorder.note("contents: scrolling, closing all groups")
    page.open_mirror("https://other.invalid/cache")
    await until(lambda: quiet() and not page.model.rowCount(), "another place")
    recorder.note("contents: another place")


# ---- pushing ----


async def push(window: MainWindow, mirror: Path, hashes: tuple[str, ...]) -> str:
    assert window.instance is not None
    options = PushOptions(signing=Signing.UNSIGNED, update_index=True)
    plan = await window.client.call(
        PlanPush(window.instance.id, PushRequest(str(mirror), hashes=hashes, options=options))
    )
    return await window.client.call(StartPush(plan.id))


async def measure_pushing(
    window: MainWindow, recorder: Recorder, packages: int, hashes: tuple[str, ...], mirrors: Path
) -> None:
    """The first push packs; in the second, of what is packed already, many more rows change in a second."""
    state, page, table = window.state, window.packages, window.transfers.table

    def moving(push_id: str) -> bool:
        return not (push_id in state.pushes and state.pushes[push_id].ended)

    async def while_moving(push_id: str, work: Callable[[], object]) -> None:
        end = time.monotonic() + LEAST_WHILE_PUSHING_S
        while moving(push_id) and time.monotonic() < end:
            await work()  # type: ignore[misc]

    async def filter_and_walk() -> None:
        await type_and_clear(window, packages)
        page.filters.clear()
        await until(lambda: packages_quiet(window) and page.model.found >= packages, "no filter")
        await walk(window, packages)

    async def look_at_transfers() -> None:
        bar = table.verticalScrollBar()
        await scroll(bar.value, bar.setValue, 60)
        table.select_row(min(5, window.transfers.model.rowCount() - 1))
        await asyncio.sleep(0.2)
        bar.setValue(bar.maximum())
        await asyncio.sleep(0.2)
        bar.setValue(0)

    for title, folder in (("pushing", "first"), ("pushing what is packed", "second")):
        window.show_page(PACKAGES)
        recorder.begin()
        push_id = await push(window, mirrors / folder, hashes)
        recorder.note(f"{title}: plan and start")
        await while_moving(push_id, filter_and_walk)
        recorder.note(f"{title}: packages, filter and scroll", work_allowed=110.0)
        window.show_page(TRANSFERS)
        while moving(push_id):
            await look_at_transfers()
        recorder.note(f"{title}: transfers, scroll")
        done = state.pushes[push_id].totals.done
        if done < len(hashes):
            raise SystemExit(f"only {done} of {len(hashes)} packages were pushed")


# ---- all of it ----


@dataclass(frozen=True, slots=True)
class World:
    """What there is to look at: numbers, and the folder that has all of it."""

    folder: Path
    packages: int
    entries: int
    pushed: int

    @property
    def install_root(self) -> Path:
        return self.folder / "spack"

    @property
    def hashes(self) -> Path:
        return self.folder / "hashes"


def prepare(world: World) -> None:
    """Makes everything below `world.folder`."""
    filled = generator.write_index(world.install_root, world.packages, filled=world.pushed)
    world.hashes.write_text(" ".join(record.node.hash for record in filled))
    remember_contents(generator.made_up_records(world.entries, seed=1)[-world.entries :])


async def measure(window: MainWindow, world: World) -> list[Gaps]:
    recorder = Recorder(window)
    await measure_packages(window, recorder, world.packages)
    await measure_contents(window, recorder, world.entries)
    hashes = tuple(world.hashes.read_text().split())
    await measure_pushing(window, recorder, world.packages, hashes, world.folder / "mirrors")
    recorder.end()
    return recorder.found


def run(world: World) -> tuple[float, list[Gaps]]:
    """Open the window on `world`: CPU seconds until its first picture, and all gaps."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    remembered().setValue("window/welcomed", "yes")
    write_nothing()
    calm_collector()
    app = QApplication(sys.argv[:1])
    appearance.restore(app)
    with QEventLoop(app) as loop:
        options = WindowOptions(str(world.install_root))
        window = MainWindow(EngineClient(engine_command(read_only=False)), options)
        paint = FirstPaint(window)
        window.resize(1600, 1000)
        window.show()

        async def work() -> list[Gaps]:
            life = asyncio.ensure_future(window.run())
            try:
                return await measure(window, world)
            finally:
                window.state.overall = replace(window.state.overall, waiting=0, moving=0)
                window.close()
                await life

        found = loop.run_until_complete(work())
        window.deleteLater()
    return paint.after_s, found
