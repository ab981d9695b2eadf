# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What registries are known to do to manifests, one test for each row of the table of quirks."""

from __future__ import annotations

import json

import pytest
from registry.clients import NAME, TOKEN, connected, content, descriptor, image
from registry.kit.behaviour import behaving
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.foundation.digests import digest_of
from core.foundation.errors import Refused, TooLarge, UsageError
from core.registry.hosts import deletion_remedies, name_problem
from core.registry.manifests import Descriptor
from core.registry.media_types import ALL_FOUR, OCI_LAYER_GZIP, OCI_MANIFEST
from core.registry.messages import RateLimit
from core.registry.references import parse_image
from core.registry.referrers import fallback_tag
from core.registry.repository import Capabilities, DeleteUnsupported, Repository

CONFIG = b'{"spec":{}}'
LAYER = content(5000)
MANIFEST = image(CONFIG, LAYER)
DIGEST = digest_of(MANIFEST)
SUBJECT = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": len(MANIFEST)}
SIGNATURE = image(CONFIG, subject=SUBJECT, artifactType="application/vnd.example.signature")


@pytest.fixture
def filled(registry: FakeRegistry) -> FakeRegistry:
    for data in (CONFIG, LAYER):
        registry.add_blob(NAME, data)
    registry.add_manifest(NAME, MANIFEST, tag="tag")
    return registry


def test_q05_ghcr_deletes_nothing_by_request(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("ghcr")
    with connected(filled) as repository:
        with pytest.raises(DeleteUnsupported) as caught:
            repository.delete_manifest(DIGEST, TOKEN)
        assert caught.value.remedies
        with pytest.raises(DeleteUnsupported):
            repository.delete_tag("tag", TOKEN)
        assert repository.capabilities(TOKEN) == Capabilities(delete_manifests=False, delete_tags=False)
    page = deletion_remedies(parse_image("ghcr.io/org/cache"))[0]
    assert "https://github.com/org?tab=packages&q=cache" in page


def test_q06_ghcr_misses_a_manifest_now_and_then(filled: FakeRegistry, clock: FakeClock) -> None:
    filled.faults.add(method="GET", path="/manifests/", status=404, times=3)
    with connected(filled, clock=clock) as repository:
        assert repository.manifest("tag", TOKEN, expected=True) is not None
        assert clock.sleeps == [0.3, 0.6, 1.2]
        filled.faults.add(method="GET", path="/manifests/", status=404, times=9)
        assert repository.manifest("tag", TOKEN, expected=True) is None


def test_q06_what_was_written_is_looked_for_again_and_forgotten_soon(filled: FakeRegistry, clock: FakeClock) -> None:
    with connected(filled, clock=clock) as repository:
        for number in range(5):
            repository.put_manifest(f"tag-{number}", MANIFEST, OCI_MANIFEST, TOKEN)
            clock.advance(8)
        filled.faults.add(method="GET", path="/manifests/tag-", status=404, times=2)
        assert repository.manifest("tag-4", TOKEN) is not None
        filled.faults.add(method="GET", path="/manifests/tag-", status=404)
        assert repository.manifest("tag-0", TOKEN) is None
        assert len(repository._manifests._written) == 5  # four tags and one digest; the first tag is too old


def test_q06_what_nobody_expects_is_asked_for_once(filled: FakeRegistry, clock: FakeClock) -> None:
    with connected(filled, clock=clock) as repository:
        assert repository.manifest("none", TOKEN) is None
    assert len(filled.seen("GET", "/manifests/")) == 1
    assert clock.sleeps == []


_UNKNOWN_BLOB = {"errors": [{"code": "DIGEST_INVALID"}, {"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown"}]}


def test_docker_registry_misses_a_blob_while_somebody_else_uploads_it(filled: FakeRegistry, clock: FakeClock) -> None:
    refused = {"method": "PUT", "path": "/manifests/", "status": 400, "body": json.dumps(_UNKNOWN_BLOB)}
    filled.faults.add(times=2, **refused)
    with connected(filled, clock=clock) as repository:
        repository.put_manifest("other", MANIFEST, OCI_MANIFEST, TOKEN)
        assert clock.sleeps == [0.3, 0.6]
        filled.faults.add(times=9, **refused)
        with pytest.raises(Refused, match="blob unknown"):
            repository.put_manifest("third", MANIFEST, OCI_MANIFEST, TOKEN)


def test_q07_hub_counts_get_but_not_head(filled: FakeRegistry) -> None:
    meter = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}
    filled.faults.add(path="/manifests/", headers=meter, times=None)
    with connected(filled) as repository:
        assert repository.manifest_digest("tag", TOKEN) == DIGEST
        assert repository.transport.rate_limit() == RateLimit(76, 100, 21600)
        repository.put_manifest("other", MANIFEST, OCI_MANIFEST, TOKEN)
    assert not filled.seen("GET", "/manifests/"), "a pull was spent"


