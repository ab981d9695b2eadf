# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Exchanges that go nowhere, in injected time: a server drips or is silent while a test moves the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from registry.asking import PULL, PUSH, get, tags
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, NetworkDown
from core.network.bodies import BytesBody
from core.network.limits import finalising_s
from core.network.watchdog import Watch, Watchdog
from core.registry.options import TransportOptions
from core.registry.transport import Transport

Connect = Callable[..., Transport]
LIST = "/tags/list"


@pytest.fixture(autouse=True)
def _some_tags(registry: FakeRegistry) -> None:
    registry.add_manifest("lab/img", b"{}", tag="a")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def moving_clock(clock: FakeClock) -> Iterator[Callable[[float], None]]:
    """`moving_clock(s)` lets `s` seconds pass every few milliseconds from now on, as the world does."""
    stop = threading.Event()
    threads = []

    def start(seconds: float) -> None:
        def move() -> None:
            while not stop.wait(0.005):
                clock.advance(seconds)

        threads.append(threading.Thread(target=move))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


def test_no_answer(
    registry: FakeRegistry, connect: Connect, clock: FakeClock, gate: threading.Event, moving_clock
) -> None:
    transport = connect()
    tags(transport)
    registry.faults.add(path=LIST, wait=gate)
    started = clock.monotonic()
    moving_clock(1)
    with pytest.raises(NetworkDown, match=r"nothing came for 7. seconds") as caught:
        tags(transport, retry=False)
    assert 70 <= clock.monotonic() - started < 110
    assert caught.value.title == f"The connection to {registry.host} stalled"


def test_a_stall_is_tried_again(registry: FakeRegistry, connect: Connect, gate: threading.Event, moving_clock) -> None:
    registry.faults.add(path=LIST, wait=gate)
    moving_clock(1)
    assert tags(connect()) == ["a"]


