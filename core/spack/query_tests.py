# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether records match specs, dependencies included (Spack 1.1, seen in the answers of its `find`).

Few records are looked at one by one, from a package down to its dependencies. For many it is faster to begin with the
packages that a dependency may be, and to go up from there to all that need them. Both give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias

from core.spack.abstract_specs import AbstractSpec, DependencyConstraint
from core.spack.closures import breadth_first
from core.spack.node_constraints import NodeConstraint, VariantConstraint, version_within
from core.spack.query_parser import COMPILER_ALIASES
from core.spack.specs import DEPENDENCY_TYPES, FIRST_FORMAT_WITH_COMPILER_NODES, Edge, PackageRecord
from core.spack.versions import VersionList
from core.spack.worlds import World

# True, False, or None where only a recipe that cannot be read could tell.
Verdict: TypeAlias = bool | None
RecordTest: TypeAlias = Callable[[PackageRecord], Verdict]
EdgeTest: TypeAlias = Callable[[Edge], Verdict]


class Recipes(Protocol):
    """Knows what recipes say about virtual packages."""

    def provides(self, record: PackageRecord, virtual: str, versions: VersionList | None) -> Verdict:
        """Whether `record` provides any of `versions` (None: any at all) of `virtual`."""
        ...


class RecordTests:
    """Makes tests for the records of `world`, `many` or few of them. For one thread and one question.

    Without `recipes` only edges say what is used as which virtual package.
    """

    def __init__(self, world: World, recipes: Recipes | None, *, many: bool) -> None:
        self._world = world
        self._recipes = recipes
        self._many = many

    def of(self, spec: AbstractSpec) -> RecordTest:
        return _all([*spec.node.tests(), self.of_dependencies(spec)])

    def of_dependencies(self, spec: AbstractSpec) -> RecordTest:
        """The part of `of` that needs more than the record itself."""
        everywhere = [self._everywhere(variant) for variant in spec.node.propagated]
        return _all(everywhere + [self._needed(dependency) for dependency in spec.dependencies])

    def of_providers(self, spec: AbstractSpec) -> RecordTest:
        """Whether a record stands for the virtual package that `spec` names, and is what `spec` asks for otherwise."""
        name, versions = spec.node.name, spec.node.versions
        known = self._world.providers.get(name, set())

        def provides(record: PackageRecord) -> Verdict:
            if record.hash in known and versions is None:
                return True
            if self._recipes is not None:
                return self._recipes.provides(record, name, versions)
            return None if record.hash in known else False

        return _all([*spec.node.tests(name=False), provides, self.of_dependencies(spec)])

    def _needed(self, wanted: DependencyConstraint) -> RecordTest:
        if wanted.direct:
            test = self._direct(wanted)
        else:
            test = self._from_below(wanted) if self._many else self._from_above(wanted)
        if wanted.when is None:
            return test
        condition = self.of(wanted.when)

        def test_where_it_applies(record: PackageRecord) -> Verdict:
            applies = condition(record)
            return True if applies is False else test(record) if applies else test(record) or None

        return test_where_it_applies

    def _direct(self, wanted: DependencyConstraint) -> RecordTest:
        is_child = self._child(wanted.spec)
        virtuals, deptypes = frozenset(wanted.virtuals), frozenset(wanted.deptypes)

        def test(record: PackageRecord) -> Verdict:
            if record.specfile_version < FIRST_FORMAT_WITH_COMPILER_NODES or _is_external_leaf(record):
                return _is_annotated_compiler(record, wanted.spec.node)
            verdict: Verdict = False
            for edge in record.node.dependencies:
                found = is_child(edge)
                if found is False or (virtuals and virtuals.isdisjoint(edge.virtuals)):
                    continue
                if found and deptypes.issubset(edge.deptypes):
                    return True
                if deptypes.issubset(edge.deptypes):
                    verdict = None
            return verdict

        return test

    def _child(self, spec: AbstractSpec) -> EdgeTest:
        """Whether an edge leads to what `spec` asks for, under its name or as the virtual package of that name."""
        records, name, is_named = self._world.records, spec.node.name, spec.node.is_named
        test, test_provider = self.of(spec), self._used_as_virtual(spec)
        children: dict[str, Verdict] = {}
        providers: dict[str, Verdict] = {}

        def is_child(edge: Edge) -> Verdict:
            verdicts = children
            if is_named and edge.name != name:
                if name not in edge.parameters.virtuals:
                    return False
                verdicts = providers
            if edge.hash not in verdicts:
                child = records.get(edge.hash)
                suits = test if verdicts is children else test_provider
                verdicts[edge.hash] = None if child is None else suits(child)
            return verdicts[edge.hash]

        return is_child

    def _used_as_virtual(self, spec: AbstractSpec) -> RecordTest:
        """`of` for records that an edge already names as the virtual package; its version is the recipe's to tell."""
        node = spec.node

        def provides(record: PackageRecord) -> Verdict:
            if node.versions is None:
                return True
            return self._recipes.provides(record, node.name, node.versions) if self._recipes is not None else None

        return _all([*node.tests(name=False), provides, self.of_dependencies(spec)])

    def _from_above(self, wanted: DependencyConstraint) -> RecordTest:
        is_child, node = self._child(wanted.spec), wanted.spec.node

        def test(record: PackageRecord) -> Verdict:
            edges = list(self._world.runtime_edges(record))
            if node.is_named:
                edges = [edge for edge in edges if node.name == edge.name or node.name in edge.virtuals]
            carried = {virtual for edge in edges for virtual in edge.virtuals}
            return carried.issuperset(wanted.virtuals) and _any(map(is_child, edges))

        return test

    def _from_below(self, wanted: DependencyConstraint) -> RecordTest:
        world, node, test = self._world, wanted.spec.node, self.of(wanted.spec)
        children = world.by_name.get(node.name, []) if node.is_named else list(world.records.values())
        verdicts = {child.hash: test(child) for child in children}
        sure = self._users(key for key, verdict in verdicts.items() if verdict)
        perhaps = self._users(key for key, verdict in verdicts.items() if verdict is None)
        if node.is_named and not children:
            test = self._used_as_virtual(wanted.spec)
            used = (world.records[key] for key in world.providers.get(node.name, ()) if key in world.records)
            verdicts = {child.hash: test(child) for child in used}
            sure |= self._users((key for key, verdict in verdicts.items() if verdict), node.name)
            perhaps |= self._users((key for key, verdict in verdicts.items() if verdict is None), node.name)
        for virtual in wanted.virtuals:
            carrying = self._users(verdicts, virtual)
            sure, perhaps = sure & carrying, perhaps & carrying
        return lambda record: record.hash in sure or (None if record.hash in perhaps else False)

    def _users(self, children: Iterable[str], virtual: str = "") -> set[str]:
        """All that have an edge to one of `children` where `^` looks for it; with `virtual` an edge carrying that."""
        records, dependents = self._world.records, self._world.dependents
        linked: set[str] = set()
        built: set[str] = set()
        for child in children:
            for found, parents in ((linked, dependents.runtime), (built, dependents.build)):
                users = parents.get(child, ())
                found.update([user for user in users if _carries(records[user], child, virtual)] if virtual else users)
        return _climb(linked, dependents.runtime) | built

    def _everywhere(self, variant: VariantConstraint) -> RecordTest:
        """A test whether no package of a DAG has another value of `variant`; packages without it do not count."""
        records = self._world.records

        def differs(record: PackageRecord) -> bool:
            value = record.node.parameters.get(variant.name)
            return value is not None and not variant.matches(value)

        if self._many:
            different = {record.hash for record in records.values() if differs(record)}
            above = _climb(different, *self._world.dependents)
            return lambda record: record.hash not in above
        return lambda record: (
            not any(differs(records[key]) for key in breadth_first(records, [record.hash], DEPENDENCY_TYPES))
        )


