# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Long work on many rows as steps of a few milliseconds, so that the window stays alive in between. No Qt."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
K_contra = TypeVar("K_contra", contravariant=True)
Steps = Generator[None, None, T]
SLICE = 5_000
_CALLS = 2_500


class Keys(Protocol[K_contra]):
    """What positions, or whatever else stands for rows, are sorted by."""

    def __getitem__(self, position: K_contra, /) -> Any: ...


def finish(steps: Steps[T]) -> T:
    """Do all steps now; returns their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def slices(positions: Sequence[T]) -> Iterator[Sequence[T]]:
    return (positions[start : start + SLICE] for start in range(0, len(positions), SLICE))


def mapped(values: Sequence[Any], function: Callable[[Any], T]) -> Steps[list[T]]:
    """`function` of every value."""
    result: list[T] = []
    for start in range(0, len(values), _CALLS):
        result += [function(value) for value in values[start : start + _CALLS]]
        yield
    return result


def sorting(positions: Sequence[T], keys: Keys[T], *, descending: bool) -> Steps[list[T]]:
    """`positions` sorted by their `keys`, equal ones in the order they came.

    Slices are sorted one by one, then merged pair by pair. Descending is ascending read backwards.
    """
    runs: list[list[T]] = []
    for part in slices(positions[::-1] if descending else positions):
        runs.append(sorted(part, key=keys.__getitem__))
        yield
    while len(runs) > 1:
        merged = []
        for first in range(0, len(runs), 2):
            pair = runs[first : first + 2]
            merged.append((yield from _merging(pair[0], pair[1], keys)) if pair[1:] else pair[0])
        runs = merged
    result = runs[0] if runs else []
    return result[::-1] if descending else result


def _merging(first: list[T], second: list[T], keys: Keys[T]) -> Steps[list[T]]:
    """Two sorted lists as one. Of equal ones those of `first` come first."""
    key_of = keys.__getitem__
    result: list[T] = []
    at = other = 0
    while at < len(first) and other < len(second):
        end, other_end = min(at + SLICE, len(first)), min(other + SLICE, len(second))
        last, other_last = keys[first[end - 1]], keys[second[other_end - 1]]
        if last <= other_last:
            other_end = bisect_left(second, last, other, other_end, key=key_of)
        else:
            end = bisect_right(first, other_last, at, end, key=key_of)
        # Python's sort takes two sorted runs in one quick pass.
        result += sorted(first[at:end] + second[other:other_end], key=key_of)
        at, other = end, other_end
        yield
    return result + first[at:] + second[other:]
