# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Versions as Spack 1.1 orders them, and the constraints (`1.2:1.4,=2.0`) put on them.

Everything here is an immutable value and may be used from any thread.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, TypeAlias

# One part of a version as it is compared: kind, number or rank, text.
_Component: TypeAlias = tuple[int, int, str]
# Components, then the stage (alpha … final) with its number, then the git reference if there is one.
_Key: TypeAlias = tuple[tuple[_Component, ...], tuple[int, int], tuple[str, ...]]

_MAX_LENGTH = 1000  # far above any real version, below the limit of Python's own conversion of digits
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_GIT = re.compile(r"(?:git\.(?P<ref>[A-Za-z0-9_][A-Za-z0-9_./-]*)|(?P<commit>[A-Fa-f0-9]{40}))(?:=(?P<version>.*))?")
_COMPONENT = re.compile(r"[0-9]+|[A-Za-z]+")

_TEXT, _NUMBER, _BRANCH, _TOP, _UNKNOWN = range(5)
_BRANCHES = ("stable", "nightly", "trunk", "head", "master", "main", "develop")
_STAGES = ("alpha", "beta", "rc", "final")
_NO_NUMBER = -1
_FINAL = (_STAGES.index("final"), _NO_NUMBER)
_FLOOR: _Key = ((), (0, _NO_NUMBER), ())
_CEILING: _Key = (((_TOP, 0, ""),), _FINAL, ())


class InvalidVersion(ValueError):
    """A text is not a version or a version constraint."""


class EmptyRange(ValueError):
    """A range such as `1.4:1.2` whose end lies below its start."""


class GitReferences(Protocol):
    """Knows which version a branch, tag or commit of a package's git repository stands for."""

    def version_of(self, ref: str) -> "Version | None": ...


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """One exact version. Compares by Spack's order, so `1.2`, `1.02` and `1.2final` are equal; `str()` keeps the text.

    A git version (`git.<ref>=<version>` or `<commit>=<version>`) comes right after the version it stands for. While
    that is not known (`git.<ref>` alone), it comes after all others and lies in no range but `:`.
    """

    key: _Key = field(repr=False)
    text: str = field(compare=False)

    @classmethod
    def parse(cls, text: str, references: GitReferences | None = None) -> "Version":
        """`references` is asked about a git reference without `=<version>`. Raises `InvalidVersion`."""
        version = _parse_version(text)
        if references is None or version.is_known:
            return version
        found = references.version_of(version.git_ref)
        return version if found is None else cls(_with_reference(found, version.git_ref), text)

    def __str__(self) -> str:
        return self.text

    @property
    def git_ref(self) -> str:
        """Branch, tag or commit of a git version, empty for an ordinary one."""
        return self.key[2][0] if self.key[2] else ""

    @property
    def is_known(self) -> bool:
        """False for a git reference of which nobody said which version it is."""
        return self.key[0][0][0] != _UNKNOWN


@dataclass(frozen=True, slots=True)
class VersionRange:
    """All versions from `start` up to, but without, `stop`; `low` and `high` are the ends as written (None: open)."""

    start: _Key = field(repr=False)
    stop: _Key = field(repr=False)
    low: Version | None = field(compare=False)
    high: Version | None = field(compare=False)

    @classmethod
    def between(cls, low: Version | None, high: Version | None) -> "VersionRange":
        """Raises `EmptyRange` for ends in the wrong order and `InvalidVersion` for a git version as an end."""
        for end in (low, high):
            if end is not None and end.git_ref:
                raise InvalidVersion(f"a range cannot start or end at the git version {end}")
        start = low.key if low is not None else _FLOOR
        stop = _key_after(high) if high is not None else _CEILING
        if start > stop:
            raise EmptyRange(f"the range {low}:{high} ends before it starts")
        return cls(start, stop, low, high)

    def __str__(self) -> str:
        if self.low is not None and self.low == self.high:
            return str(self.low)
        return f"{self.low or ''}:{self.high or ''}"

    def contains(self, version: Version) -> bool:
        if not version.is_known:
            return self.start == _FLOOR and self.stop == _CEILING
        return self.start <= version.key < self.stop

    def within(self, other: "VersionRange") -> bool:
        return other.start <= self.start and self.stop <= other.stop

    def overlaps(self, other: "VersionRange") -> bool:
        return self.start < other.stop and other.start < self.stop

    def common(self, other: "VersionRange") -> "VersionRange | None":
        later = max(self, other, key=lambda one: one.start)
        earlier = min(self, other, key=lambda one: one.stop)
        if later.start >= earlier.stop:
            return None
        return VersionRange(later.start, earlier.stop, later.low, earlier.high)


_Member: TypeAlias = Version | VersionRange


@dataclass(frozen=True, slots=True)
class VersionList:
    """A union of exact versions and ranges, sorted, with overlapping and touching ranges merged.

    `str()` gives the normalised text. An intersection may be empty; its text is empty too.
    """

    members: tuple[_Member, ...]

    @classmethod
    def parse(cls, text: str, references: GitReferences | None = None) -> "VersionList":
        """Raises `InvalidVersion` or `EmptyRange`."""
        return cls(_normalised(_parse_member(part.strip(), references) for part in text.split(",")))

    def __str__(self) -> str:
        return ",".join(_member_text(member) for member in self.members)

    def contains(self, version: Version) -> bool:
        """Whether the exact `version` lies in any member."""
        return any(_member_within(version, member) for member in self.members)

    def satisfies(self, other: "VersionList") -> bool:
        """Whether every member lies within some member of `other`."""
        return all(any(_member_within(mine, theirs) for theirs in other.members) for mine in self.members)

    def intersects(self, other: "VersionList") -> bool:
        """Whether some member overlaps a member of `other`; ranges without any version (`1.3:1.2`) may overlap too."""
        return any(_members_overlap(mine, theirs) for mine in self.members for theirs in other.members)

    def intersection(self, other: "VersionList") -> "VersionList":
        common = (_members_common(mine, theirs) for mine in self.members for theirs in other.members)
        return VersionList(_normalised(member for member in common if member is not None))


