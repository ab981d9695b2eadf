# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whole pushes against real Spack, in alternating pairs: start, plan, packing, publishing, no index.

Spack runs from its checkout with an empty home, and pushes the generated tree; SPACK_PYTHON may say with which Python.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import generator
from measuring import Measurement, Scale, installed, our_command, run_command
from registry.kit.fake_registry import FakeRegistry

from core.spack.database import read_database

OPTIONS = ("--unsigned", "--private", "--only", "package")
# What both need of the person's environment; anything else could change what they do.
KEPT = ("PATH", "LANG", "SPACK_PYTHON")
LEAST = 3.3
Mirror = AbstractContextManager[str]


def write_recipes(install_root: Path) -> Path:
    """A configuration scope with an empty recipe of everything installed: without them Spack pushes to no registry."""
    repository = install_root.parent / "recipes/spack_repo/builtin"
    for name in {record.name for record in read_database(install_root).records.values()}:
        recipe = repository / "packages" / name.replace("-", "_") / "package.py"
        recipe.parent.mkdir(parents=True)
        class_name = "".join(word.capitalize() for word in name.split("-"))
        recipe.write_text(f'from spack.package import *\n\n\nclass {class_name}(PackageBase):\n    version("1")\n')
    (repository / "repo.yaml").write_text("repo:\n  namespace: builtin\n  api: v2.2\n")
    scope = install_root.parent / "scope"
    scope.mkdir()
    (scope / "repos.yaml").write_text(f"repos::\n  builtin: {repository}\n")
    return scope


def spack_push(spack: Path, install_root: Path, scope: Path, address: str, hashes: Sequence[str]) -> list[str]:
    settings = (f"config:install_tree:root:{install_root}", "config:locks:false")
    configured = [word for setting in settings for word in ("-c", setting)]
    return [str(spack / "bin/spack"), "-C", str(scope), *configured, "buildcache", "push", *OPTIONS, address, *hashes]


def our_push(install_root: Path, address: str, hashes: Sequence[str], codec: str) -> list[str]:
    push = ["buildcache", "push", *OPTIONS, "--codec", codec, address, *hashes]
    return our_command("--instance", install_root, *push)


def cpu_seconds(command: list[str], home: Path, log: Path) -> float:
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"HOME": str(home), "SPACK_DISABLE_LOCAL_CONFIG": "1", "SPACK_USER_CACHE_PATH": str(home / "cache")}
    environment |= {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "MIRRORDECK_HOME": str(home / "mirrordeck")}
    return run_command(command, log, environment).cpu_s


def measure(scale: Scale, folder: Path, spack: Path) -> Iterator[Measurement]:
    """Pushes to a folder, and to a registry on loopback."""
    install_root = folder / "opt/spack"
    generator.write_tree(install_root, generator.SIZES[scale.compared])
    scope = write_recipes(install_root)
    for kind, place in (("folder", folder_mirror), ("registry", registry_mirror)):
        for codec in ("default", "fast"):
            ratios = compare(spack, install_root, scope, codec, scale.pairs, place)
            title = f"push {scale.compared} to a {kind}, {codec}: CPU of Spack / ours"
            yield Measurement(title, "x", ratios, LEAST if kind == "folder" else None, at_least=True)


@contextmanager
def folder_mirror(place: Path) -> Iterator[str]:
    yield str(place / "mirror")


@contextmanager
def registry_mirror(_place: Path) -> Iterator[str]:
    with FakeRegistry() as registry:
        yield f"oci+http://{registry.host}/bench"


def compare(
    spack: Path, install_root: Path, scope: Path, codec: str, pairs: int, mirror: Callable[[Path], Mirror]
) -> list[float]:
    """CPU seconds of Spack's push by ours; each pair in the other order than the one before, each with a new home and
    mirror, so that nothing is packed already."""
    hashes = [f"/{dag_hash}" for dag_hash in installed(install_root)]
    found = []
    for number in range(pairs):
        spent: dict[str, float] = {}
        for who in ("spack", "ours") if number % 2 == 0 else ("ours", "spack"):
            with tempfile.TemporaryDirectory(dir=install_root.parents[1]) as place, mirror(Path(place)) as address:
                home = Path(place, "home")
                home.mkdir()
                command = (
                    spack_push(spack, install_root, scope, address, hashes)
                    if who == "spack"
                    else our_push(install_root, address, hashes, codec)
                )
                spent[who] = cpu_seconds(command, home, Path(place, "log"))
        found.append(spent["spack"] / spent["ours"])
    return found
