# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a mirror holds, in groups that are narrowed, sorted and summed up; fast for 100,000 entries. No Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from enum import IntEnum
from typing import Any, NamedTuple

from core.caches.browsing import EntryKind
from core.foundation.text import visible
from core.services.values import ContentsRow
from core.spack.versions import version_key
from gui.contents import words
from gui.packages.rows import sort_text
from gui.packages.slices import SLICE, Steps, finish, slices, sorting


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
_SUMMED_AT_ONCE = 2_000
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
    """Rows by key, in groups. Where entries came or went, `narrowing` comes before asking for groups again.

    What takes long is made of steps, between which rows may come; none may go.
    """

    def __init__(self) -> None:
        self.rows: dict[str, ContentsRow] = {}
        self.groups: dict[GroupKey, Group] = {}
        self.packages = 0
        self.stored_bytes = 0
        self._old: set[str] = set()  # hashes of packages in the layout of Spack before 1.0
        self._blobs: Counter[str] = Counter()  # how many entries have each
        self._sizes: dict[str, int] = {}  # of blobs that are counted
        self._haystacks: dict[str, str] = {}
        self._version_keys: dict[str, str] = {}
        self._places: dict[str, str] = {}  # texts that sort entries by version and target

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
            self._places[key] = f"{self._version_key(row.version)}{row.target}\0{key}"
            self._count(row)
        return moved

    def retain(self, keys: Set[str]) -> bool:
        """Forget everything else; True if there was anything."""
        if self.rows.keys() <= keys:  # far quicker than looking at every row
            return False
        gone = [row for key, row in self.rows.items() if key not in keys]
        for row in gone:
            self._take_out(row)
            self._uncount(row)
            del self.rows[row.key], self._haystacks[row.key], self._places[row.key]
        for group in self.groups.values():
            if group.shown is not group.keys:
                group.shown = [key for key in group.shown if key in self.rows]
        return True

    def discarding(self) -> Steps[None]:
        """Let go of everything bit by bit: at once it would take a noticeable time."""
        self.groups.clear()
        for texts in (self.rows, self._haystacks, self._places, self._blobs, self._sizes):
            while texts:
                for _ in range(min(SLICE, len(texts))):
                    texts.popitem()
                yield

    def narrowing(self, wanted: Sequence[str], only: Collection[str] | None = None) -> Steps[None]:
        """Show only entries that have all of the words `wanted` (lower case), of packages with the hashes `only`."""
        all_wanted = not wanted and only is None
        narrowed: list[tuple[Group, Collection[str]]] = []
        for group in list(self.groups.values()):
            if all_wanted:
                narrowed.append((group, group.keys))
                continue
            found: list[str] = []
            for part in slices(list(group.keys)):
                found += self._matching(part, wanted, only)
                yield
            narrowed.append((group, found))
        for group, shown in narrowed:
            if len(shown) != len(group.shown) or not all_wanted:
                group.sums = None
            group.shown = shown

    def _matching(self, keys: Sequence[str], wanted: Sequence[str], only: Collection[str] | None) -> Sequence[str]:
        """Those of `keys` that `narrowing` shows."""
        haystacks, rows = self._haystacks, self.rows
        if only is not None:
            keys = [key for key in keys if rows[key].hash in only]
        for word in wanted:
            keys = [key for key in keys if word in haystacks[key]]
        return keys

    def ordering(self, column: Column, *, descending: bool) -> Steps[list[Group]]:
        """Groups that show anything, by section, then by `column` where that makes sense of a group, else by name."""
        by_name = descending and column not in _GROUP_KEYS
        shown = [group for group in self.groups.values() if group.shown]
        yield
        ordered = sorted(shown, key=lambda group: group.key[1], reverse=by_name)
        yield
        if column in _GROUP_KEYS:
            yield from self._summing(ordered)
            value = _GROUP_KEYS[column]
            ordered.sort(key=lambda group: value(self.sums(group)), reverse=descending)
        ordered.sort(key=lambda group: group.key[0])
        yield
        return ordered

    def _summing(self, groups: Sequence[Group]) -> Steps[None]:
        """Add up what is not added up yet."""
        looked_at = 0
        for group in groups:
            looked_at += 0 if group.sums is not None else len(group.shown)
            self.sums(group)
            if looked_at >= _SUMMED_AT_ONCE:
                looked_at = 0
                yield

    def entries(self, group: Group, column: Column, *, descending: bool) -> Steps[list[str]]:
        """The keys of `group` that are shown; by version, the newest first, unless `column` says otherwise."""
        places, rows = self._places, self.rows
        newest_first = group.key[0] is Section.PACKAGES
        keys = yield from sorting(list(group.shown), places, descending=newest_first)
        if column is Column.NAME:
            return keys[::-1] if descending else keys
        value = _ENTRY_KEYS[column]
        values: dict[str, Any] = {}
        for part in slices(keys):
            values.update((key, value(rows[key])) for key in part)
            yield
        return (yield from sorting(keys, values, descending=descending))

    def size_of(self, keys: Iterable[str]) -> int | None:
        """Stored bytes of entries, those of the same blob once; None if none is known."""
        return finish(self.sizing(list(keys)))

    def sizing(self, keys: Sequence[str]) -> Steps[int | None]:
        """As `size_of`, in steps."""
        sizes: dict[str, int] = {}
        for part in slices(keys):
            rows = [self.rows[key] for key in part if key in self.rows]
            sizes.update((row.blob_digest or row.key, row.stored_bytes) for row in rows if row.stored_bytes is not None)
            yield
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

    def _version_key(self, version: str) -> str:
        if version not in self._version_keys:
            self._version_keys[version] = sort_text(version_key(version))
        return self._version_keys[version]

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
