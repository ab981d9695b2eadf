# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What will be deleted from a cache, said exactly before anything is: values that can be kept in a file, and the
counting behind them. Pure, any thread.

A plan names manifests by their digest. It is carried out as it stands or refused: `check_plan` compares it with what
the cache holds by then.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from core.caches.browsing import EntryKind
from core.caches.inventory import Inventory, Thing
from core.foundation.errors import CacheError, ErrorInfo
from core.foundation.text import format_age, plural, short_hash

PLAN_VERSION = 1
DEFAULT_GRACE_S = 24 * 3600.0
_NAMED = 5
# The list of referrers under its fallback tag, and what cosign keeps beside an image.
_ABOUT = re.compile(r"sha256-([0-9a-f]{64})(?:\.[a-z]+)?$")


class Reason(StrEnum):
    """Why something is in a plan."""

    ASKED_FOR = "asked for"
    SAME_DIGEST = "same digest"  # deleting a manifest drops all its tags
    BELONGS_TO = "belongs to it"  # signatures and the like, of no use without what they are about
    BROKEN = "broken"
    SUPERSEDED = "superseded"
    NOT_KEPT = "not kept"
    NOT_LISTED = "not in the keep list"


class PlannedEntry(msgspec.Struct, frozen=True):
    """A manifest to be deleted. `stored_bytes` is all it consists of, `frees_bytes` what goes with it and nothing
    before it in the plan. `detail` says more about the reason. Without a `digest` the manifest cannot be read."""

    key: str
    kind: EntryKind
    name: str
    version: str
    hash: str
    digest: str
    stored_bytes: int
    frees_bytes: int
    modified: float
    reason: Reason
    detail: str = ""

    @property
    def title(self) -> str:
        return f"{self.name}@{self.version}" if self.hash else self.key

    @property
    def label(self) -> str:
        return f"{self.title}/{short_hash(self.hash)}" if self.hash else self.key


class PlannedBlob(msgspec.Struct, frozen=True):
    """A blob to be deleted; with `orphan` nothing needed it in the first place."""

    digest: str
    size: int
    orphan: bool


class Dependent(msgspec.Struct, frozen=True):
    """A package that stays and depends on some that go; `needs` names one of them."""

    name: str
    version: str
    hash: str
    needs: str


class RemovalPlan(msgspec.Struct, frozen=True):
    """`entries` in the order they go, then `blobs`.

    Blobs last written after `cutoff` (unix seconds, the cache's clock) are left alone: `waiting_bytes` of them would
    otherwise go. `kept_young` entries are kept for that reason only. `frees_bytes` is what deleting gives back; where
    the cache keeps bytes until a clean-up of its own, after that. `complete` is False if a goal was not reached.
    """

    id: str
    url: str
    made_at: float
    cutoff: float
    entries: tuple[PlannedEntry, ...]
    blobs: tuple[PlannedBlob, ...]
    dependents: tuple[Dependent, ...] = ()
    frees_bytes: int = 0
    waiting_bytes: int = 0
    kept_young: int = 0
    complete: bool = True
    warnings: tuple[ErrorInfo, ...] = ()
    version: int = PLAN_VERSION

    @property
    def packages(self) -> int:
        return sum(entry.kind is EntryKind.PACKAGE for entry in self.entries)

    @property
    def empty(self) -> bool:
        return not self.entries and not self.blobs


