# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One push carried out: each package packed once and published, then the index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.caches.protocol import BuildCache, CachePush, Completed, EntryName, IndexUpdate, Publication, Signer
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, NotInstalled
from core.foundation.text import plural
from core.packing.blocks import BlockPool
from core.packing.model import PackSource
from core.packing.packer import pack
from core.spack.database import Database, relocation_set
from core.spack.specs import PackageRecord, spec_document
from core.transfers.model import ItemState
from core.transfers.plan import PlanItem, PushPlan


class Report(Protocol):
    """Where a job says how far it is. May be called from any thread."""

    def phase(self, state: ItemState, total_bytes: int | None = None) -> None:
        """The next phase begins; with `total_bytes` it moves that many."""
        ...

    def add(self, count: int) -> None:
        """Count bytes of the current phase."""
        ...


@dataclass(frozen=True, slots=True)
class Store:
    """What archives say about the instance that pushes: padded install root, sbang script, Spack's own prefix."""

    install_root: str
    sbang: str
    spack_prefix: str


class Tagging(Protocol):
    """Writes the image of all roots of a push under a tag of the person's own; gives its name."""

    def __call__(self, *, token: CancelToken, progress: Callable[[int], None], pool: BlockPool) -> str: ...


class TransferJob(Protocol):
    """What the queue carries out: packages on their way into a cache, then what closes the plan.

    Thread-safe: several packages of one job move at the same time. `byte_phases` is how many phases of a package move
    its bytes, `first_state` what a package is in when it begins.
    """

    @property
    def plan(self) -> PushPlan: ...

    @property
    def byte_phases(self) -> int: ...

    @property
    def first_state(self) -> ItemState: ...

    def push(self, item: PlanItem, *, again: bool, report: Report, token: CancelToken, pool: BlockPool) -> str:
        """Bring the archive of `item` into the cache; `complete` makes it visible. Gives how the archive came there, as
        `CachePush.upload`.

        `pool` compresses blocks of large packages. `again` first looks whether an earlier attempt got through after
        all. Raises the error family and Cancelled; nothing half-written stays visible.
        """
        ...

    def needs(self, item: PlanItem) -> Collection[str]:
        """Hashes of packages that come before the completion of `item`, as far as they are in the plan."""
        ...

    def complete(self, item: PlanItem, *, token: CancelToken) -> Completed:
        """Make visible what `push` brought there."""
        ...

    def write_tag(self, lost_packages: int, *, report: Report, token: CancelToken, pool: BlockPool) -> str:
        """Tag an image of all roots; its name. Raises CacheError when packages were lost: it would not run."""
        ...

    def update_index(self, *, report: Report, token: CancelToken) -> IndexUpdate: ...


class PushJob:
    """The `TransferJob` of a push: each package is packed, then published."""

    first_state = ItemState.PACKING

    def __init__(
        self,
        plan: PushPlan,
        *,
        cache: BuildCache,
        cache_push: CachePush,
        database: Database,
        store: Store,
        signer: Signer | None,
        tagging: Tagging | None = None,
    ) -> None:
        self.plan = plan
        self.byte_phases = cache_push.byte_phases
        self._cache = cache
        self._cache_push = cache_push
        self._database = database
        self._store = store
        self._signer = signer
        self._tagging = tagging
        self._preparing = threading.Lock()
        self._prepared = False

    def push(self, item: PlanItem, *, again: bool, report: Report, token: CancelToken, pool: BlockPool) -> str:
        record = self._database.records[item.hash]
        entry = EntryName(item.name, item.version, item.hash)
        if again and not self.plan.options.force and self._cache_push.find(entry, token=token):
            return "present"
        source = self._source(record)
        target = self._cache_push.staging(entry)
        packed = pack(source, target, self.plan.options.codec, token=token, progress=report.add, pool=pool)
        try:
            self._prepare(token)
            document = spec_document(record, self._database.records)
            publication = Publication(entry, packed, document, self._signer, record)
            if self.byte_phases > 1:
                report.phase(ItemState.UPLOADING, packed.stored_bytes)
            progress = report.add if self.byte_phases > 1 else _ignore
            return self._cache_push.upload(publication, token=token, progress=progress)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def needs(self, item: PlanItem) -> Collection[str]:
        return self._cache_push.needs(item.hash)

    def complete(self, item: PlanItem, *, token: CancelToken) -> Completed:
        self._prepare(token)
        return self._cache_push.complete(item.hash, token=token)

    def write_tag(self, lost_packages: int, *, report: Report, token: CancelToken, pool: BlockPool) -> str:
        tag = self.plan.options.tag
        if self._tagging is None or lost_packages:
            why = f"{plural(lost_packages, 'package')} did not get there"
            raise CacheError(f"The image {tag} was not written", why)
        return self._tagging(token=token, progress=report.add, pool=pool)

    def update_index(self, *, report: Report, token: CancelToken) -> IndexUpdate:
        report.phase(ItemState.INDEXING)
        return self._cache.update_index(full=False, token=token, progress=_ignore_two)

    def _prepare(self, token: CancelToken) -> None:
        """Once, before the first package: a reader that sees a signed entry must find the key beside it."""
        with self._preparing:
            if not self._prepared:
                self._cache_push.prepare(token)
                self._prepared = True

    def _source(self, record: PackageRecord) -> PackSource:
        if record.prefix is None or not Path(record.prefix).is_dir():
            raise NotInstalled(
                f"{record.name}@{record.version} could not be packed",
                f"{record.prefix}: the database lists it, but the directory is not there",
                remedies=("Reinstall the package, or run `spack reindex`.",),
            )
        return PackSource(
            source=Path(record.prefix),
            prefix=record.prefix,
            install_root=self._store.install_root,
            sbang=self._store.sbang,
            spack_prefix=self._store.spack_prefix,
            hash_to_prefix=tuple(relocation_set(record, self._database.records)),
        )


def _ignore(_count: int) -> None:
    """Publishing into a folder is a rename: there is nothing to watch."""


def _ignore_two(_done: int, _total: int) -> None:
    """The index row has no byte total; its phase says what happens."""
