# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushing into a repository while somebody deletes from it, at every moment of the deletion."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

from helpers.verifying import verify
from oci_lab import ALL, Lab, closure, hash_of, open_repository, tag_of
from registry.kit.fake_registry import FakeRegistry

from core.caches.oci.oci_index import read_index
from core.caches.removal import PlanOutdated, RemovalPlan, plan_deletion
from core.foundation.cancel import CancelToken

TOKEN = CancelToken()
NEEDED = {name for name in ALL if hash_of(name) in closure("labtool")}


def ignore(_done: int, _total: int) -> None:
    pass


def update(lab: Lab) -> None:
    lab.cache.update_index(full=False, token=TOKEN, progress=ignore)


def indexed(lab: Lab) -> set[str]:
    index = read_index(lab.repository, lab.blobs, TOKEN)
    return {key for key, record in index.records.items() if record.in_buildcache} if index else set()


def deletion(lab: Lab, *names: str) -> RemovalPlan:
    found = lab.cache.upkeep().inventory(TOKEN, ignore)
    return plan_deletion(found, [tag_of(name) for name in names], url=lab.cache.url, cutoff=found.read_at)


def remove(lab: Lab, plan: RemovalPlan) -> None:
    with suppress(PlanOutdated):
        lab.cache.upkeep().remove(plan, permanently=True, token=TOKEN, progress=ignore)


def arrive(lab: Lab, came: list[object], reply: object) -> object:
    """A whole push, while a request is being answered."""
    if not came:
        came.append(reply)
        lab.push("labtool", *NEEDED - {"labtool"})
        update(lab)
    return reply


def test_a_push_that_comes_at_any_moment_of_a_deletion_is_complete(registry: FakeRegistry, tmp_path: Path) -> None:
    nth = requests = 0
    while (nth := nth + 1) == 1 or nth <= requests:
        with open_repository(registry, f"lab/{nth}") as one, open_repository(registry, f"lab/{nth}") as other:
            cleaning, pushing = Lab(registry, one, tmp_path / f"a{nth}"), Lab(registry, other, tmp_path / f"b{nth}")
            cleaning.push(*(name for name in ALL if name != "labtool"))
            update(cleaning)
            plan = deletion(cleaning, "labz", "labfmt")
            came: list[object] = []
            cleaning.forget_requests()
            change = partial(arrive, pushing, came)
            registry.faults.add(method=".*", path=f"lab/{nth}/", nth=nth, change=change)
            remove(cleaning, plan)
            requests = requests or len(registry.requests)
            registry.faults.clear()
            if came:
                assert {tag_of(name) for name in NEEDED} <= cleaning.tags(), nth
                assert {hash_of(name) for name in NEEDED} <= indexed(pushing), nth
                assert [one.words for one in verify(Lab(registry, one, tmp_path / f"c{nth}").cache)] == [], nth
    assert nth > 10
