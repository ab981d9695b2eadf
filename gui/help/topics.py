# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The chapters of the user guide, as they lie in `resources/help`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Topic:
    """One chapter: `name` is its file's, by which others link to it."""

    name: str
    title: str
    text: str

    def matches(self, words: list[str]) -> bool:
        """Whether every one of the lower-case `words` is somewhere in it."""
        text = self.text.lower()
        return all(word in text for word in words)


@cache
def topics() -> tuple[Topic, ...]:
    """All chapters in reading order, which is that of their names. Any thread."""
    found = (each for each in files("resources.help").iterdir() if each.name.endswith(".md"))
    return tuple(_topic(each.name, each.read_text("utf-8")) for each in sorted(found, key=lambda each: each.name))


def _topic(name: str, text: str) -> Topic:
    return Topic(name, text.partition("\n")[0].removeprefix("# "), text)
