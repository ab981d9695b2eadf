# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Everything in a small repository spoiled in every way, one at a time: a full verification names each of them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from helpers.verifying import verify
from oci_lab import ALL, NAME, Lab, entry_of, hash_of, tag_of

from core.caches.findings import Finding, FindingKind, Remedy
from core.caches.oci.names import INDEX_TAG
from core.caches.protocol import BlobAt
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound


@pytest.fixture
def filled(lab: Lab) -> Lab:
    lab.push()
    lab.cache.update_index(full=False, token=CancelToken(), progress=lambda _done, _total: None)
    assert [finding.words for finding in verify(lab.cache)] == []
    assert [finding.words for finding in verify(lab.cache, full=False)] == []
    return lab


def state(lab: Lab) -> object:
    registry = lab.registry
    return dict(registry.blobs[NAME]), dict(registry.manifests[NAME]), dict(registry.tags[NAME])


def named(findings: list[Finding]) -> set[str]:
    return {finding.entry.hash if finding.entry else finding.key for finding in findings}


def users_of(lab: Lab, digest: str) -> set[str]:
    """Hashes of the packages, or tags, whose images need a blob."""
    found = set()
    for tag in lab.tags():
        manifest = lab.manifest(tag)
        if digest in {part["digest"] for part in (manifest["config"], *manifest["layers"])}:
            found.add(next((hash_of(name) for name in ALL if tag_of(name) == tag), tag))
    return found


def spoiled(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize("spoil", [None, spoiled, lambda data: data[:-1], lambda data: data + b"x"])
def test_every_blob(filled: Lab, spoil: Callable[[bytes], bytes] | None) -> None:
    lab, blobs = filled, filled.registry.blobs[NAME]
    for digest, data in list(blobs.items()):
        wanted = users_of(lab, digest)
        if spoil is None:
            del blobs[digest]
        else:
            blobs[digest] = spoil(data)
        before = state(lab)
        findings = verify(lab.cache)
        assert state(lab) == before
        assert wanted <= named(findings), (digest, [finding.words for finding in findings])
        if INDEX_TAG not in wanted:
            assert {finding.entry.hash for finding in findings if finding.entry and finding.blob == digest} == wanted
        blobs[digest] = data
    assert verify(lab.cache) == []


@pytest.mark.parametrize("spoil", [None, lambda data: data[:-1], lambda data: b"{}", lambda data: b""])
def test_every_manifest(filled: Lab, spoil: Callable[[bytes], bytes] | None) -> None:
    lab, manifests = filled, filled.registry.manifests[NAME]
    for tag, digest in list(lab.registry.tags[NAME].items()):
        kept = manifests[digest]
        if spoil is None:
            del manifests[digest]
        else:
            manifests[digest] = (kept[0], spoil(kept[1]))
        wanted = {next((hash_of(name) for name in ALL if tag_of(name) == tag), tag)}
        findings = verify(lab.cache)
        assert wanted <= named(findings), (tag, [finding.words for finding in findings])
        manifests[digest] = kept
    assert verify(lab.cache) == []


def test_tags_that_lead_elsewhere(filled: Lab) -> None:
    tags = filled.registry.tags[NAME]
    one, other = tag_of("labtool"), tag_of("labdata")
    tags[one], tags[other] = tags[other], tags[one]
    findings = verify(filled.cache)
    assert {finding.kind for finding in findings} == {FindingKind.WRONG_PACKAGE}
    assert named(findings) == {hash_of("labtool"), hash_of("labdata")}


def test_index_and_tags_disagree(filled: Lab) -> None:
    tags = filled.registry.tags[NAME]
    del tags[tag_of("labtool")]
    findings = verify(filled.cache, full=False)
    assert [(finding.kind, finding.key) for finding in findings] == [(FindingKind.LISTED_BUT_GONE, INDEX_TAG)]
    del tags[INDEX_TAG]
    assert [finding.kind for finding in verify(filled.cache, full=False)] == [FindingKind.NO_INDEX]


def test_incomplete_images(lab: Lab) -> None:
    lab.fail_blob("labz")
    lab.push()
    findings = verify(lab.cache, full=False)
    incomplete = [finding for finding in findings if finding.kind is FindingKind.INCOMPLETE_IMAGE]
    assert named(incomplete) == {hash_of("labtool"), hash_of("labfmt")}
    assert {finding.remedy for finding in incomplete} == {Remedy.PUSH_AGAIN}


def test_reading_one_package(filled: Lab, tmp_path) -> None:
    cache, token = filled.cache, CancelToken()
    package = cache.package(entry_of("labtool"), token=token)
    assert json.loads(package.manifest) == filled.manifest(tag_of("labtool"))
    with cache.open_blob(package.archive, token=token) as reader:
        data = b"".join(iter(lambda: reader.read(7), b""))
    assert data == filled.registry.blobs[NAME][package.archive.digest]
    cache.save_blob(package.spec, tmp_path / "spec", token=token, progress=lambda _: None)
    assert json.loads((tmp_path / "spec").read_bytes()) == filled.config(tag_of("labtool"))
    with pytest.raises(NotFound):
        cache.save_blob(BlobAt("", f"sha256:{'0' * 64}", None), tmp_path / "x", token=token, progress=lambda _: None)
    del filled.registry.tags[NAME][tag_of("labtool")]
    with pytest.raises(NotFound, match="is not in"):
        cache.package(entry_of("labtool"), token=token)
    assert cache.public_keys(token=token) == {}