def test_dripping_headers(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    """Every byte would start a socket's time-out anew."""
    transport = connect()
    tags(transport)
    started = clock.monotonic()
    registry.faults.add(path=LIST, pause=lambda: (clock.advance(1), time.sleep(0.003)), drip_head=True)
    with pytest.raises(NetworkDown, match="stalled"):
        tags(transport, retry=False)
    assert clock.monotonic() - started < 110


def test_t06_dripping_body(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    digest = registry.add_blob("lab/img", bytes(100_000))
    transport = connect()
    tags(transport)
    started = clock.monotonic()
    registry.faults.add(path="/blobs/", pause=lambda: (clock.advance(1), time.sleep(0.002)), piece=500)
    with pytest.raises(NetworkDown, match=r"only .* bytes went through"):
        get(transport, f"/v2/lab/img/blobs/{digest}", retry=False)
    assert 120 <= clock.monotonic() - started < 200
    # Slow but decent is fine.
    registry.faults.add(path="/blobs/", pause=lambda: (clock.advance(3), time.sleep(0.001)), piece=4000)
    assert len(get(transport, f"/v2/lab/img/blobs/{digest}", retry=False).body) == 100_000


def test_silence_in_the_middle_of_a_stream(
    registry: FakeRegistry, connect: Connect, clock: FakeClock, gate: threading.Event, moving_clock
) -> None:
    digest = registry.add_blob("lab/img", bytes(100_000))
    pieces = iter([0.0])
    registry.faults.add(path="/blobs/", piece=50_000, pause=lambda: gate.wait(next(pieces, 20.0)))
    transport = connect()
    with transport.stream(f"/v2/lab/img/blobs/{digest}", scope=PULL, expect={200}, token=CancelToken()) as got:
        left = 50_000
        while left:
            left -= len(got.read(left))
        # A reader that takes its time is no stall.
        clock.advance(10_000)
        time.sleep(0.15)
        moving_clock(1)
        with pytest.raises(NetworkDown, match="nothing came for 6"):
            got.read(10)
    gate.set()


def test_upload_that_nobody_takes(
    registry: FakeRegistry, connect: Connect, clock: FakeClock, gate: threading.Event, moving_clock
) -> None:
    transport = connect()
    tags(transport)
    registry.faults.add(method="PUT", early=True, wait=gate, status=500)
    moving_clock(1)
    with pytest.raises(NetworkDown, match="nothing came for 6") as caught:
        get(
            transport, "/v2/lab/img/manifests/x", method="PUT", scope=PUSH, body=BytesBody(bytes(60_000_000)),
            retry=False,
        )  # fmt: skip
    assert 0 < caught.value.sent_bytes < 60_000_000


def test_a_slow_taker_has_more_time_than_a_connection(
    registry: FakeRegistry, connect: Connect, gate: threading.Event
) -> None:
    registry.faults.add(method="PUT", unread=gate)
    timer = threading.Timer(0.2, gate.set)
    timer.start()
    put = {"method": "PUT", "scope": PUSH, "body": BytesBody(bytes(30_000_000)), "retry": False, "expect": {413}}
    assert get(connect(None, TransportOptions(connect_timeout_s=0.05)), "/v2/lab/img/manifests/x", **put).status == 413
    timer.join()


def test_finalising_may_take_longer(
    registry: FakeRegistry, connect: Connect, clock: FakeClock, gate: threading.Event, moving_clock
) -> None:
    transport = connect()
    tags(transport)
    put = {"method": "PUT", "scope": PUSH, "body": BytesBody(b"{}"), "retry": False, "expect": {201}}
    registry.faults.add(method="PUT", wait=gate)
    started = clock.monotonic()
    moving_clock(2)
    with pytest.raises(NetworkDown, match="stalled"):
        get(transport, "/v2/lab/img/manifests/x", finalising_s=300, **put)
    assert 300 <= clock.monotonic() - started < 400


def test_how_long_finalising_may_take() -> None:
    assert finalising_s(0) == finalising_s(600_000_000) == 60
    assert finalising_s(6_000_000_000) == 600
    assert finalising_s(10**12) == 1800


@pytest.mark.parametrize("where", ["headers", "body", "upload"])
def test_cancelled_while_waiting(registry: FakeRegistry, connect: Connect, gate: threading.Event, where: str) -> None:
    token = CancelToken()
    transport = connect()
    tags(transport)
    reached = threading.Event()

    def hang() -> None:
        reached.set()
        gate.wait(120)

    if where == "headers":
        registry.faults.add(path=LIST, pause=hang, drip_head=True)
    elif where == "body":
        registry.faults.add(path=LIST, pause=hang)
    else:
        registry.faults.add(method="PUT", early=True, wait=gate, status=500)
        reached.set()
    canceller = threading.Thread(target=lambda: (reached.wait(60), time.sleep(0.05), token.cancel()))
    canceller.start()
    started = time.monotonic()
    put = {"path": "/v2/lab/img/manifests/x", "method": "PUT", "scope": PUSH, "body": BytesBody(bytes(60_000_000))}
    with pytest.raises(Cancelled):
        get(transport, token=token, **(put if where == "upload" else {}))
    assert time.monotonic() - started < 50  # before it is taken for silent
    canceller.join()
    gate.set()


def test_cancelled_before(registry: FakeRegistry, connect: Connect) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        tags(connect(), token=token)
    assert registry.requests == []


def test_a_watch_by_itself(clock: FakeClock) -> None:
    watch = Watch(clock, CancelToken())
    watch.expect(60, paced=True)
    for _ in range(10):
        clock.advance(13)
        watch.moved(13 * 1024)
        watch.check()
    assert watch.stalled == ""
    for _ in range(30):
        clock.advance(13)
        watch.moved(13 * 1023)
        watch.check()
    assert "bytes went through" in watch.stalled
    watch = Watch(clock, CancelToken())
    watch.rest()
    clock.advance(1e6)
    watch.check()
    assert watch.stalled == ""
    watch.expect(10)
    clock.advance(9.9)
    watch.check()
    assert watch.stalled == ""
    clock.advance(0.1)
    watch.check()
    assert watch.stalled == "nothing came for 10 seconds"


def test_the_thread_ends(clock: FakeClock) -> None:
    watchdog = Watchdog(clock)
    with watchdog.watching(CancelToken()):
        assert [thread for thread in threading.enumerate() if thread.name == "network watchdog"]
    watchdog.close()
    watchdog.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "network watchdog"]


def test_a_signal_may_come_while_its_thread_is_started(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(_thread: threading.Thread) -> None:
        raise SystemExit(143)

    watchdog = Watchdog(clock)
    monkeypatch.setattr(threading.Thread, "start", leave)
    with pytest.raises(SystemExit), watchdog.watching(CancelToken()):
        pass
    monkeypatch.undo()
    watchdog.close()
