# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What refers to a manifest, by the registry's list or by the one kept under a tag."""

from __future__ import annotations

import json

import pytest
from registry.clients import NAME, TOKEN, connected, image
from registry.kit.behaviour import behaving
from registry.kit.fake_registry import FakeRegistry

from core.foundation.digests import digest_of
from core.foundation.errors import CacheError
from core.registry.media_types import OCI_INDEX, OCI_MANIFEST
from core.registry.referrers import fallback_tag

CONFIG = b"{}"
SUBJECT = image(CONFIG)
SIGNATURE = "application/vnd.example.signature"


def referring(number: int = 0) -> bytes:
    subject = {"mediaType": OCI_MANIFEST, "digest": digest_of(SUBJECT), "size": len(SUBJECT)}
    return image(CONFIG, subject=subject, artifactType=SIGNATURE, annotations={"number": str(number)})


@pytest.fixture
def filled(registry: FakeRegistry) -> FakeRegistry:
    registry.add_blob(NAME, CONFIG)
    registry.add_manifest(NAME, SUBJECT, tag="signed")
    return registry


def test_the_registrys_own_list(filled: FakeRegistry) -> None:
    with connected(filled) as repository:
        assert repository.referrers(digest_of(SUBJECT), TOKEN) == ()
        repository.put_manifest(digest_of(referring()), referring(), OCI_MANIFEST, TOKEN)
        found = repository.referrers(digest_of(SUBJECT), TOKEN)
    assert [(row.digest, row.artifact_type) for row in found] == [(digest_of(referring()), SIGNATURE)]
    assert fallback_tag(digest_of(SUBJECT)) not in filled.tags[NAME]


def test_a_list_we_keep_holds_everything_once(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("correct", referrers=False)
    with connected(filled) as repository:
        for number in (0, 1, 0):
            repository.put_manifest(digest_of(referring(number)), referring(number), OCI_MANIFEST, TOKEN)
        found = repository.referrers(digest_of(SUBJECT), TOKEN)
    assert {row.digest for row in found} == {digest_of(referring(0)), digest_of(referring(1))}
    assert len(found) == 2
    kept = filled.manifests[NAME][filled.tags[NAME][fallback_tag(digest_of(SUBJECT))]]
    assert kept[0] == OCI_INDEX
    assert json.loads(kept[1])["manifests"][0]["annotations"] == {"number": "0"}


def test_no_list_at_all_is_no_referrers(filled: FakeRegistry) -> None:
    filled.behaviour = behaving("correct", referrers=False)
    with connected(filled) as repository:
        assert repository.referrers(digest_of(SUBJECT), TOKEN) == ()


@pytest.mark.parametrize(
    "body", ['{"manifests": 1, "schemaVersion": 2}', '{"schemaVersion": 2}', "[]", '{"manifests":[{}]}']
)
def test_t08_a_list_that_is_none_is_refused(filled: FakeRegistry, body: str) -> None:
    filled.faults.add(path="/referrers/", status=200, body=body)
    with connected(filled) as repository, pytest.raises(CacheError):
        repository.referrers(digest_of(SUBJECT), TOKEN)
