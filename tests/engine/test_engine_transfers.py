# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The window is gone in the middle of a push, and the next engine goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.engine.calls import transfers
from core.engine.calls.instances import OpenInstance
from core.engine.calls.push import PlanPush, StartPush
from core.engine.dispatch import handler_table
from core.engine.messages import Call
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import Conflict, NotFound, ReadOnlyMode
from core.services.sample import make_sample_instance
from core.transfers.journal import journal_dir
from core.transfers.model import ItemState, Move, TransferLimits
from core.transfers.plan import PushOptions, PushRequest, Signing

Ask = Callable[[Call[Any]], Any]


@contextmanager
def engine(*, read_only: bool = False) -> Iterator[tuple[EngineState, Ask]]:
    state = EngineState(read_only=read_only)
    table = handler_table(state)

    def ask(call: Call[Any]) -> Any:
        """As over the pipe."""
        sent = msgspec.json.decode(msgspec.json.encode(call), type=type(call))
        answer = table[type(call)](sent, CancelToken())
        return msgspec.json.decode(msgspec.json.encode(answer), type=call.answer)

    try:
        yield state, ask
    finally:
        state.close()


@pytest.fixture
def sample(tmp_path) -> Path:
    make_sample_instance(tmp_path / "spack")
    return tmp_path / "spack"


def begin(ask: Ask, sample: Path, target: Path) -> str:
    """A push of zlib-ng that is queued and paused."""
    info = ask(OpenInstance(directory=str(sample)))
    request = PushRequest(str(target), ("zlib-ng",), options=PushOptions(signing=Signing.UNSIGNED))
    plan = ask(PlanPush(instance=info.id, request=request))
    ask(transfers.PauseTransfers(True))
    return ask(StartPush(plan=plan.id))


def test_what_a_closed_window_left_is_offered_and_continued(sample, tmp_path):
    with engine() as (_, ask):
        begin(ask, sample, tmp_path / "one")
        assert ask(transfers.ListUnfinished()).offers == ()
    with engine() as (state, ask):
        (offer,) = ask(transfers.ListUnfinished()).offers
        assert offer.waiting > 0
        refused = ask(transfers.ContinueUnfinished(offer.id))
        assert [problem.code for problem in refused.problems] == ["not-found"]
        ask(OpenInstance(directory=str(sample)))
        found = ask(transfers.ContinueUnfinished(offer.id, paused=True))
        (push_id,) = found.pushes
        rows = state.queue.outcome(push_id).rows
        assert {(row.state, row.paused) for row in rows} == {(ItemState.WAITING, True)}
        assert ask(transfers.ListUnfinished()).offers == ()
        ask(transfers.PauseTransfers(False, rows=tuple(row.id for row in rows)))
        assert state.queue.wait(push_id, 60)
        assert {row.state for row in state.queue.outcome(push_id).rows} == {ItemState.DONE}
    with engine() as (_, ask):
        assert ask(transfers.ListUnfinished()).offers == ()


def test_discarding(sample, tmp_path):
    with engine() as (_, ask):
        begin(ask, sample, tmp_path / "one")
    with engine() as (_, ask):
        (offer,) = ask(transfers.ListUnfinished()).offers
        ask(transfers.DiscardUnfinished(offer.id))
        assert ask(transfers.ListUnfinished()).offers == ()
        with pytest.raises(NotFound):
            ask(transfers.DiscardUnfinished(offer.id))


def test_several_windows_have_journals_of_their_own(sample, tmp_path):
    with engine() as (one, ask), engine() as (_, ask_other):
        push_id = begin(ask, sample, tmp_path / "one")
        (journal,) = journal_dir().iterdir()
        assert ask_other(transfers.ListUnfinished()).offers == ()
        with pytest.raises(Conflict):
            ask_other(transfers.DiscardUnfinished(journal.stem))
        ask(transfers.PauseTransfers(False))
        assert one.queue.wait(push_id, 60)


def test_read_only_lists_and_changes_nothing(sample, tmp_path):
    with engine() as (_, ask):
        begin(ask, sample, tmp_path / "one")
    with engine(read_only=True) as (_, ask):
        (offer,) = ask(transfers.ListUnfinished()).offers
        for call in (transfers.ContinueUnfinished(offer.id), transfers.DiscardUnfinished(offer.id)):
            with pytest.raises(ReadOnlyMode):
                ask(call)
        assert ask(transfers.ListUnfinished()).offers == (offer,)


def test_orders_about_the_queue_arrive(sample, tmp_path):
    with engine() as (state, ask):
        push_id = begin(ask, sample, tmp_path / "one")
        last = min(state.queue.outcome(push_id).rows, key=lambda row: row.order)
        ask(transfers.MoveTransfers((last.id,), Move.NEXT))
        assert max(state.queue.outcome(push_id).rows, key=lambda row: row.order).id == last.id
        ask(transfers.SetTransferLimits(TransferLimits(2, per_mirror=1, bytes_per_s=1_000_000)))
        assert state.queue.snapshot().limits == TransferLimits(2, per_mirror=1, bytes_per_s=1_000_000)
        ask(transfers.PauseTransfers(True, mirrors=(last.mirror,)))
        assert state.queue.snapshot().paused_mirrors == (last.mirror,)
        ask(transfers.ReleaseMirror(last.mirror))
        ask(transfers.StopTransfers())
        assert state.queue.wait(push_id, 60)
