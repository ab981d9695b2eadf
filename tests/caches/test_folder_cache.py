# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cache_makers import Package, PaperSigner, dag_hash, packed_at, present, publish, record_of, update
from helpers.unprivileged import open_directory, run_unprivileged

from core.caches.folder_cache import FolderCache
from core.caches.layout3 import (
    ARCHIVE_TYPE,
    LAYOUT_BYTES,
    LAYOUT_KEY,
    SPEC_TYPE,
    blob_key,
    entry_manifest,
    key_manifest,
)
from core.caches.manifests import decode_manifest
from core.caches.protocol import CacheEntry, EntryName, Publication
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, NoSpace, SigningError, StorageFailed
from core.packing.model import Codec, PackedPackage
from core.storage.folder import Folder

ZED = Package("labzed", "1.3")
SOLO = Package("labsolo")
SIGNER = PaperSigner()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def cache(root: Path) -> FolderCache:
    return FolderCache(root)


def files_of(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def listed(cache: FolderCache) -> list[CacheEntry]:
    found = list(cache.entries(token=CancelToken()))
    assert not any(isinstance(one, ErrorInfo) for one in found), found
    return [one for one in found if isinstance(one, CacheEntry)]


class TestAgainstSpack:
    def test_publishing_writes_the_very_tree_that_spack_wrote(
        self, golden: Path, cache: FolderCache, root: Path
    ) -> None:
        """Manifests, blobs and layout mark, from archives and spec documents; the index is compared elsewhere."""
        mirror = golden / "mirrors/unsigned"
        cache.prepare(None)
        for path in (mirror / "v3/manifests/spec").rglob("*.json"):
            manifest = decode_manifest(path.read_bytes(), str(path))
            archive = (mirror / blob_key(manifest.blob(ARCHIVE_TYPE).digest)).read_bytes()
            document = gzip.decompress((mirror / blob_key(manifest.blob(SPEC_TYPE).digest)).read_bytes())
            node = json.loads(document)["spec"]["nodes"][0]
            entry = EntryName(node["name"], node["version"], node["hash"])
            packed = packed_at(cache.staging(entry), archive)
            publication = Publication(entry, packed, document, None, record_of(ZED))
            cache.publish(publication, token=CancelToken(), progress=lambda _: None)
        index = decode_manifest((mirror / "v3/manifests/index/index.manifest.json").read_bytes(), "").records[0]
        expected = files_of(mirror)
        del expected["v3/manifests/index/index.manifest.json"]
        del expected[blob_key(index.digest)]
        assert files_of(root) == expected

    @pytest.mark.parametrize(("name", "signed"), [("unsigned", False), ("signed", True)])
    def test_its_packages_are_present(self, golden: Path, name: str, signed: bool) -> None:
        cache = FolderCache(golden / "mirrors" / name)
        entries = listed(cache)
        assert len(entries) == 20
        assert {one.signed for one in entries} == {signed}
        names = [one.entry for one in entries]
        assert len(cache.present(names, signed=False, token=CancelToken())) == 20
        assert len(cache.present(names, signed=True, token=CancelToken())) == (20 if signed else 0)

    def test_a_public_key_is_stored_as_spack_does(self, golden: Path, cache: FolderCache, root: Path) -> None:
        mirror = golden / "mirrors/signed"
        key = key_manifest(SIGNER.fingerprint)
        blob = blob_key(decode_manifest((mirror / key).read_bytes(), "").records[0].digest)

        class Signer(PaperSigner):
            def public_key(self) -> bytes:
                return (mirror / blob).read_bytes()

        cache.prepare(Signer())
        assert files_of(root) == {name: (mirror / name).read_bytes() for name in (LAYOUT_KEY, key, blob)}


class TestPresence:
    @pytest.mark.parametrize("digest_name", ["blob_digest", "spec_digest"])
    @pytest.mark.parametrize("damage", ["gone", "short", "empty", "link", "fifo"])
    def test_i3_a_broken_entry_is_not_present_and_can_be_pushed_again(
        self, cache: FolderCache, root: Path, digest_name: str, damage: str
    ) -> None:
        blob = root / blob_key(getattr(publish(cache, ZED), digest_name))
        good = blob.read_bytes()
        blob.unlink()
        if damage == "short":
            blob.write_bytes(good[:-1])
        elif damage == "empty":
            blob.touch()
        elif damage == "link":
            shutil.copy(__file__, root / "elsewhere")
            blob.symlink_to(root / "elsewhere")
        elif damage == "fifo":
            os.mkfifo(blob)
        assert present(cache, ZED) == {}
        publish(cache, ZED)
        assert set(present(cache, ZED)) == {ZED.hash}
        assert blob.read_bytes() == good
        assert not blob.is_symlink()

    def test_what_is_whole_is_told_from_what_is_not_among_many(self, cache: FolderCache, root: Path) -> None:
        packages = [Package(f"p{number % 7}", version=str(number)) for number in range(60)]
        blobs = [
            root / blob_key(publish(cache, package, content=package.hash.encode()).blob_digest) for package in packages
        ]
        blobs[3].unlink()
        blobs[5].write_bytes(b"")
        manifests = [root / entry_manifest(package.entry) for package in packages]
        manifests[8].unlink()
        manifests[10].write_bytes(b"{}")
        lost = {packages[number].hash for number in (3, 5, 8, 10)}
        assert set(present(cache, *packages)) == {package.hash for package in packages} - lost

    @pytest.mark.parametrize("text", [b"", b"{", b'{"version":3,"data":[]}', b'{"version":2,"data":[]}'])
    def test_a_bad_manifest_is_not_present_and_is_replaced(self, cache: FolderCache, root: Path, text: bytes) -> None:
        publish(cache, ZED)
        (root / entry_manifest(ZED.entry)).write_bytes(text)
        assert present(cache, ZED) == {}
        publish(cache, ZED)
        assert set(present(cache, ZED)) == {ZED.hash}

    def test_bad_manifests_are_listed_by_name(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        publish(cache, SOLO)
        manifest = root / entry_manifest(SOLO.entry)
        manifest.write_bytes(b"{")
        found = list(cache.entries(token=CancelToken()))
        assert sorted(type(one).__name__ for one in found) == ["CacheEntry", "ErrorInfo"]
        assert any(str(manifest) in one.sentence() for one in found if isinstance(one, ErrorInfo))

    def test_equal_archives_share_a_blob(self, cache: FolderCache, root: Path) -> None:
        first = publish(cache, ZED, content=b"same")
        assert publish(cache, SOLO, content=b"same").blob_digest == first.blob_digest
        assert (root / blob_key(first.blob_digest)).read_bytes() == b"same"
        assert [path for path in root.rglob(".*") if path.is_file()] == []

    def test_publishing_again_heals_a_blob_of_the_right_size(self, cache: FolderCache, root: Path) -> None:
        entry = publish(cache, ZED, content=b"good")
        (root / blob_key(entry.blob_digest)).write_bytes(b"evil")
        publish(cache, ZED, content=b"good")
        assert (root / blob_key(entry.blob_digest)).read_bytes() == b"good"

    def test_t13_a_linked_tree_is_an_error_not_an_absence(self, cache: FolderCache, root: Path, tmp_path: Path) -> None:
        publish(cache, ZED)
        (root / "v3").rename(tmp_path / "v3")
        (root / "v3").symlink_to(tmp_path / "v3")
        with pytest.raises(StorageFailed, match=str(root / "v3")):
            present(cache, ZED)

    def test_many_entries_at_once(self, cache: FolderCache) -> None:
        packages = [Package(f"p{number}") for number in range(150)]
        for package in packages[::2]:
            publish(cache, package, content=b"same")
        assert set(present(cache, *packages)) == {package.hash for package in packages[::2]}


class TestSignatures:
    def test_the_verifier_decides_what_is_signed(self, root: Path) -> None:
        def refuse(_data: bytes) -> bytes:
            raise SigningError("The signature is not good")

        publish(FolderCache(root), ZED, signer=SIGNER)
        strict = FolderCache(root, verify=refuse)
        assert present(strict, ZED, signed=True) == {}
        assert set(present(strict, ZED, signed=False)) == {ZED.hash}
        assert set(present(FolderCache(root), ZED, signed=True)) == {ZED.hash}

    def test_only_the_verified_text_counts(self, root: Path) -> None:
        other = publish(FolderCache(root), ZED, content=b"built another time")
        text = (root / entry_manifest(ZED.entry)).read_bytes()
        publish(FolderCache(root), ZED, signer=SIGNER)
        found = present(FolderCache(root, verify=lambda _data: text), ZED, signed=True)
        assert found[ZED.hash].blob_digest == other.blob_digest

    def test_half_a_signature_is_none(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED, signer=SIGNER)
        manifest = root / entry_manifest(ZED.entry)
        manifest.write_bytes(manifest.read_bytes() + b"and more\n")
        assert present(cache, ZED, signed=True) == {}

    def test_the_file_name_is_the_same(self, cache: FolderCache, root: Path) -> None:
        publish(cache, ZED)
        publish(cache, ZED, signer=SIGNER)
        manifests = list((root / "v3/manifests/spec").rglob("*.json"))
        assert manifests == [root / entry_manifest(ZED.entry)]
        assert manifests[0].read_bytes().startswith(b"-----BEGIN PGP SIGNED MESSAGE-----\n")


class TestOrder:
    def test_i1_blobs_come_before_the_manifest(self, cache: FolderCache, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[str] = []
        for name in ("write", "adopt"):
            real = getattr(Folder, name)

            def spy(folder: Folder, key: str, *rest: object, real=real) -> object:
                seen.append(key.partition("/")[0])
                return real(folder, key, *rest)

            monkeypatch.setattr(Folder, name, spy)
        publish(cache, ZED)
        assert seen == ["blobs", "blobs", "v3"]

    def test_i7_a_failed_replacement_leaves_the_old_entry(
        self, cache: FolderCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class NoSigner(PaperSigner):
            def clearsign(self, text: bytes) -> bytes:
                raise SigningError("Signing failed")

        old = publish(cache, ZED)
        monkeypatch.setattr(Folder, "delete", lambda _folder, key: pytest.fail(f"{key} was deleted"))
        with pytest.raises(SigningError):
            publish(cache, ZED, content=b"rebuilt", signer=NoSigner())
        assert present(cache, ZED)[ZED.hash].blob_digest == old.blob_digest
        publish(cache, ZED, content=b"rebuilt")
        assert present(cache, ZED)[ZED.hash].blob_digest != old.blob_digest

    def test_publishing_can_be_tried_again(self, cache: FolderCache, monkeypatch: pytest.MonkeyPatch) -> None:
        packed = packed_at(cache.staging(ZED.entry), b"archive")
        publication = Publication(ZED.entry, packed, ZED.document(), None, record_of(ZED))

        def fail(_folder: Folder, key: str, _data: bytes) -> None:
            raise StorageFailed("Cannot write", key)

        with monkeypatch.context() as patch:
            patch.setattr(Folder, "write", fail)
            with pytest.raises(StorageFailed):
                cache.publish(publication, token=CancelToken(), progress=lambda _: None)
        assert not packed.path.exists()
        cache.publish(publication, token=CancelToken(), progress=lambda _: None)
        assert set(present(cache, ZED)) == {ZED.hash}


def test_the_layout_mark_is_written_once(cache: FolderCache, root: Path) -> None:
    cache.prepare(None)
    assert (root / LAYOUT_KEY).read_bytes() == LAYOUT_BYTES == b'{"signing": "gpg"}'
    (root / LAYOUT_KEY).write_bytes(b'{"signing":"gpg", "more": "x"}')
    cache.prepare(None)
    assert (root / LAYOUT_KEY).read_bytes() == b'{"signing":"gpg", "more": "x"}'
    (root / LAYOUT_KEY).write_bytes(b'{"signing": ')
    cache.prepare(None)
    assert (root / LAYOUT_KEY).read_bytes() == LAYOUT_BYTES


def test_the_address_is_a_file_url(tmp_path: Path) -> None:
    assert FolderCache(tmp_path / "a b").url == f"file://{tmp_path}/a%20b"


def test_staging_is_in_the_same_tree_and_hidden(cache: FolderCache, root: Path) -> None:
    staged = cache.staging(ZED.entry)
    assert staged.parent == root / "blobs/sha256"
    assert staged.name.startswith(f".{ZED.hash}.")
    assert cache.staging(ZED.entry) != staged


REFUSED = """
from pathlib import Path
from core.caches.folder_cache import FolderCache
from core.caches.protocol import EntryName
from core.foundation.cancel import CancelToken
from core.foundation.errors import MirrordeckError
root, dag_hash = Path(sys.argv[1]), sys.argv[2]
cache = FolderCache(root)
print(len(cache.present([EntryName("labzed", "1.3", dag_hash)], signed=False, token=CancelToken())))
for act in (cache.check_writable, lambda: cache.prepare(None),
            lambda: cache.update_index(full=False, token=CancelToken(), progress=lambda *_: None)):
    try:
        act()
        print("ok")
    except MirrordeckError as error:
        print(error.code, error.why.split(":")[0])
"""


def test_t15_a_mirror_one_may_only_read() -> None:
    with open_directory() as place:
        root = place / "mirror"
        publish(FolderCache(root), ZED)
        update(FolderCache(root))
        for path in [root, *root.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        modules = ("core.caches.folder_cache", "concurrent.futures.thread")
        told = run_unprivileged(REFUSED, root, ZED.hash, modules=modules).splitlines()
    assert told == [
        "1",
        f"permission-denied {root}/v3/manifests/spec",
        f"permission-denied {root}/{LAYOUT_KEY}",
        f"permission-denied {root}/v3/manifests/index/index.lock",
    ]


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.root
class TestT34FullDisk:
    @pytest.fixture
    def small_disk(self, tmp_path: Path) -> Iterator[Path]:
        place = tmp_path / "disk"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
        if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            pytest.skip("this machine does not allow mounting a tmpfs")
        yield place
        subprocess.run(["umount", str(place)], check=True)

    def test_t34_a_package_that_does_not_fit(self, small_disk: Path, tmp_path: Path) -> None:
        cache = FolderCache(small_disk / "mirror")
        packed = packed_at(tmp_path / "large", bytes(2_000_000))
        publication = Publication(ZED.entry, packed, ZED.document(), None, record_of(ZED))
        with pytest.raises(NoSpace, match=str(small_disk / "mirror" / blob_key(packed.digest))):
            cache.publish(publication, token=CancelToken(), progress=lambda _: None)
        assert listed(cache) == []
        assert files_of(small_disk) == {}
        publish(cache, SOLO)
        assert set(present(cache, ZED, SOLO)) == {SOLO.hash}

    def test_t34_a_disk_that_fills_up_before_the_manifest(self, small_disk: Path, tmp_path: Path) -> None:
        cache = FolderCache(small_disk / "mirror")
        publish(cache, SOLO)
        packed = packed_at(cache.staging(ZED.entry), b"archive")
        publication = Publication(ZED.entry, packed, ZED.document(), None, record_of(ZED))
        filler = small_disk / "filler"
        fill(filler)
        with pytest.raises(NoSpace, match=str(small_disk)):
            cache.check_writable()
        with pytest.raises(NoSpace, match=str(small_disk)):
            cache.publish(publication, token=CancelToken(), progress=lambda _: None)
        with pytest.raises(NoSpace):
            update(cache)
        assert [one.entry.name for one in listed(cache)] == ["labsolo"]
        filler.unlink()
        cache.publish(publication, token=CancelToken(), progress=lambda _: None)
        assert set(present(cache, ZED, SOLO)) == {ZED.hash, SOLO.hash}
        assert update(cache).entries == 2


def test_packages_of_every_codec_are_named_gzip(cache: FolderCache, root: Path) -> None:
    for codec in Codec:
        package = Package(f"p-{codec}")
        packed = packed_at(cache.staging(package.entry), codec.encode())
        packed = PackedPackage(packed.path, packed.digest, packed.diff_id, packed.stored_bytes, 1, 1, codec)
        publication = Publication(package.entry, packed, package.document(), None, record_of(package))
        entry = cache.publish(publication, token=CancelToken(), progress=lambda _: None)
        manifest = decode_manifest((root / entry_manifest(package.entry)).read_bytes(), "")
        assert [record.compression for record in manifest.records] == ["gzip", "gzip"]
        assert gzip.decompress((root / blob_key(entry.spec_digest)).read_bytes()) == package.document()


def test_hashes_of_the_makers_are_hashes() -> None:
    assert len({dag_hash(str(number)) for number in range(100)}) == 100
