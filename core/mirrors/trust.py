# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whose signatures count on single mirrors. Kept in `mirror-keys.json`.

Spack takes a good signature of any key it knows; so the key of one mirror could sign for all of them. Where keys are
named for a mirror, only their signatures count there.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from core.foundation.errors import SigningError, UsageError
from core.foundation.places import config_dir
from core.mirrors.tables import Table, address_key

_FILE = "mirror-keys.json"


class AllowedKeys(msgspec.Struct, frozen=True):
    """Full fingerprints of primary keys, upper-case hex."""

    fingerprints: tuple[str, ...]


class MirrorTrust:
    """The keys that may sign for mirrors, by their addresses. Thread-safe."""

    def __init__(self) -> None:
        self._table = Table(config_dir() / _FILE, AllowedKeys, private=True)

    def of(self, url: str) -> tuple[str, ...]:
        """Empty where every known key may sign. Raises SigningError if what was set cannot be used: then nothing is
        taken for well signed."""
        if self._table.problem:
            raise SigningError("It is not known whose signatures count", self._table.problem)
        found = self._table.get(address_key(url))
        return found.fingerprints if found is not None else ()

    def put(self, url: str, fingerprints: Collection[str]) -> None:
        """Let only these keys sign for a mirror, or every known one if none is named. Raises as `Table.put` does."""
        if not address_key(url):
            raise UsageError("This mirror has no address")
        self._table.put(address_key(url), AllowedKeys(tuple(sorted(set(fingerprints)))) if fingerprints else None)
