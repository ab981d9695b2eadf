# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading the index of a cache of layout 3 in a folder, and making it agree with what lies there.

An update lists all manifests and reads as few of them as it can. An entry's old records are kept if the old index holds
it as an entry, and nothing was made in its directory since two seconds before the index, or its manifest is older than
that. All times come from the same file system, so clocks of different machines do not matter, and two seconds cover the
coarsest time stamps. Should an entry still slip through (changed in its place, replaced by a copy that kept its old
time, or while an earlier update was running), no harm is done: records are filed under the DAG hash, which covers
everything that matters in them, so a replaced entry has the same records. Entries that are not in the old index are
read whatever their age, and those that are gone are dropped because they are not listed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from core.caches.folder_keys import update_key_index
from core.caches.folder_objects import read_ahead, read_blob, read_manifest
from core.caches.index import (
    SPEC_LIMIT_BYTES,
    IndexDraft,
    SpecDocument,
    decode_spec,
    encode_index,
    without,
)
from core.caches.layout3 import (
    BLOB_PREFIX,
    INDEX_LOCK,
    INDEX_MANIFEST,
    INDEX_TYPE,
    SPEC_PREFIX,
    SPEC_TYPE,
    blob_key,
    entry_of,
    hash_in,
    is_entry_manifest,
)
from core.caches.manifests import blob_record, encode_manifest
from core.caches.protocol import CacheIndex, IndexRecord, IndexUpdate
from core.caches.stored_layers import read_index
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, ErrorInfo, MirrordeckError, NotFound
from core.foundation.files import write_pieces
from core.storage.directories import Directories, read_directories
from core.storage.folder import Folder
from core.storage.lockfile import HeldLock, locked

_SURE_S = 2.0
_ROUNDS = 5


def update_index(
    folder: Folder, url: str, *, full: bool, token: CancelToken, progress: Callable[[int, int], None]
) -> IndexUpdate:
    """Make the index agree with a listing, and the list of keys with the keys that are there.

    One update runs at a time among programs that know the lock file. As others may push meanwhile, directories that
    changed are listed again afterwards, and the update repeated a few times if manifests did; then the next update has
    to do.
    """
    if not any(is_entry_manifest(key) for key in folder.list(SPEC_PREFIX)):
        reason = f"Unable to generate package index: Failed to get list of entries from {url}"
        raise CacheError("Cannot update the index", reason)
    with locked(folder, INDEX_LOCK, token=token) as lock:

        def step(done: int, total: int) -> None:
            token.raise_if_cancelled()
            lock.refresh()
            progress(done, total)

        before = _usable_index(folder)
        then = _entries(before.records) if before else set()
        listed_at = time.monotonic()
        listing = read_directories(folder, SPEC_PREFIX, since=_sure(before) if before else 0.0)
        index, skipped = _rebuild(folder, listing, None if full else before, lock=lock, step=step)
        del before
        for _ in range(_ROUNDS - 1):
            known, took = listing, time.monotonic() - listed_at
            listed_at = time.monotonic()
            listing = read_directories(folder, SPEC_PREFIX, since=_sure(index) - took, known=known)
            if listing == known:
                break
            index, skipped = _rebuild(folder, listing, index, lock=lock, step=step)
        update_key_index(folder)
    now = _entries(index.records)
    return IndexUpdate(len(now), len(now - then), len(then - now), skipped, index.digest)


def put_index(folder: Folder, records: Mapping[str, IndexRecord]) -> CacheIndex:
    """Replace the index. Raises what writing raises."""
    temporary = folder.temporary(f"{BLOB_PREFIX}/index")
    digest, size = write_pieces(temporary, encode_index(records))
    folder.adopt(blob_key(digest), temporary, size)
    manifest = encode_manifest([blob_record(INDEX_TYPE, digest, size, compression="none")])
    return CacheIndex(records, digest, folder.write(INDEX_MANIFEST, manifest).mtime)


def drop_from_index(folder: Folder, hashes: frozenset[str], lock: HeldLock) -> None:
    """Take packages out of the index before they are deleted. Without a usable index nothing has to be done."""
    before = _usable_index(folder)
    if before is not None and not hashes.isdisjoint(_entries(before.records)):
        lock.confirm()
        put_index(folder, without(before.records, hashes))


def _rebuild(
    folder: Folder, listing: Directories, old: CacheIndex | None, *, lock: HeldLock, step: Callable[[int, int], None]
) -> tuple[CacheIndex, tuple[ErrorInfo, ...]]:
    """Write the index of `listing`, with as much of `old` as still holds; what was written and what was skipped.

    `step` gets how many entries of how many are done, and may raise to stop.
    """
    draft = IndexDraft()
    kept, unread = _sorted_out(listing, old)
    total = len(kept) + len(unread)
    if old is not None and (refused := frozenset(draft.keep_all(kept, old.records))):
        kept -= refused
        unread += _manifests_of(listing, refused)
    if kept:
        step(len(kept), total)
    skipped: list[ErrorInfo] = []
    for done, found in enumerate(read_ahead(partial(read_document, folder), sorted(unread)), start=len(kept) + 1):
        if isinstance(found, SpecDocument):
            draft.add(found)
        else:
            skipped.append(found)
        step(done, total)
    records = draft.records()
    if not any(record.in_buildcache for record in records.values()):
        raise CacheError("Cannot update the index", f"No entry could be read; {skipped[0].sentence()}")
    lock.confirm()
    return put_index(folder, records), tuple(skipped)


def _sorted_out(listing: Directories, old: CacheIndex | None) -> tuple[set[str], list[str]]:
    """Hashes of packages that are in the old index as they are now, and keys of the manifests of all others."""
    records = old.records if old is not None else {}
    kept = _entries(records)
    gone = kept.copy()  # no set of those that are there: it would be one more text for each
    unread = []
    sure = _sure(old) if old is not None else 0.0
    for key, directory in listing.items():
        name = key.rpartition("/")[2]
        for file, changed in directory.files.items():
            dag_hash = hash_in(name, file)
            record = records.get(dag_hash) if changed < sure else None
            if record is not None and record.in_buildcache:
                gone.discard(dag_hash)
            elif is_entry_manifest(f"{key}/{file}"):
                unread.append(f"{key}/{file}")
    return kept - gone, unread


def _manifests_of(listing: Directories, hashes: frozenset[str]) -> list[str]:
    return [
        f"{key}/{file}"
        for key, directory in listing.items()
        for file in directory.files
        if hash_in(key.rpartition("/")[2], file) in hashes
    ]


def _sure(index: CacheIndex) -> float:
    """What did not change since then had not changed when the index was made."""
    return index.written_at - _SURE_S


def read_document(folder: Folder, key: str) -> SpecDocument | ErrorInfo:
    """What the package with that manifest says about itself, or why that cannot be used."""
    where = str(folder.path(key))
    try:
        record = read_manifest(folder, key).blob(SPEC_TYPE)
        document = decode_spec(read_blob(folder, record, SPEC_LIMIT_BYTES), where)
        entry = entry_of(key)
        if entry is None or document.root != entry.hash:
            raise CacheError(f"Cannot understand {where}", f"It leads to another package, {document.root[:40]}")
    except MirrordeckError as error:
        return error.info()
    return document


def _entries(records: Mapping[str, IndexRecord]) -> set[str]:
    return {dag_hash for dag_hash, record in records.items() if record.in_buildcache}


def _usable_index(folder: Folder) -> CacheIndex | None:
    """The index, None if there is none or it is damaged: then everything is read again, which repairs it."""
    try:
        return read_index(folder)
    except (CacheError, NotFound):
        return None
