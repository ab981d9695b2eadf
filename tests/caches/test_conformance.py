# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every build cache must do. A new kind of cache joins by adding itself to `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from cache_makers import Package, PaperSigner, packed_at, present, publish, record_of, update
from helpers.verifying import Forgetful
from helpers.web_site import WebSite
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.caches.browsing import EntryKind
from core.caches.findings import FindingKind
from core.caches.folder_cache import FolderCache
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.oci_cache import OciCache
from core.caches.protocol import BlobAt, BuildCache, CacheEntry, CachePush, Publication, PushScope, ReadableCache
from core.caches.stored_cache import StoredCache
from core.caches.verification import Inspection
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, Cancelled, MirrordeckError, NotFound
from core.network.client import Client
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.transport import Transport
from core.spack.specs import spec_document
from core.storage.web import WebStore, server_of

CacheFactory = Callable[[], BuildCache]


def registry_caches(place: Path, resources: ExitStack) -> CacheFactory:
    registry = resources.enter_context(FakeRegistry())
    clock = FakeClock()

    def open_one() -> BuildCache:
        transport = Transport(registry.endpoint, None, clock=clock)
        resources.callback(transport.close)
        repository = Repository(ImageReference(registry.endpoint.scheme, registry.host, "lab/cache"), transport)
        url = f"oci+http://{registry.host}/lab/cache"
        return OciCache(repository, url=url, staging=place / "staging", blobs=BlobCache(place / "blobs"), clock=clock)

    return open_one


# Each makes, for a fresh directory, a function that opens the same cache again and again; it is empty at first.
KINDS: dict[str, Callable[[Path, ExitStack], CacheFactory]] = {
    "folder": lambda place, _: lambda: FolderCache(place / "mirror"),
    "registry": registry_caches,
}
NEVER_SIGNED = {"registry"}

LIBC = Package("glibc", "2.36")
ZED = Package("labzed", "1.3", (LIBC,))
PNG = Package("labpng", "git.v1.0=1.0", (ZED, LIBC))
SIGNER = PaperSigner()


@pytest.fixture(params=sorted(KINDS))
def cache_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CacheFactory]:
    with ExitStack() as resources:
        yield KINDS[request.param](tmp_path, resources)


@pytest.fixture
def signs(request: pytest.FixtureRequest) -> bool:
    """Whether this kind of cache has signatures."""
    return request.node.callspec.params["cache_factory"] not in NEVER_SIGNED


@pytest.fixture
def cache(cache_factory: CacheFactory) -> BuildCache:
    return cache_factory()


def listed(cache: BuildCache) -> list[CacheEntry]:
    found = list(cache.entries(token=CancelToken()))
    assert all(isinstance(one, CacheEntry) for one in found), found
    return found


def test_an_empty_cache_holds_nothing(cache: BuildCache) -> None:
    cache.check_writable()
    assert present(cache, ZED) == {}
    assert listed(cache) == []
    assert cache.read_index() is None
    with pytest.raises(CacheError, match="Unable to generate package index: Failed to get list of entries from "):
        update(cache)
    assert cache.read_index() is None


def test_what_was_published_is_present(cache_factory: CacheFactory, signs: bool) -> None:
    cache = cache_factory()
    made = publish(cache, PNG)
    assert made.entry == PNG.entry
    assert (made.stored_bytes, made.tar_bytes, made.signed) == (600, 6000, False if signs else None)
    found = present(cache_factory(), PNG, ZED)
    assert set(found) == {PNG.hash}
    one = found[PNG.hash]
    assert one.entry == PNG.entry
    assert (one.manifest_digest, one.blob_digest, one.spec_digest) == (
        made.manifest_digest,
        made.blob_digest,
        made.spec_digest,
    )
    assert one.stored_bytes == 600
    assert one.modified == made.modified


def test_entries_come_by_hash(cache: BuildCache) -> None:
    for package in (PNG, ZED):
        publish(cache, package)
    assert {one.entry.hash: one.entry.name for one in listed(cache)} == {PNG.hash: "labpng", ZED.hash: "labzed"}


