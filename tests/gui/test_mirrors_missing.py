# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What mirrors lack: counted in the background, one click away from a push."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fake_client import FakeClient
from package_samples import fill_packages, hash_of
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from samples import mirror, mirrors_view, packages

from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.presence import CountMissing, FindMissing
from core.foundation.errors import ErrorInfo
from core.mirrors.model import Mirror
from core.services.package_values import CoverageCell, MirrorPresence, MissingCount, MissingOn
from core.services.values import MirrorsView
from core.transfers.model import PushStatus, QueueSnapshot, Totals
from gui.main_window import MainWindow, WindowOptions
from gui.mirrors.missing import MissingCounts
from gui.mirrors.model import Column
from gui.widgets.cell import Role

NOW = time.time()
OCI = "oci://registry.site.org/hpc/cache"
DEAD = ErrorInfo("network", "registry.site.org did not answer", "timed out")


def count(
    name: str, missing: int = 12, *, held: int = 1, age: float = 7300, error: ErrorInfo | None = None
) -> MissingCount:
    now = time.time()  # of the moment it is answered: tests may have run for a while
    presence = MirrorPresence(name, now - age, now - age - 60, True, error=error)
    return MissingCount(presence, CoverageCell(400, missing, held))


def unknown(name: str, error: ErrorInfo | None = None) -> MissingCount:
    return MissingCount(MirrorPresence(name, None, error=error), None)


@pytest.fixture
def counts(client: FakeClient, qtbot: QtBot) -> Iterator[MissingCounts]:
    counts = MissingCounts(client)
    yield counts
    counts.tasks.cancel_all()
    qtbot.waitUntil(lambda: not counts.tasks.busy)


