# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Measures packing against the way Spack packs, in alternating pairs of processes, and prints a table.

    python tests/benchmarks/run.py --size small --pairs 3     compare; `corpus` is the size the targets were set for
    python tests/benchmarks/run.py tree DIRECTORY              only make an install tree
    python tests/benchmarks/run.py database 100000 DIRECTORY   only make a database

What counts is CPU time (user and system, of the whole process tree): wall time drifts with everything else that runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import baseline
import generator

from core.foundation.cancel import CancelToken
from core.packing.blocks import BlockPool
from core.packing.measure import measure
from core.packing.model import Codec, PackSource
from core.packing.packer import pack
from core.spack.database import read_database, relocation_set
from core.spack.specs import PackageState

BASELINE = "baseline"
CORES = len(os.sched_getaffinity(0))
MOST_PACKAGES_AT_ONCE = 4
QUIET = 0.05  # wall times mean something while other programs take less of the machine than this


@dataclass(frozen=True, slots=True)
class Target:
    """CPU of the baseline divided by ours, at least; stored bytes divided by the baseline's, at most."""

    speed: float
    size: float


TARGETS = {"default": Target(3.3, 1.005), "fast": Target(5.0, 1.09)}
TARGETS_OF_SMALL_PREFIXES = {"default": Target(3.0, 1.05), "fast": Target(4.0, 1.15)}


@dataclass(frozen=True, slots=True)
class Run:
    """One process, `peak_bytes` without its children. `others` is the share of the machine other programs took."""

    cpu_s: float
    wall_s: float
    others: float
    peak_bytes: int
    stored_bytes: int
    tar_bytes: int


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
    return sorted(sources, key=lambda source: measure(source.source).bytes, reverse=True)


def work(kind: str, install_root: Path, output: Path) -> None:
    """What one measured process does; prints the sizes."""
    jobs = [(source, output / f"{number}.tar.gz") for number, source in enumerate(packages_of(install_root))]
    if kind == BASELINE:
        packed: Sequence[baseline.Packed | object] = baseline.pack_all(jobs, CORES)
    else:
        token = CancelToken()
        threads = min(CORES, MOST_PACKAGES_AT_ONCE)
        with BlockPool(CORES) as pool, ThreadPoolExecutor(threads) as executor:
            packed = list(executor.map(lambda job: pack(*job, Codec(kind), token=token, pool=pool), jobs))
    sizes = {name: sum(getattr(one, name) for one in packed) for name in ("stored_bytes", "tar_bytes")}
    print(json.dumps({**sizes, "peak_bytes": peak_bytes()}))


def measured(kind: str, install_root: Path) -> Run:
    """Run `work` in a process of its own."""
    with tempfile.TemporaryDirectory(dir=install_root.parent) as output:
        answer = Path(output, "answer")
        arguments = [sys.executable, __file__, "work", kind, str(install_root), output]
        redirect = [(os.POSIX_SPAWN_OPEN, 1, str(answer), os.O_WRONLY | os.O_CREAT, 0o600)]
        busy, start = busy_seconds(), time.monotonic()
        child = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=redirect)
        _, status, usage = os.wait4(child, 0)
        wall, busy = time.monotonic() - start, busy_seconds() - busy
        if status:
            raise SystemExit(f"the {kind} process failed")
        facts = json.loads(answer.read_text())
    cpu = usage.ru_utime + usage.ru_stime
    others = max(0.0, busy - cpu) / (wall * (os.cpu_count() or 1))
    return Run(cpu, wall, others, **facts)


