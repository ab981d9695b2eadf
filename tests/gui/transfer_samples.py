# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plausible rows, pushes and plans for tests of transfers and of the push plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from core.caches.protocol import CacheEntry, EntryName, IndexUpdate
from core.foundation.errors import ErrorInfo
from core.registry.messages import RateLimit
from core.transfers.model import ItemState, PushStatus, QueueSnapshot, RowKind, Totals, TransferRow
from core.transfers.plan import Decision, ImageFacts, PlanItem, PushOptions, PushPlan, RegistryFacts

NO_SPACE = ErrorInfo(
    "no-space",
    "petsc@3.22.1 could not be packed",
    "/scratch/cache: No space left on device",
    ("Free some space on the mirror, then retry.",),
    retryable=True,
)


def dag_hash(name: str) -> str:
    """A stable hash that looks like one of Spack's."""
    digits = int.from_bytes(sha256(name.encode()).digest(), "big")
    return "".join("abcdefghijklmnopqrstuvwxyz234567"[digits >> 5 * at & 31] for at in range(32))


def entry(name: str, version: str, stored_bytes: int) -> CacheEntry:
    digest = "sha256:" + sha256(name.encode()).hexdigest()
    name_of = EntryName(name, version, dag_hash(name))
    return CacheEntry(name_of, digest, digest, digest, stored_bytes, None, signed=True, modified=1.7e9)


def row(
    name: str,
    version: str = "1.0",
    state: ItemState = ItemState.WAITING,
    *,
    push: str = "p1",
    mirror: str = "scratch",
    done: int = 0,
    total: int | None = 100_000_000,
    rate: float | None = None,
    left: float | None = None,
    seconds: float = 0.0,
    stored: int | None = None,
    error: ErrorInfo | None = None,
    attempt: int = 1,
) -> TransferRow:
    return TransferRow(
        f"{push}:{dag_hash(name)}", push, RowKind.PACKAGE, dag_hash(name), name, version, mirror, state, done, total,
        rate, left, attempt, seconds, entry(name, version, stored) if stored is not None else None, error=error,
    )  # fmt: skip


def index_row(state: ItemState = ItemState.WAITING, *, push: str = "p1", mirror: str = "scratch") -> TransferRow:
    update = IndexUpdate(1204, 12, 0, (), "sha256:" + "0" * 64) if state is ItemState.DONE else None
    return TransferRow(f"{push}:index", push, RowKind.INDEX, "", "", "", mirror, state, index=update)


def tag_row(state: ItemState = ItemState.WAITING, *, push: str = "p1", mirror: str = "site-oci") -> TransferRow:
    image = "registry.site.org/hpc/cache:my-env" if state is ItemState.DONE else ""
    return TransferRow(f"{push}:tag", push, RowKind.TAG, "", "my-env", "", mirror, state, image=image)


def registry_ended() -> QueueSnapshot:
    """A push to a registry with a tag: zlib failed, so that hdf5 does not run; python's archive was there already."""
    rows = [
        row("zlib", "1.3.1", ItemState.FAILED, mirror="site-oci", error=NO_SPACE),
        replace(row("hdf5", "1.14.5", ItemState.DONE, mirror="site-oci", stored=44_000_000), blob="uploaded",
                missing=(dag_hash("zlib"),)),
        replace(row("cmake", "3.30.5", ItemState.DONE, mirror="site-oci", stored=38_000_000), blob="uploaded"),
        replace(row("python", "3.12.7", ItemState.DONE, mirror="site-oci", stored=61_000_000), blob="present"),
        tag_row(ItemState.DONE),
        index_row(ItemState.DONE, mirror="site-oci"),
    ]  # fmt: skip
    return snapshot(rows)


def totals(rows: Sequence[TransferRow], **figures: object) -> Totals:
    states = Counter(each.state for each in rows)
    packages = [each for each in rows if each.kind is RowKind.PACKAGE and each.state is not ItemState.PRESENT]
    return replace(
        Totals(
            waiting=states[ItemState.WAITING],
            moving=sum(count for state, count in states.items() if state.moving),
            done=states[ItemState.DONE],
            present=states[ItemState.PRESENT],
            failed=states[ItemState.FAILED],
            cancelled=states[ItemState.CANCELLED],
            done_bytes=sum((each.total_bytes or 0) if each.state.ended else each.done_bytes for each in packages),
            total_bytes=sum(each.total_bytes or 0 for each in packages),
        ),
        **figures,  # type: ignore[arg-type]
    )


def snapshot(
    rows: Sequence[TransferRow], *, paused: bool = False, skipped: tuple[PlanItem, ...] = (), **figures: object
) -> QueueSnapshot:
    """All `rows`, with pushes and totals that agree with them; later pushes started later."""
    pushes = []
    for number, push in enumerate(dict.fromkeys(each.push_id for each in rows)):
        own = [each for each in rows if each.push_id == push]
        ended = all(each.state.ended for each in own)
        started = 1.7e9 + 100 * number
        pushes.append(PushStatus(push, own[0].mirror, totals(own), started, 240.0, ended, len(skipped)))
    told = {push.id: skipped for push in pushes} if skipped else {}
    return QueueSnapshot(tuple(rows), tuple(pushes), totals(rows, **figures), paused, skipped=told)


