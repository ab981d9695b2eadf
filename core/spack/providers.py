# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which virtual packages a package provides, and in which versions: read from recipes, which are parsed, never run.

Spack 1.1 asks the recipes of its repositories, whatever recipe a package was installed with, and of their conditions
not what concerns dependencies. Where no repository has a recipe, the copy in the prefix of a package is asked.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.foundation.errors import QueryError
from core.spack.node_constraints import NodeConstraint
from core.spack.query_parser import parse_specs
from core.spack.recipe_syntax import (
    Undecidable,
    directive_calls,
    package_classes,
    recipe_in_prefix,
    recipe_in_repository,
    recipe_text,
)
from core.spack.specs import PackageRecord
from core.spack.versions import VersionList

_ANY_VERSION = VersionList.parse(":")
_DIRECTIVE = "provides"
_TRIES = 3


@dataclass(frozen=True, slots=True)
class _Provided:
    """`virtual` is provided where all of `conditions` hold; None: that cannot be told."""

    virtual: NodeConstraint
    conditions: Sequence[NodeConstraint] | None


class RecipeProviders:
    """Answers what queries ask about virtual packages. Every recipe is read once, when it is first needed. Any thread.

    `repositories` are folders of recipes (each with `packages` in it) by namespace.
    """

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        self._repositories = repositories
        self._known: dict[tuple[str, str], Sequence[_Provided]] = {}
        self._failures: dict[tuple[str, str], int] = {}

    def provides(self, record: PackageRecord, virtual: str, versions: VersionList | None) -> bool | None:
        """Whether `record` provides any of `versions` (None: any at all) of `virtual`; None if nobody can tell."""
        provided = self._provided(record)
        if provided is None:
            return None
        verdict: bool | None = False
        for one in provided:
            if one.virtual.name != virtual or not (one.virtual.versions or _ANY_VERSION).intersects(
                versions or _ANY_VERSION
            ):
                continue
            if one.conditions is None:
                verdict = None
            elif all(condition.matches(record) for condition in one.conditions):
                return True
        return verdict

    def _provided(self, record: PackageRecord) -> Sequence[_Provided] | None:
        key = (record.node.namespace, record.node.name)
        if key not in self._known and self._failures.get(key, 0) < _TRIES:
            try:
                self._known[key] = _read(self._recipe(record), record.name)
            except Undecidable:
                self._failures[key] = self._failures.get(key, 0) + 1  # another prefix may have a better copy
        return self._known.get(key)

    def _recipe(self, record: PackageRecord) -> Path:
        repository = self._repositories.get(record.node.namespace)
        file = recipe_in_repository(repository, record.name) if repository is not None else None
        return file or recipe_in_prefix(record)


def _read(file: Path, name: str) -> Sequence[_Provided]:
    """What the recipe in `file` provides. Raises Undecidable."""
    text = recipe_text(file)
    if _DIRECTIVE.encode() not in text:
        return ()
    return [
        provided
        for package in package_classes(text, file, name)
        for call, outer in directive_calls(package.body, _DIRECTIVE)
        for provided in _provisions(call, outer)
    ]


def _provisions(call: ast.Call, outer: Sequence[ast.expr]) -> list[_Provided]:
    """`provides("mpi@3:", "…", when="…")`. Raises Undecidable when it is not even known what is provided."""
    inner = [keyword.value for keyword in call.keywords if keyword.arg == "when"]
    if len(inner) != len(call.keywords):
        raise Undecidable(f"its recipe provides in a way that is not understood, line {call.lineno}")
    conditions: list[NodeConstraint] | None
    try:
        conditions = [node for condition in (*outer, *inner) for node in _nodes(condition)]
    except Undecidable:
        conditions = None
    return [_Provided(virtual, conditions) for name in call.args for virtual in _nodes(name)]


def _nodes(text: ast.expr) -> tuple[NodeConstraint, ...]:
    """What a text of a recipe asks of packages, without their dependencies. Raises Undecidable."""
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        raise Undecidable(f"its recipe computes a spec, line {text.lineno}")
    try:
        return tuple(spec.node for spec in parse_specs(text.value))
    except QueryError as error:
        raise Undecidable(f"its recipe has a spec that cannot be understood, line {text.lineno}: {error}") from error
