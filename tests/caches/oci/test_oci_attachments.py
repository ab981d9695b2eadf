# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signatures and the like go with the images they belong to, byte for byte, whichever way they are attached."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oci_lab import ALL, Lab, digest_of, entry_of, hash_of, open_repository, tag_of
from registry.clients import image
from registry.kit.behaviour import behaving
from registry.kit.fake_registry import FakeRegistry

from core.caches.oci.image_copy import ImageCopy
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError
from core.registry.media_types import OCI_MANIFEST
from core.registry.referrers import fallback_tag

TOKEN = CancelToken()
SOURCE, TARGET = "lab/cache", "lab/copy"
CONFIG = b"{}"
SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@pytest.fixture
def filled(lab: Lab) -> Lab:
    """A repository with images."""
    lab.push()
    return lab


@pytest.fixture
def target(registry: FakeRegistry, tmp_path: Path) -> Iterator[Lab]:
    with open_repository(registry, TARGET) as repository:
        yield Lab(registry, repository, tmp_path / "target")


def digest_at(lab: Lab, name: str) -> str:
    return lab.registry.tags[SOURCE][tag_of(name)]


def attach(registry: FakeRegistry, repository: str, tag: str, *layers: bytes, **more: Any) -> str:
    """An image of `layers` under a tag, or only by its digest."""
    for data in (CONFIG, *layers):
        registry.add_blob(repository, data)
    data = image(CONFIG, *layers, **more)
    registry.add_manifest(repository, data, OCI_MANIFEST, tag or None)
    return digest_of(data)


def refer(registry: FakeRegistry, digest: str, content: bytes, repository: str = SOURCE) -> str:
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
    return attach(registry, repository, "", content, subject=subject, artifactType=SIGNATURE)


def copying(lab: Lab, target: Lab, *names: str) -> ImageCopy:
    entries = {hash_of(name): entry_of(name) for name in names}
    return ImageCopy(lab.repository, target.repository, entries, blobs=lab.blobs, staging=lab.place / "staging")


def copy(lab: Lab, target: Lab, *names: str) -> None:
    (lab.place / "staging").mkdir(exist_ok=True)
    work = copying(lab, target, *names)
    work.prepare(TOKEN)
    for name in names:
        work.copy(entry_of(name), token=TOKEN, progress=lambda _: None, upload=lambda _: None)
        work.complete(hash_of(name), token=TOKEN)


def present(lab: Lab, target: Lab, *names: str) -> set[str]:
    return set(copying(lab, target, *names).present(TOKEN))


def test_signatures_under_tags(filled: Lab, target: Lab) -> None:
    registry, digest = filled.registry, digest_at(filled, "labz")
    tags = [fallback_tag(digest) + suffix for suffix in (".sig", ".att", ".sbom")]
    wanted = {tag: attach(registry, SOURCE, tag, tag.encode()) for tag in tags}
    attach(registry, SOURCE, fallback_tag(digest_at(filled, "labgen")) + ".sig", b"of another")
    copy(filled, target, "labz")
    assert registry.tags[TARGET] == wanted | {tag_of("labz"): digest}
    assert {digest_of(tag.encode()) for tag in tags} <= registry.blobs[TARGET].keys()
    assert present(filled, target, "labz") == {hash_of("labz")}


@pytest.mark.parametrize("lists", [True, False], ids=["a registry with a list of them", "none"])
def test_referrers(filled: Lab, target: Lab, lists: bool) -> None:
    registry, digest = filled.registry, digest_at(filled, "labz")
    registry.behaviour = behaving("correct", referrers=lists)
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
    contents = image(CONFIG, b"a list of contents", subject=subject, artifactType="text/contents")
    signature = image(CONFIG, b"signed", subject={**subject, "digest": digest_of(contents)}, artifactType=SIGNATURE)
    for data in (CONFIG, b"a list of contents", b"signed"):
        registry.add_blob(SOURCE, data)
    for data in (contents, signature):
        filled.repository.put_manifest(digest_of(data), data, OCI_MANIFEST, TOKEN)
    copy(filled, target, "labz", "labgen")
    assert [one.digest for one in target.repository.referrers(digest, TOKEN)] == [digest_of(contents)]
    assert [one.digest for one in target.repository.referrers(digest_of(contents), TOKEN)] == [digest_of(signature)]
    assert registry.manifests[TARGET][digest_of(signature)][1] == signature
    assert present(filled, target, "labz", "labgen") == {hash_of("labz"), hash_of("labgen")}


def test_what_is_attached_later_is_brought_by_the_next_copy(filled: Lab, target: Lab) -> None:
    copy(filled, target, *ALL)
    assert present(filled, target, *ALL) == set(map(hash_of, ALL))
    one = refer(filled.registry, digest_at(filled, "labz"), b"late")
    tag = fallback_tag(digest_at(filled, "labgen")) + ".sig"
    attach(filled.registry, SOURCE, tag, b"late too")
    lacking = ("labz", "labgen")
    assert present(filled, target, *ALL) == set(map(hash_of, ALL)) - set(map(hash_of, lacking))
    copy(filled, target, *lacking)
    assert one in filled.registry.manifests[TARGET]
    assert tag in filled.registry.tags[TARGET]
    assert present(filled, target, *ALL) == set(map(hash_of, ALL))


def test_signatures_of_the_target_stay(filled: Lab, target: Lab) -> None:
    tag = fallback_tag(digest_at(filled, "labz")) + ".sig"
    attach(filled.registry, SOURCE, tag, b"both", b"ours")
    attach(filled.registry, TARGET, tag, b"both", b"theirs")
    copy(filled, target, "labz")
    merged = json.loads(filled.registry.manifests[TARGET][filled.registry.tags[TARGET][tag]][1])
    assert [layer["digest"] for layer in merged["layers"]] == [digest_of(one) for one in (b"both", b"theirs", b"ours")]
    assert present(filled, target, "labz") == {hash_of("labz")}


def test_what_cannot_be_copied_is_said_and_the_package_is_there(filled: Lab, target: Lab) -> None:
    registry, digest = filled.registry, digest_at(filled, "labz")
    tag = fallback_tag(digest) + ".sbom"
    attach(registry, SOURCE, tag, b"ours")
    attach(registry, TARGET, tag, b"theirs")
    sound = refer(registry, digest, b"sound")
    broken = refer(registry, digest, b"its blob is gone")
    del registry.blobs[SOURCE][digest_of(b"its blob is gone")]
    with pytest.raises(CacheError, match="not 2 attachments") as caught:
        copy(filled, target, "labz")
    assert tag in caught.value.why
    assert SIGNATURE in caught.value.why
    assert registry.tags[TARGET][tag_of("labz")] == digest
    assert sound in registry.manifests[TARGET]
    assert broken not in registry.manifests[TARGET]
