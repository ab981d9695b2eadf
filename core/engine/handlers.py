# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What each request of the window does: one method for each call, nothing but a hand-over to the services."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from core.caches.opening import CacheAccess
from core.caches.protocol import IndexUpdate
from core.engine import messages
from core.engine.messages import Call
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound, ReadOnlyMode
from core.foundation.places import cache_dir
from core.services import packages
from core.services.access import open_access
from core.services.contents import update_index
from core.services.contents_details import describe_entry
from core.services.contents_memory import ContentsMemory
from core.services.contents_view import list_repositories, open_place, view_contents
from core.services.instances import Instances, describe_instance
from core.services.mirrors import view_mirrors
from core.services.push import PreparedPush, plan_push
from core.services.values import (
    ContentsRow,
    ContentsView,
    EntryDetails,
    InstanceInfo,
    MirrorsView,
    PackageRow,
    PackagesView,
    RepositoriesView,
    SelectionSummary,
)
from core.spack.instance import Instance
from core.transfers.journal import Journal
from core.transfers.plan import PushPlan
from core.transfers.queue import TransferQueue

_ROWS_IN_A_BATCH = 2000
_PLANS_KEPT = 20
_MOST_WORKERS = 4


class Handlers:
    """State of one engine: open instances, plans waiting for their start, the queue. Methods run in several threads."""

    def __init__(self, *, read_only: bool) -> None:
        self._read_only = read_only
        self._instances = Instances(read_only=read_only)
        self._plans: dict[str, PreparedPush] = {}
        self._accesses: dict[str, CacheAccess] = {}
        self._lock = threading.Lock()
        self._sizes = packages.SizeMemory()
        self._measuring = threading.Lock()
        self._contents = ContentsMemory(cache_dir() / "contents", keep=not read_only)
        self.queue = TransferQueue(Journal(), workers=min(os.cpu_count() or 1, _MOST_WORKERS))
        self._handlers: dict[type[Call[Any]], Callable[[Any, CancelToken], object]] = {
            messages.OpenInstance: self.open_instance,
            messages.ListInstances: self.list_instances,
            messages.ListMirrors: self.list_mirrors,
            messages.ListPackages: self.list_packages,
            messages.SummarizeSelection: self.summarize_selection,
            messages.ListContents: self.list_contents,
            messages.DescribeEntry: self.describe_entry,
            messages.ListRepositories: self.list_repositories,
            messages.UpdateIndex: self.update_index,
            messages.PlanPush: self.plan_push,
            messages.StartPush: self.start_push,
            messages.WatchTransfers: self.watch_transfers,
            messages.StopTransfers: self.stop_transfers,
            messages.RetryTransfers: self.retry_transfers,
            messages.PauseTransfers: self.pause_transfers,
            messages.ClearTransfers: self.clear_transfers,
        }

    def of(self, call: type[Call[Any]]) -> Callable[[Any, CancelToken], object]:
        return self._handlers[call]

    def close(self) -> None:
        self.queue.close()
        for access in self._accesses.values():
            access.close()

    def _access(self, instance: Instance) -> CacheAccess:
        with self._lock:
            if instance.id not in self._accesses:
                self._accesses[instance.id] = open_access(instance, keep=not self._read_only)
            return self._accesses[instance.id]

    def open_instance(self, call: messages.OpenInstance, _token: CancelToken) -> InstanceInfo:
        instance = self._instances.open(
            call.directory,
            environment=call.environment,
            environment_directory=call.environment_directory,
            no_environment=call.no_environment,
        )
        return describe_instance(instance)

    def list_instances(self, _call: messages.ListInstances, _token: CancelToken) -> tuple[InstanceInfo, ...]:
        return self._instances.known()

    def list_mirrors(self, call: messages.ListMirrors, _token: CancelToken) -> MirrorsView:
        instance = self._instances.get(call.instance)
        return view_mirrors(instance, self._access(instance))

    def list_packages(
        self, call: messages.ListPackages, token: CancelToken
    ) -> Iterator[list[PackageRow] | PackagesView]:
        database = self._instances.get(call.instance).database(token)
        rows = packages.package_rows(database)
        while batch := list(islice(rows, _ROWS_IN_A_BATCH)):
            yield batch
        yield PackagesView(len(database.records), database.verifier, database.problems)

    def summarize_selection(self, call: messages.SummarizeSelection, token: CancelToken) -> SelectionSummary:
        database = self._instances.get(call.instance).database(token)
        with self._measuring:
            return packages.summarize_selection(database, call.hashes, self._sizes, token)

    def list_contents(
        self, call: messages.ListContents, token: CancelToken
    ) -> Iterator[list[ContentsRow] | ContentsView]:
        instance = self._instances.get(call.instance)
        return view_contents(
            instance,
            self._access(instance),
            self._contents,
            call.mirror,
            refresh=call.refresh,
            cwd=Path.home(),
            token=token,
        )

    def describe_entry(self, call: messages.DescribeEntry, token: CancelToken) -> EntryDetails:
        instance = self._instances.get(call.instance)
        place = open_place(instance, self._access(instance), call.mirror, cwd=Path.home())
        return describe_entry(place, self._contents, call.key, token)

    def list_repositories(self, call: messages.ListRepositories, token: CancelToken) -> RepositoriesView:
        return list_repositories(self._access(self._instances.get(call.instance)), call.host, token)

    def update_index(self, call: messages.UpdateIndex, token: CancelToken) -> IndexUpdate:
        if self._read_only:
            raise ReadOnlyMode("The index was not updated", "Mirrordeck was started with --read-only")
        instance = self._instances.get(call.instance)
        return update_index(
            instance,
            self._access(instance),
            call.mirror,
            full=call.full,
            cwd=Path.home(),
            token=token,
            progress=lambda _done, _total: None,
        )

    def plan_push(self, call: messages.PlanPush, token: CancelToken) -> PushPlan:
        instance = self._instances.get(call.instance)
        prepared = plan_push(
            instance, self._access(instance), call.request, cwd=Path.home(), token=token, probe=not self._read_only
        )
        with self._lock:
            self._plans[prepared.plan.id] = prepared
            while len(self._plans) > _PLANS_KEPT:
                del self._plans[next(iter(self._plans))]
        return prepared.plan

    def start_push(self, call: messages.StartPush, _token: CancelToken) -> str:
        if self._read_only:
            raise ReadOnlyMode("Nothing was pushed", "Mirrordeck was started with --read-only")
        with self._lock:
            prepared = self._plans.pop(call.plan, None)
        if prepared is None:
            raise NotFound("This plan is no longer known", remedies=("Plan the push again.",))
        return self.queue.add(prepared.job)

    def watch_transfers(self, _call: messages.WatchTransfers, _token: CancelToken) -> None:
        self.queue.watch()

    def stop_transfers(self, call: messages.StopTransfers, _token: CancelToken) -> None:
        self.queue.stop(call.rows)

    def retry_transfers(self, call: messages.RetryTransfers, _token: CancelToken) -> None:
        self.queue.retry(call.rows)

    def pause_transfers(self, call: messages.PauseTransfers, _token: CancelToken) -> None:
        self.queue.pause(call.paused)

    def clear_transfers(self, _call: messages.ClearTransfers, _token: CancelToken) -> None:
        self.queue.clear()
