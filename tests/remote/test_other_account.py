# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An engine of another account of this computer, by a real sudo."""

from __future__ import annotations

import getpass
import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from registry.kit.fake_registry import FakeRegistry
from remote.conftest import HOST, Node, Session
from remote.far_window import LIMIT_S, traces_of, wait_until
from remote.test_engine_by_ssh import CANARY, REPOSITORY, configure, keyring_for, opened, planned

from core.engine.calls.push import StartPush
from core.remote.address import Place
from core.services.sample import make_sample_instance

Sessions = Callable[..., Session]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def their_spack(other_account: str) -> Path:
    account = pwd.getpwnam(other_account)
    spack = Path(account.pw_dir, "spack")
    if not spack.exists():
        make_sample_instance(spack)
    for path in [spack, *spack.rglob("*")]:
        os.lchown(path, account.pw_uid, account.pw_gid)
    return spack


@pytest.mark.parametrize("host", ["", HOST])
def test_a_push_by_another_account(
    host: str, node: Node, other_account: str, their_spack: Path, session: Sessions
) -> None:
    with FakeRegistry() as registry:
        registry.authority.kind = "basic"
        registry.authority.users = {"me": CANARY}
        configure(their_spack, registry)
        far = session(Place(host, other_account), keyring_for(registry))
        window = far.window()
        assert window.hello.user == other_account != getpass.getuser()
        window.done(StartPush(planned(window, opened(window, registry))))
        window.watch_until(lambda: any(row.state == "done" for row in window.rows.values()))
        window.kill()
        window = far.window()
        assert window.hello.attached
        window.watch_until(window.ended)
        assert {row.state for row in window.rows.values()} == {"done"}
        assert len(registry.tags[REPOSITORY]) == len(window.rows)
        assert traces_of(CANARY, their_spack.parent) == []
        window.goodbye()
    wait_until(lambda: not far.alive())
    foreign = [path for path in their_spack.parent.rglob("*") if path.lstat().st_uid == os.geteuid()]
    assert foreign == []
    shutil.rmtree(their_spack.parent / ".local", ignore_errors=True)


def test_a_command_by_another_account(other_account: str, their_spack: Path) -> None:
    words = ["--install-engine", "--instance", f"sudo:{other_account}:~/spack", "--json", "find", "hwloc"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "core.cli.main", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {record["name"] for record in json.loads(done.stdout)} == {"hwloc"}
