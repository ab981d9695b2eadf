# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Is everything there? Asked of a mirror package by package, not of its index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.caches.protocol import EntryName, ReadableCache
from core.foundation.cancel import CancelToken
from core.services.coverage import HeldBack
from core.spack.closures import push_order
from core.spack.database import Database
from core.spack.specs import PackageRecord


@dataclass(frozen=True, slots=True)
class Checked:
    """Packages in pushing order, dependencies first. `held_back` are not there and may not be redistributed, which is
    as it should be; `present` says how many are there, complete."""

    missing: tuple[PackageRecord, ...]
    held_back: tuple[PackageRecord, ...]
    present: int


def check_packages(database: Database, roots: Sequence[str], cache: ReadableCache, token: CancelToken) -> Checked:
    """Look for `roots` and their link and run dependencies, installed or not, but no externals.

    Raises what the cache raises.
    """
    hashes = push_order(database, roots, with_build_dependencies=False)
    records = [database.records[dag_hash] for dag_hash in hashes]
    entries = [EntryName(record.name, record.version, record.hash) for record in records]
    there = cache.present(entries, signed=False, token=token)
    absent = [dag_hash for dag_hash in hashes if dag_hash not in there]
    kept = HeldBack().among(absent, database, token)
    return Checked(
        missing=tuple(database.records[dag_hash] for dag_hash in absent if dag_hash not in kept),
        held_back=tuple(database.records[dag_hash] for dag_hash in absent if dag_hash in kept),
        present=len(hashes) - len(absent),
    )
