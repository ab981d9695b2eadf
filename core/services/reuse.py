# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Why was this binary not used? The nearest entries of mirrors, and what is against each of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.caches.protocol import CacheIndex, EntryName, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import MirrordeckError, UsageError, describe
from core.foundation.text import plural
from core.mirrors.model import Mirror
from core.services.comparison import compare, line_text
from core.services.entry_records import entry_records
from core.services.package_refs import entry_dag, installed_dag
from core.services.package_values import DifferenceLine, MirrorPresence, ReuseCandidate, ReuseView
from core.services.presence import Mirrors, indexed_packages, listed_packages
from core.services.reuse_rules import ReuseRules
from core.services.side_by_side import side_by_side
from core.spack.closures import breadth_first
from core.spack.formats import short
from core.spack.queries import Query, parse_query, select
from core.spack.specs import PackageRecord
from core.spack.worlds import World

_COMPARED = 200
_SHOWN = 5
_NOTES = 3
_NO_INDEX = "the mirror has no index, and Spack looks nowhere else"
_RUNTIME_TYPES = ("link", "run")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What should have been used: an installed `record`, or anything that matches `query`. `os` is this machine's."""

    text: str
    name: str
    query: Query
    record: PackageRecord | None
    os: str
    world: World


@dataclass(frozen=True, slots=True)
class _Answer:
    presence: MirrorPresence
    candidates: tuple[ReuseCandidate, ...] = ()


def explain_reuse(
    wanted: str, world: World, mirrors: Mirrors, rules: ReuseRules, token: CancelToken, *, mirror: str = ""
) -> ReuseView:
    """What is against the entries of `mirror`, or of all mirrors, named like `wanted`: an installed package's hash, or
    a query that names a package. Reads indexes; a mirror that cannot be read is named with its error.

    Raises UsageError for a query that names no package or several, QueryError, Cancelled.
    """
    meant = _meant(wanted, world)
    chosen = mirrors.chosen([mirror] if mirror else [])
    answers = list(side_by_side(chosen, lambda each: _ask(each, mirrors, meant, rules, token), token))
    flagged = [each for each in chosen if not each.binary] if mirror else mirrors.without_binaries()
    settings = [*rules.settings, *map(_flags, flagged)]
    candidates = [one for answer in answers for one in answer.candidates]
    itself = meant.record.hash if meant.record is not None else ""
    return ReuseView(
        wanted=meant.text,
        settings=tuple(settings),
        candidates=tuple(sorted(candidates, key=lambda one: (one.usable is not True, one.hash != itself))),
        mirrors=tuple(answer.presence for answer in answers),
    )


def _flags(mirror: Mirror) -> str:
    return f"{mirror.name}: the mirror is configured with binary: false, so Spack takes no binaries from it"


def _meant(wanted: str, world: World) -> _Wanted:
    record = world.records.get(wanted)
    if record is None:
        query = parse_query(wanted)
        names = {spec.node.name for spec in query.specs}
        if len(query.specs) != 1 or names == {""}:
            raise UsageError("Name one package", f"{wanted!r} does not", remedies=("For instance: hdf5@1.14 +mpi",))
        found = select(query, world, any_state=True).matched
        if len(found) != 1:
            return _Wanted(wanted, names.pop(), query, None, _usual_os(world), world)
        (record,) = found
    return _Wanted(short(record.node), record.name, parse_query(f"/{record.hash}"), record, record.node.os, world)


def _usual_os(world: World) -> str:
    """The operating system most packages were built on, "" where nothing is installed."""
    systems = Counter(record.node.os for record in world.records.values())
    return systems.most_common(1)[0][0] if systems else ""


def _ask(mirror: Mirror, mirrors: Mirrors, wanted: _Wanted, rules: ReuseRules, token: CancelToken) -> _Answer:
    name = mirror.name or mirror.fetch.url
    try:
        cache = mirrors.open(mirror)
        index = cache.read_index(token=token)
        written = index.written_at or None if index is not None else None
        presence = MirrorPresence(name, time.time(), index_written_at=written, has_index=index is not None)
        return _Answer(presence, tuple(_Judge(name, mirror, cache, index, wanted, rules, token).candidates()))
    except (MirrordeckError, OSError) as error:
        return _Answer(MirrorPresence(name, None, error=describe(error)))


