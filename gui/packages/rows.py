# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The rows behind the packages table: narrowed and sorted as lists of positions, fast for 200,000 of them. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any

from core.services.values import PackageRow
from core.spack.specs import PackageState
from core.spack.versions import version_key

_USUAL_VARIANT = "build_system=generic"


class Column(IntEnum):
    CHECK = 0
    PACKAGE = 1
    VERSION = 2
    COMPILER = 3
    TARGET = 4
    VARIANTS = 5
    INSTALLED = 6
    STATE = 7


class Show(StrEnum):
    """Which records are listed at all."""

    INSTALLED = "installed"
    EXPLICIT = "explicit"
    ALL = "all"


class PackageList:
    """Rows in the order they came, with everything narrowing, sorting and checking ask of all of them at once.

    All of that is made while rows arrive, a slice at a time, so that nothing is left to do in one go at the end.
    """

    def __init__(self) -> None:
        self.rows: list[PackageRow] = []
        self.hashes: list[str] = []
        self.pushable = bytearray()  # 1 where a row can be checked
        self._haystacks: list[str] = []
        self._name_keys: list[str] = []
        self._name_order: list[int] = []
        self._version_keys: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def extend(self, rows: Sequence[PackageRow]) -> range:
        """Add rows; returns their positions."""
        start = len(self.rows)
        self.rows.extend(rows)
        self.hashes.extend(row.hash for row in rows)
        self.pushable.extend(map(checkable, rows))
        self._haystacks.extend(map(_haystack, rows))
        keys = self._version_keys
        keys.update(
            (version, sort_text(version_key(version))) for version in {row.version for row in rows} - keys.keys()
        )
        self._name_keys.extend(f"{row.name}\0{keys[row.version]}{row.hash}" for row in rows)
        return range(start, len(self.rows))

    def listed(self, positions: Sequence[int], show: Show) -> list[int]:
        """Those of `positions`, in their order, which `show` lists."""
        pushable = self.pushable
        if show is Show.INSTALLED:
            return [at for at in positions if pushable[at]]
        if show is Show.EXPLICIT:
            rows = self.rows
            return [at for at in positions if pushable[at] and rows[at].explicit]
        return list(positions)

    def matching(self, positions: list[int], words: Sequence[str]) -> list[int]:
        """Those of `positions`, in their order, whose text has all of `words` (lower case)."""
        haystacks, found = self._haystacks, positions
        for word in words:
            found = [at for at in found if word in haystacks[at]]
        return list(found)

    def order_by(self, column: Column, *, descending: bool) -> list[int]:
        """All positions sorted by `column`; equal rows by name, version and hash."""
        order = list(self._by_name())
        if column is Column.PACKAGE:
            return order[::-1] if descending else order
        if column is Column.VERSION:
            texts = self._version_keys
            keys: list[Any] = [texts[row.version] for row in self.rows]
        else:
            keys = [_KEYS[column](row) for row in self.rows]
        order.sort(key=keys.__getitem__, reverse=descending)
        return order

    def _by_name(self) -> list[int]:
        if len(self._name_order) != len(self.rows):
            self._name_order = sorted(range(len(self.rows)), key=self._name_keys.__getitem__)
        return self._name_order


def checkable(row: PackageRow) -> bool:
    """Only what is really installed can be pushed."""
    return row.state == PackageState.INSTALLED


def sort_text(key: Any) -> str:
    """A text that sorts as `key` does, which is made of texts, numbers from -1 on, and tuples of all these.

    Texts compare many times faster than tuples in tuples.
    """
    if isinstance(key, str):
        return f"{key}\0"
    if isinstance(key, int):
        digits = str(key + 1)
        return f"{chr(ord(' ') + len(digits))}{digits}"
    return f"{''.join(map(sort_text, key))}\0"


@lru_cache(maxsize=4096)
def compiler_text(compilers: str) -> str:
    """`c,cxx=gcc@12.2.0 fortran=gcc@12.2.0` as `gcc@12.2.0`: languages say nothing new in a column this narrow."""
    return ", ".join(dict.fromkeys(part.rpartition("=")[2] for part in compilers.split()))


def variants_text(variants: str) -> str:
    """Variants without the one nearly every package has, for a column this narrow."""
    return " ".join(part for part in variants.split(" ") if part != _USUAL_VARIANT)


def _haystack(row: PackageRow) -> str:
    compilers = " ".join(f"%{name}" for name in compiler_text(row.compilers).split(", ") if name)
    text = f"{row.name}@{row.version} {row.variants} {compilers} {row.platform}-{row.os}-{row.target} /{row.hash}"
    return text.lower()


_KEYS: dict[Column, Callable[[PackageRow], Any]] = {
    Column.CHECK: lambda row: row.name,
    Column.COMPILER: lambda row: compiler_text(row.compilers),
    Column.TARGET: lambda row: row.target,
    Column.VARIANTS: lambda row: variants_text(row.variants),
    Column.INSTALLED: lambda row: -row.installed_at,
    Column.STATE: lambda row: f"{row.state}{'' if row.explicit else ' '}",
}
