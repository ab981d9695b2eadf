# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages as people name them, installed or in a cache, made ready to be compared."""

from __future__ import annotations

from collections.abc import Mapping

from core.caches.protocol import CacheIndex, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.digests import is_dag_hash
from core.foundation.errors import NotFound
from core.foundation.text import short_hash
from core.services.comparison import Dag
from core.services.entry_records import entry_records
from core.services.finding import single_match
from core.services.package_values import PackageRef
from core.services.presence import Mirrors, indexed_packages
from core.spack.formats import short
from core.spack.queries import parse_query
from core.spack.specs import PackageRecord
from core.spack.worlds import World


def find_dag(ref: PackageRef, world: World, mirrors: Mirrors, token: CancelToken) -> Dag:
    """The package `ref` means. Raises NotFound, UsageError if it means several, QueryError, what a mirror raises."""
    if not ref.mirror:
        return installed_dag(_only_match(ref.hash, world, "installed"), world)
    (mirror,) = mirrors.chosen([ref.mirror])
    cache = mirrors.open(mirror)
    name = mirror.name or mirror.fetch.url
    index = cache.read_index(token=token)
    if is_dag_hash(ref.hash) and (index is None or ref.hash not in index.records):
        return _unindexed(ref.hash, cache, name, token)
    records = entry_records(index.records, _candidates(index, ref.hash)) if index is not None else {}
    record = _only_match(ref.hash, World(records), f"on {name}")
    return entry_dag(record, records, name)


def installed_dag(record: PackageRecord, world: World) -> Dag:
    return Dag(record.hash, short(record.node), lambda dag_hash: _document(world.records, dag_hash))


def entry_dag(record: PackageRecord, records: Mapping[str, PackageRecord], mirror: str) -> Dag:
    """`record` as the mirror of that name has it."""
    return Dag(record.hash, f"{short(record.node)} on {mirror}", lambda dag_hash: _document(records, dag_hash))


def _only_match(text: str, world: World, where: str) -> PackageRecord:
    if text in world.records:
        return world.records[text]
    query = parse_query(text)
    found = single_match(query, world) if query.specs else None
    if found is None:
        raise NotFound(f"{text} matches no package {where}")
    return found


def _candidates(index: CacheIndex, text: str) -> list[str]:
    """Entries that `text`, a hash or a query, may mean: those of the names it begins with, or all."""
    if is_dag_hash(text):
        return [text]
    names = {spec.node.name for spec in parse_query(text).specs}
    entries = indexed_packages(index).values()
    return [entry.hash for entry in entries if "" in names or entry.name in names]


def _unindexed(dag_hash: str, cache: ReadableCache, mirror: str, token: CancelToken) -> Dag:
    """An entry its index does not know, by its own spec."""
    browser = cache.browser()
    for listed in browser.names(token):
        if listed.entry is not None and listed.entry.hash == dag_hash:
            spec = browser.describe(listed.key, listed.manifest_digest, token).spec
            if spec is not None:
                label = f"{listed.entry.name}@{listed.entry.version}/{short_hash(dag_hash)} on {mirror}"
                documents = {each: bytes(node) for each, node in spec.nodes.items()}
                return Dag(dag_hash, label, documents.get)
    raise NotFound(f"/{dag_hash} is not on {mirror}")


def _document(records: Mapping[str, PackageRecord], dag_hash: str) -> bytes | None:
    record = records.get(dag_hash)
    return record.document if record is not None else None
