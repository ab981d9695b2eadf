# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The rows behind the packages table: narrowed and sorted as lists of positions, fast for 200,000 of them. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from core.services.values import PackageRow
from core.spack.specs import PackageState
from core.spack.versions import version_key
from gui.packages.facts import Facts
from gui.packages.slices import SLICE, Steps, mapped, slices, sorting

_USUAL_VARIANT = "build_system=generic"
_HASH_LENGTH = 32


class Column(IntEnum):
    CHECK = 0
    PACKAGE = 1
    VERSION = 2
    COMPILER = 3
    TARGET = 4
    VARIANTS = 5
    SIZE = 6
    INSTALLED = 7
    MIRRORS = 8
    NOTE = 9
    EXPLICIT = 10
    NAMESPACE = 11
    ENVIRONMENTS = 12
    PREFIX_LENGTH = 13
    TREE = 14
    HASH = 15


class Show(StrEnum):
    """Which records are listed at all."""

    INSTALLED = "installed"
    EXPLICIT = "explicit"
    IMPLICIT = "implicit"
    UPSTREAM = "upstream"
    NEW = "new"
    EXTERNAL = "external"
    DEPRECATED = "deprecated"
    MISSING = "missing"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a row must be to be shown: listed by `show`, with all `words` (lower case), its hash in all sets of `only`
    and in none of `without`. Hashes in `first` come before all others."""

    show: Show = Show.INSTALLED
    words: tuple[str, ...] = ()
    only: tuple[Collection[str], ...] = ()
    without: tuple[Collection[str], ...] = ()
    first: Collection[str] = ()

    def narrows(self, other: Narrowing) -> bool:
        """Whether nothing can be shown now that was not shown by `other`."""
        same = (self.show, self.only, self.without, self.first) == (other.show, other.only, other.without, other.first)
        return same and bool(other.words) and all(any(new.startswith(old) for new in self.words) for old in other.words)


class Tail(NamedTuple):
    """What many packages have in common."""

    variants: str
    compilers: str
    platform: str
    os: str
    target: str


class PackageList:
    """Rows in the order they came, with everything narrowing, sorting and checking ask of all of them at once.

    All of that is made while rows arrive, a slice at a time, so that nothing is left to do in one go at the end. Texts
    that many rows share are kept once: what a word is looked for in is a `_heads` text of each row and a `_tails` text
    of many.
    """

    def __init__(self) -> None:
        self.rows: list[PackageRow] = []
        self.hashes: list[str] = []
        self.places: dict[str, int] = {}  # positions by hash
        self.by_name: dict[str, list[int]] = {}
        self.pushable = bytearray()  # 1 where a row can be checked
        self.installed = 0  # how many those are
        self._gone: set[int] = set()  # positions whose packages are not there any more
        self._heads: list[str] = []
        self._tails: dict[Tail, int] = {}
        self._tail_of: list[int] = []
        self._name_keys: list[str] = []
        self._name_order: list[int] = []
        self._version_keys: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.rows) - len(self._gone)

    @property
    def tails(self) -> Collection[Tail]:
        """Every combination of variants, compilers and architecture there is."""
        return self._tails.keys()

    def extend(self, rows: Sequence[PackageRow]) -> range:
        """Add rows; returns their positions."""
        start = len(self.rows)
        rows = [self._shared(row) for row in rows]
        self.rows.extend(rows)
        self.hashes.extend(row.hash for row in rows)
        self.places.update((row.hash, at) for at, row in enumerate(rows, start))
        pushable = bytes(map(checkable, rows))
        self.pushable += pushable
        self.installed += sum(pushable)
        tails = self._tails
        for at, row in enumerate(rows, start):
            self.by_name.setdefault(row.name, []).append(at)
            self._heads.append(f"{row.name}@{row.version} /{row.hash}".lower())
            tail = Tail(row.variants, row.compilers, row.platform, row.os, row.target)
            self._tail_of.append(tails.setdefault(tail, len(tails)))
        keys = self._version_keys
        keys.update(
            (version, sort_text(version_key(version))) for version in {row.version for row in rows} - keys.keys()
        )
        self._name_keys.extend(f"{row.name}\0{keys[row.version]}{row.hash}" for row in rows)
        return range(start, len(self.rows))

    def remove(self, hashes: Iterable[str]) -> set[int]:
        """Forget these packages; returns their positions, which stay unused."""
        gone = set()
        for dag_hash in hashes:
            at = self.places.pop(dag_hash, None)
            if at is not None:
                gone.add(at)
                self.installed -= self.pushable[at]
                self.pushable[at] = 0
                self.by_name[self.rows[at].name].remove(at)
        self._gone |= gone
        self._name_order = []
        return gone

    def discarding(self) -> Steps[None]:
        """Let go of everything bit by bit: at once it would take a noticeable time."""
        self.places.clear()
        for texts in (self.rows, self.hashes, self._heads, self._name_keys):
            while texts:
                del texts[-SLICE:]
                yield

    def _shared(self, row: PackageRow) -> PackageRow:
        """The same row, its texts but hash and prefix shared with other rows: a third of the memory."""
        share = self._texts.setdefault
        return PackageRow(
            row.hash,
            share(row.name, row.name),
            share(row.version, row.version),
            share(row.compilers, row.compilers),
            share(row.platform, row.platform),
            share(row.os, row.os),
            share(row.target, row.target),
            share(row.variants, row.variants),
            share(row.namespace, row.namespace),
            row.explicit,
            row.installed_at,
            share(row.state, row.state),
            row.upstream,
            row.prefix,
            share(row.install_root, row.install_root),
            row.deprecated_for,
        )

    def narrowing(self, positions: Sequence[int], wanted: Narrowing, facts: Facts) -> Steps[list[int]]:
        """Those of `positions`, in their order, that `wanted` lets through."""
        found: list[int] = []
        for part in slices(positions):
            found += self._narrowed(part, wanted, facts)
            yield
        for word in wanted.words:
            found = yield from self._having(found, word)
        return found

    def _narrowed(self, part: Sequence[int], wanted: Narrowing, facts: Facts) -> list[int]:
        found = self._listed(part, wanted.show, facts)
        hashes = self.hashes
        for only in wanted.only:
            found = [at for at in found if hashes[at] in only]
        for without in wanted.without:
            found = [at for at in found if hashes[at] not in without]
        return found

    def _having(self, positions: Sequence[int], word: str) -> Steps[list[int]]:
        """Those of `positions` whose text has `word`; of a hash only its beginning counts, the rest matches by chance.

        Texts lie in memory in the order the rows came. Looking at nearly all of them in that order is several times
        faster than in any other.
        """
        heads, tail_of = self._heads, self._tail_of
        hit = [word in _tail_text(tail) for tail in self._tails]
        found: list[int] = []
        if len(positions) < len(self.rows) // 4:
            for part in slices(positions):
                found += [at for at in part if hit[tail_of[at]] or _has(heads[at], word)]
                yield
            return found
        mask = bytearray()
        for start in range(0, len(heads), SLICE):
            some = slice(start, start + SLICE)
            both = zip(tail_of[some], heads[some], strict=True)
            mask += bytes([hit[tail] or (word in head and _has(head, word)) for tail, head in both])
            yield
        for part in slices(positions):
            found += [at for at in part if mask[at]]
            yield
        return found

    def _listed(self, positions: Sequence[int], show: Show, facts: Facts) -> list[int]:
        if show is Show.ALL:
            return list(positions)
        pushable = self.pushable
        if show is Show.INSTALLED:
            return [at for at in positions if pushable[at]]
        rows, fits = self.rows, _SHOWN[show]
        return [at for at in positions if fits(rows[at], facts)]

    def put_first(self, positions: Sequence[int], first: Collection[str]) -> list[int]:
        """`positions` with those of the hashes in `first` before the others."""
        hashes = self.hashes
        return sorted(positions, key=lambda at: hashes[at] not in first)

    def ordering(self, column: Column, facts: Facts, *, descending: bool) -> Steps[list[int]]:
        """All positions sorted by `column`; equal rows by name, version and hash."""
        if len(self._name_order) != len(self):
            gone = self._gone
            there = [at for at in range(len(self.rows)) if at not in gone] if gone else range(len(self.rows))
            self._name_order = yield from sorting(there, self._name_keys, descending=False)
        if column is Column.PACKAGE:
            return self._name_order[::-1] if descending else list(self._name_order)
        keys = yield from mapped(self.rows, self._key_of(column, facts))
        return (yield from sorting(self._name_order, keys, descending=descending))

    def _key_of(self, column: Column, facts: Facts) -> Callable[[PackageRow], Any]:
        if column is Column.VERSION:
            texts = self._version_keys
            return lambda row: texts[row.version]
        key_of = _KEYS[column]
        return lambda row: key_of(row, facts)


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


def spec_text(row: PackageRow) -> str:
    """The shortest spec that names this package to a person and to Spack."""
    return f"{row.name}@{row.version}/{row.hash[:7]}"


def _has(head: str, word: str) -> bool:
    return 0 <= head.find(word) <= len(head) - _HASH_LENGTH


@lru_cache(maxsize=65536)
def _tail_text(tail: Tail) -> str:
    names = " ".join(f"%{name}" for name in compiler_text(tail.compilers).split(", ") if name)
    return f"{tail.variants} {names} {tail.platform}-{tail.os}-{tail.target}".lower()


_SHOWN: dict[Show, Callable[[PackageRow, Facts], bool]] = {
    Show.EXPLICIT: lambda row, _facts: row.explicit and checkable(row),
    Show.IMPLICIT: lambda row, _facts: not row.explicit and checkable(row),
    Show.UPSTREAM: lambda row, _facts: row.upstream,
    Show.NEW: lambda row, facts: row.hash in facts.new,
    Show.EXTERNAL: lambda row, _facts: row.state == PackageState.EXTERNAL,
    Show.DEPRECATED: lambda row, _facts: row.state == PackageState.DEPRECATED,
    Show.MISSING: lambda row, _facts: row.state == PackageState.MISSING,
}
_KEYS: dict[Column, Callable[[PackageRow, Facts], Any]] = {
    Column.CHECK: lambda row, _facts: row.name,
    Column.COMPILER: lambda row, _facts: compiler_text(row.compilers),
    Column.TARGET: lambda row, _facts: row.target,
    Column.VARIANTS: lambda row, _facts: variants_text(row.variants),
    Column.SIZE: lambda row, facts: facts.sizes.get(row.hash) or 0,
    Column.INSTALLED: lambda row, _facts: -row.installed_at,
    Column.MIRRORS: lambda row, facts: " ".join(facts.mirrors_of(row.hash)),
    Column.NOTE: lambda row, _facts: f"{row.state}{'' if row.explicit else ' '}",
    Column.EXPLICIT: lambda row, _facts: not row.explicit,
    Column.NAMESPACE: lambda row, _facts: row.namespace,
    Column.ENVIRONMENTS: lambda row, facts: " ".join(facts.environments_of(row.hash)),
    Column.PREFIX_LENGTH: lambda row, _facts: len(row.prefix),
    Column.TREE: lambda row, _facts: row.install_root,
    Column.HASH: lambda row, _facts: row.hash,
}
