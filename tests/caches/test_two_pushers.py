# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Several processes at one folder mirror at the same time: nothing is broken, nothing is missing."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

from cache_makers import Package, publish, update
from helpers.verifying import verify

from core.caches.folder_cache import FolderCache
from core.caches.layout3 import entry_manifest
from core.caches.removal import plan_deletion
from core.foundation.cancel import CancelToken

BASE = Package("base")


def side_by_side(*works: Callable[[], None]) -> None:
    """Each in a process of its own, all begun together."""
    starting, started = os.pipe()
    children = []
    for work in works:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.close(started)
                os.read(starting, 1)  # until the parent lets go
                work()
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    os.close(starting)
    os.close(started)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(works)


def packages(writer: int, count: int) -> list[Package]:
    return [Package(f"w{writer}-{number}", needs=(BASE,)) for number in range(count)]


def indexed(cache: FolderCache) -> set[str]:
    index = cache.read_index()
    assert index is not None
    return {key for key, record in index.records.items() if record.in_buildcache}


def test_t31_two_pushers_and_their_indexes(tmp_path: Path) -> None:
    root = tmp_path / "cache"

    def work(writer: int) -> Callable[[], None]:
        def push() -> None:
            cache = FolderCache(root)
            cache.prepare(None)
            publish(cache, BASE)  # the same package by both, at the same moment
            for package in packages(writer, 12):
                publish(cache, package)
                update(cache)

        return push

    side_by_side(work(0), work(1))
    cache = FolderCache(root)
    assert [finding for finding in verify(cache) if not finding.harmless] == []
    assert indexed(cache) == {BASE.hash, *(one.hash for writer in (0, 1) for one in packages(writer, 12))}
    assert not list(root.rglob("*.tmp"))
    assert not [path for path in root.rglob("*") if path.name.endswith(".lock")]


def test_t31_a_push_while_another_one_deletes(tmp_path: Path) -> None:
    """Whatever comes first: what stays is complete, and listed."""
    root = tmp_path / "cache"
    first = FolderCache(root)
    first.prepare(None)
    old = packages(7, 6)
    for package in (BASE, *old):
        publish(first, package)
    update(first)

    def push() -> None:
        cache = FolderCache(root)
        for package in packages(0, 8):
            publish(cache, package)
            update(cache)

    def delete() -> None:
        cache = FolderCache(root)
        for package in old:
            upkeep = cache.upkeep()
            found = upkeep.inventory(CancelToken(), lambda *_: None)
            plan = plan_deletion(found, [entry_manifest(package.entry)], url=cache.url, cutoff=found.read_at - 86_400)
            upkeep.remove(plan, permanently=True, token=CancelToken(), progress=lambda *_: None)

    side_by_side(push, delete)
    cache = FolderCache(root)
    update(cache)
    assert [finding for finding in verify(cache) if not finding.harmless] == []
    assert indexed(cache) == {BASE.hash, *(one.hash for one in packages(0, 8))}
