# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Measures what the packages page asks of an install database, and prints a table.

    python tests/benchmarks/database.py                  5,000, 100,000 and 200,000 packages
    python tests/benchmarks/database.py 20000 --runs 3

Each run is a process of its own; CPU seconds are medians, memory is what the process grew by.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import generator

from core.services.package_graph import all_dependencies, all_dependents, package_graph
from core.services.packages import changes_since, find_by_text, package_rows
from core.spack.database import read_database

SIZES = (5_000, 100_000, 200_000)
# Targets for 100,000 packages; the others in proportion.
MOST_SECONDS, MOST_MEGABYTES = 1.8, 240


def status_megabytes(name: str) -> float:
    """`VmRSS` or `VmHWM` of this process."""
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0]) / 1000


def work(install_root: Path) -> dict[str, float]:
    """What one measured process does."""
    found: dict[str, float] = {}

    def timed(name: str, do: Callable[[], object]) -> object:
        start = time.process_time()
        result = do()
        found[name] = time.process_time() - start
        return result

    before = status_megabytes("VmRSS")
    database = timed("load s", lambda: read_database(install_root))
    found["memory MB"] = status_megabytes("VmRSS") - before
    found["peak MB"] = status_megabytes("VmHWM") - before
    rows = package_rows(database, database.records.values())
    timed("first row s", lambda: next(rows))
    timed("rows s", lambda: sum(1 for _ in rows))
    last = next(reversed(database.records.values()))
    timed("first query s", lambda: find_by_text(database, f"{last.name}@2: +shared"))
    timed("query s", lambda: find_by_text(database, f"{last.name}@3: +shared"))
    timed("query ^ s", lambda: find_by_text(database, f"{last.name} ^zlib-ng"))
    timed("all dependencies s", lambda: all_dependencies(database, list(database.records)))
    timed("all dependents s", lambda: all_dependents([next(iter(database.records))], database))
    timed("picture s", lambda: package_graph(database, last.hash, 300))
    again = timed("reload s", lambda: read_database(install_root, known=database.records))
    timed("changes s", lambda: changes_since(database, again))
    return found


def measured(install_root: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, "--work", install_root], stdout=subprocess.PIPE, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", type=int, nargs="*", default=SIZES)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to make the databases, default a temporary folder")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        print(json.dumps(work(options.work)))
        return
    for count in options.packages:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            generator.write_index(Path(folder), count)
            size = (Path(folder) / ".spack-db/index.json").stat().st_size / 1e6
            runs = [measured(Path(folder)) for _ in range(options.runs)]
        medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        scale = count / 100_000
        fast = medians["load s"] <= MOST_SECONDS * max(scale, 0.1)
        small = medians["memory MB"] <= MOST_MEGABYTES * max(scale, 0.2)
        print(f"{count:,} packages, {size:.0f} MB of JSON: {'reached' if fast and small else 'MISSED'}")
        print("  " + "  ".join(f"{name} {value:.3g}" for name, value in medians.items()), flush=True)


if __name__ == "__main__":
    main()
