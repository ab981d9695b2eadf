# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is proposed for deletion: never anything that what stays needs. Inventories are made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from cache_makers import dag_hash
from hypothesis import given
from hypothesis import strategies as st

from core.caches.browsing import EntryKind
from core.caches.freeing import Keep, plan_freeing, plan_spack_prune
from core.caches.inventory import Inventory, StoredBlob, Thing
from core.caches.protocol import EntryName
from core.caches.removal import PlanOutdated, Reason, RemovalPlan, check_plan, plan_deletion

NOW = 1_000_000.0
DAY = 86_400.0
URL = "file:///cache"


def blob(name: str) -> str:
    return f"sha256:{dag_hash(name)}"


def package(
    name: str,
    version: str = "1.0",
    *,
    blobs: tuple[str, ...] | None = None,
    age: float = 10 * DAY,
    broken: str = "",
    kin: str | None = None,
    readable: bool = True,
) -> Thing:
    found = EntryName(name, version, dag_hash(f"{name}@{version}"))
    own = (f"{name}@{version}",) if blobs is None else blobs
    return Thing(
        key=f"{name}-{version}",
        kind=EntryKind.PACKAGE,
        entry=found,
        digest=f"manifest of {name}-{version}",
        size=1,
        blobs=tuple(map(blob, own)) if readable else (),
        modified=NOW - age,
        kin=name if kin is None else kin,
        broken=broken,
        readable=readable,
    )


def inventory(
    *things: Thing,
    needs: Mapping[str, tuple[str, ...]] | None = None,
    orphans: dict[str, float] | None = None,
    sizes: dict[str, int] | None = None,
    index_written_at: float | None = None,
    by_digest: bool = False,
) -> Inventory:
    """`needs` by "name@version"; `orphans` are ages of blobs by name."""
    blobs = {digest: StoredBlob(100, thing.modified) for thing in things for digest in thing.blobs}
    blobs |= {blob(name): StoredBlob(100, NOW - age) for name, age in (orphans or {}).items()}
    blobs |= {blob(name): StoredBlob(size, NOW - 10 * DAY) for name, size in (sizes or {}).items()}
    edges = {dag_hash(name): tuple(map(dag_hash, below)) for name, below in (needs or {}).items()}
    return Inventory(tuple(things), blobs, edges, NOW, index_written_at, by_digest)


def freeing(
    found: Inventory, goal: int | None = None, keep: tuple[str, ...] = (), newer_than: float | None = None
) -> RemovalPlan:
    rules = Keep(frozenset(map(dag_hash, keep)), newer_than)
    return plan_freeing(found, rules, goal_bytes=goal, url=URL, cutoff=NOW - DAY)


def keys(plan: RemovalPlan) -> list[str]:
    return [entry.key for entry in plan.entries]


def test_orphans_first_then_superseded_then_the_oldest() -> None:
    found = inventory(
        package("old", age=30 * DAY),
        package("zed", "1.0", age=20 * DAY),
        package("zed", "1.10", age=15 * DAY),
        package("zed", "1.9", age=2 * DAY),
        orphans={"orphan": 5 * DAY},
    )
    plan = freeing(found)
    assert plan.blobs[0].digest == blob("orphan")
    assert keys(plan) == ["zed-1.0", "zed-1.9", "old-1.0", "zed-1.10"]
    assert [entry.reason for entry in plan.entries[:3]] == [Reason.SUPERSEDED, Reason.SUPERSEDED, Reason.NOT_KEPT]
    assert plan.entries[0].detail.startswith("zed@1.10/")
    assert keys(freeing(found, goal=100)) == []
    assert keys(freeing(found, goal=101)) == ["zed-1.0"]
    assert freeing(found, goal=101).complete
    assert not freeing(found, goal=10_000).complete
    assert freeing(found, goal=10_000).frees_bytes == 504


def test_what_is_needed_goes_only_after_what_needs_it() -> None:
    found = inventory(
        package("app", age=5 * DAY),
        package("lib", age=50 * DAY),
        package("base", age=90 * DAY),
        needs={"app@1.0": ("tool@1.0",), "tool@1.0": ("lib@1.0",), "lib@1.0": ("base@1.0",)},
    )
    assert keys(freeing(found)) == ["app-1.0", "lib-1.0", "base-1.0"]
    assert keys(freeing(found, keep=("app@1.0",))) == []
    assert keys(freeing(found, keep=("lib@1.0",))) == ["app-1.0"]
    assert keys(freeing(found, newer_than=NOW - 6 * DAY)) == []


