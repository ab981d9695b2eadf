# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The environment variables of an image, as far as the files of the packages tell. Facts seen in Spack 1.1's output.

Spack applies what `spack load` would: first what `modules:prefix_inspections` finds in every prefix, then, for what
runs, the programs' directories once more and whatever the recipes say. Recipes cannot be run here, so that last part
is missing; everything else is the same, down to the order and the entries that occur twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from core.caches.oci.layers import RunGraph, topological_order
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

Paths = Sequence[tuple[str, str]]  # names of variables and directories


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


class FileVariables:
    """The variables of images as the files of `records` tell them, without what only the recipes know.

    Looks into each prefix once, whatever the number of images. Any thread; never raises.
    """

    def __init__(
        self,
        records: Mapping[str, PackageRecord],
        graph: RunGraph,
        *,
        inspections: Mapping[str, Sequence[str]] = PREFIX_INSPECTIONS,
        is_directory: Callable[[str], bool] = os.path.isdir,
    ) -> None:
        self._records = records
        self._graph = graph
        self._inspections = inspections
        self._is_directory = is_directory
        self._looked_at: dict[str, tuple[Paths, Paths]] = {}

    def entries(self, roots: Sequence[str], start: Mapping[str, str]) -> tuple[str, ...]:
        """`KEY=value` entries of the image of `roots`, which begins with `start`."""
        leaves_first = topological_order(roots, self._graph)[::-1]
        prefixes = {key: prefix for key in leaves_first if (prefix := _prefix(self._records[key]))}
        found = {dag_hash: self._paths_in(prefix) for dag_hash, prefix in prefixes.items()}
        runnable = set(roots).union(*map(self._graph.programs, leaves_first))
        programs = sorted((key for key in found if key in runnable), key=lambda key: not self._records[key].external)
        added: dict[str, list[str]] = {}
        for paths in (*(inspected for inspected, _ in found.values()), *(found[key][1] for key in programs)):
            for name, path in paths:
                added.setdefault(name, []).append(path)
        variables = dict(start)
        for name, values in added.items():
            values.reverse()
            variables[name] = ":".join([*values, start[name]] if start.get(name) else values)
        return entries_of(start, variables)

    def _paths_in(self, prefix: str) -> tuple[Paths, Paths]:
        """Variables and the directories they get: what is found in any prefix, and what more where programs run."""
        found = self._looked_at.get(prefix)
        if found is None:
            inspected = [
                (name, f"{prefix}/{directory}".rstrip("/"))
                for directory, names in self._inspections.items()
                for name in names
            ]
            programs = [("PATH", f"{prefix}/{directory}") for directory in _PROGRAMS]
            found = self._there(inspected), self._there(programs)
            self._looked_at[prefix] = found
        return found

    def _there(self, wanted: Paths) -> Paths:
        return [(name, path) for name, path in wanted if self._is_directory(path)]


def _prefix(record: PackageRecord) -> str | None:
    """Where the package lies, None for the places every system looks in anyway."""
    prefix = (record.prefix or "").rstrip("/") or None
    return None if prefix in _SYSTEM_PATHS else prefix
