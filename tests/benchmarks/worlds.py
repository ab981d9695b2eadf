# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Measures what grows with the number of packages, and the start of the program, and prints a table with verdicts.

    python tests/benchmarks/worlds.py                      100,000 packages; a push of 10,000 that are there already
    python tests/benchmarks/worlds.py --packages 20000 --present 2000 --runs 1

Each run is a process of its own; what counts is its CPU time and its largest memory, both without the start of Python
and its imports. Targets are for 100,000 packages and a push of 10,000, and in proportion for other numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import generator
import msgspec

from core.caches.folder_cache import FolderCache
from core.caches.folder_objects import put_object
from core.caches.index import encode_index
from core.caches.layout3 import INDEX_MANIFEST, INDEX_TYPE, entry_manifest
from core.caches.protocol import EntryName, IndexRecord, Publication
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.packing.model import Codec, PackedPackage
from core.services.access import open_access
from core.services.push import plan_push
from core.spack.database import Database, read_database
from core.spack.instance import find_instance
from core.spack.queries import parse_query, select
from core.spack.specs import PackageRecord, spec_document
from core.transfers.plan import PushOptions, PushRequest, Signing

USUAL_PACKAGES, USUAL_PRESENT = 100_000, 10_000
CHANGED = 10
LONG_AGO = 1_000_000_000.0


@dataclass(frozen=True, slots=True)
class Row:
    """`most` is for the usual number; of what `of` counts it is in proportion, "" for what does not grow."""

    title: str
    unit: str
    most: float
    of: str = ""


ROWS = {
    "version": Row("mirrordeck --version", "s", 0.3),
    "mirrors": Row("mirrordeck mirror list", "s", 0.6),
    "load": Row("install database: load", "s", 1.8, "packages"),
    "load_memory": Row("install database: memory", "MB", 240, "packages"),
    "first_query": Row("first query with ^", "s", 1.5, "packages"),
    "query": Row("next query with ^", "s", 0.3, "packages"),
    "present": Row("plan of a push that has nothing to do", "s", 3.0, "present"),
    "index": Row(f"index update after {CHANGED} packages", "s", 1.0, "packages"),
    "index_memory": Row("index update: memory / size of the index", "x", 2.0),
}


def megabytes(name: str) -> float:
    """`VmRSS` or `VmHWM` of this process."""
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0]) / 1000


