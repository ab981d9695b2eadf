# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Registries to talk to: a scripted one in this process, and Debian's docker-registry in three set-ups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry
from registry.servers import (
    PASSWORD,
    USER,
    RunningRegistry,
    basic_auth,
    docker_registry,
    make_certificates,
    token_auth,
    token_server,
)

from core.registry.transport import Transport

BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _no_bundles_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BUNDLE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def registry(clock: FakeClock) -> Iterator[FakeRegistry]:
    """A correct registry on plain http that wants no login; tokens, if any, live on `clock`."""
    with FakeRegistry(clock=clock) as running:
        yield running


@pytest.fixture
def connect(registry: FakeRegistry, clock: FakeClock) -> Iterator[Callable[..., Transport]]:
    """`connect(credentials, options)` makes a transport to `registry` (or `endpoint=`) on `clock` (or `clock=`)."""
    made: list[Transport] = []

    def make(credentials: object = None, options: object = None, **more: object) -> Transport:
        known = {"clock": clock, **more}
        made.append(Transport(known.pop("endpoint", registry.endpoint), credentials, options, **known))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture(scope="session")
def real_registries(
    tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RunningRegistry]]:
    """Debian's docker-registry: `plain` http, `basic` (TLS, htpasswd) and `token` (TLS, bearer tokens)."""
    program, openssl = tool("docker-registry"), tool("openssl")
    folder = tmp_path_factory.mktemp("registries")
    for kind in ("plain", "basic", "token"):
        (folder / kind).mkdir()
    tls = make_certificates(folder, openssl)
    with ExitStack() as stack:
        realm, certificate = stack.enter_context(token_server(tls, folder, openssl))
        plain = stack.enter_context(docker_registry(program, folder / "plain"))
        basic = stack.enter_context(docker_registry(program, folder / "basic", tls=tls, auth=basic_auth(folder)))
        auth = token_auth(realm, certificate)
        bearer = stack.enter_context(docker_registry(program, folder / "token", tls=tls, auth=auth))
        known = {"user": USER, "password": PASSWORD}
        yield {"plain": plain, "basic": replace(basic, **known), "token": replace(bearer, **known)}
