# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Killed at every step of its work on a folder: nothing visible is broken, and doing it again completes it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cache_makers import Package, PaperSigner, packed_at, present, publish, record_of, update
from helpers.crashing import completed, crashes
from helpers.invariants import check_folder

from core.caches.copying import FolderCopy
from core.caches.folder_cache import FolderCache
from core.caches.layout3 import blob_key, entry_manifest
from core.caches.protocol import Publication, PushScope
from core.caches.removal import plan_deletion
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.signing.clearsign import signed_text

TOKEN = CancelToken()
WEEK = 7 * 86_400.0
ZED = Package("zed")
PNG = Package("png", needs=(ZED,))
APP = Package("app", needs=(PNG,))


def ignore(*_: int) -> None:
    pass


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """zed and png with an index, pushed a week ago."""
    root = tmp_path_factory.mktemp("filled") / "cache"
    cache = FolderCache(root)
    cache.prepare(None)
    publish(cache, ZED)
    publish(cache, PNG)
    update(cache)
    then = time.time() - WEEK
    for path in root.rglob("*"):
        os.utime(path, (then, then))
    return root


@pytest.fixture
def place(filled: Path, tmp_path: Path) -> Callable[[], None]:
    def place() -> None:
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        shutil.copytree(filled, tmp_path / "cache")

    return place


def names(cache: FolderCache) -> set[str]:
    found = cache.upkeep().inventory(TOKEN, ignore)
    assert [thing.broken for thing in found.things if thing.broken] == []
    return {thing.entry.name for thing in found.packages() if thing.entry}


def indexed(cache: FolderCache) -> set[str]:
    index = cache.read_index()
    known = {package.hash: package.name for package in (ZED, PNG, APP)}
    return {known[key] for key, record in index.records.items() if record.in_buildcache} if index else set()


def delete(cache: FolderCache, package: Package, *, permanently: bool = False) -> None:
    upkeep = cache.upkeep()
    found = upkeep.inventory(TOKEN, ignore)
    plan = plan_deletion(found, [entry_manifest(package.entry)], url=cache.url, cutoff=found.read_at - 3600)
    upkeep.remove(plan, permanently=permanently, token=TOKEN, progress=ignore)


def run(root: Path, act: Callable[[FolderCache], object], start: Callable[[], None]) -> Iterator[tuple[str, bool]]:
    """Where each crash was, once the invariants were checked."""
    for crash in crashes(lambda: act(FolderCache(root)), start=start, seed=20):
        try:
            check_folder(root)
            names(FolderCache(root))
        except Exception as error:
            raise AssertionError(f"after a crash: {crash.words}") from error
        yield crash.words, crash.done


def push(cache: FolderCache, *, signer: PaperSigner | None = None) -> None:
    cache.prepare(signer)
    publish(cache, APP, signer=signer)
    update(cache)


@pytest.mark.parametrize("signs", [False, True], ids=["unsigned", "signed"])
def test_t32_i1_i2_a_push_and_its_index(place: Callable[[], None], tmp_path: Path, signs: bool) -> None:
    signer = PaperSigner() if signs else None
    for words, done in run(tmp_path / "cache", lambda cache: push(cache, signer=signer), place):
        again = FolderCache(tmp_path / "cache")
        if done or not present(again, APP):
            push(again, signer=signer)
        update(again)
        assert names(again) == indexed(again) == {"zed", "png", "app"}, words