def test_the_staged_file_is_consumed(cache: BuildCache) -> None:
    staged = cache.staging(ZED.entry)
    assert not staged.exists()
    packed = packed_at(staged, b"archive")
    publication = Publication(ZED.entry, packed, ZED.document(), None, record_of(ZED))
    steps: list[int] = []
    cache.publish(publication, token=CancelToken(), progress=steps.append)
    assert not staged.exists()
    assert sum(steps) == len(b"archive")
    cache.publish(publication, token=CancelToken(), progress=steps.append)
    assert sum(steps) == 2 * len(b"archive")


def test_a_file_elsewhere_is_copied_and_checked(cache: BuildCache, tmp_path: Path) -> None:
    packed = packed_at(tmp_path / "archive", b"archive")
    publication = Publication(ZED.entry, packed, ZED.document(), None, record_of(ZED))
    packed.path.write_bytes(b"changed")
    with pytest.raises(MirrordeckError):
        cache.publish(publication, token=CancelToken(), progress=lambda _: None)
    assert present(cache, ZED) == {}
    packed.path.write_bytes(b"archive")
    cache.publish(publication, token=CancelToken(), progress=lambda _: None)
    assert packed.path.read_bytes() == b"archive"
    assert set(present(cache, ZED)) == {ZED.hash}


def test_publishing_again_replaces(cache: BuildCache) -> None:
    first = publish(cache, ZED)
    second = publish(cache, ZED, content=b"rebuilt")
    assert second.blob_digest != first.blob_digest
    assert present(cache, ZED)[ZED.hash].blob_digest == second.blob_digest
    assert len(listed(cache)) == 1


def test_signed_and_unsigned(cache: BuildCache, signs: bool) -> None:
    publish(cache, ZED)
    assert present(cache, ZED, signed=True) == {}
    publish(cache, ZED, signer=SIGNER)
    assert set(present(cache, ZED, signed=True)) == ({ZED.hash} if signs else set())
    assert present(cache, ZED, signed=False)[ZED.hash].signed is (True if signs else None)


def test_i6_stopping_makes_nothing_visible(cache: BuildCache) -> None:
    token = CancelToken()
    token.cancel()
    packed = packed_at(cache.staging(ZED.entry), b"archive")
    with pytest.raises(Cancelled):
        cache.publish(
            Publication(ZED.entry, packed, ZED.document(), None, record_of(ZED)), token=token, progress=lambda _: None
        )
    assert listed(cache) == []
    with pytest.raises(Cancelled):
        cache.present([ZED.entry], signed=False, token=token)
    publish(cache, ZED)
    with pytest.raises(Cancelled):
        list(cache.entries(token=token))
    with pytest.raises(Cancelled):
        cache.update_index(full=False, token=token, progress=lambda _done, _total: None)
    assert cache.read_index() is None
    assert update(cache).entries == 1, "the lock was left behind"


def test_preparing_twice_is_harmless(cache: BuildCache) -> None:
    cache.prepare(None)
    cache.prepare(SIGNER)
    cache.prepare(SIGNER)
    assert listed(cache) == []


@pytest.mark.parametrize("full", [False, True])
def test_the_index_holds_entries_and_what_they_need(cache: BuildCache, full: bool) -> None:
    publish(cache, PNG)
    publish(cache, ZED)
    steps: list[tuple[int, int]] = []
    done = cache.update_index(full=full, token=CancelToken(), progress=lambda *step: steps.append(step))
    assert (done.entries, done.added, done.dropped, done.skipped) == (2, 2, 0, ())
    assert steps == [(1, 2), (2, 2)]
    index = cache.read_index()
    assert index is not None
    assert index.digest == done.digest
    facts = {dag_hash: (record.ref_count, record.in_buildcache) for dag_hash, record in index.records.items()}
    assert facts == {PNG.hash: (0, True), ZED.hash: (1, True), LIBC.hash: (2, False)}


