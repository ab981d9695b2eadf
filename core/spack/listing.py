# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages listed as `spack find` lists them on anything but a terminal (Spack 1.1, seen in its output). Any thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.spack.database import Database
from core.spack.formats import find_groups, format_record
from core.spack.specs import Edge, PackageRecord, PackageState

_INDENT = 4 * " "
_STATUS = {
    PackageState.INSTALLED: "[+]  ",
    PackageState.EXTERNAL: "[e]  ",
    PackageState.MISSING: "[-]  ",
    PackageState.DEPRECATED: "[-]  ",
}
_UPSTREAM = "[^]  "


@dataclass(frozen=True, slots=True)
class ListingStyle:
    """What of a package is shown, and how: the options of `spack find`. `hash_length` 0 shows no hash."""

    template: str = "{name}{@version}"
    hash_length: int = 0
    status: bool = False
    paths: bool = False
    dependencies: bool = False
    groups: bool = True


def listing(found: Sequence[PackageRecord], database: Database, style: ListingStyle) -> Iterator[str]:
    """The lines that list `found`, which are in Spack's order. Raises QueryError if the template makes no sense."""
    if not style.groups:
        yield from _lines(found, database, style)
        return
    for number, (header, records) in enumerate(find_groups(found, database)):
        if number:
            yield ""
        yield header
        yield from _lines(records, database, style)


def with_dependencies(found: Iterable[PackageRecord], records: Mapping[str, PackageRecord]) -> list[PackageRecord]:
    """Each of `found` followed by what it depends on, depth first, children by name, every package once."""
    order: dict[str, PackageRecord] = {}
    for root in found:
        if root.hash in order:
            continue
        pending, seen = [root], set[str]()
        while pending:
            record = pending.pop()
            if record.hash in seen:
                continue
            seen.add(record.hash)
            order.setdefault(record.hash, record)
            for edge in sorted(record.node.dependencies, key=_by_name, reverse=True):
                if edge.hash in records:
                    pending.append(records[edge.hash])
    return list(order.values())


def status_of(record: PackageRecord) -> str:
    """`[+]  `, `[^]  ` (upstream), `[e]  ` (external) or `[-]  ` (missing)."""
    return _UPSTREAM if record.upstream and record.state is PackageState.INSTALLED else _STATUS[record.state]


def _lines(found: Sequence[PackageRecord], database: Database, style: ListingStyle) -> Iterator[str]:
    lines: list[tuple[str, PackageRecord | None]] = []
    for root in found:
        tree = _tree(root, database.records) if style.dependencies else [(0, root)]
        lines += [(_line(record, depth, database, style), record) for depth, record in tree]
        if style.dependencies:
            lines.append(("", None))
    width = max((len(line) for line, _ in lines), default=0) + 2
    for line, record in lines:
        yield f"{line:{width}}{record.prefix or ''}" if style.paths and record is not None else line


def _line(record: PackageRecord, depth: int, database: Database, style: ListingStyle) -> str:
    shown_hash = f"{record.hash[: style.hash_length]} " if style.hash_length else ""
    text = format_record(record, style.template, records=database.records)
    return f"{status_of(record) if style.status else ''}{shown_hash}{depth * _INDENT}{text}"


def _tree(root: PackageRecord, records: Mapping[str, PackageRecord]) -> list[tuple[int, PackageRecord]]:
    """Everything below `root` with its depth, each below the one that leads to it on the shortest way."""
    children: dict[str, list[str]] = {}
    order = [root.hash]
    seen = {root.hash}
    for parent in order:  # grows while it is walked
        for edge in sorted(records[parent].node.dependencies, key=_by_name):
            if edge.hash not in seen and edge.hash in records:
                seen.add(edge.hash)
                children.setdefault(parent, []).append(edge.hash)
                order.append(edge.hash)
    lines = []
    pending = [(0, root.hash)]
    while pending:
        depth, dag_hash = pending.pop()
        lines.append((depth, records[dag_hash]))
        pending += [(depth + 1, child) for child in reversed(children.get(dag_hash, ()))]
    return lines


def _by_name(edge: Edge) -> str:
    return edge.name
