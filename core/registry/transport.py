# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests to one registry: login, redirects, retries, limits and lanes are taken care of; failures are our errors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.network.addresses import Guard, without_query
from core.network.bodies import Body
from core.network.calls import NO_HEADERS, Call, Caller
from core.network.client import METADATA_LANES, HostShare
from core.network.endpoints import Endpoint
from core.network.failures import interference
from core.network.limits import finalising_s as usual_finalising_s
from core.network.messages import Headers, Response
from core.network.pace import Pause
from core.network.session import Answer, Session
from core.network.watchdog import Watchdog
from core.registry.auth import Authenticator
from core.registry.challenges import Challenge
from core.registry.credentials import CredentialSource, KnownRealms, SessionRealms
from core.registry.login_requests import LoginRequests
from core.registry.messages import RateLimit
from core.registry.notes import Notes
from core.registry.options import TransportOptions
from core.registry.scopes import Scope

T = TypeVar("T")


class StreamedResponse:
    """An answer whose body is read piece by piece, as it comes over the wire. One thread."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers: Headers = answer.headers

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, b"" at the end. Raises NetworkDown if it breaks, stalls or ends too early."""
        return self._answer.read(count)


class Transport:
    """All requests to one registry with one login, from any thread; `close` it when none runs any more.

    Several to the same registry are given the same `share`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: CredentialSource | None = None,
        options: TransportOptions | None = None,
        *,
        clock: Clock | None = None,
        realms: KnownRealms | None = None,
        share: HostShare | None = None,
    ) -> None:
        """Raises TlsError if certificates named in `options` cannot be used."""
        options = options or TransportOptions()
        self.endpoint = endpoint
        self.clock = clock or Clock()
        self._watchdog = Watchdog(self.clock)
        self._session = Session(
            self._watchdog,
            ca_file=options.ca_file,
            client_certificate=options.client_certificate,
            connect_s=options.connect_timeout_s,
            header_s=options.header_timeout_s,
            connections=options.parallel_transfers + METADATA_LANES,
        )
        share = share or HostShare(self.clock, options.parallel_transfers)
        self._lanes = share.lanes
        self._pace = share.pace
        self._guard = Guard(endpoint)
        self._notes = Notes()
        self._caller = Caller(
            self._session, self._guard, self.clock, user_agent=options.user_agent, noted=self._notes.read
        )
        self._auth = Authenticator(
            endpoint,
            credentials,
            LoginRequests(endpoint, self._caller, self._pace),
            self._guard,
            self.clock,
            realms=realms or SessionRealms(),
            private_realm=options.private_realm,
            plain_passwords=options.plain_passwords,
        )
        self._caller.redacted = self._auth.redacted

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        scope: Scope,
        expect: Collection[int],
        limit: int,
        token: CancelToken,
        headers: Mapping[str, str] = NO_HEADERS,
        body: Body | None = None,
        progress: Callable[[int], None] | None = None,
        retry: bool = True,
        transfer: bool = False,
        finalising_s: float | None = None,
        patience_s: float = 0.0,
    ) -> Response:
        """The answer, whose status is one of `expect` and whose body has at most `limit` bytes.

        `path_or_url` is a path of the registry, or a complete address it named. `progress` gets bytes of the body
        when they are handed over, each position once however many tries it takes. `transfer` uses the lanes for
        large bodies. `finalising_s`: how long the answer may take after the last byte of the body.
        `patience_s`: how long the answer to what was sent is still waited for when `token` is cancelled.
        Raises the RemoteError family, UsageError for an impossible path, Cancelled, and what reading the body raises.
        """
        sending = _Forward(progress)
        wait_s = usual_finalising_s(body.size if body is not None else 0) if finalising_s is None else finalising_s
        url = self._guard.target(path_or_url)
        call = Call(method, url, headers, expect, body, transfer, wait_s, sending, patience_s)

        def once() -> Response:
            with self._answered(call, scope, token, sending.start) as answer:
                return Response(answer.status, answer.headers, answer.read_all(limit), answer.url)

        return self.retrying(once, token=token) if retry else once()

    @contextmanager
    def stream(
        self,
        path_or_url: str,
        *,
        scope: Scope,
        expect: Collection[int],
        token: CancelToken,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Iterator[StreamedResponse]:
        """GET a body of any length, to be read while the block runs. One try; see `retrying`. Raises as `request`."""
        call = Call("GET", self._guard.target(path_or_url), headers, expect, transfer=True)
        with self._answered(call, scope, token) as answer:
            yield StreamedResponse(answer)

    def retrying(self, action: Callable[[], T], *, token: CancelToken, position: Callable[[], int] | None = None) -> T:
        """`Pace.retrying`, for steps of several requests with `retry=False`, and for streams."""
        return self._pace.retrying(action, token=token, position=position)

    def resolve(self, answer: Response, location: str) -> str:
        """The address that a Location in `answer` means, for `request`. Raises BadAnswer for a forbidden one."""
        url, repaired = self._guard.resolve(answer.url, location)
        if repaired:
            self._notes.warn(f"{self.endpoint.host} believes to be reached by http; its proxy should tell it otherwise")
        return url

    def challenges(self) -> tuple[Challenge, ...]:
        """How the registry wants us to log in, as far as it was asked yet."""
        return self._auth.challenges()

    def rate_limit(self) -> RateLimit | None:
        """What the registry last said about how many requests it still grants."""
        return self._notes.rate_limit()

    def warnings(self) -> list[str]:
        """What the registry warned about since the last call, each text once in this transport's life."""
        return self._notes.new_warnings()

    def pause(self) -> Pause | None:
        """The pause all requests are making, if any."""
        return self._pace.pause()

    def close(self) -> None:
        self._session.close()
        self._watchdog.close()

    @contextmanager
    def _answered(
        self, call: Call, scope: Scope, token: CancelToken, starting: Callable[[], None] = lambda: None
    ) -> Iterator[Answer]:
        """An expected answer; asked for once more with a new login where that may help."""
        self._pace.wait(token)
        used = None
        if self._guard.own(call.url):
            used = self._auth.header(scope, token, needed_s=self._caller.expected_s(call.body))
        with self._lanes.lane(transfer=call.transfer, token=token):
            starting()
            with self._caller.followed(call, used, token) as answer:
                better = None
                if answer.status == 401 and self._guard.own(answer.url):
                    better = self._auth.renewed(scope, used, answer.headers.all("www-authenticate"), token)
                if better is None:
                    yield self._accepted(call, answer, used, token)
                    return
                answer.drain()
            starting()
            with self._caller.followed(call, better, token) as answer:
                yield self._accepted(call, answer, better, token)

    def _accepted(self, call: Call, answer: Answer, authorization: str | None, token: CancelToken) -> Answer:
        """`answer` itself if it was expected and is no web page: registries have none."""
        accepted = self._caller.accepted(call, answer, authorization, token)
        if answer.status < 300 and answer.headers.media_type == "text/html" and self._guard.own(answer.url):
            raise interference(self.endpoint.host, f"a web page came for {without_query(call.url)}", answer.status)
        return accepted


class _Forward:
    """Progress that never runs backwards: what a repeated try sends again is not counted again."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self._progress = progress
        self._position = 0
        self._highest = 0

    def start(self) -> None:
        self._position = 0

    def __call__(self, count: int) -> None:
        self._position += count
        if self._progress is not None and self._position > self._highest:
            self._progress(self._position - self._highest)
        self._highest = max(self._highest, self._position)
