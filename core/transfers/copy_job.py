# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages on their way from one cache to another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from core.caches.copying import PackageCopy
from core.caches.protocol import BuildCache, Completed, EntryName, IndexUpdate
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError
from core.packing.blocks import BlockPool
from core.transfers.job import Report
from core.transfers.model import ItemState
from core.transfers.plan import PlanItem, PushPlan

Closing = Callable[[CancelToken], None]


class CopyJob:
    """The `TransferJob` of a copy. `entries` are its packages by hash, named as their source has them.

    `closing` follows the update of the index, for what else has to be there.
    """

    first_state = ItemState.COPYING

    def __init__(
        self,
        plan: PushPlan,
        *,
        copy: PackageCopy,
        target: BuildCache,
        entries: Mapping[str, EntryName],
        closing: Closing | None = None,
    ) -> None:
        self.plan = plan
        self.byte_phases = copy.byte_phases
        self._copy = copy
        self._target = target
        self._entries = entries
        self._closing = closing
        self._preparing = threading.Lock()
        self._prepared = False

    def push(self, item: PlanItem, *, again: bool, report: Report, token: CancelToken, pool: BlockPool) -> str:  # noqa: ARG002
        entry = self._entries[item.hash]
        if again and not self.plan.options.force and self._copy.find(entry, token=token):
            return "present"
        self._prepare(token)

        def upload(size: int) -> None:
            report.phase(ItemState.UPLOADING, size)

        return self._copy.copy(entry, token=token, progress=report.add, upload=upload)

    def needs(self, item: PlanItem) -> Collection[str]:
        return self._copy.needs(item.hash)

    def complete(self, item: PlanItem, *, token: CancelToken) -> Completed:
        self._prepare(token)
        return self._copy.complete(item.hash, token=token)

    def write_tag(self, lost_packages: int, *, report: Report, token: CancelToken, pool: BlockPool) -> str:  # noqa: ARG002
        raise CacheError("A copy tags no image")

    def update_index(self, *, report: Report, token: CancelToken) -> IndexUpdate:
        report.phase(ItemState.INDEXING)
        update = self._target.update_index(full=False, token=token, progress=lambda _done, _total: None)
        if self._closing is not None:
            self._closing(token)
        return update

    def _prepare(self, token: CancelToken) -> None:
        with self._preparing:
            if not self._prepared:
                self._copy.prepare(token)
                self._prepared = True
