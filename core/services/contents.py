# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a cache holds, and its index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.caches.opening import CacheAccess
from core.caches.protocol import CacheEntry, EntryName, IndexRecord, IndexUpdate
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, MirrordeckError, NotFound
from core.foundation.text import plural
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.reading import mirrors_of
from core.services.entry_records import entry_records
from core.spack.instance import Instance
from core.spack.queries import Query, parse_query, select
from core.spack.spec_files import spec_file_reader
from core.spack.specs import decode_node
from core.spack.versions import version_key
from core.spack.worlds import World
from core.transfers.history import Action, noted, record


@dataclass(frozen=True, slots=True)
class Contents:
    """Entries by name, version and hash; `problems` name entries that could not be read or not be judged.

    `from_index` where nothing could be listed: then the entries say no more than their names. `records` are those of
    the index.
    """

    entries: tuple[CacheEntry, ...]
    problems: tuple[ErrorInfo, ...]
    from_index: bool = False
    records: Mapping[str, IndexRecord] = field(default_factory=dict)

    @property
    def not_in_index(self) -> int:
        """How many of the entries an index lacks that there is: another writer's update did not know them yet."""
        found = (self.records.get(entry.entry.hash) for entry in self.entries) if self.records else ()
        return sum(record is None or not record.in_buildcache for record in found)


def list_contents(
    instance: Instance, access: CacheAccess, mirror: str, queries: Sequence[str], *, cwd: Path, token: CancelToken
) -> Contents:
    """Entries of the cache `mirror` fetches from; with `queries` those that match any of them.

    Queries are answered from the index, which alone tells variants and targets without reading every package; entries
    it does not know are named in a problem. Where nothing can be listed, entries are those of the index. Raises
    QueryError, UsageError, CacheError and what the cache raises.
    """
    found = resolve_mirror(mirror, mirrors_of(instance), cwd=cwd)
    cache = access.open(found, Direction.FETCH)
    if found.fetch.folder is not None and not found.fetch.folder.is_dir():
        raise NotFound("There is no build cache", f"{found.fetch.folder}: no such directory")
    query = parse_query(" ".join(queries), read_file=spec_file_reader(cwd))
    entries: list[CacheEntry] = []
    problems: list[ErrorInfo] = []
    index = cache.read_index(token=token)
    records = index.records if index is not None else {}
    if cache.index_only:
        entries += _indexed(records)
        if index is None:
            why = f"{cache.url} has none, and web addresses cannot be listed"
            problems.append(ErrorInfo("no-index", "Packages are found by the index only", why))
    else:
        for item in cache.entries(token=token):
            if isinstance(item, ErrorInfo):
                problems.append(item)
            else:
                entries.append(item)
    if query.specs:
        entries, unknown = _matching(entries, query, records)
        if unknown:
            title = f"{plural(unknown, 'package')} could not be compared with the query"
            problems.append(ErrorInfo("index-stale", title, "the index does not know them", ("Update the index.",)))
    entries = [_with_version(entry, records.get(entry.entry.hash)) for entry in entries]
    entries.sort(key=lambda entry: (entry.entry.name, version_key(entry.entry.version), entry.entry.hash))
    return Contents(tuple(entries), tuple(problems), cache.index_only, records)


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
    cache = access.open(found, Direction.PUSH)
    update = cache.update_index(full=full, token=token, progress=progress)
    detail = f"{plural(update.entries, 'package')}, {update.added} added, {update.dropped} dropped"
    record([noted(Action.INDEXED, found.name or mirror, url=cache.url, detail=detail)])
    return update


def _matching(
    entries: Sequence[CacheEntry], query: Query, records: Mapping[str, IndexRecord]
) -> tuple[list[CacheEntry], int]:
    """Entries that match, and how many could not be judged."""
    known = entry_records(records, records)
    answer = select(query, World(known), any_state=True)
    matched = {record.hash for record in answer.matched}
    unknown = {record.hash for record in answer.unknown}
    doubtful = sum(1 for entry in entries if entry.entry.hash in unknown or entry.entry.hash not in known)
    return [entry for entry in entries if entry.entry.hash in matched], doubtful


def _indexed(records: Mapping[str, IndexRecord]) -> Iterator[CacheEntry]:
    """What an index says is there; odd records are left out."""
    for dag_hash, found in records.items():
        if found.in_buildcache:
            with suppress(MirrordeckError):
                node = decode_node(found.document)
                yield CacheEntry(EntryName(node.name, node.version, dag_hash), "", "", "", 0, None, None, 0.0)


def _with_version(entry: CacheEntry, record: IndexRecord | None) -> CacheEntry:
    """A listing knows versions as they stand in file names, where `_` may have been `=`, and in tags it has to guess
    where a name with dashes ends; the index knows better."""
    if record is None or ("_" not in entry.entry.version and "-" not in entry.entry.name):
        return entry
    node = decode_node(record.document)
    return replace(entry, entry=replace(entry.entry, name=node.name, version=node.version))
