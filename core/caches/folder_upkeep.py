# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Cleaning up a cache of layout 3 in a folder.

Everything goes by way of the trash, also what is deleted for good, so that it can be put back: entries leave the index,
their manifests move, and last the blobs. What is moved is looked at once more in its new place. A push that relies on a
blob or a package makes it young first (`claim_blob`, `FolderCache.keep_fresh`), so either that is seen here and it is
put back, or the push finds it gone and writes it anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from core.caches.browsing import EntryKind
from core.caches.folder_index import drop_from_index, read_document, update_index
from core.caches.folder_objects import read_ahead
from core.caches.folder_trash import FolderTrash
from core.caches.index import SpecDocument
from core.caches.inventory import EdgeCollector, Inventory, StoredBlob, Thing, kin_of
from core.caches.layout3 import (
    BLOB_PREFIX,
    INDEX_LOCK,
    MANIFEST_PREFIX,
    SPEC_TYPE,
    blob_key,
    digest_of_key,
    entry_of,
    is_manifest,
    kind_of,
)
from core.caches.manifests import MANIFEST_LIMIT_BYTES, decode_manifest
from core.caches.protocol import CacheIndex
from core.caches.removal import PlannedEntry, RemovalPlan, check_plan
from core.caches.stored_layers import read_index, refuse_sources
from core.caches.upkeep import Progress, RemovalOutcome, UpkeepCapabilities
from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, ErrorInfo, MirrordeckError, NotFound
from core.storage.folder import Folder
from core.storage.lockfile import locked
from core.storage.reading import Stat

# Whoever writes a file writes all the time; clocks of hosts that share a folder may differ by hours.
LEFTOVER_S = 48 * 3600.0
# Times of files lag behind the clock by up to a tick of the system, or two seconds on some file systems.
_TICK_S = 2.0
_USED = "A push used it in the last moment"


