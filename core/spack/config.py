# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Merging Spack's configuration sections over scopes, knowing for every value which file and line it came from.

Rules as seen in Spack 1.1: mappings merge by key and the higher scope wins, lists are concatenated with the higher
scope's items first, anything else replaces; a key written with a double colon drops what lower scopes say. Files are
read anew on every call; all functions may run in any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.foundation.errors import ConfigError, ErrorInfo, NotFound
from core.spack.yaml_reader import Scalar, YamlNode, read_yaml


@dataclass(frozen=True, slots=True)
class Scope:
    """One place configuration comes from: a directory with a file per section, or one file with all sections.

    In an environment's manifest the sections sit below `spack:`. `edit_in` names the scope that Spack's commands edit
    instead of this one, "" for this one itself.
    """

    name: str
    directory: Path | None = None
    file: Path | None = None
    is_environment: bool = False
    writable: bool = True
    edit_in: str = ""

    @property
    def place(self) -> Path:
        """Its directory, or its one file."""
        place = self.directory or self.file
        assert place is not None  # noqa: S101  a scope without any place cannot be made
        return place

    def section_file(self, section: str) -> Path:
        """The file that holds `section` of this scope, whether it exists or not."""
        return self.file if self.file is not None else self.place / f"{section}.yaml"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value is written."""

    scope: str
    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its origin. `shadowed` holds the values of lower scopes it replaced, highest first; `key_is` is what
    its key is to YAML where that is no text.

    The repr leaves out the content: configuration of old Spack versions may hold secrets.
    """

    content: Scalar | tuple[Value, ...] | Mapping[str, Value] = field(repr=False)
    origin: Origin
    overrides: bool = False
    shadowed: tuple[Value, ...] = field(default=(), repr=False)
    key_is: str = ""

    def find(self, *keys: str) -> Value | None:
        """The value at a path of keys, None if it is not there."""
        value = self
        for key in keys:
            if not isinstance(value.content, Mapping) or key not in value.content:
                return None
            value = value.content[key]
        return value

    def plain(self) -> Any:
        """The content as plain dicts, lists and scalars."""
        if isinstance(self.content, Mapping):
            return {key: value.plain() for key, value in self.content.items()}
        if isinstance(self.content, tuple):
            return [value.plain() for value in self.content]
        return self.content


@dataclass(frozen=True, slots=True)
class MergedSection:
    """A section over all scopes. `problems` names the files that could not be used."""

    value: Value | None
    problems: tuple[ErrorInfo, ...] = ()

    def find(self, *keys: str) -> Value | None:
        """The value at a path of keys below the section, None if no scope has it."""
        return self.value.find(*keys) if self.value is not None else None

    def get(self, *keys: str) -> Any:
        """The plain content at a path of keys, None if no scope has it."""
        value = self.find(*keys)
        return value.plain() if value is not None else None


def problem_at(origin: Origin, what: str, why: str, *remedies: str) -> ErrorInfo:
    """A configuration problem whose title names file and line."""
    return ConfigError(f"{origin.file}:{origin.line}: {what}", why, remedies=remedies).info()


def section_value(scope: Scope, section: str) -> Value | None:
    """`section` as one scope has it; None if it says nothing about it. Raises ConfigError naming file and line."""
    try:
        root = read_yaml(scope.section_file(section)).root
    except NotFound:
        return None
    return section_in(root, scope, section)


def section_in(root: YamlNode, scope: Scope, section: str) -> Value | None:
    """`section` in the content of the scope's file, None if it is not there. Raises ConfigError, naming the line."""
    path = scope.section_file(section)
    if root.content is None:
        return None
    sections = root
    if scope.is_environment:
        sections = _child(root, "spack") or YamlNode(None, root.line)
    if not isinstance(sections.content, Mapping):
        expected = "`spack:` at its top" if scope.is_environment else "a mapping at its top"
        raise ConfigError(f"{path}:{sections.line}: not a configuration file", f"expected {expected}")
    node = _child(sections, section)
    if node is None:
        if scope.file is None and sections.content:
            raise ConfigError(f"{path}:{root.line}: not a configuration file", f"expected `{section}:` at its top")
        return None
    return _with_origin(node, scope.name, path)


def section_values(scopes: Iterable[Scope], section: str) -> tuple[list[Value], tuple[ErrorInfo, ...]]:
    """`section`, a mapping, of every scope that has it, in the order of `scopes`; and what could not be read."""
    values: list[Value] = []
    problems: list[ErrorInfo] = []
    for scope in scopes:
        try:
            value = section_value(scope, section)
        except ConfigError as error:
            problems.append(error.info())
            continue
        if value is None:
            continue
        if isinstance(value.content, Mapping):
            values.append(value)
        else:
            problems.append(problem_at(value.origin, f"`{section}` is left out", "it must be a mapping"))
    return values, tuple(problems)


def merge(values: Sequence[Value]) -> Value | None:
    """Merge the values of one key, highest scope first; None if there are none."""
    merged: Value | None = None
    for value in reversed(values):
        merged = value if merged is None else _merge_two(value, merged)
    return merged


def merged_section(scopes: Iterable[Scope], section: str) -> MergedSection:
    """`section` merged over `scopes`, highest first."""
    values, problems = section_values(scopes, section)
    return MergedSection(merge(values), problems)


def _merge_two(upper: Value, lower: Value) -> Value:
    if upper.overrides:
        return _shadowing(upper, lower)
    if isinstance(upper.content, Mapping) and isinstance(lower.content, Mapping):
        table = {
            key: _merge_two(value, lower.content[key]) if key in lower.content else value
            for key, value in upper.content.items()
        }
        for key, value in lower.content.items():
            table.setdefault(key, value)
        return replace(upper, content=table)
    if isinstance(upper.content, tuple) and isinstance(lower.content, tuple):
        present = [item.plain() for item in upper.content]
        return replace(upper, content=upper.content + tuple(x for x in lower.content if x.plain() not in present))
    return _shadowing(upper, lower)


def _shadowing(upper: Value, lower: Value) -> Value:
    return replace(upper, shadowed=(*upper.shadowed, lower, *lower.shadowed))


def _child(node: YamlNode, key: str) -> YamlNode | None:
    return node.content.get(key) if isinstance(node.content, Mapping) else None


def _with_origin(node: YamlNode, scope: str, file: Path) -> Value:
    content: Scalar | tuple[Value, ...] | Mapping[str, Value]
    if isinstance(node.content, Mapping):
        content = {key: _with_origin(child, scope, file) for key, child in node.content.items()}
    elif isinstance(node.content, tuple):
        content = tuple(_with_origin(child, scope, file) for child in node.content)
    else:
        content = node.content
    return Value(content, Origin(scope, file, node.line), node.overrides, key_is=node.key_is)
