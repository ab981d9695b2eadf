# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins from the keyring of another computer stay in this process: no other program gets them in its environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from services.login_world import PAIR, VARIABLE, world

from core.mirrors.credentials.identity import account_of
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.reading import mirrors_of
from core.services.child_environment import child_environment


@pytest.mark.parametrize("elsewhere", [False, True])
def test_only_logins_of_this_computer_are_given_to_other_programs(elsewhere: bool, checkout: Path) -> None:
    entry = {"url": "oci://registry.example/lab/cache", "access_pair": PAIR, "access_token_variable": "LAB_OTHER"}
    with world(checkout, {"site": entry}, {"PATH": "/bin"}) as lab:
        credentials = lab.access.credentials
        credentials._keyring.elsewhere = elsewhere
        (mirror,) = mirrors_of(lab.instance).mirrors
        lab.backend.set_password(
            "mirrordeck", account_of(mirror, Direction.PUSH), json.dumps({"user": "me", "secret": "c4nary"})
        )
        assert credentials.login(mirror, Direction.PUSH).state is CredentialState.STORED
        given = child_environment(lab.instance, lab.access)
    assert given.variables.get(VARIABLE) == (None if elsewhere else "c4nary")
    assert bool(given.problems) is elsewhere
    assert ("c4nary" in str(dict(given.variables))) is not elsewhere


def test_variables_that_are_set_here_are_given_as_ever(checkout: Path) -> None:
    entry = {"url": "oci://registry.example/lab/cache", "access_pair": PAIR}
    with world(checkout, {"site": entry}, {VARIABLE: "set here"}) as lab:
        lab.access.credentials._keyring.elsewhere = True
        given = child_environment(lab.instance, lab.access)
    assert given.variables[VARIABLE] == "set here"
    assert given.problems == ()
