# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plausible plans of deletions, copies and repairs."""

from __future__ import annotations

from core.caches.browsing import EntryKind
from core.caches.protocol import EntryName
from core.services.upkeep_values import (
    Dependent,
    PlannedBlob,
    PlannedEntry,
    Reason,
    RemovalPlan,
    TrashBatch,
    TrashView,
    UpkeepCapabilities,
    UpkeepPlan,
)
from core.services.verify_values import Finding, FindingKind, Remedy
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan

FOLDER = UpkeepCapabilities(True, trash=True, frees_at_once=True, knows_ages=True)


def removal(packages: int = 1, capabilities: UpkeepCapabilities = FOLDER) -> UpkeepPlan:
    """`packages` packages, a tag of the first one's image, and a blob that nothing needs."""
    entries = [
        PlannedEntry(
            f"v3/hdf5-{number}", EntryKind.PACKAGE, "hdf5", "1.14", f"{number:032}", "sha256:a", 900, 900, 1.7e9,
            Reason.ASKED_FOR,
        )
        for number in range(packages)
    ]  # fmt: skip
    sibling = PlannedEntry("my-env", EntryKind.IMAGE, "", "", "", "sha256:a", 0, 0, 0.0, Reason.SAME_DIGEST, "hdf5")
    plan = RemovalPlan(
        id="plan",
        url="file:///scratch/cache",
        made_at=1.7e9 + 86400,
        cutoff=1.7e9,
        entries=(*entries, sibling),
        blobs=(PlannedBlob(f"sha256:{'b' * 64}", 12_000_000, orphan=True),),
        dependents=(Dependent("petsc", "3.22", "p" * 32, "hdf5@1.14"),),
        frees_bytes=50_200_000_000,
    )
    return UpkeepPlan("scratch", plan, capabilities)


def trash() -> TrashView:
    batches = (
        TrashBatch("b1", 1.7e9, ("hdf5@1.14/abcdefg", "zlib@1.3/abcdefg"), 9, 3_200_000_000),
        TrashBatch("b2", 1.6e9, (), 2, 12_000_000),
    )
    return TrashView(batches, sum(batch.stored_bytes for batch in batches))


def finding(kind: FindingKind, remedy: Remedy, name: str = "", *, harmless: bool = False) -> Finding:
    package = EntryName(name, "1.0", name.ljust(32, "x")) if name else None
    return Finding(kind, f"v3/{name}", "The archive is missing.", remedy, package, "sha256:c", harmless)


def push_plan() -> PushPlan:
    """Two packages that move and one that is there."""
    items = [
        PlanItem(f"{name:x<32}", name, "1.0", decision, size_bytes=1000)
        for name, decision in (("hdf5", Decision.PUSH), ("zlib", Decision.PUSH), ("cmake", Decision.PRESENT))
    ]
    return PushPlan(
        "copy", "spack-1", "nfs", "file:///nfs/cache", tuple(items), PushOptions(), 3, free_bytes=212_000_000_000
    )
