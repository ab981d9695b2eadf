# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a server is told to do wrong: to which requests, from which one on, how often."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Reply:
    """An answer. `headers` keeps order and repetitions; Content-Length and Date are added when it is sent."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def having(self, **values: str | None) -> Reply:
        """With these headers instead of any of that name (`_` for `-`); None removes one."""
        names = {name.replace("_", "-").lower(): value for name, value in values.items()}
        kept = tuple((key, value) for key, value in self.headers if key.lower() not in names)
        return replace(self, headers=kept + tuple((name, value) for name, value in names.items() if value is not None))


@dataclass
class Fault:
    """One deviation. Without any of the fields from `status` on the request is served as usual.

    `method` and `path` are regular expressions; `path` is searched in path and query. It applies from the `nth`
    matching request on, `times` times (None: for ever).
    """

    method: str = ".*"
    path: str = ""
    nth: int = 1
    times: int | None = 1

    # The answer.
    status: int | None = None  # instead of serving the request
    headers: Mapping[str, str] | tuple[tuple[str, str], ...] = ()  # of that answer; or added to the usual one
    body: bytes | str | None = None  # instead of the usual one
    serve: bool = False  # do what was asked all the same, then answer as told: a success nobody hears of
    change: Callable[[Reply], Reply] | None = None  # alters the usual answer
    raw: bytes | None = None  # sent as it is instead of an answer, then the connection is closed

    # The wire.
    early: bool = False  # answer without reading the body, then close
    cut_request: int | None = None  # close after so many bytes of the body were read, nothing done
    cut_response: int | None = None  # close after so many bytes of the answer's body
    silent: bool = False  # close without any answer (the request was served if `serve`)
    reset: bool = False  # every close above is a reset
    unread: threading.Event | None = None  # leave the body in the wire until then
    wait: threading.Event | None = None  # before answering (before reading the body too, if `early`)
    pause: Callable[[], object] | None = None  # called before each piece of the answer's body ...
    piece: int = 1  # ... of so many bytes; and, when `drip_head`, of the whole answer
    drip_head: bool = False

    calls: int = field(default=0, init=False)


class Faults:
    """The faults of one server, tried in the order they were added; the first that applies is used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, **what: object) -> Fault:
        """`add(method="PUT", path="/manifests/", nth=2, status=503)`; see `Fault`."""
        fault = Fault(**what)  # type: ignore[arg-type]
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, method: str, target: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if not re.fullmatch(fault.method, method) or not re.search(fault.path, target):
                    continue
                fault.calls += 1
                beyond = fault.calls - fault.nth
                if beyond >= 0 and (fault.times is None or beyond < fault.times):
                    return fault
        return None


def corrupted(reply: Reply) -> Reply:
    """One bit of the body is wrong."""
    return replace(reply, body=bytes([reply.body[0] ^ 1]) + reply.body[1:])


def shortened(reply: Reply) -> Reply:
    """The last byte is missing, and Content-Length agrees."""
    return replace(reply, body=reply.body[:-1])


def lengthened(reply: Reply) -> Reply:
    """One byte too many, and Content-Length agrees."""
    return replace(reply, body=reply.body + b"\0")
