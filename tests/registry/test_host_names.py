# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Names with several addresses, dead ones among them, and names that mean another machine a moment later."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from registry.asking import tags
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.foundation.errors import NetworkDown
from core.network.endpoints import Endpoint
from core.registry.transport import Transport

Connect = Callable[..., Transport]
DEAD, ALIVE = "127.0.0.9", "127.0.0.1"  # the registry listens on the second only


@pytest.fixture
def named(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Endpoint]:
    """`named([DEAD], [ALIVE])`: what `localhost` means, the first time it is asked for, the second time and later."""
    registry.add_manifest("lab/img", b"{}", tag="a")

    def named(*answers: list[str] | None) -> Endpoint:
        waiting = list(answers)

        def resolve(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
            found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            if found is None:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        return Endpoint("http", f"localhost:{registry.host.rpartition(':')[2]}")

    return named


def test_q52_the_next_address_is_tried(
    named: Callable[..., Endpoint], connect: Connect, clock: FakeClock, registry: FakeRegistry
) -> None:
    assert tags(connect(endpoint=named([DEAD, ALIVE]))) == ["a"]
    assert clock.sleeps == []
    assert len(registry.requests) == 2


@pytest.mark.parametrize("before", [[DEAD], None], ids=["another machine", "no name server"])
def test_q52_a_name_that_changes_is_asked_for_again(
    named: Callable[..., Endpoint], connect: Connect, clock: FakeClock, before: list[str] | None
) -> None:
    assert tags(connect(endpoint=named(before, before, [ALIVE]))) == ["a"]
    assert len(clock.sleeps) >= 1


def test_q52_without_any_address_that_answers_it_is_the_network(
    named: Callable[..., Endpoint], connect: Connect
) -> None:
    with pytest.raises(NetworkDown) as caught:
        tags(connect(endpoint=named([DEAD])))
    assert caught.value.retryable
