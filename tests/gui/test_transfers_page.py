# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Transfers page and the state behind it, with a client that only remembers what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import transfer_samples as samples
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from transfers_window import transfers_page

from core.engine.calls.transfers import ClearTransfers, PauseTransfers, RetryTransfers, StopTransfers, WatchTransfers
from core.foundation.errors import ErrorInfo, PermissionDenied
from core.transfers.model import ItemState, QueueSnapshot
from core.transfers.plan import Decision
from gui.transfers import words
from gui.transfers.page import TransfersPage
from gui.transfers.rows import Column
from gui.widgets.controls import ActionButton


@pytest.fixture
def page(qtbot: QtBot, client: FakeClient) -> Iterator[TransfersPage]:
    with transfers_page(client, qtbot) as page:
        yield page


def receive(page: TransfersPage, snapshot: QueueSnapshot) -> None:
    assert isinstance(page.client, FakeClient)
    page.client.tell(snapshot)


def asked(qtbot: QtBot, page: TransfersPage, kind: type) -> object:
    """The request of `kind` that was made last."""
    client = page.client
    assert isinstance(client, FakeClient)
    qtbot.waitUntil(lambda: bool(client.asked(kind)))
    return client.asked(kind)[-1]


def select(page: TransfersPage, name: str) -> None:
    row = next(row for row in page.state.rows.values() if row.name == name)
    number = page.model.number_of(row.id)
    assert number is not None
    page.table.select_row(number)


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


def test_nothing_is_done_for_a_page_that_is_not_shown_until_it_is(page: TransfersPage) -> None:
    page.hide()
    receive(page, samples.running())
    receive(page, samples.ended())
    assert page.state.overall.done
    assert not page.model.total
    assert page.pane.shown is page.empty
    page.show()
    assert page.model.total == len(page.state.rows)
    assert page.pane.shown is page.table
    assert page.overall.head.text() == words.FINISHED
    number = page.model.number_of(next(row.id for row in page.state.rows.values() if row.name == "cmake"))
    page.hide()
    receive(page, samples.snapshot([samples.row("cmake", "3.30.5", push="p2")]))
    page.show()
    assert number is not None
    assert page.model.total == 1


def test_a_report_names_what_was_skipped_though_it_was_told_long_before(page: TransfersPage, qtbot: QtBot) -> None:
    whole = samples.ended()
    receive(page, replace(whole, full=True))
    receive(page, replace(whole, rows=(), skipped={}))
    qtbot.mouseClick(page.summary.copy, Qt.MouseButton.LeftButton)
    assert "Skipped         cuda@12.6" in clipboard()


def test_empty_page_leads_to_the_packages(page: TransfersPage, qtbot: QtBot) -> None:
    assert page.pane.shown is page.empty
    assert page.overall.isHidden()
    with qtbot.waitSignal(page.packages_wanted):
        qtbot.mouseClick(page.packages_button, Qt.MouseButton.LeftButton)
    assert not page.commands.stop_all.isEnabled()
    assert page.commands.stop_all.toolTip() == "Nothing is running or waiting"


def test_running_push_in_figures(page: TransfersPage) -> None:
    receive(page, samples.running())
    assert page.sentence.text() == "36 packages to scratch. 28 were there, 2 done, 1 failed."
    card = page.overall
    assert card.head.text().startswith("58")
    assert card.bytes.text().replace("\u2009", " ") == "642 MB of 1.1 GB"
    assert card.doing.text() == "1 packing, 1 uploading, 1 finalising, 3 waiting"
    assert card.bar.share == pytest.approx(642 / 1100)
    assert [fact.value.text().replace("\u2009", " ") for fact in (card.rate, card.left, card.present, card.failed)] == [
        "48 MB/s", "6 min", "28", "1",
    ]  # fmt: skip
    assert page.pane.shown is page.table
    assert page.summary.isHidden()


def test_unknown_figures_are_dashes_and_an_unknown_total_is_no_per_cent(page: TransfersPage) -> None:
    receive(page, samples.snapshot([samples.row("a", state=ItemState.PACKING, total=None)]))
    assert page.overall.rate.value.text() == page.overall.left.value.text() == "–"
    assert page.overall.bar.share is None
    assert page.overall.head.text() == "Counting…"


