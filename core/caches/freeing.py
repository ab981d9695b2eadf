# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What can go from a cache: by a goal, by rules of what to keep, or by Spack's own rule. Pure, any thread.

Nothing that a remaining package depends on is ever proposed: packages go from the top of the dependency graph, each
only when nothing that stays needs it. Among those the superseded go first, then the oldest.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from core.caches.browsing import EntryKind
from core.caches.inventory import Inventory, Thing
from core.caches.removal import Chosen, Ledger, Reason, RemovalPlan, with_siblings
from core.spack.versions import version_key


@dataclass(frozen=True, slots=True)
class Keep:
    """Packages that stay, and with them all they depend on: those of `hashes`, and those last written or used after
    `newer_than` (unix seconds, the cache's clock)."""

    hashes: frozenset[str] = frozenset()
    newer_than: float | None = None


def plan_freeing(inventory: Inventory, keep: Keep, *, goal_bytes: int | None, url: str, cutoff: float) -> RemovalPlan:
    """Free `goal_bytes` with as little loss as possible, or without a goal delete all that is not kept.

    First blobs that nothing needs, then entries that nobody can use, then packages. Nothing last written or used after
    `cutoff` goes, nor what that depends on.
    """
    ledger = Ledger(inventory, cutoff)

    def reached() -> bool:
        return goal_bytes is not None and ledger.freed >= goal_bytes

    kept = _kept(inventory, keep, cutoff)
    if not reached():
        ledger.strike_orphans()
    for chosen in (*_broken(inventory, kept), *_oldest_leaves(inventory, kept)):
        if reached():
            break
        ledger.strike(chosen)
    young = kept - _kept(inventory, keep, math.inf)
    kept_young = sum(_hash(thing) in young for thing in inventory.packages())
    return ledger.plan(url, kept_young=kept_young, complete=goal_bytes is None or ledger.freed >= goal_bytes)


def plan_spack_prune(
    inventory: Inventory, keep_list: Collection[str] | None, *, url: str, cutoff: float
) -> RemovalPlan:
    """What `spack buildcache prune` of Spack 1.1 deletes: with a keep list all packages that are not in it, whatever
    depends on them; then, until nothing changes, blobs that no manifest names and manifests that name a missing blob.

    Nothing newer than the index goes, nor anything newer than `cutoff`, which Spack does not have. Another difference
    is that no blob goes while some manifest cannot be read. (Seen in what Spack deleted.)
    """
    limit = ""
    if inventory.index_written_at and inventory.index_written_at < cutoff:
        cutoff, limit = inventory.index_written_at, "newer than the index"
    ledger = Ledger(inventory, cutoff)
    listed = [thing for thing in inventory.packages() if keep_list is not None and _hash(thing) not in keep_list]
    tied = _tied(inventory, listed)
    going = [Chosen(one, Reason.NOT_LISTED) for one in listed if one.modified <= cutoff and one.key not in tied]
    struck = {chosen.thing.key for chosen in going}
    for thing in inventory.things:
        lost = any(digest not in inventory.blobs for digest in thing.blobs) and not inventory.by_digest
        if lost and thing.modified <= cutoff and thing.key not in struck:
            going.append(Chosen(thing, Reason.BROKEN, thing.broken))
    for chosen in with_siblings(inventory, going):
        ledger.strike(chosen)
    ledger.strike_orphans()
    return ledger.plan(url, limit=limit, kept_young=sum(thing.modified > cutoff for thing in listed))


class _Graph:
    """Which packages of the cache need which others of it, also by way of packages that are not in it."""

    def __init__(self, inventory: Inventory) -> None:
        self.by_hash: defaultdict[str, list[Thing]] = defaultdict(list)
        for thing in inventory.packages():
            if not thing.broken:
                self.by_hash[_hash(thing)].append(thing)
        self._edges = inventory.edges

    def needs(self, dag_hash: str) -> set[str]:
        """The nearest packages of the cache below one of it."""
        found: set[str] = set()
        seen: set[str] = set()
        waiting = list(self._edges.get(dag_hash, ()))
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            if current in self.by_hash:
                found.add(current)
            else:
                waiting.extend(self._edges.get(current, ()))
        return found


