# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an instance has installed: the rows of its table, and queries for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.foundation.errors import QueryError
from core.services.package_values import FoundPackages, QueryProblem
from core.services.values import PackageRow
from core.spack.database import Database
from core.spack.formats import compilers_of, variants_text
from core.spack.queries import parse_query, select
from core.spack.specs import Edge, PackageRecord


def find_by_text(database: Database, text: str) -> FoundPackages:
    """Packages in any state that match what a person has typed so far; a wrong query is part of the answer."""
    try:
        answer = select(parse_query(text), database.world, recipes=database.recipes, any_state=True)
    except QueryError as error:
        return FoundPackages((), problem=QueryProblem(error.title, error.why, error.position, error.length))
    return FoundPackages(_hashes(answer.matched), _hashes(answer.unknown))


def _hashes(records: Iterable[PackageRecord]) -> tuple[str, ...]:
    return tuple(record.hash for record in records)


def changes_since(before: Database, now: Database) -> tuple[list[PackageRecord], tuple[str, ...]]:
    """Records that are new or changed, and hashes of those that are gone. Quick for two readings of one instance."""
    old = before.records
    changed = [record for dag_hash, record in now.records.items() if old.get(dag_hash) is not record]
    return changed, tuple(dag_hash for dag_hash in old if dag_hash not in now.records)


def package_rows(database: Database, records: Iterable[PackageRecord]) -> Iterator[PackageRow]:
    """`records` of `database` as the packages table shows them, in the same order."""
    variants: dict[int, str] = {}  # by identity: records of one reading share equal parameters
    compilers: dict[tuple[Edge, ...], str] = {}
    for record in records:
        node = record.node
        if id(node.parameters) not in variants:
            variants[id(node.parameters)] = variants_text(node)
        tools = tuple([edge for edge in node.dependencies if edge.parameters.virtuals])
        if tools not in compilers:
            compilers[tools] = " ".join(compilers_of(record, database.records))
        yield PackageRow(
            hash=record.hash,
            name=record.name,
            version=record.version,
            compilers=compilers[tools],
            platform=node.platform,
            os=node.os,
            target=node.target,
            variants=variants[id(node.parameters)],
            namespace=node.namespace,
            explicit=record.explicit,
            installed_at=record.installation_time,
            state=record.state,
            upstream=record.upstream,
            prefix=record.prefix or "",
            install_root=record.install_root,
            deprecated_for=record.deprecated_for or "",
        )
