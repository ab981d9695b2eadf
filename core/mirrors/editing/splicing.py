# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Changing values of a YAML text so that everything else stays as it is, byte for byte.

Every function gives a new text and has checked that it says exactly what was intended; what cannot be written so is
refused with a ConfigError naming file and line. A text is given without a byte order mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from core.foundation.errors import ConfigError
from core.mirrors.editing.layout import Layout
from core.mirrors.editing.rendering import block, in_brackets, scalar
from core.mirrors.editing.spans import PairSpan, Span, read_spans
from core.spack.yaml_reader import YamlNode, parse_yaml

_COMMA = re.compile(r"[ \t]*,[ \t]*")
_STEP = 2


class Splice(NamedTuple):
    """Replace the text from `start` to before `end`."""

    start: int
    end: int
    text: str


class _Place(NamedTuple):
    """Where a mapping stands: the column of its keys and that of the mapping around it, -1 at the top."""

    column: int
    outer: int


def outline(node: YamlNode) -> Any:
    """`node` as plain values, with the second colon of overriding keys."""
    if isinstance(node.content, Mapping):
        return {key + ":" * child.overrides: outline(child) for key, child in node.content.items()}
    if isinstance(node.content, tuple):
        return [outline(child) for child in node.content]
    return node.content


def read_outline(text: str, path: Path) -> Any:
    """What a text says. Raises ConfigError naming file and line."""
    return outline(parse_yaml(text, path).root)


def refused(path: Path, line: int, why: str) -> ConfigError:
    """The error for what cannot be done without touching more than the entry; `line` counts from 0."""
    title = f"{path}:{line + 1}: not changed"
    return ConfigError(title, why, remedies=("Change this entry in a text editor.",))


def checked(text: str, intended: Any, path: Path, line: int) -> str:
    """`text` itself if it says exactly what is intended, in whatever order; `line` is where the edit was."""
    try:
        found = read_outline(text, path)
    except ConfigError as error:
        raise refused(path, line, f"the file could not be read afterwards: {error.why}") from None
    if _unordered(found) != _unordered(intended):
        why = "the edit would change something else, because anchors, aliases or `<<` share values with this entry"
        raise refused(path, line, why)
    return text


def apply_splices(text: str, splices: Sequence[Splice]) -> str:
    """`text` with all of them; where they overlap, all that any of them replaces is gone."""
    parts: list[str] = []
    position = 0
    for splice in sorted(splices):
        parts += text[position : splice.start], splice.text
        position = max(position, splice.end)
    return "".join([*parts, text[position:]])


def cut_from_brackets(text: str, node: Span, pair: PairSpan, others: Sequence[PairSpan]) -> Splice:
    """What takes a pair out of a mapping in brackets, with one comma but no comment; `others` are those that stay."""
    if pair == node.pairs[-1]:
        following = pair
        for previous in reversed(node.pairs[:-1]):
            if text[previous.end : following.start].strip(" \t,"):
                break
            if previous in others:
                return Splice(previous.end, pair.end, "")
            following = previous
    comma = _COMMA.match(text, pair.end)
    return Splice(pair.start, comma.end() if comma is not None else pair.end, "")


def spliced(text: str, intended: Mapping[str, Any], path: Path) -> str:
    """`text` changed to say `intended`; keys keep their order, new ones may be anywhere among them."""
    current = read_outline(text, path)
    root = read_spans(text)
    splicer = _Splicer(text, path)
    if current is None:
        splicer.append(intended)
    elif isinstance(current, Mapping) and root is not None:
        splicer.change_mapping(root, current, intended, outer=-1, owner=None)
    line = splicer.layout.line(min((splice.start for splice in splicer.splices), default=0))
    return checked(apply_splices(text, splicer.splices), intended, path, line)


def _unordered(value: Any) -> Any:
    """For comparing: without the order of keys, but `true` is not 1."""
    if isinstance(value, Mapping):
        return sorted((key, _unordered(item)) for key, item in value.items())
    if isinstance(value, list):
        return [_unordered(item) for item in value]
    return repr(value)


