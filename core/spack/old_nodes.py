# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Nodes of formats before 5 as they are among newer ones (Spack 1.1, seen in the index of a cache it migrated)."""

from __future__ import annotations

from typing import Any

import msgspec

from core.foundation.decoding import converted, from_json
from core.foundation.errors import DatabaseError
from core.spack.specs import CompilerOfOldNode


def modern_document(document: bytes | msgspec.Raw, node_format: int) -> bytes:
    """A node of format 2, 3 or 4 as a database of version 8 holds it; it keeps its hash, from which it differs then.

    It says in which format and with which compiler it was concretised, and its dependencies are direct ones. Raises
    DatabaseError for what is no node of these formats.
    """
    try:
        node = from_json(document, dict[str, Any])
        last = {"hash": node.pop("hash")} if "hash" in node else {}
        annotations: dict[str, Any] = {"original_specfile_version": node_format}
        if (compiler := node.pop("compiler", None)) is not None:
            named = converted(compiler, CompilerOfOldNode)
            annotations["compiler"] = f"{named.name}@={named.version}"
        if dependencies := node.get("dependencies"):
            node["dependencies"] = [_modern_edge(edge) for edge in converted(dependencies, list[dict[str, Any]])]
        return msgspec.json.encode({**node, "annotations": annotations, **last})
    except (msgspec.MsgspecError, KeyError, RecursionError) as error:
        raise DatabaseError("A spec cannot be read", str(error)) from error


def _modern_edge(edge: dict[str, Any]) -> dict[str, Any]:
    parameters = edge.get("parameters") or {"deptypes": edge.get("type", []), "virtuals": []}
    return {"name": edge["name"], "hash": edge["hash"], "parameters": {**parameters, "direct": True}}
