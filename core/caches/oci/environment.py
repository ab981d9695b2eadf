# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The environment variables of an image, as far as the files of the packages tell. Facts seen in Spack 1.1's output.

Spack applies what `spack load` would: first what `modules:prefix_inspections` finds in every prefix, then, for what
runs, the programs' directories once more and whatever the recipes say. Recipes cannot be run here, so that last part
is missing; everything else is the same, down to the order and the entries that occur twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from core.caches.oci.layers import node_source, run_dependencies, topological_order
from core.spack.specs import PackageRecord

# Spack's own default. Keys are directories below a prefix, "" the prefix itself.
PREFIX_INSPECTIONS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "bin": ("PATH",),
        "man": ("MANPATH",),
        "share/man": ("MANPATH",),
        "share/aclocal": ("ACLOCAL_PATH",),
        "lib/pkgconfig": ("PKG_CONFIG_PATH",),
        "lib64/pkgconfig": ("PKG_CONFIG_PATH",),
        "share/pkgconfig": ("PKG_CONFIG_PATH",),
        "": ("CMAKE_PREFIX_PATH",),
    }
)

_START = MappingProxyType({"PATH": "/bin:/usr/bin"})
_PROGRAMS = ("bin", "bin64")
_SYSTEM_ROOTS = ("/", "/usr", "/usr/local")
_SYSTEM_PATHS = frozenset(
    str(Path(root, part)) for root in _SYSTEM_ROOTS for part in ("", "bin", "bin64", "include", "lib", "lib64")
)


class MadeBy(StrEnum):
    """How variables were found: all by the instance's own spack, or some from the packages' files alone."""

    SPACK = "spack"
    FILES = "files"


def start_of(base: Iterable[str] = ()) -> dict[str, str]:
    """What an image's variables begin with, given the `KEY=value` entries of its base image."""
    return dict(_START) | dict(entry.split("=", 1) for entry in base if "=" in entry)


def entries_of(start: Iterable[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """`KEY=value` entries: those of `start` keep their places, new ones follow by name."""
    kept = [name for name in start if name in variables]
    return tuple(f"{name}={variables[name]}" for name in [*kept, *sorted(variables.keys() - set(kept))])


def environment_from_files(
    roots: Sequence[str],
    records: Mapping[str, PackageRecord],
    start: Mapping[str, str],
    *,
    inspections: Mapping[str, Sequence[str]] = PREFIX_INSPECTIONS,
    is_directory: Callable[[str], bool] = lambda path: Path(path).is_dir(),
) -> tuple[str, ...]:
    """The variables of the image of `roots`, without what only the recipes know. Any thread; never raises."""
    node_of = node_source(records)
    variables = dict(start)

    def prepend(name: str, path: str) -> None:
        if is_directory(path):
            variables[name] = f"{path}:{variables[name]}" if variables.get(name) else path

    leaves_first = topological_order(roots, node_of)[::-1]
    prefixes = {dag_hash: prefix for dag_hash in leaves_first if (prefix := _prefix(records[dag_hash]))}
    for prefix in prefixes.values():
        for directory, names in inspections.items():
            for name in names:
                prepend(name, f"{prefix}/{directory}".rstrip("/"))
    runnable = run_dependencies(leaves_first, node_of) | set(roots)
    for dag_hash in sorted((key for key in prefixes if key in runnable), key=lambda key: not records[key].external):
        for directory in _PROGRAMS:
            prepend("PATH", f"{prefixes[dag_hash]}/{directory}")
    return entries_of(start, variables)


def _prefix(record: PackageRecord) -> str | None:
    """Where the package lies, None for the places every system looks in anyway."""
    prefix = (record.prefix or "").rstrip("/") or None
    return None if prefix in _SYSTEM_PATHS else prefix
