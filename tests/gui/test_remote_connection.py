# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from core.engine.calls.instances import ListInstances
from core.engine.calls.transfers import ClearTransfers, PauseTransfers, StopTransfers
from core.engine.messages import PROTOCOL, Absent, InstallPart
from core.foundation.errors import EngineGone, UsageError
from core.remote.address import HERE, Place
from core.transfers.model import Totals
from gui.engine_client import EngineClient
from gui.remote import connection as remote_connection
from gui.remote.connection import RemoteConnection

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]
NODE = Place("alice@node7")
SCRIPT = """
import json, os, pathlib, sys

log = pathlib.Path(sys.argv[1])
runs = len(log.read_text().split("start")) if log.exists() else 1
with log.open("a") as file:
    file.write("start\\n")

def say(**message):
    sys.stdout.write(json.dumps(message) + "\\n")
    sys.stdout.flush()

mode = sys.argv[3]
if mode == "refused" or (mode == "once" and runs > 1):
    sys.exit("ssh: connect to host node7 port 22: Connection refused")
if mode == "absent":
    say(t="absent", why="Mirrordeck is not installed there.", can_install=True, facts={})
    for line in sys.stdin:
        message = json.loads(line)
        log.open("a").write(f"{message['t']} {message['last']}\\n")
        if message["last"]:
            break
say(t="hello", protocol=int(sys.argv[2]), versions={"mirrordeck": "9"}, host="node7", user="alice", attached=runs > 1)
for line in sys.stdin:
    message = json.loads(line)
    log.open("a").write(message["t"] + "\\n")
    method = message.get("method")
    if method == "instance.list":
        info = {"id": "i", "root": "/opt/spack", "install_root": "/opt/spack/opt", "version": "1.1.1"}
        say(t="reply", id=message["id"], result=[info])
    elif method == "transfers.clear":
        print("client_loop: send disconnect: Broken pipe", file=sys.stderr)
        sys.exit(255)
    elif method == "transfers.pause":
        queue = {"rows": [], "pushes": [], "overall": {"moving": 1}, "paused": False}
        say(t="snapshot", queue=queue)
        say(t="reply", id=message["id"], result=None)
"""


@pytest.fixture
def run(loop: QEventLoop, qtbot: QtBot) -> Run[Any]:
    """Waits for a coroutine to end."""

    def wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
        task = loop.create_task(coroutine)
        qtbot.waitUntil(task.done)
        return task.result()

    return wait_for


