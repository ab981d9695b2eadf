# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Commands that print short-lived tokens: every form of output, expiry, time limit, silence about what they print."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path

import pytest
from mirrors.credential_kit import script, shown
from registry.kit.clock import START, FakeClock

from core.foundation.errors import UsageError
from core.mirrors.credentials.commands import CommandLogins, CredentialCommand
from core.mirrors.credentials.states import CredentialState, Login


class Printing:
    """A command that prints `output` and counts how often it ran."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "output"
        self.runs = folder / "runs"
        self.runs.write_text("")
        self.program = script(folder / "bin/tool", f'echo run >>"{self.runs}"; cat "{self.output}"')
        self.clock = FakeClock()
        command = CredentialCommand((str(self.program), "two words", "$HOME"), user="AWS")
        self.logins = CommandLogins({"account": command}, os.environ, self.clock)

    def login(self, output: str | bytes, user: str = "") -> Login:
        self.output.write_bytes(output.encode() if isinstance(output, str) else output)
        found = self.logins.login("account", user)
        assert found is not None
        return found

    @property
    def count(self) -> int:
        return len(self.runs.read_text().splitlines())


@pytest.fixture
def tool(tmp_path: Path) -> Printing:
    return Printing(tmp_path)


def jwt(**claims: object) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims)]
    return ".".join([*parts, "signature"])


@pytest.mark.parametrize(
    ("output", "expected", "left_s"),
    [
        ("token\n", ("AWS", "token"), None),
        ('{"user": "u", "secret": "s"}', ("u", "s"), None),
        ('{"ServerURL": "h", "Username": "u", "Secret": "s"}', ("u", "s"), None),
        ('{"accessToken": "a", "loginServer": "h"}', ("AWS", "a"), None),
        ('{"access_token": "a", "expires_in": 3599, "token_type": "Bearer"}', ("AWS", "a"), 3599),
        ('{"token": "a", "expires_in": "3599"}', ("AWS", "a"), 3599),
        (json.dumps({"token": "a", "Expiration": "2023-11-14T23:13:20Z"}), ("AWS", "a"), 3600),
        (json.dumps({"token": "a", "token_expiry": "2023-11-15T00:13:20+01:00"}), ("AWS", "a"), 3600),
        (json.dumps({"token": "a", "expiresOn": "2023-11-14 23:13:20.000000"}), ("AWS", "a"), 3600),
        (json.dumps({"token": "a", "expires_at": START + 60}), ("AWS", "a"), 60),
        (json.dumps({"token": "a", "expires": (START + 60) * 1000}), ("AWS", "a"), 60),
        (json.dumps({"token": "a", "expires": "soon"}), ("AWS", "a"), None),
        (json.dumps({"token": "a", "expires": True, "expires_in": -1}), ("AWS", "a"), None),
        (jwt(exp=START + 900), ("AWS", jwt(exp=START + 900)), 900),
        (json.dumps({"token": jwt(exp=START + 900)}), ("AWS", jwt(exp=START + 900)), 900),
        ("a.b.c", ("AWS", "a.b.c"), None),
        ("a.bnVsbA.c", ("AWS", "a.bnVsbA.c"), None),
    ],
)
def test_output(tool: Printing, output: str, expected: tuple[str, str], left_s: float | None) -> None:
    login = tool.login(output)
    assert (login.state, shown(login.credential)) == (CredentialState.COMMAND, expected)
    assert login.expires == (None if left_s is None else START + left_s)
    assert (login.source, login.note) == (str(tool.program), "")


@pytest.mark.parametrize(
    "output", ["", "\n", "Log in first:\nhttps://login.example", "{", '{"user": "u"}', '{"token": 5}']
)
def test_junk_is_no_password(tool: Printing, output: str) -> None:
    login = tool.login(output)
    assert (login.state, login.credential) == (CredentialState.MISSING, None)
    assert login.note == f"{tool.program}: it prints no password"


def test_configured_user_comes_before_the_commands_default(tool: Printing) -> None:
    assert tool.login("token", user="bot").user == "bot"


def test_without_any_user(tmp_path: Path) -> None:
    program = script(tmp_path / "bin/t", "echo token")
    login = CommandLogins({"a": CredentialCommand((str(program),))}, os.environ).login("a", "")
    assert login is not None
    assert login.note == f"{program}: no user name is known to go with it"


@pytest.mark.parametrize(
    ("output", "used_s"),
    [("token", 600), ('{"token": "t", "expires_in": 3600}', 3540), ('{"token": "t", "expires_in": 40}', 30)],
)
def test_run_again_shortly_before_it_expires(tool: Printing, output: str, used_s: float) -> None:
    tool.login(output)
    tool.clock.advance(used_s - 1)
    tool.clock.skew = 10_000_000.0
    tool.login(output)
    assert tool.count == 1, "the wall clock's jump does not matter"
    tool.clock.advance(1)
    tool.login(output)
    assert tool.count == 2


def test_token_that_is_over_by_our_clock_is_used_but_not_kept(tool: Printing) -> None:
    for _ in range(2):
        login = tool.login(json.dumps({"token": "t", "expires": START - 5}))
        assert (login.state, login.note) == (CredentialState.COMMAND, "by this machine's clock it has expired already")
    assert tool.count == 2


def test_forgotten_answers_are_asked_for_again(tool: Printing) -> None:
    assert shown(tool.login("one").credential) == ("AWS", "one")
    assert shown(tool.login("two").credential) == ("AWS", "one")
    tool.logins.forget("account")
    assert shown(tool.login("two").credential) == ("AWS", "two")


def test_state_runs_nothing_and_tells_the_expiry(tool: Printing) -> None:
    assert tool.logins.known("account") == Login(CredentialState.COMMAND, "AWS", str(tool.program))
    assert tool.count == 0
    tool.login('{"user": "u", "token": "t", "expires_in": 100}')
    known = tool.logins.known("account")
    assert known is not None
    assert (known.user, known.expires, known.credential) == ("u", START + 100, None)
    assert tool.logins.known("other") is tool.logins.login("other", "") is None


def test_no_shell(tmp_path: Path) -> None:
    program = script(tmp_path / "bin/t", 'printf "%s|" "$@"')
    command = CredentialCommand((str(program), "a b", "$HOME;", "`id`"), user="u")
    login = CommandLogins({"a": command}, os.environ).login("a", "")
    assert login is not None
    assert shown(login.credential) == ("u", "a b|$HOME;|`id`|")
    with pytest.raises(UsageError):
        CredentialCommand(())


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("echo s3cret; echo s3cret >&2; exit 3", "it ended with status 3; run it in a terminal to see why"),
        ("kill -9 $$", "it ended with status -9; run it in a terminal to see why"),
        ("yes s3cret", "it prints far more than a password"),
        ("sleep 600 & sleep 600", "it did not answer within 0.3 s"),
        ("exec >&-; sleep 600", "it did not answer within 0.3 s"),
    ],
)
def test_failures_are_bounded_and_say_nothing_secret(tmp_path: Path, body: str, note: str) -> None:
    program = script(tmp_path / "bin/t", body)
    command = CredentialCommand((str(program),), user="u", timeout_s=0.3 if "sleep" in body else 60)
    started = time.monotonic()
    login = CommandLogins({"a": command}, os.environ).login("a", "")
    assert time.monotonic() - started < 60
    assert login == Login(CredentialState.MISSING, source=str(program), note=f"{program}: {note}")


@pytest.mark.parametrize("argv", [("/no/such/program",), ("/etc/passwd",), ("a\0b",)])
def test_what_cannot_be_started(argv: tuple[str, ...]) -> None:
    login = CommandLogins({"a": CredentialCommand(argv)}, os.environ).login("a", "")
    assert login is not None
    assert "it cannot be started: " in login.note
