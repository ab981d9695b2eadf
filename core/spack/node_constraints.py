# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a query asks of one package, and whether a record has it (Spack 1.1, seen in the answers of its `find`).

`satisfies` means that whatever matches the one matches the other, `intersects` that something could match both.
Immutable values, usable from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from core.spack.query_tokens import quoted
from core.spack.specs import PackageRecord, ParameterValue
from core.spack.target_ranges import ANY_TARGET, common_targets, target_intersects, target_matches, target_satisfies
from core.spack.versions import InvalidVersion, Version, VersionList

ANYTHING = "*"

_ANY_VERSION = VersionList.parse(":")
_PATCHES = "patches"

Test: TypeAlias = Callable[[PackageRecord], bool]


@dataclass(frozen=True, slots=True)
class VariantConstraint:
    """`+name`, `~name` (a bool as value), `name=a,b` (sorted values), or with `exact` `name:=a,b`.

    With `propagated` (`++name`, `name==a,b`) all packages of the DAG that have the variant must match.
    """

    name: str
    value: bool | tuple[str, ...]
    exact: bool = False
    propagated: bool = False

    def __str__(self) -> str:
        if isinstance(self.value, bool):
            return ("+" if self.value else "~") * (2 if self.propagated else 1) + self.name
        operator = (":" if self.exact else "") + ("==" if self.propagated else "=")
        return f"{self.name}{operator}{quoted(','.join(self.value))}"

    def matches(self, actual: ParameterValue | None) -> bool:
        """`actual` is the variant's value in a record, None where the record has no such variant."""
        if actual is None:
            return False
        if self.value == (ANYTHING,):
            return True
        if isinstance(self.value, bool) or isinstance(actual, bool):
            return actual is self.value
        values = {actual} if isinstance(actual, str) else set(actual)
        return values == set(self.value) if self.exact else self._are_among(self.value, values)

    def satisfies(self, other: VariantConstraint) -> bool:
        """Of constraints on the same variant."""
        if self.propagated != other.propagated:
            return False
        if other.value == (ANYTHING,) or self == other:
            return True
        if isinstance(self.value, bool) or isinstance(other.value, bool) or self.value == (ANYTHING,):
            return False
        if other.exact:
            return self.exact and self.value == other.value
        return self._are_among(other.value, set(self.value))

    def intersects(self, other: VariantConstraint) -> bool:
        """Of constraints on the same variant."""
        if self.propagated and other.propagated:
            return True  # a DAG in which no package has the variant
        if (ANYTHING,) in (self.value, other.value):
            return True
        if isinstance(self.value, bool) or isinstance(other.value, bool):
            return self.value is other.value
        if self.exact and other.exact:
            return self.value == other.value
        if self.exact:
            return self._are_among(other.value, set(self.value))
        return not other.exact or self._are_among(self.value, set(other.value))

    def merged(self, other: VariantConstraint) -> VariantConstraint:
        """What asks for both of two that intersect."""
        values = {one for value in (self.value, other.value) if not isinstance(value, bool) for one in value}
        both = tuple(sorted(values - {ANYTHING})) or (ANYTHING,)
        value = next((one.value for one in (self, other) if isinstance(one.value, bool)), both)
        propagated = self.propagated and other.propagated
        return VariantConstraint(self.name, value, self.exact or other.exact, propagated)

    def _are_among(self, wanted: tuple[str, ...], values: set[str]) -> bool:
        if self.name == _PATCHES:  # checksums may be cut short
            return all(any(value.startswith(one) for value in values) for one in wanted)
        return values.issuperset(wanted)


@dataclass(frozen=True, slots=True)
class FlagConstraint:
    """`cflags="-O2 -g"`: each of `values` must be there, in any order. `propagated` (`==`) makes no difference."""

    name: str
    values: tuple[str, ...]
    propagated: bool = False

    def __str__(self) -> str:
        return f"{self.name}{'==' if self.propagated else '='}{quoted(' '.join(self.values))}"

    def matches(self, actual: ParameterValue | None) -> bool:
        return not isinstance(actual, bool | str | None) and set(actual).issuperset(self.values)