def version_key(text: str) -> tuple[int, _Key, str]:
    """A key to sort version texts by; never raises. Texts that are no version come first."""
    try:
        return (1, Version.parse(text).key, text)
    except InvalidVersion:
        return (0, _FLOOR, text)


@lru_cache(maxsize=131072)
def _parse_version(text: str) -> Version:
    if len(text) > _MAX_LENGTH:
        raise InvalidVersion(f"a version of {len(text)} characters is too long")
    git = _GIT.fullmatch(text)
    if git is None:
        return Version(_plain_key(text), text)
    reference = git["ref"] or git["commit"]
    if git["version"] is None:
        return Version((((_UNKNOWN, 0, reference),), _FINAL, (reference,)), text)
    return Version(_with_reference(Version(_plain_key(git["version"]), ""), reference), text)


def _with_reference(version: Version, reference: str) -> _Key:
    return (version.key[0], version.key[1], (reference,))


def _plain_key(text: str) -> _Key:
    parts = _COMPONENT.findall(text)
    if not parts or _PLAIN.fullmatch(text) is None:
        raise InvalidVersion(f"{text!r} is not a version")
    stage = _FINAL
    if len(parts) > 1 and parts[-1] in _STAGES:
        stage = (_STAGES.index(parts.pop()), _NO_NUMBER)
    elif len(parts) > 2 and parts[-1].isdigit() and parts[-2] in _STAGES:
        number = int(parts.pop())
        stage = (_STAGES.index(parts.pop()), number)
    return (tuple(map(_component, parts)), stage, ())


@lru_cache(maxsize=4096)
def _component(part: str) -> _Component:
    if part.isdigit():
        return (_NUMBER, int(part), "")
    if part in _BRANCHES:
        return (_BRANCH, _BRANCHES.index(part), "")
    return (_TEXT, 0, part)


def _key_after(version: Version) -> _Key:
    """The end of the versions that `version` as an upper bound still includes: 1.3 for 1.2, which has 1.2.9 in it."""
    components, (stage, number), _ = version.key
    if stage != _FINAL[0]:
        return (components, (stage, number + 1), ())
    kind, value, text = components[-1]
    following = (_TEXT, 0, _text_after(text)) if kind == _TEXT else (kind, value + 1, "")
    return ((*components[:-1], following), _FINAL, ())


def _text_after(text: str) -> str:
    following = text + "A" if text.endswith("z") else text[:-1] + chr(ord(text[-1]) + 1)
    return _text_after(following) if following in _BRANCHES else following


def _parse_member(text: str, references: GitReferences | None) -> _Member:
    if text.startswith("="):
        return Version.parse(text[1:], references)
    if ":" in text:
        low, _, high = text.partition(":")
        return VersionRange.between(Version.parse(low) if low else None, Version.parse(high) if high else None)
    version = Version.parse(text, references)
    return version if version.git_ref else VersionRange.between(version, version)


def _member_text(member: _Member) -> str:
    return f"={member}" if isinstance(member, Version) and not member.git_ref else str(member)


def _member_within(mine: _Member, theirs: _Member) -> bool:
    if isinstance(mine, Version):
        return _same_version(mine, theirs) if isinstance(theirs, Version) else theirs.contains(mine)
    return isinstance(theirs, VersionRange) and mine.within(theirs)


def _members_overlap(mine: _Member, theirs: _Member) -> bool:
    if isinstance(mine, VersionRange) and isinstance(theirs, VersionRange):
        return mine.overlaps(theirs)
    return _member_within(mine, theirs) or _member_within(theirs, mine)


def _members_common(mine: _Member, theirs: _Member) -> _Member | None:
    if isinstance(mine, VersionRange) and isinstance(theirs, VersionRange):
        return mine.common(theirs)
    exact, other = (mine, theirs) if isinstance(mine, Version) else (theirs, mine)
    return exact if _member_within(exact, other) else None


def _same_version(mine: Version, theirs: Version) -> bool:
    if mine.is_known and theirs.is_known:
        return mine.key == theirs.key
    return mine.git_ref == theirs.git_ref


def _normalised(members: Iterable[_Member]) -> tuple[_Member, ...]:
    ranges: list[VersionRange] = []
    exact: set[Version] = set()
    for member in sorted(members, key=_start_of):
        if isinstance(member, Version):
            exact.add(member)
        elif ranges and member.start <= ranges[-1].stop:
            last = max(ranges[-1], member, key=lambda one: one.stop)
            ranges[-1] = VersionRange(ranges[-1].start, last.stop, ranges[-1].low, last.high)
        else:
            ranges.append(member)
    alone = [version for version in exact if not any(one.contains(version) for one in ranges)]
    return tuple(sorted([*ranges, *alone], key=_start_of))


def _start_of(member: _Member) -> _Key:
    return member.key if isinstance(member, Version) else member.start
