# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What belongs to a package when it is pushed or relocated: walks over the dependencies of records.

Orders as Spack 1.1 has them, seen in what it pushes and writes. Any thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from core.spack.specs import DEPENDENCY_TYPES, PackageRecord

if TYPE_CHECKING:
    from core.spack.database import Database

_RUNTIME_TYPES = ("link", "run", "test")
_NAME = attrgetter("name")


def breadth_first(
    records: Mapping[str, PackageRecord],
    roots: Iterable[str],
    deptypes: Collection[str],
    root_deptypes: Collection[str] | None = None,
) -> list[str]:
    """Hashes of `roots` and all they reach over edges of `deptypes`, level by level, children by name, each once.

    `root_deptypes` applies to the edges of the roots themselves when given. Hashes without a record are skipped.
    """
    order = [dag_hash for dag_hash in dict.fromkeys(roots) if dag_hash in records]
    root_count = len(order)
    seen = set(order)
    for position, dag_hash in enumerate(order):  # grows while it is walked
        wanted = root_deptypes if position < root_count and root_deptypes is not None else deptypes
        for edge in sorted(records[dag_hash].node.dependencies, key=_NAME):
            if edge.hash not in seen and edge.hash in records and any(kind in wanted for kind in edge.deptypes):
                seen.add(edge.hash)
                order.append(edge.hash)
    return order


def direct_dependencies(records: Mapping[str, PackageRecord], record: PackageRecord) -> list[str]:
    """What `breadth_first` gives first after `record` itself: the hashes of its dependencies of every type."""
    edges = sorted(record.node.dependencies, key=_NAME)
    hashes = dict.fromkeys(edge.hash for edge in edges if edge.hash in records and edge.deptypes)
    hashes.pop(record.hash, None)
    return list(hashes)


def relocation_set(record: PackageRecord, records: Mapping[str, PackageRecord]) -> list[tuple[str, str]]:
    """(hash, prefix) pairs in the order of `hash_to_prefix` in a package archive's `binary_distribution`.

    The package and its transitive link dependencies, then its direct run dependencies; no externals.
    """
    linked = breadth_first(records, [record.hash], ("link",))
    run = [edge.hash for edge in record.node.dependencies if "run" in edge.deptypes]
    found = (records[dag_hash] for dag_hash in dict.fromkeys([*linked, *run]) if dag_hash in records)
    return [(item.hash, item.prefix) for item in found if item.prefix is not None and not item.external]


def push_order(
    database: Database,
    roots: Iterable[str],
    *,
    only: Literal["package", "dependencies"] | None = None,
    with_build_dependencies: bool = True,
    externals: bool = False,
) -> list[str]:
    """Hashes that `spack buildcache push` selects for `roots`, in its order: dependencies first, no externals.

    `only="dependencies"` leaves out every root, also one that another root depends on. Records in any state are in it.
    `externals` keeps what Spack drops silently, for plans that name what they set aside.
    """
    root_hashes = list(dict.fromkeys(roots))
    deptypes = DEPENDENCY_TYPES if with_build_dependencies else _RUNTIME_TYPES
    order = reversed(database.closure(root_hashes, () if only == "package" else deptypes))
    left_out = set(root_hashes) if only == "dependencies" else set()
    return [key for key in order if key not in left_out and (externals or not database.records[key].external)]
