# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Public keys in a cache of layout 3: a manifest and blob for each, and the list that readers go by."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from core.caches.folder_objects import holds_blob, put_object, read_manifest
from core.caches.layout3 import KEY_INDEX_MANIFEST, KEY_INDEX_TYPE, KEY_PREFIX, KEY_TYPE, fingerprint_of, key_manifest
from core.caches.protocol import Signer
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, NotFound
from core.storage.folder import Folder


def publish_key(folder: Folder, signer: Signer) -> None:
    """Store the public key of `signer`, unless the same bytes are there."""
    _put_if_changed(folder, key_manifest(signer.fingerprint), KEY_TYPE, signer.public_key())


def store_keys(folder: Folder, keys: Mapping[str, bytes]) -> None:
    """Store ASCII-armored public keys by their fingerprints. Raises CacheError for odd fingerprints."""
    for fingerprint, key in keys.items():
        _put_if_changed(folder, key_manifest(fingerprint), KEY_TYPE, key)


def update_key_index(folder: Folder) -> None:
    """Make the list of keys agree with the keys that are there; no list is made where there are none."""
    fingerprints = [found for key in folder.list(KEY_PREFIX) if (found := fingerprint_of(key))]
    if fingerprints:
        listing = msgspec.json.encode({"keys": {fingerprint: {} for fingerprint in fingerprints}})
        _put_if_changed(folder, KEY_INDEX_MANIFEST, KEY_INDEX_TYPE, listing)


def _put_if_changed(folder: Folder, manifest_key: str, media_type: str, data: bytes) -> None:
    try:
        record = read_manifest(folder, manifest_key).blob(media_type)
        unchanged = record.digest == digest_of(data) and holds_blob(folder, record.digest, len(data))
    except (NotFound, CacheError):
        unchanged = False
    if not unchanged:
        put_object(folder, manifest_key, media_type, data)
