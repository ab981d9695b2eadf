# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting from a folder: exact, by way of the trash, sound wherever it stops, and never from under a push."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from cache_makers import Package, packed_at, present, publish, record_of, update

from core.caches.folder_cache import FolderCache
from core.caches.folder_trash import TRASH
from core.caches.folder_upkeep import FolderUpkeep
from core.caches.freeing import Keep, plan_freeing, plan_spack_prune
from core.caches.inventory import Inventory
from core.caches.layout3 import MANIFEST_PREFIX, blob_key, entry_manifest, is_manifest
from core.caches.protocol import Publication, PushScope
from core.caches.removal import PlanOutdated, RemovalPlan, plan_deletion
from core.caches.upkeep import RemovalOutcome
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, Cancelled, MirrordeckError, NotFound, StorageFailed
from core.spack.specs import spec_document
from core.storage.folder import Folder
from core.storage.reading import Stat

DAY = 86_400.0
ZED = Package("zed")
PNG = Package("png", needs=(ZED,))
APP = Package("app", needs=(PNG,))
OLD = Package("zed", "0.9")


def ignore(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def cache(tmp_path: Path) -> FolderCache:
    """Four packages with an index, all pushed a week ago."""
    cache = FolderCache(tmp_path / "cache")
    cache.prepare(None)
    for package in (ZED, PNG, APP, OLD):
        publish(cache, package)
    update(cache)
    age_all(tmp_path / "cache", 7 * DAY)
    return cache


def age_all(root: Path, seconds: float) -> None:
    then = time.time() - seconds
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def folder_of(cache: FolderCache) -> Folder:
    return Folder(Path(cache.url.removeprefix("file://")))


def look(cache: FolderCache) -> Inventory:
    return cache.upkeep().inventory(CancelToken(), ignore)


def deletion(cache: FolderCache, *packages: Package, grace: float = DAY) -> RemovalPlan:
    found = look(cache)
    keys = [entry_manifest(package.entry) for package in packages]
    return plan_deletion(found, keys, url=cache.url, cutoff=found.read_at - grace)


def carry_out(cache: FolderCache, plan: RemovalPlan, *, permanently: bool = False) -> RemovalOutcome:
    return cache.upkeep().remove(plan, permanently=permanently, token=CancelToken(), progress=ignore)


def indexed(cache: FolderCache) -> set[str]:
    index = cache.read_index()
    return {key for key, record in index.records.items() if record.in_buildcache} if index else set()


def files(cache: FolderCache) -> dict[str, bytes]:
    root = folder_of(cache).root
    found = (path for path in root.rglob("*") if path.is_file() and TRASH not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def check_sound(cache: FolderCache) -> None:
    """All that is listed is there, and all that is there is complete."""
    found = look(cache)
    assert [thing for thing in found.things if thing.broken] == []
    assert indexed(cache) <= {thing.entry.hash for thing in found.packages() if thing.entry}


def test_it_deletes_what_was_planned_and_nothing_else(cache: FolderCache) -> None:
    before = files(cache)
    plan = deletion(cache, OLD)
    assert [entry.label for entry in plan.entries] == [f"zed@0.9/{OLD.hash[:7]}"]
    assert len(plan.blobs) == 2 - 1  # both versions have the same archive here
    outcome = carry_out(cache, plan)
    after = files(cache)
    gone = before.keys() - after.keys()
    planned = {entry.key for entry in plan.entries} | {blob_key(blob.digest) for blob in plan.blobs}
    assert gone == planned
    assert sum(len(before[key]) for key in gone) == outcome.removed_bytes == plan.frees_bytes
    assert (outcome.freed_bytes, outcome.entries, outcome.blobs, outcome.kept) == (0, 1, 1, ())
    changed = {key for key in before.keys() & after.keys() if before[key] != after[key]}
    assert changed == {"v3/manifests/index/index.manifest.json"}
    assert indexed(cache) == {ZED.hash, PNG.hash, APP.hash}
    check_sound(cache)


def test_a_plan_says_who_depends_on_it(cache: FolderCache) -> None:
    assert {one.name for one in deletion(cache, ZED).dependents} == {"png", "app"}
    assert deletion(cache, ZED, PNG, APP).dependents == ()


def test_trash_can_be_restored(cache: FolderCache) -> None:
    before = files(cache)
    outcome = carry_out(cache, deletion(cache, APP, OLD))
    trash = cache.upkeep().trash
    (batch,) = trash.batches()
    assert batch.id == outcome.trash
    assert batch.stored_bytes == outcome.removed_bytes
    assert len(batch.labels) == 2
    restored = trash.restore(batch.id, cache.url, CancelToken())
    assert (restored.restored, restored.skipped) == (batch.files, ())
    assert trash.batches() == []
    assert {key: data for key, data in files(cache).items() if "index" not in key}.items() >= {
        key: data for key, data in before.items() if "index" not in key
    }.items()
    assert indexed(cache) == {ZED.hash, PNG.hash, APP.hash, OLD.hash}
    check_sound(cache)


def test_what_was_pushed_again_is_not_replaced_by_the_trash(cache: FolderCache) -> None:
    carry_out(cache, deletion(cache, APP))
    publish(cache, APP, content=b"another build")
    now = files(cache)[entry_manifest(APP.entry)]
    trash = cache.upkeep().trash
    (batch,) = trash.batches()
    assert trash.restore(batch.id, cache.url, CancelToken()).skipped == (entry_manifest(APP.entry),)
    assert files(cache)[entry_manifest(APP.entry)] == now
    assert trash.batches() != []
    check_sound(cache)


def test_permanent_deletion_frees_and_so_does_emptying(cache: FolderCache) -> None:
    plan = deletion(cache, APP)
    outcome = carry_out(cache, plan, permanently=True)
    assert (outcome.freed_bytes, outcome.trash) == (plan.frees_bytes, "")
    assert cache.upkeep().trash.batches() == []
    carry_out(cache, deletion(cache, OLD))
    trash = cache.upkeep().trash
    held = trash.batches()[0].stored_bytes
    assert trash.empty([], CancelToken()) > held > 0
    assert trash.batches() == []
    with pytest.raises(NotFound):
        trash.restore("2020-01-01T000000Z-aaaaaa", cache.url, CancelToken())
    with pytest.raises(MirrordeckError):
        trash.restore("../v3", cache.url, CancelToken())


def test_the_last_package_leaves_an_empty_index(cache: FolderCache) -> None:
    carry_out(cache, deletion(cache, ZED, PNG, APP, OLD))
    index = cache.read_index()
    assert index is not None
    assert dict(index.records) == {}
    assert list(cache.entries(token=CancelToken())) == []


def test_young_blobs_wait(cache: FolderCache) -> None:
    publish(cache, APP, content=b"built a moment ago")
    plan = deletion(cache, APP)
    assert plan.waiting_bytes > 0
    assert plan.blobs == ()
    carry_out(cache, plan, permanently=True)
    assert blob_key(packed_at(folder_of(cache).root / "x", b"built a moment ago").digest) in files(cache)
    assert len(deletion(cache, PNG, grace=0).blobs) > 0


@pytest.mark.parametrize(("ahead_s", "deleted"), [(0.05, 1), (3600.0, 0)])
def test_a_wrong_clock_deletes_nothing_young_and_one_that_ticks_finer_is_not_wrong(
    cache: FolderCache, ahead_s: float, deleted: int
) -> None:
    """Times of files come from the system's tick, so that a plan can be milliseconds younger than the next file."""
    plan = deletion(cache, APP)
    youngest = max(blob.modified for blob in look(cache).blobs.values())
    outcome = carry_out(cache, msgspec.structs.replace(plan, made_at=time.time() + ahead_s, cutoff=youngest))
    assert (outcome.entries, len(outcome.kept)) == (deleted, 0 if deleted else len(plan.blobs) + 1)
    check_sound(cache)


def test_a_damaged_manifest_keeps_all_blobs_and_can_go_itself(cache: FolderCache) -> None:
    path = folder_of(cache).path(entry_manifest(OLD.entry))
    path.write_bytes(b"nonsense")
    assert deletion(cache, APP).blobs == ()
    os.utime(path, (1, 1))
    found = look(cache)
    keep = Keep(frozenset({APP.hash}))
    plan = plan_freeing(found, keep, goal_bytes=None, url=cache.url, cutoff=found.read_at - DAY)
    assert [entry.key for entry in plan.entries] == [entry_manifest(OLD.entry)]
    carry_out(cache, plan)
    check_sound(cache)


def test_without_an_index_specs_are_read(cache: FolderCache) -> None:
    with_index = look(cache)
    folder_of(cache).delete_tree("v3/manifests/index")
    without = look(cache)
    assert without.edges.items() <= with_index.edges.items()
    assert {thing.key: thing.kin for thing in without.packages()} == {
        thing.key: thing.kin for thing in with_index.packages()
    }
    assert without.index_written_at is None
    carry_out(cache, deletion(cache, APP))
    assert cache.read_index() is None


# ---- wherever it stops ----


T = TypeVar("T")


class Crash(BaseException):
    """The process is gone."""


class CrashingFolder(Folder):
    """Stops at its nth change, before or after it is made."""

    def __init__(self, root: Path, nth: int, *, after: bool, error: type[BaseException]) -> None:
        super().__init__(root)
        self.left = nth
        self.after = after
        self.error = error

    def _count(self, act: Callable[[], T]) -> T:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise self.error("stopped here")
        made = act()
        if self.left == 0:
            raise self.error("stopped here")
        return made

    def write(self, key: str, data: bytes) -> Stat:
        return self._count(lambda: Folder.write(self, key, data))

    def move(self, key: str, new_key: str, *, replace: bool = True) -> Stat | None:
        return self._count(lambda: Folder.move(self, key, new_key, replace=replace))

    def delete_tree(self, prefix: str) -> None:
        return self._count(lambda: Folder.delete_tree(self, prefix))

    def touch(self, key: str) -> bool:
        return self._count(lambda: Folder.touch(self, key))


@pytest.mark.parametrize("error", [Crash, StorageFailed])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("permanently", [False, True])
def test_it_may_stop_anywhere(cache: FolderCache, error: type[BaseException], after: bool, permanently: bool) -> None:
    kept = {ZED.hash, PNG.hash}
    root = folder_of(cache).root
    plan = deletion(cache, APP, OLD)
    for nth in range(1, 50):
        folder = CrashingFolder(root, nth, after=after, error=error)
        try:
            FolderUpkeep(folder, cache.url).remove(plan, permanently=permanently, token=CancelToken(), progress=ignore)
        except error:
            check_sound(cache)
            assert set(present(cache, ZED, PNG)) == kept
            restart(cache, root)
        else:
            assert nth > 5
            break
    outcome = carry_out(cache, plan, permanently=permanently)
    assert outcome.entries == 0  # all gone already
    assert indexed(cache) == kept
    check_sound(cache)


def restart(cache: FolderCache, root: Path) -> None:
    """As before, from what the trash and the crashed run left."""
    trash = cache.upkeep().trash
    for batch in trash.batches():
        if batch.files:
            trash.restore(batch.id, cache.url, CancelToken())
    for package in (APP, OLD):
        publish(cache, package)
    update(cache)
    age_all(root, 7 * DAY)
    folder_of(cache).delete_tree(TRASH)
    check_sound(cache)
    assert set(present(cache, ZED, PNG, APP, OLD)) == {one.hash for one in (ZED, PNG, APP, OLD)}


def test_restoring_may_stop_anywhere(cache: FolderCache) -> None:
    root = folder_of(cache).root
    carry_out(cache, deletion(cache, APP, OLD))
    (batch,) = cache.upkeep().trash.batches()
    for nth in range(1, 50):
        folder = CrashingFolder(root, nth, after=False, error=Crash)
        try:
            FolderUpkeep(folder, cache.url).trash.restore(batch.id, cache.url, CancelToken())
            break
        except Crash:
            check_sound(cache)
    assert indexed(cache) == {ZED.hash, PNG.hash, APP.hash, OLD.hash}


def test_stopping_it_stops_it(cache: FolderCache) -> None:
    plan, token = deletion(cache, APP, OLD), CancelToken()

    def stop(done: int, _total: int) -> None:
        if done == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        cache.upkeep().remove(plan, permanently=True, token=token, progress=stop)
    check_sound(cache)
    assert len(cache.upkeep().trash.batches()) == 1


# ---- and pushes at the same time ----


class PushingFolder(Folder):
    """Something happens just before the nth move to the trash."""

    def __init__(self, root: Path, nth: int, act: Callable[[], None]) -> None:
        super().__init__(root)
        self.left = nth
        self.act = act

    def move(self, key: str, new_key: str, *, replace: bool = True) -> Stat | None:
        self.left -= 1
        if self.left == 0:
            self.act()
        return super().move(key, new_key, replace=replace)


def moves_of(plan: RemovalPlan) -> int:
    return len(plan.entries) + len(plan.blobs)


def push_of(cache: FolderCache, package: Package, *others: Package) -> Callable[[], None]:
    """A push of `package` that found `others` there; it goes on when called."""
    push = cache.open_push([one.entry for one in others], signer=None, token=CancelToken())
    records = {one.hash: record_of(one) for one in (package, *others)}
    push.begin(PushScope(records, frozenset(records), frozenset({package.hash})))

    def go_on() -> None:
        packed = packed_at(push.staging(package.entry), package.name.encode() * 100)
        push.prepare(CancelToken())
        document = spec_document(records[package.hash], records) if not package.needs else package.document()
        publication = Publication(package.entry, packed, document, None, records[package.hash])
        push.upload(publication, token=CancelToken(), progress=lambda _: None)
        push.complete(package.hash, token=CancelToken())

    return go_on


def test_a_push_that_relies_on_what_goes_either_keeps_it_or_is_told(cache: FolderCache) -> None:
    root = folder_of(cache).root
    top = Package("top", needs=(APP,))
    plan = deletion(cache, APP)
    told = 0
    for nth in range(1, moves_of(plan) + 1):
        go_on = push_of(cache, top, APP, PNG, ZED)
        failures: list[CacheError] = []

        def act(go_on: Callable[[], None] = go_on, failures: list[CacheError] = failures) -> None:
            try:
                go_on()
            except CacheError as error:
                failures.append(error)

        folder = PushingFolder(root, nth, act)
        FolderUpkeep(folder, cache.url).remove(plan, permanently=False, token=CancelToken(), progress=ignore)
        check_sound(cache)
        found = present(cache, top, APP, PNG, ZED)
        if failures:
            told += 1
            assert "vanished" in failures[0].title
            assert top.hash not in found
        else:
            assert set(found) == {top.hash, APP.hash, PNG.hash, ZED.hash}
        folder_of(cache).delete(entry_manifest(top.entry))
        publish(cache, APP)
        update(cache)
        age_all(root, 7 * DAY)
        folder_of(cache).delete_tree(TRASH)
        plan = deletion(cache, APP)
    assert told < moves_of(plan)


class ListingFolder(Folder):
    """Something happens at the second look at the manifests."""

    def __init__(self, root: Path, act: Callable[[], None]) -> None:
        super().__init__(root)
        self.looks = 0
        self.act = act

    def scan(self, prefix: str) -> Iterator[tuple[str, Stat]]:
        if prefix == MANIFEST_PREFIX:
            self.looks += 1
            if self.looks == 2:
                self.act()
        return super().scan(prefix)


def test_a_push_that_only_begins_to_rely_on_it_keeps_it(cache: FolderCache) -> None:
    """Its blobs are too young to go, so that only their time tells; the push has nothing to show yet."""
    publish(cache, APP, content=b"built a moment ago")
    plan = deletion(cache, APP)
    assert plan.blobs == ()
    push = cache.open_push([APP.entry], signer=None, token=CancelToken())
    top = Package("top", needs=(APP,))
    push.begin(PushScope({}, frozenset({APP.hash, top.hash}), frozenset({top.hash})))
    folder = ListingFolder(folder_of(cache).root, lambda: push.prepare(CancelToken()))
    upkeep = FolderUpkeep(folder, cache.url)
    outcome = upkeep.remove(plan, permanently=True, token=CancelToken(), progress=ignore)
    assert [one.title for one in outcome.kept] == [f"app@1.0/{APP.hash[:7]} stays"]
    assert APP.hash in present(cache, APP)
    assert APP.hash in indexed(cache)
    check_sound(cache)


def test_a_push_of_the_same_content_keeps_its_blobs(cache: FolderCache) -> None:
    """An orphan of exactly these bytes is about to go when a push needs it."""
    root = folder_of(cache).root
    folder_of(cache).delete(entry_manifest(OLD.entry))
    publish(cache, OLD, content=b"the same bytes")
    folder_of(cache).delete(entry_manifest(OLD.entry))
    update(cache)
    age_all(root, 7 * DAY)
    found = look(cache)
    plan = plan_spack_prune(found, None, url=cache.url, cutoff=found.read_at - DAY)
    assert plan.blobs
    twin = Package("twin")

    def push() -> None:
        elsewhere = packed_at(root.parent / "elsewhere", b"the same bytes")
        publication = Publication(twin.entry, elsewhere, twin.document(), None, record_of(twin))
        cache.publish(publication, token=CancelToken(), progress=lambda _: None)

    nth = 0
    while (nth := nth + 1) <= moves_of(plan):
        folder = PushingFolder(root, nth, push)
        FolderUpkeep(folder, cache.url).remove(plan, permanently=True, token=CancelToken(), progress=ignore)
        check_sound(cache)
        assert twin.hash in present(cache, twin)
        folder_of(cache).delete(entry_manifest(twin.entry))
        age_all(root, 7 * DAY)
        found = look(cache)
        plan = plan_spack_prune(found, None, url=cache.url, cutoff=found.read_at - DAY)
    assert nth > 2


def test_a_package_pushed_between_plan_and_execution_refuses_the_plan(cache: FolderCache) -> None:
    plan = deletion(cache, APP)
    publish(cache, Package("top", needs=(APP,)))
    before = files(cache)
    with pytest.raises(PlanOutdated):
        carry_out(cache, plan)
    assert files(cache) == before


def pushing(url: str, number: int) -> None:
    cache = FolderCache(Path(url.removeprefix("file://")))
    for round_ in range(12):
        # Every second archive is the content of an orphan that the other process is about to take.
        content = b"orphan %d" % (round_ // 2)
        package = Package(f"pushed{number}x{round_}", needs=(ZED,))
        publish(cache, package, content=content)
        update(cache)


def pruning(url: str, seconds: float) -> None:
    cache = FolderCache(Path(url.removeprefix("file://")))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look(cache)
        plan = plan_spack_prune(found, None, url=url, cutoff=found.read_at - 60)
        try:
            cache.upkeep().remove(plan, permanently=True, token=CancelToken(), progress=ignore)
        except PlanOutdated:
            continue


def in_a_process(call: str) -> subprocess.Popen[bytes]:
    """Run a function of this module beside this process."""
    places = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    code = f"from test_folder_upkeep import *; {call}"
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": places})


def test_pushing_and_pruning_at_once_lose_nothing(cache: FolderCache) -> None:
    root = folder_of(cache).root
    for number in range(12):
        content = b"orphan %d" % number
        target = root / blob_key(packed_at(root.parent / "made", content).digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        (root.parent / "made").rename(target)
    age_all(root, 7 * DAY)
    workers = [in_a_process(f"pushing({cache.url!r}, {number})") for number in (1, 2)]
    workers.append(in_a_process(f"pruning({cache.url!r}, 3.0)"))
    for worker in workers:
        assert worker.wait(600) == 0
    expected = [Package(f"pushed{number}x{round_}", needs=(ZED,)) for number in (1, 2) for round_ in range(12)]
    assert set(present(cache, *expected, ZED, PNG, APP, OLD)) == {one.hash for one in (*expected, ZED, PNG, APP, OLD)}
    update(cache)
    check_sound(cache)
    assert indexed(cache) >= {one.hash for one in expected}


def test_nothing_but_manifests_and_blobs_is_looked_at(cache: FolderCache) -> None:
    root = folder_of(cache).root
    for name in ("blobs/sha256/README", "blobs/other/x", "v3/manifests/spec/notes.txt", "unrelated"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("mine")
    age_all(root, 7 * DAY)
    found = look(cache)
    plan = plan_freeing(found, Keep(), goal_bytes=None, url=cache.url, cutoff=found.read_at - DAY)
    carry_out(cache, plan, permanently=True)
    left = {key for key in files(cache) if not is_manifest(key)}
    assert {"blobs/sha256/README", "blobs/other/x", "v3/manifests/spec/notes.txt", "unrelated"} <= left