class FolderUpkeep:
    """The `CacheUpkeep` of a folder."""

    def __init__(self, folder: Folder, url: str, *, clock: Clock | None = None, probe: bool = True) -> None:
        self._folder = folder
        self._probe = probe
        self._url = url
        self._clock = clock or Clock()
        self.trash = FolderTrash(folder, self._clock)

    def capabilities(self, token: CancelToken) -> UpkeepCapabilities:
        token.raise_if_cancelled()
        try:
            if self._probe:
                self._folder.check_writable(MANIFEST_PREFIX, BLOB_PREFIX)
        except MirrordeckError as error:
            return UpkeepCapabilities(delete=False, why_not=error.why or error.title, remedies=error.remedies)
        return UpkeepCapabilities(delete=True, trash=True, frees_at_once=True, knows_ages=True)

    def inventory(self, token: CancelToken, progress: Progress) -> Inventory:
        if not self._folder.root.is_dir():
            raise NotFound("There is no build cache", f"{self._folder.root}: no such directory")
        index = self._index()
        listing = self._manifests()
        if not listing:
            refuse_sources(self._folder)
        blobs = dict(self._blobs(token))
        edges = EdgeCollector()
        things = []
        for done, found in enumerate(read_ahead(partial(self._look, listing, token), list(listing)), start=1):
            things.append(found)
            progress(done, len(listing))
        things = [self._judged(thing, index, blobs, edges) for thing in things]
        if index is not None:
            for dag_hash, record in index.records.items():
                if dag_hash not in edges.edges:
                    edges.add(dag_hash, record.document)
        written_at = index.written_at if index is not None else None
        return Inventory(tuple(things), blobs, edges.edges, self._clock.now(), written_at)

    def remove(self, plan: RemovalPlan, *, permanently: bool, token: CancelToken, progress: Progress) -> RemovalOutcome:
        before = self.inventory(token, _ignore)
        check_plan(plan, before)
        for prefix in (BLOB_PREFIX, MANIFEST_PREFIX):  # what writers that died left half-written
            self._folder.drop_temporaries(prefix, LEFTOVER_S, below=True)
        if plan.empty:
            return RemovalOutcome(0, 0, 0, 0)
        batch, now = self.trash.open(plan)
        ahead = plan.made_at - now  # the cutoff came from a clock of ours, which may be wrong
        cutoff = plan.cutoff - ahead if ahead > _TICK_S else plan.cutoff
        work = _Work(plan, before, batch, cutoff, token, progress)
        self._move_entries(work)
        self._put_back_used(work)
        needed = self._needed_now(work)
        if needed is not None:
            self._move_blobs(work, needed)
        self._put_back_used(work)
        if work.returned:
            update_index(self._folder, self._url, full=False, token=token, progress=_ignore)
        moved = bool(work.entries or work.blobs)
        if permanently or not moved:
            self.trash.empty([batch], token)
        return RemovalOutcome(
            entries=len(work.entries),
            blobs=len(work.blobs),
            removed_bytes=work.removed_bytes,
            freed_bytes=work.removed_bytes if permanently else 0,
            trash=batch if moved and not permanently else "",
            kept=tuple(work.kept),
        )

    # ---------------------------------------------------------------- looking

    def _index(self) -> CacheIndex | None:
        try:
            return read_index(self._folder)
        except (CacheError, NotFound):
            return None  # a damaged index is no help; everything is read then

    def _manifests(self) -> dict[str, Stat]:
        return {key: facts for key, facts in self._folder.scan(MANIFEST_PREFIX) if is_manifest(key)}

    def _blobs(self, token: CancelToken) -> Iterator[tuple[str, StoredBlob]]:
        for key, facts in self._folder.scan(BLOB_PREFIX):
            token.raise_if_cancelled()
            digest = digest_of_key(key)
            if digest:
                yield digest, StoredBlob(facts.size, facts.mtime)

    def _look(self, listing: dict[str, Stat], token: CancelToken, key: str) -> Thing:
        """A manifest as such. One that vanishes meanwhile is broken, until a second look."""
        token.raise_if_cancelled()
        kind, entry, facts = kind_of(key), None, listing[key]
        if kind is EntryKind.PACKAGE:
            entry = entry_of(key)
        try:
            data, facts = self._folder.fetch(key, MANIFEST_LIMIT_BYTES)
        except NotFound as error:
            return Thing(
                key, kind, entry, "", facts.size, (), facts.mtime, broken=error.info().sentence(), readable=False
            )
        thing = Thing(key, kind, entry, digest_of(data), facts.size, (), facts.mtime)
        try:
            manifest = decode_manifest(data, str(self._folder.path(key)))
            if kind is EntryKind.PACKAGE:
                manifest.blob(SPEC_TYPE)
        except CacheError as error:
            return replace(thing, broken=error.info().sentence(), readable=False)
        broken = "Its name is not that of a package" if kind is EntryKind.PACKAGE and entry is None else ""
        return replace(thing, blobs=tuple(record.digest for record in manifest.records), broken=broken)

    def _judged(
        self, thing: Thing, index: CacheIndex | None, blobs: dict[str, StoredBlob], edges: EdgeCollector
    ) -> Thing:
        """`thing` with what its blobs tell about it."""
        lost = [digest for digest in thing.blobs if digest not in blobs]
        if lost:
            return replace(thing, broken=thing.broken or f"The blob {lost[0]} is not there")
        if thing.kind is not EntryKind.PACKAGE or thing.broken or thing.entry is None:
            return thing
        record = index.records.get(thing.entry.hash) if index is not None else None
        if record is not None:
            node = edges.add(thing.entry.hash, record.document)
        else:
            document = read_document(self._folder, thing.key)
            if isinstance(document, ErrorInfo):
                return replace(thing, broken=document.sentence())
            node = edges.add_document(document)
        if node is None:
            return replace(thing, broken="Its spec cannot be understood")
        entry = replace(thing.entry, version=node.version)
        return replace(thing, entry=entry, kin=kin_of(node))

    # ---------------------------------------------------------------- moving

    def _move_entries(self, work: _Work) -> None:
        """Out of the index, then away. The lock keeps other updates of the index from listing them in between."""
        if not work.plan.entries:
            return
        hashes = frozenset(entry.hash for entry in work.plan.entries if entry.kind is EntryKind.PACKAGE)
        with locked(self._folder, INDEX_LOCK, token=work.token) as lock:
            drop_from_index(self._folder, hashes, lock)
            for entry in work.plan.entries:
                work.token.raise_if_cancelled()
                lock.refresh()
                self._move_entry(work, entry)
                work.step()

    def _move_entry(self, work: _Work, entry: PlannedEntry) -> None:
        facts = self.trash.take(work.batch, entry.key)
        if facts is None:
            return
        work.entries[entry.key] = (entry, facts.size)
        data = self.trash.read(work.batch, entry.key, facts.size)
        if entry.digest and digest_of(data) != entry.digest:
            self._put_back(work, entry.key, "It was pushed again in the last moment")

    def _put_back(self, work: _Work, key: str, why: str) -> None:
        """An entry, with those of its blobs that have gone already."""
        entry, _ = work.entries.pop(key)
        thing = work.things.get(key)
        for digest in thing.blobs if thing is not None else ():
            if work.blobs.pop(digest, None) is not None:
                self.trash.put_back(work.batch, blob_key(digest))
        self.trash.put_back(work.batch, key)
        work.keep(entry.label, why)
        work.returned = True

    def _put_back_used(self, work: _Work) -> None:
        """Entries whose blobs a push has refreshed since we began."""
        for key in list(work.entries):
            thing = work.things.get(key)
            if thing is not None and any(self._refreshed(work, digest) for digest in thing.blobs):
                self._put_back(work, key, _USED)

    def _refreshed(self, work: _Work, digest: str) -> bool:
        known, facts = work.before.blobs.get(digest), self._folder.stat(blob_key(digest))
        return known is not None and facts is not None and facts.mtime != known.modified

    def _needed_now(self, work: _Work) -> frozenset[str] | None:
        """Digests of blobs that manifests name by now; None while some manifest cannot be read.

        Packages that others, which came meanwhile, depend on are put back.
        """
        listing = self._manifests()
        same = {
            key for key, facts in listing.items() if key in work.things and work.things[key].modified == facts.mtime
        }
        news = [key for key in listing if key not in same]
        fresh = list(read_ahead(partial(self._look, listing, work.token), news))
        hashes = self._hashes_needed_by(fresh)
        for key in [key for key, (entry, _) in work.entries.items() if entry.hash in hashes]:
            self._put_back(work, key, "A package that depends on it was pushed in the last moment")
            same.add(key)
        things = [*(work.things[key] for key in same), *fresh]
        if not all(thing.readable for thing in things):
            if work.plan.blobs:
                work.keep("Every blob", "A manifest that cannot be read may need it")
            return None
        return frozenset(digest for thing in things for digest in thing.blobs)

    def _hashes_needed_by(self, things: list[Thing]) -> frozenset[str]:
        packages = [thing.key for thing in things if thing.kind is EntryKind.PACKAGE and thing.readable]
        documents = read_ahead(partial(read_document, self._folder), packages)
        return frozenset(key for found in documents if isinstance(found, SpecDocument) for key in found.nodes)

    def _move_blobs(self, work: _Work, needed: frozenset[str]) -> None:
        users: defaultdict[str, list[str]] = defaultdict(list)
        for key in work.entries:
            for digest in work.things[key].blobs if key in work.things else ():
                users[digest].append(key)
        for blob in work.plan.blobs:
            work.token.raise_if_cancelled()
            if blob.digest in needed:
                work.keep(blob.digest, "Something needs it by now")
            elif not self._move_blob(work, blob.digest):
                for key in users[blob.digest]:
                    if key in work.entries:
                        self._put_back(work, key, _USED)
            work.step()

    def _move_blob(self, work: _Work, digest: str) -> bool:
        """False if a push has used it in the last moment, so that it stays."""
        facts = self.trash.take(work.batch, blob_key(digest))
        if facts is None:
            return True
        known = work.before.blobs.get(digest)
        if facts.mtime > work.cutoff or known is None or facts.mtime != known.modified:
            self.trash.put_back(work.batch, blob_key(digest))
            work.keep(digest, _USED)
            return False
        work.blobs[digest] = facts.size
        return True


@dataclass(slots=True)
class _Work:
    """A plan being carried out: what has gone to the trash by now with its size, and what could not."""

    plan: RemovalPlan
    before: Inventory
    batch: str
    cutoff: float
    token: CancelToken
    progress: Progress
    entries: dict[str, tuple[PlannedEntry, int]] = field(default_factory=dict)
    blobs: dict[str, int] = field(default_factory=dict)
    kept: list[ErrorInfo] = field(default_factory=list)
    returned: bool = False
    done: int = 0
    things: dict[str, Thing] = field(init=False)

    def __post_init__(self) -> None:
        self.things = {thing.key: thing for thing in self.before.things}

    @property
    def removed_bytes(self) -> int:
        return sum(size for _, size in self.entries.values()) + sum(self.blobs.values())

    def keep(self, what: str, why: str) -> None:
        self.kept.append(ErrorInfo("kept", f"{what} stays", why))

    def step(self) -> None:
        self.done += 1
        self.progress(self.done, len(self.plan.entries) + len(self.plan.blobs))


def _ignore(_done: int, _total: int) -> None:
    """Progress that nobody watches."""