def peak_bytes() -> int:
    """Most memory this process ever had. Its resource usage would count what its parent had when it was started."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def busy_seconds() -> float:
    """CPU time of all programs since the machine started."""
    user, nice, system, _idle, _wait, interrupts, soft, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupts + soft + steal) / os.sysconf("SC_CLK_TCK")


def compare(install_root: Path, codec: str, pairs: int) -> list[tuple[Run, Run]]:
    """Pairs of baseline and ours, each pair in the other order than the one before."""
    found = []
    for number in range(pairs):
        order = (BASELINE, codec) if number % 2 == 0 else (codec, BASELINE)
        runs = {kind: measured(kind, install_root) for kind in order}
        found.append((runs[BASELINE], runs[codec]))
    return found


def table_line(codec: str, pairs: Sequence[tuple[Run, Run]], target: Target) -> str:
    ratios = [theirs.cpu_s / ours.cpu_s for theirs, ours in pairs]
    ratio, size = statistics.median(ratios), pairs[0][1].stored_bytes / pairs[0][0].stored_bytes
    ours = [run for _, run in pairs]
    cpu = statistics.median(run.cpu_s for run in ours)
    megabytes = ours[0].tar_bytes / 1e6
    others = max(run.others for pair in pairs for run in pair)
    wall = min(run.wall_s for run in ours)
    verdict = "reached" if ratio >= target.speed and size <= target.size else "MISSED"
    return (
        f"{codec:8} {ratio:6.2f} ({min(ratios):.2f}-{max(ratios):.2f})  >= {target.speed:.1f}"
        f"   {size:7.3f} <= {target.size:.3f}   {megabytes / cpu:7.0f} {megabytes / wall:7.0f}"
        f"   {max(run.peak_bytes for run in ours) / 1e6:5.0f}   {cpu / wall / CORES:5.0%}  {others:5.1%}"
        f"{' ' if others < QUIET else '!'}  {verdict}"
    )


def benchmark(size: str, settings: generator.Size, pairs: int, seed: int, folder: Path) -> None:
    install_root = folder / "opt" / "spack"
    records = generator.write_tree(install_root, settings, seed=seed)
    print(f"{size}: {generator.tree_facts(install_root, records)}, {CORES} cores, seed {seed}", flush=True)
    warm = measured("fast", install_root)
    targets = TARGETS_OF_SMALL_PREFIXES if size == "many-small" else TARGETS
    print(
        "codec     CPU ratio (min-max)  target   size ratio, target   MB/CPU s  MB/s   peak MB  busy  others  verdict"
    )
    for codec, target in targets.items():
        found = compare(install_root, codec, pairs)
        print(table_line(codec, found, target), flush=True)
    theirs = statistics.median(run.cpu_s for run, _ in found)
    share = found[0][0].stored_bytes / warm.tar_bytes
    print(f"baseline: {warm.tar_bytes / 1e6:.0f} MB of tar in {theirs:.1f} CPU s, stored as {share:.1%} of that")
    print("Wall times (MB/s, busy) count only where other programs took under 5 % of the machine (no `!`).")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=generator.SIZES, default="small")
    parser.add_argument("--packages", type=int, help="instead of the number that belongs to the size")
    parser.add_argument("--megabytes", type=int, help="instead of the amount that belongs to the size")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work, default a temporary folder")
    only = parser.add_subparsers(dest="only", metavar="tree | database")
    only.add_parser("tree").add_argument("directory", type=Path)
    database = only.add_parser("database")
    database.add_argument("specs", type=int)
    database.add_argument("directory", type=Path)
    worker = only.add_parser("work")
    worker.add_argument("kind")
    worker.add_argument("directory", type=Path)
    worker.add_argument("output", type=Path)
    options = parser.parse_args()
    settings = generator.SIZES[options.size]
    settings = replace(
        settings,
        packages=options.packages or settings.packages,
        megabytes=options.megabytes or settings.megabytes,
    )
    match options.only:
        case "work":
            work(options.kind, options.directory, options.output)
        case "tree":
            records = generator.write_tree(options.directory, settings, seed=options.seed)
            print(generator.tree_facts(options.directory, records))
        case "database":
            generator.write_index(options.directory, options.specs, seed=options.seed)
        case _:
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                benchmark(options.size, settings, options.pairs, options.seed, Path(folder))


if __name__ == "__main__":
    main()
