# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading Spack's YAML files the way Spack 1.1 reads them, with the line of every key.

The rules are those of YAML 1.2's core schema as Spack applies it: only `true` and `false` are booleans (`no`, `on` and
`yes` are strings), keys are strings, a key that ends in `:` overrides lower scopes, a key may stand in a mapping once.
The tree is built from libyaml's events without recursion, so hostile files meet a limit instead of a crash. All
functions here are thread-safe.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from core.foundation.errors import ConfigError, NotFound

Scalar = str | bool | int | float | None

SIZE_LIMIT_BYTES = 10 * 1024 * 1024
_DEPTH_LIMIT = 100
_ALIAS_LIMIT = 1_000
_NODE_LIMIT = 500_000

_TAB_INDENT = re.compile(r" *\t")
_TAG = "tag:yaml.org,2002:"
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL = re.compile(r"~|null|Null|NULL|")
_INT = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}$|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[Tt \t]")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class YamlNode:
    """One value of a file. `line` counts from 1 and is that of its key where it has one.

    `overrides`: its key was written with a double colon. `key_is`: what its key is to YAML where that is no text, which
    is how Spack takes it. The repr leaves out the content: old files may hold secrets.
    """

    content: Scalar | tuple[YamlNode, ...] | Mapping[str, YamlNode] = field(repr=False)
    line: int
    overrides: bool = False
    key_is: str = ""


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file that was read. An empty file has a root of None."""

    path: Path
    root: YamlNode

    @property
    def data(self) -> Any:
        """The content as plain dicts, lists and scalars."""
        return plain(self.root)

    def line_of(self, *keys: str | int) -> int:
        """Line of a key path (integers index sequences), of its nearest existing parent if it is not there."""
        node = self.root
        for key in keys:
            children = _children(node)
            if key not in children:
                break
            node = children[key]
        return node.line


def _children(node: YamlNode) -> Mapping[Any, YamlNode]:
    if isinstance(node.content, tuple):
        return dict(enumerate(node.content))
    return node.content if isinstance(node.content, Mapping) else {}


def plain(node: YamlNode) -> Any:
    """`node` as plain dicts, lists and scalars."""
    if isinstance(node.content, Mapping):
        return {key: plain(value) for key, value in node.content.items()}
    if isinstance(node.content, tuple):
        return [plain(value) for value in node.content]
    return node.content


def read_yaml(path: Path, *, size_limit: int = SIZE_LIMIT_BYTES) -> YamlFile:
    """Read one file. Raises NotFound if there is none, ConfigError naming file and line for everything else."""
    return parse_yaml(decode_yaml(read_bytes(path, size_limit=size_limit), path), path)


def decode_yaml(data: bytes, path: Path) -> str:
    """The text of a file's content. Raises ConfigError naming file and line."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", f"byte {error.start} cannot be decoded") from None