class Net:
    """Places that scripts stand for. What they are told is in `log`."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.made: list[RemoteConnection] = []
        self.wanted: list[Absent] = []
        self.mode = "open"
        self.protocol = PROTOCOL
        self._script = folder / "engine.py"
        self._script.write_text(SCRIPT)
        self.client = EngineClient(self._command("here"))
        self.client.connector = self.connect

    def _command(self, mode: str, name: str = "log-here") -> list[str]:
        log = self.log if mode != "here" else self.log.with_name(name)
        return [sys.executable, str(self._script), str(log), str(self.protocol), mode]

    async def connect(self, place: Place) -> RemoteConnection:
        connection = RemoteConnection(place, self._command(self.mode), {"MIRRORDECK_TEST": "1"})
        self.made.append(connection)
        connection.install_wanted.connect(self.wanted.append)
        return connection

    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def net(tmp_path: Path, run: Run[Any], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Net]:
    monkeypatch.setattr(remote_connection, "_PAUSES_S", (0.01, 0.02))
    net = Net(tmp_path)
    with qtbot.waitSignal(net.client.engine_ready):
        net.client.start()
    yield net
    run(net.client.close())


def reach(net: Net, run: Run[Any], place: Place = NODE) -> RemoteConnection:
    connection = run(net.client.reach(place))
    assert isinstance(connection, RemoteConnection)
    return connection


def test_a_place_is_reached_before_it_is_the_current_one(net: Net, run: Run[Any], qtbot: QtBot) -> None:
    connection = reach(net, run)
    assert net.client.place == HERE
    assert run(connection.call(ListInstances()))[0].root == "/opt/spack"
    with qtbot.waitSignals([net.client.place_changed, net.client.engine_ready]):
        net.client.switch(NODE)
    assert net.client.running
    assert run(net.client.call(ListInstances()))[0].root == "/opt/spack"
    assert run(net.client.reach(NODE)) is connection
    assert net.said().count("start") == 1


def test_a_place_that_is_not_reached_says_why_and_may_be_tried_again(
    net: Net, run: Run[Any], expected_warnings: list[str]
) -> None:
    expected_warnings.append("the engine is gone: ssh: connect to host")
    net.mode = "refused"
    with pytest.raises(EngineGone, match="Connection refused") as refused:
        run(net.client.reach(NODE))
    assert refused.value.title == "alice@node7 was not reached"
    with pytest.raises(EngineGone):
        run(net.client.reach(NODE))
    assert net.said().count("start") == 2


def test_an_engine_of_another_version_is_not_tried_again(net: Net, run: Run[Any], expected_warnings: list[str]) -> None:
    expected_warnings.append("Install the same version")
    net.protocol = PROTOCOL + 1
    with pytest.raises(EngineGone, match="There it is Mirrordeck 9, here"):
        run(net.client.reach(NODE))
    assert net.said() == ["start"]


def test_without_a_connector_there_is_only_this_computer(net: Net, run: Run[Any]) -> None:
    net.client.connector = None
    with pytest.raises(UsageError):
        run(net.client.reach(NODE))


def test_a_broken_connection_is_made_again_with_the_same_engine(
    net: Net, run: Run[Any], loop: QEventLoop, qtbot: QtBot, expected_warnings: list[str]
) -> None:
    expected_warnings.append("send disconnect: Broken pipe")
    connection = reach(net, run)
    net.client.switch(NODE)
    waiting = loop.create_task(net.client.call(StopTransfers()))
    told: list[tuple[str, float]] = []
    net.client.reconnecting.connect(lambda reason, seconds: told.append((reason, seconds)))
    signals = [net.client.met_again, net.client.engine_ready]
    with qtbot.assertNotEmitted(net.client.engine_lost), qtbot.waitSignals(signals):
        breaking = loop.create_task(net.client.call(ClearTransfers()))
    qtbot.waitUntil(lambda: breaking.done() and waiting.done())
    for task in (waiting, breaking):
        error = task.exception()
        assert isinstance(error, EngineGone)
        assert error.title == "The connection to alice@node7 is lost"
        assert "not confirmed" in error.why
    reason = "client_loop: send disconnect: Broken pipe"
    assert told == [(reason, 0.01), (reason, 0.0)]
    assert connection.hello is not None
    assert connection.hello.attached
    assert run(net.client.call(ListInstances()))


def test_nothing_can_be_asked_while_it_is_broken_and_giving_up_ends_it(
    net: Net, run: Run[Any], loop: QEventLoop, qtbot: QtBot, expected_warnings: list[str]
) -> None:
    expected_warnings += ["Broken pipe", "Connection refused"]
    net.mode = "once"
    connection = reach(net, run)
    net.client.switch(NODE)
    breaking = loop.create_task(net.client.call(ClearTransfers()))
    qtbot.waitUntil(lambda: net.said().count("start") >= 4)
    qtbot.waitUntil(breaking.done)
    assert breaking.exception() is not None
    assert connection.broken
    assert not net.client.running or connection.met
    with qtbot.waitSignal(net.client.engine_lost):
        connection.give_up()
    starts = net.said().count("start")
    assert not net.client.running
    with pytest.raises(EngineGone):
        run(net.client.call(ListInstances()))
    assert net.said().count("start") <= starts + 1


def test_a_question_nobody_answered_is_not_asked_again_and_again(
    net: Net, run: Run[Any], loop: QEventLoop, qtbot: QtBot, expected_warnings: list[str]
) -> None:
    expected_warnings.append("Broken pipe")
    connection = reach(net, run)
    net.client.switch(NODE)
    connection.wait_for_person()
    with qtbot.waitSignal(net.client.reconnecting) as told:
        breaking = loop.create_task(net.client.call(ClearTransfers()))
    qtbot.waitUntil(breaking.done)
    assert breaking.exception() is not None
    assert told.args == ["client_loop: send disconnect: Broken pipe", -1.0]
    assert net.said().count("start") == 1
    with qtbot.waitSignal(net.client.met_again):
        connection.retry()


def test_closing_says_goodbye_everywhere(net: Net, run: Run[Any]) -> None:
    reach(net, run)
    run(net.client.close())
    assert net.said()[-1] == "goodbye"
    assert not net.client.running


def test_what_moves_elsewhere_is_known_but_not_shown(net: Net, run: Run[Any], qtbot: QtBot) -> None:
    connection = reach(net, run)
    with qtbot.assertNotEmitted(net.client.snapshot_received):
        run(connection.call(PauseTransfers(paused=True)))
    assert net.client.unfinished() == {NODE: Totals(moving=1)}


def test_a_cancelled_wait_gives_up_what_was_begun(net: Net, loop: QEventLoop, qtbot: QtBot) -> None:
    net.mode = "absent"
    task = loop.create_task(net.client.reach(NODE))
    qtbot.waitUntil(lambda: "start" in net.said())
    task.cancel()
    qtbot.waitUntil(task.done)
    qtbot.waitUntil(lambda: not net.client.findChildren(RemoteConnection)[0].running)


def test_an_absent_engine_is_sent_and_calls_wait_for_it(
    net: Net, run: Run[Any], loop: QEventLoop, qtbot: QtBot
) -> None:
    net.mode = "absent"
    reaching = loop.create_task(net.client.reach(NODE))
    qtbot.waitUntil(lambda: bool(net.wanted))
    asking = loop.create_task(net.made[0].call(ListInstances()))
    sent: list[int] = []
    parts = [InstallPart(b"x" * 300_000), InstallPart(b"y" * 300_000), InstallPart(b"z", last=True, digest="sha256:0")]
    run(net.made[0].install(parts, sent.append))
    assert sent == [300_000, 600_000, 600_001]
    qtbot.waitUntil(lambda: reaching.done() and asking.done())
    assert len(asking.result()) == 1
    assert net.said() == ["start", "install-part False", "install-part False", "install-part True", "request"]


def test_refusing_ends_the_wait_with_its_reason(
    net: Net, loop: QEventLoop, qtbot: QtBot, expected_warnings: list[str]
) -> None:
    expected_warnings.append("the engine is gone: not now")
    net.mode = "absent"
    task = loop.create_task(net.client.reach(NODE))
    qtbot.waitUntil(lambda: bool(net.wanted))
    net.made[0].refuse("not now")
    qtbot.waitUntil(task.done)
    error = task.exception()
    assert isinstance(error, EngineGone)
    assert error.why == "not now"


def test_two_who_reach_the_same_place_share_one_connection(net: Net, run: Run[Any]) -> None:
    async def both() -> list[object]:
        return list(await asyncio.gather(net.client.reach(NODE), net.client.reach(NODE)))

    first, second = run(both())
    assert first is second
    assert net.said().count("start") == 1


def test_the_window_says_from_time_to_time_that_it_is_there(
    net: Net, run: Run[Any], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_connection, "PING_INTERVAL_S", 0.01)
    reach(net, run)
    qtbot.waitUntil(lambda: net.said().count("ping") > 1)


def test_an_answer_of_the_place_that_was_left_is_not_given(net: Net, run: Run[Any]) -> None:
    reach(net, run)

    async def ask_and_leave() -> object:
        asking = asyncio.ensure_future(net.client.call(ListInstances()))
        await asyncio.sleep(0)
        net.client.switch(NODE)
        return await asking

    with pytest.raises(EngineGone, match="Another instance was opened meanwhile"):
        run(ask_and_leave())


def test_a_place_that_was_left_may_be_reached_again(net: Net, run: Run[Any]) -> None:
    connection = reach(net, run)
    run(net.client.disconnect_from(NODE))
    assert net.said()[-1] == "goodbye"
    assert not connection.running
    assert reach(net, run).running
    assert net.said().count("start") == 2
