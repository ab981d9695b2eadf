# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every file of a small cache spoiled in every way, one at a time: a full verification finds each, and names it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cache_makers import Package, PaperSigner, publish, update
from helpers.verifying import snapshot, verify

from core.caches.findings import Finding, FindingKind, Remedy
from core.caches.folder_cache import FolderCache
from core.caches.layout3 import INDEX_MANIFEST, KEY_INDEX_MANIFEST, LAYOUT_KEY, entry_of, is_entry_manifest
from core.caches.manifests import decode_manifest
from core.foundation.errors import CacheError

LIBC = Package("glibc", "2.36")
ZED = Package("labzed", "1.3", (LIBC,))
PNG = Package("labpng", "git.v1.0=1.0", (ZED, LIBC))
KEY = PaperSigner()


def build(root: Path) -> FolderCache:
    cache = FolderCache(root)
    cache.prepare(KEY)
    for package in (ZED, PNG):
        publish(cache, package)
    update(cache)
    return cache


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sound") / "mirror"
    assert [finding.words for finding in verify(build(root))] == []
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "mirror"))


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def owners(root: Path, key: str) -> set[str]:
    """What a finding about the file must name: hashes of packages, or keys of manifests."""
    if is_entry_manifest(key):
        entry = entry_of(key)
        assert entry is not None
        return {entry.hash}
    if not key.startswith("blobs/"):
        return {key}
    digest = f"sha256:{key.rpartition('/')[2]}"
    found = set()
    for path in root.glob("v3/manifests/**/*.json"):
        manifest = path.relative_to(root).as_posix()
        if any(record.digest == digest for record in decode_manifest(path.read_bytes(), "").records):
            found |= owners(root, manifest)
    assert found, f"nothing names {key}"
    return found


def check_found(root: Path, key: str, wanted: set[str]) -> None:
    """`key` was spoiled: that is found, the package or manifest named, and the blob if it is one."""
    before = snapshot(root)
    findings = [finding for finding in verify(FolderCache(root)) if not finding.harmless]
    assert snapshot(root) == before, "verifying changed something"
    named = {finding.entry.hash if finding.entry else finding.key for finding in findings}
    assert wanted <= named, (key, [finding.words for finding in findings])
    if key.startswith("blobs/"):
        digest = f"sha256:{key.rpartition('/')[2]}"
        blamed = [finding for finding in findings if finding.blob == digest]
        packages = {name for name in wanted if "/" not in name}
        assert {finding.entry.hash for finding in blamed if finding.entry} >= packages
        assert all(digest in finding.words for finding in blamed)
    assert all(finding.words.endswith(".") for finding in findings)


def test_every_file_removed(root: Path) -> None:
    for key in files(root):
        data, wanted = (root / key).read_bytes(), owners(root, key)
        (root / key).unlink()
        check_found(root, key, wanted)
        (root / key).write_bytes(data)
    assert verify(FolderCache(root)) == []


@pytest.mark.parametrize("cut", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: data[:-1]])
def test_every_file_truncated(root: Path, cut: Callable[[bytes], bytes]) -> None:
    for key in files(root):
        data, wanted = (root / key).read_bytes(), owners(root, key)
        (root / key).write_bytes(cut(data))
        check_found(root, key, wanted)
        (root / key).write_bytes(data)
    assert verify(FolderCache(root)) == []


def test_every_pair_of_files_swapped(root: Path) -> None:
    for one, other in itertools.combinations(files(root), 2):
        first, second = (root / one).read_bytes(), (root / other).read_bytes()
        wanted = {one: owners(root, one), other: owners(root, other)}
        # What cannot be read does not say which blobs it needs.
        unreadable = set().union(*(wanted[key] for key in wanted if not key.startswith("blobs/")))
        (root / one).write_bytes(second)
        (root / other).write_bytes(first)
        for key, names in wanted.items():
            check_found(root, key, names - unreadable if key.startswith("blobs/") else names)
        (root / one).write_bytes(first)
        (root / other).write_bytes(second)
    assert verify(FolderCache(root)) == []


