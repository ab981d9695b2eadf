# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Manifests, deletion and small things of a repository."""

from __future__ import annotations

import json

import pytest
from registry.clients import NAME, TOKEN, connected, content, descriptor, image
from registry.kit.behaviour import behaving
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry
from registry.kit.faults import corrupted, shortened

from core.foundation.digests import digest_of
from core.foundation.errors import AccessDenied, BadAnswer, CacheError, ProxyInterference, ServerError, UsageError
from core.registry.hosts import name_problem, packages_page
from core.registry.manifests import RawManifest
from core.registry.media_types import ALL_FOUR, OCI_INDEX, OCI_MANIFEST
from core.registry.references import parse_image
from core.registry.repository import Capabilities, DeleteUnsupported, Repository

CONFIG = b'{"spec":{}}'
LAYER = content(5000)
MANIFEST = image(CONFIG, LAYER)
DIGEST = digest_of(MANIFEST)


@pytest.fixture
def filled(registry: FakeRegistry) -> FakeRegistry:
    for data in (CONFIG, LAYER):
        registry.add_blob(NAME, data)
    return registry


def test_what_was_put_is_there_byte_for_byte(filled: FakeRegistry) -> None:
    with connected(filled) as repository:
        assert repository.manifest("tag", TOKEN) is None
        assert repository.manifest_digest("tag", TOKEN) is None
        assert repository.put_manifest("tag", MANIFEST, OCI_MANIFEST, TOKEN) == DIGEST
        for target in ("tag", DIGEST):
            assert repository.manifest(target, TOKEN) == RawManifest(OCI_MANIFEST, DIGEST, MANIFEST)
            assert repository.manifest_digest(target, TOKEN) == DIGEST
    put = filled.seen("PUT", "/manifests/tag")[0]
    assert put.headers["content-type"] == OCI_MANIFEST
    assert put.body == MANIFEST


def test_all_four_types_are_asked_for(filled: FakeRegistry) -> None:
    with connected(filled) as repository:
        repository.manifest("tag", TOKEN)
        repository.manifest_digest("tag", TOKEN)
        repository.manifest("tag", TOKEN, accept=(OCI_INDEX,))
    accepted = [request.headers["accept"] for request in filled.seen("", "/manifests/")]
    assert accepted == [", ".join(ALL_FOUR), ", ".join(ALL_FOUR), OCI_INDEX]


def test_a_manifest_is_looked_at_again_after_it_was_put(filled: FakeRegistry) -> None:
    with connected(filled) as repository:
        repository.put_manifest("tag", MANIFEST, OCI_MANIFEST, TOKEN)
    assert [request.method for request in filled.seen("", "/manifests/")] == ["PUT", "GET"]
    assert filled.seen("GET", f"/manifests/{DIGEST}")


