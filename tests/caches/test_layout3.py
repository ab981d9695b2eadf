# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import gzip
import hashlib
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.caches.layout3 import (
    ARCHIVE_TYPE,
    LAYOUT_BYTES,
    LAYOUT_KEY,
    SPEC_TYPE,
    blob_key,
    entry_manifest,
    entry_of,
    fingerprint_of,
    is_entry_manifest,
    key_manifest,
)
from core.caches.manifests import blob_record, decode_manifest, encode_manifest
from core.caches.protocol import EntryName
from core.foundation.errors import CacheError
from core.signing.clearsign import is_clearsigned, signed_text

HASH = "j3bgn4yerstwtu7gti7kb3s5chle7wc6"
FINGERPRINT = "A721F1AE8B12BCA30AACF1F345CB9C6C81CA8CE8"
SPACK_MIRRORS = [
    "unsigned",
    "signed",
    "private",
    "padded",
    "auto-signed",
    "auto-unsigned",
    "migrated-v2-to-v3-unsigned",
]


def manifests_of(mirror: Path) -> dict[str, bytes]:
    found = {
        path.relative_to(mirror).as_posix(): path.read_bytes()
        for path in mirror.glob("v3/manifests/**/*.manifest.json")
    }
    assert found
    return found


@pytest.mark.parametrize("name", SPACK_MIRRORS)
def test_manifests_are_written_as_spack_writes_them(golden: Path, name: str) -> None:
    """Text and file name of every manifest, made from nothing but the blobs' bytes and media types."""
    mirror = golden / "mirrors" / name
    assert (mirror / LAYOUT_KEY).read_bytes() == LAYOUT_BYTES
    for key, data in manifests_of(mirror).items():
        records = []
        for record in decode_manifest(data, key).records:
            blob = (mirror / blob_key(record.digest)).read_bytes()
            digest = "sha256:" + hashlib.sha256(blob).hexdigest()
            records.append(blob_record(record.media_type, digest, len(blob), compression=record.compression))
        assert encode_manifest(records) == (signed_text(data) if is_clearsigned(data) else data)
        if is_entry_manifest(key):
            spec = decode_manifest(data, key).blob(SPEC_TYPE)
            root = json.loads(gzip.decompress((mirror / blob_key(spec.digest)).read_bytes()))["spec"]["nodes"][0]
            assert entry_manifest(EntryName(root["name"], root["version"], root["hash"])) == key
            found = entry_of(key)
            assert found is not None
            assert (found.name, found.hash) == (root["name"], root["hash"])


def test_names_are_cleaned() -> None:
    key = entry_manifest(EntryName("labgit", "git.v1.0=1.0", HASH))
    assert key == f"v3/manifests/spec/labgit/labgit-git.v1.0_1.0-{HASH}.spec.manifest.json"
    assert entry_of(key) == EntryName("labgit", "git.v1.0_1.0", HASH)
    assert "/../" not in entry_manifest(EntryName("a/../b", "../..", HASH))


@pytest.mark.parametrize(
    "entry",
    [
        EntryName("..", "1", HASH),
        EntryName("", "1", HASH),
        EntryName("a", "1", ""),
        EntryName("a", "1", HASH + "a"),
        EntryName("a", "1", HASH.upper()),
        EntryName("a", "1", "../" * 10 + "aa"),
    ],
)
def test_t11_names_that_are_none(entry: EntryName) -> None:
    with pytest.raises(CacheError):
        entry_manifest(entry)


@pytest.mark.parametrize(
    "key",
    [
        f"v3/manifests/spec/a/b-1-{HASH}.spec.manifest.json",
        "v3/manifests/spec/a/a-1-short.spec.manifest.json",
        f"v3/manifests/spec/a/{HASH}.spec.manifest.json",
    ],
)
def test_file_names_that_are_no_packages(key: str) -> None:
    assert entry_of(key) is None


def test_keys_have_names() -> None:
    key = f"v3/manifests/key/{FINGERPRINT}.key.manifest.json"
    assert key_manifest(FINGERPRINT) == key
    assert fingerprint_of(key) == FINGERPRINT
    assert fingerprint_of("v3/manifests/key/keys.manifest.json") is None
    assert fingerprint_of(f"v3/manifests/key/deeper/{FINGERPRINT}.key.manifest.json") is None
    for bad in ("", "../x", FINGERPRINT.lower(), FINGERPRINT[:-1]):
        with pytest.raises(CacheError):
            key_manifest(bad)


@pytest.mark.parametrize(
    "digest", ["sha256:../../x", "sha256:" + "A" * 64, "md5:" + "a" * 32, "a" * 64, "sha256:" + "a" * 63, "sha256:"]
)
def test_t10_digests_are_checked_before_they_become_paths(digest: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        blob_key(digest)


GOOD = {
    "contentLength": 5,
    "mediaType": ARCHIVE_TYPE,
    "compression": "gzip",
    "checksumAlgorithm": "sha256",
    "checksum": "a" * 64,
}


def text_of(version: object = 3, **changes: object) -> bytes:
    record = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return json.dumps({"version": version, "data": [record]}).encode()


def test_unknown_keys_and_any_order_are_fine() -> None:
    text = json.dumps({"data": [{"x": 1}, {**GOOD, "note": [1]}][1:], "more": {}, "version": 3}, indent=4).encode()
    manifest = decode_manifest(text, "m")
    assert manifest.blob(ARCHIVE_TYPE).digest == "sha256:" + "a" * 64
    with pytest.raises(CacheError, match="names no blob"):
        manifest.blob(SPEC_TYPE)


def test_the_first_blob_of_a_type_counts() -> None:
    records = [blob_record(SPEC_TYPE, "sha256:" + digit * 64, 1, compression="gzip") for digit in "12"]
    assert decode_manifest(encode_manifest(records), "m").blob(SPEC_TYPE).checksum == "1" * 64


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"version": 3}',
        b'{"version": 3, "data": {}}',
        text_of(version=4),
        text_of(version="3"),
        text_of(version=None),
        text_of(checksum="../../../etc/passwd"),
        text_of(checksum="A" * 64),
        text_of(checksum="a" * 63),
        text_of(checksum="a" * 64 + "\n"),
        text_of(checksum=None),
        text_of(checksumAlgorithm="../sha256"),
        text_of(checksumAlgorithm="md5"),
        text_of(checksumAlgorithm="SHA256"),
        text_of(checksumAlgorithm=None),
        text_of(contentLength=-1),
        text_of(contentLength="5"),
        text_of(contentLength=None),
        text_of(contentLength=10**400),
        text_of(mediaType=None),
        text_of(mediaType=3),
        b'{"version": 3, "data": [], "x": ' + b"[" * 100_000,
        b"-----BEGIN PGP SIGNED MESSAGE-----\n" + text_of(),
    ],
)
def test_t11_what_is_no_manifest_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(CacheError, match="/mirror/m"):
        decode_manifest(data, "/mirror/m")


@given(st.one_of(st.binary(), st.binary().map(lambda noise: text_of().replace(b"sha256", noise))))
def test_nothing_else_is_ever_raised(data: bytes) -> None:
    with suppress(CacheError):
        decode_manifest(data, "m")
