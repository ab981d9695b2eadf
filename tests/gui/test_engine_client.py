# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QProcess
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from core.engine.calls.instances import ListInstances
from core.engine.calls.packages import ListPackages
from core.engine.calls.push import StartPush
from core.engine.calls.transfers import ClearTransfers, PauseTransfers, StopTransfers
from core.engine.messages import PROTOCOL
from core.foundation.errors import EngineGone
from core.services.values import InstanceInfo, PackageRow, PackagesView
from gui.engine_client import CallFailed, EngineClient, engine_command

SCRIPT = """
import json, os, sys

def say(**message):
    sys.stdout.write(json.dumps(message) + "\\n")
    sys.stdout.flush()

say(t="hello", protocol=int(sys.argv[1]), versions={"mirrordeck": "9"})
for line in sys.stdin:
    message = json.loads(line)
    if message["t"] == "cancel":
        say(t="snapshot", queue={"rows": [], "pushes": [], "overall": {"waiting": message["id"]}, "paused": False})
        continue
    number, method = message["id"], message["method"]
    if method == "instance.list":
        info = {"id": "i", "root": "/opt/spack", "install_root": "/opt/spack/opt", "version": "1.1.1"}
        say(t="reply", id=number, result=[info])
    elif method == "packages.list":
        row = ["h", "zlib", "1.3", "", "linux", "debian12", "zen4", "+x" * 500_000, "builtin", True, 1.0, "installed"]
        row += [False, "/p"]
        for _ in range(2):
            say(t="batch", id=number, rows=[row, row])
        say(t="reply", id=number, result={"count": 4, "verifier": "v"})
    elif method == "push.start":
        error = {"code": "usage", "title": "No such plan", "why": message["params"]["plan"]}
        say(t="reply", id=number, result=None, error=error)
    elif method == "transfers.clear":
        print("Traceback: it broke", file=sys.stderr)
        os._exit(3)
    elif method == "transfers.pause":
        sys.stdout.write("this is no message\\n")
        say(t="reply", id=number, result=None)
"""


def scripted(tmp_path: Path, protocol: int = PROTOCOL) -> EngineClient:
    script = tmp_path / "engine.py"
    script.write_text(SCRIPT)
    return EngineClient([sys.executable, str(script), str(protocol)])


@pytest.fixture
def client(loop: QEventLoop, tmp_path: Path, qtbot: QtBot) -> Iterator[EngineClient]:
    client = scripted(tmp_path)
    with qtbot.waitSignal(client.engine_ready):
        client.start()
    yield client
    task = loop.create_task(client.close())
    qtbot.waitUntil(task.done)


def test_answers_have_the_types_of_their_calls(client: EngineClient, loop: QEventLoop, qtbot: QtBot) -> None:
    assert client.versions == {"mirrordeck": "9"}
    task = loop.create_task(client.call(ListInstances()))
    qtbot.waitUntil(task.done)
    assert task.result() == (InstanceInfo("i", "/opt/spack", "/opt/spack/opt", "1.1.1"),)


def test_long_rows_come_in_batches_before_the_answer(client: EngineClient, loop: QEventLoop, qtbot: QtBot) -> None:
    batches: list[list[PackageRow]] = []
    task = loop.create_task(client.call(ListPackages("i"), batches.append))
    qtbot.waitUntil(task.done)
    assert task.result() == PackagesView(4, "v")
    assert [len(batch) for batch in batches] == [2, 2]
    assert len(batches[0][0].variants) == 1_000_000
    assert batches[0][0].name == "zlib"


def test_calls_may_overlap(client: EngineClient, loop: QEventLoop, qtbot: QtBot) -> None:
    tasks = [loop.create_task(client.call(ListInstances())) for _ in range(20)]
    qtbot.waitUntil(lambda: all(task.done() for task in tasks))
    assert all(len(task.result()) == 1 for task in tasks)


def test_an_error_keeps_its_words(client: EngineClient, loop: QEventLoop, qtbot: QtBot) -> None:
    task = loop.create_task(client.call(StartPush("plan-7")))
    qtbot.waitUntil(task.done)
    error = task.exception()
    assert isinstance(error, CallFailed)
    assert (error.info().code, error.info().title, error.info().why) == ("usage", "No such plan", "plan-7")


