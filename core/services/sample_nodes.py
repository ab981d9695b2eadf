# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Made-up specs that Spack 1.1 could have written: nodes with correct hashes, spec documents, database, lock file.

For samples and measurements only; nothing that Spack really installed passes through here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from core.spack.specs import dag_hash_of

PLATFORM, SYSTEM, TARGET = "linux", "rocky9", "x86_64_v3"
_FLAGS = ("cflags", "cppflags", "cxxflags", "fflags", "ldflags", "ldlibs")
_KINDS = ("build", "link", "run", "test")
_FIRST_INSTALLATION = 1_760_000_000.0
_INSTALLATION_RHYTHM_S = 391.7

Variant = bool | str | Sequence[str]


@dataclass(frozen=True, slots=True)
class SampleNode:
    """A concrete spec. `document` is the node as it stands in files; `kinds` are the dependency types of each edge."""

    name: str
    version: str
    hash: str
    document: dict[str, Any] = field(repr=False)
    dependencies: tuple[SampleNode, ...] = field(default=(), repr=False)
    kinds: tuple[tuple[str, ...], ...] = ()
    external_prefix: str = ""

    def prefix(self, install_root: str) -> str:
        if self.external_prefix:
            return self.external_prefix
        return str(PurePosixPath(install_root, f"{PLATFORM}-{TARGET}", f"{self.name}-{self.version}-{self.hash}"))


@dataclass(frozen=True, slots=True)
class SampleEdge:
    """How one spec needs another one. `kinds` are dependency types, `virtuals` what it provides to its dependent."""

    node: SampleNode
    kinds: tuple[str, ...] = ("build", "link")
    virtuals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A spec's place in the database."""

    node: SampleNode
    installed: bool = True
    explicit: bool = False


def make_node(
    name: str,
    version: str,
    *,
    variants: Mapping[str, Variant] | None = None,
    edges: Iterable[SampleEdge] = (),
    external: str = "",
    namespace: str = "builtin",
) -> SampleNode:
    """A concrete spec with its hash. `external` is the prefix of a package that Spack did not install."""
    parameters: dict[str, Any] = {"build_system": "generic", **(variants or {})}
    document: dict[str, Any] = {
        "name": name,
        "version": version,
        "arch": {"platform": PLATFORM, "platform_os": SYSTEM, "target": TARGET},
        "namespace": namespace,
        "parameters": dict(sorted(parameters.items())) | {flag: [] for flag in _FLAGS},
    }
    if external:
        document["external"] = {"path": external, "module": None, "extra_attributes": {}}
    document["package_hash"] = base64.b32encode(hashlib.sha256(name.encode()).digest()).decode().lower()
    ordered = sorted(edges, key=lambda edge: edge.node.name)
    if ordered:
        document["dependencies"] = [_edge_document(edge) for edge in ordered]
    document["annotations"] = {"original_specfile_version": 5}
    dag_hash = dag_hash_of(json.dumps(document).encode())
    document["hash"] = dag_hash
    return SampleNode(
        name=name,
        version=version,
        hash=dag_hash,
        document=document,
        dependencies=tuple(edge.node for edge in ordered),
        kinds=tuple(edge.kinds for edge in ordered),
        external_prefix=external,
    )


def closure(roots: Iterable[SampleNode]) -> Iterator[SampleNode]:
    """Every spec once, depth first, each before its dependencies."""
    pending = list(roots)[::-1]
    seen: set[str] = set()
    while pending:
        node = pending.pop()
        if node.hash not in seen:
            seen.add(node.hash)
            yield node
            pending.extend(reversed(node.dependencies))


def spec_file(node: SampleNode) -> bytes:
    """The contents of `.spack/spec.json`."""
    nodes = [member.document for member in closure([node])]
    return compact({"spec": {"_meta": {"version": 5}, "nodes": nodes}})


def database_file(records: Sequence[SampleRecord], install_root: str) -> bytes:
    """The contents of `.spack-db/index.json`, version 8. `records` must hold all dependencies."""
    needed = dict.fromkeys((record.node.hash for record in records), 0)
    for record in records:
        for dependency in record.node.dependencies:
            needed[dependency.hash] += 1
    installs = {
        record.node.hash: {
            "spec": record.node.document,
            "path": record.node.prefix(install_root),
            "installed": record.installed,
            "ref_count": needed[record.node.hash],
            "explicit": record.explicit,
            "installation_time": _FIRST_INSTALLATION + number * _INSTALLATION_RHYTHM_S,
            "deprecated_for": None,
        }
        for number, record in enumerate(records)
    }
    return compact({"database": {"version": "8", "installs": installs}})


def lock_file(roots: Sequence[tuple[str, SampleNode]]) -> bytes:
    """The contents of `spack.lock` for an environment that asked for these specs, as text, and got these nodes."""
    return compact(
        {
            "_meta": {"file-type": "spack-lockfile", "lockfile-version": 6, "specfile-version": 5},
            "spack": {"version": "1.1.1", "type": "release"},
            "roots": [{"hash": node.hash, "spec": text} for text, node in roots],
            "concrete_specs": {node.hash: node.document for node in closure(node for _, node in roots)},
        }
    )


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _edge_document(edge: SampleEdge) -> dict[str, Any]:
    parameters = {
        "deptypes": [kind for kind in _KINDS if kind in edge.kinds],
        "virtuals": sorted(edge.virtuals),
    }
    return {"name": edge.node.name, "hash": edge.node.hash, "parameters": parameters}