@pytest.fixture
def window(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> Iterator[MainWindow]:
    """A window whose mirror `scratch` lacks two packages of which only one was asked for by name."""
    fill_packages(client, packages())
    client.rows[CountMissing] = [[count("scratch", 2), count("nfs", 0)], [unknown("public", DEAD)]]
    client.answers[FindMissing] = MissingOn((hash_of("hdf5", "1.14.5"), hash_of("zlib", "1.10")), (), 3, NOW)
    window = MainWindow(client, WindowOptions())
    window.show()
    life = loop.create_task(window.run())
    qtbot.waitUntil(lambda: window.mirrors.missing.result("public") is not None)
    yield window
    window.close()
    qtbot.waitUntil(life.done)
    window.deleteLater()


def asked(client: FakeClient) -> list[tuple[tuple[str, ...], bool]]:
    return [(call.mirrors, call.refresh) for call in client.asked(CountMissing)]


def ask(counts: MissingCounts, qtbot: QtBot, *mirrors: Mirror, again: bool = False) -> None:
    counts.learn("one", mirrors, again=again)
    qtbot.waitUntil(lambda: not counts.tasks.busy)


def test_what_is_missing_takes_one_click(window: MainWindow, client: FakeClient, qtbot: QtBot) -> None:
    table, page = window.mirrors.table, window.packages
    place = table.visualRect(window.mirrors.model.index(0, Column.MISSING)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)  # the only click
    assert window.page is page
    qtbot.waitUntil(lambda: page.model.checked == 2)
    assert [row.name for row in page.model.found_rows()] == ["hdf5", "zlib"]
    assert client.asked(FindMissing)[0].mirror == "scratch"
    assert page.footer.push_button.isEnabled()
    assert page.target == "scratch"


def test_the_same_by_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    window.mirrors.table.setFocus()
    qtbot.keyClick(window.mirrors.table, Qt.Key.Key_M)
    qtbot.waitUntil(lambda: window.packages.model.checked == 2)
    assert window.page is window.packages


def test_where_nothing_is_missing_or_known_a_click_only_chooses_the_row(window: MainWindow, qtbot: QtBot) -> None:
    table = window.mirrors.table
    for row in (1, 2):
        place = table.visualRect(window.mirrors.model.index(row, Column.MISSING)).center()
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert window.page is window.mirrors
        assert table.currentIndex().row() == row
        assert not window.commands.show_missing.isEnabled()
    texts = [window.mirrors.model.index(row, Column.MISSING).data() for row in range(3)]
    assert texts == ["2", "none", "–"]


def test_cells_say_how_old_and_why(window: MainWindow) -> None:
    model = window.mirrors.model
    tips = [model.index(row, Column.MISSING).data(Qt.ItemDataRole.ToolTipRole) for row in range(3)]
    assert "2 of 403 packages" in tips[0]
    assert "1 more may not be redistributed" in tips[0]
    assert "As of 2 hours ago, its index is from 2 hours ago" in tips[0]
    assert "ready to push" in tips[0]
    assert "ready to push" not in tips[1]
    assert "timed out" in tips[2]
    assert model.index(0, Column.MISSING).data(Role.TONE) == "accent"
    assert "2 missing" in model.index(0, Column.NAME).data(Qt.ItemDataRole.AccessibleTextRole)


def test_a_mirror_added_a_moment_ago_shows_what_it_lacks(window: MainWindow, client: FakeClient, qtbot: QtBot) -> None:
    added = replace(mirrors_view().rows[0], mirror=mirror("fresh", "file:///fresh"))
    client.answers[ListMirrors] = MirrorsView((added, *mirrors_view().rows))
    window.mirrors.missing_requested.emit("fresh")
    qtbot.waitUntil(lambda: window.packages.model.checked == 2)
    assert client.asked(FindMissing)[-1].mirror == "fresh"


def test_memory_first_then_what_is_old(counts: MissingCounts, client: FakeClient, qtbot: QtBot) -> None:
    """Folders cost nobody anything; a server is asked once, unless a person asks again or it was changed."""
    client.rows[CountMissing] = lambda call: [[count("near", age=30), count("far", age=30), count("old")]]
    near, far, old = mirror("near", "file:///near"), mirror("far", OCI), mirror("old", OCI)
    sources = replace(mirror("src", OCI), binary=False)
    ask(counts, qtbot, near, far, old, sources)
    assert asked(client) == [(("near", "far", "old"), False), (("old",), True)]
    ask(counts, qtbot, near, far, old)
    assert asked(client)[2:] == [(("near", "far", "old"), False)]
    counts.forget_asking("old")
    ask(counts, qtbot, near, far, old)
    assert asked(client)[3:] == [(("near", "far", "old"), False), (("old",), True)]
    ask(counts, qtbot, near, far, old, again=True)
    assert asked(client)[6:] == [(("near", "far", "old"), True)]


def test_one_dead_mirror_keeps_nobody_waiting(counts: MissingCounts, client: FakeClient, qtbot: QtBot) -> None:
    """Each says what it lacks as soon as it has answered, while another still does not."""
    answered = asyncio.Event()

    async def call(call: CountMissing, on_rows: object) -> int:
        if call.refresh:
            on_rows([count("alive", 3)])  # type: ignore[operator]
            await answered.wait()
            on_rows([unknown("dead", DEAD)])  # type: ignore[operator]
        return 2

    client.call = call  # type: ignore[method-assign]
    counts.learn("one", [mirror("alive", OCI), mirror("dead", OCI)])
    qtbot.waitUntil(lambda: counts.result("alive") is not None)
    assert not counts.is_asked("alive")
    assert counts.is_asked("dead")
    answered.set()
    qtbot.waitUntil(lambda: not counts.tasks.busy)
    assert not counts.is_asked("dead")


def test_after_a_push_its_mirror_is_asked(counts: MissingCounts, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[CountMissing] = [[count("near", age=30)]]
    ask(counts, qtbot, mirror("near", "file:///near"))
    running = PushStatus("p1", "near", Totals(moving=2), NOW, 1.0, ended=False)
    for push in (running, replace(running, ended=True, totals=Totals(done=2))):
        client.snapshot_received.emit(QueueSnapshot((), (push,), Totals(), paused=False))
    qtbot.waitUntil(lambda: asked(client)[-1] == (("near",), True))
    qtbot.waitUntil(lambda: not counts.tasks.busy)
