# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which repositories hold a blob."""

from __future__ import annotations

import pytest

from core.caches.oci import holders
from core.caches.oci.holders import BlobHolders
from core.registry.references import parse_image

ONE, TWO, THREE = (parse_image(f"lab.org/{name}") for name in ("one", "two", "three"))
DIGESTS = [f"sha256:{number:064x}" for number in range(4)]


def test_other_repositories_of_the_same_registry_those_seen_last_first() -> None:
    known = BlobHolders()
    for repository in (ONE, TWO, parse_image("other.org/four"), ONE):
        known.note(repository, DIGESTS[:1])
    assert known.others(THREE, DIGESTS[0]) == ("one", "two")
    assert known.others(ONE, DIGESTS[0]) == ("two",)
    assert known.others(THREE, DIGESTS[1]) == ()


def test_what_was_seen_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "_MOST_BLOBS", 3)
    known = BlobHolders()
    known.note(ONE, DIGESTS[:3])
    known.note(ONE, DIGESTS[:1])
    known.note(ONE, DIGESTS[3:])
    assert [digest for digest in DIGESTS if known.others(TWO, digest)] == [DIGESTS[0], DIGESTS[2], DIGESTS[3]]
