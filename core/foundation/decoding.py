# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Decoders of JSON for all threads.

What msgspec (0.22) knows of a struct is there for every thread before it is complete: two threads that need a struct
for the first time at the same moment end the process (SIGSEGV). So decoders are made here, one by one, and kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")
Hook = Callable[[type, Any], Any]
_lock = threading.Lock()
_made: dict[tuple[Any, Hook | None], msgspec.json.Decoder[Any]] = {}


@overload
def json_decoder(kind: type[T], hook: Hook | None = None) -> msgspec.json.Decoder[T]: ...
@overload
def json_decoder(kind: object, hook: Hook | None = None) -> msgspec.json.Decoder[Any]: ...
def json_decoder(kind: Any, hook: Hook | None = None) -> msgspec.json.Decoder[Any]:
    """For documents of `kind`; `hook` reads the types that msgspec does not know. Any thread, as the decoder itself."""
    found = _made.get((kind, hook))
    if found is None:
        with _lock:
            found = _made.setdefault((kind, hook), msgspec.json.Decoder(kind, dec_hook=hook))
    return found


def from_json(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    """`data` as `kind`. Raises msgspec.MsgspecError, UnicodeDecodeError or RecursionError. Any thread."""
    return json_decoder(kind).decode(data)


def converted(value: object, kind: type[T]) -> T:
    """Plain values as `kind`. Raises msgspec.ValidationError. Any thread."""
    json_decoder(kind)
    return msgspec.convert(value, kind)