@dataclass(frozen=True, slots=True)
class NodeConstraint:
    """All parts must hold; an empty part asks for nothing. `variants` and `flags` are sorted by name."""

    name: str = ""
    namespace: str = ""
    versions: VersionList | None = None
    variants: tuple[VariantConstraint, ...] = ()
    flags: tuple[FlagConstraint, ...] = ()
    platform: str = ""
    os: str = ""
    target: str = ""
    hash_prefix: str = ""

    def __str__(self) -> str:
        """Query text of the same meaning."""
        head = self.name + (f"@{self.versions}" if self.versions is not None else "")
        switches = [str(one) for one in self.variants if isinstance(one.value, bool)]
        words = [head + "".join(switches)]
        words += [str(one) for one in self.variants if not isinstance(one.value, bool)]
        words += [str(one) for one in self.flags]
        for key in ("namespace", "platform", "os", "target"):
            value = getattr(self, key)
            if value:
                words.append(f"{key}={quoted(value)}")
        if self.hash_prefix:
            words.append(f"/{self.hash_prefix}")
        return " ".join(word for word in words if word)

    @property
    def is_named(self) -> bool:
        return self.name not in ("", ANYTHING)

    @property
    def propagated(self) -> tuple[VariantConstraint, ...]:
        """What is asked of all packages of a DAG; `matches` leaves that to who knows the DAG."""
        return tuple(variant for variant in self.variants if variant.propagated)

    def matches(self, record: PackageRecord) -> bool:
        """Whether `record` itself has everything asked for, installed or not."""
        return all(test(record) for test in self.tests())

    def tests(self, *, name: bool = True) -> list[Test]:
        """What `matches` asks, for many records: cheap and selective questions first, nothing for empty parts.

        Without `name` neither name nor versions: a package that stands for the virtual one of that name has others.
        """
        return list(self._tests(name))

    def _tests(self, name: bool) -> Iterator[Test]:
        if self.hash_prefix:
            yield lambda record: record.hash.startswith(self.hash_prefix)
        if name and self.is_named:
            yield lambda record: record.node.name == self.name
        if name and self.versions is not None:
            versions = self.versions
            yield lambda record: version_within(record.node.version, versions)
        if self.namespace:
            yield lambda record: record.node.namespace == self.namespace
        if self.platform not in ("", ANYTHING):
            yield lambda record: record.node.platform == self.platform
        if self.os not in ("", ANYTHING):
            yield lambda record: record.node.os == self.os
        if self.target not in ("", ANY_TARGET):
            yield lambda record: target_matches(self.target, record.node.target)
        for variant in self.variants:
            if not variant.propagated:
                yield _parameter_test(variant)
        yield from map(_parameter_test, self.flags)

    def satisfies(self, other: NodeConstraint) -> bool:
        mine = {variant.name: variant for variant in self.variants}
        flags = {(flag.name, value) for flag in self.flags for value in flag.values}
        return (
            self.hash_prefix.startswith(other.hash_prefix)
            and (not other.is_named or self.name == other.name)
            and other.namespace in ("", self.namespace)
            and (other.versions is None or (self.versions or _ANY_VERSION).satisfies(other.versions))
            and other.platform in ("", ANYTHING, self.platform)
            and other.os in ("", ANYTHING, self.os)
            and target_satisfies(self.target or ANY_TARGET, other.target or ANY_TARGET)
            and all(one.name in mine and mine[one.name].satisfies(one) for one in other.variants)
            and flags.issuperset((flag.name, value) for flag in other.flags for value in flag.values)
        )

    def intersects(self, other: NodeConstraint) -> bool:
        """Names of virtual packages are names like any other here."""
        theirs = {variant.name: variant for variant in other.variants}
        return (
            (self.hash_prefix.startswith(other.hash_prefix) or other.hash_prefix.startswith(self.hash_prefix))
            and (not self.is_named or not other.is_named or self.name == other.name)
            and _may_be_equal(self.namespace, other.namespace)
            and (self.versions or _ANY_VERSION).intersects(other.versions or _ANY_VERSION)
            and _may_be_equal(self.platform, other.platform)
            and _may_be_equal(self.os, other.os)
            and target_intersects(self.target or ANY_TARGET, other.target or ANY_TARGET)
            and all(one.name not in theirs or one.intersects(theirs[one.name]) for one in self.variants)
        )

    def merged(self, other: NodeConstraint) -> NodeConstraint | None:
        """What asks for both; None when nothing could match both."""
        if not self.intersects(other):
            return None
        variants = {one.name: one for one in self.variants}
        for one in other.variants:
            variants[one.name] = variants[one.name].merged(one) if one.name in variants else one
        flags = {(one.name, one.propagated): one.values for one in self.flags}
        for flag in other.flags:
            known = flags.get((flag.name, flag.propagated), ())
            flags[flag.name, flag.propagated] = tuple(dict.fromkeys((*known, *flag.values)))
        versions = self.versions or other.versions
        if self.versions is not None and other.versions is not None:
            versions = self.versions.intersection(other.versions)
        return NodeConstraint(
            name=self.name if self.is_named else other.name or self.name,
            namespace=self.namespace or other.namespace,
            versions=versions,
            variants=tuple(variants[name] for name in sorted(variants)),
            flags=tuple(FlagConstraint(name, flags[name, kind], kind) for name, kind in sorted(flags)),
            platform=_narrower(self.platform, other.platform),
            os=_narrower(self.os, other.os),
            target=common_targets(self.target, other.target),
            hash_prefix=max(self.hash_prefix, other.hash_prefix, key=len),
        )


def version_within(text: str, versions: VersionList) -> bool:
    """Whether the version of a record is one of `versions`; texts that are no version never are."""
    try:
        return versions.contains(Version.parse(text))
    except InvalidVersion:
        return False


def _parameter_test(asked: VariantConstraint | FlagConstraint) -> Test:
    return lambda record: asked.matches(record.node.parameters.get(asked.name))


def _narrower(one: str, other: str) -> str:
    return other if one in ("", ANYTHING) and other else one


def _may_be_equal(one: str, other: str) -> bool:
    return one in ("", ANYTHING, other) or other in ("", ANYTHING)
