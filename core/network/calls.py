# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One try of one request: sent, redirects followed, its answer judged. Who we are is decided elsewhere.

Debug lines tell methods, addresses without queries and statuses; never headers or bodies.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import BadAnswer, NetworkDown, Refused, RemoteError
from core.network.addresses import Guard, without_query
from core.network.bodies import Body
from core.network.failures import failure
from core.network.limits import ERROR_BYTES, REDIRECTS, SILENCE_S
from core.network.messages import Headers
from core.network.session import Answer, Session

_log = logging.getLogger(__name__)
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# For judging how long an upload will take before one was seen, and from which size on one tells something.
_GUESSED_BYTES_PER_S = 5_000_000.0
_TELLING_BYTES = 1 << 20
# Answers to HEAD have no body; for these it is worth asking why.
_EXPLAINED = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it was asked for. `sending` gets the bytes of the body as they are handed over. `patience_s`: how
    long its answer is still waited for when the token is cancelled."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    expect: Collection[int]
    body: Body | None = None
    transfer: bool = False
    finalising_s: float = SILENCE_S
    sending: Callable[[int], None] = lambda _count: None
    patience_s: float = 0.0


class Caller:
    """Any thread. All methods raise the RemoteError family and Cancelled. `noted` gets the headers of every answer of
    the server itself."""

    def __init__(
        self, session: Session, guard: Guard, clock: Clock, *, user_agent: str, noted: Callable[[Headers], None]
    ) -> None:
        self._session = session
        self._guard = guard
        self._noted = noted
        self._clock = clock
        self._user_agent = user_agent
        self._lock = threading.Lock()
        self._bytes_per_s = _GUESSED_BYTES_PER_S
        # Set by whoever knows the secrets: some servers repeat them in their errors.
        self.redacted: Callable[[bytes], bytes] = lambda body: body

    @contextmanager
    def followed(self, call: Call, authorization: str | None, token: CancelToken) -> Iterator[Answer]:
        """The answer at the end of redirects, which only reading requests follow, and without credentials."""
        url, headers = call.url, dict(call.headers)
        if authorization is not None:
            headers["Authorization"] = authorization
        for _ in range(REDIRECTS + 1):
            with self.direct(call, url, headers, token) as answer:
                location = answer.headers.get("location")
                reading = call.method in ("GET", "HEAD") and answer.status not in call.expect
                if answer.status not in _REDIRECTS or not reading or location is None:
                    yield answer
                    return
                answer.drain()
                url, _ = self._guard.resolve(url, location)
            headers.pop("Authorization", None)
        why = f"{call.method} {without_query(call.url)} led from one address to the next"
        raise BadAnswer("The server sends us in circles", why)

    @contextmanager
    def direct(self, call: Call, url: str, headers: Mapping[str, str], token: CancelToken) -> Iterator[Answer]:
        """The answer of `url` itself."""
        started = self._clock.monotonic()
        with self._session.exchange(
            call.method,
            url,
            {"User-Agent": self._user_agent, **headers},
            token=token,
            body=call.body,
            finalising_s=call.finalising_s,
            sending=call.sending,
            patience_s=call.patience_s,
        ) as answer:
            took_s = self._clock.monotonic() - started
            _log.debug("%s %s: %d after %.3f s", call.method, without_query(url), answer.status, took_s)
            if self._guard.own(url):
                self._noted(answer.headers)
            if call.body is not None and call.body.size >= _TELLING_BYTES and took_s > 0:
                with self._lock:
                    self._bytes_per_s = (self._bytes_per_s + call.body.size / took_s) / 2
            yield answer

    def accepted(self, call: Call, answer: Answer, authorization: str | None, token: CancelToken) -> Answer:
        """`answer` itself if it was expected; raises what it means otherwise."""
        own = self._guard.own(answer.url)
        if answer.status in call.expect:
            return answer
        headers, body = answer.headers, beginning(answer)
        if call.method == "HEAD" and answer.status in _EXPLAINED and own:
            again = Call("GET", call.url, call.headers, ())
            with suppress(RemoteError), self.followed(again, authorization, token) as told:
                if told.status == answer.status:
                    headers, body = told.headers, beginning(told)
        now, body = self._clock.now(), self.redacted(body)
        found = failure(answer.status, headers, body, method=call.method, url=answer.url, now=now)
        if answer.status in _REDIRECTS:
            found = Refused(found.title, f"it wants us to go elsewhere: {found.why}", status=answer.status)
        raise found

    def expected_s(self, body: Body | None) -> float:
        """How long sending `body` will take, judged by the uploads before."""
        with self._lock:
            return body.size / self._bytes_per_s if body is not None else 0.0


def beginning(answer: Answer) -> bytes:
    """Enough of an error's body for its words; it matters little if the rest is missing."""
    with suppress(NetworkDown):
        return answer.read_some(ERROR_BYTES)
    return b""