def test_t36_a_manifest_that_was_not_kept_is_found_out(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("correct", stores="nothing")
    with connected(filled) as repository, pytest.raises(BadAnswer, match="does not have it"):
        repository.put_manifest("tag", MANIFEST, OCI_MANIFEST, TOKEN)


def test_another_digest_in_the_answer_is_found_out(filled: FakeRegistry) -> None:
    filled.faults.add(method="PUT", path="/manifests/", headers={"Docker-Content-Digest": digest_of(b"")})
    with connected(filled) as repository, pytest.raises(BadAnswer, match="another digest"):
        repository.put_manifest("tag", MANIFEST, OCI_MANIFEST, TOKEN)


def test_a_manifest_seen_a_little_later_is_waited_for(filled: FakeRegistry, clock: FakeClock) -> None:
    with connected(filled, clock=clock) as repository:
        repository.put_manifest("tag", MANIFEST, OCI_MANIFEST, TOKEN)
        filled.faults.add(method="GET", path="/manifests/tag", status=404, times=2)
        assert repository.manifest("tag", TOKEN) is not None
        assert clock.sleeps == [0.3, 0.6]
        clock.advance(31)
        filled.faults.add(method="GET", path="/manifests/tag", status=404)
        assert repository.manifest("tag", TOKEN) is None, "long after the write 404 means what it says"


@pytest.mark.parametrize("change", [corrupted, shortened])
@pytest.mark.parametrize("by_digest", [True, False])
def test_t06_a_manifest_with_another_digest_is_refused(filled: FakeRegistry, by_digest: bool, change: object) -> None:
    filled.add_manifest(NAME, MANIFEST, tag="tag")
    filled.faults.add(method="GET", path="/manifests/", change=change, times=None)
    with connected(filled) as repository, pytest.raises((BadAnswer, CacheError)):
        repository.manifest(DIGEST if by_digest else "tag", TOKEN)


def test_t06_another_manifest_than_the_digest_asked_for_is_refused(filled: FakeRegistry) -> None:
    filled.add_manifest(NAME, MANIFEST)
    filled.faults.add(method="GET", path="/manifests/", body=image(CONFIG), headers={"Docker-Content-Digest": ""})
    with connected(filled) as repository, pytest.raises(BadAnswer, match="another digest"):
        repository.manifest(DIGEST, TOKEN)


def test_t07_a_manifest_beyond_all_measure_is_refused(filled: FakeRegistry) -> None:
    filled.faults.add(path="/manifests/", raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{")
    with connected(filled) as repository, pytest.raises(BadAnswer):
        repository.manifest("tag", TOKEN)


def test_t25_a_web_page_is_no_manifest(filled: FakeRegistry) -> None:
    filled.faults.add(path="/manifests/", status=200, body=" <html>log in</html>")
    with connected(filled) as repository, pytest.raises(ProxyInterference):
        repository.manifest("tag", TOKEN)


def test_only_404_means_missing(filled: FakeRegistry) -> None:
    filled.faults.add(path="/manifests/", status=403, times=None)
    with connected(filled) as repository, pytest.raises(AccessDenied):
        repository.manifest("tag", TOKEN)
    filled.faults.clear()
    filled.faults.add(path="/manifests/", status=503, times=None)
    with connected(filled) as repository, pytest.raises(ServerError):
        repository.manifest_digest("tag", TOKEN)


def test_without_a_digest_in_the_answer_the_manifest_is_read(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("correct", content_digest=False)
    filled.add_manifest(NAME, MANIFEST, tag="tag")
    with connected(filled) as repository:
        assert repository.manifest_digest("tag", TOKEN) == DIGEST
    assert [request.method for request in filled.seen("", "/manifests/")] == ["HEAD", "GET"]


@pytest.mark.parametrize("call", ["manifest", "manifest_digest", "delete_tag"])
def test_t12_nothing_odd_becomes_part_of_an_address(registry: FakeRegistry, call: str) -> None:
    with connected(registry) as repository, pytest.raises(ValueError, match="Not a tag"):
        getattr(repository, call)("../../x", TOKEN)
    assert not registry.requests


def test_deleting(filled: FakeRegistry) -> None:
    filled.add_manifest(NAME, MANIFEST, tag="one")
    filled.add_manifest(NAME, MANIFEST, tag="two")
    with connected(filled) as repository:
        assert repository.delete_tag("one", TOKEN)
        assert filled.tags[NAME] == {"two": DIGEST}
        assert not repository.delete_tag("one", TOKEN)
        assert repository.delete_manifest(DIGEST, TOKEN)
        assert filled.tags[NAME] == {}
        assert not repository.delete_manifest(DIGEST, TOKEN)


def test_deleting_asks_for_the_right_to_delete(filled: FakeRegistry, clock: FakeClock) -> None:
    filled.authority.kind = "bearer"
    filled.add_manifest(NAME, MANIFEST)
    with connected(filled, clock=clock, plain_passwords=True) as repository:
        assert repository.delete_manifest(DIGEST, TOKEN)


def test_capabilities_are_found_out_once_without_harm(filled: FakeRegistry) -> None:
    filled.add_manifest(NAME, MANIFEST, tag="one")
    with connected(filled) as repository:
        assert repository.capabilities(TOKEN) == Capabilities(delete_manifests=True, delete_tags=True)
        assert repository.capabilities(TOKEN) == Capabilities(delete_manifests=True, delete_tags=True)
    assert len(filled.seen("DELETE")) == 2
    assert filled.tags[NAME] == {"one": DIGEST}


def test_capabilities_without_permission_are_unknown(filled: FakeRegistry) -> None:
    filled.faults.add(method="DELETE", status=403, times=None)
    with connected(filled) as repository:
        assert repository.capabilities(TOKEN) == Capabilities(delete_manifests=None, delete_tags=None)


def test_what_was_refused_is_known_from_then_on(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("distribution-2.8")
    with connected(filled) as repository:
        with pytest.raises(DeleteUnsupported):
            repository.delete_tag("one", TOKEN)
        asked = len(filled.seen("DELETE"))
        assert repository.capabilities(TOKEN) == Capabilities(delete_manifests=True, delete_tags=False)
    assert len(filled.seen("DELETE")) == asked + 1


def test_a_failed_deletion_is_no_lack_of_capability(filled: FakeRegistry) -> None:
    filled.faults.add(method="DELETE", status=503, times=None)
    with connected(filled) as repository, pytest.raises(ServerError):
        repository.delete_manifest(DIGEST, TOKEN)


@pytest.mark.parametrize(
    ("body", "headers", "size"),
    [(None, {}, 5000), (b"", {"Content-Length": "x"}, 5000)],
)
def test_size_of_a_blob_without_a_useful_head(
    filled: FakeRegistry, body: bytes | None, headers: dict[str, str], size: int
) -> None:
    if body is None:
        filled.faults.add(method="HEAD", status=405, times=None)
    else:
        filled.faults.add(method="HEAD", raw=b"HTTP/1.1 200 OK\r\n\r\n", times=None)
    with connected(filled) as repository:
        assert repository.blob_size(digest_of(LAYER), TOKEN) == size
        assert repository.blob_size(digest_of(b"other"), TOKEN) is None or body is not None
    assert filled.seen("GET", "/blobs/")[0].headers["range"] == "bytes=0-0"


def test_unsound_blobs(filled: FakeRegistry) -> None:
    gone, longer = descriptor(b"gone"), descriptor(LAYER)
    filled.blobs[NAME][longer.digest] = LAYER + b"x"
    fine = descriptor(CONFIG)
    with connected(filled) as repository:
        assert repository.unsound([fine, gone, longer], TOKEN) == [gone, longer]


def test_names_a_registry_cannot_have_are_refused_at_once(registry: FakeRegistry) -> None:
    with connected(registry) as repository, pytest.raises(UsageError, match="two parts"):
        Repository(parse_image("index.docker.io/a/b/c"), repository.transport)


@pytest.mark.parametrize(
    ("image_name", "page"),
    [
        ("ghcr.io/Org/cache/sub", "https://github.com/org?tab=packages&q=cache%2Fsub"),
        ("user/cache", "https://hub.docker.com/r/user/cache/tags"),
        ("quay.io/org/cache", "https://quay.io/repository/org/cache?tab=tags"),
        ("reg.example/org/cache", ""),
    ],
)
def test_pages_of_registries(image_name: str, page: str) -> None:
    assert packages_page(parse_image(image_name)) == page
    assert name_problem(parse_image(image_name)) == ""


def test_manifests_of_other_kinds_go_through_untouched(filled: FakeRegistry) -> None:
    index = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "x-unknown": [1.0, {"a": None}]}, indent=7
    ).encode()
    with connected(filled) as repository:
        repository.put_manifest("list", index, OCI_INDEX, TOKEN)
        assert repository.manifest("list", TOKEN) == RawManifest(OCI_INDEX, digest_of(index), index)
