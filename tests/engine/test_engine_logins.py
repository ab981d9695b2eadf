# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins, tests of mirrors and Spack's own runs, asked of a real engine process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from engine.test_engine import Engine, open_sample
from mirrors.credential_kit import script

from core.engine.calls.logins import (
    CheckLogin,
    CreateMirror,
    DescribeLogin,
    DestroyMirror,
    KeyringState,
    LastTests,
    MoveToKeyring,
    PlanDestroy,
    SaveLogin,
    SaveServerSettings,
    SignOut,
    UnlockKeyring,
)
from core.engine.calls.logins import TestMirror as AskTest
from core.engine.messages import Cancel, Reply, Request
from core.foundation.errors import ErrorInfo
from core.foundation.secret import Secret
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.forms import ConnectionForm, MirrorForm
from core.mirrors.servers import ServerSettings
from core.services.login_values import CreateOptions, Keep, KeyringCondition, LoginForm, SpackEnd, StepState
from core.services.sample import make_sample_instance

MARK = "c4nary-typed"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    directory = tmp_path / "spack"
    make_sample_instance(directory)
    pair = {"id": "me", "secret_variable": "LAB_TOKEN"}
    mirrors = {"reg": {"url": "oci://127.0.0.1:9/x", "access_pair": pair}, "team": str(tmp_path / "team")}
    (tmp_path / "team").mkdir()
    (directory / "etc/spack/site/mirrors.yaml").write_text(json.dumps({"mirrors": mirrors}))
    return directory


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.end()


def login(keep: Keep = Keep.SESSION) -> LoginForm:
    return LoginForm(keep, "me", Secret(MARK))


def test_a_typed_login_is_kept_for_the_session_and_shown_nowhere(engine: Engine, sample: Path, home: Path) -> None:
    instance = open_sample(engine, sample).id
    overview, _ = engine.ask(SaveLogin(instance, "reg", Direction.PUSH, login()))
    assert (overview.state, overview.user) == (CredentialState.SESSION, "me")
    again, _ = engine.ask(DescribeLogin(instance, "reg"))
    assert again == overview
    assert engine.ask(SignOut(instance, "reg", Direction.PUSH))[0] == ("reg",)
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if MARK.encode() in path.read_bytes()]


def test_without_a_keyring(engine: Engine, sample: Path) -> None:
    instance = open_sample(engine, sample).id
    facts, _ = engine.ask(KeyringState(instance))
    assert facts.state is KeyringCondition.ABSENT
    for call in (UnlockKeyring(instance), SaveLogin(instance, "reg", Direction.PUSH, login(Keep.KEYRING))):
        refused, _ = engine.ask(call)
        assert isinstance(refused, ErrorInfo)
        assert refused.code == "permission-denied"
        assert MARK not in str(refused)
    missing, _ = engine.ask(MoveToKeyring(instance, "team", "site"))
    assert isinstance(missing, ErrorInfo)


def test_a_check_says_what_is_wrong(engine: Engine, sample: Path) -> None:
    instance = open_sample(engine, sample).id
    form = MirrorForm("new", ConnectionForm("oci://127.0.0.1:9/x"))
    check, _ = engine.ask(CheckLogin(instance, form, Direction.PUSH, login(), ServerSettings()))
    assert (check.read.state, check.write.state) == (StepState.FAILED, StepState.FAILED)
    assert "127.0.0.1:9 cannot be reached" in check.read.detail


def test_tests_stream_their_steps_and_are_remembered(engine: Engine, sample: Path) -> None:
    instance = open_sample(engine, sample).id
    view, steps = engine.ask(AskTest(instance, "team"))
    assert tuple(steps) == view.steps
    assert len(steps) > 5
    failed, _ = engine.ask(AskTest(instance, "reg", as_reader=True))
    assert failed.verdict is StepState.FAILED
    last, _ = engine.ask(LastTests(instance))
    assert set(last) == {view, failed}


def test_settings_of_a_server_are_kept(engine: Engine, sample: Path, home: Path) -> None:
    instance = open_sample(engine, sample).id
    wanted = ServerSettings(plain_passwords=True)
    assert engine.ask(SaveServerSettings(instance, "127.0.0.1:9", wanted))[0] == wanted
    assert engine.ask(DescribeLogin(instance, "reg"))[0].settings == wanted
    assert "plain_passwords" in (home / "mirrordeck/config/mirror-settings.json").read_text()


def test_spack_runs_with_its_lines_and_can_be_stopped(engine: Engine, sample: Path, tmp_path: Path) -> None:
    instance = open_sample(engine, sample).id
    (sample / "bin/spack").unlink(missing_ok=True)
    script(sample / "bin/spack", f"echo on; [ $3 = destroy ] || exec sleep 300; rm -r {tmp_path}/team")
    plan, _ = engine.ask(PlanDestroy(instance, "team"))
    refused, _ = engine.ask(DestroyMirror(instance, "team", "wrong"))
    assert isinstance(refused, ErrorInfo)
    end, lines = engine.ask(DestroyMirror(instance, "team", plan.name))
    assert isinstance(end, SpackEnd)
    assert (end.status, [line.text for line in lines]) == (0, ["on"])
    assert not (tmp_path / "team").exists()
    call = CreateMirror(instance, CreateOptions(("zlib",)))
    engine.send(Request(999, call.method, msgspec.Raw(msgspec.json.encode(call))))
    engine.receive()
    engine.send(Cancel(999))
    reply = engine.receive()
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert reply.error.code == "cancelled"


def test_read_only_changes_nothing(sample: Path) -> None:
    engine = Engine("--read-only")
    instance = open_sample(engine, sample).id
    for call in (
        SaveLogin(instance, "reg", Direction.PUSH, login()),
        SignOut(instance, "reg", Direction.PUSH),
        SaveServerSettings(instance, "127.0.0.1:9", ServerSettings(plain_passwords=True)),
        CreateMirror(instance, CreateOptions(("zlib",))),
        DestroyMirror(instance, "team", "team"),
        MoveToKeyring(instance, "team", "site"),
    ):
        refused, _ = engine.ask(call)
        assert isinstance(refused, ErrorInfo)
        assert refused.code == "read-only"
    view, _ = engine.ask(AskTest(instance, "team"))
    assert [step.state for step in view.steps if step.key == "push"] == [StepState.SKIPPED]
    engine.end()


def test_many_dead_mirrors_leave_room_for_the_page(engine: Engine, sample: Path) -> None:
    import socket

    from core.engine.calls.mirrors import ListMirrors

    instance = open_sample(engine, sample).id
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        form = MirrorForm("new", ConnectionForm(f"oci+http://127.0.0.1:{silent.getsockname()[1]}/x"))
        for number in range(500, 512):
            call = CheckLogin(instance, form, Direction.PUSH, LoginForm(Keep.NONE))
            engine.send(Request(number, call.method, msgspec.Raw(msgspec.json.encode(call, enc_hook=lambda _: ""))))
        answered = threading.Event()
        timer = threading.Timer(120, lambda: None if answered.is_set() else engine.process.kill())
        timer.start()
        view, _ = engine.ask(ListMirrors(instance))
        answered.set()
        timer.cancel()
        assert len(view.rows) == 2
        for number in range(500, 512):
            engine.send(Cancel(number))
        replies = [engine.receive() for _ in range(12)]
    assert all(isinstance(reply, Reply) and reply.error is not None for reply in replies)
