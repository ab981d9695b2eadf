# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading requests to one server that need no login: redirects, limits, lanes and retries are taken care of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.network.addresses import Guard
from core.network.calls import NO_HEADERS, Call, Caller
from core.network.endpoints import Endpoint
from core.network.lanes import Lanes
from core.network.limits import TRIES
from core.network.pace import Pace
from core.network.session import Answer, Session
from core.network.watchdog import Watchdog

T = TypeVar("T")

PARALLEL_TRANSFERS = 4
METADATA_LANES = 2


class HostShare:
    """What all connections to one server have in common, whoever they log in as: lanes and back-off. Any thread."""

    def __init__(self, clock: Clock, parallel_transfers: int = PARALLEL_TRANSFERS, tries: int = TRIES) -> None:
        self.lanes = Lanes(parallel_transfers, METADATA_LANES)
        self.pace = Pace(clock, tries)


class Client:
    """Any thread; `close` it when no request runs any more. Raises TlsError if `ca_file` cannot be used.

    Redirects are followed by the rules of `Guard`. There are no credentials, no cookies and no .netrc; proxies come
    from the environment.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        ca_file: Path | None = None,
        user_agent: str = "mirrordeck",
        tries: int = TRIES,
        clock: Clock,
    ) -> None:
        self.endpoint = endpoint
        self._guard = Guard(endpoint)
        self._watchdog = Watchdog(clock)
        connections = PARALLEL_TRANSFERS + METADATA_LANES
        self._session = Session(self._watchdog, ca_file=ca_file, connections=connections)
        self._caller = Caller(self._session, self._guard, clock, user_agent=user_agent, noted=lambda _headers: None)
        self._share = HostShare(clock, tries=tries)

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        *,
        expect: Collection[int],
        token: CancelToken,
        headers: Mapping[str, str] = NO_HEADERS,
        transfer: bool = False,
    ) -> Iterator[Answer]:
        """The answer to one try, whose status is one of `expect`, to be read while the block runs; see `retrying`.

        `path` begins with a slash and is sent as it is. `transfer` uses the lanes for large bodies. Raises the
        RemoteError family, UsageError for an impossible path and Cancelled.
        """
        call = Call(method, self._guard.target(path), headers, expect, transfer=transfer)
        self._share.pace.wait(token)
        with (
            self._share.lanes.lane(transfer=transfer, token=token),
            self._caller.followed(call, None, token) as answer,
        ):
            yield self._caller.accepted(call, answer, None, token)

    def retrying(self, action: Callable[[], T], *, token: CancelToken, position: Callable[[], int] | None = None) -> T:
        """`Pace.retrying`: the result of `action`, repeated after failures that may pass."""
        return self._share.pace.retrying(action, token=token, position=position)

    def close(self) -> None:
        self._session.close()
        self._watchdog.close()
