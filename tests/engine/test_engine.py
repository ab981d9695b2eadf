# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The engine as the window meets it: a child process and lines of JSON."""

from __future__ import annotations

import importlib
import json
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.child_engine import Engine

from core.engine import calls
from core.engine.calls.contents import DescribeEntry, ListContents, ListRepositories, UpdateIndex
from core.engine.calls.instances import ForgetInstance, ListInstances, OpenInstance
from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.packages import ListPackages, SummarizeSelection
from core.engine.calls.push import PlanPush, StartPush
from core.engine.calls.transfers import WatchTransfers
from core.engine.dispatch import handler_table
from core.engine.messages import PROTOCOL, Call, Cancel, Hello, Reply, Request, Snapshot
from core.engine.state import EngineState
from core.foundation.errors import ErrorInfo
from core.services.sample import make_sample_instance
from core.services.values import ContentsRow, ContentsView, EntryDetails, InstanceInfo, PackageRow
from core.transfers.plan import Decision, PushOptions, PushPlan, PushRequest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.end()


@pytest.fixture(scope="session")
def sample(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    make_sample_instance(directory)
    return directory


def open_sample(engine: Engine, sample: Path) -> InstanceInfo:
    info, _ = engine.ask(OpenInstance(directory=str(sample)))
    assert isinstance(info, InstanceInfo), info
    return info


def test_every_call_has_a_handler_and_a_name_of_its_own():
    for module in pkgutil.iter_modules(calls.__path__):
        importlib.import_module(f"{calls.__name__}.{module.name}")
    state = EngineState(read_only=True)
    try:
        known = handler_table(state)
        assert set(known) == set(Call.__subclasses__())
        assert len({call.method for call in known}) == len(known)
    finally:
        state.close()


def test_it_says_hello_first_and_leaves_when_the_window_does(engine):
    assert isinstance(engine.hello, Hello)
    assert engine.hello.protocol == PROTOCOL
    assert "python" in engine.hello.versions


def test_mirrors_and_packages_of_an_instance(engine, sample):
    info = open_sample(engine, sample)
    mirrors, _ = engine.ask(ListMirrors(instance=info.id))
    assert {row.mirror.name for row in mirrors.rows} >= {"team", "scratch"}
    view, rows = engine.ask(ListPackages(instance=info.id))
    assert view.count == len(rows) > 10
    assert all(isinstance(row, PackageRow) for row in rows)
    assert {row.state for row in rows} >= {"installed", "external"}


def test_plan_push_watch(engine, sample):
    info = open_sample(engine, sample)
    _, rows = engine.ask(ListPackages(instance=info.id))
    chosen = next(row for row in rows if row.name == "zlib-ng" and row.state == "installed")
    request = PushRequest(
        "team", hashes=(chosen.hash,), options=PushOptions(update_index=True, with_build_dependencies=False)
    )
    plan, _ = engine.ask(PlanPush(instance=info.id, request=request))
    assert isinstance(plan, PushPlan), plan
    assert chosen.hash in {item.hash for item in plan.of(Decision.PUSH)}
    push_id, _ = engine.ask(StartPush(plan=plan.id))
    assert push_id == plan.id
    states: dict[str, str] = {}
    engine.ask(WatchTransfers())
    while True:
        message = engine.snapshots.pop(0) if engine.snapshots else engine.receive()
        assert isinstance(message, Snapshot)
        states.update((row.id, row.state) for row in message.queue.rows)
        if all(push.ended for push in message.queue.pushes):
            break
    assert set(states.values()) == {"done"}
    summary, _ = engine.ask(SummarizeSelection(instance=info.id, hashes=(chosen.hash,)))
    assert summary.selected == 1
    assert summary.with_dependencies >= 1
    assert summary.size_bytes > 0


def test_errors_are_answers(engine, tmp_path):
    answer, _ = engine.ask(OpenInstance(directory=str(tmp_path / "nowhere")))
    assert isinstance(answer, ErrorInfo)
    assert str(tmp_path / "nowhere") in answer.sentence()
    answer, _ = engine.ask(ListMirrors(instance="no such"))
    assert isinstance(answer, ErrorInfo)
    assert answer.code == "not-found"
    answer, _ = engine.ask(StartPush(plan="gone"))
    assert isinstance(answer, ErrorInfo)


def test_an_unknown_request_and_wrong_parameters_are_refused(engine):
    engine.send(Request(7, "no.such", msgspec.Raw(b"{}")))
    reply = engine.receive()
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert reply.error.code == "usage"


def test_t08_lines_that_are_no_messages_end_nothing(engine, home):
    engine.process.stdin.write(b'garbage\n\xff\xfe\n{"t":"request","id":"x"}\n' + b"[" * 100_000 + b"\n")
    engine.process.stdin.flush()
    assert engine.ask(ListInstances())[0] == ()
    log = (home / "mirrordeck/state/log/engine.log").read_text()
    assert log.count("not understood") == 4


def test_an_instance_is_forgotten_now_and_for_later_and_nothing_of_it_is_touched(engine, sample, home):
    info = open_sample(engine, sample)
    before = sorted(sample.rglob("*"))
    answer, _ = engine.ask(ForgetInstance(info.id))
    assert answer is None
    assert engine.ask(ListInstances())[0] == ()
    assert json.loads((home / "mirrordeck/state/instances.json").read_text()) == []
    assert sorted(sample.rglob("*")) == before
    again, _ = engine.ask(ForgetInstance(info.id))
    assert isinstance(again, ErrorInfo)
    assert again.code == "not-found"


def test_read_only_plans_but_does_not_push(sample, home):
    engine = Engine("--read-only")
    info = open_sample(engine, sample)
    request = PushRequest("scratch", queries=("zlib-ng",))
    plan, _ = engine.ask(PlanPush(instance=info.id, request=request))
    assert isinstance(plan, PushPlan), plan
    answer, _ = engine.ask(StartPush(plan=plan.id))
    assert isinstance(answer, ErrorInfo)
    assert answer.code == "read-only"
    engine.end()
    assert not (home / "mirrordeck").exists()


def test_a_request_that_waits_can_be_cancelled_and_others_go_on_meanwhile(engine, sample):
    info = open_sample(engine, sample)
    hold_the_lock = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'r+')\n"
        "fcntl.lockf(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    lock = sample / "opt/spack/.spack-db/lock"
    command = [sys.executable, "-c", hold_the_lock, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        call = ListPackages(instance=info.id)
        engine.send(Request(100, call.method, msgspec.Raw(msgspec.json.encode(call))))
        instances, _ = engine.ask(ListInstances())
        assert info in instances
        engine.send(Cancel(100))
        reply = engine.receive()
        assert isinstance(reply, Reply)
        assert (reply.id, reply.error and reply.error.code) == (100, "cancelled")
        assert holder.stdin is not None
        holder.stdin.close()


def test_contents_come_by_name_and_again_with_facts(engine, sample, golden):
    info = open_sample(engine, sample)
    mirror = str(golden / "mirrors/signed")
    view, rows = engine.ask(ListContents(instance=info.id, mirror=mirror))
    assert isinstance(view, ContentsView), view
    assert isinstance(rows[0], ContentsRow)
    assert len({row.key for row in rows}) == view.count < len(rows)
    package = next(row for row in reversed(rows) if row.kind == "package")
    details, _ = engine.ask(DescribeEntry(instance=info.id, mirror=mirror, key=package.key))
    assert isinstance(details, EntryDetails), details
    assert details.manifest_digest == package.manifest_digest
    again, known = engine.ask(ListContents(instance=info.id, mirror=mirror))
    assert again.from_memory
    assert len(known) == view.count


def test_an_index_is_updated_on_request(engine, sample, golden, tmp_path):
    info = open_sample(engine, sample)
    copy = shutil.copytree(golden / "mirrors/unsigned", tmp_path / "copy")
    shutil.rmtree(copy / "v3/manifests/index")
    view, _ = engine.ask(ListContents(instance=info.id, mirror=str(copy)))
    assert (view.has_index, view.not_in_index) == (False, 20)
    update, _ = engine.ask(UpdateIndex(instance=info.id, mirror=str(copy)))
    assert (update.entries, update.added, update.skipped) == (20, 20, ())
    view, _ = engine.ask(ListContents(instance=info.id, mirror=str(copy), refresh=True))
    assert (view.has_index, view.not_in_index) == (True, 0)


def test_read_only_looks_but_changes_and_keeps_nothing(sample, golden, home):
    engine = Engine("--read-only")
    info = open_sample(engine, sample)
    mirror = str(golden / "mirrors/signed")
    view, _ = engine.ask(ListContents(instance=info.id, mirror=mirror))
    assert view.count
    answer, _ = engine.ask(UpdateIndex(instance=info.id, mirror=mirror))
    assert isinstance(answer, ErrorInfo)
    assert answer.code == "read-only"
    answer, _ = engine.ask(ListRepositories(instance=info.id, host="no host"))
    assert isinstance(answer, ErrorInfo)
    assert answer.code == "usage"
    engine.end()
    assert not (home / "mirrordeck").exists()
