# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Marker secrets go through everything a person can do with logins; nothing that is kept or shown contains one."""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mirrors.credential_kit import script, search_path
from mirrors.test_credentials_canary import caught, forms_of
from registry.kit.fake_registry import FakeRegistry
from services.login_world import PAIR, REPOSITORY, VARIABLE, World, world

from core.engine.calls.logins import CheckLogin, SaveLogin
from core.foundation.cancel import CancelToken
from core.foundation.secret import Secret
from core.mirrors.credentials.states import Direction
from core.mirrors.forms import ConnectionForm, MirrorForm, MoveSecrets
from core.mirrors.reading import mirrors_of
from core.services.child_environment import child_environment
from core.services.login_check import LoginTrial
from core.services.login_values import CreateOptions, Keep, LoginForm
from core.services.mirror_edits import MirrorEdits
from core.services.mirror_test.memory import TestMemory as Memory
from core.services.mirror_test.run import MirrorTester
from core.services.mirrors import view_mirrors
from core.services.moving_secrets import move_to_keyring
from core.services.shell_lines import Shell, variable_lines
from core.services.source_mirrors import SourceMirrors

MARK = "c4nary"
TOKEN = CancelToken()
PUSH = Direction.PUSH


class Scenario:
    def __init__(self, lab: World, registry: FakeRegistry, home: Path) -> None:
        self.lab = lab
        self.registry = registry
        self.home = home
        self.url = f"oci+http://{registry.host}/{REPOSITORY}"
        self.memory = Memory(home / "mirrordeck/cache")
        seen = home / "seen"
        seen.mkdir()
        # What anybody on the machine could read of a process, noted by the processes themselves.
        note = f'tr "\\0" " " </proc/$$/cmdline >>"{seen}/argv"'
        self.given = {
            script(home / "bin/tokens", f"{note}; echo {MARK}-printed | tee /dev/stderr"),
            script(Path(lab.instance.root or "") / "bin/spack", f'{note}; echo "${VARIABLE}" "$OLD"; exit 1'),
        }

    def run(self) -> Iterator[object]:
        """Everything a caller could get hold of."""
        for kind, secret, more in (
            (Keep.SESSION, "typed", {"secret": Secret(f"{MARK}-typed")}),
            (Keep.KEYRING, "stored", {"secret": Secret(f"{MARK}-stored")}),
            (Keep.COMMAND, "printed", {"command": ("tokens",)}),
            (Keep.VARIABLE, "variable", {}),
        ):
            self._repeat(f"{MARK}-{secret}")
            form = LoginForm(kind, "me", **more)  # type: ignore[arg-type]
            yield form
            yield SaveLogin("i", "site", PUSH, form)
            yield caught(lambda form=form: self.lab.logins.save("site", PUSH, form, TOKEN))
            yield from self._check(form)
            yield from self._use()
        yield caught(lambda: self.lab.logins.sign_out("site", PUSH, TOKEN))
        edits = MirrorEdits()
        edit = MoveSecrets("old", "site")
        yield caught(lambda: edits.plan(self.lab.instance, edit))
        yield caught(lambda: move_to_keyring(self.lab.instance, self.lab.access, edits, edit, TOKEN))
        yield self.lab.logins.keyring()
        self.lab.backend.error = RuntimeError(f"broken: {self.lab.backend.entries}")
        yield caught(lambda: self.lab.logins.save("site", PUSH, LoginForm(Keep.KEYRING, "me", Secret(MARK)), TOKEN))
        yield edits
        yield self.lab.access

    def _repeat(self, secret: str) -> None:
        """Have the registry repeat in its refusals what it is sent."""
        sent = base64.b64encode(f"me:{secret}".encode()).decode()
        body = json.dumps({"errors": [{"code": "DENIED", "message": f"no: {sent} {secret}"}]})
        kind = {"Content-Type": "application/json"}
        self.registry.faults.clear()
        self.registry.faults.add(method="POST", status=403, body=body, headers=kind, times=None)

    def _check(self, login: LoginForm) -> Iterator[object]:
        form = MirrorForm("site", ConnectionForm(self.url, user="me", secret_variable=VARIABLE))
        trial = LoginTrial(form, PUSH, login)
        yield trial
        yield CheckLogin("i", form, PUSH, login)
        yield caught(lambda: trial.check(self.lab.instance, self.lab.access, TOKEN))

    def _use(self) -> Iterator[object]:
        instance, access = self.lab.instance, self.lab.access
        yield self.lab.logins.describe("site", PUSH)
        yield view_mirrors(instance, access)
        tester = MirrorTester(instance, access, self.memory)
        for name in ("site", "old"):
            yield list(tester.run(name, TOKEN))
        yield tester.last()
        yield child_environment(instance, access)
        yield list(SourceMirrors(instance, access, self.home).create(CreateOptions(("zlib",)), TOKEN))
        for mirror in mirrors_of(instance).mirrors:
            yield mirror
            yield caught(lambda mirror=mirror: variable_lines(instance, mirror, Shell.SH))


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        fake.authority.kind = "basic"
        fake.authority.users = {"me": f"{MARK}-stored"}
        fake.add_manifest(REPOSITORY, b"{}", tag="a")
        yield fake


def test_t18_no_secret_shows_anywhere(
    checkout: Path,
    registry: FakeRegistry,
    home: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"oci+http://{registry.host}/{REPOSITORY}"
    mirrors: dict[str, Any] = {
        "site": {"url": url, "access_pair": PAIR},
        "old": {"url": f"{url}/old", "access_pair": ["me", f"{MARK}-plain"]},
    }
    environ = {**os.environ, "PATH": search_path(home / "bin"), VARIABLE: f"{MARK}-variable"}
    with world(checkout, mirrors, environ, plain_host=registry.host) as lab:
        scenario = Scenario(lab, registry, home)
        things = list(scenario.run())
        sent = {request.headers["authorization"] for request in registry.requests if "authorization" in request.headers}
        stored = "".join(lab.backend.entries.values())
    passwords = {base64.b64decode(value.partition(" ")[2]).decode().partition(":")[2] for value in sent}
    assert passwords >= {f"{MARK}-{name}" for name in ("typed", "stored", "printed", "variable")}, (
        "each did come through"
    )
    assert f"{MARK}-plain" in stored
    encoded = {text for value in sent if MARK in str(text := base64.b64decode(value.partition(" ")[2]))}
    for thing in things:
        for text in forms_of(thing):
            assert MARK not in text
            assert not any(base64.b64encode(one).decode() in text for one in encoded)
    assert MARK not in caplog.text
    assert MARK not in "".join(capfd.readouterr())
    written = [path for folder in (home, checkout / "etc") for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"argv", "mirror-tests.json", "credential-commands.json", "mirrors.yaml"}
    for path in written:
        if path not in scenario.given:
            assert MARK not in path.read_text(errors="replace"), path


def test_a_login_cannot_be_encoded_by_accident() -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode(LoginForm(Keep.SESSION, "me", Secret(MARK)))
