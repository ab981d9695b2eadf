# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages below headings: by compiler, target or environment. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.foundation.text import visible
from core.services.values import PackageRow
from gui.packages import words
from gui.packages.facts import Facts
from gui.packages.rows import PackageList, compiler_text
from gui.packages.slices import Steps, slices


class Group(StrEnum):
    NONE = "none"
    COMPILER = "compiler"
    TARGET = "target"
    ENVIRONMENT = "environment"
    TREE = "tree"


@dataclass(frozen=True, slots=True)
class Grouped:
    """Lines of the table: positions of packages, and `~n` for the heading of section n (title, packages)."""

    lines: list[int]
    sections: tuple[tuple[str, int], ...]


def grouped(packages: PackageList, found: list[int], group: Group, facts: Facts) -> Steps[Grouped]:
    """The positions `found`, in their order, below headings. Packages of several environments are below each."""
    if group is Group.NONE:
        return Grouped(found, ())
    titles_of = _TITLES[group]
    rows = packages.rows
    members: dict[str, list[int]] = {}
    for part in slices(found):
        for at in part:
            for title in titles_of(rows[at], facts):
                members.setdefault(title, []).append(at)
        yield
    lines: list[int] = []
    sections: list[tuple[str, int]] = []
    for title in sorted(members, key=lambda each: (not each, each)):
        lines.append(~len(sections))
        lines += members[title]
        sections.append((visible(title) or words.WITHOUT[group.value], len(members[title])))
    return Grouped(lines, tuple(sections))


_TITLES: dict[Group, Callable[[PackageRow, Facts], Sequence[str]]] = {
    Group.COMPILER: lambda row, _facts: (compiler_text(row.compilers),),
    Group.TARGET: lambda row, _facts: (row.target,),
    Group.ENVIRONMENT: lambda row, facts: facts.environments_of(row.hash) or ("",),
    Group.TREE: lambda row, _facts: (row.install_root,),
}
