# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Processors in queries: `zen3`, `x86_64_v2:x86_64_v4`, `:zen3`, `zen2,aarch64` or `*` for any.

Which processor runs whose code is archspec's knowledge. Pure functions, callable from any thread.
"""

from __future__ import annotations

import re
from functools import lru_cache

ANY_TARGET = "*"


@lru_cache(maxsize=16384)
def target_matches(constraint: str, target: str) -> bool:
    """Whether the processor `target` is one of `constraint`."""
    return any(_target_within(one.strip(), target) for one in constraint.split(","))


def target_satisfies(constraint: str, other: str) -> bool:
    """Whether there are processors in `constraint`, and all of them are in `other`."""
    mine = _members(constraint, other)
    return bool(mine) and mine <= _members(other, constraint)


def target_intersects(constraint: str, other: str) -> bool:
    """Whether some processor is in both."""
    return not _members(constraint, other).isdisjoint(_members(other, constraint))


def common_targets(constraint: str, other: str) -> str:
    """A constraint with the processors that are in both of two that intersect; an empty one has them all."""
    if not other or target_satisfies(constraint or ANY_TARGET, other):
        return constraint
    if target_satisfies(other, constraint or ANY_TARGET):
        return other
    return ",".join(sorted(_members(constraint, other) & _members(other, constraint)))


@lru_cache(maxsize=1024)
def _members(constraint: str, other: str) -> frozenset[str]:
    """The processors in `constraint` among all that archspec knows, those the two texts name, and one unheard of."""
    from archspec.cpu import TARGETS

    named = re.split(r"[,:\s]+", f"{constraint},{other}")
    everything = {"an unheard of processor", *TARGETS, *named} - {"", ANY_TARGET}
    return frozenset(target for target in everything if target_matches(constraint, target))


def _target_within(constraint: str, target: str) -> bool:
    if ":" not in constraint:
        return constraint in (ANY_TARGET, target)
    low, _, high = constraint.partition(":")
    return (not low or _runs_on(low, target)) and (not high or _runs_on(target, high))


def _runs_on(code: str, processor: str) -> bool:
    """Whether a `processor` has all that code built for `code` needs."""
    from archspec.cpu import TARGETS

    if code == processor:
        return True
    return code in TARGETS and processor in TARGETS and bool(TARGETS[code] <= TARGETS[processor])
