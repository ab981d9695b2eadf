# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins in the real Secret Service, saved by one program and used by the next."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mirrors.secret_service import CANARY, LOCKED, NO_SERVICES, ROOT, UNLOCKED, output_in_session
from services.login_world import PAIR, VARIABLE, write_mirrors

# Names one step per argument, prints one JSON line per step.
PROGRAM = f"""
import json, sys
from core.foundation.cancel import CancelToken
from core.foundation.errors import PermissionDenied
from core.foundation.secret import Secret
from core.mirrors.credentials.states import Direction
from core.services.access import open_access
from core.services.child_environment import child_environment
from core.services.login_values import Keep, LoginForm
from core.services.logins import Logins
from core.spack.instance import find_instance

instance = find_instance(sys.argv[1], environ={{}})
access, token, push = open_access(instance), CancelToken(), Direction.PUSH
logins = Logins(instance, access)

def lock():
    import secretstorage
    bus = secretstorage.dbus_init()
    secretstorage.Collection(bus).lock()
    bus.close()

def state():
    found = logins.describe("reg", push)
    return [found.state, found.keep, found.user, found.keyring.name, found.keyring.state]

def save():
    logins.save("reg", push, LoginForm(Keep.KEYRING, "me", Secret("{CANARY}")), token)

steps = {{
    "state": state, "save": save, "lock": lock,
    "out": lambda: logins.sign_out("reg", push, token),
    "unlock": lambda: access.credentials.unlock_keyring(token),
    "child": lambda: child_environment(instance, access).variables.get("{VARIABLE}"),
}}
for name in sys.argv[2:]:
    try:
        print(json.dumps(steps[name]()))
    except PermissionDenied as error:
        print(json.dumps(str(error)))
access.close()
"""
MISSING = ["missing", "variable", "me", "Secret Service", "ready"]
STORED = ["stored", "keyring", "me", "Secret Service", "ready"]
SHUT = ["locked", "keyring", "me", "Secret Service", "locked"]
Session = Callable[..., list[Any]]


@pytest.fixture
def checkout(checkout: Path) -> Path:
    write_mirrors(checkout, {"reg": {"url": "oci://reg.lab/x", "access_pair": PAIR}})
    return checkout


@pytest.fixture
def session(tool: Callable[[str], str], checkout: Path) -> Session:
    """Runs a program in a session of its own that begins with a shell command; the keyrings stay from one to the
    next."""

    def run(begin: str, *steps: str, options: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> list[Any]:
        program = words or (sys.executable, "-c", PROGRAM, str(checkout), *steps)
        printed = output_in_session(tool, begin, program, options)
        return [json.loads(line) for line in printed.splitlines()] if not words else [printed]

    return run


def test_saved_by_one_program_and_used_by_the_next(session: Session, checkout: Path, home: Path) -> None:
    assert session(UNLOCKED, "state", "save", "state") == [MISSING, None, STORED]
    assert session(UNLOCKED, "state", "child") == [STORED, CANARY]
    command = (sys.executable, "-P", "-m", "core.cli.main", "--instance", str(checkout))
    shown = ("env", f"PYTHONPATH={ROOT}", *command, "mirror", "secret", "reg", "secret")
    assert session(UNLOCKED, words=shown) == [f"{CANARY}\n"]
    inside = ("env", f"PYTHONPATH={ROOT}", *command, "run", "--", "sh", "-c", f"printf %s ${VARIABLE}")
    assert session(UNLOCKED, words=inside) == [CANARY]
    assert session(UNLOCKED, "out", "state", "child") == [["reg"], MISSING, None]
    assert not [path for path in home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


def test_locked(session: Session) -> None:
    """Nobody can be asked here, so unlocking fails; a password is never blamed for it."""
    assert session(UNLOCKED, "save", "lock", "state", "child") == [None, None, SHUT, None]
    state, unlock, out, save = session(LOCKED, "state", "unlock", "out", "save")
    assert state == SHUT
    assert unlock == "The keyring is not unlocked: the keyring is locked"
    assert out == "The keyring did not remove the login: the keyring is locked"
    assert save == "The keyring did not take the login: the keyring is locked"


def test_absent(session: Session, tmp_path: Path) -> None:
    config = tmp_path / "bus.conf"
    config.write_text(NO_SERVICES)
    state, save, out = session("true", "state", "save", "out", options=(f"--config-file={config}",))
    assert state == ["no-keyring", "variable", "me", "", "absent"]
    assert "Secret Service: The Secret Service daemon is neither running nor activatable" in save
    assert out == ["reg"]
