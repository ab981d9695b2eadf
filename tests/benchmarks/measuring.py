# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What all measurements have in common: how much is measured, processes of their own, lines of the table."""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORES = len(os.sched_getaffinity(0))
QUIET = 0.05  # wall times mean something while other programs take less of the machine than this
USUAL_PACKAGES, USUAL_PRESENT = 100_000, 10_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How much there is to do. `tree`, `small`, `sent`, `compared` and `giant` are sizes of the generator, the rest are
    packages: of worlds, in a push with nothing to do (to a registry: `tagged`), in databases, in the window, in the
    queue. Comparisons are made in `pairs`, everything else `runs` times.
    """

    packages: int = USUAL_PACKAGES
    present: int = USUAL_PRESENT
    tagged: int = 2_000
    databases: tuple[int, ...] = (5_000, 100_000, 200_000)
    shown: int = 200_000
    listed: int = 100_000
    pushed: int = 2_000
    queued: int = 10_000
    tree: str = "corpus"
    small: str = "many-small"
    sent: str = "corpus"
    compared: str = "small"
    giant: str = "giant"
    runs: int = 3
    pairs: int = 7


FULL = Scale()
QUICK = Scale(
    packages=300,
    present=50,
    tagged=30,
    databases=(300,),
    shown=300,
    listed=200,
    pushed=10,
    queued=20,
    tree="tiny",
    small="tiny",
    sent="tiny",
    compared="tiny",
    giant="tiny",
    runs=1,
    pairs=1,
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A line of the table: the median of `values` has to be at most, or `at_least`, the `target`; None: only shown."""

    what: str
    unit: str
    values: Sequence[float]
    target: float | None = None
    at_least: bool = False

    @property
    def is_reached(self) -> bool | None:
        if self.target is None:
            return None
        middle = statistics.median(self.values)
        return middle >= self.target if self.at_least else middle <= self.target

    @property
    def verdict(self) -> str:
        if self.is_reached is None or self.target is None:
            return ""
        if self.is_reached:
            return "reached"
        middle = statistics.median(self.values)
        return f"missed by {1 - middle / self.target if self.at_least else middle / self.target - 1:.0%}"

    def line(self, others: float) -> str:
        """`others` is the share of the machine that other programs took."""
        middle = statistics.median(self.values)
        spread = f" ({min(self.values):.3g}-{max(self.values):.3g})" if len(self.values) > 1 else ""
        sign = ">=" if self.at_least else "<="
        target = f"{sign} {self.target:.4g} {self.unit}" if self.target is not None else ""
        measured = f"{middle:.3g} {self.unit}{spread}"
        return f"{self.what:66} {measured:28} {target:16} {self.verdict:14} {others:4.0%}"


@dataclass(frozen=True, slots=True)
class Process:
    """What a measured process answered and took, with its children. `others` is the share of the machine that other
    programs took."""

    answer: Any
    cpu_s: float
    wall_s: float
    others: float


def in_process(work: Callable[..., object], *arguments: str | int) -> Process:
    """Call a function of a module in a process of its own."""
    script = Path(__file__).with_name("run.py")
    name = f"{work.__module__}.{work.__name__}"
    with tempfile.TemporaryDirectory() as folder:
        answer, log = Path(folder, "answer"), Path(folder, "log")
        done = run_command([sys.executable, str(script), "--work", str(answer), name, *map(str, arguments)], log)
        found = json.loads(answer.read_text())
    return Process(found, done.cpu_s, done.wall_s, done.others)


def run_command(command: Sequence[str], output: Path, environment: dict[str, str] | None = None) -> Process:
    """Run a command, which prints into `output`. Ends the program if it fails."""
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    redirect = [(os.POSIX_SPAWN_OPEN, 1, str(output), write, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
    busy, own, begin = busy_seconds(), time.process_time(), time.monotonic()
    child = os.posix_spawn(command[0], command, environment or dict(os.environ), file_actions=redirect)
    _, status, usage = os.wait4(child, 0)
    wall, busy = time.monotonic() - begin, busy_seconds() - busy - (time.process_time() - own)
    if status:
        raise SystemExit(f"{' '.join(command[:12])} … failed:\n{output.read_text()[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Process(None, cpu, wall, share_of_others(busy - cpu, wall))


def our_command(*arguments: str | Path) -> list[str]:
    """The command line of this program."""
    start = "import sys; from core.cli.main import main; sys.exit(main())"
    return [sys.executable, "-c", start, *map(str, arguments)]


def installed(install_root: Path) -> tuple[str, ...]:
    """The hashes of all packages that have files there."""
    # Imported here, because the start of the window is measured in a process that has this module.
    from core.spack.database import read_database
    from core.spack.specs import PackageState

    records = read_database(install_root).records.values()
    return tuple(record.hash for record in records if record.state is PackageState.INSTALLED)


def spent(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def spent_by_all() -> float:
    """CPU seconds of this process and its children so far."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def busy_seconds() -> float:
    """CPU time of all programs since the machine started."""
    user, nice, system, _idle, _wait, interrupts, soft, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupts + soft + steal) / os.sysconf("SC_CLK_TCK")


def share_of_others(busy_s: float, wall_s: float) -> float:
    return max(0.0, busy_s) / (max(wall_s, 0.01) * (os.cpu_count() or 1))


def megabytes(name: str) -> float:
    """`VmRSS` or `VmHWM` of this process. Its resource usage would count what its parent had when it was started."""
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0]) * 1024 / 1e6


def of_scale(most: float, count: int, usual: int) -> float:
    """What is allowed for `usual`, in proportion for `count`; small numbers say little, so a tenth at least."""
    return most * max(count / usual, 0.1)
