# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A registry that names another token server than last time gets no password before a person agreed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from registry.kit.canary import CanaryHost
from registry.kit.fake_registry import FakeRegistry
from registry.kit.faults import Reply
from registry.kit.wire import CA_FILE
from services.login_world import PAIR, REPOSITORY, VARIABLE, World, world

from core.foundation.cancel import CancelToken
from core.foundation.errors import AuthRequired, TokenServerChanged
from core.foundation.places import state_dir
from core.mirrors.credentials.states import Direction
from core.mirrors.reading import mirrors_of
from core.mirrors.servers import ServerSettings
from core.mirrors.token_servers import TokenServers
from core.registry.references import parse_mirror_url

PASSWORD = "pass-word"
FILE = "token-servers.json"


@pytest.fixture
def secure() -> Iterator[FakeRegistry]:
    with FakeRegistry(certificate="server") as fake:
        fake.authority.kind = "bearer"
        fake.authority.realm = f"{fake.url}/token"
        fake.add_manifest(REPOSITORY, b"{}", tag="a")
        yield fake


@pytest.fixture
def lab(checkout: Path, secure: FakeRegistry) -> Iterator[World]:
    entry = {"url": f"oci://{secure.host}/{REPOSITORY}", "access_pair": PAIR}
    with world(checkout, {"site": entry}, {VARIABLE: PASSWORD}) as made:
        made.access.servers.put(secure.host, ServerSettings(ca_file=str(CA_FILE)))
        yield made


def tags(lab: World) -> list[str]:
    mirror = mirrors_of(lab.instance).named("site")
    assert mirror is not None
    return lab.access.repository(parse_mirror_url(mirror.push.url), mirror, Direction.PUSH).tags(CancelToken())


@contextmanager
def another_run(lab: World, **options: Any) -> Iterator[World]:
    made = lab.restarted(**options)
    try:
        yield made
    finally:
        made.access.close()


def test_t02_another_token_server_than_in_an_earlier_run_gets_nothing(lab: World, secure: FakeRegistry) -> None:
    assert tags(lab) == ["a"]
    assert (state_dir() / FILE).stat().st_mode & 0o777 == 0o600
    with CanaryHost(certificate="server") as other:
        secure.authority.realm = f"{other.url}/token"
        with another_run(lab) as again, pytest.raises(TokenServerChanged) as caught:
            tags(again)
        info = caught.value.info()
        assert f"it used to be {secure.host}, now it is {other.host}" in info.why
        assert f"--accept-token-server {other.host}" in info.remedies[-1]
        assert other.requests == []


def test_t02_once_accepted_it_is_the_known_one(lab: World, secure: FakeRegistry) -> None:
    assert tags(lab) == ["a"]
    with CanaryHost(Reply(200, b'{"token": "elsewhere"}'), certificate="server") as other:
        secure.authority.realm = f"{other.url}/token"
        granted = frozenset({(REPOSITORY, "pull"), (REPOSITORY, "push")})
        secure.authority.issued["elsewhere"] = (granted, math.inf, "me")
        with another_run(lab, accept_token_server=other.host.upper()) as agreed:
            assert tags(agreed) == ["a"]
        with another_run(lab) as later:
            assert tags(later) == ["a"]
        secure.authority.realm = f"{secure.url}/token"
        with another_run(lab) as back, pytest.raises(TokenServerChanged):
            tags(back)


def test_t02_without_keep_the_file_counts_but_is_not_written(lab: World, secure: FakeRegistry) -> None:
    with another_run(lab, keep=False) as looking:
        assert tags(looking) == ["a"]
        assert looking.access is not lab.access
    assert not (state_dir() / FILE).exists()
    tags(lab)
    with CanaryHost(certificate="server") as other:
        secure.authority.realm = f"{other.url}/token"
        with another_run(lab, keep=False) as again, pytest.raises(AuthRequired, match="another server"):
            tags(again)
        assert other.requests == []


def test_t02_a_file_that_others_could_have_written_is_not_believed(expected_warnings: list[str]) -> None:
    servers = TokenServers()
    servers.remember("reg.lab", "auth.lab")
    (state_dir() / FILE).chmod(0o666)
    expected_warnings.append("is not remembered")
    fresh = TokenServers()
    assert fresh.other_than("evil.lab", "reg.lab") == ""
    fresh.remember("reg.lab", "evil.lab")
    assert "evil" not in (state_dir() / FILE).read_text()
