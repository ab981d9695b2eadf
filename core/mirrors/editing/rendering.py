# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Values as YAML text that Spack, and every other reader of YAML, takes for what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.foundation.text import visible

_PLAIN = re.compile(r"[A-Za-z0-9_/.~$+<-][^\x00-\x1f\x7f]*")
_NUMBER = re.compile(r"[-+.]?[0-9][-+0-9_.:eExXoObBa-fA-FT]*|[-+]?\.(?:inf|nan)", re.IGNORECASE)
_WORDS = frozenset({"~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_FLOW_SIGNS = frozenset(",[]{}")


def scalar(value: Any, *, style: str = "", flow: bool = False) -> str:
    """One value; text in the quotes of `style` where it has any, else without where that is safe."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return json.dumps(value)
    if style == '"' or visible(value) != value:
        return json.dumps(value)
    if style == "'" or not _is_safe(value, flow=flow):
        return "'" + value.replace("'", "''") + "'"
    return value


def in_brackets(value: Any) -> str:
    """A value on one line, as it stands inside other brackets."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key, flow=True)}: {in_brackets(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(in_brackets(item) for item in value) + "]"
    return scalar(value, flow=True)


def block(content: Mapping[str, Any], column: int, step: int) -> list[str]:
    """The lines of a mapping whose keys stand at `column`, inner ones `step` further right; without line ends."""
    lines: list[str] = []
    for key, value in content.items():
        start = " " * column + scalar(key) + ":"
        if isinstance(value, Mapping) and value:
            lines.append(start)
            lines.extend(block(value, column + step, step))
        else:
            lines.append(f"{start} {in_brackets(value) if isinstance(value, Mapping | list) else scalar(value)}")
    return lines


def _is_safe(text: str, *, flow: bool) -> bool:
    """Whether `text` without quotes is text to everybody, also to readers for whom `no` and `1:20` are not."""
    return (
        _PLAIN.fullmatch(text) is not None
        and text == text.strip()
        and not text.startswith(("- ", "---", "..."))
        and ": " not in text
        and " #" not in text
        and not text.endswith(":")
        and text not in ("-", "<<")
        and not (flow and _FLOW_SIGNS & set(text))
        and _NUMBER.fullmatch(text) is None
        and text.lower() not in _WORDS
    )
