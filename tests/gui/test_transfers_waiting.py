# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What waits for a person on the Transfers page: unfinished transfers, mirrors that paused themselves, limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
import transfer_samples as samples
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from core.engine.calls.history import ListHistory
from core.engine.calls.transfers import ContinueUnfinished, DiscardUnfinished, ListUnfinished, ReleaseMirror
from core.foundation.errors import Conflict, EngineGone, ErrorInfo
from core.services.history_values import Action, HistoryEntry
from core.transfers.model import (
    Continued,
    HoldReason,
    JournalOffer,
    MirrorHold,
    QueueSnapshot,
    TransferLimits,
    Unfinished,
    UnfinishedPush,
)
from gui import preferences
from gui.actions import Actions
from gui.transfers.page import TransfersPage
from gui.transfers.rows import Column
from gui.transfers.state import TransfersState
from gui.transfers.status_bar import TransfersStatus
from gui.widgets.dialogs import MessageDialog

LEFT = Qt.MouseButton.LeftButton
REFUSED = ErrorInfo("auth-required", "Could not sign in", "the registry said: bad token", ("Sign in again.",))
BROKEN = ErrorInfo("cache", "A journal of unfinished transfers cannot be read", "line 3: nonsense")


def offer(number: int = 1) -> JournalOffer:
    pushes = (
        UnfinishedPush("p", "spack-1", "scratch", "", 0.0, 9, 28, 0, 1_200_000_000),
        UnfinishedPush("q", "spack-1", "public", "site-oci", 0.0, 2, 0, 0, 0),
    )
    return JournalOffer(f"journal-{number}", time.time() - 7200, pushes)


def held(reason: HoldReason, error: ErrorInfo = REFUSED, *, left: float | None = None) -> QueueSnapshot:
    rows = [samples.row("llvm", mirror="site-oci"), samples.row("zlib", mirror="site-oci")]
    return replace(samples.snapshot(rows), holds=(MirrorHold("site-oci", reason, error, 2, 1, left),))


@pytest.fixture
def page(qtbot: QtBot, client: FakeClient) -> Iterator[TransfersPage]:
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = Actions(window)
    state = TransfersState(client, window)
    page = TransfersPage(client, actions, state)
    status = TransfersStatus(state, actions)
    status.set_idle_text("/opt/spack")
    window.setCentralWidget(page)
    window.setMenuWidget(status)
    window.resize(1000, 700)
    window.show()
    actions.enter_page(page.title)
    page.status_of_test = status  # type: ignore[attr-defined]
    yield page
    page.leave()
    state.leave()


def start(page: TransfersPage, qtbot: QtBot, *, unfinished: Unfinished) -> FakeClient:
    client = page.client
    assert isinstance(client, FakeClient)
    client.answers[ListUnfinished] = unfinished
    client.start()
    qtbot.waitUntil(lambda: bool(client.asked(ListUnfinished)) and not page.state.leftovers._tasks.busy)
    return client


def status(page: TransfersPage) -> str:
    return str(page.status_of_test.text())  # type: ignore[attr-defined]


