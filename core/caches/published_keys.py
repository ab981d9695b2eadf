# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading the public keys that were published in a cache, in either layout. Readers go by the list of keys: what is not
in it is not found, as with Spack 1.1."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from core.caches.folder_objects import read_blob, read_manifest
from core.caches.layout2 import OLD_KEY_INDEX, old_key
from core.caches.layout3 import (
    KEY_INDEX_MANIFEST,
    KEY_INDEX_TYPE,
    KEY_PREFIX,
    KEY_TYPE,
    fingerprint_of,
    is_fingerprint,
    key_manifest,
)
from core.caches.protocol import PublishedKeys
from core.foundation.decoding import from_json
from core.foundation.errors import CacheError, NotFound
from core.storage.reading import Files

_LIST_BYTES = 4 << 20
_KEY_BYTES = 1 << 20


class _KeyList(msgspec.Struct, frozen=True):
    keys: dict[str, msgspec.Raw]


def listed_keys(files: Files) -> tuple[str, ...]:
    """Fingerprints in the list of layout 3, sorted. Raises NotFound without a list, CacheError for a damaged one."""
    manifest = read_manifest(files, KEY_INDEX_MANIFEST)
    return _fingerprints(read_blob(files, manifest.blob(KEY_INDEX_TYPE), _LIST_BYTES), manifest.where)


def old_listed_keys(files: Files) -> tuple[str, ...]:
    """The same for layout 2."""
    return _fingerprints(files.fetch(OLD_KEY_INDEX, _LIST_BYTES)[0], files.where(OLD_KEY_INDEX))


def read_key(files: Files, fingerprint: str) -> bytes:
    """An ASCII-armored key of layout 3, the digest of its blob checked. Raises NotFound or CacheError."""
    record = read_manifest(files, key_manifest(fingerprint)).blob(KEY_TYPE)
    return read_blob(files, record, _KEY_BYTES)


def read_keys(files: Files) -> dict[str, bytes]:
    """All keys that are listed, by fingerprint; in both layouts those of the newer one. Raises CacheError, and NotFound
    for one that is listed but not there."""
    newer = {fingerprint: read_key(files, fingerprint) for fingerprint in _if_any(listed_keys, files)}
    older = [fingerprint for fingerprint in _if_any(old_listed_keys, files) if fingerprint not in newer]
    return newer | {fingerprint: files.fetch(old_key(fingerprint), _KEY_BYTES)[0] for fingerprint in older}


def published(files: Files) -> PublishedKeys:
    """The fingerprints of all keys, in both layouts; those that nobody finds only where files are listed. Raises
    CacheError."""
    listed = {*_if_any(listed_keys, files), *_if_any(old_listed_keys, files)}
    there = {found for key, _ in files.scan(KEY_PREFIX) or () if (found := fingerprint_of(key))}
    return PublishedKeys(tuple(sorted(listed)), tuple(sorted(there - listed)))


def _if_any(listed: Callable[[Files], tuple[str, ...]], files: Files) -> tuple[str, ...]:
    try:
        return listed(files)
    except NotFound:
        return ()


def _fingerprints(data: bytes, where: str) -> tuple[str, ...]:
    try:
        names = from_json(data, _KeyList).keys
    except (ValueError, RecursionError) as error:
        raise CacheError(f"Cannot understand {where}", str(error)) from error
    wrong = next((name for name in names if not is_fingerprint(name)), None)
    if wrong is not None:
        raise CacheError(f"Cannot understand {where}", f"{wrong[:100]!r} is not the fingerprint of a key")
    return tuple(sorted(names))
