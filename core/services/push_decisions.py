# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a push does with each package, and why not: from its record, its recipe and what the target holds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.caches.oci.oci_push import ImageOptions, OciPush
from core.caches.protocol import CacheEntry, CachePush, PushScope
from core.foundation.cancel import CancelToken
from core.services.package_sizes import SizeMemory
from core.spack.database import Database
from core.spack.recipes import Verdict, redistributable
from core.spack.specs import PackageRecord, PackageState
from core.transfers.plan import Decision, PlanItem, PushOptions


def decide(
    records: Sequence[PackageRecord],
    database: Database,
    there: Mapping[str, CacheEntry],
    *,
    cache_push: CachePush,
    options: PushOptions,
    sizes: SizeMemory,
    token: CancelToken,
) -> list[PlanItem]:
    """An item for each of `records`, with the size of what will be pushed. `there` are entries of the target that count
    as present. Begins `cache_push`. Raises Cancelled."""
    items = {}
    for record in records:
        token.raise_if_cancelled()
        entry = there.get(record.hash) if record.state is PackageState.INSTALLED else None
        items[record.hash] = _sorted_out(record, options, database, entry)
    pushed = [database.records[item.hash] for item in items.values() if item.decision is Decision.PUSH]
    measured, average = sizes.archives(pushed, token)
    for dag_hash in (record.hash for record in pushed):
        size, estimated = measured.get(dag_hash, average), dag_hash not in measured
        items[dag_hash] = replace(items[dag_hash], size_bytes=size, estimated=estimated)
    if isinstance(cache_push, OciPush):
        cache_push.use_images(ImageOptions(complete_left_out=options.complete_left_out))
    scope = PushScope(
        records=database.records,
        selected=frozenset(items),
        pushing=frozenset(item.hash for item in items.values() if item.decision is Decision.PUSH),
        held_back=frozenset(item.hash for item in items.values() if item.decision is Decision.HELD_BACK),
    )
    for dag_hash in cache_push.begin(scope):
        if items[dag_hash].decision is Decision.PRESENT:
            items[dag_hash] = replace(items[dag_hash], decision=Decision.COMPLETE)
    return list(items.values())


def _sorted_out(record: PackageRecord, options: PushOptions, database: Database, entry: CacheEntry | None) -> PlanItem:
    """The plan's item for `record`, whose `entry` is on the mirror; anything but PUSH and PRESENT has its reason."""
    decision, reason = Decision.PUSH, ""
    state = record.state
    if entry is not None:
        decision = Decision.PRESENT
    elif state is PackageState.EXTERNAL:
        decision, reason = Decision.EXTERNAL, "external: not installed by Spack"
    elif state is PackageState.MISSING:
        decision, reason = Decision.NOT_INSTALLED, "package not installed"
    elif state is PackageState.DEPRECATED:
        decision, reason = Decision.NOT_INSTALLED, f"deprecated, replaced by /{record.deprecated_for}"
    elif not os.path.isdir(record.prefix or ""):  # noqa: PTH112  a Path each would cost seconds
        decision, reason = Decision.NOT_INSTALLED, f"{record.prefix}: no such directory, though the database lists it"
    elif not options.private:
        redistribution = redistributable(record, database.records)
        if redistribution.verdict is not Verdict.YES:
            decision, reason = Decision.HELD_BACK, redistribution.reason
    return PlanItem(record.hash, record.name, record.version, decision, reason, prefix=record.prefix or "", entry=entry)
