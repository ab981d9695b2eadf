# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The window and an engine behind a program that stands for ssh: it runs the command with another home."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from core.engine.calls.files import ListDirectory
from core.engine.calls.instances import OpenInstance
from core.engine.calls.packages import ListPackages
from core.engine.calls.push import PlanPush, StartPush
from core.foundation.errors import EngineGone
from core.remote.address import Place
from core.services.sample import make_sample_instance
from core.services.values import PackageRow
from core.transfers.plan import PushOptions, PushRequest, Signing
from gui.connection import Connection
from gui.engine_client import EngineClient, engine_command
from gui.remote.connection import RemoteConnection
from gui.remote.guide import RemoteGuide
from gui.remote.install_dialog import InstallDialog
from gui.transfers.state import TransfersState

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]
NODE = Place("alice@node7")
WAIT_MS = 60_000
SSH = """#!/bin/sh
for command; do :; done
echo $$ >> {folder}/pids
export HOME={home} XDG_CACHE_HOME={home}/.cache XDG_RUNTIME_DIR={home}/run
unset MIRRORDECK_HOME
exec sh -c "$command"
"""


@pytest.fixture
def far_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home over there; `ssh` on the PATH leads to it, `pids` beside it has the processes that do."""
    home = tmp_path / "far"
    for folder in (home / "run", tmp_path / "bin"):
        folder.mkdir(parents=True, mode=0o700)
    make_sample_instance(home / "spack")
    program = tmp_path / "bin/ssh"
    program.write_text(SSH.format(folder=tmp_path, home=home))
    program.chmod(0o755)
    # Python alone: a `mirrordeck` beside it would be taken instead of a copy.
    (tmp_path / f"bin/python3.{sys.version_info.minor}").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return home


def kill_ssh(folder: Path) -> None:
    """What a broken line looks like from here."""
    for line in (folder / "pids").read_text().split():
        try:
            os.kill(int(line), signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.fixture
def run(loop: QEventLoop, qtbot: QtBot) -> Run[Any]:
    def wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
        task = loop.create_task(coroutine)
        qtbot.waitUntil(task.done, timeout=WAIT_MS)
        return task.result()

    return wait_for


@pytest.fixture
def client(loop: QEventLoop, run: Run[Any], far_home: Path, themed: object, qtbot: QtBot) -> Iterator[EngineClient]:
    gc.collect()  # loops of earlier tests may not be collected in a thread of this one
    window = QWidget()
    guide = RemoteGuide(window, read_only=False)
    client = EngineClient(engine_command(read_only=False))
    client.connector = guide.connect_to
    yield client
    run(client.close())
    guide.leave()
    client.deleteLater()
    window.deleteLater()
    qtbot.waitUntil(lambda: not engines_of(far_home), timeout=WAIT_MS)


def reached(client: EngineClient, loop: QEventLoop) -> asyncio.Task[Connection]:
    """On the way to the node. A test that ends before is told why by itself, not by a failure that nobody took."""
    task = loop.create_task(client.reach(NODE))
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    return task


def engines_of(home: Path) -> list[str]:
    """The engines that run over there."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if "--detach" in line and str(home) in line]


def shown_install_dialog() -> InstallDialog | None:
    dialogs = [each for each in QApplication.topLevelWidgets() if isinstance(each, InstallDialog) and each.isVisible()]
    return dialogs[0] if dialogs else None


def installing(qtbot: QtBot) -> InstallDialog:
    """The dialog, once it knows what would be copied."""
    qtbot.waitUntil(lambda: shown_install_dialog() is not None, timeout=WAIT_MS)
    dialog = shown_install_dialog()
    assert dialog is not None
    qtbot.waitUntil(dialog.confirm_button.isEnabled, timeout=WAIT_MS)
    return dialog


@pytest.fixture
def node(client: EngineClient, loop: QEventLoop, qtbot: QtBot) -> RemoteConnection:
    """Reached, after the engine was copied there."""
    reaching = reached(client, loop)
    installing(qtbot).confirm_button.click()
    qtbot.waitUntil(reaching.done, timeout=WAIT_MS)
    connection = reaching.result()
    assert isinstance(connection, RemoteConnection)
    return connection


def test_copying_opening_breaking_and_going_on(
    client: EngineClient, node: RemoteConnection, far_home: Path, run: Run[Any], qtbot: QtBot,
    expected_warnings: list[str],
) -> None:  # fmt: skip
    expected_warnings.append("the engine is gone")
    info = run(node.call(OpenInstance(str(far_home / "spack"))))
    client.switch(NODE)
    rows: list[PackageRow] = []
    run(client.call(ListPackages(info.id), rows.extend))
    assert rows
    assert "spack" in [entry.name for entry in run(client.call(ListDirectory(str(far_home)))).entries]
    with qtbot.waitSignal(client.met_again, timeout=WAIT_MS) as met:
        kill_ssh(far_home.parent)
    assert met.args == [True]
    assert run(client.call(ListPackages(info.id), rows.extend)).count == len(rows) // 2


def test_a_push_ends_over_there_while_the_line_is_broken_and_is_seen_afterwards(
    client: EngineClient, node: RemoteConnection, far_home: Path, run: Run[Any], qtbot: QtBot,
    expected_warnings: list[str],
) -> None:  # fmt: skip
    expected_warnings.append("the engine is gone")
    info = run(node.call(OpenInstance(str(far_home / "spack"))))
    client.switch(NODE)
    state = TransfersState(client)
    request = PushRequest("scratch", queries=("gromacs",), options=PushOptions(signing=Signing.UNSIGNED))
    plan = run(client.call(PlanPush(info.id, request)))
    run(client.call(StartPush(plan.id)))
    with qtbot.waitSignal(client.met_again, timeout=WAIT_MS):
        kill_ssh(far_home.parent)
    qtbot.waitUntil(lambda: bool(state.pushes) and all(push.ended for push in state.pushes.values()), timeout=WAIT_MS)
    assert state.overall.failed == 0
    assert state.overall.done > 0
    state.leave()


def test_nothing_is_copied_without_asking(
    client: EngineClient, far_home: Path, loop: QEventLoop, qtbot: QtBot, expected_warnings: list[str]
) -> None:
    expected_warnings.append("the engine was not copied|The engine was not copied")
    reaching = reached(client, loop)
    dialog = installing(qtbot)
    assert "MB" in dialog.what.text()
    dialog.reject()
    qtbot.waitUntil(reaching.done, timeout=WAIT_MS)
    assert isinstance(reaching.exception(), EngineGone)
    assert not list(far_home.rglob("core/engine/__main__.py"))
