# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Names of layout 3, the layout Spack 1.0 and later give to file, s3 and web caches. Facts seen in Spack 1.1's output.

v3/layout.json
v3/manifests/spec/<name>/<name>-<version>-<hash>.spec.manifest.json
v3/manifests/index/index.manifest.json
v3/manifests/key/<fingerprint>.key.manifest.json, keys.manifest.json
blobs/sha256/<first two>/<64 hex>
"""

from __future__ import annotations

import re
from contextlib import suppress

from core.caches.browsing import EntryKind
from core.caches.protocol import EntryName
from core.foundation.digests import hex_of, is_dag_hash, parse_digest
from core.foundation.errors import CacheError

ARCHIVE_TYPE = "application/vnd.spack.install.v2.tar+gzip"
SPEC_TYPE = "application/vnd.spack.spec.v5+json"
INDEX_TYPE = "application/vnd.spack.db.v8+json"
KEY_TYPE = "application/pgp-keys"
KEY_INDEX_TYPE = "application/vnd.spack.keyindex.v1+json"

LAYOUT_KEY = "v3/layout.json"
LAYOUT_BYTES = b'{"signing": "gpg"}'
MANIFEST_PREFIX = "v3/manifests"
SPEC_PREFIX = f"{MANIFEST_PREFIX}/spec"
_SPECS = f"{SPEC_PREFIX}/"
KEY_PREFIX = f"{MANIFEST_PREFIX}/key"
INDEX_PREFIX = f"{MANIFEST_PREFIX}/index"
INDEX_MANIFEST = f"{INDEX_PREFIX}/index.manifest.json"
KEY_INDEX_MANIFEST = f"{KEY_PREFIX}/keys.manifest.json"
INDEX_LOCK = f"{INDEX_PREFIX}/index.lock"
BLOB_PREFIX = "blobs/sha256"

_SUFFIX = ".manifest.json"
_SPEC_SUFFIX = ".spec.manifest.json"
_KEY_SUFFIX = ".key.manifest.json"
_HASH_PLACE = slice(-32 - len(_SPEC_SUFFIX), -len(_SPEC_SUFFIX))
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_+.-]")
_FINGERPRINT = re.compile(r"[0-9A-F]{40}(?:[0-9A-F]{24})?")


def entry_manifest(entry: EntryName) -> str:
    """Key of the manifest of a package. Raises CacheError for a hash or name that cannot be one."""
    if not is_dag_hash(entry.hash) or not entry.name.strip("."):
        raise CacheError("That is not the name of a package", repr(entry)[:200])
    name, version = cleaned(entry.name), cleaned(entry.version)
    return f"{SPEC_PREFIX}/{name}/{name}-{version}-{entry.hash}{_SPEC_SUFFIX}"


def cleaned(part: str) -> str:
    """`part` as it stands in file names."""
    return _NOT_IN_NAMES.sub("_", part)


def is_entry_manifest(key: str) -> bool:
    return key.startswith(_SPECS) and key.endswith(_SPEC_SUFFIX)


def is_manifest(key: str) -> bool:
    """Whether `key` is that of a manifest of any kind."""
    return key.startswith(f"{MANIFEST_PREFIX}/") and key.endswith(_SUFFIX)


def kind_of(manifest_key: str) -> EntryKind:
    """What has its manifest there."""
    if manifest_key.startswith(f"{SPEC_PREFIX}/"):
        return EntryKind.PACKAGE
    return EntryKind.KEY if manifest_key.startswith(f"{KEY_PREFIX}/") else EntryKind.INDEX


def entry_of(key: str) -> EntryName | None:
    """The package whose manifest `key` is, None if it has no such name. The version comes in its cleaned form."""
    *_, directory, file = key.split("/")
    name_and_version, _, dag_hash = file.removesuffix(_SPEC_SUFFIX).rpartition("-")
    if not is_dag_hash(dag_hash) or not name_and_version.startswith(f"{directory}-"):
        return None
    return EntryName(directory, name_and_version.removeprefix(f"{directory}-"), dag_hash)


def hash_in(directory: str, file: str) -> str:
    """What stands in place of the hash in the name of a package's manifest in a directory, "" if it has no such name.

    Much faster than `entry_of`, for those who know the hashes there may be.
    """
    has_form = file.endswith(_SPEC_SUFFIX) and file.startswith(f"{directory}-")
    return file[_HASH_PLACE] if has_form else ""


def key_manifest(fingerprint: str) -> str:
    """Key of the manifest of a public key. Raises CacheError if `fingerprint` is not upper-case hex."""
    if not is_fingerprint(fingerprint):
        raise CacheError("That is not the fingerprint of a key", repr(fingerprint[:100]))
    return f"{KEY_PREFIX}/{fingerprint}{_KEY_SUFFIX}"


def is_fingerprint(text: str) -> bool:
    """True for the upper-case hex of a fingerprint."""
    return _FINGERPRINT.fullmatch(text) is not None


def fingerprint_of(key: str) -> str | None:
    """The fingerprint of the public key whose manifest `key` is, None if it has no such name."""
    fingerprint = key.rpartition("/")[2].removesuffix(_KEY_SUFFIX)
    return fingerprint if is_fingerprint(fingerprint) and key_manifest(fingerprint) == key else None


def blob_key(digest: str) -> str:
    """Key of a blob. Raises ValueError if `digest` is not a sha256 digest."""
    checksum = hex_of(parse_digest(digest))
    return f"{BLOB_PREFIX}/{checksum[:2]}/{checksum}"


def digest_of_key(key: str) -> str:
    """The digest of the blob at `key`, "" if that is no place for a blob."""
    digest = f"sha256:{key.rpartition('/')[2]}"
    with suppress(ValueError):
        return digest if blob_key(digest) == key else ""
    return ""
