# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a cache holds, streamed for people who look around: names at once, facts as they are read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import msgspec

from core.caches.browsing import CacheBrowser, EntryKind, Listed
from core.caches.layout3 import entry_manifest
from core.caches.opening import CacheAccess
from core.caches.protocol import EntryName, IndexRecord, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, MirrordeckError, UsageError
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Connection, Mirror
from core.mirrors.reading import mirrors_of
from core.registry.references import ReferenceError, parse_mirror_url
from core.registry.tags import catalogue
from core.services.contents_memory import ContentsMemory, RememberedContents
from core.services.values import ContentsRow, ContentsView, RepositoriesView
from core.spack.instance import Instance
from core.spack.specs import PackageState, decode_node

_ROWS_IN_A_BATCH = 2000
_BATCH_S = 0.25
_HOST_SCHEMES = {"http": "oci+http", "https": "oci"}

Stream = Iterator[list[ContentsRow] | ContentsView]
Installed = Mapping[str, EntryName]  # by hash


@dataclass(frozen=True, slots=True)
class Place:
    """A cache to look around in, and the mirror it belongs to."""

    mirror: Mirror
    cache: ReadableCache
    browser: CacheBrowser


def open_place(instance: Instance, access: CacheAccess, mirror: str, *, cwd: Path) -> Place:
    """The cache that `mirror`, a name or any address, fetches from. Raises UsageError. Nothing is read yet."""
    found = resolve_mirror(mirror, mirrors_of(instance), cwd=cwd)
    cache = access.open(found, Direction.FETCH)
    return Place(found, cache, cache.browser())


def view_contents(
    instance: Instance,
    access: CacheAccess,
    memory: ContentsMemory,
    mirror: str,
    *,
    refresh: bool,
    cwd: Path,
    token: CancelToken,
) -> Stream:
    """Batches of rows, then the view. Without `refresh` from memory if it was ever read.

    When it is read, all rows come first by name and with what was known of them, then again as more is known. Raises
    UsageError, and what the cache raises if there is no memory of it; otherwise that is the `error` of the view and
    the rows are the last known ones.
    """
    place = open_place(instance, access, mirror, cwd=cwd)
    known = memory.get(place.cache.url)
    installed, problem = _installed(instance, token)
    problems = (problem,) if problem else ()
    if known is not None and not refresh:
        yield from _remembered(place, known, installed, problems)
        return
    reading = _Reading(place, installed, {row.key: row for row in known.rows} if known else {}, token)
    try:
        yield from reading.run()
    except MirrordeckError as error:
        if known is None:
            raise
        yield from _remembered(place, known, installed, problems, error.info())
        return
    read = reading.result()
    memory.put(place.cache.url, read)
    yield replace(_view(place, read), problems=(*problems, *read.problems))


def list_repositories(access: CacheAccess, host: str, token: CancelToken) -> RepositoriesView:
    """What a registry says it has. `host` may have a scheme: `oci+http://` and `http://` are plain registries.

    Raises UsageError if that is no host, and what the registry raises.
    """
    scheme, separator, rest = host.strip().rstrip("/").partition("://")
    scheme, name = (_HOST_SCHEMES.get(scheme, scheme), rest) if separator else ("oci", scheme)
    url = f"{scheme}://{name}/any"
    try:
        reference = parse_mirror_url(url)
        if reference.domain != name:
            raise ReferenceError("A host has a dot or a port in its name")
    except ReferenceError as error:
        raise UsageError(f"{host} is not the address of a registry", str(error)) from error
    side = Connection(url, host)
    repository = access.repository(reference, Mirror("", side, side), Direction.FETCH)
    found = catalogue(repository.transport, token)
    addresses = tuple(f"{scheme}://{name}/{each}" for each in found) if found is not None else None
    return RepositoriesView(f"{scheme}://{name}", addresses)


def _installed(instance: Instance, token: CancelToken) -> tuple[Installed, ErrorInfo | None]:
    try:
        records = instance.database(token).records
    except MirrordeckError as error:
        return {}, error.info()
    there = (record for record in records.values() if record.state is PackageState.INSTALLED)
    return {record.hash: EntryName(record.name, record.version, record.hash) for record in there}, None


def _remembered(
    place: Place,
    known: RememberedContents,
    installed: Installed,
    problems: tuple[ErrorInfo, ...],
    error: ErrorInfo | None = None,
) -> Stream:
    rows = (_with_installed(row, installed) for row in known.rows)
    yield from _batches(rows)
    yield replace(_view(place, known), from_memory=True, problems=(*problems, *known.problems), error=error)


def _with_installed(row: ContentsRow, installed: Installed) -> ContentsRow:
    here = row.hash in installed
    return row if row.installed is here else msgspec.structs.replace(row, installed=here)


def _batches(rows: Iterable[ContentsRow]) -> Iterator[list[ContentsRow]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _ROWS_IN_A_BATCH)):
        yield batch


