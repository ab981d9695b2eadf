# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Marker secrets go through every source; nothing that is written, logged, shown or started contains one."""

from __future__ import annotations

import base64
import json
import logging
import os
import pickle
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import msgspec
import pytest
from mirrors.credential_kit import MemoryKeyring, anonymous, connection, in_memory, login, mirror, script, search_path

from core.foundation.cancel import CancelToken
from core.foundation.errors import describe
from core.mirrors.credentials.commands import CommandLogins, CredentialCommand
from core.mirrors.credentials.docker import DockerLogins
from core.mirrors.credentials.facade import Credentials, MirrorCredentials
from core.mirrors.credentials.identity import account_of
from core.mirrors.credentials.states import CredentialState, Direction, Login

MARK = "c4nary"
HELPED = mirror("helped", push=anonymous("oci://helped.lab/x"))
FILED = mirror("filed", push=anonymous("oci://filed.lab/x"))
MIRRORS = {
    CredentialState.SESSION: mirror("typed", push=connection("oci://typed.lab/x")),
    CredentialState.STORED: mirror("stored", push=connection("oci://stored.lab/x")),
    CredentialState.VARIABLE: mirror("named", push=connection("oci://named.lab/x", secret_variable="NAMED")),
    CredentialState.COMMAND: mirror("printed", push=connection("oci://printed.lab/x")),
    CredentialState.DOCKER: FILED,
}


class Scenario:
    def __init__(self, home: Path) -> None:
        seen = home / "seen"
        seen.mkdir()
        # What anybody on the machine could read of a process, noted by the processes themselves.
        note = f'tr "\\0" " " </proc/$$/cmdline >>"{seen}/argv"; env >>"{seen}/env"'
        tool = script(home / "bin/tool", f"{note}; echo {MARK}-command-out | tee /dev/stderr")
        script(home / "bin/docker-credential-lab", f'{note}; echo \'{{"Username": "u", "Secret": "{MARK}-helper"}}\'')
        bad = script(home / "bin/bad", f"{note}; echo {MARK}-bad; echo {MARK}-bad >&2; exit 1")
        entry = {"auth": base64.b64encode(f"u:{MARK}-file".encode()).decode()}
        config = home / ".docker/config.json"
        config.parent.mkdir()
        config.write_text(json.dumps({"auths": {"filed.lab": entry}, "credHelpers": {"helped.lab": "lab"}}))
        config.chmod(0o600)
        self.given = {config, *(home / "bin").iterdir()}
        self.home = home
        self.backend = MemoryKeyring()
        environ = {**os.environ, "PATH": search_path(home / "bin")}
        failing = mirror("failing", push=connection("oci://failing.lab/x"))
        commands = {
            account_of(MIRRORS[CredentialState.COMMAND], Direction.PUSH): CredentialCommand((str(tool),)),
            account_of(failing, Direction.PUSH): CredentialCommand((str(bad), f"{MARK}-argument")),
        }
        self.failing = failing
        self.parts = [
            CommandLogins(commands, environ),
            DockerLogins(environ),
            in_memory(self.backend),
            repr(commands),
            login("u", f"{MARK}-x"),
        ]
        logins, docker, keyring = self.parts[:3]
        self.credentials = Credentials(
            {**environ, "NAMED": f"{MARK}-variable"},
            keyring=keyring,  # type: ignore[arg-type]
            commands=logins,  # type: ignore[arg-type]
            docker=docker,  # type: ignore[arg-type]
        )

    def run(self) -> Iterator[object]:
        """Everything a caller could get hold of."""
        everything = self.credentials
        typed, stored = MIRRORS[CredentialState.SESSION], MIRRORS[CredentialState.STORED]
        everything.session.put(account_of(typed, Direction.PUSH), login("u", f"{MARK}-typed"))
        everything.store(stored, Direction.PUSH, login("u", f"{MARK}-stored"), CancelToken())
        for wanted in (*MIRRORS.values(), HELPED, self.failing):
            source = MirrorCredentials(everything, wanted, Direction.PUSH, tuple(MIRRORS.values()))
            yield source
            yield everything.state(wanted, Direction.PUSH)
            yield everything.login(wanted, Direction.PUSH)
            host = wanted.push.url.split("/")[2]
            yield caught(lambda source=source, host=host: source.credential(host, "x", push=True))
        self.backend.error = RuntimeError(f"broken: {self.backend.entries}")
        yield caught(lambda: everything.store(stored, Direction.PUSH, login("u", f"{MARK}-stored"), CancelToken()))
        yield everything
        yield everything.session
        yield from self.parts


def caught(call: Callable[[], object]) -> object:
    try:
        return call()
    except Exception as error:
        return error


def forms_of(thing: object) -> Iterator[str]:
    yield f"{thing!r} {thing!s}"
    if isinstance(thing, BaseException):
        yield "".join(traceback.format_exception(thing))
        yield repr(describe(thing))
    for write in (pickle.dumps, msgspec.json.encode, lambda one: repr(asdict(one))):
        try:
            yield repr(write(thing))
        except Exception as error:
            yield repr(error)


def test_t18_no_secret_shows_anywhere(
    home: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    scenario = Scenario(home)
    things = list(scenario.run())
    logins = [thing for thing in things if isinstance(thing, Login) and thing.credential is not None]
    revealed = {one.credential.secret.reveal() for one in logins if one.credential is not None}
    wanted = {f"{MARK}-{name}" for name in ("typed", "stored", "variable", "command-out", "file", "helper")}
    assert revealed == wanted, "each secret did come through"
    for thing in things:
        for text in forms_of(thing):
            assert MARK not in text
    assert MARK not in caplog.text
    assert MARK not in "".join(capfd.readouterr())
    written = [path for path in home.rglob("*") if path.is_file() and path not in scenario.given]
    assert {path.name for path in written} >= {"argv", "env"}
    for path in written:
        kept = path.read_text(errors="replace").replace(f"{MARK}-argument", "")
        assert MARK not in kept, path


def test_failing_comparisons_show_nothing() -> None:
    one = Login(CredentialState.STORED, "u", credential=login("u", f"{MARK}-a"))
    other = Login(CredentialState.STORED, "v", credential=login("u", f"{MARK}-b"))
    with pytest.raises(AssertionError) as caught_error:
        assert one == other
    assert MARK not in str(caught_error.value)
