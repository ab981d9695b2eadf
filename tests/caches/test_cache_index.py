# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest
from cache_makers import Package, PaperSigner, publish, update

from core.caches import folder_index, index
from core.caches.folder_cache import FolderCache
from core.caches.index import IndexDraft, decode_index, decode_spec, encode_index
from core.caches.layout3 import INDEX_LOCK, INDEX_MANIFEST, INDEX_TYPE, SPEC_TYPE, blob_key, entry_manifest
from core.caches.manifests import decode_manifest, encode_manifest
from core.caches.protocol import CacheIndex, IndexRecord
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, StorageFailed

LIBC = Package("glibc", "2.36")
ZED = Package("labzed", "1.3", (LIBC,))
PNG = Package("labpng", "1.0", (ZED,))
SOLO = Package("labsolo")
# Older than any index by far, so that an update takes the manifest for unchanged.
LONG_AGO = 1_000_000_000


def copy(golden: Path, name: str, target: Path) -> Path:
    return shutil.copytree(golden / "mirrors" / name, target / "mirror")


def golden_records(mirror: Path) -> dict[str, object]:
    manifest = decode_manifest((mirror / INDEX_MANIFEST).read_bytes(), "")
    return json.loads((mirror / blob_key(manifest.blob(INDEX_TYPE).digest)).read_bytes())["database"]["installs"]


def read(cache: FolderCache) -> CacheIndex:
    found = cache.read_index()
    assert found is not None
    return found


def plain(found: CacheIndex) -> dict[str, object]:
    return json.loads(b"".join(encode_index(found.records)))["database"]["installs"]


def age(root: Path, *packages: Package) -> None:
    for package in packages:
        os.utime(root / entry_manifest(package.entry), (LONG_AGO, LONG_AGO))


def refuse_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_folder: object, key: str) -> None:
        raise AssertionError(f"{key} was read although it had not changed")

    monkeypatch.setattr(folder_index, "read_document", never)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def cache(root: Path) -> FolderCache:
    return FolderCache(root)


