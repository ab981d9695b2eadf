# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From the text of a query to what it asks (Spack 1.1, seen in what its `find` accepts)."""

import re
from collections.abc import Callable
from typing import Any, NoReturn

from core.spack.node_constraints import ANYTHING, NodeConstraint, VariantConstraint
from core.spack.query_tokens import Token, TokenKind, query_error, tokens_of, unquoted
from core.spack.specs import FLAG_NAMES
from core.spack.versions import EmptyRange, InvalidVersion, VersionList

_ASSIGNMENT = re.compile(r"(?P<key>[^:=]+)(?P<operator>:?=)(?P<value>.*)", re.DOTALL)
_FIELDS = {
    "namespace": "namespace",
    "platform": "platform",
    "os": "os",
    "operating_system": "os",
    "target": "target",
}
_ARCHITECTURE = frozenset(("arch", "architecture"))
_BOOLS = {"true": True, "false": False}

_NOT_ASKED = "Mirrordeck compares only the package itself: name, version, variants, flags, architecture and hash"
_UNSUPPORTED = {
    "^": ("Queries about dependencies (“^”) are not supported", _NOT_ASKED),
    "%": ("Queries about compilers and direct dependencies (“%”) are not supported", _NOT_ASKED),
    TokenKind.PROPAGATED_SWITCH: (
        "Queries about a variant in all dependencies (“++”, “~~”, “--”) are not supported",
        _NOT_ASKED,
    ),
    TokenKind.PROPAGATED_VALUE: ("Queries about a value in all dependencies (“==”) are not supported", _NOT_ASKED),
    TokenKind.FILE: ("Spec files in queries are not supported", "Write the query itself, or the hash as “/hash”"),
}


def parse_constraints(text: str) -> tuple[NodeConstraint, ...]:
    """The alternatives in `text`, none for blank text. Raises `QueryError` with the position of what is wrong."""
    builders: list[_Builder] = []
    for token in tokens_of(text):
        if not builders or _starts_another(token, builders[-1]):
            builders.append(_Builder(text))
        builders[-1].add(token)
    return tuple(builder.constraint() for builder in builders)


def _starts_another(token: Token, current: "_Builder") -> bool:
    if token.kind in (TokenKind.NAME, TokenKind.QUALIFIED_NAME):
        return True
    return token.kind is TokenKind.HASH and current.has_hash


class _Builder:
    """Collects the parts of one alternative and refuses what is said twice."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._fields: dict[str, Any] = {}
        self._variants: dict[str, VariantConstraint] = {}
        self._flags: dict[str, str] = {}
        self._add: dict[TokenKind, Callable[[Token], None]] = {
            TokenKind.NAME: self._add_name,
            TokenKind.QUALIFIED_NAME: self._add_name,
            TokenKind.HASH: self._add_hash,
            TokenKind.VERSIONS: self._add_versions,
            TokenKind.GIT_VERSION: self._add_versions,
            TokenKind.SWITCH: self._add_switch,
            TokenKind.VALUE: self._add_value,
        }

    @property
    def has_hash(self) -> bool:
        return "hash_prefix" in self._fields

    def add(self, token: Token) -> None:
        add = self._add.get(token.kind)
        if add is None:
            title, reason = _UNSUPPORTED[token.text[0] if token.kind is TokenKind.EDGE else token.kind]
            raise query_error(title, reason, self._query, token.position)
        add(token)

    def constraint(self) -> NodeConstraint:
        variants = tuple(self._variants[name] for name in sorted(self._variants))
        flags = tuple((key, _single_flags(self._flags[key])) for key in sorted(self._flags))
        return NodeConstraint(variants=variants, flags=flags, **self._fields)

    def _refuse(self, reason: str, token: Token) -> NoReturn:
        raise query_error("This query cannot be understood", reason, self._query, token.position)

    def _set(self, field: str, value: object, token: Token) -> None:
        if field in self._fields:
            self._refuse(f"“{token.text}” repeats or contradicts what was already said about the {field}", token)
        self._fields[field] = value

    def _add_name(self, token: Token) -> None:
        if not token.after_space:
            self._refuse(f"“{token.text}” needs a space before it; patterns in names are not supported", token)
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
        self._add_variant(VariantConstraint(token.text[1:].strip(), token.text[0] == "+"), token)

    def _add_value(self, token: Token) -> None:
        match = _ASSIGNMENT.fullmatch(token.text)
        if match is None:
            raise AssertionError(token.text)
        key, exact, value = match["key"], match["operator"] == ":=", unquoted(match["value"]).strip()
        if not value:
            self._refuse(f"“{key}” has no value", token)
        if exact and (key in FLAG_NAMES or key in _FIELDS or key in _ARCHITECTURE):
            self._refuse(f"“:=” is for variants; write “{key}=”", token)
        if key in FLAG_NAMES:
            self._flags[key] = f"{self._flags[key]} {value}" if key in self._flags else value
        elif key in _FIELDS:
            self._set(_FIELDS[key], value, token)
        elif key in _ARCHITECTURE:
            self._add_architecture(value, token)
        else:
            self._add_variant(self._variant(key, value, exact, token), token)

    def _variant(self, name: str, value: str, exact: bool, token: Token) -> VariantConstraint:
        if value.lower() in _BOOLS:
            return VariantConstraint(name, _BOOLS[value.lower()])
        values = tuple(sorted({part.strip() for part in value.split(",")}))
        if "" in values:
            self._refuse(f"a value of “{name}” is empty", token)
        if ANYTHING in values and (exact or len(values) > 1):
            self._refuse(f"“*” means any value of “{name}” and stands alone behind “=”", token)
        return VariantConstraint(name, values, exact)

    def _add_variant(self, variant: VariantConstraint, token: Token) -> None:
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