def test_overall_bar_of_more_than_four_gib(page: TransfersPage) -> None:
    receive(page, samples.snapshot([samples.row("a", state=ItemState.PACKING, done=2**42, total=2**43)]))
    assert page.overall.bar.share == pytest.approx(0.5)
    assert "4.4" in page.overall.bytes.text()


def test_ended_push_is_summed_up_and_its_failures_can_be_retried(page: TransfersPage, qtbot: QtBot) -> None:
    receive(page, samples.running())
    with qtbot.waitSignal(page.state.push_ended):
        receive(page, samples.ended())
    text = page.summary.text.text().replace("\u2009", " ")
    assert text == "7 pushed, 28 already there, 1 failed, 2 skipped. 1 GB in 4 min. Index updated."
    qtbot.mouseClick(page.summary.copy, Qt.MouseButton.LeftButton)
    assert clipboard().startswith("Push to scratch")
    assert "petsc@3.22.1" in clipboard()
    assert "cuda@12.6" in clipboard()
    qtbot.mouseClick(page.summary.retry, Qt.MouseButton.LeftButton)
    petsc = next(row for row in page.state.rows.values() if row.name == "petsc")
    assert asked(qtbot, page, RetryTransfers) == RetryTransfers((petsc.id,))


def test_clean_end_needs_no_retry(page: TransfersPage) -> None:
    receive(page, samples.ended(failed=False))
    assert page.summary.isVisible()
    assert page.summary.retry.isHidden()
    assert page.overall.head.text() == "Finished"


def test_failed_row_shows_why_and_what_to_do(page: TransfersPage, qtbot: QtBot) -> None:
    receive(page, samples.running())
    select(page, "petsc")
    assert page.failure.isVisible()
    page.commands.copy_error.trigger()
    assert samples.NO_SPACE.title in clipboard()
    assert samples.NO_SPACE.remedies[0] in clipboard()
    select(page, "cmake")
    assert page.failure.isHidden()
    assert page.commands.copy_error.toolTip() == "This transfer has not failed"


def test_failure_panel_goes_away_with_the_failure(page: TransfersPage) -> None:
    receive(page, samples.running())
    select(page, "petsc")
    receive(page, samples.ended(failed=False))
    assert page.failure.isHidden()


