# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Install trees and databases to measure with: made-up specs, real files of this machine, sizes as in real trees.

In the tree these sizes come from, half of the prefixes were smaller than 0.25 MB and one in ten larger than 3 MB; one
in a hundred held 56 % of all bytes.
"""

from __future__ import annotations

import bisect
import math
import os
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core.services.sample import write_database
from core.services.sample_files import write_notes
from core.services.sample_nodes import SampleEdge, SampleNode, SampleRecord, make_node
from core.services.sample_packages import compiler_edges, sample_packages

SIGMA = math.log(3 / 0.25) / 1.2816  # a log-normal distribution: 1.2816 standard deviations lie below nine tenths
GIANTS, GIANTS_SHARE = 0.01, 0.56
FILES_PER_FOLDER = 8
PATH_MENTIONS = 0.023  # the share of files that mention their own prefix
COMPRESSED = (".gz", ".xz", ".whl", ".zip", ".png")
LARGEST_SAMPLE = 40_000_000
KINDS = (("build", "link"), ("build", "link"), ("link",), ("build", "run"), ("build",))


@dataclass(frozen=True, slots=True)
class Size:
    """How large a tree is. `spread` is the sigma of the sizes, 0 for equal ones."""

    packages: int
    megabytes: int
    spread: float = SIGMA
    giants: bool = True


SIZES = {
    "tiny": Size(4, 3),
    "small": Size(60, 120),
    "many-small": Size(2000, 170, spread=0.8, giants=False),
    "one-giant": Size(1, 200, spread=0, giants=False),
    "giant": Size(1, 2000, spread=0, giants=False),
    "corpus": Size(673, 1940),
}


def write_tree(install_root: Path, size: Size, *, seed: int = 1) -> list[SampleRecord]:
    """Make an install tree with a database; gives back the packages that have files."""
    chance = random.Random(seed)
    records = made_up_records(size.packages, seed=seed)
    packed = records[-size.packages :]
    files = FilePool(chance)
    for record, wanted in zip(packed, prefix_sizes(size, chance), strict=True):
        prefix = Path(record.node.prefix(str(install_root)))
        files.fill(prefix, wanted)
        write_notes(prefix, record.node)
    foundations = [replace(record, installed=bool(record.node.external_prefix)) for record in records[: -size.packages]]
    write_database(install_root, [*foundations, *packed])
    return packed


def write_index(install_root: Path, specs: int, *, seed: int = 1, filled: int = 0) -> list[SampleRecord]:
    """Make the database of an install tree with about this many specs, for the tables of the window.

    Only the first ones, what they need among them, have files, so that `filled` of them can be pushed; gives these
    back.
    """
    records = made_up_records(specs, seed=seed)
    write_database(install_root, records)
    if not filled:
        return []
    chance = random.Random(seed)
    full = [record for record in records if not record.node.external_prefix][:filled]
    files = FilePool(chance)
    many = SIZES["many-small"]
    share = replace(many, packages=filled, megabytes=max(1, many.megabytes * filled // many.packages))
    for record, wanted in zip(full, prefix_sizes(share, chance), strict=True):
        prefix = Path(record.node.prefix(str(install_root)))
        files.fill(prefix, wanted)
        write_notes(prefix, record.node)
    return full


def made_up_records(count: int, *, seed: int) -> list[SampleRecord]:
    """Dependencies first: those of the sample instance, then `count` more, as deep as a scientific software stack."""
    chance = random.Random(seed)
    base = sample_packages()
    nodes = {key: package.record.node for key, package in base.items()}
    records = [package.record for package in base.values()]
    names = sorted({key.partition(":")[0] for key in nodes if not nodes[key].external_prefix})
    stack: list[SampleNode] = []
    made: set[str] = set()
    while (number := len(stack)) < count:
        name = f"{chance.choice(names)}-{number % 197}" if number % 3 else chance.choice(names)
        # Looking back only a little makes chains; an occasional look far back makes shared foundations.
        recent = stack[-40:] if chance.random() < 0.3 else stack[: max(1, len(stack) // 20)]
        needs = {node.name: node for node in chance.sample(recent, min(len(recent), chance.randrange(6)))}
        compilers = compiler_edges(nodes, ("c", "cxx"))
        for taken in (name, *(edge.node.name for edge in compilers)):
            needs.pop(taken, None)  # Spack refuses databases where a package needs two of the same name
        edges = [SampleEdge(node, chance.choice(KINDS)) for node in needs.values()]
        node = make_node(
            name,
            f"{chance.randrange(12)}.{number % 60}.{chance.randrange(10)}",
            variants={"shared": chance.random() < 0.8, "mpi": chance.random() < 0.3, "build_type": "Release"},
            edges=edges + compilers,
        )
        if node.hash in made:
            continue  # among very many the same comes up again
        made.add(node.hash)
        stack.append(node)
        records.append(SampleRecord(node, explicit=chance.random() < 0.1))
    return records


def prefix_sizes(size: Size, chance: random.Random) -> list[int]:
    """Bytes of each prefix, in random order."""
    normal = statistics.NormalDist()
    ranks = ((number + 0.5) / size.packages for number in range(size.packages))
    weights = sorted(math.exp(size.spread * normal.inv_cdf(rank)) for rank in ranks)
    if size.giants:
        giants = max(1, round(size.packages * GIANTS))
        rest = sum(weights[:-giants]) or 1.0
        weights[-giants:] = [rest * GIANTS_SHARE / (1 - GIANTS_SHARE) / giants] * giants
    total = sum(weights)
    sizes = [int(size.megabytes * 1_000_000 * weight / total) for weight in weights]
    chance.shuffle(sizes)
    return sizes


class FilePool:
    """Real files to copy: libraries, headers, Python modules, data."""

    def __init__(self, chance: random.Random, *, limit: int = 60_000) -> None:
        self._chance = chance
        places = ("/usr/lib", "/usr/include", "/usr/share", "/usr/bin", sys.prefix, sys.base_prefix)
        found = sorted(
            {(size, path) for place in places for size, path in files_below(place)}, key=lambda item: item[1]
        )
        chosen = sorted(chance.sample(found, min(limit, len(found))))
        self._sizes = [size for size, _ in chosen]
        self._paths = [path for _, path in chosen]

    def fill(self, prefix: Path, wanted: int) -> None:
        """Copy random files until about `wanted` bytes are there."""
        left, number = wanted, 0
        folder = prefix / "share"
        while left > 0:
            below = bisect.bisect_right(self._sizes, max(left, 2000))
            if not below:
                raise SystemExit("there are no small files on this machine to take samples of")
            path = self._paths[self._chance.randrange(below)]
            if number % FILES_PER_FOLDER == 0:
                folder = folder_below(prefix, path)
            left -= self._copy(path, folder / f"{number}-{Path(path).name}", prefix)
            number += 1

    def _copy(self, path: str, target: Path, prefix: Path) -> int:
        try:
            contents = Path(path).read_bytes()
        except OSError:
            return 0
        if self._chance.random() < PATH_MENTIONS:
            contents = f"# from {prefix}/share\n".encode() + contents
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents)
        if os.access(path, os.X_OK):
            target.chmod(0o755)
        return len(contents)


def folder_below(prefix: Path, path: str) -> Path:
    """Where a copy of `path` goes: into the last three of its directories, below `prefix` however few there are."""
    return prefix.joinpath(*Path(path).parts[1:-1][-3:])


def files_below(place: str) -> Iterator[tuple[int, str]]:
    """Size and path of regular files; nothing larger than 40 MB, nothing that is compressed already."""
    pending = [place]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":  # comes and goes, and would change what a seed means
                        pending.append(entry.path)
                elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(COMPRESSED):
                    size = entry.stat().st_size
                    if 0 < size < LARGEST_SAMPLE:
                        yield size, entry.path


def tree_facts(install_root: Path, records: Sequence[SampleRecord]) -> str:
    """One line about what was made, to compare measurements by."""
    sizes = []
    files = 0
    for record in records:
        found = [path for path in Path(record.node.prefix(str(install_root))).rglob("*") if path.is_file()]
        files += len(found)
        sizes.append(sum(path.stat().st_size for path in found))
    total = sum(sizes) / 1e6
    return (
        f"{len(sizes)} prefixes, {files} files, {total:.0f} MB, median prefix {statistics.median(sizes) / 1e6:.2f} MB"
    )
