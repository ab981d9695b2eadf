# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the packages page asks of an install database; memory is what the process grew by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import generator
from measuring import USUAL_PACKAGES, Measurement, Scale, in_process, megabytes, of_scale

from core.services.package_graph import all_dependencies, all_dependents, package_graph
from core.services.packages import changes_since, find_by_text, package_rows
from core.spack.database import read_database

MOST = {"load": 1.8, "memory": 240.0, "first query": 1.5, "query ^": 0.3}


def measure(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """Databases of several sizes."""
    for count in scale.databases:
        install_root = folder / str(count)
        generator.write_index(install_root, count)
        runs = [in_process(look, str(install_root)).answer for _ in range(scale.runs)]
        for name in runs[0]:
            unit = "MB" if name in ("memory", "peak") else "s"
            most = of_scale(MOST[name], count, USUAL_PACKAGES) if name in MOST else None
            yield Measurement(f"database of {count:,}: {name}", unit, [run[name] for run in runs], most)


def look(place: str) -> dict[str, float]:
    """What one measured process does."""
    install_root = Path(place)
    found: dict[str, float] = {}

    def timed(name: str, do: Callable[[], object]) -> object:
        start = time.process_time()
        result = do()
        found[name] = time.process_time() - start
        return result

    before = megabytes("VmRSS")
    database = timed("load", lambda: read_database(install_root))
    found["memory"] = megabytes("VmRSS") - before
    found["peak"] = megabytes("VmHWM") - before
    rows = package_rows(database, database.records.values())
    timed("first row", lambda: next(rows))
    timed("rows", lambda: sum(1 for _ in rows))
    last = next(reversed(database.records.values()))
    timed("first query", lambda: find_by_text(database, f"{last.name}@2: +shared"))
    timed("query", lambda: find_by_text(database, f"{last.name}@3: +shared"))
    timed("query ^", lambda: find_by_text(database, f"{last.name} ^zlib-ng"))
    timed("all dependencies", lambda: all_dependencies(database, list(database.records)))
    timed("all dependents", lambda: all_dependents([next(iter(database.records))], database))
    timed("picture", lambda: package_graph(database, last.hash, 300))
    again = timed("reload", lambda: read_database(install_root, known=database.records))
    timed("changes", lambda: changes_since(database, again))
    return found