def running() -> QueueSnapshot:
    """A push in the middle: one of everything, 28 packages already there."""
    rows = [
        row(
            "openmpi",
            "5.0.6",
            ItemState.UPLOADING,
            done=131_000_000,
            total=212_000_000,
            rate=31e6,
            left=120.0,
            seconds=9,
        ),
        row(
            "llvm",
            "19.1.2",
            ItemState.PACKING,
            done=580_000_000,
            total=2_400_000_000,
            rate=17e6,
            left=240.0,
            seconds=30,
        ),
        row("hdf5", "1.14.5", ItemState.FINALISING, done=44_000_000, total=44_000_000, seconds=3),
        row("petsc", "3.22.1", ItemState.FAILED, error=NO_SPACE, total=310_000_000, attempt=2),
        row("cmake", "3.30.5", ItemState.DONE, total=120_000_000, stored=38_000_000, seconds=2),
        row("python", "3.12.7", ItemState.DONE, total=190_000_000, stored=61_000_000, seconds=4),
        row("gcc-runtime", "13.3.0", total=12_000_000),
        row("boost", "1.86.0", total=160_000_000),
        index_row(),
        *(row(f"dep-{number}", "1.0", ItemState.PRESENT, stored=2_000_000 + number) for number in range(28)),
    ]
    return snapshot(rows, rate_bps=48e6, left_s=360.0, done_bytes=642_000_000, total_bytes=1_100_000_000)


def ended(*, failed: bool = True) -> QueueSnapshot:
    """The same push at its end."""
    rows = []
    for each in running().rows:
        if each.kind is RowKind.INDEX:
            rows.append(index_row(ItemState.DONE))
        elif each.state is ItemState.PRESENT or (each.state is ItemState.FAILED and failed):
            rows.append(each)
        else:
            size = each.total_bytes or 0
            rows.append(
                replace(
                    each, state=ItemState.DONE, done_bytes=size, entry=entry(each.name, each.version, size // 3),
                    rate_bps=None, left_s=None, seconds=size / 50e6, error=None,
                )
            )  # fmt: skip
    return snapshot(
        rows, skipped=(item("cuda", "12.6", Decision.HELD_BACK, "licence"), item("slurm", "23", Decision.EXTERNAL))
    )


def item(
    name: str, version: str = "1.0", decision: Decision = Decision.PUSH, reason: str = "", size: int = 0
) -> PlanItem:
    known = entry(name, version, 2_000_000) if decision is Decision.PRESENT else None
    return PlanItem(dag_hash(name), name, version, decision, reason, size, f"/opt/spack/opt/spack/{name}", known)


def registry_plan(options: PushOptions | None = None, *, mirror: str = "site-oci", **changes: object) -> PushPlan:
    """12 to upload, 3 to complete, 27 there; everybody can read the repository; 143 layers if there is a tag."""
    options = options or PushOptions()
    items = [
        *(item(f"app-{number}", "2.1", Decision.PUSH, size=92_000_000 + number) for number in range(12)),
        *(item(f"half-{number}", "1.2", Decision.COMPLETE) for number in range(3)),
        *(item(f"lib-{number}", "1.4", Decision.PRESENT) for number in range(27)),
    ]
    warnings = ()
    if options.tag and options.squash_to is None:
        warnings = (ErrorInfo("too-many-layers", f"{options.tag} will have 143 layers", "more than 127 do not run"),)
    made = PushPlan(
        "plan-1", "spack-1", mirror, "oci://registry.site.org/hpc/cache", tuple(items), options, 3, warnings=warnings,
        registry=RegistryFacts("registry.site.org", anonymous_readable=True, rate_limit=RateLimit(76, 100, 21600)),
        images=ImageFacts("spack", tag_layers=143 if options.tag else 0),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def plan(options: PushOptions | None = None, *, mirror: str = "scratch", **changes: object) -> PushPlan:
    """3 selected, 37 run and link dependencies; 64 more to build them if `options` wants those."""
    options = options or PushOptions()
    items = [
        *(item(f"app-{number}", "2.1", Decision.PUSH, size=92_000_000 + number) for number in range(12)),
        *(item(f"lib-{number}", "1.4", Decision.PRESENT) for number in range(27)),
        item("cuda", "12.6", Decision.HELD_BACK, "the licence forbids it"),
        item("slurm", "23.11", Decision.EXTERNAL, "external: not installed by Spack"),
    ]
    if options.with_build_dependencies:
        items += [item(f"tool-{number}", "0.9", Decision.PRESENT) for number in range(64)]
    if options.force:
        items = [replace(each, decision=Decision.PUSH) if each.decision is Decision.PRESENT else each for each in items]
    if options.private:
        items = [
            replace(each, decision=Decision.PUSH) if each.decision is Decision.HELD_BACK else each for each in items
        ]
    made = PushPlan(
        "plan-1", "spack-1", mirror, f"file:///{mirror}/cache", tuple(items), options, 3,
        key="8F21A0D94B12BCA30AACF1F345CB9C6C81CAC8CC", key_owner="hpc-team", free_bytes=212_000_000_000,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]
