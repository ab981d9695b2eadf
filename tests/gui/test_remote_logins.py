# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins leave the keyring for engines elsewhere when a person agreed, and only those of Mirrordeck."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from core.engine.messages import CredentialAnswer, NeedCredential
from core.foundation.secret import Secret
from core.mirrors.credentials.keyrings import SERVICE, Keyring, entry_of
from core.registry.credentials import Credential
from core.remote.address import Place
from gui.remote import words
from gui.remote.connection import RemoteConnection
from gui.remote.logins import RemoteLogins
from gui.widgets.dialogs import MessageDialog

ACCOUNT = "TOKEN@registry.example.org/hpc"
ENTRY = entry_of(Credential("ann", Secret("s3cret")))


class Memory:
    """A keyring that keeps everything in memory."""

    title = "memory"

    def __init__(self) -> None:
        self.kept = {(SERVICE, ACCOUNT): ENTRY, (SERVICE, "OTHER@x"): ENTRY, ("browser", "bank"): "no"}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Line(RemoteConnection):
    """Remembers what would be sent."""

    def __init__(self, title: str = "alice@node7") -> None:
        super().__init__(Place(title), ())
        self.answers: list[CredentialAnswer] = []

    def answer(self, answer: CredentialAnswer) -> None:
        self.answers.append(answer)


@pytest.fixture
def window(loop: QEventLoop, themed: object, qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    return window


@pytest.fixture
def memory() -> Memory:
    return Memory()


Attach = Callable[[Line], Line]


@pytest.fixture
def attach(window: QWidget, memory: Memory, qtbot: QtBot) -> Iterator[Attach]:
    made: list[RemoteLogins] = []

    def begin(line: Line) -> Line:
        made.append(RemoteLogins(line, window, lambda: Keyring(lambda: memory)))
        return line

    yield begin
    for logins in made:
        logins.leave()


def need(action: str = "get", account: str = ACCOUNT, service: str = SERVICE, secret: str = "") -> NeedCredential:
    return NeedCredential(7, action, service, account, Secret(secret) if secret else None)  # type: ignore[arg-type]


def press(window: QWidget, text: str, qtbot: QtBot) -> MessageDialog:
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(MessageDialog)))
    dialog = next(each for each in window.findChildren(MessageDialog) if each.isVisible())
    next(each for each in dialog.findChildren(QPushButton) if each.text() == text).click()
    return dialog


def asked(line: Line, wanted: NeedCredential, qtbot: QtBot) -> CredentialAnswer:
    """The answer that comes without a question to a person."""
    count = len(line.answers)
    line.credential_wanted.emit(wanted)
    qtbot.waitUntil(lambda: len(line.answers) > count)
    return line.answers[-1]


def test_a_login_is_sent_once_a_person_agreed(attach: Attach, window: QWidget, qtbot: QtBot) -> None:
    line = attach(Line())
    line.credential_wanted.emit(need())
    press(window, words.SEND, qtbot)
    qtbot.waitUntil(lambda: bool(line.answers))
    assert line.answers == [CredentialAnswer(7, Secret(ENTRY))]
    assert asked(line, need(), qtbot).secret == Secret(ENTRY)
    line.credential_wanted.emit(need(account="OTHER@x"))
    press(window, words.DO_NOT_SEND, qtbot)
    qtbot.waitUntil(lambda: len(line.answers) == 3)
    assert line.answers[-1] == CredentialAnswer(7, error=words.LOGIN_NOT_SENT)
    assert asked(line, need(account="OTHER@x"), qtbot).secret is None


def test_a_place_may_be_trusted_with_all(attach: Attach, window: QWidget, qtbot: QtBot) -> None:
    line = attach(Line())
    line.credential_wanted.emit(need())
    press(window, words.SEND_ALL, qtbot)
    qtbot.waitUntil(lambda: bool(line.answers))
    assert asked(line, need(account="OTHER@x"), qtbot).secret == Secret(ENTRY)
    assert asked(attach(Line()), need(), qtbot).secret == Secret(ENTRY)
    other = attach(Line("bob@node8"))
    other.credential_wanted.emit(need())
    press(window, words.DO_NOT_SEND, qtbot)
    qtbot.waitUntil(lambda: bool(other.answers))
    assert other.answers[0].secret is None


def test_nothing_but_mirrordecks_own_is_given(attach: Attach, qtbot: QtBot) -> None:
    answer = asked(attach(Line()), need(service="browser", account="bank"), qtbot)
    assert answer.secret is None
    assert answer.error


def test_what_is_not_there_needs_no_question(attach: Attach, qtbot: QtBot) -> None:
    assert asked(attach(Line()), need(account="NONE@x"), qtbot) == CredentialAnswer(7)


def test_a_login_typed_for_it_is_kept_here_and_may_be_read_back(attach: Attach, memory: Memory, qtbot: QtBot) -> None:
    line = attach(Line())
    entry = entry_of(Credential("bob", Secret("n3w")))
    assert asked(line, need("set", "NEW@x", secret=entry), qtbot).error is None
    assert memory.kept[SERVICE, "NEW@x"] == entry
    assert asked(line, need(account="NEW@x"), qtbot).secret == Secret(entry)
    assert asked(line, need("delete", "NEW@x"), qtbot).error is None
    assert (SERVICE, "NEW@x") not in memory.kept
