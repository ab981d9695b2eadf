# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Decoding many nodes at once: what they have in common is made once and shared.

Thousands of packages have the same variants, the same compiler below them and the same architecture; without sharing a
large database would take more than twice the memory.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from core.foundation.decoding import json_decoder
from core.foundation.errors import DatabaseError
from core.spack.specs import (
    Annotations,
    Architecture,
    BuildSpec,
    CompilerOfOldNode,
    Edge,
    EdgeParameters,
    External,
    Node,
    ParameterValue,
    decode_node,
)

_T = TypeVar("_T")


class _WrittenNode(Struct, gc=False):
    """A node with those parts left as text that many others have, too."""

    name: str
    version: str
    arch: Raw
    namespace: str = ""
    parameters: Raw = Raw(b"{}")
    external: External | None = None
    package_hash: str = ""
    dependencies: tuple[Edge, ...] = ()
    build_spec: BuildSpec | None = None
    annotations: Raw = Raw(b"null")
    compiler: CompilerOfOldNode | None = None


_written = json_decoder(_WrittenNode)


class _Parts(dict[bytes, _T]):
    """Decoded values by their text."""

    def __init__(self, decoder: msgspec.json.Decoder[_T]) -> None:
        super().__init__()
        self._decode = decoder.decode

    def __missing__(self, text: bytes) -> _T:
        value = self[text] = self._decode(text)
        return value


class NodeReader:
    """Reads nodes that belong together. For one thread; the nodes themselves are immutable as all others are."""

    def __init__(self) -> None:
        self._architectures = _Parts(json_decoder(Architecture))
        self._parameters = _Parts(json_decoder(dict[str, ParameterValue]))
        self._annotations = _Parts(json_decoder(Annotations | None))
        self._texts: dict[str, str] = {}
        self._edges: dict[Edge, Edge] = {}
        self._kinds: dict[EdgeParameters, EdgeParameters] = {}

    def read(self, document: bytes, dag_hash: str) -> Node:
        """`decode_node(document)` with the hash `dag_hash`, whatever it says itself. Raises DatabaseError."""
        try:
            return self._shared(_written.decode(document), dag_hash)
        except msgspec.ValidationError:
            return msgspec.structs.replace(decode_node(document), hash=dag_hash)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DatabaseError("A spec cannot be read", str(error)) from error

    def _shared(self, node: _WrittenNode, dag_hash: str) -> Node:
        share = self._texts.setdefault
        return Node(
            share(node.name, node.name),
            share(node.version, node.version),
            self._architectures[bytes(node.arch)],
            share(node.namespace, node.namespace),
            self._parameters[bytes(node.parameters)],
            node.external,
            share(node.package_hash, node.package_hash),
            tuple([self._edges.get(edge) or self._new(edge) for edge in node.dependencies]),
            node.build_spec,
            self._annotations[bytes(node.annotations)],
            node.compiler,
            share(dag_hash, dag_hash),
        )

    def _new(self, edge: Edge) -> Edge:
        share = self._texts.setdefault
        kind = self._kinds.setdefault(edge.parameters, edge.parameters)
        shared = Edge(share(edge.name, edge.name), share(edge.hash, edge.hash), kind)
        self._edges[shared] = shared
        return shared
