# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Images found whole a short time ago are not looked at again, unless something speaks against it."""

from __future__ import annotations

import pytest
from oci_lab import ALL, Lab, entry_of, hash_of, tag_of

from core.caches.oci import oci_cache
from core.caches.oci.confirmations import BELIEVED_S, Confirmations
from core.caches.oci.oci_push import OciPush
from core.foundation.cancel import CancelToken


@pytest.fixture(autouse=True)
def _listing_always_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oci_cache, "_LISTING_PAYS", 1)


@pytest.fixture
def pushed(lab: Lab) -> Lab:
    """Everything is there and was looked at once."""
    lab.push()
    look(lab)
    lab.forget_requests()
    return lab


def look(lab: Lab) -> OciPush:
    return lab.cache.open_push([entry_of(name) for name in ALL], signer=None, token=CancelToken())


def requests(lab: Lab) -> int:
    count = len(lab.registry.requests)
    lab.forget_requests()
    return count


def test_only_the_tags_are_listed(pushed: Lab) -> None:
    before = Lab.open_push(pushed, ALL).present
    pushed.forget_requests()
    pushed.confirmations = Confirmations(pushed.place / "confirmed", pushed.clock)
    assert look(pushed).present == before
    assert set(before) == {hash_of(name) for name in ALL}
    assert requests(pushed) == 1


def test_what_is_not_listed_any_more_is_looked_at(pushed: Lab) -> None:
    pushed.repository.delete_manifest(look(pushed).present[hash_of("labz")].manifest_digest, CancelToken())
    assert hash_of("labz") not in look(pushed).present
    assert tag_of("labz") not in pushed.tags()


def test_believed_for_a_day(pushed: Lab) -> None:
    pushed.clock.advance(BELIEVED_S - 1)
    look(pushed)
    assert requests(pushed) == 1
    pushed.clock.advance(2)
    look(pushed)
    assert requests(pushed) > len(ALL)


def test_forgotten_when_asked_to_and_before_an_image_changes(pushed: Lab) -> None:
    url = pushed.cache.url
    pushed.begin(["labz"], force=True)
    assert set(pushed.confirmations.get(url)) == {hash_of(name) for name in ALL} - {hash_of("labz")}
    pushed.confirmations.forget(url)
    look(pushed)
    assert requests(pushed) > len(ALL)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"digests": [], "images": [[1, null, [3]]]}'])
def test_a_damaged_memory_is_none(pushed: Lab, damage: bytes) -> None:
    (file,) = (pushed.place / "confirmed").iterdir()
    file.write_bytes(damage)
    assert len(look(pushed).present) == len(ALL)
    assert requests(pushed) > len(ALL)
