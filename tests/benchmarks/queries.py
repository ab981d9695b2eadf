# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Queries over a made-up database, against one plain look at the name of every record: this ratio drifts less with the
machine and with what else it does than milliseconds do."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import generator
from measuring import Measurement, Scale, in_process

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
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return statistics.median(times)


def plain_look(database: Database) -> list[str]:
    return [dag_hash for dag_hash, record in database.records.items() if record.node.name == "no such name"]


def measure(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """Queries of several kinds."""
    generator.write_index(folder, scale.packages)
    for text, facts in in_process(ask, str(folder)).answer.items():
        title = f"query {text} ({facts['found']:,} found, {facts['ms']:.1f} ms): plain looks"
        yield Measurement(title, "x", [facts["ratio"]], QUERIES[text])


def ask(install_root: str) -> dict[str, dict[str, float]]:
    """What the measured process does."""
    database = read_database(Path(install_root))
    name = Counter(record.name for record in database.records.values()).most_common(1)[0][0]
    plain = median_seconds(lambda: plain_look(database))
    found = {}
    for text in QUERIES:
        query = parse_query(text.replace("NAME", name))
        count = len(select(query, database.world, recipes=database.recipes).matched)
        seconds = median_seconds(partial(select, query, database.world, recipes=database.recipes))
        found[text] = {"found": count, "ms": seconds * 1000, "ratio": seconds / plain}
    return found
