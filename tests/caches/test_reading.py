# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Caches that Spack wrote, read from a folder and over HTTP: both layouts, alone and together, with and without index.

What reading must give is the same for both, and comes from the files themselves.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers.web_site import WebSite
from registry.kit.clock import FakeClock

from core.caches.browsing import EntryKind, Listed
from core.caches.folder_cache import FolderCache
from core.caches.oci.blob_cache import BlobCache
from core.caches.protocol import CacheEntry, EntryName, ReadableCache
from core.caches.stored_cache import StoredCache
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, NotFound
from core.network.client import Client
from core.storage.web import WebStore, server_of

MIRRORS = Path(__file__).parents[1] / "data/spack-1.1/mirrors"
TOKEN = CancelToken()
INDEXED = ("unsigned", "signed", "private", "padded")
UNINDEXED = ("auto-unsigned", "auto-signed")
OLD = ("v2-unsigned", "v2-signed")
BOTH = "migrated-v2-to-v3-unsigned"

Open = Callable[[Path], ReadableCache]


@pytest.fixture(params=["folder", "web"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_cache(kind: str, tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as resources:

        def over_http(root: Path) -> ReadableCache:
            site = resources.enter_context(WebSite(root))
            client = Client(server_of(site.url), clock=FakeClock())
            resources.callback(client.close)
            kept = BlobCache(tmp_path / "kept")
            return StoredCache(WebStore(client, site.url).files, url=site.url, index_only=True, kept=kept)

        yield FolderCache if kind == "folder" else over_http


def current_manifests(root: Path) -> dict[str, dict[str, object]]:
    """Manifests of layout 3 by DAG hash, without their signatures."""
    found = {}
    for path in root.glob("v3/manifests/spec/*/*.json"):
        text = path.read_text()
        start, end = text.index("{"), text.rindex("}") + 1
        found[path.name.removesuffix(".spec.manifest.json")[-32:]] = json.loads(text[start:end])
    return found


def old_specs(root: Path) -> dict[str, dict[str, object]]:
    found = {}
    for path in root.glob("build_cache/*.spec.json*"):
        text = path.read_text()
        start, end = text.index("{"), text.rindex("}") + 1
        found[path.name.split(".spec.json")[0][-32:]] = json.loads(text[start:end])
    return found


def entries_of(cache: ReadableCache) -> dict[str, CacheEntry]:
    found = list(cache.entries(token=TOKEN))
    assert all(isinstance(one, CacheEntry) for one in found), found
    assert len({one.entry.hash for one in found}) == len(found)  # type: ignore[union-attr]
    return {one.entry.hash: one for one in found}  # type: ignore[union-attr]


def rows_of(cache: ReadableCache) -> list[Listed]:
    browser = cache.browser()
    return list(browser.look(browser.names(TOKEN), TOKEN))


@pytest.mark.parametrize("mirror", INDEXED)
def test_current_layout(open_cache: Open, mirror: str) -> None:
    cache = open_cache(MIRRORS / mirror)
    manifests = current_manifests(MIRRORS / mirror)
    entries = entries_of(cache)
    assert entries.keys() == manifests.keys()
    for dag_hash, entry in entries.items():
        archive, spec = manifests[dag_hash]["data"]  # type: ignore[misc]
        assert entry.blob_digest == f"sha256:{archive['checksum']}"
        assert (entry.stored_bytes, entry.spec_digest) == (archive["contentLength"], f"sha256:{spec['checksum']}")
        assert entry.signed is (mirror == "signed")
    assert (
        cache.present([entry.entry for entry in entries.values()], signed=False, token=TOKEN).keys() == entries.keys()
    )
    index = cache.read_index(token=TOKEN)
    assert index is not None
    assert {key for key, record in index.records.items() if record.in_buildcache} == entries.keys()
    assert index.written_at > 0


@pytest.mark.parametrize("mirror", UNINDEXED)
def test_without_an_index(open_cache: Open, kind: str, mirror: str) -> None:
    """Over HTTP nothing can be listed, but what one has the complete name of is there."""
    cache = open_cache(MIRRORS / mirror)
    assert cache.read_index(token=TOKEN) is None
    expected = entries_of(FolderCache(MIRRORS / mirror))
    assert (entries_of(cache).keys() == expected.keys()) is (kind == "folder")
    names = [entry.entry for entry in expected.values()]
    assert cache.present(names, signed=False, token=TOKEN).keys() == expected.keys()
    assert all(row.kind is not EntryKind.PACKAGE for row in rows_of(cache)) is (kind == "web")


@pytest.mark.parametrize("mirror", OLD)
def test_old_layout(open_cache: Open, mirror: str) -> None:
    root = MIRRORS / mirror
    cache = open_cache(root)
    specs = old_specs(root)
    entries = entries_of(cache)
    assert entries.keys() == specs.keys()
    for dag_hash, entry in entries.items():
        checksum = specs[dag_hash]["binary_cache_checksum"]
        assert entry.blob_digest == f"sha256:{checksum['hash']}"  # type: ignore[index]
        archive = next(root.glob(f"build_cache/*/*/*/*{dag_hash}.spack"))
        assert entry.stored_bytes == archive.stat().st_size
        assert archive.parent.name == f"{entry.entry.name}-{entry.entry.version}"
        assert entry.signed is (mirror == "v2-signed")
    names = [entry.entry for entry in entries.values()]
    assert cache.present(names, signed=False, token=TOKEN) == {}, "a push would have to push them"
    index = cache.read_index(token=TOKEN)
    assert index is not None
    assert {key for key, record in index.records.items() if record.in_buildcache} == entries.keys()


def test_both_layouts_in_one_place(open_cache: Open, kind: str, tmp_path: Path) -> None:
    root = tmp_path / "both"
    shutil.copytree(MIRRORS / BOTH, root, copy_function=shutil.copyfile)
    gone = next(root.glob("v3/manifests/spec/labtool/*.json"))
    gone.parent.chmod(0o755)
    gone.unlink()
    dag_hash = gone.name.removesuffix(".spec.manifest.json")[-32:]
    cache = open_cache(root)
    entries = [entry for entry in cache.entries(token=TOKEN) if isinstance(entry, CacheEntry)]
    assert {entry.entry.hash for entry in entries} == old_specs(root).keys()
    found = {entry.entry.hash: cache.package(entry.entry, token=TOKEN) for entry in entries}
    assert found.pop(dag_hash).key.startswith("build_cache/")
    assert all(package.key.startswith("v3/") for package in found.values())
    rows = [row for row in rows_of(cache) if row.kind is EntryKind.PACKAGE]
    assert sum(row.key.startswith("build_cache/") for row in rows) == len(old_specs(root))
    assert [row.key for row in rows if row.problem] == ([f"v3/manifests/spec/labtool/{gone.name}"] * (kind == "web"))


@pytest.mark.parametrize("mirror", [*INDEXED, *OLD])
def test_packages_can_be_fetched(open_cache: Open, mirror: str, tmp_path: Path) -> None:
    cache = open_cache(MIRRORS / mirror)
    for entry in list(entries_of(cache).values())[:4]:
        package = cache.package(entry.entry, token=TOKEN)
        assert (package.archive.digest, package.spec.digest) == (entry.blob_digest, entry.spec_digest)
        assert digest_of(package.manifest) == entry.manifest_digest
        target = tmp_path / entry.entry.hash
        cache.save_blob(package.archive, target, token=TOKEN, progress=lambda _: None)
        assert f"sha256:{hashlib.sha256(target.read_bytes()).hexdigest()}" == entry.blob_digest
        with cache.open_blob(package.spec, token=TOKEN) as reader:
            data = b"".join(iter(lambda: reader.read(1000), b""))
        assert entry.entry.hash.encode() in (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
        described = cache.browser().describe(package.key, "", TOKEN)
        assert described.spec is not None
        assert described.spec.root == entry.entry.hash
        assert package.archive.digest in [part.digest for part in described.parts]


def test_what_is_not_there(open_cache: Open, tmp_path: Path) -> None:
    unknown = EntryName("labzed", "1.3", "a" * 32)
    with pytest.raises(NotFound, match=r"labzed@1\.3 is not in"):
        open_cache(MIRRORS / "unsigned").package(unknown, token=TOKEN)
    with pytest.raises(NotFound, match="There is no build cache"):
        open_cache(tmp_path / "none").browser().names(TOKEN)


def test_a_source_mirror_is_no_build_cache(open_cache: Open, kind: str) -> None:
    cache = open_cache(MIRRORS / "source")
    assert cache.read_index(token=TOKEN) is None
    with pytest.raises(NotFound, match="There is no build cache"):
        cache.browser().names(TOKEN)
    if kind == "web":  # nobody can tell what it is
        assert entries_of(cache) == {}
    else:
        with pytest.raises(NotFound, match="sources of packages only"):
            entries_of(cache)


@pytest.mark.parametrize(("mirror", "fingerprint"), [("signed", "A721F1AE8B12BCA30AACF1F345CB9C6C81CA8CE8")])
def test_public_keys(open_cache: Open, mirror: str, fingerprint: str) -> None:
    keys = open_cache(MIRRORS / mirror).public_keys(token=TOKEN)
    assert list(keys) == [fingerprint]
    assert keys[fingerprint].startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert open_cache(MIRRORS / "v2-signed").public_keys(token=TOKEN).keys() == {
        path.stem for path in (MIRRORS / "v2-signed/build_cache/_pgp").glob("*.pub")
    }
    assert open_cache(MIRRORS / "unsigned").public_keys(token=TOKEN) == {}


@pytest.mark.parametrize("mirror", [*INDEXED, *UNINDEXED, *OLD, BOTH])
def test_folder_and_web_show_the_same(tmp_path: Path, mirror: str) -> None:
    """Except what can only be listed."""
    by_folder = {row.key: row for row in rows_of(FolderCache(MIRRORS / mirror))}
    with WebSite(MIRRORS / mirror) as site:
        client = Client(server_of(site.url), clock=FakeClock())
        cache = StoredCache(WebStore(client, site.url).files, url=site.url, index_only=True)
        by_web = {}
        for row in rows_of(cache):
            by_web[row.key.removesuffix(".sig")] = row
        client.close()
    for key, row in by_web.items():
        twin = by_folder.get(key) or by_folder[f"{key}.sig"]
        assert (row.blob_digest, row.stored_bytes, row.signed) == (twin.blob_digest, twin.stored_bytes, twin.signed)
        assert (row.kind, row.blobs, row.problem) == (twin.kind, twin.blobs, "")
        assert row.entry is None or row.entry.hash == (twin.entry.hash if twin.entry else "")
    missing = {row.kind for key, row in by_folder.items() if key.removesuffix(".sig") not in by_web}
    assert missing <= {EntryKind.UNTAGGED, EntryKind.KEY, *((EntryKind.PACKAGE,) if mirror in UNINDEXED else ())}


def test_an_index_that_came_once_does_not_come_again(tmp_path: Path) -> None:
    for mirror, part in (("unsigned", "/blobs/"), ("v2-unsigned", "index.json")):
        with WebSite(MIRRORS / mirror) as site:
            for _ in range(2):
                client = Client(server_of(site.url), clock=FakeClock())
                store = WebStore(client, site.url)
                cache = StoredCache(store.files, url=site.url, index_only=True, kept=BlobCache(tmp_path / "kept"))
                assert cache.read_index(token=TOKEN) is not None
                client.close()
            blobs = [request for request in site.seen("GET", part) if not request.target.endswith(".hash")]
            assert len(blobs) == 1


def test_a_damaged_index_is_an_error(open_cache: Open, tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    (root / "build_cache").mkdir(parents=True)
    (root / "build_cache/index.json").write_text('{"database": {"version": "9", "installs": {}}}')
    with pytest.raises(CacheError, match="only 5, 6, 7 is known"):
        open_cache(root).read_index(token=TOKEN)
