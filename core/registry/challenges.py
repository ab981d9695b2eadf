# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a server asks for in WWW-Authenticate (RFC 9110, section 11), read with a tokenizer.

Several challenges may share a header, and their parameters are separated by the same comma; only the grammar tells
where one ends. What does not fit is skipped up to the next challenge: one odd scheme must not hide a usable one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_CHALLENGE_BYTES = 8 << 10
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))(?=\s*(?:,|$))', re.DOTALL)
_SCHEME = re.compile(rf"({_WORD})(?=\s|,|$)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))")
_GAP = re.compile(r"[\s,]*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# The rest of something that is no challenge: up to a comma outside quotes.
_JUNK = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"]|")*?(?=,|$)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """`scheme` and the names of `parameters` are in lower case."""

    scheme: str
    parameters: Mapping[str, str]

    @property
    def realm(self) -> str:
        return self.parameters.get("realm", "")

    @property
    def service(self) -> str:
        return self.parameters.get("service", "")

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(self.parameters.get("scope", "").split())


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges in WWW-Authenticate headers, in their order; overlong headers are ignored. Never raises."""
    found: list[Challenge] = []
    for header in headers:
        if len(header) <= _CHALLENGE_BYTES:
            found += _parse(header)
    return tuple(found)


def _parse(text: str) -> list[Challenge]:
    found: list[tuple[str, dict[str, str]]] = []
    position = _skip(_GAP, text, 0)
    while position < len(text):
        if (parameter := _PARAMETER.match(text, position)) and found:
            name, quoted, plain = parameter.groups()
            value = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
            found[-1][1].setdefault(name.lower(), value)
            position = parameter.end()
        elif not parameter and (scheme := _SCHEME.match(text, position)):
            found.append((scheme[1].lower(), {}))
            position = _skip(_GAP, text, scheme.end())
            if not _PARAMETER.match(text, position) and "," not in text[scheme.end() : position]:
                position = _skip(_TOKEN68, text, position)
        else:
            position = _skip(_JUNK, text, position)
        position = _skip(_GAP, text, position)
    return [Challenge(scheme, parameters) for scheme, parameters in found]


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
