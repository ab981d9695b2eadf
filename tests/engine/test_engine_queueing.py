# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A push that is added to the queue without beginning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.engine.calls.instances import OpenInstance
from core.engine.calls.push import PlanPush, StartPush
from core.engine.calls.transfers import PauseTransfers
from core.engine.dispatch import handler_table
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.services.sample import make_sample_instance
from core.transfers.model import ItemState
from core.transfers.plan import PushOptions, PushRequest, Signing

Ask = Callable[[Any], Any]


@pytest.fixture
def state() -> Iterator[EngineState]:
    state = EngineState(read_only=False)
    yield state
    state.close()


@pytest.fixture
def ask(state: EngineState) -> Ask:
    table = handler_table(state)
    return lambda call: table[type(call)](call, CancelToken())


@pytest.fixture
def instance(ask: Ask, tmp_path) -> str:
    make_sample_instance(tmp_path / "spack")
    return ask(OpenInstance(directory=str(tmp_path / "spack"))).id


@pytest.fixture
def request_to_one(tmp_path) -> PushRequest:
    return PushRequest(str(tmp_path / "one"), ("zlib-ng",), options=PushOptions(signing=Signing.UNSIGNED))


def test_it_waits_until_its_rows_are_resumed(state, ask, instance, request_to_one):
    push_id = ask(StartPush(ask(PlanPush(instance, request_to_one)).id, paused=True))
    rows = state.queue.outcome(push_id).rows
    assert rows
    assert {(row.state, row.paused) for row in rows} == {(ItemState.WAITING, True)}
    ask(PauseTransfers(False, rows=tuple(row.id for row in rows)))
    assert state.queue.wait(push_id, 60)
    assert {row.state for row in state.queue.outcome(push_id).rows} == {ItemState.DONE}


def test_several_plans_start_together_or_not_at_all(state, ask, instance, request_to_one, tmp_path):
    first, second = (ask(PlanPush(instance, each)).id for each in request_to_one.to_each((str(tmp_path / "two"),)))
    with pytest.raises(NotFound):
        ask(StartPush(first, also=("gone",)))
    assert not state.queue.snapshot().pushes
    assert ask(StartPush(first, also=(second,))) == first
    for push_id in (first, second):
        assert state.queue.wait(push_id, 60)
        assert {row.state for row in state.queue.outcome(push_id).rows} == {ItemState.DONE}