def spent(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def here(database: Database) -> list[PackageRecord]:
    return [record for record in database.records.values() if not record.external]


def publish(cache: FolderCache, record: PackageRecord, database: Database) -> None:
    """Put in a package whose archive is only its hash."""
    data = record.hash.encode()
    entry = EntryName(record.name, record.version, record.hash)
    staging = cache.staging(entry)
    staging.write_bytes(data)
    packed = PackedPackage(staging, digest_of(data), digest_of(data), len(data), len(data), 1, Codec.DEFAULT)
    document = spec_document(record, database.records)
    cache.publish(Publication(entry, packed, document, None, record), token=CancelToken(), progress=lambda _: None)


def make_present(folder: Path, count: int) -> None:
    """An install tree, and a mirror that has all of it."""
    generator.write_index(folder / "spack", count)
    database = read_database(folder / "spack")
    cache = FolderCache(folder / "mirror")
    cache.prepare(None)
    for record in here(database):
        publish(cache, record, database)


def make_indexed(folder: Path, count: int) -> None:
    """A mirror whose index is complete but for the last packages; the manifests of the others are empty files."""
    generator.write_index(folder / "spack", count)
    database = read_database(folder / "spack")
    cache = FolderCache(folder / "mirror")
    cache.prepare(None)
    records = here(database)
    old = records[:-CHANGED]
    for record in old:
        manifest = cache.folder.path(entry_manifest(EntryName(record.name, record.version, record.hash)))
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.touch()
        os.utime(manifest, (LONG_AGO, LONG_AGO))
    entries = {record.hash for record in old}
    index = {
        key: IndexRecord(msgspec.Raw(record.document), 0, key in entries)
        for key, record in sorted(database.records.items())
        if key in entries or record.external
    }
    put_object(cache.folder, INDEX_MANIFEST, INDEX_TYPE, encode_index(index))
    for record in records[-CHANGED:]:
        publish(cache, record, database)


def load_and_ask(folder: Path) -> dict[str, float]:
    before = megabytes("VmRSS")
    databases: list[Database] = []
    found = {"load": spent(lambda: databases.append(read_database(folder / "spack")))}
    found["load_memory"] = megabytes("VmRSS") - before
    (database,) = databases
    found["first_query"] = spent(lambda: select(parse_query("^libc"), database.world))
    found["query"] = spent(lambda: select(parse_query("^openmpi"), database.world))
    return found


def plan_present(folder: Path) -> dict[str, float]:
    def plan() -> None:
        instance = find_instance(str(folder / "spack"), environ={})
        access = open_access(instance, keep=False)
        hashes = tuple(record.hash for record in here(instance.database(CancelToken())))
        request = PushRequest(str(folder / "mirror"), hashes=hashes, options=PushOptions(signing=Signing.UNSIGNED))
        plan_push(instance, access, request, cwd=folder, token=CancelToken())
        access.close()

    return {"present": spent(plan)}


def update_index(folder: Path) -> dict[str, float]:
    cache = FolderCache(folder / "mirror")
    before = megabytes("VmRSS")
    cpu = spent(lambda: cache.update_index(full=False, token=CancelToken(), progress=lambda _done, _total: None))
    index = cache.read_index()
    size = len(encode_index(index.records)) / 1e6 if index is not None else 1.0
    return {"index": cpu, "index_memory": (megabytes("VmHWM") - before) / size}


WORK = {work.__name__: work for work in (load_and_ask, plan_present, update_index)}


def measured(name: str, folder: Path, home: Path) -> dict[str, float]:
    """What one process finds."""
    done = subprocess.run(
        [sys.executable, __file__, "--work", name, "--folder", folder],
        stdout=subprocess.PIPE,
        env=environment(home),
        check=True,
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SPACK_"))}
    return kept | {"HOME": str(home)}


def start_up(arguments: tuple[str, ...], home: Path) -> float:
    """CPU seconds of the whole command, imports and all."""
    command = [sys.executable, "-c", "import sys; from core.cli.main import main; sys.exit(main())", *arguments]
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, cwd=Path(__file__).resolve().parents[2], env=environment(home)
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return usage.ru_utime + usage.ru_stime


def table_line(name: str, values: list[float], scale: dict[str, float]) -> str:
    row = ROWS[name]
    most = row.most * max(scale.get(row.of, 1.0), 0.1)
    value = statistics.median(values)
    spread = f"({min(values):.2f}-{max(values):.2f})"
    verdict = "reached" if value <= most else "MISSED"
    return f"{row.title:42} {value:8.2f} {row.unit:2} {spread:>17}  <= {most:6.2f}  {value / most:5.2f}  {verdict}"


def benchmark(packages: int, present: int, runs: int, folder: Path) -> None:
    print(f"{packages:,} packages, {present:,} of them in a push with nothing to do, medians of {runs}")
    print(f"{'':42} {'':8}    {'(min-max)':>17}  target     of it  verdict", flush=True)
    home = folder / "home"
    home.mkdir()
    few, many = folder / "present", folder / "many"
    found: dict[str, list[float]] = {}
    make_present(few, present)
    instance = str(few / "spack")
    for _ in range(runs):
        found.setdefault("version", []).append(start_up(("--version",), home))
        found.setdefault("mirrors", []).append(start_up(("--instance", instance, "mirror", "list"), home))
    for _ in range(runs):
        # Each update needs a mirror that has just been pushed to.
        with tempfile.TemporaryDirectory(dir=folder) as again:
            make_indexed(Path(again), packages)
            add(found, measured("update_index", Path(again), home))
    generator.write_index(many / "spack", packages)
    for _ in range(runs):
        add(found, measured("load_and_ask", many, home))
        add(found, measured("plan_present", few, home))
    scale = {"packages": packages / USUAL_PACKAGES, "present": present / USUAL_PRESENT}
    for name in ROWS:
        print(table_line(name, found[name], scale), flush=True)


def add(found: dict[str, list[float]], more: dict[str, float]) -> None:
    for name, value in more.items():
        found.setdefault(name, []).append(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=int, default=USUAL_PACKAGES)
    parser.add_argument("--present", type=int, default=USUAL_PRESENT)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work, default a temporary folder")
    parser.add_argument("--work", choices=WORK, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(WORK[options.work](options.folder)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        benchmark(options.packages, options.present, options.runs, Path(folder))


if __name__ == "__main__":
    main()
