# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How connections are shared between mirrors."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.caches.oci.blob_cache import BlobCache
from core.caches.opening import CacheAccess
from core.foundation.errors import UsageError
from core.mirrors.credentials.facade import Credentials
from core.mirrors.credentials.keyrings import Keyring
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Connection, Mirror
from core.registry.references import parse_mirror_url
from core.signing.gpg import Gnupg


def mirror(name: str, url: str) -> Mirror:
    return Mirror(name, Connection(url, url), Connection(url, url))


@pytest.fixture
def access(tmp_path: Path):
    access = CacheAccess(
        gnupg=Gnupg(tmp_path),
        credentials=Credentials({}, keyring=Keyring()),
        mirrors=(),
        staging=tmp_path / "staging",
        kept=BlobCache(None),
    )
    yield access
    access.close()


def test_mirrors_on_one_registry_share_lanes_and_back_off_but_no_login(access: CacheAccess) -> None:
    one, two = mirror("one", "oci://r.example.invalid/a"), mirror("two", "oci://r.example.invalid/b")
    other = mirror("other", "oci://other.example.invalid/a")

    def transport(of: Mirror):
        return access.repository(parse_mirror_url(of.push.url), of, Direction.PUSH).transport

    assert transport(one) is transport(one)
    assert transport(one) is not transport(two)
    assert transport(one)._lanes is transport(two)._lanes
    assert transport(one)._pace is transport(two)._pace
    assert transport(one)._lanes is not transport(other)._lanes


def test_addresses_without_a_cache_are_refused_with_the_reason(access: CacheAccess) -> None:
    with pytest.raises(UsageError, match="folders and OCI registries only"):
        access.open(mirror("web", "https://mirror.example.invalid/x"), Direction.FETCH)
    with pytest.raises(UsageError, match="bad cannot be used"):
        access.open(mirror("bad", "oci://r.example.invalid/A B"), Direction.PUSH)
    broken = Mirror("none", Connection("", problem="Mirror none has no URL configured"), Connection("", problem="no"))
    with pytest.raises(UsageError, match="no URL configured"):
        access.open(broken, Direction.FETCH)
