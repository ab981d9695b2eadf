# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Measures everything there are targets for, and prints one table with verdicts.

    python tests/benchmarks/run.py                            everything; takes about an hour
    python tests/benchmarks/run.py --only packing --only window
    python tests/benchmarks/run.py --against PATH_TO_SPACK    also with real Spack pushing the same packages
    python tests/benchmarks/run.py --quick                    as little as possible, to see that it works

What counts is CPU time (user and system, with children): wall time drifts with everything else that runs. The last
column is the share of the machine that other programs took meanwhile. What depends on wall time has a target only
where that was under 5 %.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from measuring import (  # noqa: E402
    CORES,
    FULL,
    QUICK,
    Measurement,
    Scale,
    busy_seconds,
    share_of_others,
    spent_by_all,
)

LEAST_S = 0.1
Part = Callable[[Scale, Path], Iterator[Measurement]]
# Modules and functions; they are imported when it is their turn, so that one needs no more than it uses.
PARTS = {
    "packing": "packing.measure",
    "small": "packing.measure_small",
    "again": "link.measure_again",
    "link": "link.measure",
    "worlds": "worlds.measure",
    "registry": "worlds.measure_registry",
    "databases": "database.measure",
    "queries": "queries.measure",
    "queue": "programs.measure_queue",
    "memory": "memory.measure",
    "start": "programs.measure_start",
    "window": "programs.measure_window",
}
AGAINST = "against"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", choices=[*PARTS, AGAINST], default=[], help="this part; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="as little as possible")
    parser.add_argument("--against", type=Path, metavar="PATH_TO_SPACK", help="a checkout of Spack 1.1 or newer")
    parser.add_argument("--folder", type=Path, help="where to work, default a temporary folder")
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        answer, name, *arguments = options.work
        Path(answer).write_text(json.dumps(function(name)(*arguments)))
        return
    names = options.only or [*PARTS, *([AGAINST] if options.against else [])]
    if AGAINST in names and not options.against:
        parser.error("--only against needs --against PATH_TO_SPACK")
    print(machine(), flush=True)
    print(f"{'What':66} {'Measured':28} {'Target':16} {'Verdict':14} Others", flush=True)
    for name in names:
        if name == AGAINST:
            part: Part = partial(function("against.measure"), spack=options.against.resolve())
        else:
            part = function(PARTS[name])
        measure(part, QUICK if options.quick else FULL, options.folder)


def measure(part: Part, scale: Scale, place: Path | None) -> None:
    """Print the lines of one part, which has a folder and a home of its own."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        for name in before:
            if name.startswith(("XDG_", "SPACK_")) and name != "SPACK_PYTHON":
                del os.environ[name]
        os.environ["HOME"] = os.environ["MIRRORDECK_HOME"] = f"{folder}/home"
        os.environ["PYTHONPATH"] = str(ROOT)
        Path(folder, "home").mkdir()
        others = 0.0
        busy, ours, begin = busy_seconds(), spent_by_all(), time.monotonic()
        for measurement in part(scale, Path(folder)):
            if time.monotonic() - begin > LEAST_S:  # else it was measured together with the one before
                others = share_of_others(busy_seconds() - busy - (spent_by_all() - ours), time.monotonic() - begin)
            print(measurement.line(others), flush=True)
            busy, ours, begin = busy_seconds(), spent_by_all(), time.monotonic()
    os.environ.clear()
    os.environ.update(before)


def function(place: str) -> Callable[..., object]:
    module, _, name = place.rpartition(".")
    return getattr(importlib.import_module(module), name)


def machine() -> str:
    text = Path("/proc/cpuinfo").read_text()
    model = text.partition("model name")[2].partition(":")[2].partition("\n")[0].strip() or platform.machine()
    memory = int(Path("/proc/meminfo").read_text().split()[1]) * 1024 / 1e9
    return f"{CORES} cores ({model}), {memory:.0f} GB, Python {platform.python_version()}, Linux {platform.release()}"


if __name__ == "__main__":
    main()