def test_t32_a_first_push_into_an_empty_folder(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    for words, _ in run(root, push, lambda: shutil.rmtree(root, ignore_errors=True) or root.mkdir()):
        again = FolderCache(root)
        push(again)
        assert names(again) == indexed(again) == {"app"}, words


def test_t32_i7_a_forced_push_leaves_the_old_entry_or_the_new_one(place: Callable[[], None], tmp_path: Path) -> None:
    root = tmp_path / "cache"

    def replace(cache: FolderCache) -> None:
        publish(cache, PNG, content=b"another archive" * 50)
        update(cache)

    digests = set()
    for words, _ in run(root, replace, place):
        (entry,) = present(FolderCache(root), PNG).values()
        digests.add(entry.blob_digest)
        again = FolderCache(root)
        replace(again)
        assert indexed(again) == {"zed", "png"}, words
    assert digests == {digest_of(b"png" * 100), digest_of(b"another archive" * 50)}


@pytest.mark.parametrize("permanently", [False, True], ids=["trash", "permanently"])
def test_t32_i1_a_deletion(place: Callable[[], None], tmp_path: Path, permanently: bool) -> None:
    root = tmp_path / "cache"

    def act(cache: FolderCache) -> None:
        delete(cache, PNG, permanently=permanently)

    for words, _ in run(root, act, place):
        again = FolderCache(root)
        if "png" in names(again):
            act(again)
        update(again)
        assert names(again) == indexed(again) == {"zed"}, words


def test_t32_putting_back_from_the_trash(place: Callable[[], None], tmp_path: Path) -> None:
    root = tmp_path / "cache"

    def start() -> None:
        place()
        delete(FolderCache(root), PNG)

    def restore(cache: FolderCache) -> None:
        trash = cache.upkeep().trash
        for batch in trash.batches():
            trash.restore(batch.id, cache.url, TOKEN)

    for words, _ in run(root, restore, start):
        again = FolderCache(root)
        restore(again)
        update(again)
        assert names(again) == indexed(again) == {"zed", "png"}, words


def test_t32_a_copy(place: Callable[[], None], filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"

    def copy(cache: FolderCache) -> None:
        source = FolderCache(filled)
        push = cache.open_push([ZED.entry, PNG.entry], signer=None, token=TOKEN)
        missing = frozenset({ZED.hash, PNG.hash} - push.present.keys())
        push.begin(PushScope({}, frozenset({ZED.hash, PNG.hash}), missing))
        work = FolderCopy(source, cache, push, None, signed_text)
        work.prepare(TOKEN)
        for package in (ZED, PNG):
            if package.hash in missing:
                work.copy(package.entry, token=TOKEN, progress=ignore, upload=ignore)
                work.complete(package.hash, token=TOKEN)
        update(cache)

    for words, _ in run(target, copy, lambda: shutil.rmtree(target, ignore_errors=True) or target.mkdir()):
        again = FolderCache(target)
        copy(again)
        assert names(again) == indexed(again) == {"zed", "png"}, words


def test_t34_half_copied_archives_go_with_the_next_clean_up_but_not_those_of_the_living(
    place: Callable[[], None], tmp_path: Path
) -> None:
    place()
    root, elsewhere = tmp_path / "cache", tmp_path / "archive"
    elsewhere.write_bytes(b"kept archive" * 100)
    digest = digest_of(elsewhere.read_bytes())
    folder = FolderCache(root).folder

    def copy() -> None:
        folder.copy_in(blob_key(digest), elsewhere, digest, token=TOKEN, progress=ignore)

    assert [crash.done for crash in crashes(copy, start=place)][:2] == [False, False]
    place()
    completed(copy, killed_at=1)
    (old,) = root.rglob("*.tmp")
    young, link = old.with_name(".young.tmp"), old.with_name(".link.tmp")
    young.touch()
    link.symlink_to(elsewhere)
    os.utime(old, (time.time() - WEEK,) * 2)
    delete(FolderCache(root), PNG)
    assert sorted(path.name for path in root.rglob("*.tmp")) == [".link.tmp", ".young.tmp"]
    assert elsewhere.exists()


def test_i4_what_a_push_remembers_is_confirmed_before_it_is_believed(place: Callable[[], None], tmp_path: Path) -> None:
    place()
    cache = FolderCache(tmp_path / "cache")
    opened = cache.open_push([], signer=None, token=TOKEN)
    opened.begin(PushScope({APP.hash: record_of(APP)}, frozenset({APP.hash}), frozenset({APP.hash})))
    opened.prepare(TOKEN)
    packed = packed_at(opened.staging(APP.entry), b"archive")
    opened.upload(Publication(APP.entry, packed, APP.document(), None, record_of(APP)), token=TOKEN, progress=ignore)
    opened.complete(APP.hash, token=TOKEN)
    assert opened.find(APP.entry, token=TOKEN)
    (tmp_path / "cache" / entry_manifest(APP.entry)).unlink()
    assert not opened.find(APP.entry, token=TOKEN)
