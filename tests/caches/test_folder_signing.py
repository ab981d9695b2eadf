# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signing what lies in a folder already. The signer makes messages of the right form."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cache_makers import Package, PaperSigner, present, publish, update

from core.caches.folder_cache import FolderCache
from core.caches.folder_signing import SigningStep
from core.caches.layout3 import INDEX_MANIFEST, blob_key, entry_manifest, key_manifest
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, NotFound, PassphraseNeeded, StorageFailed
from core.signing.clearsign import is_clearsigned, signed_text

ZLIB = Package("zlib")
HDF5 = Package("hdf5", needs=(ZLIB,))
TOKEN = CancelToken()


@pytest.fixture
def cache(tmp_path: Path) -> FolderCache:
    made = FolderCache(tmp_path)
    made.prepare(None)
    publish(made, ZLIB)
    publish(made, HDF5)
    update(made)
    return made


def manifest(place: Path, package: Package) -> Path:
    return place / entry_manifest(package.entry)


def sign(cache: FolderCache, *packages: Package, signer: PaperSigner | None = None) -> SigningStep:
    hashes = [package.hash for package in packages] or None
    *_, last = cache.change_signatures(signer or PaperSigner(), hashes, TOKEN)
    return last


def test_only_manifests_change_and_the_key_is_found(cache: FolderCache, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert sign(cache) == SigningStep(2, 2, 2)
    for package in (ZLIB, HDF5):
        path = manifest(tmp_path, package)
        assert is_clearsigned(path.read_bytes())
        assert signed_text(path.read_bytes()) == before.pop(path)
    assert {path for path in before if path.read_bytes() != before[path]} == set()
    assert cache.public_keys(token=TOKEN) == {PaperSigner.fingerprint: PaperSigner().public_key()}
    assert present(cache, ZLIB, HDF5, signed=True).keys() == {ZLIB.hash, HDF5.hash}
    assert sign(cache) == SigningStep(2, 2, 0)


def test_only_those_that_are_named(cache: FolderCache, tmp_path: Path) -> None:
    assert sign(cache, ZLIB) == SigningStep(1, 1, 1)
    assert not is_clearsigned(manifest(tmp_path, HDF5).read_bytes())
    with pytest.raises(NotFound):
        sign(cache, Package("nothing"))


def test_the_public_key_is_there_before_the_first_signature(cache: FolderCache, tmp_path: Path) -> None:
    seen = []

    class Looking(PaperSigner):
        def clearsign(self, text: bytes) -> bytes:
            seen.append((tmp_path / key_manifest(self.fingerprint)).exists())
            return super().clearsign(text)

    sign(cache, signer=Looking())
    assert seen == [True, True]


def test_signatures_are_taken_off_only_when_asked(cache: FolderCache, tmp_path: Path) -> None:
    before = manifest(tmp_path, ZLIB).read_bytes()
    sign(cache)
    *_, last = cache.change_signatures(None, [ZLIB.hash], TOKEN)
    assert last == SigningStep(1, 1, 1)
    assert manifest(tmp_path, ZLIB).read_bytes() == before
    assert is_clearsigned(manifest(tmp_path, HDF5).read_bytes())


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda blob: blob.unlink(), "not there"),
        (lambda blob: blob.write_bytes(blob.read_bytes()[:-1]), "cut short"),
    ],
)
def test_what_is_damaged_is_not_vouched_for(
    cache: FolderCache, tmp_path: Path, damage: Callable[[Path], object], why: str
) -> None:
    damage(tmp_path / blob_key(present(cache, ZLIB)[ZLIB.hash].blob_digest))
    last = sign(cache)
    assert last.changed == 1
    (problem,) = last.problems
    assert problem.title == f"zlib@1.0/{ZLIB.hash[:7]} stays as it is"
    assert why in problem.why
    assert not is_clearsigned(manifest(tmp_path, ZLIB).read_bytes())


def test_t27_the_manifest_of_another_package_is_not_signed(cache: FolderCache, tmp_path: Path) -> None:
    manifest(tmp_path, HDF5).write_bytes(manifest(tmp_path, ZLIB).read_bytes())
    last = sign(cache, HDF5)
    assert last.changed == 0
    assert "another package, zlib@1.0" in last.problems[0].why


def test_t27_a_signed_manifest_under_another_name_is_no_signature_of_that(cache: FolderCache, tmp_path: Path) -> None:
    sign(cache)
    manifest(tmp_path, HDF5).write_bytes(manifest(tmp_path, ZLIB).read_bytes())
    assert present(cache, ZLIB, HDF5, signed=True).keys() == {ZLIB.hash}


def test_what_was_pushed_again_meanwhile_stays(cache: FolderCache, tmp_path: Path) -> None:
    class Slow(PaperSigner):
        def clearsign(self, text: bytes) -> bytes:
            publish(cache, ZLIB, content=b"built anew")
            return super().clearsign(text)

    last = sign(cache, ZLIB, signer=Slow())
    assert (last.changed, len(last.problems)) == (0, 1)
    assert last.problems[0].why == "It was pushed again"
    assert not is_clearsigned(manifest(tmp_path, ZLIB).read_bytes())
    assert present(cache, ZLIB).keys() == {ZLIB.hash}


def test_what_was_deleted_meanwhile_does_not_come_back(cache: FolderCache, tmp_path: Path) -> None:
    class Slow(PaperSigner):
        def clearsign(self, text: bytes) -> bytes:
            manifest(tmp_path, ZLIB).unlink()
            return super().clearsign(text)

    assert sign(cache, ZLIB, signer=Slow()).changed == 0
    assert not manifest(tmp_path, ZLIB).exists()


def test_a_locked_key_stops_everything(cache: FolderCache, tmp_path: Path) -> None:
    class Locked(PaperSigner):
        def clearsign(self, text: bytes) -> bytes:
            raise PassphraseNeeded("Signing failed")

    with pytest.raises(PassphraseNeeded):
        sign(cache, signer=Locked())
    assert not is_clearsigned(manifest(tmp_path, ZLIB).read_bytes())


def test_it_can_be_stopped(cache: FolderCache) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        list(cache.change_signatures(PaperSigner(), None, token))


def test_nothing_is_written_while_somebody_else_has_the_lock(
    cache: FolderCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.storage.lockfile._WAIT_S", 0.0)
    lock = (tmp_path / INDEX_MANIFEST).with_name("index.lock")
    lock.write_text(f'{{"host":"elsewhere","pid":{os.getpid()},"started":"now","nonce":"x"}}')
    with pytest.raises(StorageFailed):
        sign(cache)
    assert not is_clearsigned(manifest(tmp_path, ZLIB).read_bytes())
