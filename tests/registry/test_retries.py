# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The retry table, row by row: what is tried again, how often, after how long."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from threading import Barrier

import pytest
from registry.asking import PUSH, get, tags
from registry.kit.clock import START, FakeClock
from registry.kit.fake_auth import error
from registry.kit.fake_registry import FakeRegistry

from core.foundation.cancel import CancelToken
from core.foundation.errors import (
    AccessDenied,
    BadAnswer,
    Cancelled,
    NetworkDown,
    QuotaExceeded,
    RateLimited,
    Refused,
    RemoteError,
    RemoteNotFound,
    ServerError,
    TooLarge,
)
from core.network.bodies import BytesBody
from core.network.limits import TRIES
from core.network.messages import Headers
from core.network.pace import Pause
from core.network.retries import retry_after_s
from core.registry.transport import Transport

Connect = Callable[..., Transport]
LIST = "/tags/list"


@pytest.fixture(autouse=True)
def _some_tags(registry: FakeRegistry) -> None:
    registry.add_manifest("lab/img", b"{}", tag="a")


@pytest.mark.parametrize("status", [408, 429, 499, 500, 502, 503, 504, 522])
def test_statuses_that_pass(registry: FakeRegistry, connect: Connect, clock: FakeClock, status: int) -> None:
    registry.faults.add(path=LIST, status=status, times=3)
    assert tags(connect()) == ["a"]
    assert len(registry.seen("GET", LIST)) == 4
    # Half of 0.5, 1 and 2 seconds: chance answers 0.5.
    assert clock.sleeps == pytest.approx([0.25, 0.5, 1.0])


@pytest.mark.parametrize(("status", "kind"), [(503, ServerError), (429, RateLimited), (408, ServerError)])
def test_six_tries_at_most(
    registry: FakeRegistry, connect: Connect, clock: FakeClock, status: int, kind: type[RemoteError]
) -> None:
    registry.faults.add(path=LIST, status=status, times=None)
    with pytest.raises(kind) as caught:
        tags(connect())
    assert caught.value.status == status
    assert len(registry.seen("GET", LIST)) == TRIES == 6
    assert clock.sleeps == pytest.approx([0.25, 0.5, 1.0, 2.0, 4.0])


def test_pauses_are_capped_and_shared(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    """The back-off belongs to the host: the next request starts where the last one left it, and decays."""
    clock.chance = 0.999999
    transport = connect()
    registry.faults.add(path=LIST, status=503, times=3 * TRIES)
    for _ in range(3):
        with pytest.raises(ServerError):
            tags(transport)
    assert max(clock.sleeps) == pytest.approx(30, abs=0.01)
    assert clock.sleeps[-1] > 15
    clock.sleeps.clear()
    for _ in range(8):
        tags(transport)
    registry.faults.add(path=LIST, status=503, times=1)
    tags(transport)
    assert clock.sleeps[-1] == pytest.approx(0.5, abs=0.01)


def test_many_requests_learn_together_that_nobody_gets_through(
    registry: FakeRegistry, connect: Connect, clock: FakeClock
) -> None:
    """Each would else wait for the pauses of all others."""
    transport = connect()
    registry.faults.add(path=LIST, status=503, times=None)
    together = Barrier(8)

    def ask() -> None:
        waits = [together.wait]

        def step() -> None:
            while waits:
                waits.pop()(10)
            tags(transport, retry=False)

        transport.retrying(step, token=CancelToken())

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask) for _ in range(8)]
        assert {type(one.exception()) for one in asked} == {ServerError}
    assert sum(clock.sleeps) < 8 * 10  # of eight at once; one after the other it would be over 400


def test_what_others_try_in_vain_does_not_count_once_somebody_gets_through(
    registry: FakeRegistry, connect: Connect
) -> None:
    transport = connect()
    registry.faults.add(path=LIST, status=503, times=None)
    tries = 0

    def step() -> str:
        nonlocal tries
        tries += 1
        if tries == TRIES:
            return "there"
        with pytest.raises(ServerError):
            tags(transport)
        get(transport, "/v2/lab/img/manifests/a")
        raise NetworkDown("gone")

    assert transport.retrying(step, token=CancelToken()) == "there"


