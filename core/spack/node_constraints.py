# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a query asks of one package, and whether a record has it (Spack 1.1, seen in the answers of its `find`).

Immutable values, usable from any thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from core.spack.query_tokens import quoted
from core.spack.specs import PackageRecord, ParameterValue
from core.spack.versions import InvalidVersion, Version, VersionList

ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class VariantConstraint:
    """`+name`, `~name` (a bool as value), `name=a,b` (sorted values), or with `exact` `name:=a,b`."""

    name: str
    value: bool | tuple[str, ...]
    exact: bool = False

    def __str__(self) -> str:
        if isinstance(self.value, bool):
            return f"{'+' if self.value else '~'}{self.name}"
        return f"{self.name}{':=' if self.exact else '='}{quoted(','.join(self.value))}"

    def matches(self, actual: ParameterValue | None) -> bool:
        """`actual` is the variant's value in a record, None where the record has no such variant."""
        if actual is None:
            return False
        if self.value == (ANYTHING,):
            return True
        if isinstance(self.value, bool) or isinstance(actual, bool):
            return actual is self.value
        values = {actual} if isinstance(actual, str) else set(actual)
        if self.exact:
            return values == set(self.value)
        if self.name == "patches":
            return all(any(one.startswith(wanted) for one in values) for wanted in self.value)
        return values.issuperset(self.value)


@dataclass(frozen=True, slots=True)
class NodeConstraint:
    """All parts must hold; an empty part asks for nothing. `variants` and `flags` are sorted by name."""

    name: str = ""
    namespace: str = ""
    versions: VersionList | None = None
    variants: tuple[VariantConstraint, ...] = ()
    flags: tuple[tuple[str, tuple[str, ...]], ...] = ()
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
        words += [f"{key}={quoted(' '.join(values))}" for key, values in self.flags]
        for key in ("namespace", "platform", "os", "target"):
            value = getattr(self, key)
            if value:
                words.append(f"{key}={quoted(value)}")
        if self.hash_prefix:
            words.append(f"/{self.hash_prefix}")
        return " ".join(word for word in words if word)

    def matches(self, record: PackageRecord) -> bool:
        """Whether `record` has everything asked for, installed or not. Cheap and selective parts come first."""
        if self.hash_prefix and not record.hash.startswith(self.hash_prefix):
            return False
        node = record.node
        if self.name not in ("", ANYTHING, node.name):
            return False
        if self.versions is not None and not _version_within(node.version, self.versions):
            return False
        if self.namespace and node.namespace != self.namespace:
            return False
        if self.platform not in ("", ANYTHING, node.platform) or self.os not in ("", ANYTHING, node.os):
            return False
        if self.target and not target_matches(self.target, node.target):
            return False
        parameters = node.parameters
        if not all(one.matches(parameters.get(one.name)) for one in self.variants):
            return False
        return all(_has_flags(parameters.get(key), wanted) for key, wanted in self.flags)


@lru_cache(maxsize=4096)
def target_matches(constraint: str, target: str) -> bool:
    """Whether the processor `target` is one of `constraint`: `zen3`, `x86_64_v2:x86_64_v4`, `:zen3`, `a,b` or `*`."""
    return any(_target_within(one.strip(), target) for one in constraint.split(","))


def _target_within(constraint: str, target: str) -> bool:
    if ":" not in constraint:
        return constraint in (ANYTHING, target)
    low, _, high = constraint.partition(":")
    return (not low or _runs_on(low, target)) and (not high or _runs_on(target, high))


def _runs_on(code: str, processor: str) -> bool:
    """Whether a `processor` has all that code built for `code` needs."""
    from archspec.cpu import TARGETS

    if code == processor:
        return True
    return code in TARGETS and processor in TARGETS and bool(TARGETS[code] <= TARGETS[processor])


def _version_within(text: str, versions: VersionList) -> bool:
    try:
        return versions.contains(Version.parse(text))
    except InvalidVersion:
        return False


def _has_flags(actual: ParameterValue | None, wanted: tuple[str, ...]) -> bool:
    return not isinstance(actual, bool | str | None) and set(actual).issuperset(wanted)
