# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.foundation.cancel import CancelToken
from core.packing.model import Codec, PackedPackage, PackSource
from core.packing.packer import pack
from core.transfers.packed_store import PackedStore, files_mark, package_key

TOKEN = CancelToken()
HASH = "a" * 32


@pytest.fixture
def source(tmp_path) -> PackSource:
    prefix = tmp_path / "opt/tool"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/tool").write_bytes(b"#!/bin/sh\n" * 100)
    (prefix / "link").symlink_to("bin/tool")
    return PackSource(prefix, str(prefix), str(tmp_path / "opt"), "/sbang", "/spack", ((HASH, str(prefix)),))


@pytest.fixture
def store(tmp_path) -> PackedStore:
    return PackedStore(tmp_path / "kept")


def kept(store: PackedStore, source: PackSource, key: str) -> PackedPackage:
    return store.keep(key, pack(source, store.staging(HASH), Codec.DEFAULT, token=TOKEN))


def archives(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "kept").glob("*.tar.gz"))


def test_what_is_kept_is_found_again_by_another_process(tmp_path, store, source):
    key = package_key(HASH, source, Codec.DEFAULT)
    assert store.find(key, TOKEN) is None
    packed = kept(store, source, key)
    assert PackedStore(tmp_path / "kept").find(key, TOKEN) == packed


@pytest.mark.parametrize(
    "change",
    [
        lambda prefix: (prefix / "new").touch(),
        lambda prefix: (prefix / "bin/tool").chmod(0o755),
        lambda prefix: os.utime(prefix / "bin/tool", (1, 1)),
        lambda prefix: (prefix / "bin/tool").write_bytes(b"short"),
        lambda prefix: ((prefix / "link").unlink(), (prefix / "link").symlink_to("bin")),
        lambda prefix: (prefix / "empty").mkdir(),
    ],
)
def test_the_mark_changes_with_every_file(source, change):
    before = files_mark(source.source)
    assert files_mark(source.source) == before
    change(source.source)
    assert files_mark(source.source) != before


def test_the_mark_changes_with_a_reinstallation_that_gives_the_same_files(source):
    before = files_mark(source.source)
    tool = source.source / "bin/tool"
    facts, data = tool.stat(), tool.read_bytes()
    other = tool.with_name("other")
    other.write_bytes(data)
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    other.rename(tool)
    assert files_mark(source.source) != before


def test_what_came_and_went_leaves_no_mark(source):
    before = files_mark(source.source)
    (source.source / "bin/temporary").touch()
    (source.source / "bin/temporary").unlink()
    assert files_mark(source.source) == before


def test_what_was_made_of_other_files_is_not_found(store, source):
    key = package_key(HASH, source, Codec.DEFAULT)
    packed = store.keep(key, pack(source, store.staging(HASH), Codec.DEFAULT, token=TOKEN), "before")
    assert store.find(key, TOKEN, lambda: "before") == packed
    assert store.find(key, TOKEN, lambda: "after") is None


def test_files_are_looked_at_only_where_something_is_kept(store, source):
    def never() -> str:
        raise AssertionError

    assert store.find(package_key(HASH, source, Codec.DEFAULT), TOKEN, never) is None


def test_the_key_changes_with_what_else_is_in_the_archive(source):
    keys = {
        package_key(HASH, source, Codec.DEFAULT),
        package_key("b" * 32, source, Codec.DEFAULT),
        package_key(HASH, source, Codec.FAST),
        package_key(HASH, replace(source, sbang="/other"), Codec.DEFAULT),
        package_key(HASH, replace(source, source=source.source / "bin"), Codec.DEFAULT),
        package_key(HASH, replace(source, hash_to_prefix=((HASH, "/elsewhere"),)), Codec.DEFAULT),
    }
    assert len(keys) == 6


def test_a_damaged_or_missing_archive_is_not_believed(tmp_path, store, source):
    key = package_key(HASH, source, Codec.DEFAULT)
    packed = kept(store, source, key)
    data = bytearray(packed.path.read_bytes())
    data[20] ^= 1
    packed.path.write_bytes(data)
    assert store.find(key, TOKEN) is None
    packed = kept(store, source, key)
    assert store.find(key, TOKEN) == packed
    packed.path.unlink()
    assert store.find(key, TOKEN) is None
    (tmp_path / f"kept/{key}.json").write_bytes(b"{ torn")
    assert store.find(key, TOKEN) is None


def test_an_archive_may_lie_in_a_mirror(tmp_path, store, source):
    key = package_key(HASH, source, Codec.DEFAULT)
    place = tmp_path / "mirror"
    place.mkdir()
    packed = pack(source, place / "blob", Codec.DEFAULT, token=TOKEN)
    store.remember(key, packed)
    assert store.find(key, TOKEN) == packed
    assert archives(tmp_path) == []


def test_the_oldest_are_dropped_first_but_none_in_use(tmp_path, source):
    store = PackedStore(tmp_path / "kept")
    packages = []
    for number in range(4):
        (source.source / "random").write_bytes(os.urandom(10_000))
        packages.append(kept(store, source, f"{number:064x}"))
        with store.lease(packages[-1]):
            os.utime(packages[-1].path, (number + 1, number + 1))
    small = PackedStore(tmp_path / "kept", limit_bytes=25_000)
    with small.lease(packages[0]):
        (source.source / "random").write_bytes(os.urandom(10_000))
        newest = kept(small, source, "f" * 64)
    assert set(archives(tmp_path)) == {packages[0].path, newest.path}
    assert small.find(f"{1:064x}", TOKEN) is None


def test_what_was_just_kept_stays_until_it_was_used_however_little_space_there_is(tmp_path, source):
    store, other = (PackedStore(tmp_path / "kept", limit_bytes=1) for _ in range(2))
    first = kept(store, source, "a" * 64)
    (source.source / "random").write_bytes(os.urandom(10_000))
    second = kept(other, source, "b" * 64)
    assert set(archives(tmp_path)) == {first.path, second.path}
    with store.lease(first):
        assert first.path.exists()
    (source.source / "random").write_bytes(os.urandom(10_000))
    third = kept(other, source, "c" * 64)
    assert set(archives(tmp_path)) == {second.path, third.path}
    for packed in (second, third):
        with other.lease(packed):
            pass


def test_leftovers_of_dead_processes_go_and_young_files_stay(tmp_path, store):
    old, young = store.staging(HASH), store.staging(HASH)
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    store.clean()
    assert not old.exists()
    assert young.exists()
