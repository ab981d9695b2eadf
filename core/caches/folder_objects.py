# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Blobs and manifests of layout 3: read wherever files can be read by key, written in a folder."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from core.caches.layout3 import blob_key
from core.caches.manifests import (
    MANIFEST_LIMIT_BYTES,
    BlobRecord,
    Manifest,
    blob_record,
    decode_manifest,
    encode_manifest,
)
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, Cancelled, NotFound, PermissionDenied
from core.foundation.files import PIECE_BYTES
from core.storage.folder import Folder
from core.storage.reading import Files, Stat

T = TypeVar("T")

_LANES = 8
_BATCH = 64
_PATIENCE_S = 0.01


def read_manifest(files: Files, key: str) -> Manifest:
    """Raises NotFound, CacheError or what the place raises."""
    return decode_manifest(files.fetch(key, MANIFEST_LIMIT_BYTES)[0], files.where(key))


def read_blob(files: Files, record: BlobRecord, limit: int) -> bytes:
    """The bytes of a blob, their digest checked. Raises NotFound, CacheError or what the place raises."""
    key = blob_key(record.digest)
    data, _ = files.fetch(key, limit)
    if digest_of(data) != record.digest:
        raise CacheError(f"Damaged: {files.where(key)}", "Its content does not have the checksum in its name")
    return data


def has_blob(files: Files, digest: str, stored_bytes: int) -> bool:
    """Whether the blob is there with the right size."""
    facts = files.stat(blob_key(digest))
    return facts is not None and facts.size == stored_bytes


def holds_blob(files: Files, digest: str, stored_bytes: int) -> bool:
    """Whether the blob is there and really has its digest; it is never in memory as a whole."""
    if not has_blob(files, digest, stored_bytes):
        return False
    seen = hashlib.sha256()
    try:
        with files.open(blob_key(digest)) as file:
            while piece := file.read(PIECE_BYTES):
                seen.update(piece)
    except NotFound:
        return False
    return f"sha256:{seen.hexdigest()}" == digest


def claim_blob(folder: Folder, digest: str, stored_bytes: int) -> bool:
    """Whether the blob is there with the right size. If so, it is as fresh from now on as one just written, so that no
    clean-up takes it before a manifest names it; files of other people stay as they are."""
    if not has_blob(folder, digest, stored_bytes):
        return False
    with suppress(PermissionDenied):
        return folder.touch(blob_key(digest))
    return True


def put_blob(folder: Folder, data: bytes) -> str:
    """Make sure that a blob is there; its digest. A damaged one is replaced."""
    digest = digest_of(data)
    if not (holds_blob(folder, digest, len(data)) and claim_blob(folder, digest, len(data))):
        folder.write(blob_key(digest), data)
    return digest


def put_object(folder: Folder, manifest_key: str, media_type: str, data: bytes) -> tuple[str, Stat]:
    """Store `data` as a blob, then the manifest that names only it: the blob's digest and the manifest's facts."""
    digest = put_blob(folder, data)
    record = blob_record(media_type, digest, len(data), compression="none")
    return digest, folder.write(manifest_key, encode_manifest([record]))


def read_ahead(read: Callable[[str], T], keys: Sequence[str]) -> Iterator[T]:
    """`read` of each key, in their order; several at a time as soon as most of it is waiting, as on a network file
    system or the web. Where it is not, threads would only be in each other's way and take twice the CPU time."""
    took = waited = 0.0
    for place, key in enumerate(keys):
        if waited > max(_PATIENCE_S, took / 2):
            yield from _side_by_side(read, keys[place:])
            return
        begin, busy = time.monotonic(), time.thread_time()
        found = read(key)
        passed = time.monotonic() - begin
        took, waited = took + passed, waited + passed - (time.thread_time() - busy)
        yield found


def _side_by_side(read: Callable[[str], T], keys: Sequence[str]) -> Iterator[T]:
    """When one raises, no other is begun, so that a cache nobody can reach is waited for once and not for every key."""
    failed = threading.Event()

    def begin(key: str) -> T:
        if failed.is_set():
            raise Cancelled  # never seen, because what failed was begun before
        try:
            return read(key)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(_LANES, "cache-reading") as pool:
        for start in range(0, len(keys), _BATCH):
            yield from pool.map(begin, keys[start : start + _BATCH])