class TestUnfinished:
    def test_nothing_is_offered_where_nothing_is_left(self, page: TransfersPage, qtbot: QtBot) -> None:
        start(page, qtbot, unfinished=Unfinished(()))
        assert page.offer.isHidden()
        assert status(page) == "/opt/spack"

    def test_it_is_offered_not_begun(self, page: TransfersPage, qtbot: QtBot) -> None:
        client = start(page, qtbot, unfinished=Unfinished((offer(),)))
        assert page.offer.title == "11 transfers were not finished."
        words = page.offer.accessibleName().replace("\u2009", " ")
        assert "9 to scratch, 2 from site-oci to public; 1.2 GB of files. 2 hours ago." in words
        assert status(page).startswith("11 transfers were not finished")
        assert not client.asked(ContinueUnfinished)

    @pytest.mark.parametrize("paused", [False, True])
    def test_continuing_all_of_it(self, page: TransfersPage, qtbot: QtBot, paused: bool) -> None:
        client = start(page, qtbot, unfinished=Unfinished((offer(1), offer(2))))
        client.answers[ContinueUnfinished] = Continued(("p",))
        client.answers[ListUnfinished] = Unfinished(())
        qtbot.mouseClick(page.offer.keep if paused else page.offer.proceed, LEFT)
        assert not page.offer.proceed.isEnabled()
        qtbot.waitUntil(page.offer.isHidden)
        assert client.asked(ContinueUnfinished) == [
            ContinueUnfinished("journal-1", paused), ContinueUnfinished("journal-2", paused),
        ]  # fmt: skip

    def test_what_cannot_be_continued_says_why_and_stays(self, page: TransfersPage, qtbot: QtBot) -> None:
        client = start(page, qtbot, unfinished=Unfinished((offer(),)))
        client.answers[ContinueUnfinished] = Continued((), (REFUSED,))
        with qtbot.waitSignal(page.state.request_failed) as failed:
            qtbot.mouseClick(page.offer.proceed, LEFT)
        assert failed.args == [REFUSED]
        qtbot.waitUntil(page.offer.proceed.isEnabled)
        client.answers[ContinueUnfinished] = Conflict("Another Mirrordeck is working on these transfers")
        with qtbot.waitSignal(page.state.request_failed):
            qtbot.mouseClick(page.offer.proceed, LEFT)
        qtbot.waitUntil(page.offer.proceed.isEnabled)

    def test_an_engine_that_dies_meanwhile_leaves_no_dead_buttons(self, page: TransfersPage, qtbot: QtBot) -> None:
        client = start(page, qtbot, unfinished=Unfinished((offer(),)))
        client.answers[ContinueUnfinished] = EngineGone("The engine ended")
        qtbot.mouseClick(page.offer.proceed, LEFT)
        client.engine_lost.emit("killed")
        qtbot.waitUntil(lambda: not page.state.leftovers.busy)
        assert page.offer.isHidden()
        start(page, qtbot, unfinished=Unfinished((offer(),)))
        assert page.offer.proceed.isEnabled()

    @pytest.mark.parametrize("agreed", [True, False])
    def test_discarding_asks_first(self, page: TransfersPage, qtbot: QtBot, agreed: bool) -> None:
        client = start(page, qtbot, unfinished=Unfinished((offer(),)))

        def asking() -> list[MessageDialog]:
            shown = QApplication.topLevelWidgets()
            return [each for each in shown if isinstance(each, MessageDialog) and each.isVisible()]

        qtbot.mouseClick(page.offer.discard, LEFT)
        qtbot.waitUntil(lambda: bool(asking()))
        assert not client.asked(DiscardUnfinished)
        asking()[0].done(int(agreed))
        qtbot.waitUntil(lambda: not page.tasks.busy and not page.state.leftovers._tasks.busy)
        assert client.asked(DiscardUnfinished) == ([DiscardUnfinished("journal-1")] if agreed else [])

    def test_a_broken_journal_is_told_once(self, page: TransfersPage, qtbot: QtBot) -> None:
        told: list[ErrorInfo] = []
        page.state.request_failed.connect(told.append)
        start(page, qtbot, unfinished=Unfinished((), (BROKEN,)))
        start(page, qtbot, unfinished=Unfinished((), (BROKEN,)))
        qtbot.waitUntil(lambda: len(page.client.asked(ListUnfinished)) == 2)  # type: ignore[attr-defined]
        qtbot.waitUntil(lambda: not page.state.leftovers._tasks.busy)
        assert told == [BROKEN]

    def test_read_only_shows_it_without_doing(self, page: TransfersPage, qtbot: QtBot) -> None:
        page.read_only = True
        start(page, qtbot, unfinished=Unfinished((offer(),)))
        for button in (page.offer.proceed, page.offer.keep, page.offer.discard):
            assert not button.isEnabled()
            assert "read-only" in button.toolTip()


