# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How connections are shared between mirrors."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.web_site import WebSite
from registry.kit.clock import FakeClock

from core.caches.oci.blob_cache import BlobCache
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import AccessDenied, NetworkDown, UsageError
from core.mirrors.credentials.facade import Credentials
from core.mirrors.credentials.keyrings import Keyring
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Connection, Mirror
from core.mirrors.servers import Servers
from core.registry.references import parse_mirror_url
from core.signing.gpg import Gnupg

MIRRORS = Path(__file__).parents[1] / "data/spack-1.1/mirrors"


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
        servers=Servers(),
        s3_endpoint="http://127.0.0.1:9",
        clock=FakeClock(),
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
    with pytest.raises(UsageError, match="web addresses can only be read"):
        access.open(mirror("web", "https://mirror.example.invalid/x"), Direction.PUSH)
    with pytest.raises(UsageError, match="this version only reads buckets"):
        access.open(mirror("bucket", "s3://bucket/x"), Direction.PUSH)
    with pytest.raises(UsageError, match="folders, on the web and in OCI registries only"):
        access.open(mirror("ftp", "ftp://mirror.example.invalid/x"), Direction.FETCH)
    with pytest.raises(UsageError, match="with a user or password") as caught:
        access.open(mirror("web", "https://me:s3cret@mirror.example.invalid/x"), Direction.FETCH)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(UsageError, match="bad cannot be used"):
        access.open(mirror("bad", "oci://r.example.invalid/A B"), Direction.PUSH)
    broken = Mirror("none", Connection("", problem="Mirror none has no URL configured"), Connection("", problem="no"))
    with pytest.raises(UsageError, match="no URL configured"):
        access.open(broken, Direction.FETCH)


def test_web_addresses_are_read(access: CacheAccess, tmp_path: Path) -> None:
    with WebSite(MIRRORS) as site:
        cache = access.open(mirror("web", f"{site.url}/unsigned"), Direction.FETCH)
        index = cache.read_index()
        assert index is not None
        assert cache.url == f"{site.url}/unsigned"
        again = access.open(mirror("other", f"{site.url}/unsigned"), Direction.FETCH)
        assert again.read_index() == index
        assert [request.target for request in site.requests if "if-none-match" in request.headers]
        access.renew((), site.host)
        assert access.open(mirror("web", f"{site.url}/unsigned"), Direction.FETCH).read_index() == index


def test_buckets_are_read_by_their_public_address(access: CacheAccess) -> None:
    """The address of the server comes from the mirror, else from the environment."""
    with WebSite(MIRRORS, bucket=True) as site:
        url = "s3://unsigned/"
        side = Connection(url, url, endpoint_url=site.url)
        cache = access.open(Mirror("s3", side, side), Direction.FETCH)
        assert cache.read_index() is not None
        assert len(list(cache.entries(token=CancelToken()))) == 20
        private = Connection("s3://none/", "s3://none/", endpoint_url=site.url)
        with pytest.raises(AccessDenied, match="does not let everybody read"):
            access.open(Mirror("private", private, private), Direction.FETCH).read_index()
    with pytest.raises(NetworkDown, match=r"127\.0\.0\.1:9"):
        access.open(mirror("s3", url), Direction.FETCH).browser().names(CancelToken())
