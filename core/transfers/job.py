# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One push carried out: each package packed once and published, then the index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from core.caches.originals import Originals, shipped_buildinfo
from core.caches.protocol import BuildCache, CachePush, Completed, EntryName, IndexUpdate, Publication, Signer
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, ContentChanged, MirrordeckError, NotInstalled
from core.foundation.files import is_temporary
from core.foundation.text import plural
from core.packing.blocks import BlockPool
from core.packing.measure import measure
from core.packing.model import PackedPackage, PackSource
from core.packing.packer import pack
from core.packing.walk import walk
from core.registry.early import EarlyUpload
from core.spack.database import Database, relocation_set
from core.spack.locks import prefix_lock_byte, shared_lock
from core.spack.specs import PackageRecord, spec_document
from core.transfers.model import ItemState
from core.transfers.packed_store import FilesMark, PackedStore, files_mark, original_key, package_key
from core.transfers.plan import PlanItem, PushPlan

# Spack keeps a prefix locked for as long as it installs; longer than this it is not worth a worker's time.
_LOCK_TIMEOUT_S = 10.0
_NO_ORIGINALS: Mapping[str, Originals] = MappingProxyType({})


class Report(Protocol):
    """Where a job says how far it is. May be called from any thread."""

    def phase(self, state: ItemState, total_bytes: int | None = None) -> None:
        """The next phase begins; with `total_bytes` it moves that many."""
        ...

    def add(self, count: int) -> None:
        """Count bytes of the current phase."""
        ...

    def early(self, count: int) -> None:
        """Bytes of the next phase that move already; `add` gets them once more when it has come."""
        ...

    def original(self, lost: str = "") -> None:
        """The package keeps the archive it came from, or has `lost` it, which says why and what happens."""
        ...