def positions(key: str, data: bytes) -> Iterator[int]:
    """All of what is small and read by people; a few in what a digest covers."""
    yield from {0, len(data) // 2, len(data) - 1} if key.startswith("blobs/") else range(0, len(data), 5)


def means_the_same(key: str, data: bytes, spoiled: bytes) -> bool:
    """The name of a field that says what is taken for granted without it."""
    try:
        return (
            key.startswith("v3/manifests/")
            and decode_manifest(spoiled, "").records == decode_manifest(data, "").records
        )
    except CacheError:
        return False


def test_bits_flipped_in_every_file(root: Path) -> None:
    for key in files(root):
        data, wanted = (root / key).read_bytes(), owners(root, key)
        for position in positions(key, data):
            spoiled = bytearray(data)
            spoiled[position] ^= 1
            (root / key).write_bytes(spoiled)
            if not means_the_same(key, data, bytes(spoiled)):
                check_found(root, key, wanted)
        (root / key).write_bytes(data)


def kinds(findings: list[Finding]) -> dict[FindingKind, set[str]]:
    found: dict[FindingKind, set[str]] = {}
    for finding in findings:
        found.setdefault(finding.kind, set()).add(finding.entry.name if finding.entry else finding.key)
    return found


def test_what_the_kinds_mean(root: Path) -> None:
    cache = FolderCache(root)
    publish(cache, Package("new"))
    (root / LAYOUT_KEY).unlink()
    gone = next(root.glob("v3/manifests/spec/labzed/*.json"))
    gone.unlink()
    findings = verify(cache)
    found = kinds(findings)
    assert found.pop(FindingKind.DANGLING_BLOB)
    assert found == {
        FindingKind.LAYOUT_MARK: {LAYOUT_KEY},
        FindingKind.MISSING_IN_INDEX: {"new"},
        FindingKind.LISTED_BUT_GONE: {"labzed"},
    }
    assert {finding.remedy for finding in findings if not finding.harmless} == {Remedy.MARK, Remedy.REINDEX}
    cache.prepare(None)
    update(cache)
    assert [finding for finding in verify(cache) if not finding.harmless] == []


def test_indexing_again_repairs_index_and_list_of_keys(root: Path) -> None:
    """Also when the damaged files have the size they should have."""
    for key in (INDEX_MANIFEST, KEY_INDEX_MANIFEST):
        record = decode_manifest((root / key).read_bytes(), "").records[0]
        blob = root / f"blobs/sha256/{record.checksum[:2]}/{record.checksum}"
        blob.write_bytes(bytes(len(blob.read_bytes())))
    findings = verify(FolderCache(root))
    assert {finding.remedy for finding in findings} == {Remedy.REINDEX}
    update(FolderCache(root), full=True)
    assert verify(FolderCache(root)) == []


def test_publishing_again_repairs_damaged_blobs(root: Path) -> None:
    record = decode_manifest(next(root.glob("v3/manifests/spec/labzed/*.json")).read_bytes(), "").records
    for one in record:
        blob = root / f"blobs/sha256/{one.checksum[:2]}/{one.checksum}"
        blob.write_bytes(bytes(len(blob.read_bytes())))
    assert {finding.remedy for finding in verify(FolderCache(root))} == {Remedy.PUSH_AGAIN}
    publish(FolderCache(root), ZED)
    assert verify(FolderCache(root)) == []


def test_quick_looks_at_presence_and_size(root: Path) -> None:
    blob = max(root.glob("blobs/sha256/*/*"), key=lambda path: path.stat().st_size)
    data = blob.read_bytes()
    blob.write_bytes(bytes(len(data)))
    assert [finding for finding in verify(FolderCache(root), full=False) if finding.blob] == []
    blob.write_bytes(data + b"x")
    assert {finding.kind for finding in verify(FolderCache(root), full=False) if finding.blob} <= {
        FindingKind.WRONG_SIZE
    }
    blob.unlink()
    assert verify(FolderCache(root), full=False)
