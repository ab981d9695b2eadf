# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where an engine runs, and addresses of instances there. Pure, but for one look whether a local path exists."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from core.foundation.errors import UsageError
from core.foundation.text import visible

# Reaches the argument list of ssh and sudo: never an option, never more than one word.
_WORD = re.compile(r"[^-\s:/@][^\s:/@]*", re.ASCII)
_HOST = re.compile(r"(?:(?P<user>[^@/]*)@)?(?:\[(?P<address>[0-9A-Fa-f:.%\w]+)\]|(?P<name>[^:/@\[\]]+))")
_SUDO = "sudo:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an engine runs: on `host`, a destination of ssh ("": here), as `account`, whom sudo becomes ("": nobody
    else)."""

    host: str = ""
    account: str = ""

    @property
    def is_here(self) -> bool:
        """Neither another computer nor another account."""
        return not self.host and not self.account

    @property
    def title(self) -> str:
        """For people: "" here, `alice@node7`, `spack on node7`, `spack`. Foreign text, as it was typed."""
        return f"{self.account} on {self.host}" if self.host and self.account else self.host or self.account


HERE = Place()


@dataclass(frozen=True, slots=True)
class Address:
    """A path at a place; "" stands for whatever Spack's own rules find there."""

    place: Place
    path: str

    def __str__(self) -> str:
        """The text that `parse_address` understands as this."""
        sudo = f"{_SUDO}{self.place.account}:" if self.place.account else ""
        if self.place.host:
            user, at, name = self.place.host.rpartition("@")
            host = f"[{name}]" if ":" in name else name
            return f"{sudo}{user}{at}{host}:{self.path}"
        return f"{sudo}./{self.path}" if _names_host(self.path) else f"{sudo}{self.path}"


def parse_address(text: str) -> Address:
    """The address that a person typed: `/opt/spack`, `user@host:/opt/spack`, `sudo:spack:/opt/spack` or
    `sudo:spack:user@host:/opt/spack`.

    What exists here under the whole text is a path, and so is a single letter before the colon. Raises UsageError for
    hosts and accounts that cannot be.
    """
    if os.path.exists(text):  # noqa: PTH110 - a text that may be no path at all
        return Address(HERE, text)
    if not text.startswith(_SUDO):
        return _on_host("", text)
    account, colon, rest = text.removeprefix(_SUDO).partition(":")
    if not colon or not _WORD.fullmatch(account) or not account.isprintable():
        raise UsageError("This account cannot be", f"{visible(text)}: sudo:ACCOUNT:PATH is meant")
    return _on_host(account, rest)


def checked_place(place: Place) -> Place:
    """`place` itself. Raises UsageError if its host or account cannot be handed to ssh or sudo."""
    if place.host and _host(_written(place.host)) is None:
        raise UsageError("This computer cannot be", f"{visible(place.host)}: HOST or USER@HOST is meant")
    if place.account and not (_WORD.fullmatch(place.account) and place.account.isprintable()):
        raise UsageError("This account cannot be", visible(place.account))
    return place


def _on_host(account: str, text: str) -> Address:
    head, _, path = _split(text)
    if not _names_host(text):
        return Address(Place(account=account), text)
    host = _host(head)
    if host is None:
        raise UsageError("This computer cannot be", f"{visible(text)}: HOST:PATH or USER@HOST:PATH is meant")
    return Address(Place(host, account), path)


def _names_host(text: str) -> bool:
    head, colon, _ = _split(text)
    return bool(colon) and "/" not in head and not (len(head) == 1 and head.isalpha())


def _split(text: str) -> tuple[str, str, str]:
    """Before, at and behind the colon that ends a host; those of `[::1]` do not."""
    end = text.find("]:")
    if end >= 0 and "[" in text[:end] and "/" not in text[:end]:
        return text[: end + 1], ":", text[end + 2 :]
    return text.partition(":")


def _written(host: str) -> str:
    user, at, name = host.rpartition("@")
    return f"{user}{at}[{name}]" if ":" in name else host


def _host(text: str) -> str | None:
    """What ssh is given for the host `text`; None if that cannot be one."""
    found = _HOST.fullmatch(text)
    if found is None or not text.isprintable():
        return None
    user, name = found["user"], found["address"] or found["name"]
    words = [name] if user is None else [user, name]
    if any(not word or word.startswith("-") or any(map(str.isspace, word)) for word in words):
        return None
    return name if user is None else f"{user}@{name}"
