# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Concrete specs as Spack writes them down: nodes, edges, records of an install database, whole spec documents.

Node formats 3 to 5 (Spack 0.18 to 1.x) and the dictionary-style edges of format 1 are understood. A node's JSON text is
kept verbatim beside the decoded values, because its order and spelling are what the DAG hash was made of. Facts: Spack
1.1 and 0.24, seen in what they write. All values are immutable and may be used in any thread.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from core.foundation.decoding import converted, json_decoder
from core.foundation.errors import DatabaseError

FLAG_NAMES = frozenset({"cflags", "cppflags", "cxxflags", "fflags", "ldflags", "ldlibs"})
DEPENDENCY_TYPES = ("build", "link", "run", "test")
FIRST_FORMAT_WITH_COMPILER_NODES = 5

# A spliced spec's hash ends like the hash of the spec it was built as.
_SPLICE_TAIL = 7
_HASH_LENGTH = 32

ParameterValue = bool | str | tuple[str, ...]


class EdgeParameters(Struct, frozen=True, gc=False):
    deptypes: tuple[str, ...] = ()
    virtuals: tuple[str, ...] = ()


class Edge(Struct, frozen=True, gc=False):
    """A direct dependency: the child's name and hash, and what it is needed for."""

    name: str
    hash: str
    parameters: EdgeParameters

    @property
    def deptypes(self) -> tuple[str, ...]:
        return self.parameters.deptypes

    @property
    def virtuals(self) -> tuple[str, ...]:
        return self.parameters.virtuals


class LongTarget(Struct, frozen=True, gc=False):
    """A target that Spack did not know by name and wrote out in full; only its name matters here."""

    name: str


class Architecture(Struct, frozen=True, gc=False):
    platform: str
    platform_os: str
    target: str | LongTarget


class External(Struct, frozen=True, gc=False):
    path: str | None = None
    module: tuple[str, ...] | None = None


class BuildSpec(Struct, frozen=True, gc=False):
    hash: str


class Annotations(Struct, frozen=True, gc=False):
    original_specfile_version: int = 0
    compiler: str = ""


class CompilerOfOldNode(Struct, frozen=True, gc=False):
    name: str
    version: str


class _WrittenHash(Struct, gc=False):
    hash: str = ""


class Node(Struct, frozen=True, gc=False):
    """One node of a spec. `parameters` holds variants and, under the names of FLAG_NAMES, compiler flags."""

    name: str
    version: str
    arch: Architecture
    namespace: str = ""
    parameters: dict[str, ParameterValue] = {}
    external: External | None = None
    package_hash: str = ""
    dependencies: tuple[Edge, ...] = ()
    build_spec: BuildSpec | None = None
    annotations: Annotations | None = None
    compiler: CompilerOfOldNode | None = None
    hash: str = ""

    @property
    def platform(self) -> str:
        return self.arch.platform

    @property
    def os(self) -> str:
        return self.arch.platform_os

    @property
    def target(self) -> str:
        return self.arch.target if isinstance(self.arch.target, str) else self.arch.target.name

    @property
    def architecture(self) -> str:
        return f"{self.platform}-{self.os}-{self.target}"

    @property
    def build_spec_hash(self) -> str:
        """Hash of the spec a spliced one was built as; "" when not spliced (databases always lose it)."""
        return self.build_spec.hash if self.build_spec is not None else ""

    @property
    def annotated_compiler(self) -> str:
        """`gcc@=12.2.0` for specs of formats up to 4, where the compiler was no dependency; "" otherwise."""
        if self.compiler is not None:
            return f"{self.compiler.name}@={self.compiler.version}"
        return self.annotations.compiler if self.annotations is not None else ""

    @property
    def original_format(self) -> int:
        """The format it was concretised in, as far as the node itself tells: up to format 4 nodes name a compiler."""
        if self.annotations is not None and self.annotations.original_specfile_version:
            return self.annotations.original_specfile_version
        return FIRST_FORMAT_WITH_COMPILER_NODES - (self.compiler is not None)


class PackageState(StrEnum):
    INSTALLED = "installed"
    EXTERNAL = "external"
    MISSING = "missing"  # removed by force while something still depends on it
    DEPRECATED = "deprecated"  # its prefix is a symbolic link to the replacement's


class PackageRecord(Struct, frozen=True, gc=False):
    """One record of an install database.

    `document` is the JSON object of the node as it stands in the file (UTF-8). `hash` is the key of the record, which
    is what counts for Spack; `node.hash` always equals it. `installation_time` is in seconds since the epoch.
    `specfile_version` is the format the spec was concretised in (1, 3, 4 or 5).
    """

    node: Node
    document: bytes
    hash: str
    prefix: str | None
    install_root: str
    installed: bool
    explicit: bool
    installation_time: float
    deprecated_for: str | None
    upstream: bool
    specfile_version: int

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def version(self) -> str:
        return self.node.version

    @property
    def external(self) -> bool:
        return self.node.external is not None

    @property
    def document_with_hash(self) -> bytes:
        """`document` with the key `hash` at its end, which only old databases lack."""
        if _hash_decoder.decode(self.document).hash:
            return self.document
        return self.document[:-1] + b',"hash":"' + self.hash.encode() + b'"}'

    @property
    def state(self) -> PackageState:
        if self.deprecated_for is not None:
            return PackageState.DEPRECATED
        if not self.installed:
            return PackageState.MISSING
        return PackageState.EXTERNAL if self.external else PackageState.INSTALLED


