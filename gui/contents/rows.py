# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a mirror holds, in groups that are narrowed, sorted and summed up; fast for 100,000 entries. No Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Any, NamedTuple

from core.caches.browsing import EntryKind
from core.foundation.text import visible
from core.services.values import ContentsRow
from core.spack.versions import version_key
from gui.contents import words


class Column(IntEnum):
    NAME = 0
    HASH = 1
    TARGET = 2
    SIZE = 3
    PUSHED = 4
    SIGNED = 5
    INSTALLED = 6


class Section(IntEnum):
    """Packages have a group for each name, everything else one for all. In the order they are listed."""

    PACKAGES = 0
    IMAGES = 1
    INDEX = 2
    UNTAGGED = 3


_SECTION_OF = {
    EntryKind.PACKAGE: Section.PACKAGES,
    EntryKind.IMAGE: Section.IMAGES,
    EntryKind.INDEX: Section.INDEX,
    EntryKind.KEY: Section.INDEX,
    EntryKind.UNTAGGED: Section.UNTAGGED,
}
GroupKey = tuple[Section, str]


class Sums(NamedTuple):
    """Of the entries of a group that are shown: bytes, newest time, how many are installed here."""

    stored_bytes: int | None
    newest: float | None
    installed: int


class Group:
    """Entries of one name. `shown` are the keys of those the filter lets through, in no order; `sums` is for whoever
    adds them up, None again whenever an entry has changed."""

    __slots__ = ("key", "keys", "shown", "sums", "title")

    def __init__(self, key: GroupKey) -> None:
        self.key = key
        self.keys: dict[str, None] = {}
        self.shown: Collection[str] = self.keys
        self.sums: Sums | None = None
        section, name = key
        self.title = words.SECTIONS[section] if section else visible(name) or words.UNREADABLE_NAMES


