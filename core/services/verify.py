# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Verifying a cache, and deciding what puts right what was found."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from core.caches.checkpoint import Checkpoint
from core.caches.findings import Examined, Finding, FindingKind, Remedy
from core.caches.opening import OCI_KINDS, CacheAccess
from core.caches.protocol import IndexUpdate, ReadableCache
from core.caches.verification import Inspection
from core.foundation.cancel import CancelToken
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.reading import mirrors_of
from core.services.upkeep_values import DeleteRequest
from core.services.verify_values import RepairPlan, VerifyView
from core.spack.instance import Instance
from core.spack.specs import PackageState
from core.transfers.history import Action, noted, record
from core.transfers.plan import Only, PushOptions, PushRequest

_PROGRESS_S = 0.25
# Entries with these cannot be installed by anybody.
_USELESS = frozenset(
    {
        FindingKind.UNREADABLE_MANIFEST,
        FindingKind.WRONG_PACKAGE,
        FindingKind.MISSING_BLOB,
        FindingKind.WRONG_SIZE,
        FindingKind.WRONG_DIGEST,
        FindingKind.UNREADABLE_BLOB,
    }
)

Stream = Iterator[list[Finding | Examined] | VerifyView]


def verify(
    instance: Instance,
    access: CacheAccess,
    mirror: str,
    *,
    full: bool,
    checkpoints: Path | None,
    cwd: Path,
    token: CancelToken,
    bytes_per_s: float | None = None,
    progress: Callable[[Examined], None] = lambda _: None,
) -> Iterator[Finding | VerifyView]:
    """Findings as they come, then the view. A full verification that was stopped goes on where it was when it is asked
    for again; what was right already is kept in a file in `checkpoints`, if there is that directory to write to.

    Signatures are checked if the mirror is a signed one. Raises UsageError, NotFound and what the cache raises.
    """
    found = resolve_mirror(mirror, mirrors_of(instance), cwd=cwd)
    cache = access.open(found, Direction.FETCH)
    yield from verify_cache(
        cache,
        signatures=found.signed,
        full=full,
        checkpoints=checkpoints,
        token=token,
        bytes_per_s=bytes_per_s,
        progress=progress,
    )


def verify_cache(
    cache: ReadableCache,
    *,
    signatures: bool,
    full: bool,
    checkpoints: Path | None,
    token: CancelToken,
    bytes_per_s: float | None = None,
    progress: Callable[[Examined], None] = lambda _: None,
) -> Iterator[Finding | VerifyView]:
    """As `verify`, for a cache that is open."""
    checkpoint = Checkpoint(checkpoints, cache.url)
    finished = False
    try:
        inspection = Inspection(
            full=full, token=token, remembered=checkpoint, bytes_per_s=bytes_per_s, progress=progress
        )
        findings = harmless = 0
        for finding in cache.verifier(signatures=signatures).run(inspection):
            findings, harmless = findings + (not finding.harmless), harmless + finding.harmless
            yield finding
        finished = True
        yield VerifyView(cache.url, full, inspection.examined(), findings, harmless)
    finally:
        checkpoint.close(finished=finished and full)


def stream(rows: Callable[[Callable[[Examined], None]], Iterator[Finding | VerifyView]]) -> Stream:
    """Batches of what `rows` gives, with how far it has come at least every quarter of a second, then the view.

    `rows` is called with what takes the progress, and runs in a thread of its own.
    """
    results: queue.SimpleQueue[Finding | VerifyView | BaseException | None] = queue.SimpleQueue()
    latest = Examined()

    def note(examined: Examined) -> None:
        nonlocal latest
        latest = examined

    def work() -> None:
        try:
            for row in rows(note):
                results.put(row)
            results.put(None)
        except BaseException as error:
            results.put(error)

    thread = threading.Thread(target=work, name="verify")
    thread.start()
    view: VerifyView | None = None
    try:
        ended = False
        while not ended:
            batch: list[Finding | Examined] = []
            with suppress(queue.Empty):
                row = results.get(timeout=_PROGRESS_S)
                while True:
                    if isinstance(row, BaseException):
                        raise row
                    if isinstance(row, VerifyView):
                        view = row
                    elif row is None:
                        ended = True
                        break
                    else:
                        batch.append(row)
                    row = results.get_nowait()
            yield [*batch, latest]
        if view is not None:
            yield view
    finally:
        thread.join()


def plan_repair(
    instance: Instance, access: CacheAccess, mirror: str, findings: Sequence[Finding], *, cwd: Path, token: CancelToken
) -> RepairPlan:
    """What puts `findings` right. Packages that are installed here are pushed again, others are taken out if nobody can
    use them any more. Raises UsageError if nothing can be written there, DatabaseError."""
    found = resolve_mirror(mirror, mirrors_of(instance), cwd=cwd)
    access.open(found, Direction.PUSH)
    records = instance.database(token).records
    installed = {key for key, record in records.items() if record.state is PackageState.INSTALLED}
    again: dict[str, None] = {}
    dropped: dict[str, None] = {}
    left: list[Finding] = []
    for finding in findings:
        if finding.remedy is Remedy.PUSH_AGAIN:
            if finding.entry is not None and finding.entry.hash in installed:
                again[finding.entry.hash] = None
            elif finding.kind in _USELESS:
                dropped[finding.key] = None
            else:
                left.append(finding)
        elif finding.remedy is Remedy.NOTHING and not finding.harmless:
            left.append(finding)
    is_registry = found.push.kind in OCI_KINDS
    # An image needs the layers of what it depends on; what is whole is not sent again.
    options = PushOptions(
        only=Only.ALL if is_registry else Only.PACKAGE, with_build_dependencies=False, force=not is_registry
    )
    return RepairPlan(
        mirror=mirror,
        push=PushRequest(mirror, hashes=tuple(again), options=options) if again else None,
        delete=DeleteRequest(mirror, keys=tuple(dropped)) if dropped else None,
        mark=any(finding.remedy is Remedy.MARK for finding in findings),
        reindex=bool(again or dropped) or any(finding.remedy is Remedy.REINDEX for finding in findings),
        left=tuple(left),
    )


def finish_repair(
    instance: Instance, access: CacheAccess, plan: RepairPlan, *, cwd: Path, token: CancelToken
) -> IndexUpdate | None:
    """The last steps of a repair, after pushing and deleting: the layout mark and the index. Gives what the latter did,
    None if that was not planned. Raises UsageError and what the cache raises."""
    found = resolve_mirror(plan.mirror, mirrors_of(instance), cwd=cwd)
    cache = access.open(found, Direction.PUSH)
    if plan.mark:
        cache.prepare(None)
    update = None
    if plan.reindex:
        update = cache.update_index(full=True, token=token, progress=lambda _done, _total: None)
    steps = [words for words, done in (("layout mark", plan.mark), ("index", plan.reindex)) if done]
    if steps:
        record([noted(Action.REPAIRED, plan.mirror, url=cache.url, subject=", ".join(steps))])
    return update
