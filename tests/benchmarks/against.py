# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whole pushes against real Spack, in alternating pairs: start, plan, packing, publishing, no index.

Spack runs from its checkout with an empty home, and pushes the generated tree; SPACK_PYTHON may say with which Python.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import generator
from measuring import Measurement, Scale, installed, our_command, run_command

OPTIONS = ("--unsigned", "--private", "--only", "package")
# What both need of the person's environment; anything else could change what they do.
KEPT = ("PATH", "LANG", "SPACK_PYTHON")


LEAST = 3.3


def spack_push(spack: Path, install_root: Path, address: str, hashes: Sequence[str]) -> list[str]:
    settings = (f"config:install_tree:root:{install_root}", "config:locks:false")
    configured = [word for setting in settings for word in ("-c", setting)]
    return [str(spack / "bin/spack"), *configured, "buildcache", "push", *OPTIONS, address, *hashes]


def our_push(install_root: Path, address: str, hashes: Sequence[str], codec: str) -> list[str]:
    push = ["buildcache", "push", *OPTIONS, "--codec", codec, address, *hashes]
    return our_command("--instance", install_root, *push)


def cpu_seconds(command: list[str], home: Path, log: Path) -> float:
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"HOME": str(home), "SPACK_DISABLE_LOCAL_CONFIG": "1", "SPACK_USER_CACHE_PATH": str(home / "cache")}
    environment |= {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "MIRRORDECK_HOME": str(home / "mirrordeck")}
    return run_command(command, log, environment).cpu_s


def measure(scale: Scale, folder: Path, spack: Path) -> Iterator[Measurement]:
    """Pushes to a folder. To a registry Spack pushes only packages it has recipes of."""
    install_root = folder / "opt/spack"
    generator.write_tree(install_root, generator.SIZES[scale.sent])
    for codec in ("default", "fast"):
        ratios = compare(spack, install_root, codec, scale.pairs)
        yield Measurement(f"push {scale.sent}, {codec}: CPU of Spack / ours", "x", ratios, LEAST, at_least=True)


def compare(spack: Path, install_root: Path, codec: str, pairs: int) -> list[float]:
    """CPU seconds of Spack's push by ours; each pair in the other order than the one before, each with a new home, so
    that nothing is packed already."""
    hashes = [f"/{dag_hash}" for dag_hash in installed(install_root)]
    found = []
    for number in range(pairs):
        spent: dict[str, float] = {}
        for who in ("spack", "ours") if number % 2 == 0 else ("ours", "spack"):
            with tempfile.TemporaryDirectory(dir=install_root.parents[1]) as place:
                home = Path(place, "home")
                home.mkdir()
                address = str(Path(place, "mirror"))
                command = (
                    spack_push(spack, install_root, address, hashes)
                    if who == "spack"
                    else our_push(install_root, address, hashes, codec)
                )
                spent[who] = cpu_seconds(command, home, Path(place, "log"))
        found.append(spent["spack"] / spent["ours"])
    return found
