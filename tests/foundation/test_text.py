# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest

from core.foundation.text import format_age, format_bytes, format_duration, format_rate, plural, visible


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1_100_000_000, "1.1 GB"),
        (99_949, "99.9 kB"),
        (999_499, "999 kB"),
        (999_999, "1 MB"),
        (5 * 10**15, "5 PB"),
        (2 * 10**19, "20000 PB"),
    ],
)
def test_bytes(count, text):
    assert format_bytes(count) == text.replace(" ", "\u2009")
    assert format_rate(count) == format_bytes(count) + "/s"
    assert format_bytes(count, exact=False) == f"about {format_bytes(count)}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3600, "60 min"),
        (5400, "1 h 30 min"),
        (7200, "2 h"),
    ],
)
def test_durations(seconds, text):
    assert format_duration(seconds).replace("\u2009", " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (86400 * 2, "2 days ago"),
        (86400 * 40, "1 month ago"),
        (86400 * 800, "2 years ago"),
    ],
)
def test_ages(seconds, text):
    assert format_age(seconds) == text


def test_plural():
    assert plural(1, "package") == "1 package"
    assert plural(1204, "package") == "1,204 packages"


def test_amounts_in_sentences_stay_readable():
    text = f"about {format_bytes(5 * 10**9)} needed"
    assert visible(text) == text


def test_foreign_text_cannot_move_the_cursor_or_turn_the_line():
    assert visible("a\x1b[31mb\u202e\nü 日\u2003\udc80") == "a\\x1b[31mb\\u202e\\nü 日\\u2003\\udc80"
