# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The protocol between the window and its engine: one JSON object a line on stdin and stdout.

Window to engine: `Request`, `Cancel`. Engine to window: first `Hello`; then for each request any number of `Batch` and
exactly one `Reply`; ten times a second while something moves a `Snapshot`. A request is a `Call`: a struct whose class
names its method and the type of its answer, so both sides check the same types.
"""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

import msgspec

from core.foundation.errors import ErrorInfo
from core.transfers.model import QueueSnapshot

PROTOCOL = 1

R = TypeVar("R")


class Call(msgspec.Struct, Generic[R], frozen=True):
    """Base of all requests. `answer` is the type of the reply, `row` that of batch rows (None: never batches)."""

    method: ClassVar[str]
    answer: ClassVar[object]
    row: ClassVar[object | None] = None


class Request(msgspec.Struct, frozen=True, tag="request", tag_field="t"):
    id: int
    method: str
    params: msgspec.Raw


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="t"):
    id: int


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="t"):
    """First line of the engine. `versions` names what may differ between two ends of a connection."""

    protocol: int
    versions: dict[str, str]


class Reply(msgspec.Struct, frozen=True, tag="reply", tag_field="t"):
    """The end of a request: either `error` or `result` (which may be null)."""

    id: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorInfo | None = None


class Batch(msgspec.Struct, frozen=True, tag="batch", tag_field="t"):
    id: int
    rows: msgspec.Raw


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot", tag_field="t"):
    queue: QueueSnapshot


ToEngine = Request | Cancel
ToWindow = Hello | Reply | Batch | Snapshot