def test_other_requests_wait_too(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    transport = connect()
    registry.faults.add(path=LIST, status=429, headers={"Retry-After": "40"})
    told: list[Pause | None] = []

    def meanwhile(_seconds: float) -> None:
        clock.before_sleep = None
        told.append(transport.pause())
        get(transport, "/v2/lab/img/manifests/a")

    clock.before_sleep = meanwhile
    assert tags(transport) == ["a"]
    assert clock.sleeps == [pytest.approx(40)] * 2
    assert told == [Pause(pytest.approx(START + 40), f"{registry.host} asks us to slow down")]
    assert transport.pause() is None


@pytest.mark.parametrize(
    "fault",
    [
        {"silent": True},
        {"silent": True, "reset": True},
        {"cut_response": 5},
        {"raw": b""},
        {"raw": b"HTTP/1.1 200 OK\r\nContent-Le"},
    ],
    ids=["closed", "reset", "short read", "no answer", "cut in the headers"],
)
def test_broken_connections(registry: FakeRegistry, connect: Connect, fault: dict[str, object]) -> None:
    registry.faults.add(path=LIST, times=3, **fault)
    assert tags(connect()) == ["a"]
    assert len(registry.seen("GET", LIST)) == 4
    registry.faults.add(path=LIST, times=None, **fault)
    with pytest.raises(NetworkDown) as caught:
        tags(connect())
    assert registry.host in caught.value.title
    assert caught.value.why


def test_nobody_listens(connect: Connect, clock: FakeClock) -> None:
    with FakeRegistry() as gone:
        endpoint = gone.endpoint
    with pytest.raises(NetworkDown, match="Connection refused"):
        tags(connect(endpoint=endpoint))
    assert len(clock.sleeps) == TRIES - 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (403, AccessDenied), (404, RemoteNotFound), (405, Refused), (409, Refused), (411, Refused),
     (412, Refused), (413, TooLarge), (415, Refused), (416, Refused), (501, ServerError), (507, QuotaExceeded)],
)  # fmt: skip
def test_statuses_that_stay(registry: FakeRegistry, connect: Connect, status: int, kind: type[RemoteError]) -> None:
    registry.faults.add(path=LIST, status=status, times=None, body=error(status, "CODE", "its own words").body)
    with pytest.raises(RemoteError) as caught:
        tags(connect())
    assert type(caught.value) is kind or (status == 501 and isinstance(caught.value, RemoteError))
    assert (caught.value.status, caught.value.codes) == (status, ("CODE",))
    assert "its own words" in caught.value.why
    assert len(registry.seen("GET", LIST)) == 1


def test_bodies_are_sent_from_the_start_again(registry: FakeRegistry, connect: Connect) -> None:
    """And progress does not run backwards meanwhile."""
    registry.faults.add(method="PUT", status=503, times=2)
    data = bytes(200_000)
    moved: list[int] = []
    get(
        connect(), "/v2/lab/img/manifests/x", method="PUT", scope=PUSH, expect={400}, body=BytesBody(data),
        progress=moved.append,
    )  # fmt: skip
    assert [len(request.body) for request in registry.seen("PUT")] == [200_000] * 3
    assert sum(moved) == 200_000
    assert min(moved) > 0


def test_a_body_that_was_cut_off(registry: FakeRegistry, connect: Connect) -> None:
    registry.faults.add(method="PUT", cut_request=70_000, reset=True, times=None)
    with pytest.raises(NetworkDown) as caught:
        get(
            connect(), "/v2/lab/img/manifests/x", method="PUT", scope=PUSH, expect={201},
            body=BytesBody(bytes(30_000_000)), retry=False,
        )  # fmt: skip
    assert 70_000 <= caught.value.sent_bytes < 30_000_000


