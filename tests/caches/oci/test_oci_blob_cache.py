# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import os
from pathlib import Path

import pytest
from oci_lab import NAME, Lab, digest_of, entry_of, tag_of
from registry.kit.fake_registry import FakeRegistry

from core.caches.oci.blob_cache import BlobCache
from core.foundation.cancel import CancelToken
from core.foundation.digests import hex_of
from core.foundation.errors import CacheError, MirrordeckError
from core.registry.manifests import Descriptor
from core.registry.media_types import OCTETS

DATA = b"some bytes"


def part(data: bytes = DATA, size: int | None = None) -> Descriptor:
    return Descriptor(OCTETS, digest_of(data), len(data) if size is None else size)


def read(lab: Lab, cache: BlobCache, blob: Descriptor | None = None) -> bytes:
    return cache.read(lab.repository, blob or part(), 1000, CancelToken())


def test_a_blob_comes_once(registry: FakeRegistry, lab: Lab, tmp_path: Path) -> None:
    registry.add_blob(NAME, DATA)
    for _ in range(2):
        assert read(lab, BlobCache(tmp_path / "new" / "cache")) == DATA
    assert len(registry.seen("GET", "/blobs/")) == 1


def test_spacks_downloads_are_used(registry: FakeRegistry, lab: Lab, tmp_path: Path) -> None:
    (tmp_path / hex_of(digest_of(DATA))).write_bytes(DATA)
    assert read(lab, BlobCache(None, tmp_path)) == DATA
    assert registry.requests == []


@pytest.mark.parametrize("damage", [b"", b"some bytez", DATA + b"!"])
def test_t06_damaged_files_are_not_believed(registry: FakeRegistry, lab: Lab, tmp_path: Path, damage: bytes) -> None:
    registry.add_blob(NAME, DATA)
    file = tmp_path / hex_of(digest_of(DATA))
    file.write_bytes(damage)
    assert read(lab, BlobCache(tmp_path)) == DATA
    assert file.read_bytes() == DATA, "and are repaired"


def test_a_descriptor_is_a_limit(registry: FakeRegistry, lab: Lab) -> None:
    registry.add_blob(NAME, DATA)
    with pytest.raises(CacheError):
        read(lab, BlobCache(None), part(size=1001))
    with pytest.raises(MirrordeckError):
        read(lab, BlobCache(None), part(size=3))


def test_no_place_is_no_error(registry: FakeRegistry, lab: Lab, tmp_path: Path) -> None:
    registry.add_blob(NAME, DATA)
    (tmp_path / "file").write_bytes(b"")
    cache = BlobCache(tmp_path / "file" / "below")
    assert read(lab, cache) == DATA
    cache.prune()
    assert cache.file(digest_of(DATA), len(DATA)) is None


def test_a_manifest_comes_once_but_its_tag_is_asked_for(lab: Lab) -> None:
    lab.push("labz")
    lab.forget_requests()
    tag = tag_of("labz")
    raw = lab.blobs.manifest(lab.repository, tag, CancelToken())
    assert raw is not None
    assert raw.data == lab.raw(tag)
    assert [one.method for one in lab.registry.requests] == ["HEAD"]
    del lab.registry.tags[NAME][tag]
    assert lab.blobs.manifest(lab.repository, tag, CancelToken()) is None


def test_a_cached_config_does_not_hide_that_it_is_gone(lab: Lab) -> None:
    lab.push("labz")
    del lab.registry.blobs[NAME][lab.manifest(tag_of("labz"))["config"]["digest"]]
    assert lab.cache.present([entry_of("labz")], signed=False, token=CancelToken()) == {}


def test_the_oldest_are_dropped(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path)
    for number in range(4):
        data = bytes([number]) * 100
        cache.keep(data)
        os.utime(tmp_path / hex_of(digest_of(data)), (number, number))
    cache.prune(250)
    assert {file.read_bytes()[0] for file in tmp_path.iterdir()} == {2, 3}


def test_the_directory_is_looked_through_again_only_when_too_much_may_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda place: looks.append(place) or scandir(place))
    cache = BlobCache(tmp_path / "kept")
    for number in range(40):
        cache.keep(bytes([number]) * 100)
        cache.prune(1000)
        assert len(list(scandir(tmp_path / "kept"))) <= 10
    assert 3 <= len(looks) < 40  # once at first, and twice each time that it was too much
    looks.clear()
    (tmp_path / "file").write_bytes(bytes(99))
    cache.keep_file(tmp_path / "file", digest_of(bytes(99)), 99)
    cache.prune(2000)
    assert looks == []
