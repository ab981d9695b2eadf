# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What ssh and sudo ask reaches a dialog, and nothing but the answer goes back."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PySide6.QtCore import QProcess, QProcessEnvironment
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from core.cli import askpass as program
from core.foundation.secret import Secret
from gui.remote.askpass import Askpass, Question
from gui.remote.askpass_dialog import QuestionDialog, answer_of_person

PASSWORD = "correct horse"
HOST_KEY = """The authenticity of host 'node7 (192.0.2.7)' can't be established.
ED25519 key fingerprint is SHA256:abc.
Are you sure you want to continue connecting (yes/no/[fingerprint])? """


@dataclass
class Person:
    """Answers what is in `answers`, one after the other; without any, never."""

    answers: list[Secret | None] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    gave_up: int = 0

    async def answer(self, question: Question) -> Secret | None:
        self.asked.append(question)
        if self.answers:
            return self.answers.pop(0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.gave_up += 1
            raise
        return None


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def askpass(loop: QEventLoop, themed: QApplication, person: Person) -> Iterator[Askpass]:
    askpass = Askpass("alice@node7", person.answer)
    yield askpass
    askpass.leave()
    assert not Path(askpass.environment["SSH_ASKPASS"]).parent.exists()
    askpass.deleteLater()


def start(askpass: Askpass, prompt: str, kind: str = "") -> QProcess:
    """As ssh starts it: by its path, with the prompt."""
    process = QProcess()
    environment = QProcessEnvironment.systemEnvironment()
    for name, value in {**askpass.environment, "SSH_ASKPASS_PROMPT": kind}.items():
        environment.insert(name, value)
    process.setProcessEnvironment(environment)
    process.start(askpass.environment["SSH_ASKPASS"], [prompt])
    return process


def ended(process: QProcess, qtbot: QtBot) -> tuple[int, str]:
    qtbot.waitUntil(lambda: process.state() is QProcess.ProcessState.NotRunning, timeout=20_000)
    return process.exitCode(), process.readAllStandardOutput().data().decode()


def test_the_answer_is_all_that_goes_back(askpass: Askpass, person: Person, qtbot: QtBot) -> None:
    person.answers = [Secret(PASSWORD)]
    assert ended(start(askpass, "alice@node7's password: "), qtbot) == (0, f"{PASSWORD}\n")
    assert person.asked == [Question("alice@node7", "alice@node7's password: ")]


def test_no_answer_is_a_refusal(askpass: Askpass, person: Person, qtbot: QtBot) -> None:
    person.answers = [None]
    assert ended(start(askpass, "Password: "), qtbot) == (1, "")


def test_two_questions_are_asked_one_after_the_other(askpass: Askpass, person: Person, qtbot: QtBot) -> None:
    person.answers = [Secret("one"), Secret("two")]
    both = [start(askpass, "First: "), start(askpass, "Second: ")]
    answers = {ended(process, qtbot)[1] for process in both}
    assert answers == {"one\n", "two\n"}
    assert {question.prompt for question in person.asked} == {"First: ", "Second: "}


def test_a_question_that_is_withdrawn_leaves_no_dialog(askpass: Askpass, person: Person, qtbot: QtBot) -> None:
    process = start(askpass, "Confirm user presence", "none")
    qtbot.waitUntil(lambda: bool(person.asked))
    assert person.asked[0].kind == "none"
    process.kill()
    ended(process, qtbot)
    qtbot.waitUntil(lambda: person.gave_up == 1)


def test_only_this_account_may_answer_or_ask(askpass: Askpass) -> None:
    folder = Path(askpass.environment["SSH_ASKPASS"]).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(askpass.environment["SSH_ASKPASS"]).stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(askpass.environment[program.SOCKET_VARIABLE]).stat().st_mode) & 0o077 == 0


def test_without_a_window_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(program.SOCKET_VARIABLE, raising=False)
    assert program.main(["Password: "]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "nobody can be asked" in told.err


def test_openssh_itself_asks_so(
    askpass: Askpass, person: Person, tool: Callable[[str], str], tmp_path: Path, qtbot: QtBot
) -> None:
    keygen, key = tool("ssh-keygen"), tmp_path / "key"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", PASSWORD, "-C", "ann", "-f", str(key)], check=True)
    person.answers = [Secret(PASSWORD)]
    process = QProcess()
    environment = QProcessEnvironment.systemEnvironment()
    for name, value in askpass.environment.items():
        environment.insert(name, value)
    process.setProcessEnvironment(environment)
    process.start(keygen, ["-y", "-f", str(key)])
    assert ended(process, qtbot) == (0, (tmp_path / "key.pub").read_text())
    assert "passphrase" in person.asked[0].prompt


def dialog_of(window: QWidget, qtbot: QtBot) -> QuestionDialog:
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(QuestionDialog)))
    return next(each for each in window.findChildren(QuestionDialog) if each.isVisible())


@pytest.fixture
def window(loop: QEventLoop, themed: QApplication, qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    return window


Act = Callable[[QuestionDialog, QtBot], None]


def _type(dialog: QuestionDialog, qtbot: QtBot) -> None:
    assert dialog.secret_edit.edit.echoMode() is QLineEdit.EchoMode.Password
    qtbot.keyClicks(dialog.secret_edit.edit, PASSWORD)
    dialog.answer_button.click()


@pytest.mark.parametrize(
    ("question", "act", "answer"),
    [
        (Question("node7", "Password: "), _type, Secret(PASSWORD)),
        (Question("node7", "Password: "), lambda dialog, _: dialog.refuse_button.click(), None),
        (Question("node7", HOST_KEY), lambda dialog, _: dialog.answer_button.click(), Secret("yes")),
        (Question("node7", HOST_KEY), lambda dialog, _: dialog.refuse_button.click(), None),
        (Question("node7", "Use key?", "confirm"), lambda dialog, _: dialog.answer_button.click(), Secret("yes")),
    ],
    ids=["typed", "not typed", "host key", "no host key", "confirmed"],
)
def test_a_person_answers(
    question: Question, act: Act, answer: Secret | None, window: QWidget, loop: QEventLoop, qtbot: QtBot
) -> None:
    task = loop.create_task(answer_of_person(question, window))
    dialog = dialog_of(window, qtbot)
    assert dialog.secret_edit.isVisible() is not question.yes_or_no
    act(dialog, qtbot)
    qtbot.waitUntil(task.done)
    assert task.result() == answer


def test_a_message_of_ssh_has_nothing_to_answer(window: QWidget, loop: QEventLoop, qtbot: QtBot) -> None:
    task = loop.create_task(answer_of_person(Question("node7", "Touch the key\x1b[2J", "none"), window))
    dialog = dialog_of(window, qtbot)
    assert not dialog.secret_edit.isVisible()
    assert not dialog.answer_button.isVisible()
    assert "Touch the key\\x1b[2J" in [label.text() for label in dialog.findChildren(QLabel)]
    task.cancel()
    qtbot.waitUntil(task.done)


def test_the_password_is_in_no_environment(askpass: Askpass, person: Person, qtbot: QtBot) -> None:
    person.answers = [Secret(PASSWORD)]
    ended(start(askpass, "Password: "), qtbot)
    assert PASSWORD not in " ".join([*os.environ.values(), *askpass.environment.values()])