@dataclass(frozen=True, slots=True)
class _Judge:
    """Looks at the entries of one mirror."""

    name: str
    mirror: Mirror
    cache: ReadableCache
    index: CacheIndex | None
    wanted: _Wanted
    rules: ReuseRules
    token: CancelToken

    def candidates(self) -> Iterator[ReuseCandidate]:
        """Entries of the wanted name, the nearest first, and the wanted package itself if no index tells of it; without
        an index whatever is there by that name."""
        indexed = indexed_packages(self.index) if self.index is not None else {}
        record = self.wanted.record
        if record is not None and record.hash not in indexed:
            yield from self._unindexed(record)
        if self.index is None:
            yield from self._listed_only()
        roots = [entry.hash for entry in indexed.values() if entry.name == self.wanted.name][:_COMPARED]
        if self.index is None or not roots:
            return
        world = World(entry_records(self.index.records, roots))
        judged = [self._judged(world.records[root], world) for root in roots if root in world.records]
        judged.sort(key=lambda each: (each[0], each[1].usable is False, each[1].label))
        near = [candidate for _, candidate in judged[:_SHOWN]]
        signatures = self._signatures([world.records[candidate.hash] for candidate in near])
        for candidate in near:
            reasons = (*candidate.reasons, *signatures.get(candidate.hash, ()))
            usable = candidate.usable if reasons == candidate.reasons else False
            yield replace(candidate, usable=usable, reasons=reasons)

    def _judged(self, record: PackageRecord, world: World) -> tuple[int, ReuseCandidate]:
        """A candidate and how far it is from what was wanted."""
        self.token.raise_if_cancelled()
        causes = self._differences(record, world)
        obstacles = list(self.rules.obstacles(record, world, self.wanted.os))
        reasons = [line_text(causes[0])] if causes else []
        if self.wanted.record is None and self.wanted.query.matches(record, world) is not True:
            reasons.append(f"it does not match {self.wanted.text}")
        notes = [line_text(cause) for cause in causes[1 : _NOTES + 1]]
        if len(causes) > _NOTES + 1:
            notes.append(f"and {plural(len(causes) - _NOTES - 1, 'more difference')}")
        absent = self._absent(record, world)
        if absent:
            notes.append(f"{plural(len(absent), 'dependency')} of it not on this mirror: {', '.join(absent[:_NOTES])}")
        usable = False if obstacles else None if reasons else True
        label = short(record.node)
        candidate = ReuseCandidate(self.name, record.hash, label, usable, (*reasons, *obstacles), tuple(notes))
        return len(causes) + bool(reasons), candidate

    def _differences(self, record: PackageRecord, world: World) -> list[DifferenceLine]:
        if self.wanted.record is None:
            return []
        ours, theirs = installed_dag(self.wanted.record, self.wanted.world), entry_dag(record, world.records, self.name)
        return [line for line in compare(ours, theirs).lines if line.is_cause]

    @staticmethod
    def _absent(record: PackageRecord, world: World) -> list[str]:
        needed = breadth_first(world.records, [record.hash], _RUNTIME_TYPES)
        found = (world.records[each] for each in needed)
        return [short(each.node) for each in found if not each.installed and not each.external]

    def _unindexed(self, record: PackageRecord) -> Iterator[ReuseCandidate]:
        entry = EntryName(record.name, record.version, record.hash)
        if record.hash in self.cache.present([entry], signed=False, token=self.token):
            reason = _NO_INDEX
            if self.index is not None:
                reason = "the mirror has it, but its index is older and does not list it: update the index"
            yield ReuseCandidate(self.name, record.hash, short(record.node), usable=False, reasons=(reason,))

    def _listed_only(self) -> Iterator[ReuseCandidate]:
        """What a mirror without an index has of that name besides the wanted package itself."""
        itself = self.wanted.record.hash if self.wanted.record is not None else ""
        found = [
            package
            for package in listed_packages(self.cache, self.token).values()
            if package.name == self.wanted.name and package.hash != itself
        ]
        for package in sorted(found, key=lambda each: (each.version, each.hash))[:_SHOWN]:
            label = f"{package.name}@{package.version}/{package.hash[:7]}"
            yield ReuseCandidate(self.name, package.hash, label, usable=False, reasons=(_NO_INDEX,))

    def _signatures(self, records: Sequence[PackageRecord]) -> dict[str, tuple[str, ...]]:
        """Why signatures keep Spack from using these, by hash."""
        if not self.mirror.signed:
            return {}
        entries = [EntryName(record.name, record.version, record.hash) for record in records]
        there = self.cache.present(entries, signed=False, token=self.token)
        asked = {dag_hash for dag_hash, entry in there.items() if entry.signed is not None}
        good = self.cache.present([each for each in entries if each.hash in asked], signed=True, token=self.token)
        reasons: dict[str, tuple[str, ...]] = {}
        for dag_hash in asked - good.keys():
            reason = "it is not signed, and the mirror is configured to be"
            if there[dag_hash].signed:
                reason = "it is signed with a key this instance does not trust"
            reasons[dag_hash] = (reason,)
        for entry in entries:
            if entry.hash not in there:
                reasons[entry.hash] = ("the index lists it, but the mirror does not have it (any more)",)
        return reasons
