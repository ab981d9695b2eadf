# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Passwords and tokens, wrapped so that nothing shows them by accident."""

from __future__ import annotations

import hmac
import weakref
from typing import NoReturn

# By identity: equal secrets end at different times.
_alive: weakref.WeakValueDictionary[int, Secret] = weakref.WeakValueDictionary()


class Secret:
    """Text that no `repr`, `str`, format, pickle or traceback shows. Only `reveal` gives it, to whoever sends it."""

    __slots__ = ("__weakref__", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        _alive[id(self)] = self

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(*(each._text.encode(errors="surrogatepass") for each in (self, other)))

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are not written anywhere")


def living_secrets() -> list[Secret]:
    """All that this process holds now, for whoever has to keep them out of a text. Any thread."""
    return list(_alive.values())
