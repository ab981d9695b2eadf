# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The protocol between the window and its engine: one JSON object a line on stdin and stdout.

Window to engine: `Request`, `Cancel`, `Ping`, `Goodbye`. Engine to window: first `Hello`; then for each request any
number of `Batch` and exactly one `Reply`; ten times a second while something moves a `Snapshot`. A request is a `Call`:
a struct whose class names its method and the type of its answer, so both sides check the same types.

Where no engine is installed, `Absent` comes instead of `Hello`; the window may answer with `InstallPart`s, and then
gets `Hello`, or `Absent` again. It sends nothing else before `Hello`. An engine that is not the window's own asks for
logins by `NeedCredential`, each answered by one `CredentialAnswer`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec

from core.foundation.decoding import json_decoder
from core.foundation.errors import ErrorInfo
from core.foundation.secret import Secret
from core.transfers.model import QueueSnapshot

PROTOCOL = 3
# A window elsewhere that has said nothing for `SILENCE_S` is taken for gone, so it says something more often than that.
PING_INTERVAL_S = 15.0
SILENCE_S = 60.0

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
    """First line of the engine. `versions` names what may differ between two ends of a connection.

    `host` and `user` are who and where the engine is by its own account. `session` is that of a detached engine;
    `attached`: it was there before, and the window met it again.
    """

    protocol: int
    versions: dict[str, str]
    host: str = ""
    user: str = ""
    session: str = ""
    attached: bool = False


class Absent(msgspec.Struct, frozen=True, tag="absent", tag_field="t"):
    """No engine can be started there. `why` is a sentence; `facts` (what was found there, by its name) may be shown.

    `can_install`: the engine of this window would run there, and may be sent as `InstallPart`s.
    """

    why: str
    can_install: bool
    facts: dict[str, str] = {}


class NeedCredential(msgspec.Struct, frozen=True, tag="need-credential", tag_field="t"):
    """The engine asks for what `account` has in the window's keyring, or for a change there.

    `secret` is the whole entry to keep, for "set" only. "unlock" may ask a person for the keyring's password.
    """

    id: int
    action: Literal["get", "set", "delete", "unlock"]
    service: str
    account: str
    secret: Secret | None = None


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


class CredentialAnswer(msgspec.Struct, frozen=True, tag="credential-answer", tag_field="t"):
    """To the `NeedCredential` of that id: the entry (None where there is none), or why there was no answer.

    `locked`: the keyring is there and would have to ask a person for its password first.
    """

    id: int
    secret: Secret | None = None
    error: str | None = None
    locked: bool = False


class InstallPart(msgspec.Struct, frozen=True, tag="install-part", tag_field="t"):
    """A piece of the engine's archive. The `last` one has the `digest` (`sha256:…`) of the whole."""

    data: bytes
    last: bool = False
    digest: str = ""


class Ping(msgspec.Struct, frozen=True, tag="ping", tag_field="t"):
    """The window is still there."""


class Goodbye(msgspec.Struct, frozen=True, tag="goodbye", tag_field="t"):
    """The window closes on purpose: the engine ends in order, now. Without it a detached engine waits for it."""


ToEngine = Request | Cancel | CredentialAnswer | Ping | Goodbye
ToWindow = Hello | Absent | Reply | Batch | Snapshot | NeedCredential
FromWindow = ToEngine | InstallPart


def encode_message(message: msgspec.Struct) -> bytes:
    """`message` as a line, with the secrets that are meant for the other end."""
    return msgspec.json.encode(message, enc_hook=_revealed) + b"\n"


def decoder_of(kinds: Any) -> msgspec.json.Decoder[Any]:
    """For lines that are one of `kinds`."""
    return json_decoder(kinds, _wrapped)


def engine_decoder() -> msgspec.json.Decoder[ToEngine]:
    """For the lines an engine gets."""
    return decoder_of(ToEngine)


def window_decoder() -> msgspec.json.Decoder[ToWindow]:
    """For the lines a window gets."""
    return decoder_of(ToWindow)


def encode_call(call: Call[Any]) -> msgspec.Raw:
    """`call` as `Request.params`, with the secrets in it: the engine needs those it is given."""
    return msgspec.Raw(msgspec.json.encode(call, enc_hook=_revealed))


def decode_call(params: msgspec.Raw, kind: type[Call[Any]]) -> Call[Any]:
    """The other way round. Raises msgspec.ValidationError."""
    call: Call[Any] = json_decoder(kind, _wrapped).decode(params)
    return call


def _revealed(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(type(value).__name__)


def _wrapped(kind: type, value: Any) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(kind.__name__)
