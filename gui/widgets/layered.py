# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where the boxes of a layered graph go: few crossings, short lines, every box on the row of its level. No Qt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
_SWEEPS = 4
_BEND_WIDTH = 6.0
_MOST_BENDS = 2500  # beyond this, lines may cross boxes rather than cost a noticeable pause


@dataclass(frozen=True, slots=True)
class Box:
    """A node: which row it is on, and how wide it is."""

    key: str
    level: int
    width: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Middles of boxes, and the points each edge passes, from its upper to its lower end; (0, 0) is top left."""

    places: dict[str, Point]
    lines: dict[tuple[str, str], tuple[Point, ...]]
    width: float
    height: float


def lay_out(boxes: Sequence[Box], edges: Sequence[tuple[str, str]], *, row_height: float, gap: float) -> Layout:
    """Place `boxes`; an edge is (upper key, lower key). Boxes on one row are at least `gap` apart.

    An edge over several rows gets a bend on each row in between, which takes part in the ordering like a thin box.
    """
    drawing = _Drawing(boxes, edges, gap)
    drawing.order_rows()
    drawing.place_rows()
    return drawing.layout(row_height)


class _Drawing:
    """Boxes and bends by number; rows hold numbers from left to right."""

    def __init__(self, boxes: Sequence[Box], edges: Sequence[tuple[str, str]], gap: float) -> None:
        self._boxes = boxes
        self._gap = gap
        first = min((box.level for box in boxes), default=0)
        self._levels = [box.level - first for box in boxes]
        self._widths = [box.width for box in boxes]
        self._above: dict[int, list[int]] = defaultdict(list)
        self._below: dict[int, list[int]] = defaultdict(list)
        self._chains: dict[tuple[str, str], list[int]] = {}
        numbers = {box.key: number for number, box in enumerate(boxes)}
        spans = {edge: (numbers[edge[0]], numbers[edge[1]]) for edge in edges}
        bends = sum(max(0, self._levels[low] - self._levels[up] - 1) for up, low in spans.values())
        for edge, (upper, lower) in spans.items():
            self._chains[edge] = self._chain(upper, lower, bent=bends <= _MOST_BENDS)
        self._rows: list[list[int]] = [[] for _ in range(max(self._levels, default=-1) + 1)]
        for number in self._first_order():
            self._rows[self._levels[number]].append(number)
        self._x = [0.0] * len(self._levels)

    def _chain(self, upper: int, lower: int, *, bent: bool) -> list[int]:
        chain = [upper]
        for level in range(self._levels[upper] + 1, self._levels[lower]) if bent else ():
            self._levels.append(level)
            self._widths.append(_BEND_WIDTH)
            chain.append(len(self._levels) - 1)
        chain.append(lower)
        for up, low in pairwise(chain):
            self._below[up].append(low)
            self._above[low].append(up)
        return chain

    def _first_order(self) -> list[int]:
        """Depth first from the top: what belongs together starts out together."""
        seen: dict[int, None] = {}
        stack = sorted(range(len(self._levels)), key=lambda number: -self._levels[number])
        while stack:
            number = stack.pop()
            if number not in seen:
                seen[number] = None
                stack.extend(low for low in reversed(self._below[number]) if low not in seen)
        return list(seen)

    def order_rows(self) -> None:
        places = [0.0] * len(self._levels)
        for row in self._rows:
            _number(row, places)
        for sweep in range(2 * _SWEEPS):
            rows, neighbours = (self._rows, self._above) if sweep % 2 == 0 else (self._rows[::-1], self._below)
            for row in rows:
                wanted = {
                    number: _mean([places[each] for each in neighbours[number]], places[number]) for number in row
                }
                row.sort(key=wanted.__getitem__)
                _number(row, places)

    def place_rows(self) -> None:
        for row in self._rows:
            self._settle(row, [0.0] * len(row))
        for sweep in range(2 * _SWEEPS):
            rows = self._rows if sweep % 2 == 0 else self._rows[::-1]
            for row in rows:
                around = ([*self._above[number], *self._below[number]] for number in row)
                wanted = [
                    _mean([self._x[each] for each in near], self._x[number])
                    for number, near in zip(row, around, strict=True)
                ]
                self._settle(row, wanted)

    def _settle(self, row: list[int], wanted: list[float]) -> None:
        """Put a row as near to where it wants to be as its widths allow (least squares, in one pass)."""
        offsets, edge = [], 0.0
        for number in row:
            offsets.append(edge + self._widths[number] / 2)
            edge += self._widths[number] + self._gap
        blocks: list[tuple[float, int]] = []  # mean of the wanted left edges, and of how many
        for want, offset in zip(wanted, offsets, strict=True):
            mean, count = want - offset, 1
            while blocks and blocks[-1][0] > mean:
                other, many = blocks.pop()
                mean, count = (mean * count + other * many) / (count + many), count + many
            blocks.append((mean, count))
        lefts = [mean for mean, count in blocks for _ in range(count)]
        for number, left, offset in zip(row, lefts, offsets, strict=True):
            self._x[number] = left + offset

    def layout(self, row_height: float) -> Layout:
        left = min((x - width / 2 for x, width in zip(self._x, self._widths, strict=True)), default=0.0)
        right = max((x + width / 2 for x, width in zip(self._x, self._widths, strict=True)), default=0.0)

        def at(number: int) -> Point:
            return self._x[number] - left, (self._levels[number] + 0.5) * row_height

        places = {box.key: at(number) for number, box in enumerate(self._boxes)}
        lines = {edge: tuple(map(at, chain)) for edge, chain in self._chains.items()}
        return Layout(places, lines, right - left, len(self._rows) * row_height)


def _number(row: list[int], places: list[float]) -> None:
    """Remember the order of a row as places from 0 to 1, comparable between rows of different lengths."""
    for place, number in enumerate(row):
        places[number] = (place + 0.5) / len(row)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