def test_keys_stop_and_retry_what_is_selected(page: TransfersPage, qtbot: QtBot) -> None:
    receive(page, samples.running())
    page.table.setFocus()
    qtbot.waitUntil(page.table.hasFocus)
    select(page, "boost")
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    boost = next(row for row in page.state.rows.values() if row.name == "boost")
    assert asked(qtbot, page, StopTransfers) == StopTransfers((boost.id,))
    select(page, "petsc")
    qtbot.keyClick(page.table, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    petsc = next(row for row in page.state.rows.values() if row.name == "petsc")
    assert asked(qtbot, page, RetryTransfers) == RetryTransfers((petsc.id,))


def test_nothing_selected_never_means_everything(page: TransfersPage, client: FakeClient) -> None:
    receive(page, samples.running())
    page.table.clearSelection()
    page.commands.stop_transfer.trigger()
    page.commands.retry_transfer.trigger()
    page.state.stop(())
    page.state.retry(())
    assert not page.state._tasks.busy
    assert not client.asked(StopTransfers)


def test_pause_resume_stop_and_clear(page: TransfersPage, qtbot: QtBot) -> None:
    receive(page, samples.running())
    page.client.answers[PauseTransfers] = replace(samples.running(), paused=True)  # type: ignore[attr-defined]
    page.commands.pause_all.trigger()
    assert asked(qtbot, page, PauseTransfers) == PauseTransfers(True)
    qtbot.waitUntil(lambda: page.state.paused)
    assert page.commands.pause_all.text() == "Resume"
    assert page.overall.doing.text() == "Pausing: what moves now is finished first"
    page.commands.pause_all.trigger()
    qtbot.waitUntil(lambda: len(page.client.asked(PauseTransfers)) == 2)  # type: ignore[attr-defined]
    assert asked(qtbot, page, PauseTransfers) == PauseTransfers(False)
    page.commands.stop_all.trigger()
    assert asked(qtbot, page, StopTransfers) == StopTransfers(())
    receive(page, samples.ended())
    page.client.answers[ClearTransfers] = QueueSnapshot((), (), samples.totals([]), False)  # type: ignore[attr-defined]
    page.commands.clear_ended.trigger()
    assert asked(qtbot, page, ClearTransfers) == ClearTransfers()
    qtbot.waitUntil(lambda: page.pane.shown is page.empty)


def test_filter_keeps_the_selection_and_says_when_nothing_is_left(page: TransfersPage, qtbot: QtBot) -> None:
    receive(page, samples.ended(failed=False))
    select(page, "llvm")
    page.filter_combo.setCurrentIndex(3)
    assert page.model.row_at(page.table.currentIndex().row()).name == "llvm"
    page.filter_combo.setCurrentIndex(2)
    assert page.pane.shown is page.no_match
    qtbot.mouseClick(page.all_button, Qt.MouseButton.LeftButton)
    assert page.pane.shown is page.table


def test_selection_follows_its_row(page: TransfersPage) -> None:
    receive(page, samples.running())
    select(page, "boost")
    boost = next(row for row in page.state.rows.values() if row.name == "boost")
    failed = replace(boost, state=ItemState.FAILED, error=samples.NO_SPACE)
    receive(page, replace(samples.running(), rows=(failed,)))
    assert page.model.row_at(page.table.currentIndex().row()).name == "boost"
    assert page.failure.isVisible()


def test_copying_and_showing_a_package(page: TransfersPage, qtbot: QtBot) -> None:
    receive(page, samples.running())
    select(page, "cmake")
    page.commands.copy_row_hash.trigger()
    assert clipboard() == "/" + samples.dag_hash("cmake")
    page.commands.copy_digest.trigger()
    assert clipboard().startswith("sha256:")
    with qtbot.waitSignal(page.package_wanted) as wanted:
        page.commands.show_package.trigger()
    assert wanted.args == [samples.dag_hash("cmake")]


def test_refused_request_is_reported(page: TransfersPage, qtbot: QtBot, client: FakeClient) -> None:
    receive(page, samples.running())
    client.answers[StopTransfers] = PermissionDenied("Not stopped", "because")
    with qtbot.waitSignal(page.state.request_failed) as failed:
        page.commands.stop_all.trigger()
    assert failed.args == [ErrorInfo("permission-denied", "Not stopped", "because", retryable=True)]


def test_without_an_engine_nothing_pretends_to_move(page: TransfersPage, client: FakeClient) -> None:
    receive(page, samples.running())
    client.engine_lost.emit("killed")
    assert not page.state.overall.active
    assert page.state.moving == ()
    assert page.state.overall.failed == 1
    assert all(row.state.ended for row in page.state.rows.values())


def test_a_new_engine_is_asked_for_everything(page: TransfersPage, qtbot: QtBot, client: FakeClient) -> None:
    client.answers[WatchTransfers] = samples.running()
    client.start()
    qtbot.waitUntil(lambda: page.model.rowCount() == 37)


def test_everything_has_a_name(page: TransfersPage) -> None:
    receive(page, samples.ended())
    assert page.table.accessibleName()
    assert page.filter_combo.accessibleName()
    assert page.overall.bar.accessibleName()
    for button in page.findChildren(ActionButton):
        assert button.text()


def test_fits_the_smallest_window(page: TransfersPage) -> None:
    receive(page, samples.ended())
    select(page, "petsc")
    assert page.minimumSizeHint().height() <= 490
    assert page.minimumSizeHint().width() <= 692


def test_nothing_has_a_rate_while_paused_or_ended(page: TransfersPage) -> None:
    waiting = samples.row("llvm", state=ItemState.WAITING)
    totals = replace(samples.totals([waiting]), rate_bps=1e6, left_s=0.1)
    snapshot = replace(samples.snapshot([waiting]), overall=totals)
    receive(page, snapshot)
    assert page.overall.left.value.text() == "1\u2009s"
    receive(page, replace(snapshot, paused=True))
    assert page.overall.rate.value.text() == page.overall.left.value.text() == "–"
    receive(page, replace(snapshot, overall=replace(totals, waiting=0, done=1)))
    assert page.overall.rate.value.text() == page.overall.left.value.text() == "–"


def test_what_was_stopped_is_not_finished(page: TransfersPage) -> None:
    rows = [samples.row("llvm", state=ItemState.CANCELLED), samples.row("zlib", state=ItemState.DONE)]
    totals = replace(samples.totals(rows), done_bytes=25, total_bytes=100)
    receive(page, replace(samples.snapshot(rows), overall=totals))
    assert page.overall.head.text() == "Stopped"
    assert page.overall.bar.share == 0.25


class TestRegistries:
    def test_the_summary_counts_what_does_not_run_and_only_what_was_sent(self, page: TransfersPage) -> None:
        receive(page, samples.registry_ended())
        assert page.summary.text.text().replace("\u2009", " ") == (
            "3 pushed (1 not runnable yet), 1 failed. 82 MB in 4 min. "
            "Tagged registry.site.org/hpc/cache:my-env. Index updated."
        )
        assert page.sentence.text() == "4 packages to site-oci. 3 done, 1 failed."

    def test_the_name_of_the_image_can_be_copied(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, samples.registry_ended())
        qtbot.mouseClick(page.summary.copy_image, Qt.MouseButton.LeftButton)
        assert clipboard() == "registry.site.org/hpc/cache:my-env"
        QGuiApplication.clipboard().clear()
        select(page, "my-env")
        page.commands.copy_image_name.trigger()
        assert clipboard() == "registry.site.org/hpc/cache:my-env"
        assert not page.commands.show_package.isEnabled()
        select(page, "cmake")
        assert page.commands.copy_image_name.toolTip() == "Only a push with a tag writes an image with a name"

    def test_without_a_tag_there_is_no_image_to_name(self, page: TransfersPage) -> None:
        receive(page, samples.ended())
        assert page.summary.copy_image.isHidden()

    def test_what_an_image_lacks_is_said_and_retried_from_there(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, samples.registry_ended())
        select(page, "hdf5")
        assert page.failure.isVisible()
        page.failure.error._on_copy()
        assert clipboard().startswith("hdf5@1.14.5 is usable as a cache, not runnable\nIts image lacks")
        assert page.commands.retry_transfer.isEnabled()
        qtbot.mouseClick(page.failure.retry, Qt.MouseButton.LeftButton)
        zlib = next(row for row in page.state.rows.values() if row.name == "zlib")
        assert asked(qtbot, page, RetryTransfers) == RetryTransfers((zlib.id,))

    def test_what_lacks_something_that_cannot_be_retried_says_what_to_do(self, page: TransfersPage) -> None:
        half = replace(samples.row("half", state=ItemState.DONE), missing=(samples.dag_hash("gone"),))
        gone = samples.item("gone", "3.0", Decision.NOT_INSTALLED)
        receive(page, samples.snapshot([half], skipped=(gone,)))
        select(page, "half")
        assert page.failure.retry.isHidden()
        assert not page.commands.retry_transfer.isEnabled()
        page.failure.error._on_copy()
        assert "lacks the layers of gone@3.0" in clipboard()
        assert "the next push of this package completes the image" in clipboard()

    def test_the_report_names_image_and_index(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, samples.registry_ended())
        qtbot.mouseClick(page.summary.copy, Qt.MouseButton.LeftButton)
        report = clipboard()
        assert "Image my-env  Tagged registry.site.org/hpc/cache:my-env" in report
        assert "not runnable until zlib@1.3.1 is pushed" in report
        assert "Index  12 new entries" in report

    def test_an_image_that_failed_is_not_forgotten(self, page: TransfersPage) -> None:
        failed = replace(samples.tag_row(ItemState.FAILED), error=samples.NO_SPACE)
        receive(page, samples.snapshot([samples.row("a", state=ItemState.DONE), failed]))
        assert "The image my-env was not written." in page.summary.text.text()
        assert page.sentence.text() == "1 package to scratch. 1 done."

    def test_narrow_tables_give_their_room_to_the_sentences(self, page: TransfersPage, qtbot: QtBot) -> None:
        receive(page, samples.registry_ended())
        assert not page.table.isColumnHidden(Column.RATE)
        page.window().resize(760, 560)
        qtbot.waitUntil(lambda: page.table.isColumnHidden(Column.RATE) and page.table.isColumnHidden(Column.TRY))
        page.window().resize(1240, 560)
        qtbot.waitUntil(lambda: not page.table.isColumnHidden(Column.RATE))