def test_without_retry(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    registry.faults.add(path=LIST, status=503)
    with pytest.raises(ServerError):
        tags(connect(), retry=False)
    assert clock.sleeps == []


def test_budget_begins_anew_when_bytes_advance(connect: Connect) -> None:
    done = [0]
    calls = [0]

    def step() -> str:
        calls[0] += 1
        if calls[0] % (TRIES - 1) == 0:
            done[0] += 100
        if done[0] >= 300:
            return "there"
        raise NetworkDown("gone")

    transport = connect()
    assert transport.retrying(step, token=CancelToken(), position=lambda: done[0]) == "there"
    assert calls[0] == 3 * (TRIES - 1)
    calls[0] = done[0] = 0
    with pytest.raises(NetworkDown):
        transport.retrying(step, token=CancelToken())
    assert calls[0] == TRIES


def test_cancelling_ends_a_pause(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    token = CancelToken()
    registry.faults.add(path=LIST, status=503, times=None)
    clock.before_sleep = lambda _seconds: token.cancel()
    with pytest.raises(Cancelled):
        tags(connect(), token=token)
    assert len(registry.seen("GET", LIST)) == 1


RETRY_AFTER = [
    ({"Retry-After": "7"}, b"", 7),
    ({"Retry-After": " 1.5 "}, b"", 1.5),
    ({"Retry-After": "0"}, b"", 0),
    ({"Retry-After": formatdate(START + 33, usegmt=True), "Date": formatdate(START, usegmt=True)}, b"", 33),
    # The server's clock is right about its own dates, however wrong ours is.
    ({"Retry-After": formatdate(START + 5000 + 9, usegmt=True), "Date": formatdate(START + 5000, usegmt=True)}, b"", 9),
    ({"Retry-After": formatdate(START + 20, usegmt=True), "Date": "x"}, b"", 20),
    ({"Retry-After": formatdate(START - 20, usegmt=True), "Date": "x"}, b"", 0),
    ({}, b'{"retry_after": 12}', 12),
    ({}, b'{"errors": [{"code": "X", "detail": {"retry_after": 2.5}}]}', 2.5),
    ({}, b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "retry-after: 10.4ms, allowed: 44000/minute"}]}', 0.0104),
    ({}, b"too many requests, retry after 30 s please", 30),
    ({}, b"Retry-After: 2m", 120),
    ({"Retry-After": "soon"}, b"", None),
    ({}, b'{"retry_after": true}', None),
    ({}, b"[" * 100_000, None),
    ({}, b"", None),
]


@pytest.mark.parametrize(("headers", "body", "expected"), RETRY_AFTER)
def test_every_form_of_retry_after(headers: dict[str, str], body: bytes, expected: float | None) -> None:
    assert retry_after_s(Headers(headers.items()), body, START) == (expected and pytest.approx(expected))


@pytest.mark.parametrize(("headers", "body", "expected"), [case for case in RETRY_AFTER if case[2]])
def test_retry_after_is_obeyed(
    registry: FakeRegistry, connect: Connect, clock: FakeClock, headers: dict[str, str], body: bytes, expected: float
) -> None:
    registry.faults.add(path=LIST, status=429, headers=headers, body=body)
    assert tags(connect()) == ["a"]
    assert clock.sleeps == [pytest.approx(expected)]


@pytest.mark.parametrize("status", [429, 503])
def test_longer_than_ten_minutes_is_reported(
    registry: FakeRegistry, connect: Connect, clock: FakeClock, status: int
) -> None:
    registry.faults.add(path=LIST, status=status, headers={"Retry-After": "601"}, times=None)
    with pytest.raises(RemoteError) as caught:
        tags(connect())
    assert (clock.sleeps, len(registry.seen("GET", LIST))) == ([], 1)
    if status == 429:
        assert isinstance(caught.value, RateLimited)
        assert caught.value.until == pytest.approx(START + 601)
    registry.faults.clear()
    registry.faults.add(path=LIST, status=status, headers={"Retry-After": "600"})
    assert tags(connect()) == ["a"]


def test_q03_delay_only_in_the_message(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    text = "retry-after: 1.25s, allowed: 44000/minute"
    registry.faults.add(path=LIST, status=429, body=error(429, "TOOMANYREQUESTS", text).body)
    assert tags(connect()) == ["a"]
    assert clock.sleeps == [pytest.approx(1.25)]


def test_q04_secondary_rate_limit(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    text = '{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}'
    registry.faults.add(path=LIST, status=403, body=text, headers={"Retry-After": "60"})
    assert tags(connect()) == ["a"]
    assert clock.sleeps == [pytest.approx(60)]
    registry.faults.add(path=LIST, status=403, body=text, times=None)
    with pytest.raises(RateLimited, match="secondary rate limit"):
        tags(connect())


def test_q08_too_many_requests_as_text_and_bare_line_feeds(registry: FakeRegistry, connect: Connect) -> None:
    registry.faults.add(
        path=LIST, raw=b"HTTP/1.1 429 Too Many Requests\nContent-Type: text/plain\n\nToo Many Requests (HAP429)"
    )
    registry.faults.add(
        path=LIST, raw=b'HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 14\n\n{"tags":["a"]}'
    )
    assert len(registry.seen("GET", LIST)) == 0
    with pytest.raises(RateLimited, match="HAP429"):
        tags(connect(), retry=False)
    assert tags(connect(), retry=False) == ["a"]


def test_page_of_a_redirect_loop_is_no_transient_failure(registry: FakeRegistry, connect: Connect) -> None:
    registry.faults.add(path=LIST, status=307, headers={"Location": "/v2/lab/img/tags/list"}, times=None)
    with pytest.raises(BadAnswer, match="circles"):
        tags(connect())
    assert len(registry.seen("GET", LIST)) == 6