def _all(tests: Sequence[RecordTest]) -> RecordTest:
    def test_all(record: PackageRecord) -> Verdict:
        verdict: Verdict = True
        for test in tests:
            found = test(record)
            if found is False:
                return False
            if found is None:
                verdict = None
        return verdict

    return tests[0] if len(tests) == 1 else test_all


def _any(verdicts: Iterable[Verdict]) -> Verdict:
    verdict: Verdict = False
    for found in verdicts:
        if found:
            return True
        if found is None:
            verdict = None
    return verdict


def _climb(start: set[str], *parents: Mapping[str, Sequence[str]]) -> set[str]:
    """`start` and everything above it."""
    found = set(start)
    pending = list(start)
    while pending:
        child = pending.pop()
        for kind in parents:
            for parent in kind.get(child, ()):
                if parent not in found:
                    found.add(parent)
                    pending.append(parent)
    return found


def _carries(record: PackageRecord, child: str, virtual: str) -> bool:
    return any(edge.hash == child and virtual in edge.virtuals for edge in record.node.dependencies)


def _is_external_leaf(record: PackageRecord) -> bool:
    return not record.node.dependencies and record.external


def _is_annotated_compiler(record: PackageRecord, node: NodeConstraint) -> bool:
    """Specs from before Spack 1.0, and externals, have no edges to compilers; their compiler is all that `%` sees."""
    name, _, version = record.node.annotated_compiler.partition("@")
    asked = replace(node, name="", versions=None)
    return (
        asked == NodeConstraint()
        and bool(name)
        and (not node.is_named or COMPILER_ALIASES.get(name, name) == node.name)
        and (node.versions is None or version_within(version.removeprefix("="), node.versions))
    )