def parse_yaml(text: str, path: Path) -> YamlFile:
    """Parse `text` as the content of `path`. Raises ConfigError naming file and line."""
    builder = _Builder(path)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.handle(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        why = error.problem or error.context or ""
        if _TAB_INDENT.match("".join(text.split("\n")[line - 1 : line])):
            why = "a tab at the beginning of the line: YAML wants spaces there"
        raise ConfigError(f"{path}:{line}: not valid YAML", why) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: not valid YAML", str(error)) from None
    return YamlFile(path, builder.root or YamlNode(None, 1))


def read_bytes(path: Path, *, size_limit: int = SIZE_LIMIT_BYTES) -> bytes:
    """The content of a regular file. Raises like `read_yaml`."""
    try:
        # O_NONBLOCK: opening a pipe that somebody left there must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(f"{path}:1: cannot be read", "it is not a regular file")
            data = stream.read(size_limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"{path} does not exist") from None
    except OSError as error:
        raise ConfigError(f"{path}:1: cannot be read", error.strerror or str(error)) from error
    if len(data) > size_limit:
        raise ConfigError(f"{path}:1: too large for a configuration file", f"more than {size_limit} bytes")
    return data


@dataclass(slots=True)
class _Container:
    """A sequence or mapping whose end has not come yet."""

    line: int
    anchor: str | None
    is_mapping: bool
    items: list[YamlNode] = field(default_factory=list)
    values: dict[str, YamlNode] = field(default_factory=dict)
    merged: list[YamlNode] = field(default_factory=list)
    key: str | None = None
    key_line: int = 0
    key_overrides: bool = False
    key_merges: bool = False
    key_is: str = ""
    size: int = 1
    height: int = 1


class _Builder:
    """Turns parser events into one `YamlNode` tree and enforces the limits."""

    def __init__(self, path: Path) -> None:
        self.root: YamlNode | None = None
        self._path = path
        self._stack: list[_Container] = []
        self._anchors: dict[str, tuple[YamlNode, int, int] | None] = {}  # None: not complete yet
        self._aliases = 0
        self._nodes = 0

    def handle(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.DocumentStartEvent):
            if self.root is not None:
                raise self._error(line, "the file holds more than one document")
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event, line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close()

    def _alias(self, anchor: str, line: int) -> None:
        self._aliases += 1
        if self._aliases > _ALIAS_LIMIT:
            raise self._error(line, f"more than {_ALIAS_LIMIT} aliases")
        known = self._anchors.get(anchor)
        if known is None:
            raise self._error(line, f"alias *{anchor} refers to nothing complete before it")
        node, size, height = known
        self._count(size, line)
        if self._expects_key():
            if not isinstance(node.content, str):
                raise self._error(line, "a key must be text")
            self._take_key(node.content, line, merges=False)
        else:
            self._add(node, size, height, line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        is_plain = event.implicit[0] and event.tag is None
        tag = event.tag if event.tag not in (None, "!") else None
        if tag is not None and tag.removeprefix(_TAG) not in ("str", "bool", "int", "float", "null"):
            raise self._error(line, f"tag {tag} is not allowed")
        if self._expects_key():
            key_is = _kind_of(event.value) if is_plain else ""
            self._take_key(event.value, line, merges=is_plain and event.value == "<<", key_is=key_is)
            value: Scalar = event.value
        else:
            value = event.value if tag == _TAG + "str" or not (is_plain or tag) else _resolve(event.value)
            if isinstance(value, str):
                value, _ = split_override(value)
            self._count(1, line)
            self._add(YamlNode(value, line), 1, 0, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = (YamlNode(value, line), 1, 0)

    def _open(self, event: yaml.CollectionStartEvent, line: int) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _TAG + ("map" if is_mapping else "seq")):
            raise self._error(line, f"tag {event.tag} is not allowed")
        if self._expects_key():
            raise self._error(line, "a key must be text")
        self._count(1, line)
        self._check_depth(1, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Container(line, event.anchor, is_mapping))

    def _close(self) -> None:
        done = self._stack.pop()
        if done.is_mapping:
            for node in done.merged:
                for key, value in self._merge_source(node, done.line):
                    done.values.setdefault(key, value)
        node = YamlNode(done.values if done.is_mapping else tuple(done.items), done.line)
        if done.anchor is not None:
            self._anchors[done.anchor] = (node, done.size, done.height)
        self._add(node, done.size, done.height, done.line)

    def _merge_source(self, node: YamlNode, line: int) -> list[tuple[str, YamlNode]]:
        sources = node.content if isinstance(node.content, tuple) else (node,)
        pairs: list[tuple[str, YamlNode]] = []
        for source in sources:
            if not isinstance(source.content, Mapping):
                raise self._error(line, "<< needs a mapping or a list of mappings")
            pairs.extend(source.content.items())
        return pairs

    def _expects_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].is_mapping and self._stack[-1].key is None

    def _take_key(self, text: str, line: int, *, merges: bool, key_is: str = "") -> None:
        top = self._stack[-1]
        key, overrides = split_override(text)
        if not merges and key in top.values:
            raise self._error(line, f"key {key!r} stands here twice")
        top.key, top.key_line, top.key_overrides, top.key_merges = key, line, overrides, merges
        top.key_is = key_is

    def _count(self, size: int, line: int) -> None:
        self._nodes += size
        if self._nodes > _NODE_LIMIT:
            raise self._error(line, f"more than {_NODE_LIMIT} values once its aliases are expanded")

    def _check_depth(self, height: int, line: int) -> None:
        if len(self._stack) + height > _DEPTH_LIMIT:
            raise self._error(line, f"nested deeper than {_DEPTH_LIMIT} levels")

    def _add(self, node: YamlNode, size: int, height: int, line: int) -> None:
        if not self._stack:
            self.root = node
            return
        self._check_depth(height, line)
        top = self._stack[-1]
        top.size += size
        top.height = max(top.height, height + 1)
        if not top.is_mapping:
            top.items.append(node)
            return
        if top.key_merges:
            top.merged.append(node)
        elif top.key is not None:
            top.values[top.key] = YamlNode(node.content, top.key_line, top.key_overrides, top.key_is)
        top.key = None

    def _error(self, line: int, why: str) -> ConfigError:
        return ConfigError(f"{self._path}:{line}: not acceptable as configuration", why)


def split_override(text: str) -> tuple[str, bool]:
    """Spack takes one trailing colon off every string without `@`; on keys it means override."""
    if text.endswith(":") and "@" not in text:
        return text[:-1], True
    return text, False


def _resolve(text: str) -> Scalar:
    """The value of a plain scalar."""
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if _NULL.fullmatch(text):
        return None
    if _INT.fullmatch(text):
        return _integer(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


def _kind_of(text: str) -> str:
    """What a plain scalar is to YAML if it is no text."""
    value = _resolve(text)
    if isinstance(value, bool):
        return "true or false"
    if value is None:
        return "nothing"
    if isinstance(value, int | float):
        return "a number"
    return "a date" if _DATE.match(text) else ""


def _integer(text: str) -> int | str:
    digits = text.lstrip("+-")
    base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2], 10)
    if len(digits) > 400:  # int() refuses thousands of digits, and nothing in a configuration needs them
        return text
    return int(text, base) if base != 10 else int(text)
