# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Measures queries over a made-up database, against one plain look at the name of every record.

    python tests/benchmarks/queries.py --specs 100000

The ratio says more than the milliseconds: both drift with the machine and with what else it does.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import generator

from core.spack.database import Database, read_database
from core.spack.queries import parse_query, select

REPEATS = 5
# How many plain looks a query may cost, by what it asks for; NAME is the name that most packages have.
NAMED, ANYBODY = 12, 60
QUERIES = {
    "NAME": NAMED,
    "NAME+shared": NAMED,
    "NAME@5: ^openmpi": NAMED,
    "%gcc target=zen4": ANYBODY,
    "%c=gcc": ANYBODY,
    "^openmpi": ANYBODY,
    "^libc": ANYBODY,
    "^+mpi": ANYBODY,
    "++shared": ANYBODY,
    "@10:": ANYBODY,
}


def median_seconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def plain_look(database: Database) -> list[str]:
    return [dag_hash for dag_hash, record in database.records.items() if record.node.name == "no such name"]


def table(database: Database) -> None:
    name = Counter(record.name for record in database.records.values()).most_common(1)[0][0]
    start = time.perf_counter()
    select(parse_query("^libc"), database.world)
    print(f"{len(database.records)} packages, first query {(time.perf_counter() - start) * 1000:.0f} ms")
    plain = median_seconds(lambda: plain_look(database))
    print(f"{'query':28}{'found':>8}{'ms':>9}{'ratio':>8}  target  verdict")
    for text, target in QUERIES.items():
        query = parse_query(text.replace("NAME", name))
        found = len(select(query, database.world, recipes=database.recipes).matched)
        seconds = median_seconds(partial(select, query, database.world, recipes=database.recipes))
        verdict = "reached" if seconds / plain <= target else "MISSED"
        print(f"{query!s:28}{found:8}{seconds * 1000:9.1f}{seconds / plain:8.1f}  <= {target:3}  {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--specs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        generator.write_index(Path(folder), options.specs, seed=options.seed)
        database = read_database(Path(folder))
    table(database)


if __name__ == "__main__":
    main()
