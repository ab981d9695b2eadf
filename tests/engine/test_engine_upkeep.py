# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting, copying and bundles as the window asks for them. Every answer goes through JSON, as on the wire."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.engine.calls import upkeep
from core.engine.calls.instances import OpenInstance
from core.engine.calls.push import PlanPush, StartPush
from core.engine.dispatch import handler_table
from core.engine.messages import Call
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound, ReadOnlyMode, UsageError
from core.services.sample import make_sample_instance
from core.services.upkeep_values import (
    BundleRequest,
    CopyRequest,
    DeleteRequest,
    FreeRequest,
    FreeRule,
    ImportRequest,
    KeepRules,
)
from core.transfers.plan import Decision, PushOptions, PushRequest, Signing

Ask = Callable[[Call[Any]], Any]


def asking(state: EngineState) -> Ask:
    table = handler_table(state)

    def ask(call: Call[Any]) -> Any:
        kind = type(call)
        sent = msgspec.json.decode(msgspec.json.encode(call), type=kind)
        answer = table[kind](sent, CancelToken())
        if isinstance(answer, Iterator):
            *_, answer = answer
        return msgspec.json.decode(msgspec.json.encode(answer), type=call.answer)

    return ask


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    make_sample_instance(directory)
    return directory


@pytest.fixture
def state() -> Iterator[EngineState]:
    state = EngineState(read_only=False)
    yield state
    state.close()


@pytest.fixture
def ask(state: EngineState) -> Ask:
    return asking(state)


@pytest.fixture
def instance(ask: Ask, sample: Path) -> str:
    return str(ask(OpenInstance(directory=str(sample), no_environment=True)).id)


@pytest.fixture
def cache(ask: Ask, state: EngineState, instance: str, tmp_path: Path) -> str:
    """hwloc and what it needs, pushed a month ago."""
    options = PushOptions(signing=Signing.UNSIGNED, private=True, with_build_dependencies=False, update_index=True)
    plan = ask(PlanPush(instance, PushRequest(str(tmp_path / "cache"), ("hwloc",), options=options)))
    assert state.queue.wait(ask(StartPush(plan.id)), 60)
    then = time.time() - 30 * 86_400
    for path in (tmp_path / "cache").rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))
    return str(tmp_path / "cache")


def test_delete_trash_and_restore(ask: Ask, instance: str, cache: str, tmp_path: Path) -> None:
    capabilities = ask(upkeep.AskUpkeep(instance, cache))
    assert (capabilities.delete, capabilities.trash, capabilities.frees_at_once) == (True, True, True)
    found = ask(upkeep.PlanDelete(instance, DeleteRequest(cache, queries=("hwloc",))))
    (entry,) = found.plan.entries
    assert (entry.name, found.must_type_number, found.plan.dependents) == ("hwloc", False, ())
    ask(upkeep.SavePlan(found.plan.id, str(tmp_path / "plan.json")))
    assert (tmp_path / "plan.json").stat().st_size > 100
    outcome = ask(upkeep.ApplyDelete(found.plan.id))
    assert (outcome.entries, outcome.freed_bytes, outcome.removed_bytes) == (1, 0, found.plan.frees_bytes)
    view = ask(upkeep.ListTrash(instance, cache))
    assert [batch.id for batch in view.batches] == [outcome.trash]
    restored = ask(upkeep.RestoreTrash(instance, cache, outcome.trash))
    assert restored.skipped == ()
    again = ask(upkeep.PlanDelete(instance, DeleteRequest(cache, keys=(entry.key,))))
    ask(upkeep.ApplyDelete(again.plan.id))
    assert ask(upkeep.EmptyTrash(instance, cache)) > 0
    assert ask(upkeep.ListTrash(instance, cache)).batches == ()
    with pytest.raises(NotFound):
        ask(upkeep.ApplyDelete("nothing"))


def test_free_space_by_rules(ask: Ask, instance: str, cache: str) -> None:
    everything = ask(upkeep.PlanFree(instance, FreeRequest(cache, goal_bytes=10**12)))
    assert not everything.plan.complete
    assert everything.plan.packages > 1
    keep = KeepRules(installed=True)
    kept = ask(upkeep.PlanFree(instance, FreeRequest(cache, FreeRule.ALL_NOT_KEPT, keep=keep)))
    assert kept.plan.empty
    spack = ask(upkeep.PlanFree(instance, FreeRequest(cache, FreeRule.SPACK, keep_list=("a" * 32,))))
    assert spack.plan.packages == everything.plan.packages
    assert ask(upkeep.PlanFree(instance, FreeRequest(cache, FreeRule.SPACK))).plan.empty
    with pytest.raises(UsageError):
        ask(upkeep.PlanFree(instance, FreeRequest(cache)))


def test_copy_and_bundle_go_through_the_queue(
    ask: Ask, state: EngineState, instance: str, cache: str, tmp_path: Path
) -> None:
    plan = ask(upkeep.PlanCopy(instance, CopyRequest(cache, str(tmp_path / "copy"))))
    wanted = len(list(plan.of(Decision.PUSH)))
    assert wanted > 1
    assert plan.source.endswith("/cache")
    push_id = ask(upkeep.StartCopy(plan.id))
    assert state.queue.wait(push_id, 60)
    rows = state.queue.outcome(push_id).rows
    assert {row.state.value for row in rows} == {"done"}
    with pytest.raises(NotFound):
        ask(upkeep.StartCopy(plan.id))
    bundle = str(tmp_path / "bundle.tar")
    plan = ask(upkeep.ExportBundle(instance, BundleRequest(cache, bundle)))
    assert state.queue.wait(ask(upkeep.StartCopy(plan.id)), 60)
    assert ask(upkeep.DescribeBundle(bundle)).packages == wanted
    plan = ask(upkeep.ImportBundle(instance, ImportRequest(bundle, str(tmp_path / "site"))))
    assert state.queue.wait(ask(upkeep.StartCopy(plan.id)), 60)
    assert len(list((tmp_path / "site").rglob("*.spec.manifest.json"))) == wanted


def test_a_read_only_engine_plans_and_changes_nothing(cache: str, sample: Path) -> None:
    state = EngineState(read_only=True)
    try:
        ask = asking(state)
        instance = str(ask(OpenInstance(directory=str(sample), no_environment=True)).id)
        times = {path: path.stat().st_mtime_ns for path in Path(cache).rglob("*")}
        found = ask(upkeep.PlanDelete(instance, DeleteRequest(cache, queries=("hwloc",))))
        ask(upkeep.PlanCopy(instance, CopyRequest(cache, f"{cache}-copy")))
        assert {path: path.stat().st_mtime_ns for path in Path(cache).rglob("*")} == times
        assert not Path(f"{cache}-copy").exists()
        for call in (
            upkeep.ApplyDelete(found.plan.id),
            upkeep.RestoreTrash(instance, cache, "x"),
            upkeep.EmptyTrash(instance, cache),
            upkeep.ExportBundle(instance, BundleRequest(cache, f"{cache}.tar")),
            upkeep.ImportBundle(instance, ImportRequest(f"{cache}.tar", cache)),
            upkeep.StartCopy("x"),
        ):
            with pytest.raises(ReadOnlyMode):
                ask(call)
    finally:
        state.close()