def _kept(inventory: Inventory, keep: Keep, cutoff: float) -> set[str]:
    """Hashes of packages that stay, in the cache or not, with all they depend on."""
    limit = cutoff if keep.newer_than is None else min(cutoff, keep.newer_than)
    young = (_hash(thing) for thing in inventory.packages() if inventory.last_used(thing) > limit)
    return inventory.reachable([*keep.hashes, *young])


def _broken(inventory: Inventory, kept: Collection[str]) -> Iterator[Chosen]:
    broken = [thing for thing in inventory.packages() if thing.broken and _hash(thing) not in kept]
    tied = _tied(inventory, broken)
    for thing in sorted(broken, key=lambda thing: (thing.modified, thing.key)):
        if thing.key not in tied:
            yield Chosen(thing, Reason.BROKEN, thing.broken)


def _oldest_leaves(inventory: Inventory, kept: Collection[str]) -> Iterator[Chosen]:
    """Packages that may go, each when nothing that is left needs it."""
    graph = _Graph(inventory)
    newest = _newest_of_kin(inventory)
    needs = {dag_hash: graph.needs(dag_hash) for dag_hash in graph.by_hash}
    users = Counter(needed for below in needs.values() for needed in below)
    tied = _tied(inventory, [thing for things in graph.by_hash.values() for thing in things])
    ready: list[tuple[bool, float, str]] = []

    def offer(dag_hash: str) -> None:
        things = graph.by_hash[dag_hash]
        if dag_hash not in kept and not users[dag_hash] and not any(thing.key in tied for thing in things):
            superseded = all(newest.get(thing.kin, thing) is not thing for thing in things)
            heapq.heappush(ready, (not superseded, max(thing.modified for thing in things), dag_hash))

    for dag_hash in graph.by_hash:
        offer(dag_hash)
    while ready:
        fresh, _, dag_hash = heapq.heappop(ready)
        for thing in graph.by_hash[dag_hash]:
            by = newest.get(thing.kin)
            if fresh or by is None or by.entry is None:
                yield Chosen(thing, Reason.NOT_KEPT)
            else:
                yield Chosen(thing, Reason.SUPERSEDED, f"{by.entry.name}@{by.entry.version}/{by.entry.hash[:7]}")
        for needed in needs[dag_hash]:
            users[needed] -= 1
            offer(needed)


def _newest_of_kin(inventory: Inventory) -> dict[str, Thing]:
    """Of packages that differ in version and dependencies only, the one of the highest version pushed last."""

    def rank(thing: Thing) -> tuple[object, ...]:
        return (version_key(thing.entry.version if thing.entry else ""), thing.modified, thing.key)

    newest: dict[str, Thing] = {}
    for thing in inventory.packages():
        if thing.kin and not thing.broken:
            other = newest.get(thing.kin)
            newest[thing.kin] = thing if other is None or rank(thing) > rank(other) else other
    return newest


def _tied(inventory: Inventory, things: Collection[Thing]) -> set[str]:
    """Keys of those that cannot go without something that is no candidate: a tag of the person's own on the same
    manifest, or an index of images that holds it."""
    if not inventory.by_digest:
        return set()
    own = {thing.key for thing in things}
    names: Counter[str] = Counter(thing.digest for thing in inventory.things if thing.key not in own)
    held = {digest for thing in inventory.things for digest in thing.blobs}
    return {thing.key for thing in things if names[thing.digest] or thing.digest in held}


def _hash(thing: Thing) -> str:
    return thing.entry.hash if thing.entry is not None and thing.kind is EntryKind.PACKAGE else ""
