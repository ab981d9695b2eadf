# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The smallest pieces of a query: tokens, quotes, and how shell words become a query again.

Source: Spack 1.1, seen in what its `find` command accepts. Pure functions, callable from any thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.foundation.errors import QueryError

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_-]*+"
_KEY = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_BARE = r"[A-Za-z0-9_\-+*.,:=%^~/\\]+"
_QUOTED = r""""(?:[^"\\]|\\"?+)*+"|'(?:[^'\\]|\\'?+)*+'"""
_VALUE = rf"(?:{_QUOTED}|{_BARE})"
_VERSION = r"=?[A-Za-z0-9_][A-Za-z0-9_.-]*+"
# In `@4:fabrics=auto` the word after the colon is a key, not the end of the range.
_VERSIONS = rf"(?:(?:{_VERSION})?:(?:{_VERSION}(?!:?=))?|{_VERSION})"
_GIT = r"(?:git\.[A-Za-z0-9_][A-Za-z0-9_./-]*+|[A-Fa-f0-9]{40}(?![A-Za-z0-9_.-]))"
_FILE = r"(?:[./]|[A-Za-z0-9_-]+[/\\])[A-Za-z0-9_./\\-]*\.(?:json|yaml)(?![A-Za-z0-9_.-])"
# `c,cxx=gcc` behind `%` or `^`: the virtual packages that gcc stands for.
_PROVIDER = rf"(?:\s*{_NAME}(?:,{_NAME})*=(?={_NAME}))"

_MAX_LENGTH = 20_000


class TokenKind(StrEnum):
    EDGE_ATTRIBUTES = "edge_attributes"
    END_OF_ATTRIBUTES = "end_of_attributes"
    EDGE = "edge"
    GIT_VERSION = "git_version"
    VERSIONS = "versions"
    PROPAGATED_SWITCH = "propagated_switch"
    SWITCH = "switch"
    PROPAGATED_VALUE = "propagated_value"
    VALUE = "value"
    FILE = "file"
    QUALIFIED_NAME = "qualified_name"
    NAME = "name"
    HASH = "hash"
    SPACE = "space"


_TOKEN = re.compile(
    "|".join(
        f"(?P<{kind}>{pattern})"
        for kind, pattern in (
            (TokenKind.EDGE_ATTRIBUTES, r"(?:\^|%%?)\["),
            (TokenKind.END_OF_ATTRIBUTES, rf"\]{_PROVIDER}?"),
            (TokenKind.EDGE, rf"(?:\^|%%?){_PROVIDER}?"),
            (TokenKind.GIT_VERSION, rf"@\s*{_GIT}(?:={_VERSION})?"),
            (TokenKind.VERSIONS, rf"@\s*{_VERSIONS}(?:\s*,\s*{_VERSIONS})*"),
            (TokenKind.PROPAGATED_SWITCH, rf"(?:\+\+|~~|--)\s*{_KEY}"),
            (TokenKind.SWITCH, rf"[+~-]\s*{_KEY}"),
            (TokenKind.PROPAGATED_VALUE, rf"{_KEY}:?=={_VALUE}"),
            (TokenKind.VALUE, rf"{_KEY}:?={_VALUE}"),
            (TokenKind.FILE, _FILE),
            (TokenKind.QUALIFIED_NAME, rf"{_NAME}(?:\.{_NAME})+"),
            (TokenKind.NAME, rf"{_NAME}|\*"),
            (TokenKind.HASH, r"/[A-Za-z0-9]+"),
            (TokenKind.SPACE, r"\s+"),
        )
    )
)
_ASSIGNMENT = re.compile(rf"(?P<key>{_KEY}:?==?)(?P<value>.*)", re.DOTALL)
_BARE_VALUE = re.compile(_BARE)
_QUOTED_VALUE = re.compile(_QUOTED)
# Brackets: the word may be the last one of `%[deptypes=build virtuals=c]`.
_NEEDS_NO_QUOTES = re.compile(rf"[A-Za-z0-9,/_.\[\]-]+|{_QUOTED}")
_REASONS = {
    "@": "no version follows “@”",
    "=": "what follows “=” is no value, or its quotes are never closed",
    ":": "“:” is expected only in versions and in front of “=”",
    '"': "quotes may only follow “key=”",
    "'": "quotes may only follow “key=”",
    "[": "“[” is expected only directly behind “^” and “%”",
}


@dataclass(frozen=True, slots=True)
class Token:
    """`position` is the offset of the first character in the query, `after_space` whether white space precedes it."""

    kind: TokenKind
    text: str
    position: int
    after_space: bool


def tokens_of(query: str) -> Iterator[Token]:
    """The tokens of `query` without white space. Raises `QueryError` at the first character that starts none."""
    if len(query) > _MAX_LENGTH:
        raise QueryError("This query cannot be understood", f"It has more than {_MAX_LENGTH} characters", query=query)
    position = 0
    after_space = True
    while position < len(query):
        match = _TOKEN.match(query, position)
        if match is None or match.lastgroup is None:
            reason = _REASONS.get(query[position], f"“{query[position]}” is not expected here")
            raise query_error(reason, query, position, 1)
        kind = TokenKind(match.lastgroup)
        if kind is not TokenKind.SPACE:
            yield Token(kind, match.group(), position, after_space)
        after_space = kind is TokenKind.SPACE
        position = match.end()


def query_error(reason: str, query: str, position: int, length: int) -> QueryError:
    """A `QueryError` whose reason also says where; people count characters from 1."""
    where = f"(character {position + 1} of the query)"
    title = "This query cannot be understood"
    return QueryError(title, f"{reason} {where}", query=query, position=position, length=length)


def quoted(value: str) -> str:
    """`value` as it can stand behind `key=`: bare if possible, otherwise in quotes."""
    if _BARE_VALUE.fullmatch(value) and not value.startswith("="):
        return value
    if value.endswith("\\"):
        value += " "  # or the backslash would escape the closing quote; white space around values does not count
    if "'" not in value:
        return f"'{value}'"
    return '"' + value.replace('"', '\\"') + '"'


def unquoted(value: str) -> str:
    """`value` without its quotes; a backslash in front of the same kind of quote goes too."""
    if _QUOTED_VALUE.fullmatch(value) is None:
        return value
    return value[1:-1].replace("\\" + value[0], value[0])


def query_text_from_words(words: Sequence[str]) -> str:
    """One query text from the words of a command line, whose shell already took the quotes off `cflags="-O2 -g"`."""
    return " ".join(_requoted(word) for word in words)


def _requoted(word: str) -> str:
    assignment = _ASSIGNMENT.fullmatch(word)
    if assignment is None or _NEEDS_NO_QUOTES.fullmatch(assignment["value"]):
        return word
    return assignment["key"] + quoted(assignment["value"])
