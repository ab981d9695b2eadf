# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages of a cache in the form of database records, so that queries and comparisons take them as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.caches.protocol import IndexRecord
from core.foundation.errors import DatabaseError
from core.spack.node_reader import NodeReader
from core.spack.specs import PackageRecord


def entry_records(records: Mapping[str, IndexRecord], roots: Iterable[str]) -> dict[str, PackageRecord]:
    """`roots` and everything they depend on, as far as `records` of an index has it and it can be read.

    They count as installed where the cache has an entry of them.
    """
    reader = NodeReader()
    found: dict[str, PackageRecord] = {}
    pending = list(roots)
    while pending:
        dag_hash = pending.pop()
        record = records.get(dag_hash)
        if record is None or dag_hash in found:
            continue
        document = bytes(record.document)
        try:
            node = reader.read(document, dag_hash)
        except DatabaseError:
            continue
        found[dag_hash] = PackageRecord(
            node=node,
            document=document,
            hash=dag_hash,
            prefix=None,
            install_root="",
            installed=record.in_buildcache,
            explicit=False,
            installation_time=0.0,
            deprecated_for=None,
            upstream=False,
            specfile_version=node.original_format,
        )
        pending += [edge.hash for edge in node.dependencies]
    return found