def test_the_index_follows_what_is_added(cache: BuildCache) -> None:
    publish(cache, ZED)
    update(cache)
    publish(cache, PNG)
    done = update(cache)
    assert (done.entries, done.added, done.dropped) == (2, 1, 0)
    assert update(cache).added == 0


@pytest.mark.parametrize("full", [False, True])
def test_the_same_content_gives_the_same_index(cache: BuildCache, full: bool) -> None:
    publish(cache, ZED)
    update(cache)
    publish(cache, PNG)
    assert update(cache, full=full).digest == update(cache, full=True).digest


def test_names_that_are_none_are_refused(cache: BuildCache) -> None:
    for bad in ("..", ""):
        with pytest.raises(CacheError):
            present(cache, Package(bad))


# ---- pushes of several packages ----

SCOPE = PushScope(
    records={package.hash: record_of(package) for package in (LIBC, ZED, PNG)},
    selected=frozenset({PNG.hash, ZED.hash}),
    pushing=frozenset({PNG.hash, ZED.hash}),
    held_back=frozenset({LIBC.hash}),
)


def begin(cache: BuildCache, scope: PushScope = SCOPE) -> tuple[CachePush, set[str]]:
    push = cache.open_push([PNG.entry, ZED.entry], signer=None, token=CancelToken())
    return push, set(push.begin(scope))


def upload(push: CachePush, package: Package) -> None:
    """Its spec document is that of the records."""
    record = record_of(package)
    packed = packed_at(push.staging(package.entry), package.name.encode() * 100)
    publication = Publication(package.entry, packed, spec_document(record, SCOPE.records), None, record)
    steps: list[int] = []
    push.upload(publication, token=CancelToken(), progress=steps.append)
    assert sum(steps) == packed.stored_bytes
    assert not packed.path.exists()


def test_a_push_is_visible_package_by_package(cache: BuildCache) -> None:
    push, completing = begin(cache)
    assert (dict(push.present), completing) == ({}, set())
    assert push.byte_phases in (1, 2)
    for _ in range(2):
        push.prepare(CancelToken())
    for package in (PNG, ZED):
        assert set(push.needs(package.hash)) <= {ZED.hash} - {package.hash}
        upload(push, package)
    assert listed(cache) == []
    for package in (PNG, ZED):
        made = push.complete(package.hash, token=CancelToken())
        assert made.missing == ()
        assert present(cache, PNG, ZED)[package.hash].manifest_digest == made.entry.manifest_digest
    again, completing = begin(cache, replace(SCOPE, pushing=frozenset()))
    assert set(again.present) == {PNG.hash, ZED.hash}
    assert completing == set()


def test_what_got_through_after_all_is_found(cache: BuildCache) -> None:
    push, _ = begin(cache)
    push.prepare(CancelToken())
    assert not push.find(ZED.entry, token=CancelToken())
    other, _ = begin(cache)
    other.prepare(CancelToken())
    upload(other, ZED)
    made = other.complete(ZED.hash, token=CancelToken())
    assert push.find(ZED.entry, token=CancelToken())
    assert push.complete(ZED.hash, token=CancelToken()).entry.manifest_digest == made.entry.manifest_digest
    assert len(listed(cache)) == 1


def test_i6_a_push_that_is_stopped_shows_nothing(cache: BuildCache) -> None:
    push, _ = begin(cache)
    push.prepare(CancelToken())
    upload(push, ZED)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        push.complete(ZED.hash, token=token)
    assert listed(cache) == []
    push.complete(ZED.hash, token=CancelToken())
    assert len(listed(cache)) == 1


# ---- reading what was written, by whatever way it can be read ----


def over_http(place: Path, resources: ExitStack) -> ReadableCache:
    site = resources.enter_context(WebSite(place / "mirror"))
    client = Client(server_of(site.url), clock=FakeClock())
    resources.callback(client.close)
    return StoredCache(WebStore(client, site.url).files, url=site.url, index_only=True)


