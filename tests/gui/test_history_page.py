# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_client import FakeClient
from PySide6.QtWidgets import QLabel, QPlainTextEdit
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot
from samples import INSTANCE

from core.engine.calls.history import CollectReport, ExportHistory, ListHistory, SaveReport
from core.foundation.errors import ErrorInfo, PermissionDenied
from core.services.history_values import Action, HistoryEntry, HistoryForm
from core.services.support_values import SupportFile
from gui import messages
from gui.actions import Actions
from gui.engine_client import CallFailed
from gui.history import words
from gui.history.model import Column, HistoryModel
from gui.history.page import HistoryPage
from gui.history.report_dialog import ReportDialog
from gui.widgets.cell import Role

HASH = "abcdefghijklmnopqrstuvwxyz234567"
ENTRIES = [
    HistoryEntry(1_700_000_100.0, "ann@login1", Action.DELETED, "team", "file:///srv/team", "zlib@1.3", HASH),
    HistoryEntry(1_700_000_000.0, "bob\u202e@x", Action.EDITED, "/etc/mirrors.yaml", subject="<b>Add</b> \x1b[31mx"),
]


@pytest.fixture
def client(client: FakeClient) -> FakeClient:
    client.answers[ListHistory] = len(ENTRIES)
    client.rows[ListHistory] = [[one] for one in ENTRIES]
    return client


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[HistoryPage]:
    page = HistoryPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1000, 600)
    page.show()
    qtbot.waitExposed(page)
    yield page
    page.leave()


def load(page: HistoryPage, qtbot: QtBot) -> None:
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(task.done)


def cell(page: HistoryPage, row: int, column: Column, role: int = 0) -> object:
    return page.model.data(page.model.index(row, column), role)


def test_entries_say_what_was_done_where_and_by_whom(
    page: HistoryPage, qtbot: QtBot, qtmodeltester: ModelTester
) -> None:
    load(page, qtbot)
    qtmodeltester.check(page.model, force_py=True)
    assert [cell(page, 0, column) for column in list(Column)[1:5]] == [
        "Deleted", f"zlib@1.3/{HASH[:7]}", "team", "ann@login1"
    ]  # fmt: skip
    assert cell(page, 0, Column.WHERE, 3) == "file:///srv/team"
    assert page.sentence.text() == "2 entries"
    assert isinstance(cell(page, 0, Column.WHEN, Role.OBJECT), HistoryEntry)
    assert HistoryModel().rowCount() == 0


def test_t16_foreign_text_is_shown_and_not_obeyed(page: HistoryPage, qtbot: QtBot) -> None:
    load(page, qtbot)
    assert cell(page, 1, Column.SUBJECT) == "<b>Add</b> \\x1b[31mx"
    assert cell(page, 1, Column.WHO) == "bob\\u202e@x"


def test_the_filter_and_the_kind_are_asked_of_the_engine(page: HistoryPage, client: FakeClient, qtbot: QtBot) -> None:
    load(page, qtbot)
    client.rows[ListHistory] = []
    page.filter_line.setText("zlib")
    qtbot.waitUntil(lambda: client.calls[-1].request.text == "zlib")
    qtbot.waitUntil(lambda: page.model.rowCount() == 0)
    assert any(label.text() == words.NOTHING_FOUND for label in page.empty.findChildren(QLabel))
    page.kind.setCurrentIndex(words.KINDS.index("Signed"))
    page.kind.activated.emit(page.kind.currentIndex())
    qtbot.waitUntil(lambda: client.calls[-1].request.action is Action.SIGNED)


def test_nothing_yet_and_failures_are_told(page: HistoryPage, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[ListHistory] = []
    load(page, qtbot)
    assert any(label.text() == words.EMPTY for label in page.empty.findChildren(QLabel))
    client.answers[ListHistory] = CallFailed(ErrorInfo("permission-denied", "Cannot read the history", "why"))
    load(page, qtbot)
    assert not page.banner.isHidden()


@pytest.mark.parametrize(("name", "form"), [("x.csv", HistoryForm.CSV), ("x.json", HistoryForm.JSON)])
def test_what_is_shown_is_exported(
    page: HistoryPage, client: FakeClient, qtbot: QtBot, name: str, form: HistoryForm
) -> None:
    load(page, qtbot)
    client.answers[ExportHistory] = 2
    task = page.start(page.export_to(f"/tmp/{name}"))
    qtbot.waitUntil(task.done)
    call = client.calls[-1]
    assert isinstance(call, ExportHistory)
    assert (call.form, call.path) == (form, f"/tmp/{name}")
    assert not page.banner.isHidden()


def test_read_only_exports_nothing(page: HistoryPage, commands: Actions, qtbot: QtBot) -> None:
    page.read_only = True
    load(page, qtbot)
    assert not commands.export_history.isEnabled()
    assert messages.WHY_READ_ONLY in commands.export_history.toolTip()


class TestReport:
    FILES = (SupportFile("system.txt", "mirrordeck 1\n"), SupportFile("log/engine.log", "<b>x</b>\n"))

    def opened(self, client: FakeClient, qtbot: QtBot, *, read_only: bool = False) -> ReportDialog:
        client.answers.setdefault(CollectReport, self.FILES)
        dialog = ReportDialog(client, INSTANCE.id, read_only=read_only)
        qtbot.addWidget(dialog)
        dialog.show()
        qtbot.waitUntil(lambda: not dialog.working)
        return dialog

    def test_t40_it_is_shown_before_it_is_saved(self, client: FakeClient, qtbot: QtBot) -> None:
        dialog = self.opened(client, qtbot)
        assert dialog.text.toPlainText() == "mirrordeck 1\n"
        dialog.choice.setCurrentIndex(1)
        assert dialog.text.toPlainText() == "<b>x</b>\n"
        assert isinstance(dialog.text, QPlainTextEdit)
        assert not [call for call in client.calls if isinstance(call, SaveReport)]
        client.answers[SaveReport] = None
        dialog.work(lambda: dialog.save_to("/tmp/report.zip"))
        qtbot.waitUntil(lambda: not dialog.working)
        assert client.calls[-1] == SaveReport(self.FILES, "/tmp/report.zip")
        assert "/tmp/report.zip" in dialog.notice.accessibleName() or not dialog.notice.isHidden()

    def test_a_failure_is_told_and_nothing_can_be_saved(self, client: FakeClient, qtbot: QtBot) -> None:
        client.answers[CollectReport] = PermissionDenied("Cannot read the log", "why")
        dialog = self.opened(client, qtbot)
        assert not dialog.confirm_button.isEnabled()
        assert not dialog.notice.isHidden()

    def test_read_only_shows_but_saves_nothing(self, client: FakeClient, qtbot: QtBot) -> None:
        dialog = self.opened(client, qtbot, read_only=True)
        assert dialog.text.toPlainText() == "mirrordeck 1\n"
        assert not dialog.confirm_button.isEnabled()
        assert dialog.confirm_button.toolTip() == messages.WHY_READ_ONLY


def test_what_was_recorded_meanwhile_is_there_when_one_comes_back(
    page: HistoryPage, client: FakeClient, qtbot: QtBot
) -> None:
    load(page, qtbot)
    asked = len(client.asked(ListHistory))
    page.hide()
    page.show()
    qtbot.waitUntil(lambda: len(client.asked(ListHistory)) == asked + 1 and not page.tasks.busy)
