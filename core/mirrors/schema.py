# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The rules an entry of `mirrors:` must keep, as Spack 1.1 applies them to every file before merging.

Plain-text secrets, which versions before 1.0 allowed, are not a breach here; `plain_secrets` finds them. No text names
a value: it could be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from core.spack.config import Value

_FLAGS = frozenset({"binary", "source", "signed", "autopush"})
_DIRECTIONS = ("fetch", "push")
_OPTIONAL_TEXTS = frozenset({"access_token_variable", "profile", "endpoint_url"})
_CONNECTION = _OPTIONAL_TEXTS | {"url", "access_pair", "access_token"}


class Breach(NamedTuple):
    """A broken rule and the value that breaks it."""

    value: Value
    why: str


def first_breach(entry: Value) -> Breach | None:
    """The first rule `entry` breaks, None if Spack would take it (plain-text secrets aside)."""
    return next(_breaches(entry), None)


def plain_secrets(entry: Value) -> list[Value]:
    """The values of `entry` that are secrets written into the file, as versions before 1.0 allowed."""
    found: list[Value] = []
    for table in (entry, *(entry.find(direction) for direction in _DIRECTIONS)):
        if table is None or not isinstance(table.content, Mapping):
            continue
        token, pair = table.find("access_token"), table.find("access_pair")
        if token is not None and token.content is not None:
            found.append(token)
        if pair is not None and isinstance(pair.content, tuple):
            found.append(pair)
    return found


def _breaches(entry: Value) -> Iterator[Breach]:
    if isinstance(entry.content, str):
        return
    if not isinstance(entry.content, Mapping):
        yield Breach(entry, "it must be an address or a mapping")
        return
    if not entry.content.keys() & {"url", "fetch"}:
        yield Breach(entry, "it needs `url` or `fetch`")
    for key, value in entry.content.items():
        if key in _FLAGS:
            if not isinstance(value.content, bool):
                yield Breach(value, f"`{key}` must be true or false")
        elif key in _DIRECTIONS:
            yield from _direction_breaches(key, value)
        else:
            yield from _connection_breaches(key, value)


def _direction_breaches(direction: str, value: Value) -> Iterator[Breach]:
    if isinstance(value.content, str):
        return
    if not isinstance(value.content, Mapping):
        yield Breach(value, f"`{direction}` must be an address or a mapping")
        return
    for key, inner in value.content.items():
        yield from _connection_breaches(key, inner, f"{direction}.")


def _connection_breaches(key: str, value: Value, where: str = "") -> Iterator[Breach]:
    shown = where + key
    if key not in _CONNECTION:
        yield Breach(value, f"`{shown}` is not a key Spack knows")
    elif key == "access_pair":
        yield from _pair_breaches(shown, value)
    elif key == "url" and not isinstance(value.content, str):
        yield Breach(value, f"`{shown}` must be text")
    elif key != "url" and not isinstance(value.content, str | None):
        yield Breach(value, f"`{shown}` must be text or null")


def _pair_breaches(shown: str, value: Value) -> Iterator[Breach]:
    pair = value.content
    if isinstance(pair, tuple):
        if len(pair) != 2 or not all(isinstance(item.content, str | None) for item in pair):
            yield Breach(value, f"`{shown}` must name a user and a secret variable")
        return
    if not isinstance(pair, Mapping):
        yield Breach(value, f"`{shown}` must be a mapping")
        return
    if "secret_variable" not in pair:
        yield Breach(value, f"`{shown}` needs `secret_variable`")
    if ("id" in pair) == ("id_variable" in pair):
        yield Breach(value, f"`{shown}` needs exactly one of `id` and `id_variable`")
    for key in ("id", "id_variable", "secret_variable"):
        if key in pair and not isinstance(pair[key].content, str):
            yield Breach(pair[key], f"`{shown}.{key}` must be text")
