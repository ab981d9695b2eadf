# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Spack environments: finding them and reading the concrete roots from their lock files (format versions 4 to 6)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from core.foundation.decoding import from_json
from core.foundation.digests import is_dag_hash
from core.foundation.errors import DatabaseError, NotFound, from_os_error
from core.spack.node_reader import NodeReader
from core.spack.specs import Node

MANIFEST_NAME = "spack.yaml"
LOCK_NAME = "spack.lock"

_LOCK_VERSIONS = (4, 5, 6)
_MANAGED_NAME = re.compile(r"\w[/\w-]*")


@dataclass(frozen=True, slots=True)
class Environment:
    """A directory with a spack.yaml. `name` is the path itself unless the instance manages it."""

    name: str
    path: Path

    @property
    def manifest(self) -> Path:
        return self.path / MANIFEST_NAME

    @property
    def lock(self) -> Path:
        return self.path / LOCK_NAME

    @property
    def scope_name(self) -> str:
        """Name of its configuration scope. Spack names nested managed environments by their path there."""
        return f"env:{self.path if '/' in self.name else self.name}"


@dataclass(frozen=True, slots=True)
class EnvironmentLock:
    """Concrete roots, those of included environments after its own, each once; and all their dependencies.

    `specs[i]` is what the user asked for and got as `roots[i]`. `nodes` are everything that was concretized, by hash.
    """

    roots: tuple[str, ...]
    specs: tuple[str, ...]
    nodes: Mapping[str, Node] = field(default_factory=dict, repr=False)


class ManagesEnvironments(Protocol):
    """An instance; None if it has no directory of environments."""

    @property
    def environments_root(self) -> Path | None: ...


class _Root(msgspec.Struct):
    hash: str
    spec: str


class _Meta(msgspec.Struct):
    lockfile_version: int = msgspec.field(name="lockfile-version")


class _Included(msgspec.Struct):
    roots: list[_Root]
    concrete_specs: dict[str, msgspec.Raw] = {}
    include_concrete: dict[str, _Included] = {}


class _Lock(msgspec.Struct):
    meta: _Meta = msgspec.field(name="_meta")
    roots: list[_Root]
    concrete_specs: dict[str, msgspec.Raw]
    include_concrete: dict[str, _Included] = {}


def is_environment(directory: Path) -> bool:
    return (directory / MANIFEST_NAME).is_file()


def environment_at(path: Path, root: Path | None) -> Environment:
    """The environment in the directory `path`, under its managed name if it lies (or is linked) below `root`."""
    if root is not None:
        for name in (os.path.relpath(os.path.realpath(path), os.path.realpath(root)), path.name):
            if _MANAGED_NAME.fullmatch(name) and os.path.realpath(root / name) == os.path.realpath(path):
                return Environment(name, path)
    return Environment(str(path), path)


def managed_environment(root: Path | None, name: str) -> Environment | None:
    """The environment called `name` below the instance's directory of environments, None if there is none."""
    if root is None or not _MANAGED_NAME.fullmatch(name) or not is_environment(root / name):
        return None
    return Environment(name, root / name)


def list_environments(instance: ManagesEnvironments) -> list[Environment]:
    """All environments the instance manages, by name. Walks directories; unreadable ones are passed over."""
    root = instance.environments_root
    if root is None:
        return []
    found: list[Environment] = []
    visited: set[str] = set()
    for directory, subdirectories, files in os.walk(root, followlinks=True):
        real = os.path.realpath(directory)
        if real in visited:
            subdirectories.clear()
            continue
        visited.add(real)
        subdirectories[:] = sorted(name for name in subdirectories if not name.startswith("."))
        name = Path(directory).relative_to(root).as_posix()
        if MANIFEST_NAME in files and _MANAGED_NAME.fullmatch(name):
            found.append(Environment(name, Path(directory)))
    return sorted(found, key=lambda environment: environment.name)


def read_lock(environment: Environment) -> EnvironmentLock:
    """Read the lock file. Raises NotFound if there is none, DatabaseError if it cannot be understood."""
    path = environment.lock
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(
            f"Environment {environment.name} has no lock file",
            f"{path} does not exist",
            remedies=("Run spack concretize in this environment.",),
        ) from None
    except OSError as error:
        raise from_os_error(error, f"The lock file of environment {environment.name} cannot be read", path) from error
    try:
        lock = from_json(data, _Lock)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatabaseError(f"{path} is not a lock file of Spack", str(error)) from None
    if lock.meta.lockfile_version not in _LOCK_VERSIONS:
        raise DatabaseError(f"{path} cannot be read", f"its lock file version is {lock.meta.lockfile_version}")
    for root in lock.roots:
        if root.hash not in lock.concrete_specs:
            raise DatabaseError(f"{path} is damaged", f"the root {root.hash[:40]!r} is not among its specs")
    specs: dict[str, str] = {}
    nodes: dict[str, Node] = {}
    reader = NodeReader()
    for part in _parts(_Included(lock.roots, lock.concrete_specs, lock.include_concrete)):
        for root in part.roots:
            if not is_dag_hash(root.hash):
                raise DatabaseError(f"{path} is damaged", f"{root.hash[:40]!r} is not a hash")
            specs.setdefault(root.hash, root.spec)
        for dag_hash in part.concrete_specs.keys() - nodes.keys():
            with suppress(DatabaseError):  # one of a future format: what is installed is in the database anyway
                nodes[dag_hash] = reader.read(bytes(part.concrete_specs[dag_hash]), dag_hash)
    return EnvironmentLock(tuple(specs), tuple(specs.values()), nodes)


def _parts(whole: _Included) -> Iterator[_Included]:
    pending = [whole]
    while pending:
        part = pending.pop()
        yield part
        pending.extend(reversed(part.include_concrete.values()))