def test_shared_blobs_are_counted_once_and_only_with_the_last_user() -> None:
    found = inventory(
        package("one", blobs=("shared", "one"), age=30 * DAY),
        package("two", blobs=("shared", "two"), age=20 * DAY),
        sizes={"shared": 1000, "one": 1, "two": 2},
    )
    plan = freeing(found)
    assert [entry.frees_bytes for entry in plan.entries] == [2, 1003]
    assert [entry.stored_bytes for entry in plan.entries] == [1002, 1003]
    assert plan.frees_bytes == 1005
    assert keys(freeing(found, goal=3)) == ["one-1.0", "two-1.0"]


def test_young_blobs_wait_and_young_packages_stay_with_all_they_need() -> None:
    found = inventory(
        package("young", age=3600),
        package("base", age=90 * DAY),
        needs={"young@1.0": ("base@1.0",)},
        orphans={"fresh": 60.0},
    )
    plan = freeing(found)
    assert plan.empty
    assert (plan.waiting_bytes, plan.kept_young) == (100, 2)


def test_while_a_manifest_cannot_be_read_no_blob_goes() -> None:
    unreadable = package("odd", readable=False, broken="damaged", age=3600)
    plan = freeing(inventory(unreadable, package("old"), orphans={"orphan": 5 * DAY}))
    assert (keys(plan), plan.blobs, plan.frees_bytes) == (["old-1.0"], (), 0)
    assert "cannot be read" in plan.warnings[0].title
    gone = freeing(inventory(package("odd", readable=False, broken="damaged"), package("old"), orphans={"o": 5 * DAY}))
    assert len(gone.blobs) == 2


def test_a_tag_of_somebody_on_the_same_manifest_holds_a_package() -> None:
    old = package("old")
    mine = Thing("mine", EntryKind.IMAGE, None, old.digest, 0, old.blobs, 0.0)
    assert keys(freeing(inventory(old, mine, by_digest=True))) == []
    assert keys(freeing(inventory(old, mine))) == ["old-1.0"]
    plan = plan_deletion(inventory(old, mine, by_digest=True), ["old-1.0"], url=URL, cutoff=NOW)
    assert [(entry.key, entry.reason) for entry in plan.entries] == [
        ("old-1.0", Reason.ASKED_FOR),
        ("mine", Reason.SAME_DIGEST),
    ]


def test_what_is_asked_for_goes_and_the_plan_says_what_depended_on_it() -> None:
    found = inventory(package("app"), package("lib"), needs={"app@1.0": ("lib@1.0",)}, orphans={"o": 2 * DAY})
    plan = plan_deletion(found, ["lib-1.0", blob("o")], url=URL, cutoff=NOW - DAY)
    assert keys(plan) == ["lib-1.0"]
    assert [(one.name, one.needs) for one in plan.dependents] == [("app", f"lib@1.0/{dag_hash('lib@1.0')[:7]}")]
    assert {one.digest for one in plan.blobs} == {blob("lib@1.0"), blob("o")}
    assert plan.frees_bytes == 201
    with pytest.raises(PlanOutdated):
        plan_deletion(found, ["nothing"], url=URL, cutoff=NOW)


def test_spacks_rule() -> None:
    found = inventory(
        package("kept", age=30 * DAY),
        package("listed", age=30 * DAY),
        package("young", age=1 * DAY),
        package("broken", blobs=("there", "gone"), age=30 * DAY),
        orphans={"old": 30 * DAY, "new": 1 * DAY},
        index_written_at=NOW - 5 * DAY,
    )
    found = Inventory(
        found.things,
        {digest: one for digest, one in found.blobs.items() if digest != blob("gone")},
        found.edges,
        NOW,
        found.index_written_at,
    )
    plan = plan_spack_prune(found, None, url=URL, cutoff=NOW)
    assert (keys(plan), {one.digest for one in plan.blobs}) == (["broken-1.0"], {blob("there"), blob("old")})
    plan = plan_spack_prune(found, {dag_hash("kept@1.0")}, url=URL, cutoff=NOW)
    assert keys(plan) == ["listed-1.0", "broken-1.0"]
    assert plan.kept_young == 1
    young = plan_spack_prune(found, {dag_hash("kept@1.0")}, url=URL, cutoff=NOW - 31 * DAY)
    assert young.empty


def test_a_plan_survives_a_file() -> None:
    plan = freeing(inventory(package("old"), orphans={"o": 2 * DAY}))
    assert msgspec.json.decode(msgspec.json.encode(plan), type=RemovalPlan) == plan


@pytest.mark.parametrize("change", ["pushed again", "needed by another", "blob in use", "used"])
def test_a_plan_that_no_longer_fits_is_refused(change: str) -> None:
    old = package("old")
    before = inventory(old, orphans={"o": 5 * DAY})
    plan = freeing(before)
    check_plan(plan, before)
    new = package("new", blobs=("o",) if change == "blob in use" else ("new",), age=0)
    if change == "pushed again":
        changed = inventory(replace(old, digest="x"))
    elif change == "used":
        changed = inventory(old)
        changed = Inventory(changed.things, {blob("old@1.0"): StoredBlob(100, NOW)}, {}, NOW)
    else:
        needs = {"new@1.0": ("old@1.0",)} if change == "needed by another" else {}
        changed = inventory(old, new, needs=needs)
    with pytest.raises(PlanOutdated):
        check_plan(plan, changed)
    check_plan(plan, inventory(new, needs={"new@1.0": ()}) if change != "blob in use" else inventory())


