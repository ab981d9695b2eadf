# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How numbers, times and foreign text are written, the same in the window and in the terminal."""

from __future__ import annotations

import unicodedata

THIN_SPACE = "\u2009"
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_AGE_UNITS = (("year", 365.25 * 86400), ("month", 30.44 * 86400), ("day", 86400.0), ("hour", 3600.0), ("minute", 60.0))


def format_bytes(count: float, *, exact: bool = True) -> str:
    """`1.1 GB`: powers of 1000, at most three significant digits; `about 1.1 GB` where it is not `exact`."""
    if not exact:
        return f"about {format_bytes(count)}"
    value = float(count)
    for unit in _BYTE_UNITS:
        if value < 999.5 or unit == _BYTE_UNITS[-1]:
            digits = 0 if unit == "B" or value >= 99.95 else 1
            text = f"{value:.{digits}f}".removesuffix(".0")
            return f"{text}{THIN_SPACE}{unit}"
        value /= 1000
    raise AssertionError("unreachable")


def format_rate(bytes_per_second: float) -> str:
    return f"{format_bytes(bytes_per_second)}/s"


def format_duration(seconds: float) -> str:
    """`0.4 s`, `45 s`, `6 min`, `2 h 5 min`: as exact as a person needs."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}{THIN_SPACE}s"
    whole = round(seconds)
    if whole < 90:
        return f"{whole}{THIN_SPACE}s"
    minutes = round(whole / 60)
    if minutes < 90:
        return f"{minutes}{THIN_SPACE}min"
    hours, rest = divmod(minutes, 60)
    return f"{hours}{THIN_SPACE}h {rest}{THIN_SPACE}min" if rest else f"{hours}{THIN_SPACE}h"


def format_age(seconds: float) -> str:
    """`2 days ago`; less than a minute (and the future, by a skewed clock) is `just now`."""
    for unit, size in _AGE_UNITS:
        if seconds >= size:
            return f"{plural(int(seconds / size), unit)} ago"
    return "just now"


def plural(count: int, noun: str) -> str:
    """`1 package`, `1,204 packages`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def short_hash(dag_hash: str) -> str:
    return dag_hash[:7]


def visible(text: str) -> str:
    """`text` on one line with control, bidirectional and other invisible characters shown as escapes.

    For anything foreign (file names, server messages) on its way to a terminal or a label. Thin spaces stay: amounts
    have them.
    """
    if text.isprintable():  # the same question, many times faster, and nearly always the answer
        return text
    return "".join(
        char
        if char in (" ", THIN_SPACE) or unicodedata.category(char)[0] not in "CZ"
        else char.encode("unicode_escape").decode()
        for char in text
    )
