# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packing against the way Spack packs, in alternating pairs of processes."""

from __future__ import annotations

import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import baseline
import generator
from measuring import CORES, QUIET, Measurement, Process, Scale, in_process, megabytes, spent, spent_by_all

from core.foundation.cancel import CancelToken
from core.packing.blocks import BlockPool
from core.packing.codecs import BLOCK_BYTES, gzip_member
from core.packing.measure import measure as measure_prefix
from core.packing.model import Codec, PackSource
from core.packing.packer import pack
from core.spack.database import read_database, relocation_set
from core.spack.specs import PackageState

BASELINE = "baseline"
MOST_PACKAGES_AT_ONCE = 4
MOST_MEGABYTES = 64 + 2 * CORES


@dataclass(frozen=True, slots=True)
class Target:
    """CPU of the baseline divided by ours, at least; stored bytes divided by the baseline's, at most; per cent of our
    CPU that nobody could do without, at least."""

    speed: float
    size: float
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Compared:
    """A pair of runs. `least_s` is the CPU time of what must be done, 0 where that is not asked."""

    theirs: Process
    ours: Process
    least_s: float


TARGETS = {"default": Target(3.3, 1.005, 90), "fast": Target(5.0, 1.09, 85)}
TARGETS_OF_SMALL_PREFIXES = {"default": Target(3.0, 1.05), "fast": Target(4.0, 1.15)}


def measure(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """A tree as people have it."""
    yield from _measure(f"pack {scale.tree}", scale.tree, TARGETS, scale, folder)


def measure_small(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """Very many small prefixes."""
    yield from _measure(f"pack {scale.small}", scale.small, TARGETS_OF_SMALL_PREFIXES, scale, folder)


def packages_of(install_root: Path) -> list[PackSource]:
    """Everything installed there, largest first."""
    database = read_database(install_root)
    sources = [
        PackSource(
            source=Path(str(record.prefix)),
            prefix=str(record.prefix),
            install_root=str(install_root),
            sbang=f"{install_root}/bin/sbang",
            spack_prefix=str(install_root.parent.parent),
            hash_to_prefix=tuple(relocation_set(record, database.records)),
        )
        for record in database.records.values()
        if record.state is PackageState.INSTALLED
    ]
    return sorted(sources, key=lambda source: measure_prefix(source.source).archive_bytes, reverse=True)


def pack_everything(kind: str, install_root: str) -> dict[str, float]:
    """What one measured process does. `cpu_s` and `wall_s` are of packing alone, without the start of Python and the
    list of packages, which are the same for both."""
    with tempfile.TemporaryDirectory(dir=Path(install_root).parent) as output:
        sources = packages_of(Path(install_root))
        jobs = [(source, Path(output, f"{number}.tar.gz")) for number, source in enumerate(sources)]
        cpu, begin = spent_by_all(), time.monotonic()
        if kind == BASELINE:
            packed: Sequence[baseline.Packed | object] = baseline.pack_all(jobs, CORES)
        else:
            token = CancelToken()
            threads = min(CORES, MOST_PACKAGES_AT_ONCE)
            with BlockPool(CORES) as pool, ThreadPoolExecutor(threads) as executor:
                packed = list(executor.map(lambda job: pack(*job, Codec(kind), token=token, pool=pool), jobs))
        facts = {"cpu_s": spent_by_all() - cpu, "wall_s": time.monotonic() - begin, "peak_mb": megabytes("VmHWM")}
    return facts | {name: sum(getattr(one, name) for one in packed) for name in ("stored_bytes", "tar_bytes")}


def do_what_must_be_done(codec: str, install_root: str) -> float:
    """CPU seconds of looking at all files, reading, hashing, compressing and hashing them again, and writing that: what
    no way of packing can do without."""
    sources = packages_of(Path(install_root))
    with tempfile.TemporaryDirectory(dir=Path(install_root).parent) as output:

        def work() -> None:
            for number, source in enumerate(sources):
                with Path(output, str(number)).open("wb", buffering=0) as sink:
                    _squeeze(source.source, sink, Codec(codec))

        return spent(work)


def _squeeze(prefix: Path, sink: BinaryIO, codec: Codec) -> None:
    raw, stored = hashlib.sha256(), hashlib.sha256()
    block, used = bytearray(BLOCK_BYTES), 0
    view = memoryview(block)

    def put() -> None:
        raw.update(view[:used])
        data = gzip_member(view[:used], codec)
        stored.update(data)
        sink.write(data)

    for folder, _, names in os.walk(prefix):
        for name in names:
            path = f"{folder}/{name}"
            if os.path.islink(path):  # noqa: PTH114  a Path each would cost more than looking
                continue
            descriptor = os.open(path, os.O_RDONLY)
            while count := os.readv(descriptor, [view[used:]]):
                used += count
                if used == BLOCK_BYTES:
                    put()
                    used = 0
            os.close(descriptor)
    put()


def _measure(title: str, size: str, targets: dict[str, Target], scale: Scale, folder: Path) -> Iterator[Measurement]:
    install_root = folder / "opt" / "spack"
    generator.write_tree(install_root, generator.SIZES[size])
    in_process(pack_everything, "fast", str(install_root))  # what is read from now on is in memory
    for codec, target in targets.items():
        compared = [_compare(install_root, codec, number, target) for number in range(scale.pairs)]
        yield from _lines(f"{title}, {codec}", compared, target)
        if target.share:
            shares = [one.least_s / one.ours.answer["cpu_s"] * 100 for one in compared]
            yield Measurement(f"{title}, {codec}: of the limit", "%", shares, target.share, at_least=True)


def _compare(install_root: Path, codec: str, number: int, target: Target) -> Compared:
    """A pair in the other order than the one before; what must be done comes right after it, because what a second of
    CPU is worth drifts with everything else that runs."""
    order = (BASELINE, codec) if number % 2 == 0 else (codec, BASELINE)
    runs = {kind: in_process(pack_everything, kind, str(install_root)) for kind in order}
    least_s = in_process(do_what_must_be_done, codec, str(install_root)).answer if target.share else 0.0
    return Compared(runs[BASELINE], runs[codec], least_s)


def _lines(title: str, pairs: Sequence[Compared], target: Target) -> Iterator[Measurement]:
    ours = [one.ours for one in pairs]
    ratios = [one.theirs.answer["cpu_s"] / one.ours.answer["cpu_s"] for one in pairs]
    sizes = [one.ours.answer["stored_bytes"] / one.theirs.answer["stored_bytes"] for one in pairs]
    yield Measurement(f"{title}: CPU of Spack's way / ours", "x", ratios, target.speed, at_least=True)
    yield Measurement(f"{title}: size / Spack's", "x", sizes[:1], target.size)
    yield Measurement(
        f"{title}: speed", "MB/CPU s", [run.answer["tar_bytes"] / 1e6 / run.answer["cpu_s"] for run in ours]
    )
    yield Measurement(f"{title}: memory", "MB", [max(run.answer["peak_mb"] for run in ours)], MOST_MEGABYTES)
    quiet = [run for run in ours if run.others < QUIET]
    busy = [run.answer["cpu_s"] / run.answer["wall_s"] / CORES * 100 for run in quiet or ours]
    yield Measurement(f"{title}: cores busy", "%", [statistics.median(busy)], 93 if quiet else None, at_least=True)
