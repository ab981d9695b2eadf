# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Collects what the tokens of a query ask of one package (Spack 1.1, seen in what its `find` accepts)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

from core.spack.node_constraints import ANYTHING, FlagConstraint, NodeConstraint, VariantConstraint
from core.spack.query_tokens import Token, TokenKind, query_error, unquoted
from core.spack.specs import FLAG_NAMES
from core.spack.versions import EmptyRange, InvalidVersion, VersionList

_ASSIGNMENT = re.compile(r"(?P<key>[^:=]+)(?P<operator>:?==?)(?P<value>.*)", re.DOTALL)
_FIELDS = {
    "namespace": "namespace",
    "platform": "platform",
    "os": "os",
    "operating_system": "os",
    "target": "target",
}
_ARCHITECTURE = frozenset(("arch", "architecture"))
_NOT_PROPAGATED = frozenset((*_FIELDS, *_ARCHITECTURE, "branch", "commit", "dev_path", "patches", "ref", "tag"))
_BOOLS = {"true": True, "false": False}


def assignment_of(token: Token) -> tuple[str, str, str]:
    """Key, operator and value of a token `key=value`, without the value's quotes."""
    match = _ASSIGNMENT.fullmatch(token.text)
    if match is None:
        raise AssertionError(token.text)
    return match["key"], match["operator"], unquoted(match["value"]).strip()


class NodeBuilder:
    """Takes tokens one by one and refuses what is said twice. `query` is the whole text, for errors."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._fields: dict[str, Any] = {}
        self._variants: dict[str, VariantConstraint] = {}
        self._flags: dict[tuple[str, bool], str] = {}
        self._add: dict[TokenKind, Callable[[Token], None]] = {
            TokenKind.NAME: self._add_name,
            TokenKind.QUALIFIED_NAME: self._add_name,
            TokenKind.HASH: self._add_hash,
            TokenKind.VERSIONS: self._add_versions,
            TokenKind.GIT_VERSION: self._add_versions,
            TokenKind.SWITCH: self._add_switch,
            TokenKind.PROPAGATED_SWITCH: self._add_switch,
            TokenKind.VALUE: self._add_value,
            TokenKind.PROPAGATED_VALUE: self._add_value,
        }

    @property
    def is_empty(self) -> bool:
        return not (self._fields or self._variants or self._flags)

    @property
    def has_hash(self) -> bool:
        return "hash_prefix" in self._fields

    def add(self, token: Token) -> None:
        """Raises `QueryError`."""
        self._add[token.kind](token)

    def node(self) -> NodeConstraint:
        variants = tuple(self._variants[name] for name in sorted(self._variants))
        flags = tuple(FlagConstraint(key[0], _single_flags(self._flags[key]), key[1]) for key in sorted(self._flags))
        return NodeConstraint(variants=variants, flags=flags, **self._fields)

    def _refuse(self, reason: str, token: Token) -> NoReturn:
        raise query_error(reason, self._query, token.position, len(token.text))

    def _set(self, field: str, value: object, token: Token) -> None:
        if field in self._fields:
            self._refuse(f"“{token.text}” repeats or contradicts what was already said about the {field}", token)
        self._fields[field] = value

    def _add_name(self, token: Token) -> None:
        namespace, _, name = token.text.rpartition(".")
        self._set("name", name, token)
        if namespace:
            self._set("namespace", namespace, token)

    def _add_hash(self, token: Token) -> None:
        self._set("hash_prefix", token.text[1:], token)

    def _add_versions(self, token: Token) -> None:
        try:
            versions = VersionList.parse(token.text[1:].strip())
        except (InvalidVersion, EmptyRange) as error:
            self._refuse(str(error), token)
        self._set("versions", versions, token)

    def _add_switch(self, token: Token) -> None:
        propagated = token.kind is TokenKind.PROPAGATED_SWITCH
        name = token.text[2 if propagated else 1 :].strip()
        self._add_variant(VariantConstraint(name, token.text[0] == "+", propagated=propagated), token)

    def _add_value(self, token: Token) -> None:
        key, operator, value = assignment_of(token)
        exact, propagated = operator.startswith(":"), operator.endswith("==")
        if not value:
            self._refuse(f"“{key}” has no value", token)
        if exact and (key in FLAG_NAMES or key in _FIELDS or key in _ARCHITECTURE):
            self._refuse(f"“:=” is for variants; write “{key}=”", token)
        if key in FLAG_NAMES:
            known = self._flags.get((key, propagated))
            self._flags[key, propagated] = value if known is None else f"{known} {value}"
        elif key in _FIELDS and not propagated:
            self._set(_FIELDS[key], value, token)
        elif key in _ARCHITECTURE and not propagated:
            self._add_architecture(value, token)
        else:
            self._add_variant(self._variant(key, value, exact, propagated, token), token)

    def _variant(self, name: str, value: str, exact: bool, propagated: bool, token: Token) -> VariantConstraint:
        if value.lower() in _BOOLS:
            return VariantConstraint(name, _BOOLS[value.lower()], propagated=propagated)
        values = tuple(sorted({part.strip() for part in value.split(",")}))
        if "" in values:
            self._refuse(f"a value of “{name}” is empty", token)
        if ANYTHING in values and (exact or len(values) > 1):
            self._refuse(f"“*” means any value of “{name}” and stands alone behind “=”", token)
        return VariantConstraint(name, values, exact, propagated)

    def _add_variant(self, variant: VariantConstraint, token: Token) -> None:
        if variant.propagated and variant.name in _NOT_PROPAGATED:
            self._refuse(f"“{variant.name}” is no variant that dependencies inherit; write “{variant.name}=”", token)
        if variant.name in self._variants:
            self._refuse(f"the variant “{variant.name}” is given twice", token)
        self._variants[variant.name] = variant

    def _add_architecture(self, value: str, token: Token) -> None:
        parts = value.split("-")
        if "" in parts:
            self._refuse(f"a part of “{value}” is empty", token)
        if len(parts) != 3:
            self._set("target", value, token)
            return
        for field, part in zip(("platform", "os", "target"), parts, strict=True):
            self._set(field, part, token)


def _single_flags(text: str) -> tuple[str, ...]:
    """The flags in `text`, each once; a word without a dash belongs to the flag before it (`-I include`)."""
    flags: list[str] = []
    for word in text.split():
        if flags and not word.startswith("-"):
            flags[-1] += f" {word}"
        else:
            flags.append(word)
    return tuple(dict.fromkeys(flags))
