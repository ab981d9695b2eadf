# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A push that is added to the queue without beginning."""

from __future__ import annotations

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


def test_it_waits_until_its_rows_are_resumed(tmp_path):
    make_sample_instance(tmp_path / "spack")
    state = EngineState(read_only=False)
    table = handler_table(state)

    def ask(call):
        return table[type(call)](call, CancelToken())

    try:
        info = ask(OpenInstance(directory=str(tmp_path / "spack")))
        request = PushRequest(str(tmp_path / "one"), ("zlib-ng",), options=PushOptions(signing=Signing.UNSIGNED))
        push_id = ask(StartPush(ask(PlanPush(instance=info.id, request=request)).id, paused=True))
        rows = state.queue.outcome(push_id).rows
        assert rows
        assert {(row.state, row.paused) for row in rows} == {(ItemState.WAITING, True)}
        ask(PauseTransfers(False, rows=tuple(row.id for row in rows)))
        assert state.queue.wait(push_id, 60)
        assert {row.state for row in state.queue.outcome(push_id).rows} == {ItemState.DONE}
    finally:
        state.close()


def test_several_plans_start_together_or_not_at_all(tmp_path):
    make_sample_instance(tmp_path / "spack")
    state = EngineState(read_only=False)
    table = handler_table(state)

    def ask(call):
        return table[type(call)](call, CancelToken())

    try:
        info = ask(OpenInstance(directory=str(tmp_path / "spack")))
        request = PushRequest(str(tmp_path / "one"), ("zlib-ng",), options=PushOptions(signing=Signing.UNSIGNED))
        first, second = (ask(PlanPush(info.id, each)).id for each in request.to_each((str(tmp_path / "two"),)))
        with pytest.raises(NotFound):
            ask(StartPush(first, also=("gone",)))
        assert not state.queue.snapshot().pushes
        assert ask(StartPush(first, also=(second,))) == first
        for push_id in (first, second):
            assert state.queue.wait(push_id, 60)
            assert {row.state for row in state.queue.outcome(push_id).rows} == {ItemState.DONE}
    finally:
        state.close()
