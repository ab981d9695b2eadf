# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who goes first, and how many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from registry.asking import PULL, get, tags
from registry.kit.fake_registry import FakeRegistry

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled
from core.network.lanes import Lanes
from core.registry.transport import Transport

TOKEN = CancelToken()


class Crowd:
    """Threads that take a lane and keep it until told; `inside` are their names in the order they came in."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._changed = threading.Condition()
        self._leave: set[str] = set()
        self._threads: list[threading.Thread] = []
        self.inside: list[str] = []
        self.came: list[str] = []

    def add(self, name: str) -> None:
        """Names of transfers begin with T."""
        waiting = self._waiting()
        thread = threading.Thread(target=self._run, args=(name,))
        self._threads.append(thread)
        thread.start()
        self.until(lambda: name in self.came or self._waiting() > waiting)

    def leave(self, name: str) -> None:
        with self._changed:
            self._leave.add(name)
            self._changed.notify_all()
        self.until(lambda: name not in self.inside)

    def until(self, condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 60
        with self._changed:
            while not condition():
                self._changed.wait(0.01)
                assert time.monotonic() < give_up, f"inside: {self.inside}"

    def end(self) -> None:
        with self._changed:
            self._leave.update(f"{kind}{number}" for kind in "TM" for number in range(50))
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(60)

    def _waiting(self) -> int:
        return sum(len(queue) for queue in self._lanes._waiting.values())

    def _run(self, name: str) -> None:
        with self._lanes.lane(transfer=name[0] == "T", token=TOKEN), self._changed:
            self.inside.append(name)
            self.came.append(name)
            self._changed.notify_all()
            while name not in self._leave:
                self._changed.wait(60)
            self.inside.remove(name)
            self._changed.notify_all()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    found = Crowd(Lanes(4, 2))
    yield found
    found.end()


def test_four_transfers_and_two_small_ones(crowd: Crowd) -> None:
    for name in ("T1", "T2", "T3", "T4", "T5", "M1", "M2", "M3"):
        crowd.add(name)
    assert sorted(crowd.inside) == ["M1", "M2", "T1", "T2", "T3", "T4"]
    crowd.leave("M1")
    crowd.until(lambda: "M3" in crowd.inside)
    assert "T5" not in crowd.came


def test_small_ones_go_first_but_leave_half_to_transfers(crowd: Crowd) -> None:
    for name in ("T1", "T2", "T3", "T4", "T5", "T6", "M1", "M2", "M3", "M4", "M5"):
        crowd.add(name)
    for leaves, comes in (("T1", "M3"), ("T2", "M4"), ("T3", "T5"), ("T4", "T6")):
        crowd.leave(leaves)
        crowd.until(lambda comes=comes: comes in crowd.inside)
    assert "M5" not in crowd.came
    crowd.leave("M3")
    crowd.until(lambda: "M5" in crowd.inside)


def test_small_ones_use_idle_lanes(crowd: Crowd) -> None:
    for number in range(5):
        crowd.add(f"M{number}")
    assert len(crowd.inside) == 4
    crowd.add("T1")
    crowd.add("T2")
    assert {"T1", "T2"} <= set(crowd.inside)


def test_first_come_first_served(crowd: Crowd) -> None:
    for number in range(10):
        crowd.add(f"T{number}")
    for number in range(6):
        crowd.leave(f"T{number}")
        crowd.until(lambda number=number: f"T{number + 4}" in crowd.came)
    assert crowd.came == [f"T{number}" for number in range(10)]


def test_waiting_can_be_cancelled() -> None:
    lanes = Lanes(1, 1)
    token = CancelToken()
    with lanes.lane(transfer=True, token=TOKEN):
        timer = threading.Timer(0.02, token.cancel)
        timer.start()
        with pytest.raises(Cancelled), lanes.lane(transfer=True, token=token):
            pass
        timer.join()
    # Nobody is in the way afterwards.
    with lanes.lane(transfer=True, token=TOKEN), lanes.lane(transfer=False, token=TOKEN):
        pass


def test_lanes_come_back_after_errors() -> None:
    lanes = Lanes(2, 1)
    for transfer in (True, False) * 5:
        with pytest.raises(ZeroDivisionError), lanes.lane(transfer=transfer, token=TOKEN):
            raise ZeroDivisionError
    with ExitStack() as stack:
        for transfer in (True, True, False):
            stack.enter_context(lanes.lane(transfer=transfer, token=TOKEN))


def test_small_requests_pass_hanging_downloads(registry: FakeRegistry, connect: Callable[..., Transport]) -> None:
    digest = registry.add_blob("lab/img", bytes(100))
    transport = connect()
    tags_path = "/v2/lab/img/tags/list"
    with ExitStack() as stack:
        for _ in range(4):
            stream = transport.stream(f"/v2/lab/img/blobs/{digest}", scope=PULL, expect={200}, token=TOKEN)
            stack.enter_context(stream)
        for _ in range(5):
            assert get(transport, tags_path).status == 200
        token = CancelToken()
        timer = threading.Timer(0.02, token.cancel)
        timer.start()
        with pytest.raises(Cancelled):
            tags(transport, transfer=True, token=token)
        timer.join()
    assert tags(transport, transfer=True) == []