def test_q10_hub_has_names_of_two_parts_and_no_deletion(filled: FakeRegistry) -> None:
    assert name_problem(parse_image("index.docker.io/user/cache")) == ""
    assert name_problem(parse_image("busybox")) == ""
    assert name_problem(parse_image("reg.example/a/b/c")) == ""
    filled.behaviour = behaving("hub")
    with connected(filled) as repository:
        with pytest.raises(UsageError, match="user/a/b has 3"):
            Repository(parse_image("index.docker.io/user/a/b"), repository.transport)
        with pytest.raises(DeleteUnsupported):
            repository.delete_manifest(DIGEST, TOKEN)
    assert "hub.docker.com/r/user/cache/tags" in deletion_remedies(parse_image("user/cache"))[0]


@pytest.mark.parametrize("status", [405, 400])
def test_q13_ecr_takes_no_subject(filled: FakeRegistry, status: int) -> None:
    filled.behaviour = behaving("ecr", subject_status=status, referrers=False)
    with connected(filled) as repository:
        digest = repository.put_manifest("signature", SIGNATURE, OCI_MANIFEST, TOKEN)
        kept = json.loads(filled.manifests[NAME][filled.tags[NAME]["signature"]][1])
        assert "subject" not in kept
        assert kept["mediaType"] == OCI_MANIFEST
        assert digest == filled.tags[NAME]["signature"]
        assert [row.digest for row in repository.referrers(DIGEST, TOKEN)] == [digest]


def test_q13_by_digest_nothing_is_changed(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("ecr", subject_status=405)
    with connected(filled) as repository, pytest.raises(Refused):
        repository.put_manifest(digest_of(SIGNATURE), SIGNATURE, OCI_MANIFEST, TOKEN)


def test_q16_an_immutable_tag_that_is_what_it_should_be_is_a_success(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("ecr-immutable")
    with connected(filled) as repository:
        assert repository.put_manifest("tag", MANIFEST, OCI_MANIFEST, TOKEN) == DIGEST
        with pytest.raises(Refused, match="immutable"):
            repository.put_manifest("tag", image(CONFIG), OCI_MANIFEST, TOKEN)
    assert filled.tags[NAME]["tag"] == DIGEST


def test_q28_400_for_deleting_a_tag_is_no_corruption(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("distribution-2.8")
    with connected(filled) as repository:
        with pytest.raises(DeleteUnsupported, match="does not delete tags"):
            repository.delete_tag("tag", TOKEN)
        assert repository.capabilities(TOKEN) == Capabilities(delete_manifests=True, delete_tags=False)


def test_q29_a_type_that_is_not_asked_for_is_not_found(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("distribution-2.8")
    with connected(filled) as repository:
        assert repository.manifest("tag", TOKEN) is not None
        assert repository.manifest_digest("tag", TOKEN) == DIGEST
        assert repository.manifest("tag", TOKEN, accept=ALL_FOUR[1:]) is None


def test_q30_a_wrong_size_in_a_manifest_is_found_by_us(filled: FakeRegistry) -> None:
    wrong = Descriptor(OCI_LAYER_GZIP, digest_of(LAYER), len(LAYER) - 1)
    with connected(filled) as repository:
        assert repository.unsound([descriptor(CONFIG), wrong], TOKEN) == [wrong]


def test_q31_a_manifest_beyond_4_mib_is_never_sent(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("distribution-2.8")
    data = image(CONFIG, LAYER, annotations={"x": "x" * (4 << 20)})
    with connected(filled) as repository, pytest.raises(TooLarge, match="4 MiB"):
        repository.put_manifest("tag", data, OCI_MANIFEST, TOKEN)
    assert not filled.seen("PUT")


def test_q37_the_list_of_referrers_is_kept_by_us(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("distribution-2.8")
    with connected(filled) as repository:
        digest = repository.put_manifest(digest_of(SIGNATURE), SIGNATURE, OCI_MANIFEST, TOKEN)
        assert [row.digest for row in repository.referrers(DIGEST, TOKEN)] == [digest]
    assert fallback_tag(DIGEST) in filled.tags[NAME]


def test_q38_deletion_switched_off(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("distribution-2.8", delete_manifest=405, delete_tag=405)
    with connected(filled) as repository:
        assert repository.capabilities(TOKEN) == Capabilities(delete_manifests=False, delete_tags=False)


def test_q44_405_for_head_of_a_manifest(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("correct", head_manifest=False)
    with connected(filled) as repository:
        assert repository.manifest_digest("tag", TOKEN) == DIGEST
        assert repository.manifest_digest("none", TOKEN) is None


def test_q47_a_charset_is_no_other_type(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("correct", charset=True)
    with connected(filled) as repository:
        raw = repository.manifest("tag", TOKEN)
    assert raw is not None
    assert raw.media_type == OCI_MANIFEST
