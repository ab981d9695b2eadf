# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The real Secret Service (gnome-keyring on a session bus of its own): unlocked, locked, fresh and absent."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mirrors.secret_service import CANARY, LOCKED, NO_SERVICES, UNLOCKED, output_in_session

# Names one step per argument, prints one JSON line per step.
PROGRAM = f"""
import json, sys
from core.foundation.cancel import CancelToken
from core.foundation.errors import PermissionDenied
from core.foundation.secret import Secret
from core.mirrors.credentials.keyrings import Keyring
from core.registry.credentials import Credential

keyring, token, account = Keyring(), CancelToken(), "TOKEN@reg.example.org:5000/lab/cache"

def read():
    answer = keyring.read(account)
    secret = answer.credential and [answer.credential.user, answer.credential.secret.reveal()]
    return [str(answer.state), secret, answer.name]

def lock():
    import secretstorage
    bus = secretstorage.dbus_init()
    secretstorage.Collection(bus).lock()
    bus.close()

steps = {{
    "read": read, "lock": lock,
    "store": lambda: keyring.store(account, Credential("bot", Secret("{CANARY}")), token),
    "delete": lambda: keyring.delete(account, token), "unlock": lambda: keyring.unlock(token),
}}
for name in sys.argv[1:]:
    try:
        print(json.dumps(steps[name]()))
    except PermissionDenied as error:
        print(json.dumps(str(error)))
"""
READ = ["stored", ["bot", CANARY], "Secret Service"]
MISSING = ["missing", None, "Secret Service"]
IS_LOCKED = ["locked", None, "Secret Service"]
Session = Callable[..., list[Any]]


@pytest.fixture
def session(tool: Callable[[str], str], home: Path) -> Session:
    """Runs steps in a session that begins with a shell command; each session has the keyrings of the last one."""

    def run(begin: str, *steps: str, options: tuple[str, ...] = ()) -> list[Any]:
        printed = output_in_session(tool, begin, (sys.executable, "-c", PROGRAM, *steps), options)
        return [json.loads(line) for line in printed.splitlines()]

    return run


def test_stored_in_one_session_and_read_in_another(session: Session, home: Path) -> None:
    assert session(UNLOCKED, "read", "store", "read") == [MISSING, None, READ]
    assert session(UNLOCKED, "read", "delete", "delete", "read") == [READ, True, False, MISSING]
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert any("keyrings" in path.parts for path in kept)
    assert not [path for path in kept if CANARY.encode() in path.read_bytes()]


def test_t21_locked(session: Session) -> None:
    """Nobody can be asked here, so unlocking fails; reading does not even try."""
    refused = "the keyring is locked"
    assert session(UNLOCKED, "store", "read", "lock", "read") == [None, READ, None, IS_LOCKED]
    assert session(LOCKED, "read", "unlock", "store", "delete", "read") == [
        IS_LOCKED,
        f"The keyring is not unlocked: {refused}",
        f"The keyring did not take the login: {refused}",
        f"The keyring did not remove the login: {refused}",
        IS_LOCKED,
    ]


def test_fresh_keyring_is_not_made_by_reading(session: Session, home: Path) -> None:
    read, removed, stored = session("true", "read", "delete", "store")
    assert (read, removed) == (MISSING, False)
    assert stored.startswith("The keyring did not take the login: the keyring has to ask for a password first")
    assert not list(home.rglob("*.keyring"))


def test_t21_bus_without_a_keyring(session: Session, tmp_path: Path) -> None:
    config = tmp_path / "bus.conf"
    config.write_text(NO_SERVICES)
    read, stored = session("true", "read", "store", options=(f"--config-file={config}",))
    assert read == ["no-keyring", None, ""]
    assert "Secret Service: The Secret Service daemon is neither running nor activatable" in stored