_node_decoder = json_decoder(Node)
_hash_decoder = json_decoder(_WrittenHash)


def decode_node(document: bytes | msgspec.Raw) -> Node:
    """The node in `document`, one JSON object of node format 3, 4 or 5 (edges of format 1 too).

    Raises DatabaseError saying what is wrong with it. Abstract nodes (without one version) are wrong.
    """
    try:
        return _node_decoder.decode(document)
    except msgspec.ValidationError:
        return _decode_unusual_node(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatabaseError("A spec cannot be read", str(error)) from error


def dag_hash_of(document: bytes, build_spec_hash: str = "") -> str:
    """The DAG hash recomputed from the text of a node; a check, never a reason to refuse a node.

    Base32 of the SHA-1 of the compact, ASCII-only JSON without `hash`. A spliced node ends in the tail of its build
    spec's hash: `build_spec_hash`, or the one in the document. Differs from the written hash for nodes that were
    concretised in an older format, for spliced records of a database (no build spec there) and for some nodes inside
    the documents of spliced specs. Raises DatabaseError when `document` is no JSON object.
    """
    try:
        node = json.loads(document)
    except ValueError as error:
        raise DatabaseError("A spec cannot be read", str(error)) from error
    if not isinstance(node, dict):
        raise DatabaseError("A spec cannot be read", "it is no JSON object")
    node.pop("hash", None)
    text = json.dumps(node, separators=(",", ":"))
    computed = base64.b32encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode().lower()
    build_spec = node.get("build_spec")
    tail = build_spec_hash or (str(build_spec.get("hash", "")) if isinstance(build_spec, dict) else "")
    return computed[: _HASH_LENGTH - _SPLICE_TAIL] + tail[-_SPLICE_TAIL:] if tail else computed


def spec_document(root: PackageRecord, records: Mapping[str, PackageRecord]) -> bytes:
    """The spec document of `root` as Spack 1.1 writes it into build caches (uncompressed JSON, no white space).

    Node documents are copied verbatim, depth first, children by name, each once. Raises DatabaseError when a dependency
    is in neither this database nor its upstreams, or a node was written by a Spack older than 1.0: such a node means
    something else in a format 5 document.
    """
    documents: list[bytes] = []
    seen: set[str] = set()
    pending = [root]
    while pending:
        record = pending.pop()
        if record.hash in seen:
            continue
        seen.add(record.hash)
        documents.append(_modern_document(record))
        for edge in sorted(record.node.dependencies, key=_by_name, reverse=True):
            child = records.get(edge.hash)
            if child is None:
                raise DatabaseError(
                    f"The spec of {root.name}/{root.hash[:7]} is not complete",
                    f"{record.name}/{record.hash[:7]} depends on {edge.name}/{edge.hash}, which no database has",
                    remedies=("Check that the upstream installation it comes from is configured and readable.",),
                )
            if child.hash not in seen:
                pending.append(child)
    return b'{"spec":{"_meta":{"version":5},"nodes":[' + b",".join(documents) + b']},"buildcache_layout_version":2}'


def _by_name(edge: Edge) -> str:
    return edge.name


def _modern_document(record: PackageRecord) -> bytes:
    if record.node.annotations is None:
        raise DatabaseError(
            f"{record.name}/{record.hash[:7]} was installed by a Spack older than 1.0",
            "its spec has no form that belongs into a build cache of Spack 1.0 and later",
            remedies=("Push it with the Spack that installed it, or reinstall it with Spack 1.0 or later.",),
        )
    return record.document_with_hash


def _decode_unusual_node(document: bytes | msgspec.Raw) -> Node:
    """Decode a node of an older format, or one with values that Spack tolerates (numbers, `module: false`)."""
    try:
        node = msgspec.json.decode(document)
        return converted(_modernised(node) if isinstance(node, dict) else node, Node)
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DatabaseError("A spec cannot be read", str(error)) from error


def _modernised(node: dict[str, Any]) -> dict[str, Any]:
    parameters = {name: _text_values(value) for name, value in (node.get("parameters") or {}).items()}
    changed = node | {"parameters": parameters, "dependencies": _modern_edges(node.get("dependencies") or [])}
    external = node.get("external")
    if isinstance(external, dict) and not isinstance(external.get("module"), list):
        module = external.get("module")
        changed["external"] = external | {"module": [module] if isinstance(module, str) else None}
    return changed


def _text_values(value: Any) -> Any:
    if isinstance(value, list):
        return [str(item) for item in value]
    return value if isinstance(value, bool) else str(value)


def _modern_edges(edges: Any) -> list[Any]:
    """Edges `{name, hash, type: […]}` and `{name: {hash, type: […]}}` in the form that has `parameters`."""
    if isinstance(edges, dict):
        edges = [{"name": name} | edge for name, edge in edges.items()]
    modern = []
    for edge in edges:
        if "parameters" not in edge:
            edge = edge | {"parameters": {"deptypes": edge.get("type")}}  # noqa: PLW2901
        modern.append(edge)
    return modern
