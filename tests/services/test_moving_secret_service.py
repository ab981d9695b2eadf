# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A secret moves from mirrors.yaml into the real Secret Service, through the engine as the window starts it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mirrors.secret_service import CANARY, LOCKED, ROOT, UNLOCKED, output_in_session
from services.login_world import write_mirrors

ENTRY = {
    "url": "oci://reg.lab/x",
    "access_pair": ["reader", f"{CANARY}-pull"],
    "push": {"url": "oci://reg.lab/x", "access_pair": ["bot", f"{CANARY}-push"]},
}
# Asks a new engine process, one JSON line per step named as an argument after the instance.
PROGRAM = """
import json, sys
from engine.test_engine import Engine
from core.engine.calls.instances import OpenInstance
from core.engine.calls.logins import DescribeLogin, MoveToKeyring, SignOut
from core.engine.calls.mirrors import ListMirrors
from core.foundation.errors import ErrorInfo
from core.mirrors.credentials.states import Direction

engine = Engine()
info, _ = engine.ask(OpenInstance(directory=sys.argv[1]))

def states():
    logins = [engine.ask(DescribeLogin(info.id, "old", each))[0] for each in (Direction.PUSH, Direction.FETCH)]
    row = engine.ask(ListMirrors(info.id))[0].rows[0]
    return [[str(each.state), each.user] for each in logins] + [str(row.login.state)]

def move():
    answer, _ = engine.ask(MoveToKeyring(info.id, "old", "site"))
    if isinstance(answer, ErrorInfo):
        return answer.sentence()
    return [answer.scope, answer.undo]

steps = {
    "states": states, "move": move,
    "undo": lambda: [step.title for step in engine.ask(ListMirrors(info.id))[0].undo],
    "out": lambda: engine.ask(SignOut(info.id, "old", Direction.FETCH))[0],
}
for name in sys.argv[2:]:
    print(json.dumps(steps[name]()), flush=True)
_, errors = engine.process.communicate(timeout=30)
sys.exit(errors.decode() or engine.process.returncode)
"""
PLAIN = [["plain-text", ""], ["plain-text", ""], "plain-text"]
STORED = [["stored", "bot"], ["stored", "reader"], "stored"]
Session = Callable[..., list[Any]]


@pytest.fixture
def file(checkout: Path) -> Path:
    write_mirrors(checkout, {"old": ENTRY})
    return checkout / "etc/spack/site/mirrors.yaml"


@pytest.fixture
def session(tool: Callable[[str], str], checkout: Path, file: Path) -> Session:
    """Runs steps in a session of its own that begins with a shell command; the keyrings stay from one to the next."""

    def run(begin: str, *steps: str) -> list[Any]:
        search = f"PYTHONPATH={ROOT}:{ROOT / 'tests'}"
        printed = output_in_session(tool, begin, ("env", search, sys.executable, "-c", PROGRAM, str(checkout), *steps))
        assert CANARY not in printed
        return [json.loads(line) for line in printed.splitlines()]

    return run


def test_moved_by_one_engine_and_used_by_the_next(session: Session, file: Path, home: Path) -> None:
    """Nothing but the keyring has the secret then, not even what undoes edits; each login is signed out by itself."""
    assert session(UNLOCKED, "states", "move", "states", "undo") == [PLAIN, ["site", ""], STORED, []]
    text = file.read_text()
    assert CANARY not in text
    assert "secret_variable: MIRRORDECK_OLD_SECRET" in text
    assert "secret_variable: MIRRORDECK_OLD_PUSH_SECRET" in text
    places = [path for top in (home, file.parents[3]) for path in top.rglob("*") if path.is_file()]
    assert not [path for path in places if CANARY.encode() in path.read_bytes()]
    left = [["stored", "bot"], ["missing", "reader"], "stored"]
    assert session(UNLOCKED, "states", "out", "states") == [STORED, ["old"], left]


def test_a_locked_keyring_leaves_the_file_as_it_is(session: Session, file: Path) -> None:
    before = file.read_bytes()
    session(UNLOCKED, "states")  # makes the keyring
    states, moved, after = session(LOCKED, "states", "move", "states")
    assert states == after == PLAIN
    assert "the keyring is locked" in moved
    assert file.read_bytes() == before
