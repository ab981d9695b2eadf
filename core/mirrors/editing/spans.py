# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where everything of a YAML text stands, in characters from its beginning.

The positions come from the parser that also reads Spack's files here, so both always agree what is where.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

BLOCK_SCALARS = ("|", ">")


@dataclass(frozen=True, slots=True)
class Span:
    """A value from `start` to before `end`, its anchor included; an empty one stands where it would begin.

    `kind` is scalar, alias, sequence or mapping; `style` that of a scalar ("", ', ", | or >). A mapping has `pairs`
    (none of which comes from `<<`), a sequence `items`; `flow` ones are written in brackets.
    """

    kind: str
    start: int
    end: int
    text: str = ""
    style: str = ""
    flow: bool = False
    pairs: tuple[PairSpan, ...] = ()
    items: tuple[Span, ...] = ()

    def pair(self, key: str) -> PairSpan | None:
        return next((pair for pair in self.pairs if pair.name == key), None)

    def scalars(self) -> Iterator[Span]:
        """All scalar values inside, keys left out."""
        if self.kind == "scalar":
            yield self
        for inner in (*self.items, *(pair.value for pair in self.pairs)):
            yield from inner.scalars()


@dataclass(frozen=True, slots=True)
class PairSpan:
    """A key with its value. `name` is the key as written, with the second colon of an override."""

    name: str
    key: Span
    value: Span

    @property
    def start(self) -> int:
        return self.key.start

    @property
    def end(self) -> int:
        return max(self.key.end, self.value.end)


def read_spans(text: str) -> Span | None:
    """The spans of a text that was parsed before without an error; None if it holds no value. Without a BOM."""
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            return _read(next(events), events, text)
    return None


def _read(event: yaml.Event, events: Iterator[yaml.Event], text: str) -> Span:
    start, end = _offsets(event)
    if isinstance(event, yaml.AliasEvent):
        return Span("alias", start, end, event.anchor or "")
    if isinstance(event, yaml.ScalarEvent):
        style = event.style or ""
        if style in BLOCK_SCALARS:  # the parser counts the empty lines after it in
            end = start + len(text[start:end].rstrip())
        return Span("scalar", start, end, event.value, style)
    items: list[Span] = []
    pairs: list[PairSpan] = []
    if isinstance(event, yaml.SequenceStartEvent):
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_read(inner, events, text))
    else:
        while not isinstance(inner := next(events), yaml.MappingEndEvent):
            key = _read(inner, events, text)
            pairs.append(PairSpan(key.text, key, _read(next(events), events, text)))
    flow = isinstance(event, yaml.CollectionStartEvent) and bool(event.flow_style)
    # A collection without brackets has no end of its own: its end mark is the beginning of what follows.
    ends = [end, *(item.end for item in items), *(pair.end for pair in pairs)]
    last = _offsets(inner)[1] if flow else max(ends)
    kind = "sequence" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
    return Span(kind, start, last, flow=flow, pairs=tuple(pairs), items=tuple(items))


def _offsets(event: yaml.Event) -> tuple[int, int]:
    assert event.start_mark is not None  # noqa: S101  libyaml marks every event
    assert event.end_mark is not None  # noqa: S101
    return event.start_mark.index, event.end_mark.index