class _Splicer:
    """Collects the splices that turn one text into another."""

    def __init__(self, text: str, path: Path) -> None:
        self.layout = Layout(text)
        self.splices: list[Splice] = []
        self._text = text
        self._path = path

    def append(self, content: Mapping[str, Any]) -> None:
        """To a text that says nothing yet."""
        lines = self.layout.joined(block(content, 0, _STEP))
        end = len(self._text)
        separate = self.layout.newline if self._text and not self._text.endswith(("\n", "\r")) else ""
        self._splice(end, end, separate + lines)

    def change_mapping(
        self, node: Span, old: Mapping[str, Any], new: Mapping[str, Any], *, outer: int, owner: PairSpan | None
    ) -> None:
        """Change a mapping that is written out; `outer` is the column of the mapping it stands in, `owner` its key."""
        pairs = {pair.name: pair for pair in node.pairs}
        removed = [key for key in old if key not in new]
        for key in removed:
            if key not in pairs:
                raise self._refusal(node.start, f"`{key}` comes from `<<`")
        changed = [key for key in new if key in old and repr(old[key]) != repr(new[key])]
        added = [key for key in new if key not in old or (key in changed and key not in pairs)]
        kept = [key for key in new if key in pairs and key in old]
        if not kept and (node.flow or not new):
            self._refill(node, new, owner)
            return
        place = _Place(self.layout.column(node.pairs[0].start), outer)
        for key in removed:
            self._delete(node, pairs[key], survivors=[pairs[name] for name in kept])
        for key in changed:
            if key in pairs:
                self._change_value(node, pairs[key], old[key], new[key], place)
        self._add(node, {key: new[key] for key in new if key in added}, list(new), pairs, place)

    def _refill(self, node: Span, new: Mapping[str, Any], owner: PairSpan | None) -> None:
        """A mapping in brackets none of whose keys stays, or one that gets empty."""
        if node.flow:
            top = owner is None and new
            written = self.layout.newline.join(block(new, 0, _STEP)) if top else in_brackets(new)
            self._splice(node.start, node.end, written)
        elif owner is not None:
            for pair in node.pairs:
                self._delete(node, pair, survivors=[])
            after = self._after_colon(owner)
            self._splice(after, after, " {}")

    def _delete(self, node: Span, pair: PairSpan, survivors: Sequence[PairSpan]) -> None:
        if not node.flow:
            first, after = self._lines(pair)
            self._splice(*self.layout.whole_lines(first, after), "")
            return
        self.splices.append(cut_from_brackets(self._text, node, pair, survivors))

    def _add(
        self, node: Span, new: Mapping[str, Any], order: Sequence[str], pairs: Mapping[str, PairSpan], place: _Place
    ) -> None:
        """Write new keys before the next one in `order` that is there, or after the last one."""
        groups: dict[str, dict[str, Any]] = {}
        for key, value in new.items():
            following = order[order.index(key) + 1 :]
            successor = next((name for name in following if name in pairs and name not in new), "")
            groups.setdefault(successor, {})[key] = value
        for successor, content in groups.items():
            if node.flow:
                self._add_in_brackets(node, content, pairs.get(successor))
                continue
            lines = self.layout.joined(block(content, place.column, self._step(node, place)))
            if successor:
                line = self._first_line(pairs[successor])
                at = self.layout.start(self.layout.comments_above(line, place.column))
            else:
                at = self.layout.start(self._lines(node.pairs[-1])[1])
            self._splice(at, at, self.layout.inserted_at(at, lines))

    def _add_in_brackets(self, node: Span, content: Mapping[str, Any], successor: PairSpan | None) -> None:
        written = in_brackets(content)[1:-1]
        if successor is not None:
            self._splice(successor.start, successor.start, f"{written}, ")
            return
        end = max(pair.end for pair in node.pairs)
        self._splice(end, end, f", {written}")

    def _change_value(self, node: Span, pair: PairSpan, old: Any, new: Any, place: _Place) -> None:
        value = pair.value
        may_be_lines = not node.flow and (not value.flow or not old)
        if isinstance(new, Mapping) and new and may_be_lines and (value.kind != "mapping" or not old):
            self._replace_by_block(pair, new, place, self._step(node, place))
        elif value.kind == "mapping" and isinstance(old, Mapping) and isinstance(new, Mapping):
            self.change_mapping(value, old, new, outer=place.column, owner=pair)
        elif not isinstance(new, Mapping):
            style = value.style if value.style in ("'", '"') else ""
            written = in_brackets(new) if isinstance(new, list) else scalar(new, style=style, flow=node.flow)
            self._replace(pair, written)
        else:
            self._replace(pair, in_brackets(new))

    def _replace(self, pair: PairSpan, written: str) -> None:
        value = pair.value
        if value.start == value.end:
            after = self._after_colon(pair)
            self._splice(after, after, f" {written}")
        else:
            self._splice(value.start, value.end, written)

    def _replace_by_block(self, pair: PairSpan, new: Mapping[str, Any], place: _Place, step: int) -> None:
        """A value that was on the line of its key, or was nothing, becomes lines of its own below."""
        value = pair.value
        lines = block(new, place.column + step, step)
        if self.layout.line(value.start) != self.layout.line(pair.key.end) and value.start != value.end:
            column = self.layout.column(value.start)
            wanted = column if column > place.column else place.column + step
            lines = block(new, wanted, step)
            self._splice(value.start, value.end, self.layout.newline.join(lines)[column:])
            return
        after = self._after_colon(pair)
        self._splice(after, max(value.end, after), "")
        at = self.layout.line_end(max(value.end, after))
        self._splice(at, at, self.layout.inserted_at(at, self.layout.joined(lines)))

    def _lines(self, pair: PairSpan) -> tuple[int, int]:
        """The first line of a pair and the one after it, with the comments below that stand further right."""
        last = self.layout.line(max(pair.end - 1, pair.key.start))
        rest = self._text[pair.end : self.layout.start(last + 1)].strip()
        if rest.startswith(":"):  # a key without any value ends before its colon
            rest = rest[1:].strip()
        if rest and not rest.startswith("#"):
            raise self._refusal(pair.end, "something else stands on the same line")
        return self._first_line(pair), self.layout.comments_below(last, self.layout.column(pair.start))

    def _first_line(self, pair: PairSpan) -> int:
        line = self.layout.line(pair.start)
        if self._text[self.layout.start(line) : pair.start].strip(" "):
            raise self._refusal(pair.start, "something else stands on the same line")
        return line

    def _after_colon(self, pair: PairSpan) -> int:
        colon = self._text.find(":", pair.key.end)
        if colon < 0 or self._text[pair.key.end : colon].strip():
            raise self._refusal(pair.start, "its key is written in an unusual way")
        return colon + 1

    def _step(self, node: Span, place: _Place) -> int:
        """How far inner keys stand to the right: as beside, else as this mapping in the one around it, else two."""
        for pair in node.pairs:
            if pair.value.kind == "mapping" and not pair.value.flow and pair.value.pairs:
                step = self.layout.column(pair.value.pairs[0].start) - place.column
                if step > 0:
                    return step
        return place.column - place.outer if 0 <= place.outer < place.column else _STEP

    def _splice(self, start: int, end: int, text: str) -> None:
        self.splices.append(Splice(start, end, text))

    def _refusal(self, offset: int, why: str) -> ConfigError:
        return refused(self._path, self.layout.line(offset), why)
