# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Queries for packages as `spack find` of Spack 1.1 takes them, and the records that answer them.

Records alone tell everything but one thing: whether a package *provides* a virtual one that nobody uses it as, or which
version of it. Only recipes know that; what they cannot tell is reported, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.spack.abstract_specs import AbstractSpec
from core.spack.query_parser import ReadFile, parse_specs
from core.spack.query_tests import Recipes, RecordTest, RecordTests, Verdict
from core.spack.specs import PackageRecord
from core.spack.worlds import World

_MANY = 20


@dataclass(frozen=True, slots=True)
class Query:
    """What `specs` ask for, each an alternative; without any it is everything. `str()` parses to an equal query."""

    specs: tuple[AbstractSpec, ...]

    def __str__(self) -> str:
        return " ".join(map(str, self.specs))

    def matches(self, record: PackageRecord, world: World) -> Verdict:
        """Whether `record` itself is what is asked for, whatever its state; names of virtual packages match nothing.

        None where only a recipe could tell. Any thread.
        """
        tests = RecordTests(world, None, many=False)
        verdicts = [tests.of(spec)(record) for spec in self.specs]
        return not verdicts or True in verdicts or (None if None in verdicts else False)


@dataclass(frozen=True, slots=True)
class Answer:
    """Records in Spack's order. Whether those in `unknown` match only recipes could tell, which cannot be read."""

    matched: list[PackageRecord]
    unknown: list[PackageRecord]


def parse_query(text: str, *, read_file: ReadFile | None = None) -> Query:
    """The query in `text`; a package name begins another alternative. Blank text asks for everything.

    `read_file` gives the bytes of a spec file (`./spec.json`) named in the text. Raises `QueryError` with the place of
    what is wrong, whatever the text, and nothing else.
    """
    return Query(parse_specs(text, read_file))


def select(query: Query, world: World, *, recipes: Recipes | None = None, any_state: bool = False) -> Answer:
    """The records that match, as `spack find` would list them; with `any_state` missing and deprecated ones as well.

    The name of a virtual package stands for its providers. Without `recipes` these are those that others use as it. A
    name that neither an edge nor a recipe has for a virtual package is nobody's. Any thread.
    """
    if not query.specs:
        return Answer(_available(world.in_order, any_state), [])
    sure: dict[str, PackageRecord] = {}
    doubtful: dict[str, PackageRecord] = {}
    for spec in query.specs:
        for record, verdict in _verdicts(spec, world, recipes, any_state):
            (sure if verdict else doubtful)[record.hash] = record
    unknown = (record for dag_hash, record in doubtful.items() if dag_hash not in sure)
    return Answer(world.sorted(sure.values()), world.sorted(unknown))


def _verdicts(
    spec: AbstractSpec, world: World, recipes: Recipes | None, any_state: bool
) -> Iterable[tuple[PackageRecord, Verdict]]:
    """All that match or might match."""
    name = spec.node.name
    found = world.by_name.get(name, []) if spec.node.is_named else list(world.records.values())
    if spec.node.is_named and not found:
        others = _available(world.records.values(), any_state)
        test = RecordTests(world, recipes, many=len(others) > _MANY).of_providers(spec)
        providers = list(_apply(test, others))
        is_heard_of = name in world.providers or any(verdict for _, verdict in providers)
        return providers if is_heard_of else []  # most such names are just mistyped
    for test in spec.node.tests():  # one after the other over all: most records fail the first
        found = list(filter(test, found))
    found = _available(found, any_state)
    return _apply(RecordTests(world, recipes, many=len(found) > _MANY).of_dependencies(spec), found)


def _apply(test: RecordTest, records: Iterable[PackageRecord]) -> Iterable[tuple[PackageRecord, Verdict]]:
    return ((record, verdict) for record in records if (verdict := test(record)) is not False)


def _available(records: Iterable[PackageRecord], any_state: bool) -> list[PackageRecord]:
    return [record for record in records if any_state or (record.installed and record.deprecated_for is None)]
