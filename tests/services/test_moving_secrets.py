# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plain-text secrets move from mirrors.yaml into the keyring: both happen, or neither."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mirrors.credential_kit import shown
from services.login_world import World, world

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, MirrordeckError, NotFound, PermissionDenied
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.forms import MoveSecrets
from core.mirrors.reading import mirrors_of
from core.services.child_environment import child_environment
from core.services.mirror_edits import MirrorEdits
from core.services.moving_secrets import move_to_keyring

MARK = "c4nary-plain"
ENTRY = {
    "url": "oci://reg.lab/x",
    "access_pair": ["bot", f"{MARK}-pull"],
    "push": {"url": "oci://reg.lab/x", "access_pair": ["", f"{MARK}-push"], "access_token": f"{MARK}-token"},
}
TOKEN = CancelToken()


@pytest.fixture
def lab(checkout: Path) -> Iterator[World]:
    with world(checkout, {"old": ENTRY, "fine": "oci://reg.lab/y"}) as made:
        yield made


def file_of(lab: World) -> Path:
    return Path(lab.instance.root or "") / "etc/spack/site/mirrors.yaml"


def move(lab: World, name: str = "old", token: CancelToken = TOKEN) -> None:
    move_to_keyring(lab.instance, lab.access, MirrorEdits(), MoveSecrets(name, "site"), token)


def test_the_file_names_variables_and_the_keyring_has_the_values(lab: World) -> None:
    before = lab.access.login(mirrors_of(lab.instance).mirrors[0], Direction.FETCH)
    assert before.state is CredentialState.PLAIN_TEXT
    move(lab)
    assert MARK not in file_of(lab).read_text()
    (mirror, _) = mirrors_of(lab.instance).mirrors
    assert not mirror.push.plain_secret
    fetch = lab.access.credentials.login(mirror, Direction.FETCH)
    assert (fetch.state, shown(fetch.credential)) == (CredentialState.STORED, ("bot", f"{MARK}-pull"))
    push = lab.access.credentials.login(mirror, Direction.PUSH)
    assert push.state is CredentialState.STORED
    assert push.credential is not None
    assert push.credential.secret.reveal() == f"{MARK}-push"
    variables = child_environment(lab.instance, lab.access).variables
    assert variables["MIRRORDECK_OLD_SECRET"] == f"{MARK}-pull"
    assert variables["MIRRORDECK_OLD_PUSH_SECRET"] == f"{MARK}-push"
    assert variables["MIRRORDECK_OLD_PUSH_TOKEN"] == f"{MARK}-token"
    kept = [path for path in file_of(lab).parent.rglob("*") if path.is_file() and MARK in path.read_text()]
    assert kept == [], "no backup holds it either"


def test_a_keyring_that_refuses_leaves_the_file(lab: World) -> None:
    before = file_of(lab).read_bytes()
    lab.backend.error = RuntimeError("absent")
    with pytest.raises(PermissionDenied):
        move(lab)
    assert file_of(lab).read_bytes() == before


def test_a_file_that_cannot_be_written_leaves_the_keyring(lab: World, monkeypatch) -> None:
    kept = ("mirrordeck", "MIRRORDECK_OLD_SECRET@reg.lab/x")
    lab.backend.entries[kept] = json.dumps({"user": "earlier", "secret": "earlier"})

    def fail(*_arguments: object) -> None:
        raise MirrordeckError("not saved")

    monkeypatch.setattr("core.services.mirror_edits.carry_out", fail)
    before = file_of(lab).read_bytes()
    with pytest.raises(MirrordeckError, match="not saved"):
        move(lab)
    assert file_of(lab).read_bytes() == before
    assert {key: json.loads(entry) for key, entry in lab.backend.entries.items()} == {
        kept: {"user": "earlier", "secret": "earlier"}
    }


def test_cancelled_before_anything_is_changed(lab: World) -> None:
    token = CancelToken()
    token.cancel()
    before = file_of(lab).read_bytes()
    with pytest.raises(Cancelled):
        move(lab, token=token)
    assert (file_of(lab).read_bytes(), lab.backend.entries) == (before, {})


def test_an_entry_without_secrets(lab: World) -> None:
    with pytest.raises(NotFound):
        move(lab, "fine")
    assert lab.backend.entries == {}
