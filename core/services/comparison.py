# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Two packages compared field by field over all their dependencies, and the first reason why their hashes differ.

The DAG hash is made of a node's text without `hash`, in which dependencies stand with their own hashes. So every field
is compared as it is written, and whatever differs in the nodes of two packages, and nothing else, makes their hashes
differ.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.foundation.errors import DatabaseError
from core.foundation.text import short_hash
from core.services.package_values import Comparison, DifferenceLine
from core.spack.specs import FLAG_NAMES

_NESTED = {"arch": "", "parameters": "", "external": "external ", "annotations": ""}
_ABSENT = ""
_DEPENDENCY = "dependency "
_NODE_LINKS = ("dependencies", "hash")
_FIELDS = {"package_hash": "recipe", "platform_os": "os", "build_spec": "built as", "patches": "patches applied"}

Edges = list[dict[str, Any]]  # as they are written, and `version` of the child


@dataclass(frozen=True, slots=True)
class Dag:
    """A package and how to get at its nodes: `document(hash)` is the JSON object of a node, None if there is none.

    `root` is its DAG hash, `label` says which one it is.
    """

    root: str
    label: str
    document: Callable[[str], bytes | None]


def compare(left: Dag, right: Dag) -> Comparison:
    """Every field in which the two differ, those of the packages themselves first. Raises DatabaseError.

    Equal hashes mean equal packages; then nothing else is looked at.
    """
    lines = tuple(_differences(left, right)) if left.root != right.root else ()
    cause = next((line for line in lines if line.is_cause), None)
    return Comparison(left.label, right.label, left.root == right.root, _reason(cause, left, right), lines)


def _differences(left: Dag, right: Dag) -> Iterator[DifferenceLine]:
    """Level by level, so that the shortest way to a difference comes first."""
    pending: deque[tuple[tuple[str, ...], str, str]] = deque([((), left.root, right.root)])
    seen = {(left.root, right.root)}
    while pending:
        path, left_hash, right_hash = pending.popleft()
        left_node, right_node = _node(left, left_hash), _node(right, right_hash)
        if left_node is None or right_node is None:
            missing = DifferenceLine(path, "node", _known(left_node), _known(right_node), is_cause=True)
            yield missing
            continue
        yield from _fields(path, left_node, right_node)
        for line, child in _children(path, _edges(left, left_node), _edges(right, right_node)):
            yield line
            if child is not None and child not in seen:
                seen.add(child)
                pending.append(((*path, line.field.removeprefix(_DEPENDENCY)), *child))


def _fields(path: tuple[str, ...], left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[DifferenceLine]:
    ours, theirs = _flat(left), _flat(right)
    for field in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(field, _ABSENT), theirs.get(field, _ABSENT)
        if one != other:
            yield DifferenceLine(path, field, one, other, is_cause=True)


def _flat(node: Mapping[str, Any]) -> dict[str, str]:
    """What is written in a node but its dependencies, as texts: variants and architecture under their own names."""
    found = {}
    for key, value in node.items():
        if key in _NODE_LINKS:
            continue
        if key in _NESTED and isinstance(value, dict):
            for name, inner in value.items():
                found[f"{_NESTED[key]}{_FIELDS.get(name, name)}"] = (
                    _flags(inner) if name in FLAG_NAMES else _text(inner)
                )
        else:
            found[_FIELDS.get(key, key)] = _text(value)
    return found


def _flags(value: Any) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value) or "none"
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return str(value["name"]) if "hash" not in value else f"{value['name']}/{value['hash']}"
    return json.dumps(value, ensure_ascii=False)


def _children(
    path: tuple[str, ...], left: Edges, right: Edges
) -> Iterator[tuple[DifferenceLine, tuple[str, str] | None]]:
    """Lines about dependencies, each with the pair of nodes it leads to."""
    for name in dict.fromkeys(str(edge.get("name")) for edge in [*left, *right]):
        for one, other in _pairs(_named(left, name), _named(right, name)):
            field = f"{_DEPENDENCY}{name}"
            if one is None or other is None:
                line = DifferenceLine(path, field, _edge_text(one), _edge_text(other), is_cause=True)
                yield line, None
                continue
            use = (_use(one), _use(other))
            if use[0] != use[1]:
                yield DifferenceLine(path, f"use of {name}", *use, is_cause=True), None
            if one.get("hash") != other.get("hash"):
                line = DifferenceLine(path, field, _edge_text(one), _edge_text(other), is_cause=False)
                yield line, (str(one.get("hash")), str(other.get("hash")))


def _named(edges: Edges, name: str) -> Edges:
    return [edge for edge in edges if edge.get("name") == name]


def _pairs(left: Edges, right: Edges) -> Iterator[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Edges to one name side by side: equal hashes together, the others in their order."""
    common = {edge.get("hash") for edge in left} & {edge.get("hash") for edge in right}
    for dag_hash in common:
        yield (
            next(edge for edge in left if edge.get("hash") == dag_hash),
            next(edge for edge in right if edge.get("hash") == dag_hash),
        )
    ours = [edge for edge in left if edge.get("hash") not in common]
    theirs = [edge for edge in right if edge.get("hash") not in common]
    for place in range(max(len(ours), len(theirs))):
        yield ours[place] if place < len(ours) else None, theirs[place] if place < len(theirs) else None


def _edges(dag: Dag, node: Mapping[str, Any]) -> Edges:
    found = []
    for edge in node.get("dependencies") or []:
        child = _node(dag, str(edge.get("hash"))) or {}
        found.append({**edge, "version": child.get("version", "")})
    return found


def _edge_text(edge: Mapping[str, Any] | None) -> str:
    return f"{edge['version']}/{short_hash(str(edge.get('hash')))}" if edge is not None else _ABSENT


def _use(edge: Mapping[str, Any]) -> str:
    """What a dependency is needed for: `build, link as c, cxx`."""
    parameters = edge.get("parameters") or {}
    types = ", ".join(parameters.get("deptypes") or edge.get("type") or [])
    virtuals = ", ".join(parameters.get("virtuals") or [])
    return f"{types} as {virtuals}" if virtuals else types


def _node(dag: Dag, dag_hash: str) -> dict[str, Any] | None:
    document = dag.document(dag_hash)
    if document is None:
        return None
    try:
        node = json.loads(document)
    except ValueError as error:
        raise DatabaseError(f"The spec of {dag.label} cannot be read", str(error)) from error
    return node if isinstance(node, dict) else None


def _known(node: Mapping[str, Any] | None) -> str:
    return "known" if node is not None else "not known"


def _reason(line: DifferenceLine | None, left: Dag, right: Dag) -> str:
    if line is not None:
        return line_text(line)
    return "" if left.root == right.root else "their hashes differ, though all that is written of them is the same"


def line_text(line: DifferenceLine) -> str:
    """`labmid → labzed: version: 1.2 here, 1.3 there`."""
    text = f"{line.field}: {line.left or 'absent'} here, {line.right or 'absent'} there"
    if line.field == "recipe":
        text = "the recipe is another one"
    return f"{' → '.join(line.path)}: {text}" if line.path else text