def test_an_error_of_the_receiver_of_rows_reaches_the_caller(
    client: EngineClient, loop: QEventLoop, qtbot: QtBot
) -> None:
    def broken(_rows: list[PackageRow]) -> None:
        raise ValueError("broken")

    task = loop.create_task(client.call(ListPackages("i"), broken))
    qtbot.waitUntil(task.done)
    assert isinstance(task.exception(), ValueError)


def test_a_cancelled_wait_tells_the_engine(client: EngineClient, loop: QEventLoop, qtbot: QtBot) -> None:
    task = loop.create_task(client.call(StopTransfers()))
    loop.call_soon(task.cancel)
    with qtbot.waitSignal(client.snapshot_received) as received:
        pass
    assert received.args is not None
    assert received.args[0].overall.waiting == 1
    assert task.cancelled()


def test_a_line_that_is_no_message_is_logged_and_skipped(
    client: EngineClient, loop: QEventLoop, qtbot: QtBot, expected_warnings: list[str]
) -> None:
    expected_warnings.append("the engine sent something that is not understood")
    task = loop.create_task(client.call(PauseTransfers(paused=True)))
    qtbot.waitUntil(task.done)
    assert task.result() is None


def test_a_crash_fails_what_waits_and_a_restart_works(
    client: EngineClient, loop: QEventLoop, qtbot: QtBot, expected_warnings: list[str]
) -> None:
    expected_warnings.append("the engine is gone: Traceback: it broke")
    waiting = loop.create_task(client.call(StopTransfers()))
    with qtbot.waitSignal(client.engine_lost) as lost:
        crash = loop.create_task(client.call(ClearTransfers()))
    assert lost.args == ["Traceback: it broke"]
    qtbot.waitUntil(lambda: crash.done() and waiting.done())
    assert isinstance(crash.exception(), EngineGone)
    assert isinstance(waiting.exception(), EngineGone)
    assert not client.running
    later = loop.create_task(client.call(ListInstances()))
    qtbot.waitUntil(later.done)
    assert isinstance(later.exception(), EngineGone)
    with qtbot.waitSignal(client.engine_ready):
        client.start()
    again = loop.create_task(client.call(ListInstances()))
    qtbot.waitUntil(again.done)
    assert len(again.result()) == 1


def test_an_engine_of_another_version_is_refused(
    loop: QEventLoop, tmp_path: Path, qtbot: QtBot, expected_warnings: list[str]
) -> None:
    expected_warnings.append("belongs to another version")
    client = scripted(tmp_path, protocol=99)
    with qtbot.waitSignal(client.engine_lost):
        client.start()
    assert not client.running
    qtbot.waitUntil(lambda: not client.findChildren(QProcess))


def test_a_program_that_does_not_start_is_told(loop: QEventLoop, qtbot: QtBot, expected_warnings: list[str]) -> None:
    expected_warnings.append("the engine is gone")
    client = EngineClient(["/nonexistent/engine"])
    with qtbot.waitSignal(client.engine_lost):
        client.start()


def test_close_waits_for_the_engine_and_leaves_no_call_waiting(loop: QEventLoop, tmp_path: Path, qtbot: QtBot) -> None:
    client = scripted(tmp_path)
    with qtbot.waitSignal(client.engine_ready):
        client.start()
    waiting = loop.create_task(client.call(StopTransfers()))

    async def close() -> None:
        await asyncio.sleep(0)
        await client.close()

    closing = loop.create_task(close())
    with qtbot.assertNotEmitted(client.engine_lost):
        qtbot.waitUntil(lambda: closing.done() and waiting.done())
    assert isinstance(waiting.exception(), EngineGone)


def test_the_real_engine_greets(loop: QEventLoop, qtbot: QtBot) -> None:
    client = EngineClient(engine_command(read_only=True))
    with qtbot.waitSignal(client.engine_ready, timeout=20_000):
        client.start()
    closing = loop.create_task(client.close())
    qtbot.waitUntil(closing.done, timeout=20_000)
