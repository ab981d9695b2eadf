# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about deleting from caches, copying between them, and bundles."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.upkeep_values import (
    BundleRequest,
    BundleSummary,
    CopyRequest,
    DeleteRequest,
    FreeRequest,
    ImportRequest,
    MigrateRequest,
    OldLayoutView,
    RemovalOutcome,
    RestoreOutcome,
    TrashView,
    UpkeepCapabilities,
    UpkeepPlan,
)
from core.services.values import Step
from core.transfers.plan import PushPlan


class AskUpkeep(Call[UpkeepCapabilities], frozen=True):
    """What can be deleted from a cache; nothing is changed."""

    method = "upkeep.capabilities"
    answer = UpkeepCapabilities
    instance: str
    mirror: str


class PlanDelete(Call[UpkeepPlan], frozen=True):
    """Rows are how many entries were looked at."""

    method = "upkeep.plan-delete"
    answer = UpkeepPlan
    row = Step
    instance: str
    request: DeleteRequest


class PlanFree(Call[UpkeepPlan], frozen=True):
    """Rows as for `PlanDelete`."""

    method = "upkeep.plan-free"
    answer = UpkeepPlan
    row = Step
    instance: str
    request: FreeRequest


class ReadKeepList(Call[tuple[str, ...]], frozen=True):
    """The hashes in a file for `FreeRequest.keep_list`."""

    method = "upkeep.read-keep-list"
    answer = tuple[str, ...]
    path: str


class SavePlan(Call[None], frozen=True):
    """Write a plan made in this engine to a file, for `mirrordeck buildcache prune --plan`."""

    method = "upkeep.save-plan"
    answer = None
    plan: str
    path: str


class ApplyDelete(Call[RemovalOutcome], frozen=True):
    """Carry out a plan made in this engine by `PlanDelete` or `PlanFree`, exactly as it was shown; refused with the
    error `plan-outdated` if the cache has changed. Rows are how many entries and blobs are gone."""

    method = "upkeep.apply"
    answer = RemovalOutcome
    row = Step
    plan: str
    permanently: bool = False


class ListTrash(Call[TrashView], frozen=True):
    method = "upkeep.trash"
    answer = TrashView
    instance: str
    mirror: str


class RestoreTrash(Call[RestoreOutcome], frozen=True):
    method = "upkeep.restore"
    answer = RestoreOutcome
    instance: str
    mirror: str
    batch: str


class EmptyTrash(Call[int], frozen=True):
    """Delete for good, everything if no batch is named; answers the bytes that freed."""

    method = "upkeep.empty-trash"
    answer = int
    instance: str
    mirror: str
    batches: tuple[str, ...] = ()


class PlanCopy(Call[PushPlan], frozen=True):
    """Its `source` says where the packages come from; decisions are PUSH (will be copied), PRESENT, and NOT_INSTALLED
    for what the source does not have."""

    method = "upkeep.plan-copy"
    answer = PushPlan
    instance: str
    request: CopyRequest


class ExportBundle(Call[PushPlan], frozen=True):
    """Plan a bundle; `StartCopy` makes it."""

    method = "upkeep.export-bundle"
    answer = PushPlan
    instance: str
    request: BundleRequest


class ImportBundle(Call[PushPlan], frozen=True):
    """Check a bundle and plan its import; `StartCopy` does it."""

    method = "upkeep.import-bundle"
    answer = PushPlan
    instance: str
    request: ImportRequest


class PlanMigration(Call[PushPlan], frozen=True):
    """Plan bringing a cache to the present layout; `StartCopy` does it. NOT_INSTALLED is what cannot be migrated."""

    method = "upkeep.plan-migration"
    answer = PushPlan
    instance: str
    request: MigrateRequest


class StartCopy(Call[str], frozen=True):
    """Queue a plan made in this engine by one of the four above; answers its id, as `StartPush` does."""

    method = "upkeep.start-copy"
    answer = str
    plan: str


class LookAtOldLayout(Call[OldLayoutView], frozen=True):
    """What deleting the old layout of a cache would do; nothing is changed."""

    method = "upkeep.old-layout"
    answer = OldLayoutView
    instance: str
    mirror: str


class DeleteOldLayout(Call[OldLayoutView], frozen=True):
    """Delete the old layout for good; refused while any package is only there. Answers what went."""

    method = "upkeep.delete-old-layout"
    answer = OldLayoutView
    instance: str
    mirror: str


class DescribeBundle(Call[BundleSummary], frozen=True):
    """What is in a bundle, and what a fresh site needs besides."""

    method = "upkeep.describe-bundle"
    answer = BundleSummary
    path: str