class TestHolds:
    def test_a_refused_login_leads_to_signing_in(self, page: TransfersPage, qtbot: QtBot) -> None:
        page.client.snapshot_received.emit(held(HoldReason.LOGIN))
        assert page.hold.title == "Transfers to site-oci wait: the login was refused"
        assert "the registry said: bad token. Sign in again. 2 transfers wait." in page.hold.accessibleName()
        with qtbot.waitSignal(page.sign_in_wanted) as wanted:
            qtbot.mouseClick(page.hold.sign_in, LEFT)
        assert wanted.args == ["site-oci"]
        assert status(page).startswith("site-oci waits: the login was refused")

    @pytest.mark.parametrize("give_up", [False, True])
    def test_going_on_and_giving_up(self, page: TransfersPage, qtbot: QtBot, client: FakeClient, give_up: bool) -> None:
        page.client.snapshot_received.emit(held(HoldReason.NO_SPACE, samples.NO_SPACE))
        assert page.hold.sign_in.isHidden()
        qtbot.mouseClick(page.hold.give_up if give_up else page.hold.go_on, LEFT)
        qtbot.waitUntil(lambda: bool(client.asked(ReleaseMirror)))
        assert client.asked(ReleaseMirror) == [ReleaseMirror("site-oci", give_up)]
        page.client.snapshot_received.emit(replace(held(HoldReason.NO_SPACE), holds=()))
        assert page.hold.isHidden()

    def test_without_connection_it_says_when_it_tries_again(self, page: TransfersPage) -> None:
        page.client.snapshot_received.emit(held(HoldReason.UNREACHABLE, left=15.0))
        assert page.hold.go_on.text() == "Try now"
        assert "It is tried again at " in page.hold.accessibleName()
        assert page.model.index(0, Column.STATE).data() == "Waiting to retry"

    def test_rows_say_why_they_wait(self, page: TransfersPage) -> None:
        page.client.snapshot_received.emit(held(HoldReason.LOGIN))
        assert page.model.index(0, Column.STATE).data() == "Paused"
        assert page.model.index(0, Column.PROGRESS).data() == "the registry said: bad token"
        page.client.snapshot_received.emit(replace(held(HoldReason.LOGIN), rows=(), holds=()))
        assert page.model.index(0, Column.STATE).data() == "Waiting"
        assert "on disk" in page.model.index(0, Column.PROGRESS).data()

    def test_several_mirrors_one_after_another(self, page: TransfersPage) -> None:
        first = held(HoldReason.LOGIN)
        second = MirrorHold("nfs", HoldReason.VANISHED, REFUSED, 1, 1)
        page.client.snapshot_received.emit(replace(first, holds=(*first.holds, second)))
        assert "1 other mirror waits, too." in page.hold.accessibleName()
        page.client.snapshot_received.emit(replace(first, rows=(), holds=(second,)))
        assert page.hold.title == "Transfers to nfs wait: the mirror is gone"

    def test_nothing_is_said_anew_while_nothing_is_new(
        self, page: TransfersPage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page.client.snapshot_received.emit(held(HoldReason.UNREACHABLE, left=15.0))
        said: list[str] = []
        monkeypatch.setattr(page.hold, "show_notice", lambda *words, **_more: said.append(words[0]))
        page.client.snapshot_received.emit(held(HoldReason.UNREACHABLE, left=14.0))
        assert said == []

    def test_it_fits_the_smallest_window(self, page: TransfersPage) -> None:
        page.client.snapshot_received.emit(held(HoldReason.LOGIN))
        assert page.minimumSizeHint().height() <= 490
        assert page.minimumSizeHint().width() <= 844


class TestLimits:
    @pytest.mark.qt_log_ignore("This plugin does not support")  # grabbing the keyboard, which popups want
    def test_they_are_set_live_and_kept(self, page: TransfersPage, qtbot: QtBot) -> None:
        page.client.snapshot_received.emit(replace(samples.running(), limits=TransferLimits(4, bytes_per_s=10_000_000)))
        assert page.limits_button.text().replace("\u2009", " ") == "Limits: 4 at a time, 10 MB/s"
        told: list[object] = []
        preferences.changed.connect(told.append)
        try:
            qtbot.mouseClick(page.limits_button, LEFT)
            assert page.limits.isVisible()
            for combo, value in ((page.limits.parallel, 8), (page.limits.bandwidth, 5_000_000)):
                combo.setCurrentIndex(combo.findData(value))
                combo.activated.emit(combo.currentIndex())
        finally:
            preferences.changed.disconnect(told.append)
        now = preferences.now()
        assert (now.parallel, now.bytes_per_s, len(told)) == (8, 5_000_000, 2)
        qtbot.keyClick(page.limits, Qt.Key.Key_Escape)
        assert page.limits.isHidden()

    @pytest.mark.qt_log_ignore("This plugin does not support")  # grabbing the keyboard, which popups want
    def test_a_value_that_is_none_of_the_usual_ones_is_kept(self, page: TransfersPage, qtbot: QtBot) -> None:
        preferences.change(parallel=3, bytes_per_s=7_000_000)
        qtbot.mouseClick(page.limits_button, LEFT)
        page.limits.open_below(page.limits_button)
        assert (page.limits.parallel.currentData(), page.limits.bandwidth.currentData()) == (3, 7_000_000)
        assert [page.limits.parallel.itemData(at) for at in range(page.limits.parallel.count())][:4] == [1, 2, 3, 4]
        page.limits.close()


def test_what_was_finished_today_leads_to_the_history(page: TransfersPage, qtbot: QtBot, client: FakeClient) -> None:
    actions = (Action.PUSHED, Action.COPIED, Action.DELETED)
    client.rows[ListHistory] = [[HistoryEntry(time.time(), "ann@host", action, "scratch") for action in actions]]
    page.start(page.load("spack-1"))
    page.client.snapshot_received.emit(samples.running())
    qtbot.waitUntil(lambda: page.today.text() == "Finished today: 2")
    assert time.time() - client.asked(ListHistory)[0].request.since < 25 * 3600
    with qtbot.waitSignal(page.history_wanted):
        qtbot.mouseClick(page.today, LEFT)


def test_a_push_that_ends_is_counted(page: TransfersPage, qtbot: QtBot, client: FakeClient) -> None:
    client.snapshot_received.emit(samples.ended())
    client.push_ended.emit(samples.ended().pushes[0])
    qtbot.waitUntil(lambda: bool(client.asked(ListHistory)))
