# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Migrating and installing as the window asks for them. Every answer goes through JSON, as on the wire."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from mirrors.credential_kit import script

from core.engine.calls import installs, upkeep
from core.engine.calls.instances import OpenInstance
from core.engine.dispatch import handler_table
from core.engine.messages import Call
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import ReadOnlyMode
from core.services.install_values import InstallRequest, SpackEnd
from core.services.sample import make_sample_instance
from core.services.upkeep_values import MigrateRequest
from core.transfers.plan import Decision

LABZED = "3etqutdo6x2xxhffps2ikkt6ggofkhan"

Ask = Callable[[Call[Any]], Any]


@pytest.fixture
def state() -> Iterator[EngineState]:
    state = EngineState(read_only=False)
    yield state
    state.close()


def asking(state: EngineState) -> Ask:
    table = handler_table(state)

    def through_json(value: Any, kind: Any) -> Any:
        return msgspec.json.decode(msgspec.json.encode(value), type=kind)

    def ask(call: Call[Any]) -> Any:
        kind = type(call)
        answer: Any = table[kind](through_json(call, kind), CancelToken())
        if call.row is None:
            return through_json(answer, call.answer)
        *batches, last = answer
        return [through_json(row, call.row) for batch in batches for row in batch], through_json(last, call.answer)

    return ask


def opened(ask: Ask, directory: Path) -> str:
    return str(ask(OpenInstance(directory=str(directory), no_environment=True)).id)


@pytest.fixture
def sample(tmp_path: Path, golden: Path) -> Path:
    directory = tmp_path / "sample"
    make_sample_instance(directory)
    mirrors = {"lab": {"url": str(golden / "mirrors/unsigned"), "signed": False}}
    (directory / "etc/spack/mirrors.yaml").write_text(json.dumps({"mirrors": mirrors}))
    return directory


def test_migrating_and_deleting_the_old_layout(state: EngineState, sample: Path, golden: Path, tmp_path: Path) -> None:
    ask = asking(state)
    instance, old = opened(ask, sample), str(tmp_path / "old")
    shutil.copytree(golden / "mirrors/v2-unsigned", old)
    for path in [tmp_path / "old", *(tmp_path / "old").rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    plan = ask(upkeep.PlanMigration(instance, MigrateRequest(old, unsigned=True)))
    assert [item.decision for item in plan.items] == [Decision.PUSH] * 12
    push_id = ask(upkeep.StartCopy(plan.id))
    assert state.queue.wait(push_id, 60)
    assert {row.state.value for row in state.queue.outcome(push_id).rows} == {"done"}
    view = ask(upkeep.LookAtOldLayout(instance, old))
    assert (view.packages, view.only_there) == (12, ())
    assert ask(upkeep.DeleteOldLayout(instance, old)) == view
    assert not (tmp_path / "old/build_cache").exists()


def test_installing(state: EngineState, sample: Path) -> None:
    ask = asking(state)
    executable = sample / "bin/spack"
    executable.unlink(missing_ok=True)
    script(executable, f"echo '==> Extracting labzed-1.10-{LABZED} from binary cache'")
    instance, request = opened(ask, sample), InstallRequest("lab", (LABZED,))
    outlook = ask(installs.LookAtInstall(instance, request))
    assert {one.name for one in outlook.packages} == {"labzed", "glibc", "gcc-runtime"}
    rows, end = ask(installs.InstallPackages(instance, request))
    assert [row.package for row in rows] == [f"labzed-1.10-{LABZED}"]
    assert isinstance(end, SpackEnd)
    assert end.status == 0


def test_a_window_that_may_not_change_anything(sample: Path) -> None:
    state = EngineState(read_only=True)
    try:
        ask = asking(state)
        instance = opened(ask, sample)
        for call in (
            installs.InstallPackages(instance, InstallRequest("lab", (LABZED,))),
            upkeep.DeleteOldLayout(instance, "lab"),
        ):
            with pytest.raises(ReadOnlyMode):
                ask(call)
    finally:
        state.close()