class TestAgainstSpack:
    @pytest.mark.parametrize("name", ["unsigned", "private", "signed", "padded"])
    def test_the_same_records_as_spack(self, golden: Path, tmp_path: Path, name: str) -> None:
        mirror = copy(golden, name, tmp_path)
        expected = golden_records(mirror)
        shutil.rmtree(mirror / "v3/manifests/index")
        done = update(FolderCache(mirror))
        assert done.skipped == ()
        made = read(FolderCache(mirror))
        assert plain(made) == expected
        data = (mirror / blob_key(made.digest)).read_bytes()
        assert data == json.dumps(json.loads(data), separators=(",", ":")).encode()
        assert data.startswith(b'{"database":{"version":"8","installs":{"')
        # Key order inside a record is Spack's as well.
        assert list(json.loads(data)["database"]["installs"].popitem()[1]) == ["spec", "ref_count", "in_buildcache"]

    @pytest.mark.parametrize("name", ["unsigned", "private", "signed"])
    def test_node_objects_are_spacks_bytes(self, golden: Path, tmp_path: Path, name: str) -> None:
        mirror = copy(golden, name, tmp_path)
        theirs = read(FolderCache(mirror))
        update(FolderCache(mirror), full=True)
        ours = read(FolderCache(mirror))
        assert {key: bytes(one.document) for key, one in ours.records.items()} == {
            key: bytes(one.document) for key, one in theirs.records.items()
        }

    def test_an_unchanged_mirror_is_not_read_again(
        self, golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mirror = copy(golden, "unsigned", tmp_path)
        for manifest in (mirror / "v3/manifests/spec").rglob("*.json"):
            os.utime(manifest, (LONG_AGO, LONG_AGO))
        expected = golden_records(mirror)
        refuse_reading(monkeypatch)
        done = update(FolderCache(mirror))
        assert (done.entries, done.added, done.dropped) == (20, 0, 0)
        assert plain(read(FolderCache(mirror))) == expected

    def test_nodes_of_old_formats_get_spacks_new_form(self, golden: Path, tmp_path: Path) -> None:
        mirror = copy(golden, "migrated-v2-to-v3-unsigned", tmp_path)
        theirs = read(FolderCache(mirror))
        update(FolderCache(mirror), full=True)
        ours = read(FolderCache(mirror))
        assert plain(ours) == plain(theirs)
        assert {key: bytes(one.document) for key, one in ours.records.items()} == {
            key: bytes(one.document) for key, one in theirs.records.items()
        }

    def test_the_key_list_is_spacks(self, golden: Path, tmp_path: Path) -> None:
        mirror = copy(golden, "signed", tmp_path)
        keys = mirror / "v3/manifests/key/keys.manifest.json"
        expected = keys.read_bytes()
        keys.unlink()
        update(FolderCache(mirror))
        assert keys.read_bytes() == expected
        facts = keys.stat()
        update(FolderCache(mirror))
        assert keys.stat().st_mtime_ns == facts.st_mtime_ns


class TestIncremental:
    def test_i5_only_new_entries_are_read(
        self, cache: FolderCache, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish(cache, ZED)
        age(root, ZED)
        update(cache)
        publish(cache, SOLO)
        age(root, SOLO)
        real, seen = folder_index.read_document, []
        monkeypatch.setattr(folder_index, "read_document", lambda folder, key: seen.append(key) or real(folder, key))
        assert update(cache).added == 1
        assert seen == [entry_manifest(SOLO.entry)]

    def test_a_newer_manifest_is_read_again(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        publish(cache, SOLO)
        age(root, SOLO, ZED)
        update(cache)
        publish(cache, Package("labzed", "1.3", (LIBC,), {"rebuilt": True}))
        assert b"rebuilt" not in bytes(read(cache).records[ZED.hash].document)
        update(cache)
        assert b"rebuilt" in bytes(read(cache).records[ZED.hash].document)

    def test_i5_full_reads_everything_again(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        update(cache)
        publish(cache, Package("labzed", "1.3", (LIBC,), {"rebuilt": True}))
        age(root, ZED)
        update(cache)
        assert b"rebuilt" not in bytes(read(cache).records[ZED.hash].document)
        update(cache, full=True)
        assert b"rebuilt" in bytes(read(cache).records[ZED.hash].document)

    def test_i5_what_is_gone_is_dropped_with_what_only_it_needed(self, cache: FolderCache, root: Path) -> None:
        for package in (PNG, SOLO):
            publish(cache, package)
        age(root, PNG, SOLO)
        update(cache)
        (root / entry_manifest(PNG.entry)).unlink()
        done = update(cache)
        assert (done.entries, done.dropped) == (1, 1)
        assert set(read(cache).records) == {SOLO.hash}

    def test_an_entry_that_is_still_needed_stays_as_a_dependency(self, cache: FolderCache, root: Path) -> None:
        for package in (PNG, ZED):
            publish(cache, package)
        age(root, PNG, ZED)
        update(cache)
        (root / entry_manifest(ZED.entry)).unlink()
        assert update(cache).dropped == 1
        assert not read(cache).records[ZED.hash].in_buildcache
        assert read(cache).records[ZED.hash].ref_count == 1

    def test_an_incomplete_old_index_is_completed(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        age(root, ZED)
        update(cache)
        records = {key: one for key, one in read(cache).records.items() if key != LIBC.hash}
        folder_index.put_index(cache._folder, records)
        update(cache)
        assert set(read(cache).records) == {ZED.hash, LIBC.hash}

    def test_what_an_old_index_has_too_much_goes(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        age(root, ZED)
        update(cache)
        stray = IndexRecord(msgspec.Raw(b'{"hash":"%b"}' % SOLO.hash.encode()))
        folder_index.put_index(cache.folder, {**read(cache).records, SOLO.hash: stray})
        update(cache)
        assert set(read(cache).records) == {ZED.hash, LIBC.hash}

    def test_counts_of_an_old_index_are_not_believed_if_they_do_not_add_up(
        self, cache: FolderCache, root: Path
    ) -> None:
        publish(cache, ZED)
        age(root, ZED)
        update(cache)
        before = read(cache).records
        wrong = {key: msgspec.structs.replace(record, ref_count=7) for key, record in before.items()}
        folder_index.put_index(cache.folder, wrong)
        update(cache)
        assert read(cache).records == before

    def test_an_index_of_another_writer_of_json_is_taken_over(
        self, cache: FolderCache, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish(cache, PNG)
        age(root, PNG)
        update(cache)
        before = read(cache).records
        blank = {
            key: msgspec.structs.replace(record, document=msgspec.Raw(bytes(record.document).replace(b'":', b'": ')))
            for key, record in before.items()
        }
        folder_index.put_index(cache.folder, blank)
        refuse_reading(monkeypatch)
        update(cache)
        assert {key: record.ref_count for key, record in read(cache).records.items()} == {
            key: record.ref_count for key, record in before.items()
        }

    def test_a_damaged_index_is_replaced(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        update(cache)
        (root / blob_key(read(cache).digest)).write_bytes(b"damaged")
        with pytest.raises(CacheError, match="Damaged"):
            cache.read_index()
        assert update(cache).added == 1
        assert ZED.hash in read(cache).records

    def test_i5_pushes_during_an_update_are_not_lost(self, cache: FolderCache) -> None:
        publish(cache, ZED)
        late = [SOLO, PNG]

        def another_push(_done: int, _total: int) -> None:
            if late:
                publish(cache, late.pop())

        done = cache.update_index(full=True, token=CancelToken(), progress=another_push)
        assert done.entries == 3
        assert {ZED.hash, SOLO.hash, PNG.hash} <= read(cache).records.keys()

    def test_an_update_ends_even_if_pushes_do_not(self, cache: FolderCache) -> None:
        publish(cache, ZED)
        pushed: list[Package] = []

        def another_push(_done: int, _total: int) -> None:
            pushed.append(Package(f"p{len(pushed)}"))
            publish(cache, pushed[-1])

        cache.update_index(full=False, token=CancelToken(), progress=another_push)
        assert ZED.hash in read(cache).records
        assert update(cache).entries == len(pushed) + 1


class TestDamage:
    def test_bad_entries_are_skipped_and_named(self, cache: FolderCache, root: Path) -> None:
        for package in (ZED, SOLO, PNG):
            publish(cache, package)
        bad_manifest = root / entry_manifest(SOLO.entry)
        bad_manifest.write_bytes(b"{")
        other = root / entry_manifest(PNG.entry)
        other.write_bytes((root / entry_manifest(ZED.entry)).read_bytes())
        stray = root / "v3/manifests/spec/x/stray.spec.manifest.json"
        stray.parent.mkdir()
        stray.write_bytes((root / entry_manifest(ZED.entry)).read_bytes())
        done = update(cache)
        assert done.entries == 1
        told = [problem.sentence() for problem in done.skipped]
        for path in (bad_manifest, other, stray):
            assert sum(str(path) in sentence for sentence in told) == 1
        assert len(told) == 3
        assert set(read(cache).records) == {ZED.hash, LIBC.hash}

    @pytest.mark.parametrize("damage", ["gone", "changed", "link"])
    def test_bad_spec_blobs_are_skipped(self, cache: FolderCache, root: Path, damage: str) -> None:
        publish(cache, ZED)
        blob = root / blob_key(publish(cache, SOLO).spec_digest)
        if damage == "changed":
            blob.write_bytes(blob.read_bytes()[:-1] + b"x")
        else:
            blob.unlink()
            if damage == "link":
                blob.symlink_to("/etc/passwd")
        done = update(cache)
        assert done.entries == 1
        assert str(blob) in done.skipped[0].sentence()

    def test_an_index_is_not_emptied_when_nothing_can_be_read(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        update(cache)
        before = read(cache).digest
        (root / entry_manifest(ZED.entry)).write_bytes(b"{")
        with pytest.raises(CacheError, match="No entry could be read"):
            update(cache, full=True)
        assert read(cache).digest == before

    def test_an_index_is_not_written_without_the_lock(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)

        def take_away(_done: int, _total: int) -> None:
            (root / INDEX_LOCK).write_bytes(b"{}")

        with pytest.raises(StorageFailed, match="not ours any more"):
            cache.update_index(full=False, token=CancelToken(), progress=take_away)
        assert cache.read_index() is None

    def test_a_failed_update_keeps_the_old_index(self, cache: FolderCache, monkeypatch: pytest.MonkeyPatch) -> None:
        publish(cache, ZED)
        before = update(cache).digest
        publish(cache, SOLO)

        def crash(*_arguments: object) -> None:
            raise StorageFailed("Cannot write", "somewhere")

        monkeypatch.setattr(folder_index, "put_index", crash)
        with pytest.raises(StorageFailed):
            update(cache)
        assert read(cache).digest == before

    @pytest.mark.parametrize("media_type", ["application/vnd.spack.db.v9+json", SPEC_TYPE])
    def test_an_index_of_another_kind_is_refused(self, cache: FolderCache, root: Path, media_type: str) -> None:
        publish(cache, ZED)
        update(cache)
        manifest = root / INDEX_MANIFEST
        manifest.write_bytes(manifest.read_bytes().replace(INDEX_TYPE.encode(), media_type.encode()))
        with pytest.raises(CacheError, match=str(manifest)):
            cache.read_index()

    def test_a_missing_index_blob_is_named(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        blob = root / blob_key(update(cache).digest)
        blob.unlink()
        with pytest.raises(CacheError, match=str(blob)):
            cache.read_index()

    def test_a_signed_index_manifest_can_be_read(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        update(cache)
        manifest = root / INDEX_MANIFEST
        manifest.write_bytes(PaperSigner().clearsign(manifest.read_bytes()))
        assert ZED.hash in read(cache).records


class TestDocuments:
    def test_nodes_of_the_build_spec_are_left_out(self) -> None:
        spliced = {
            "name": "a",
            "hash": "h1",
            "dependencies": [{"name": "b", "hash": "h2"}],
            "build_spec": {"hash": "h3"},
        }
        nodes = [spliced, {"hash": "h2"}, {"hash": "h3", "dependencies": [{"hash": "h4"}]}, {"hash": "h4"}]
        found = decode_spec(json.dumps({"spec": {"nodes": nodes}}).encode(), "x")
        assert found.root == "h1"
        assert set(found.nodes) == {"h1", "h2"}

    def test_circles_and_missing_nodes_do_no_harm(self) -> None:
        nodes = [
            {"hash": "a", "dependencies": [{"hash": "b"}, {"hash": "?"}]},
            {"hash": "b", "dependencies": [{"hash": "a"}]},
        ]
        draft = IndexDraft()
        draft.add(decode_spec(json.dumps({"spec": {"nodes": nodes}}).encode(), "x"))
        assert {key: one.ref_count for key, one in draft.records().items()} == {"a": 1, "b": 1}

    def test_bytes_are_kept_as_they_are(self) -> None:
        node = b'{ "hash" : "a", "v":1.50, "u":"\\u00e9" }'
        draft = IndexDraft()
        draft.add(decode_spec(b'{"spec":{"nodes":[' + node + b"]}}", "x"))
        assert bytes(draft.records()["a"].document) == node

    def test_an_own_document_counts_more(self) -> None:
        draft = IndexDraft()
        a = {"hash": "a", "dependencies": [{"hash": "b"}]}
        draft.add(decode_spec(json.dumps({"spec": {"nodes": [a, {"hash": "b", "from": "a"}]}}).encode(), "x"))
        draft.add(decode_spec(json.dumps({"spec": {"nodes": [{"hash": "b", "from": "b"}]}}).encode(), "x"))
        assert b'"from": "b"' in bytes(draft.records()["b"].document)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{}",
            b'{"spec":{"nodes":[]}}',
            b'{"spec":{"nodes":[{}]}}',
            b'{"spec":{"nodes":[{"hash":1}]}}',
            b'{"spec":{"nodes":[{"hash":"a","x":"\xff"}]}}',
            b'{"spec":{"nodes":[{"hash":"a"}]},"buildcache_layout_version":4}',
            b'{"spec":{"nodes":[{"hash":"a","dependencies":' + b"[" * 100_000,
            gzip.compress(b'{"spec":{"nodes":[{"hash":"a"}]}}', mtime=0)[:-1],
            b"\x1f\x8bnot gzip at all",
        ],
    )
    def test_what_is_no_spec_is_refused_by_name(self, data: bytes) -> None:
        with pytest.raises(CacheError, match="/mirror/blob"):
            decode_spec(data, "/mirror/blob")

    def test_t07_bombs_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(index, "SPEC_LIMIT_BYTES", 1000)
        with pytest.raises(CacheError, match="larger than 1,000 bytes"):
            decode_spec(gzip.compress(bytes(100_000), mtime=0), "x")

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{}",
            b'{"database":{"version":"9","installs":{}}}',
            b'{"database":{"version":"8"}}',
            b'{"database":{"version":"8","installs":{"a":{}}}}',
            b'{"database":{"version":"8","installs":{"a":{"spec":' + b"[" * 100_000,
        ],
    )
    def test_what_is_no_index_is_refused_by_name(self, data: bytes) -> None:
        with pytest.raises(CacheError, match="/mirror/index"):
            decode_index(data, "/mirror/index")

    def test_damaged_old_records_are_not_kept(self) -> None:
        old = decode_index(
            b'{"database":{"version":"8","installs":{"a":{"spec":{"hash":"a","dependencies":7},"in_buildcache":true}}}}',
            "x",
        )
        draft = IndexDraft()
        assert not draft.keep("a", old)
        assert draft.records() == {}

    def test_nodes_do_not_keep_their_documents_in_memory(self) -> None:
        document = b'{"spec":{"nodes":[{"hash":"a"}],"padding":"' + b"x" * 10_000 + b'"}}'
        draft = IndexDraft()
        draft.add(decode_spec(document, "x"))
        node = draft.records()["a"].document
        assert isinstance(node, msgspec.Raw)
        assert len(memoryview(node).obj) < 1000


def test_manifests_round_trip(cache: FolderCache, root: Path) -> None:
    publish(cache, ZED)
    data = (root / entry_manifest(ZED.entry)).read_bytes()
    assert encode_manifest(decode_manifest(data, "").records) == data
