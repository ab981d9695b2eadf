# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an instance has installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.packing.measure import measure
from core.services.values import PackageRow, SelectionSummary
from core.spack.closures import push_order
from core.spack.database import Database
from core.spack.formats import compilers_of, variants_text
from core.spack.queries import Query, select
from core.spack.specs import PackageRecord, PackageState


def find(database: Database, queries: Sequence[str]) -> list[PackageRecord]:
    """Installed packages that match any of `queries` (all of them for none), sorted by name, version and hash.

    Raises QueryError.
    """
    parsed = [query for text in queries for query in Query.parse(text)]
    return select(database.records.values(), parsed, database.records)


def package_rows(database: Database) -> Iterator[PackageRow]:
    """Every record as the packages table shows it, in no particular order."""
    for record in database.records.values():
        node = record.node
        yield PackageRow(
            hash=record.hash,
            name=record.name,
            version=record.version,
            compilers=" ".join(compilers_of(record, database.records)),
            platform=node.platform,
            os=node.os,
            target=node.target,
            variants=variants_text(node),
            namespace=node.namespace,
            explicit=record.explicit,
            installed_at=record.installation_time,
            state=record.state,
            upstream=record.upstream,
            prefix=record.prefix or "",
        )


class SizeMemory:
    """Sizes of prefixes measured in this process, by DAG hash and installation time. For one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, float], int] = {}

    def size_bytes(self, record: PackageRecord) -> int:
        key = (record.hash, record.installation_time)
        if key not in self._known:
            self._known[key] = measure(Path(record.prefix)).bytes if record.prefix else 0
        return self._known[key]


def summarize_selection(
    database: Database, hashes: Sequence[str], sizes: SizeMemory, token: CancelToken
) -> SelectionSummary:
    """Packages chosen and, with their link and run dependencies, how many and how large they are."""
    order = push_order(database, hashes, with_build_dependencies=False)
    total = count = 0
    for dag_hash in order:
        token.raise_if_cancelled()
        record = database.records[dag_hash]
        if record.state is PackageState.INSTALLED:
            count += 1
            total += sizes.size_bytes(record)
    return SelectionSummary(len(hashes), count, total)
