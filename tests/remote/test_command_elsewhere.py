# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck --instance HOST:DIR …`: the command runs there, by a real sshd; terminal, keyring and files."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from registry.kit.fake_registry import FakeRegistry
from remote.conftest import HOST, Node
from remote.far_window import LIMIT_S, processes_with, wait_until

from core.services.sample import make_sample_instance

ROOT = Path(__file__).parents[2]
RUN = [sys.executable, "-P", "-m", "core.cli.main"]


@pytest.fixture(scope="module")
def far(running_node: Node) -> str:
    make_sample_instance(running_node.home / "sample")
    return f"{HOST}:~/sample"


def run(*words: str, data: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *words],
        input=data,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        timeout=LIMIT_S,
        check=False,
    )


def test_nothing_is_copied_there_without_being_asked_for(node: Node, far: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engines = node.home / ".cache/mirrordeck/engine"
    before = sorted(engines.glob("[!.]*"))
    done = run("--instance", far, "find")
    if not before:
        assert done.returncode == 1
        assert "--install-engine" in done.stderr
        assert sorted(engines.glob("[!.]*")) == []
    assert run("--install-engine", "--instance", far, "find").returncode == 0
    assert run("--instance", far, "find").returncode == 0


@pytest.fixture
def ready(node: Node, far: str) -> str:
    assert run("--install-engine", "--instance", far, "find").returncode == 0
    return far


def test_it_prints_what_it_prints_there(ready: str, node: Node) -> None:
    there = run("--instance", ready, "find", "-p", "gromacs")
    here = run("--instance", str(node.home / "sample"), "find", "-p", "gromacs")
    assert (there.returncode, there.stdout, there.stderr) == (0, here.stdout, here.stderr)
    assert str(node.home) in there.stdout


def test_exit_status_errors_and_json(ready: str) -> None:
    failed = run("--instance", ready, "--json", "find", "no-such-package-here")
    here = run("--instance", f"{HOST}:~/nowhere", "find")
    assert (here.returncode, here.stdout) == (1, "")
    assert "No Spack instance" in here.stderr
    assert failed.returncode == 1
    json.loads(failed.stdout)


def test_input_goes_there(ready: str, node: Node) -> None:
    plan = node.home / "plan.json"
    saved = run("--instance", ready, "-E", "buildcache", "push", "--save-plan", str(plan), "scratch", "hwloc")
    assert saved.returncode == 0, saved.stderr
    done = run("--instance", ready, "buildcache", "push", "--plan", "-", "--dry-run", data=plan.read_text())
    assert done.returncode == 0, done.stderr
    assert "hwloc" in done.stdout


def test_a_command_with_logins_in_its_environment_is_refused(ready: str) -> None:
    done = run("--instance", ready, "run", "--", "true")
    assert done.returncode == 2
    assert "keyring" in done.stderr


def test_a_computer_that_cannot_be_reached(node: Node) -> None:
    done = run("--instance", "nowhere.invalid:/opt/spack", "find")
    assert done.returncode == 1
    assert "nowhere.invalid cannot be reached" in done.stderr
    done = run("--instance", "-oProxyCommand=x:/opt/spack", "find")
    assert done.returncode == 2


def test_the_terminal_is_the_one_here(ready: str) -> None:
    """A question is asked, and its answer gets there; lines are as wide as the terminal."""
    main, ours = pty.openpty()
    with closing(os.fdopen(main, "r+b", buffering=0)) as terminal:
        process = subprocess.Popen(
            [*RUN, "--instance", ready, "mirror", "destroy", "-m", "scratch"],
            stdin=ours,
            stdout=ours,
            stderr=ours,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        os.close(ours)
        shown = b""
        while b"Type the name" not in shown:
            shown += terminal.read(1000)
        terminal.write(b"\n")
        assert process.wait(LIMIT_S) == 2
        with suppress(OSError):  # how its end is told
            while more := terminal.read(1000):
                shown += more
    assert b"Nothing was deleted" in shown


@pytest.fixture
def slow_target() -> Iterator[str]:
    """It takes one package, and no other."""
    with FakeRegistry() as registry:
        registry.faults.add(method="PUT", path="manifests", nth=2, times=None, wait=threading.Event())
        yield f"oci+http://{registry.host}/lab/cache"


def test_control_c_stops_the_command_there(ready: str, node: Node, slow_target: str) -> None:
    process = subprocess.Popen(
        [*RUN, "--instance", ready, "buildcache", "push", "--unsigned", slow_target, "gromacs"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    with process:
        assert process.stderr is not None
        while line := process.stderr.readline():
            if b"Pushed" in line:
                break
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: ssh gets it too
        rest = process.stderr.read().decode()
        assert process.wait(LIMIT_S) == 130, rest
    assert "Stopped" in rest
    wait_until(lambda: not processes_with("--serve-command", home=node.home))