def _view(place: Place, contents: RememberedContents) -> ContentsView:
    outside = sum(row.kind is EntryKind.PACKAGE and not row.in_index for row in contents.rows)
    return ContentsView(
        count=len(contents.rows),
        read_at=contents.read_at,
        from_memory=False,
        url=place.cache.url,
        image=place.browser.image,
        has_index=contents.has_index,
        index_written_at=contents.index_written_at,
        not_in_index=outside if contents.has_index is not None else 0,
    )


class _Reading:
    """One reading of a cache; `known` are rows of an earlier one."""

    def __init__(
        self, place: Place, installed: Installed, known: Mapping[str, ContentsRow], token: CancelToken
    ) -> None:
        self._place = place
        self._installed = installed
        self._known = known
        self._token = token
        self._rows: dict[str, ContentsRow] = {}
        self._blobs: Counter[str] = Counter()
        self._records: Mapping[str, IndexRecord] | None = None
        self._real_names: dict[str, tuple[str, str, str]] = {}
        self._written_at: float | None = None
        self._problems: list[ErrorInfo] = []
        self._has_index: bool | None = None

    def run(self) -> Iterator[list[ContentsRow]]:
        names = [self._with_known(listed) for listed in self._place.browser.names(self._token)]
        if self._place.cache.index_only and not any(listed.kind is EntryKind.PACKAGE for listed in names):
            names += self._installed_ones()
        self._rows = {listed.key: self._row(listed) for listed in names}
        yield from _batches(self._rows.values())
        self._token.raise_if_cancelled()
        self._read_index()
        if self._records is not None:
            yield from _batches(row for listed in names if (row := self._news(listed)))
        batch: list[ContentsRow] = []
        sent = time.monotonic()
        for listed in self._place.browser.look(names, self._token):
            self._blobs.update(set(listed.blobs))
            if row := self._news(listed):
                batch.append(row)
            if len(batch) >= _ROWS_IN_A_BATCH or (batch and time.monotonic() - sent >= _BATCH_S):
                yield batch
                batch, sent = [], time.monotonic()
        if batch:
            yield batch

    def result(self) -> RememberedContents:
        shared = {digest: count for digest, count in self._blobs.items() if count > 1}
        rows = tuple(self._rows.values())
        return RememberedContents(
            time.time(), self._has_index, self._written_at, rows, shared, problems=tuple(self._problems)
        )

    def _installed_ones(self) -> list[Listed]:
        """Installed packages that are in a cache which cannot be listed: without an index only their names lead there,
        as they do for Spack."""
        found = self._place.cache.present(list(self._installed.values()), signed=False, token=self._token)
        return [
            Listed(
                key=entry_manifest(entry.entry),
                kind=EntryKind.PACKAGE,
                entry=entry.entry,
                manifest_digest=entry.manifest_digest,
                blob_digest=entry.blob_digest,
                stored_bytes=entry.stored_bytes,
                modified=entry.modified or None,
                signed=entry.signed,
            )
            for entry in found.values()
        ]

    def _with_known(self, listed: Listed) -> Listed:
        """`listed` with what was found out about it earlier."""
        row = self._known.get(listed.key)
        if row is None or row.kind is not listed.kind:
            return listed
        return replace(
            listed,
            entry=EntryName(row.name, row.version, row.hash) if listed.entry else None,
            target=row.target,
            manifest_digest=row.manifest_digest,
            blob_digest=row.blob_digest,
            stored_bytes=row.stored_bytes,
            modified=row.modified,
            signed=row.signed,
            problem=row.problem,
        )

    def _read_index(self) -> None:
        try:
            index = self._place.cache.read_index(token=self._token)
        except MirrordeckError as error:
            self._problems.append(error.info())
            return
        self._has_index = index is not None
        if index is not None:
            self._records = index.records
            self._written_at = index.written_at or None

    def _news(self, listed: Listed) -> ContentsRow | None:
        """The row of `listed` if it says anything new."""
        row = self._row(listed)
        if self._rows.get(row.key) == row:
            return None
        self._rows[row.key] = row
        return row

    def _row(self, listed: Listed) -> ContentsRow:
        entry = listed.entry or EntryName("", "", "")
        record = self._records.get(entry.hash) if self._records is not None else None
        name, version, target = self._real_name(entry, record, listed.target)
        return ContentsRow(
            key=listed.key,
            kind=listed.kind,
            name=name,
            version=version,
            hash=entry.hash,
            target=target,
            stored_bytes=listed.stored_bytes,
            modified=listed.modified,
            signed=listed.signed,
            installed=entry.hash in self._installed,
            in_index=(record is not None and record.in_buildcache)
            if self._records is not None and entry.hash
            else None,
            manifest_digest=listed.manifest_digest,
            blob_digest=listed.blob_digest,
            problem=listed.problem,
        )

    def _real_name(self, entry: EntryName, record: IndexRecord | None, target: str) -> tuple[str, str, str]:
        """Name, version and target: those of the index, which has no need to clean or guess them."""
        if record is None:
            return entry.name, entry.version, target
        if entry.hash not in self._real_names:
            try:
                node = decode_node(bytes(record.document))
                self._real_names[entry.hash] = node.name, node.version, node.target
            except MirrordeckError:
                self._real_names[entry.hash] = entry.name, entry.version, target
        return self._real_names[entry.hash]
