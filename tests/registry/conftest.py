# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A scripted registry in this process to talk to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.registry.transport import Transport


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