class PlanOutdated(CacheError):
    """The cache is no longer what a plan was made for; nothing was deleted."""

    code = "plan-outdated"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A thing that shall go, and why."""

    thing: Thing
    reason: Reason
    detail: str = ""


class Ledger:
    """Counts who needs which blob while things are struck off; not thread-safe."""

    def __init__(self, inventory: Inventory, cutoff: float) -> None:
        self._inventory = inventory
        self._cutoff = cutoff
        self._users = Counter(digest for thing in inventory.things for digest in set(thing.blobs))
        self._unreadable = sum(not thing.readable for thing in inventory.things)
        self.entries: list[PlannedEntry] = []
        self.blobs: list[PlannedBlob] = []
        self.waiting_bytes = 0

    @property
    def freed(self) -> int:
        return sum(entry.frees_bytes for entry in self.entries) + sum(blob.size for blob in self.blobs if blob.orphan)

    def strike_orphans(self) -> None:
        """Blobs that nothing needs, as far as they are old enough."""
        for digest in sorted(self._inventory.blobs.keys() - self._users.keys()):
            self._drop(digest, orphan=True)

    def strike(self, chosen: Chosen) -> int:
        """A thing, and the blobs that only it still needed; the bytes that gives back."""
        thing, entry = chosen.thing, chosen.thing.entry
        self._unreadable -= not thing.readable
        freed = thing.size
        for digest in sorted(set(thing.blobs)):
            self._users[digest] -= 1
            if not self._users[digest] and digest in self._inventory.blobs:
                freed += self._drop(digest, orphan=False)
        held = (self._inventory.blobs[digest].size for digest in set(thing.blobs) if digest in self._inventory.blobs)
        self.entries.append(
            PlannedEntry(
                key=thing.key,
                kind=thing.kind,
                name=entry.name if entry else "",
                version=entry.version if entry else "",
                hash=entry.hash if entry else "",
                digest=thing.digest,
                stored_bytes=thing.size + sum(held),
                frees_bytes=freed,
                modified=thing.modified,
                reason=chosen.reason,
                detail=chosen.detail,
            )
        )
        return freed

    def _drop(self, digest: str, *, orphan: bool) -> int:
        blob = self._inventory.blobs[digest]
        if blob.modified > self._cutoff:
            self.waiting_bytes += blob.size
            return 0
        self.blobs.append(PlannedBlob(digest, blob.size, orphan))
        return blob.size

    def plan(self, url: str, *, limit: str = "", kept_young: int = 0, complete: bool = True) -> RemovalPlan:
        """The plan so far. What cannot be read may need any blob, so as long as it stays all blobs do.

        `limit` says in words what the cutoff is, where it is more than an age.
        """
        entries, blobs, freed = tuple(self.entries), tuple(self.blobs), self.freed
        warnings: list[ErrorInfo] = []
        if self._unreadable and blobs:
            freed = 0
            title = f"No blob can be deleted while {plural(self._unreadable, 'manifest')} cannot be read"
            warnings.append(ErrorInfo("unreadable", title, "they may need any of them"))
            entries, blobs = tuple(msgspec.structs.replace(entry, frees_bytes=0) for entry in entries), ()
        if self.waiting_bytes:
            age = format_age(self._inventory.read_at - self._cutoff).removesuffix(" ago")
            warnings.append(ErrorInfo("young", f"Some blobs stay: they are {limit or f'younger than {age}'}"))
        return RemovalPlan(
            id=uuid.uuid4().hex,
            url=url,
            made_at=self._inventory.read_at,
            cutoff=self._cutoff,
            entries=entries,
            blobs=blobs,
            dependents=dependents_of(self._inventory, entries),
            frees_bytes=freed,
            waiting_bytes=self.waiting_bytes,
            kept_young=kept_young,
            complete=complete,
            warnings=tuple(warnings),
        )


def plan_deletion(inventory: Inventory, keys: Collection[str], *, url: str, cutoff: float) -> RemovalPlan:
    """Delete the things and blobs with these keys, whatever their age or whoever depends on them: a person asked.

    Keys of blobs are their digests. Also goes what cannot be deleted apart from them. Blobs that nobody needs then go
    if they are older than `cutoff`. Raises PlanOutdated if there is no such thing any more.
    """
    by_key = {thing.key: thing for thing in inventory.things}
    gone = [key for key in keys if key not in by_key and key not in inventory.blobs]
    if gone:
        raise PlanOutdated(f"{gone[0]} is not there any more", _named(gone))
    ledger = Ledger(inventory, cutoff)
    for chosen in with_siblings(inventory, [Chosen(by_key[key], Reason.ASKED_FOR) for key in keys if key in by_key]):
        ledger.strike(chosen)
    plan = ledger.plan(url)
    orphans = set(keys) & inventory.blobs.keys()
    if not orphans:
        return plan
    everything = Ledger(inventory, cutoff)
    everything.strike_orphans()
    asked = tuple(blob for blob in everything.blobs if blob.digest in orphans)
    return msgspec.structs.replace(
        plan, blobs=(*plan.blobs, *asked), frees_bytes=plan.frees_bytes + sum(blob.size for blob in asked)
    )


def with_siblings(inventory: Inventory, chosen: Iterable[Chosen]) -> list[Chosen]:
    """`chosen`, and after them all that goes with them where manifests are deleted by digest: other names of the same
    manifest, and what is only about it."""
    found = {one.thing.key: one for one in chosen}
    if not inventory.by_digest:
        return list(found.values())
    same: defaultdict[str, list[Thing]] = defaultdict(list)
    about: defaultdict[str, list[Thing]] = defaultdict(list)
    for thing in inventory.things:
        same[thing.digest].append(thing)
        if found_about := _ABOUT.match(thing.key):
            about[f"sha256:{found_about[1]}"].append(thing)
    for one in list(found.values()):
        digest, key = one.thing.digest, one.thing.key
        for thing in same[digest] if digest else ():
            found.setdefault(thing.key, Chosen(thing, Reason.SAME_DIGEST, key))
        for thing in about[digest]:
            found.setdefault(thing.key, Chosen(thing, Reason.BELONGS_TO, key))
    return list(found.values())


def dependents_of(inventory: Inventory, entries: Collection[PlannedEntry]) -> tuple[Dependent, ...]:
    """Packages that stay although they depend on some of `entries`."""
    keys = {entry.key for entry in entries}
    left = {thing.entry.hash for thing in inventory.packages() if thing.entry and thing.key not in keys}
    going = {entry.hash: entry.label for entry in entries if entry.hash and entry.hash not in left}
    causes = inventory.dependents(going)
    found = [
        Dependent(entry.name, entry.version, entry.hash, going[causes[entry.hash]])
        for thing in inventory.packages()
        if (entry := thing.entry) and entry.hash in causes and thing.key not in keys and not thing.broken
    ]
    return tuple(sorted(found, key=lambda one: (one.name, one.version, one.hash)))


def check_plan(plan: RemovalPlan, inventory: Inventory) -> None:
    """Raise PlanOutdated if carrying out `plan` now would do anything else than was planned.

    What is gone already is no reason, so that a plan that was interrupted can be carried out again.
    """
    by_key = {thing.key: thing for thing in inventory.things}
    keys = {entry.key for entry in plan.entries}
    changed = [
        entry.label for entry in plan.entries if entry.key in by_key and by_key[entry.key].digest != entry.digest
    ]
    if changed:
        raise PlanOutdated(f"{plural(len(changed), 'package')} changed since the plan was made", _named(changed))
    asked = (Reason.ASKED_FOR, Reason.SAME_DIGEST, Reason.BELONGS_TO)
    proposed = [entry for entry in plan.entries if entry.reason not in asked and entry.key in by_key]
    used = [entry.label for entry in proposed if inventory.last_used(by_key[entry.key]) > plan.cutoff]
    if used:
        raise PlanOutdated(f"{plural(len(used), 'package')} would be deleted that a push uses by now", _named(used))
    planned = {one.hash for one in plan.dependents}
    now = dependents_of(inventory, plan.entries)
    new = [f"{one.name}@{one.version}" for one in now if one.hash not in planned]
    if new:
        raise PlanOutdated("Something else depends by now on what would be deleted", _named(new))
    needed = {digest for thing in inventory.things if thing.key not in keys for digest in thing.blobs}
    if not needed.isdisjoint(blob.digest for blob in plan.blobs):
        raise PlanOutdated("A blob that would be deleted is needed by now", "Something was pushed since the plan")
    shared = {thing.digest: thing.key for thing in inventory.things if thing.digest and thing.key not in keys}
    also = [shared[entry.digest] for entry in plan.entries if entry.digest in shared]
    if also and inventory.by_digest:
        raise PlanOutdated("Another tag leads by now to what would be deleted", _named(also))


def _named(names: Collection[str]) -> str:
    shown = list(names)[:_NAMED]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")
