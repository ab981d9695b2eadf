# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The protocol between the window and its engine: one JSON object a line on stdin and stdout.

Window to engine: `Request`, `Cancel`. Engine to window: first `Hello`; then for each request any number of `Batch` and
exactly one `Reply`; ten times a second while something moves a `Snapshot`. A request is a `Call`: a struct whose class
names its method and the type of its answer, so both sides check the same types.
"""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from core.foundation.errors import ErrorInfo
from core.foundation.secret import Secret
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


def encode_call(call: Call[Any]) -> msgspec.Raw:
    """`call` as `Request.params`. Nowhere else do secrets become text of a message: the engine needs those it is
    given."""
    return msgspec.Raw(msgspec.json.encode(call, enc_hook=_revealed))


def decode_call(params: msgspec.Raw, kind: type[Call[Any]]) -> Call[Any]:
    """The other way round. Raises msgspec.ValidationError."""
    call: Call[Any] = msgspec.json.decode(params, type=kind, dec_hook=_wrapped)
    return call


def _revealed(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(type(value).__name__)


def _wrapped(kind: type, value: Any) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(kind.__name__)