# ---- any cache at all ----


@st.composite
def caches(draw: st.DrawFn) -> Inventory:
    count = draw(st.integers(1, 9))
    names = [f"p{number}" for number in range(count)]
    ages = st.sampled_from([0.0, 3600.0, 2 * DAY, 30 * DAY, 90 * DAY])
    blob_names = [f"b{number}" for number in range(draw(st.integers(1, 8)))]
    things = []
    needs: dict[str, tuple[str, ...]] = {}
    for position, name in enumerate(names):
        below = draw(st.lists(st.sampled_from(names[:position]), max_size=3, unique=True)) if position else []
        needs[f"{name}@1.0"] = tuple(f"{one}@1.0" for one in below)
        if draw(st.integers(0, 4)):  # some are only heard of
            own = draw(st.lists(st.sampled_from(blob_names), min_size=1, max_size=3, unique=True))
            kin = draw(st.sampled_from(["", "kin"]))
            things.append(package(name, blobs=tuple(own), age=draw(ages), kin=kin))
    blobs = {blob(name): StoredBlob(draw(st.integers(1, 50)), NOW - draw(ages)) for name in blob_names}
    edges = {dag_hash(name): tuple(map(dag_hash, below)) for name, below in needs.items()}
    return Inventory(tuple(things), blobs, edges, NOW, by_digest=draw(st.booleans()))


@given(
    found=caches(),
    keep=st.sets(st.sampled_from([f"p{number}@1.0" for number in range(9)]), max_size=3),
    goal=st.none() | st.integers(0, 200),
    newer=st.none() | st.sampled_from([NOW - 60 * DAY, NOW - DAY]),
)
def test_nothing_that_stays_ever_lacks_anything(
    found: Inventory, keep: set[str], goal: int | None, newer: float | None
) -> None:
    plan = freeing(found, goal, tuple(keep), newer_than=newer)
    gone = set(keys(plan))
    left = [thing for thing in found.things if thing.key not in gone]
    gone_hashes = {entry.hash for entry in plan.entries} - {thing.entry.hash for thing in left if thing.entry}
    gone_blobs = {one.digest for one in plan.blobs}
    # All that stays is complete, and so is all it depends on.
    for thing in left:
        assert not gone_blobs & set(thing.blobs)
    stays = found.reachable([thing.entry.hash for thing in left if thing.entry])
    assert not gone_hashes & stays
    # What is kept by a rule stays with all it depends on.
    assert not gone_hashes & found.reachable(map(dag_hash, keep))
    # Young things stay.
    for thing in found.things:
        if found.last_used(thing) > NOW - DAY or (newer is not None and found.last_used(thing) > newer):
            assert thing.key not in gone
    assert all(found.blobs[digest].modified <= NOW - DAY for digest in gone_blobs)
    # It is exact: each blob once, only what nobody needs, and the sum is right.
    assert max(Counter(one.digest for one in plan.blobs).values(), default=1) == 1
    sizes = sum(one.size for one in plan.blobs) + len(plan.entries)
    assert (
        plan.frees_bytes
        == sizes
        == sum(entry.frees_bytes for entry in plan.entries) + sum(one.size for one in plan.blobs if one.orphan)
    )
    assert plan.dependents == ()
    if goal is not None:
        assert plan.complete == (plan.frees_bytes >= goal)
    check_plan(plan, found)


@given(found=caches(), extra=caches(), keep=st.sets(st.sampled_from(["p0@1.0", "p3@1.0"])))
def test_a_plan_is_refused_or_harms_nothing_that_came_meanwhile(
    found: Inventory, extra: Inventory, keep: set[str]
) -> None:
    """`extra` is pushed between the plan and its execution."""
    plan = freeing(found, None, tuple(keep))
    news = [replace(thing, key=f"new {thing.key}", digest=f"new {thing.digest}") for thing in extra.things]
    now = Inventory((*found.things, *news), {**extra.blobs, **found.blobs}, {**extra.edges, **found.edges}, NOW)
    try:
        check_plan(plan, now)
    except PlanOutdated:
        return
    gone = set(keys(plan))
    left = [thing for thing in now.things if thing.key not in gone]
    gone_hashes = {entry.hash for entry in plan.entries} - {thing.entry.hash for thing in left if thing.entry}
    assert not gone_hashes & now.reachable([thing.entry.hash for thing in left if thing.entry])
    assert not {one.digest for one in plan.blobs} & {digest for thing in left for digest in thing.blobs}
