# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Measures whole pushes against real Spack, in alternating pairs: start, plan, packing, publishing, no index.

    python tests/benchmarks/against.py PATH_TO_SPACK --size small --pairs 3
    python tests/benchmarks/against.py PATH_TO_SPACK --registry oci+http://127.0.0.1:5000/bench

Spack runs from its checkout with an empty home, and pushes the generated tree; SPACK_PYTHON may say with which Python.
Without a registry the target is a fresh folder for each push. What counts is the CPU time of the process trees.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import generator

from core.spack.database import read_database
from core.spack.specs import PackageState

OPTIONS = ("--unsigned", "--private", "--only", "package")
# What both need of the person's environment; anything else could change what they do.
KEPT = ("PATH", "LANG", "SPACK_PYTHON")


@dataclass(frozen=True, slots=True)
class Target:
    """Where pushes go and how much faster ours must be there."""

    name: str
    least: float
    registry: str = ""

    def address(self, place: Path, number: int) -> str:
        return f"{self.registry}-{place.name.lower()}-{number}" if self.registry else str(place / f"mirror-{number}")


def spack_push(spack: Path, install_root: Path, address: str, hashes: Sequence[str]) -> list[str]:
    settings = (f"config:install_tree:root:{install_root}", "config:locks:false")
    configured = [word for setting in settings for word in ("-c", setting)]
    return [str(spack / "bin/spack"), *configured, "buildcache", "push", *OPTIONS, address, *hashes]


def our_push(install_root: Path, address: str, hashes: Sequence[str], codec: str) -> list[str]:
    start = "import sys; from core.cli.main import main; sys.exit(main())"
    push = ["buildcache", "push", *OPTIONS, "--codec", codec, address, *hashes]
    return [sys.executable, "-c", start, "--instance", str(install_root), *push]


def cpu_seconds(command: list[str], home: Path, log: Path) -> float:
    """User and system time of a command and its children. Ends the program if the command fails."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"HOME": str(home), "SPACK_DISABLE_LOCAL_CONFIG": "1", "SPACK_USER_CACHE_PATH": str(home / "cache")}
    environment |= {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "MIRRORDECK_HOME": str(home / "mirrordeck")}
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    redirect = [(os.POSIX_SPAWN_OPEN, 1, str(log), write, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
    child = os.posix_spawn(command[0], command, environment, file_actions=redirect)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command[:12])} … failed:\n{log.read_text()[-2000:]}")
    return usage.ru_utime + usage.ru_stime


def compare(spack: Path, install_root: Path, target: Target, codec: str, pairs: int) -> list[tuple[float, float]]:
    """CPU seconds of Spack's push and ours; each pair in the other order than the one before, each with a new home, so
    that nothing is packed already."""
    database = read_database(install_root)
    hashes = [f"/{record.hash}" for record in database.records.values() if record.state is PackageState.INSTALLED]
    found = []
    for number in range(pairs):
        spent: dict[str, float] = {}
        for who in ("spack", "ours") if number % 2 == 0 else ("ours", "spack"):
            with tempfile.TemporaryDirectory(dir=install_root.parents[1]) as place:
                home = Path(place, "home")
                home.mkdir()
                address = target.address(Path(place), number)
                command = (
                    spack_push(spack, install_root, address, hashes)
                    if who == "spack"
                    else our_push(install_root, address, hashes, codec)
                )
                spent[who] = cpu_seconds(command, home, Path(place, "log"))
        found.append((spent["spack"], spent["ours"]))
    return found


def table_line(target: Target, codec: str, pairs: Sequence[tuple[float, float]]) -> str:
    ratios = [theirs / ours for theirs, ours in pairs]
    ratio, spread = statistics.median(ratios), f"({min(ratios):.2f}-{max(ratios):.2f})"
    theirs, ours = (statistics.median(pair[which] for pair in pairs) for which in (0, 1))
    verdict = "reached" if ratio >= target.least else "MISSED"
    return (
        f"{target.name:9} {codec:8} {ratio:6.2f} {spread}  >= {target.least:.1f}  {theirs:7.1f} {ours:7.1f}  {verdict}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spack", type=Path, help="a checkout of Spack 1.1 or newer")
    parser.add_argument("--size", choices=generator.SIZES, default="small")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--registry", default="", help="also push to this registry: oci+http://HOST/NAME")
    parser.add_argument("--folder", type=Path, help="where to work, default a temporary folder")
    options = parser.parse_args()
    targets = [Target("folder", 3.3)] + [Target("registry", 2.0, options.registry)] * bool(options.registry)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        install_root = Path(folder, "opt/spack")
        records = generator.write_tree(install_root, generator.SIZES[options.size])
        print(f"{options.size}: {generator.tree_facts(install_root, records)}", flush=True)
        print("target    codec    CPU ratio (min-max)   least  Spack s  ours s  verdict")
        for target in targets:
            for codec in ("default", "fast"):
                found = compare(options.spack, install_root, target, codec, options.pairs)
                print(table_line(target, codec, found), flush=True)


if __name__ == "__main__":
    main()
