# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Queries for packages as `spack find` of Spack 1.1 takes them. Pure functions and values, usable from any thread.

Answered are name, namespace, versions, variants, compiler flags, architecture and hash of a package. Whatever concerns
its dependencies (`^`, `%`, propagated variants) and spec files are refused with a `QueryError`. Names of virtual
packages match nothing, since only recipes know who provides them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.spack.node_constraints import NodeConstraint
from core.spack.query_parser import parse_constraints
from core.spack.specs import PackageRecord
from core.spack.versions import version_key


@dataclass(frozen=True, slots=True)
class Query:
    """One alternative of a query text; `str()` gives a text that parses to an equal query."""

    node: NodeConstraint

    @classmethod
    def parse(cls, text: str) -> tuple[Query, ...]:
        """The alternatives in `text`; a package name begins a new one. Blank text has none.

        Raises `QueryError` with the position of what is wrong or not supported.
        """
        return tuple(cls(node) for node in parse_constraints(text))

    def __str__(self) -> str:
        return str(self.node)

    @property
    def hash_prefix(self) -> str:
        return self.node.hash_prefix

    def matches(self, record: PackageRecord, records: Mapping[str, PackageRecord]) -> bool:  # noqa: ARG002
        """Whether `record` is what is asked for, whatever its state. `records` holds its dependencies by hash."""
        return self.node.matches(record)


def select(
    records: Iterable[PackageRecord], queries: Sequence[Query], records_by_hash: Mapping[str, PackageRecord]
) -> list[PackageRecord]:
    """The installed, not deprecated records that match any of `queries`, by name, version and hash.

    Without queries these are all of them, as in `spack find` without arguments.
    """
    found = (
        record
        for record in records
        if _is_available(record) and (not queries or any(query.matches(record, records_by_hash) for query in queries))
    )
    return sorted(found, key=_listing_key)


def lookup(records: Mapping[str, PackageRecord], query: Query, *, any_state: bool) -> list[PackageRecord]:
    """The records matching `query`, by name, version and hash; with `any_state` missing and deprecated ones as well."""
    found = (
        record for record in records.values() if (any_state or _is_available(record)) and query.matches(record, records)
    )
    return sorted(found, key=_listing_key)


def _is_available(record: PackageRecord) -> bool:
    return record.installed and record.deprecated_for is None


def _listing_key(record: PackageRecord) -> tuple[object, ...]:
    return (record.node.name, version_key(record.node.version), record.hash)
