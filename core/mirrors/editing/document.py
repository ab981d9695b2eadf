# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One file of Spack's configuration with its section `mirrors`, and what may be done to its entries.

A document never changes: every edit gives the text of a new one. Names are those Spack shows, without the second colon
of an override. All functions are pure and thread-safe; they raise ConfigError naming file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.foundation.errors import ConfigError
from core.mirrors.editing.layout import Layout
from core.mirrors.editing.rendering import scalar
from core.mirrors.editing.spans import PairSpan, Span, read_spans
from core.mirrors.editing.splicing import Splice, apply_splices, checked, cut_from_brackets, outline, refused, spliced
from core.mirrors.schema import plain_secrets
from core.spack.config import Scope, Value, section_in
from core.spack.yaml_reader import parse_yaml, split_override

SECTION = "mirrors"
_BLANKED = "***"
_URL_PASSWORD = re.compile(r"://[^:/@\s'\"]*:([^@/\s]+)(?=@)")

Entry = str | dict[str, Any]


class Document:
    """The text of one scope's file. `section` is what it says about mirrors, None if nothing."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.path: Path = scope.section_file(SECTION)
        root = parse_yaml(text, self.path).root
        self.section: Value | None = section_in(root, scope, SECTION)
        if self.section is not None and not isinstance(self.section.content, Mapping | None):
            origin = self.section.origin
            raise ConfigError(f"{origin.file}:{origin.line}: not changed", "`mirrors` must be a mapping")
        self._outline = outline(root)

    @property
    def entries(self) -> dict[str, Entry]:
        """The entries in the order of the file, as plain values."""
        return {_name(key): content for key, content in self._entries().items()}

    def value(self, name: str) -> Value | None:
        """An entry with its lines."""
        return self.section.find(name) if self.section is not None else None

    def source(self, name: str) -> str:
        """The lines of an entry as they are written, "" if it has none of its own."""
        pair = self._pair(name)
        if pair is None:
            return ""
        first, after = self._extent(pair)
        layout = Layout(self.text)
        return self.text[layout.start(first) : layout.start(after)]

    def added(self, name: str, entry: Entry, *, before: str | None = None) -> str:
        """The text with a new entry before the one called `before`, else at the end."""
        entries: dict[str, Any] = {}
        for key, content in self._entries().items():
            if before is not None and _name(key) == before:
                entries[name] = entry
            entries[key] = content
        entries.setdefault(name, entry)
        return self._with(entries)

    def changed(self, name: str, entry: Entry) -> str:
        """The text with another content of an entry that is there."""
        return self._with({key: entry if _name(key) == name else old for key, old in self._entries().items()})

    def removed(self, name: str) -> str:
        return self._with({key: content for key, content in self._entries().items() if _name(key) != name})

    def renamed(self, name: str, new_name: str) -> str:
        """The text with another name for an entry; an override stays one."""
        pair = self._needed(name)
        colon = ":" * (pair.name != name)
        plain = scalar(new_name) == new_name and not pair.key.style
        written = new_name + colon if plain else scalar(new_name + colon, style=pair.key.style or "'")
        text = apply_splices(self.text, [Splice(pair.key.start, pair.key.end, written)])
        entries = {new_name + colon if _name(key) == name else key: content for key, content in self._entries().items()}
        return self._checked(text, entries, pair)

    def moved(self, name: str, before: str) -> str:
        """The text with an entry, and the comments right above it, before another one; at the end for ""."""
        entries = self._entries()
        key = self._key(name)
        content = entries.pop(key)
        order = list(entries)
        place = order.index(self._key(before)) if before else len(order)
        order.insert(place, key)
        entries[key] = content
        entries = {name: entries[name] for name in order}
        if order == list(self._entries()):
            return self.text
        pair = self._needed(name)
        others = [self._needed(_name(key)) for key in order]
        successor = others[place + 1] if place + 1 < len(others) else None
        section = self._span()
        if section is not None and section.flow:
            text = self._moved_in_brackets(section, pair, successor, others)
        else:
            text = self._moved_lines(pair, successor, others)
        return self._checked(text, entries, pair)

    def shown(self, name: str) -> str:
        """The lines of an entry for a person to see, with `***` for every secret."""
        return blanked(self.source(name), self.secrets())

    def secrets(self) -> frozenset[str]:
        """Everything secret in the file: plain-text values, also as they are written, and passwords in addresses."""
        entries = self.section.content if self.section is not None else None
        found = {match[1] for match in _URL_PASSWORD.finditer(self.text)}
        values: set[str] = set()
        for entry in entries.values() if isinstance(entries, Mapping) else ():
            for secret in plain_secrets(entry):
                plain = secret.plain()
                values.update(str(item) for item in (plain[1:] if isinstance(plain, list) else [plain]) if item)
        root = read_spans(self.text) if values else None
        for span in root.scalars() if root is not None else ():
            if span.text in values:
                found.add(self.text[span.start : span.end])
        return frozenset(found | values)

    def _moved_lines(self, pair: PairSpan, successor: PairSpan | None, others: list[PairSpan]) -> str:
        layout = Layout(self.text)
        first, after = self._extent(pair)
        first = layout.comments_above(first, layout.column(pair.start))
        if successor is not None:
            line = layout.comments_above(self._extent(successor)[0], layout.column(successor.start))
        else:
            line = self._extent(others[-2])[1]
        lines = self.text[layout.start(first) : layout.start(after)]
        lines = lines if lines.endswith(("\n", "\r")) else lines + layout.newline
        at = layout.start(line)
        paste = Splice(at, at, layout.inserted_at(at, lines))
        return apply_splices(self.text, [Splice(*layout.whole_lines(first, after), ""), paste])

    def _moved_in_brackets(
        self, section: Span, pair: PairSpan, successor: PairSpan | None, others: list[PairSpan]
    ) -> str:
        written = self.text[pair.start : pair.end]
        rest = [other for other in others if other != pair]
        cut = cut_from_brackets(self.text, section, pair, rest)
        if successor is not None:
            paste = Splice(successor.start, successor.start, f"{written}, ")
        else:
            paste = Splice(rest[-1].end, rest[-1].end, f", {written}")
        return apply_splices(self.text, [cut, paste])

    def _extent(self, pair: PairSpan) -> tuple[int, int]:
        """The first line of an entry and the one after it, with comments below that stand further right."""
        layout = Layout(self.text)
        first = layout.line(pair.start)
        last = layout.line(max(pair.end - 1, pair.start))
        return first, layout.comments_below(last, layout.column(pair.start))

    def _with(self, entries: Mapping[str, Any]) -> str:
        """The text with these entries, by their written keys, in this order."""
        whole: dict[str, Any] = dict(self._outline or {})
        if self.scope.is_environment:
            inner = next((key for key in whole if _name(key) == "spack"), "spack")
            whole[inner] = _with_section(whole.get(inner) or {}, entries)
        else:
            whole = _with_section(whole, entries)
        return self._in_order(spliced(self.text, whole, self.path), entries)

    def _checked(self, text: str, entries: Mapping[str, Any], pair: PairSpan) -> str:
        intended = dict(self._outline)
        if self.scope.is_environment:
            inner = next(key for key in intended if _name(key) == "spack")
            intended[inner] = _with_section(intended[inner], entries)
        else:
            intended = _with_section(intended, entries)
        line = Layout(self.text).line(pair.start)
        return self._in_order(checked(text, intended, self.path, line), entries)

    def _in_order(self, text: str, entries: Mapping[str, Any]) -> str:
        if list(Document(text, self.scope)._entries()) != list(entries):
            raise refused(self.path, 0, "the entries would not stand in the order they should")
        return text

    def _entries(self) -> dict[str, Any]:
        """Like `entries`, by their written keys."""
        table = self._outline
        if self.scope.is_environment:
            table = _inside(table, "spack")
        return dict(_inside(table, SECTION) or {})

    def _span(self) -> Span | None:
        """The section's mapping, None where it is not written out here."""
        span = read_spans(self.text)
        for name in ("spack", SECTION) if self.scope.is_environment else (SECTION,):
            pair = next((pair for pair in span.pairs if _name(pair.name) == name), None) if span is not None else None
            span = pair.value if pair is not None else None
        return span

    def _pair(self, name: str) -> PairSpan | None:
        span = self._span()
        return next((pair for pair in span.pairs if _name(pair.name) == name), None) if span is not None else None

    def _needed(self, name: str) -> PairSpan:
        pair = self._pair(name)
        if pair is None:
            line = self.section.origin.line - 1 if self.section is not None else 0
            raise refused(self.path, line, f"{name} comes from `<<` or an alias")
        return pair

    def _key(self, name: str) -> str:
        return next(key for key in self._entries() if _name(key) == name)


def blanked(text: str, secrets: Iterable[str]) -> str:
    """`text` with `***` for all `secrets` that `Document.secrets` found."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _BLANKED)
    return text


def _name(key: str) -> str:
    return split_override(key)[0]


def _inside(table: Any, name: str) -> Any:
    if not isinstance(table, Mapping):
        return None
    return next((value for key, value in table.items() if _name(key) == name), None)


def _with_section(table: Mapping[str, Any], entries: Mapping[str, Any]) -> dict[str, Any]:
    key = next((key for key in table if _name(key) == SECTION), SECTION)
    return {**table, key: dict(entries)}