@dataclass(frozen=True, slots=True)
class Store:
    """What archives say about the instance that pushes: padded install root, sbang script, Spack's own prefix; and the
    file whose bytes Spack locks while it changes a prefix, None where it locks nothing."""

    install_root: str
    sbang: str
    spack_prefix: str
    prefix_lock: Path | None = None


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
    """The `TransferJob` of a push: each package is packed, unless `kept` has it still, then published.

    Those of `originals`, by hash, keep the archive they came from; where that cannot be had they are packed as well.
    """

    first_state = ItemState.PACKING

    def __init__(
        self,
        plan: PushPlan,
        *,
        cache: BuildCache,
        cache_push: CachePush,
        database: Database,
        store: Store,
        kept: PackedStore,
        signer: Signer | None,
        tagging: Tagging | None = None,
        originals: Mapping[str, Originals] = _NO_ORIGINALS,
    ) -> None:
        self.plan = plan
        self.byte_phases = cache_push.byte_phases
        self._cache = cache
        self._cache_push = cache_push
        self._database = database
        self._store = store
        self._kept = kept
        self._signer = signer
        self._tagging = tagging
        self._originals = originals
        self._preparing = threading.Lock()
        self._prepared = False

    def push(self, item: PlanItem, *, again: bool, report: Report, token: CancelToken, pool: BlockPool) -> str:
        entry = EntryName(item.name, item.version, item.hash)
        early_upload = self._cache_push.early_upload(token, report.early)
        with self._watching_mirror(), early_upload or nullcontext() as early:
            if again and not self.plan.options.force and self._cache_push.find(entry, token=token):
                return "present"
            attempt = _Attempt(entry, report, token, pool, early, checked=not self._in_place)
            try:
                return self._brought(attempt)
            except ContentChanged:
                report.phase(self.first_state)
                return self._brought(replace(attempt, checked=True))

    def _brought(self, attempt: _Attempt) -> str:
        packed, how = self._packed(attempt)
        if how is None:
            with self._kept.lease(packed):
                how = self._upload(attempt, packed)
        return how

    def _packed(self, attempt: _Attempt) -> tuple[PackedPackage, str | None]:
        """An archive, kept from before or made now; and where it was made in its place, what `push` gives."""
        record = self._database.records[attempt.entry.hash]
        original = self._original(attempt, record)
        if original is not None:
            return original
        codec = self.plan.codec
        with self._unchanging(record, attempt.token):
            source = self._source(record)
            key = package_key(record.hash, source, codec)
            with self._kept.alone(key, attempt.token):
                found = self._found(attempt, key, partial(files_mark, source.source))
                if found is not None:
                    return found, None
                mark = FilesMark()
                with self._staged(attempt.entry) as target:
                    packed = pack(
                        source,
                        target,
                        codec,
                        token=attempt.token,
                        progress=attempt.report.add,
                        written=partial(attempt.early.follow, target) if attempt.early is not None else _ignore,
                        pool=attempt.pool,
                        entries=mark.through(walk(source.source)),
                    )
                    return self._stored(attempt, key, packed, mark.text())

    def _original(self, attempt: _Attempt, record: PackageRecord) -> tuple[PackedPackage, str | None] | None:
        """As `_packed`, with the archive the package came from; None if it is to be packed."""
        originals, prefix, report = self._originals.get(record.hash), record.prefix or "", attempt.report
        buildinfo = shipped_buildinfo(prefix) if originals is not None else None
        if originals is None or buildinfo is None:
            return None
        key = original_key(record.hash, buildinfo, signed=self._signer is not None)
        with self._kept.alone(key, attempt.token):
            if (found := self._found(attempt, key)) is not None:
                report.original()
                return found, None
            if originals.places:
                report.phase(ItemState.COPYING)
            with self._staged(attempt.entry) as target:
                try:
                    packed = originals.save(buildinfo, target, token=attempt.token, progress=report.add)
                except MirrordeckError as error:
                    report.original(lost=f"packed anew: {error.info().why}")
                    if originals.places:
                        report.phase(ItemState.PACKING, measure(Path(prefix)).archive_bytes)
                    return None
                report.original()
                return self._stored(attempt, key, packed)

    def _found(self, attempt: _Attempt, key: str, files: Callable[[], str] = str) -> PackedPackage | None:
        found = self._kept.find(key, attempt.token, files, checked=attempt.checked)
        if found is not None and not attempt.checked:
            place = self._cache_push.archive_path(found.digest)
            if place is not None and place.exists():  # nothing will be copied; it may even be what is kept
                found = self._kept.find(key, attempt.token, files)
        if found is not None and not self._in_place:
            attempt.report.add(found.tar_bytes)
        return found

    @property
    def _in_place(self) -> bool:
        """Whether archives are made in the mirror itself."""
        return self.byte_phases == 1

    @contextmanager
    def _staged(self, entry: EntryName) -> Iterator[Path]:
        """A name to make an archive under; there is nothing any more if the block fails."""
        target = self._cache_push.staging(entry) if self._in_place else self._kept.staging(entry.hash)
        try:
            yield target
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _stored(
        self, attempt: _Attempt, key: str, packed: PackedPackage, files: str = ""
    ) -> tuple[PackedPackage, str | None]:
        """What was made just now goes to where it stays, in the mirror itself or among what is kept."""
        if not self._in_place:
            return self._kept.keep(key, packed, files), None
        how = self._upload(attempt, packed)
        place = self._cache_push.archive_path(packed.digest) or packed.path
        self._kept.remember(key, replace(packed, path=place), files)
        return packed, how

    def _upload(self, attempt: _Attempt, packed: PackedPackage) -> str:
        record, report = self._database.records[attempt.entry.hash], attempt.report
        progress: Callable[[int], None] = _ignore
        if self.byte_phases > 1:
            report.phase(ItemState.UPLOADING, packed.stored_bytes)
            progress = report.add
        elif not is_temporary(packed.path.name):
            report.phase(ItemState.COPYING)

            def progress(count: int) -> None:
                report.add(count * packed.tar_bytes // packed.stored_bytes)

        self._prepare(attempt.token)
        document = spec_document(record, self._database.records)
        publication = Publication(attempt.entry, packed, document, self._signer, record)
        return self._cache_push.upload(publication, token=attempt.token, progress=progress, early=attempt.early)

    @contextmanager
    def _watching_mirror(self) -> Iterator[None]:
        """What fails because the mirror is gone says so, and nothing is begun where there is none."""
        self._cache_push.check_there()
        try:
            yield
        except MirrordeckError:
            self._cache_push.check_there()
            raise

    @contextmanager
    def _unchanging(self, record: PackageRecord, token: CancelToken) -> Iterator[None]:
        """Spack does not change the prefix meanwhile, as far as it locks."""
        path = self._store.prefix_lock
        if path is None or not Path(record.prefix or "").is_relative_to(path.parent.parent):
            yield
            return
        with shared_lock(path, start=prefix_lock_byte(record.hash), length=1, timeout_s=_LOCK_TIMEOUT_S, token=token):
            yield

    def needs(self, item: PlanItem) -> Collection[str]:
        return self._cache_push.needs(item.hash)

    def complete(self, item: PlanItem, *, token: CancelToken) -> Completed:
        self._prepare(token)
        with self._watching_mirror():
            return self._cache_push.complete(item.hash, token=token)

    def write_tag(self, lost_packages: int, *, report: Report, token: CancelToken, pool: BlockPool) -> str:
        tag = self.plan.options.tag
        if self._tagging is None or lost_packages:
            why = f"{plural(lost_packages, 'package')} did not get there"
            raise CacheError(f"The image {tag} was not written", why)
        return self._tagging(token=token, progress=report.add, pool=pool)

    def update_index(self, *, report: Report, token: CancelToken) -> IndexUpdate:
        report.phase(ItemState.INDEXING)
        with self._watching_mirror():
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


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A try to bring one package there. `checked`: what is kept is read before it is believed. Copying does that
    itself, so it pays only where sending something damaged would take long for nothing."""

    entry: EntryName
    report: Report
    token: CancelToken
    pool: BlockPool
    early: EarlyUpload | None
    checked: bool


def _ignore(_count: int) -> None:
    """Publishing into a folder is a rename: there is nothing to watch."""


def _ignore_two(_done: int, _total: int) -> None:
    """The index row has no byte total; its phase says what happens."""
