# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading the index of a cache of layout 3 in a folder, and making it agree with what lies there.

An update lists all manifests and reads as few of them as it can. An entry's old records are kept if the old index holds
it as an entry and its manifest is older than the index by more than two seconds. Both times come from the same file
system, so clocks of different machines do not matter, and two seconds cover the coarsest time stamps. Should an entry
still slip through (replaced by a copy that kept its old time, or while an earlier update was running), no harm is done:
records are filed under the DAG hash, which covers everything that matters in them, so a replaced entry has the same
records. Entries that are not in the old index are read whatever their age, and those that are gone are dropped because
they are not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from core.caches.folder_keys import update_key_index
from core.caches.folder_objects import put_object, read_ahead, read_blob, read_manifest
from core.caches.index import (
    SPEC_LIMIT_BYTES,
    IndexDraft,
    SpecDocument,
    decode_spec,
    encode_index,
    without,
)
from core.caches.layout3 import (
    INDEX_LOCK,
    INDEX_MANIFEST,
    INDEX_TYPE,
    SPEC_PREFIX,
    SPEC_TYPE,
    entry_of,
    is_entry_manifest,
)
from core.caches.protocol import CacheIndex, IndexRecord, IndexUpdate
from core.caches.stored_layers import read_index
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, ErrorInfo, MirrordeckError, NotFound
from core.storage.folder import Folder
from core.storage.lockfile import HeldLock, locked
from core.storage.reading import Stat

_SURE_S = 2.0
_ROUNDS = 5

Listing = Mapping[str, Stat]  # manifests by their key


def update_index(
    folder: Folder, url: str, *, full: bool, token: CancelToken, progress: Callable[[int, int], None]
) -> IndexUpdate:
    """Make the index agree with a listing, and the list of keys with the keys that are there.

    One update runs at a time among programs that know the lock file. As others may push meanwhile, what is there is
    listed again afterwards, and the update repeated a few times if that has changed; then the next update has to do.
    """
    if not any(is_entry_manifest(key) for key in folder.list(SPEC_PREFIX)):
        reason = f"Unable to generate package index: Failed to get list of entries from {url}"
        raise CacheError("Cannot update the index", reason)
    with locked(folder, INDEX_LOCK, token=token) as lock:

        def step(done: int) -> None:
            token.raise_if_cancelled()
            lock.refresh()
            progress(done, len(listing))

        before = _usable_index(folder)
        listing = _listing(folder)
        index, skipped = _rebuild(folder, listing, None if full else before, lock=lock, step=step)
        for _ in range(_ROUNDS - 1):
            known, listing = listing, _listing(folder)
            if listing == known:
                break
            index, skipped = _rebuild(folder, listing, index, lock=lock, step=step)
        update_key_index(folder)
    then = _entries(before.records) if before else set()
    now = _entries(index.records)
    return IndexUpdate(len(now), len(now - then), len(then - now), skipped, index.digest)


def drop_from_index(folder: Folder, hashes: frozenset[str], lock: HeldLock) -> None:
    """Take packages out of the index before they are deleted. Without a usable index nothing has to be done."""
    before = _usable_index(folder)
    if before is not None and not hashes.isdisjoint(_entries(before.records)):
        lock.confirm()
        put_object(folder, INDEX_MANIFEST, INDEX_TYPE, encode_index(without(before.records, hashes)))


def _rebuild(
    folder: Folder, listing: Listing, old: CacheIndex | None, *, lock: HeldLock, step: Callable[[int], None]
) -> tuple[CacheIndex, tuple[ErrorInfo, ...]]:
    """Write the index of `listing`, with as much of `old` as still holds; what was written and what was skipped.

    `step` gets the number of entries done, and may raise to stop.
    """
    kept = _unchanged(listing, old) if old is not None else {}
    unread = sorted(listing.keys() - kept.keys())
    draft = IndexDraft()
    skipped: list[ErrorInfo] = []
    done = len(kept)

    def take(found: SpecDocument | ErrorInfo) -> None:
        nonlocal done
        if isinstance(found, SpecDocument):
            draft.add(found)
        else:
            skipped.append(found)
        done += 1
        step(done)

    for document in read_ahead(partial(read_document, folder), unread):
        take(document)
    for key, dag_hash in kept.items():
        if old is None or not draft.keep(dag_hash, old.records):
            done -= 1
            take(read_document(folder, key))
    records = draft.records()
    if not any(record.in_buildcache for record in records.values()):
        raise CacheError("Cannot update the index", f"No entry could be read; {skipped[0].sentence()}")
    lock.confirm()
    digest, facts = put_object(folder, INDEX_MANIFEST, INDEX_TYPE, encode_index(records))
    return CacheIndex(records, digest, facts.mtime), tuple(skipped)


def _unchanged(listing: Listing, old: CacheIndex) -> dict[str, str]:
    """Hashes by the keys of manifests whose packages are in the old index as they are now."""
    sure = old.written_at - _SURE_S
    found = {}
    for key, facts in listing.items():
        if facts.mtime < sure:
            dag_hash = _hash_of(key)
            record = old.records.get(dag_hash)
            if record is not None and record.in_buildcache:
                found[key] = dag_hash
    return found


def read_document(folder: Folder, key: str) -> SpecDocument | ErrorInfo:
    """What the package with that manifest says about itself, or why that cannot be used."""
    where = str(folder.path(key))
    try:
        record = read_manifest(folder, key).blob(SPEC_TYPE)
        document = decode_spec(read_blob(folder, record, SPEC_LIMIT_BYTES), where)
        if document.root != _hash_of(key):
            raise CacheError(f"Cannot understand {where}", f"It leads to another package, {document.root[:40]}")
    except MirrordeckError as error:
        return error.info()
    return document


def _hash_of(key: str) -> str:
    entry = entry_of(key)
    return entry.hash if entry else ""


def _listing(folder: Folder) -> Listing:
    return {key: facts for key, facts in folder.scan(SPEC_PREFIX) if is_entry_manifest(key)}


def _entries(records: Mapping[str, IndexRecord]) -> set[str]:
    return {dag_hash for dag_hash, record in records.items() if record.in_buildcache}


def _usable_index(folder: Folder) -> CacheIndex | None:
    """The index, None if there is none or it is damaged: then everything is read again, which repairs it."""
    try:
        return read_index(folder)
    except (CacheError, NotFound):
        return None