class Contents:
    """Rows by key, in groups. Where entries came or went, `narrow` before asking for groups again."""

    def __init__(self) -> None:
        self.rows: dict[str, ContentsRow] = {}
        self.groups: dict[GroupKey, Group] = {}
        self.packages = 0
        self.stored_bytes = 0
        self._old: set[str] = set()  # hashes of packages in the layout of Spack before 1.0
        self._blobs: Counter[str] = Counter()  # how many entries have each
        self._sizes: dict[str, int] = {}  # of blobs that are counted
        self._haystacks: dict[str, str] = {}
        self._version_keys: dict[str, Any] = {}

    def apply(self, rows: Iterable[ContentsRow]) -> bool:
        """Add rows or replace those with the same key; True if any is new or belongs to another group now."""
        moved = False
        for row in rows:
            key, before, place = row.key, self.rows.get(row.key), _group_of(row)
            if before is not None:
                self._uncount(before)
            group = self.groups.get(place)
            if before is None or group is None or key not in group.keys:
                moved = True
                if before is not None:
                    self._take_out(before)
                if group is None:
                    group = self.groups[place] = Group(place)
                group.keys[key] = None
                self.packages += row.kind is EntryKind.PACKAGE
                if words.is_old(row):
                    self._old.add(row.hash)
            group.sums = None
            self.rows[key] = row
            self._haystacks[key] = f"{row.name}@{row.version} {key} {row.target} /{row.hash}".lower()
            self._count(row)
        return moved

    def retain(self, keys: Collection[str]) -> bool:
        """Forget everything else; True if there was anything."""
        gone = [row for key, row in self.rows.items() if key not in keys]
        for row in gone:
            self._take_out(row)
            self._uncount(row)
            del self.rows[row.key], self._haystacks[row.key]
        return bool(gone)

    def narrow(self, wanted: Sequence[str], only: Collection[str] | None = None) -> None:
        """Show only entries that have all of the words `wanted` (lower case), of packages with the hashes `only`."""
        haystacks, rows = self._haystacks, self.rows
        for group in self.groups.values():
            found: Collection[str] = group.keys
            if only is not None:
                found = [key for key in found if rows[key].hash in only]
            for word in wanted:
                found = [key for key in found if word in haystacks[key]]
            if len(found) != len(group.shown) or wanted or only is not None:
                group.sums = None
            group.shown = found

    def order(self, column: Column, *, descending: bool) -> list[Group]:
        """Groups that show anything, by section, then by `column` where that makes sense of a group, else by name."""
        by_name = descending and column not in _GROUP_KEYS
        names = sorted(self.groups, key=itemgetter(1), reverse=by_name)
        ordered = [group for name in names if (group := self.groups[name]).shown]
        if column in _GROUP_KEYS:
            value = _GROUP_KEYS[column]
            ordered.sort(key=lambda group: value(self.sums(group)), reverse=descending)
        ordered.sort(key=lambda group: group.key[0])
        return ordered

    def entries(self, group: Group, column: Column, *, descending: bool) -> list[str]:
        """The keys of `group` that are shown; by version, the newest first, unless `column` says otherwise."""
        keys = sorted(group.shown, key=self._by_version, reverse=group.key[0] is Section.PACKAGES)
        if column is Column.NAME:
            return keys[::-1] if descending else keys
        value = _ENTRY_KEYS[column]
        keys.sort(key=lambda key: value(self.rows[key]), reverse=descending)
        return keys

    def size_of(self, keys: Iterable[str]) -> int | None:
        """Stored bytes of entries, those of the same blob once; None if none is known."""
        sizes: dict[str, int] = {}
        for key in keys:
            row = self.rows[key]
            if row.stored_bytes is not None:
                sizes[row.blob_digest or key] = row.stored_bytes
        return sum(sizes.values()) if sizes else None

    @property
    def has_old_layout(self) -> bool:
        return bool(self._old)

    def count_old_layout(self) -> int:
        """How many packages are in the layout of Spack before 1.0 only."""
        if not self._old:
            return 0
        return len(self._old - {row.hash for row in self.rows.values() if not words.is_old(row)})

    def sharing(self, row: ContentsRow) -> int:
        """How many other entries have the same archive."""
        return self._blobs[row.blob_digest] - 1 if row.blob_digest and row.kind is EntryKind.PACKAGE else 0

    def sums(self, group: Group) -> Sums:
        if group.sums is None:
            rows = [self.rows[key] for key in group.shown]
            newest = max((row.modified for row in rows if row.modified), default=None)
            group.sums = Sums(self.size_of(group.shown), newest, sum(row.installed for row in rows))
        return group.sums

    def _by_version(self, key: str) -> Any:
        row = self.rows[key]
        if row.version not in self._version_keys:
            self._version_keys[row.version] = version_key(row.version)
        return self._version_keys[row.version], row.target, key

    def _take_out(self, row: ContentsRow) -> None:
        group = self.groups[_group_of(row)]
        del group.keys[row.key]
        if not group.keys:
            del self.groups[group.key]
        self.packages -= row.kind is EntryKind.PACKAGE
        if words.is_old(row):
            self._old.discard(row.hash)

    def _count(self, row: ContentsRow) -> None:
        """Layers of images belong to packages mostly: only what has a blob of its own is counted."""
        digest = row.blob_digest
        if not digest:
            return
        self._blobs[digest] += 1
        if row.stored_bytes is not None and digest not in self._sizes:
            self._sizes[digest] = row.stored_bytes
            self.stored_bytes += row.stored_bytes

    def _uncount(self, row: ContentsRow) -> None:
        digest = row.blob_digest
        if not digest:
            return
        self._blobs[digest] -= 1
        if not self._blobs[digest]:
            del self._blobs[digest]
            self.stored_bytes -= self._sizes.pop(digest, 0)


def _group_of(row: ContentsRow) -> GroupKey:
    section = _SECTION_OF[row.kind]
    return section, "" if section else row.name


_GROUP_KEYS: dict[Column, Callable[[Sums], Any]] = {
    Column.SIZE: lambda sums: sums.stored_bytes or 0,
    Column.PUSHED: lambda sums: sums.newest or 0.0,
    Column.INSTALLED: lambda sums: sums.installed,
}
_ENTRY_KEYS: dict[Column, Callable[[ContentsRow], Any]] = {
    Column.HASH: lambda row: row.hash,
    Column.TARGET: lambda row: row.target,
    Column.SIZE: lambda row: row.stored_bytes or 0,
    Column.PUSHED: lambda row: row.modified or 0.0,
    Column.SIGNED: lambda row: row.signed is True,
    Column.INSTALLED: lambda row: row.installed,
}
