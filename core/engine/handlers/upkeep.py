# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about deleting from caches, copying between them, and bundles."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from core.engine.calls import upkeep
from core.engine.messages import Call
from core.engine.progress import with_progress
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.foundation.files import atomic_write
from core.services.bundles import describe_bundle, plan_export, plan_import
from core.services.copying import PreparedCopy, plan_copy
from core.services.migration import Migration
from core.services.upkeep import Upkeep, plan_text, read_keep_list
from core.services.upkeep_values import (
    BundleSummary,
    OldLayoutView,
    RemovalOutcome,
    RestoreOutcome,
    TrashView,
    UpkeepCapabilities,
    UpkeepPlan,
)
from core.services.values import Step
from core.transfers.plan import PushPlan

T = TypeVar("T")

_PLANS_KEPT = 20


class UpkeepHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._plans: _Kept[tuple[Upkeep, UpkeepPlan]] = _Kept()
        self._copies: _Kept[PreparedCopy] = _Kept()

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            upkeep.AskUpkeep: self.capabilities,
            upkeep.PlanDelete: self.plan_delete,
            upkeep.PlanFree: self.plan_free,
            upkeep.ReadKeepList: self.read_keep_list,
            upkeep.SavePlan: self.save_plan,
            upkeep.ApplyDelete: self.apply,
            upkeep.ListTrash: self.trash,
            upkeep.RestoreTrash: self.restore,
            upkeep.EmptyTrash: self.empty_trash,
            upkeep.PlanCopy: self.plan_copy,
            upkeep.ExportBundle: self.export_bundle,
            upkeep.ImportBundle: self.import_bundle,
            upkeep.PlanMigration: self.plan_migration,
            upkeep.StartCopy: self.start_copy,
            upkeep.LookAtOldLayout: self.old_layout,
            upkeep.DeleteOldLayout: self.delete_old_layout,
            upkeep.DescribeBundle: self.describe_bundle,
        }

    # ---------------------------------------------------------------- deleting

    def capabilities(self, call: upkeep.AskUpkeep, token: CancelToken) -> UpkeepCapabilities:
        return self._upkeep(call.instance).capabilities(call.mirror, token)

    def plan_delete(self, call: upkeep.PlanDelete, token: CancelToken) -> Iterator[list[Step] | UpkeepPlan]:
        service = self._upkeep(call.instance)
        return with_progress(lambda step: self._planned(service, service.plan_delete(call.request, token, step)))

    def plan_free(self, call: upkeep.PlanFree, token: CancelToken) -> Iterator[list[Step] | UpkeepPlan]:
        service = self._upkeep(call.instance)
        return with_progress(lambda step: self._planned(service, service.plan_free(call.request, token, step)))

    def _planned(self, service: Upkeep, found: UpkeepPlan) -> UpkeepPlan:
        self._plans.put(found.plan.id, (service, found))
        return found

    def read_keep_list(self, call: upkeep.ReadKeepList, _token: CancelToken) -> tuple[str, ...]:
        return read_keep_list(Path(call.path))

    def save_plan(self, call: upkeep.SavePlan, _token: CancelToken) -> None:
        self._state.check_may_change("The plan was not written")
        _, found = self._plans.get(call.plan)
        atomic_write(Path(call.path), plan_text(found.plan))

    def apply(self, call: upkeep.ApplyDelete, token: CancelToken) -> Iterator[list[Step] | RemovalOutcome]:
        self._state.check_may_change("Nothing was deleted")
        service, found = self._plans.get(call.plan)
        apply = partial(service.apply, found.mirror, found.plan, permanently=call.permanently, token=token)
        return with_progress(lambda step: apply(progress=step))

    def trash(self, call: upkeep.ListTrash, _token: CancelToken) -> TrashView:
        return self._upkeep(call.instance).trash(call.mirror)

    def restore(self, call: upkeep.RestoreTrash, token: CancelToken) -> RestoreOutcome:
        self._state.check_may_change("Nothing was restored")
        return self._upkeep(call.instance).restore(call.mirror, call.batch, token)

    def empty_trash(self, call: upkeep.EmptyTrash, token: CancelToken) -> int:
        self._state.check_may_change("The trash was not emptied")
        return self._upkeep(call.instance).empty_trash(call.mirror, call.batches, token)

    # ---------------------------------------------------------------- copying

    def plan_copy(self, call: upkeep.PlanCopy, token: CancelToken) -> PushPlan:
        state = self._state
        instance = state.instance(call.instance)
        return self._keep(
            plan_copy(
                instance,
                state.access(instance),
                call.request,
                cwd=Path.home(),
                token=token,
                probe=not state.read_only,
            )
        )

    def export_bundle(self, call: upkeep.ExportBundle, token: CancelToken) -> PushPlan:
        self._state.check_may_change("No bundle was made")
        instance = self._state.instance(call.instance)
        return self._keep(
            plan_export(instance, self._state.access(instance), call.request, cwd=Path.home(), token=token)
        )

    def import_bundle(self, call: upkeep.ImportBundle, token: CancelToken) -> PushPlan:
        self._state.check_may_change("Nothing was imported")
        instance = self._state.instance(call.instance)
        return self._keep(
            plan_import(instance, self._state.access(instance), call.request, cwd=Path.home(), token=token)
        )

    def plan_migration(self, call: upkeep.PlanMigration, token: CancelToken) -> PushPlan:
        return self._keep(self._migration(call.instance).plan(call.request, token))

    def old_layout(self, call: upkeep.LookAtOldLayout, token: CancelToken) -> OldLayoutView:
        return self._migration(call.instance).look(call.mirror, token)

    def delete_old_layout(self, call: upkeep.DeleteOldLayout, token: CancelToken) -> OldLayoutView:
        self._state.check_may_change("The old layout was not deleted")
        return self._migration(call.instance).delete_old(call.mirror, token)

    def start_copy(self, call: upkeep.StartCopy, _token: CancelToken) -> str:
        self._state.check_may_change("Nothing was copied")
        return self._state.queue.add(self._copies.get(call.plan, take=True).job)

    def describe_bundle(self, call: upkeep.DescribeBundle, token: CancelToken) -> BundleSummary:
        return describe_bundle(Path(call.path), token)

    def _upkeep(self, instance_id: str) -> Upkeep:
        instance = self._state.instance(instance_id)
        return Upkeep(instance, self._state.access(instance), Path.home(), probe=not self._state.read_only)

    def _migration(self, instance_id: str) -> Migration:
        instance = self._state.instance(instance_id)
        return Migration(instance, self._state.access(instance), Path.home(), probe=not self._state.read_only)

    def _keep(self, prepared: PreparedCopy) -> PushPlan:
        for forgotten in self._copies.put(prepared.plan.id, prepared):
            forgotten.discard()
        return prepared.plan


class _Kept(Generic[T]):
    """The last few plans by their id. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: dict[str, T] = {}

    def put(self, plan_id: str, plan: T) -> list[T]:
        """Keep one more; those that are forgotten for it."""
        with self._lock:
            self._plans[plan_id] = plan
            excess = list(self._plans)[:-_PLANS_KEPT]
            return [self._plans.pop(key) for key in excess]

    def get(self, plan_id: str, *, take: bool = False) -> T:
        """A plan; with `take` it is gone then, so that it is not carried out twice."""
        with self._lock:
            if plan_id not in self._plans:
                raise NotFound("This plan is no longer known", remedies=("Plan it again.",))
            return self._plans.pop(plan_id) if take else self._plans[plan_id]