@pytest.fixture(params=[*sorted(KINDS), "web"])
def written_and_read(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[BuildCache, ReadableCache]]:
    """A cache to write to, and the same one opened anew for reading; the web reads what lies in a folder."""
    with ExitStack() as resources:
        open_one = KINDS["folder" if request.param == "web" else request.param](tmp_path, resources)
        yield open_one(), over_http(tmp_path, resources) if request.param == "web" else open_one()


def test_reading_what_was_published(written_and_read: tuple[BuildCache, ReadableCache], tmp_path: Path) -> None:
    cache, reader = written_and_read
    made = {package.hash: publish(cache, package) for package in (ZED, PNG)}
    update(cache)
    token = CancelToken()
    assert {one.entry.hash for one in reader.entries(token=token) if isinstance(one, CacheEntry)} == made.keys()
    assert reader.present([PNG.entry, LIBC.entry], signed=False, token=token).keys() == {PNG.hash}
    index = reader.read_index(token=token)
    assert index is not None
    assert {key for key, record in index.records.items() if record.in_buildcache} == made.keys()
    assert reader.public_keys(token=token) == {}
    package = reader.package(PNG.entry, token=token)
    assert (package.archive.digest, package.spec.digest) == (made[PNG.hash].blob_digest, made[PNG.hash].spec_digest)
    assert digest_of(package.manifest) == made[PNG.hash].manifest_digest
    with reader.open_blob(package.archive, token=token) as source:
        assert b"".join(iter(lambda: source.read(7), b"")) == b"labpng" * 100
    steps: list[int] = []
    reader.save_blob(package.archive, tmp_path / "saved", token=token, progress=steps.append)
    assert (tmp_path / "saved").read_bytes() == b"labpng" * 100
    assert sum(steps) == 600
    with pytest.raises(NotFound, match=r"glibc@2\.36 is not in"):
        reader.package(LIBC.entry, token=token)
    missing = BlobAt(package.archive.key[:-4] + "0000", f"sha256:{'0' * 64}", 600)
    with pytest.raises(MirrordeckError), reader.open_blob(missing, token=token) as source:
        source.read(1)


def test_what_was_published_is_sound(written_and_read: tuple[BuildCache, ReadableCache]) -> None:
    cache, reader = written_and_read
    cache.prepare(None)
    publish(cache, ZED)
    update(cache)
    inspection = Inspection(full=True, token=CancelToken(), remembered=Forgetful())
    findings = list(reader.verifier(signatures=False).run(inspection))
    # A package published by itself has an image without the layers of others, and the lab's archives are no tar files.
    assert [finding.words for finding in findings if finding.kind is not FindingKind.INCOMPLETE_IMAGE] == []
    assert (inspection.examined().packages, inspection.examined().total) == (1, 1)


def test_looking_around(written_and_read: tuple[BuildCache, ReadableCache]) -> None:
    cache, reader = written_and_read
    cache.prepare(None)
    made = publish(cache, ZED)
    update(cache)
    browser = reader.browser()
    rows = {row.kind: row for row in browser.look(browser.names(CancelToken()), CancelToken())}
    row = rows[EntryKind.PACKAGE]
    assert row.entry == ZED.entry
    assert (row.blob_digest, row.stored_bytes) == (made.blob_digest, made.stored_bytes)
    assert EntryKind.INDEX in rows
    described = browser.describe(row.key, row.manifest_digest, CancelToken())
    assert described.spec is not None
    assert described.spec.root == ZED.hash
    assert made.blob_digest in {part.digest for part in described.parts}


def test_reading_stops_when_it_shall(written_and_read: tuple[BuildCache, ReadableCache]) -> None:
    cache, reader = written_and_read
    made = publish(cache, ZED)
    update(cache)
    token = CancelToken()
    token.cancel()
    for read in (
        lambda: list(reader.entries(token=token)),
        lambda: reader.present([ZED.entry], signed=False, token=token),
        lambda: reader.browser().names(token),
    ):
        with pytest.raises(Cancelled):
            read()
    assert made.entry == ZED.entry
