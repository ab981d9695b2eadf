# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a cache holds, and its index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.caches.opening import CacheAccess
from core.caches.protocol import CacheEntry, IndexRecord, IndexUpdate
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, NotFound
from core.foundation.text import plural
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.reading import mirrors_of
from core.spack.instance import Instance
from core.spack.queries import Query
from core.spack.specs import PackageRecord, decode_node
from core.spack.versions import version_key


@dataclass(frozen=True, slots=True)
class Contents:
    """Entries by name, version and hash; `problems` name entries that could not be read or not be judged."""

    entries: tuple[CacheEntry, ...]
    problems: tuple[ErrorInfo, ...]


def list_contents(
    instance: Instance, access: CacheAccess, mirror: str, queries: Sequence[str], *, cwd: Path, token: CancelToken
) -> Contents:
    """Entries of the cache `mirror` fetches from; with `queries` those that match any of them.

    Queries are answered from the index, which alone tells variants and targets without reading every package; entries
    it does not know are named in a problem. Raises QueryError, UsageError, CacheError and what the cache raises.
    """
    found = resolve_mirror(mirror, mirrors_of(instance), cwd=cwd)
    cache = access.open(found, Direction.FETCH)
    if found.fetch.folder is not None and not found.fetch.folder.is_dir():
        raise NotFound("There is no build cache", f"{found.fetch.folder}: no such directory")
    parsed = [query for text in queries for query in Query.parse(text)]
    entries: list[CacheEntry] = []
    problems: list[ErrorInfo] = []
    for item in cache.entries(token=token):
        if isinstance(item, ErrorInfo):
            problems.append(item)
        else:
            entries.append(item)
    index = cache.read_index()
    records = index.records if index is not None else {}
    if parsed:
        entries, unknown = _matching(entries, parsed, records)
        if unknown:
            title = f"{plural(unknown, 'package')} could not be compared with the query"
            problems.append(ErrorInfo("index-stale", title, "the index does not know them", ("Update the index.",)))
    entries = [_with_version(entry, records.get(entry.entry.hash)) for entry in entries]
    entries.sort(key=lambda entry: (entry.entry.name, version_key(entry.entry.version), entry.entry.hash))
    return Contents(tuple(entries), tuple(problems))


def update_index(
    instance: Instance,
    access: CacheAccess,
    mirror: str,
    *,
    full: bool,
    cwd: Path,
    token: CancelToken,
    progress: Callable[[int, int], None],
) -> IndexUpdate:
    """Make the index of `mirror` agree with what it holds; `full` reads every entry again.

    `progress` gets the number of entries done and of all.
    """
    found = resolve_mirror(mirror, mirrors_of(instance), cwd=cwd)
    return access.open(found, Direction.PUSH).update_index(full=full, token=token, progress=progress)


def _matching(
    entries: Sequence[CacheEntry], queries: Sequence[Query], records: Mapping[str, IndexRecord]
) -> tuple[list[CacheEntry], int]:
    """Entries that match, and how many could not be judged."""
    found, unknown = [], 0
    for entry in entries:
        record = records.get(entry.entry.hash)
        if record is None:
            unknown += 1
        elif any(query.matches(_as_package(entry.entry.hash, record), {}) for query in queries):
            found.append(entry)
    return found, unknown


def _with_version(entry: CacheEntry, record: IndexRecord | None) -> CacheEntry:
    """A listing knows versions as they stand in file names, where `_` may have been `=`; the index knows better."""
    if record is None or "_" not in entry.entry.version:
        return entry
    return replace(entry, entry=replace(entry.entry, version=decode_node(record.document).version))


def _as_package(dag_hash: str, record: IndexRecord) -> PackageRecord:
    return PackageRecord(
        node=decode_node(record.document),
        document=bytes(record.document),
        hash=dag_hash,
        prefix=None,
        install_root="",
        installed=True,
        explicit=False,
        installation_time=0.0,
        deprecated_for=None,
        upstream=False,
        specfile_version=5,
    )
