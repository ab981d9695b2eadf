# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A spec as a person writes it: what is asked of a package and of its dependencies.

Immutable values, usable from any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.spack.node_constraints import NodeConstraint
from core.spack.query_tokens import quoted


@dataclass(frozen=True, slots=True)
class DependencyConstraint:
    """`%spec` (`direct`) or `^spec`, anywhere in the DAG. Empty `deptypes` and `virtuals` (both sorted) are any.

    A `spec` of any name has the name `*`: behind a sigil a bare `key=value` would say which virtual package is meant.
    With `when` only packages that match it must have the dependency. `preferred` is `%%`, which asks for the same as
    `%`. Facts about Spack 1.1, seen in what its `find` answers: `^` does not look at the types of an edge, of the
    virtuals of a `%` one is enough.
    """

    spec: AbstractSpec
    direct: bool = False
    deptypes: tuple[str, ...] = ()
    virtuals: tuple[str, ...] = ()
    when: AbstractSpec | None = None
    preferred: bool = False

    def __str__(self) -> str:
        node = self.spec.node
        name_follows = bool(self.virtuals) and node.is_named
        attributes = [f"when={quoted(str(self.when))}"] if self.when is not None else []
        attributes += [f"deptypes={','.join(self.deptypes)}"] if self.deptypes else []
        attributes += [f"virtuals={','.join(self.virtuals)}"] if self.virtuals and not name_follows else []
        sigil = "^" if not self.direct else "%%" if self.preferred else "%"
        head = sigil + (f"[{' '.join(attributes)}] " if attributes else "")
        return f"{head}{','.join(self.virtuals)}={self.spec}" if name_follows else f"{head}{self.spec}"

    def satisfies(self, other: DependencyConstraint) -> bool:
        """Whether this implies `other`. That `%` finds what only tests need, and `^` does not, is left aside."""
        if self.when not in (None, other.when) or not self.spec.satisfies(other.spec):
            return False
        if not other.direct:
            is_sure = not self.direct or len(self.virtuals) == 1
            return set(self.virtuals if is_sure else ()).issuperset(other.virtuals)
        virtuals = not other.virtuals or (bool(self.virtuals) and set(self.virtuals).issubset(other.virtuals))
        return self.direct and virtuals and set(self.deptypes).issuperset(other.deptypes)

    def merged(self, other: DependencyConstraint) -> DependencyConstraint | None:
        """One dependency that is both, as Spack understands a name given twice; None when there cannot be one."""
        node = self.spec.node.merged(other.spec.node)
        if node is None:
            return None
        spec = AbstractSpec(node, (*self.spec.dependencies, *other.spec.dependencies))
        return replace(self, spec=spec, virtuals=tuple(sorted({*self.virtuals, *other.virtuals})))


@dataclass(frozen=True, slots=True)
class AbstractSpec:
    """`str()` gives a text that parses to an equal spec."""

    node: NodeConstraint
    dependencies: tuple[DependencyConstraint, ...] = ()

    def __str__(self) -> str:
        direct = [str(one) for one in self.dependencies if one.direct]
        others = [str(one) for one in self.dependencies if not one.direct]
        return " ".join(text for text in (str(self.node), *direct, *others) if text)

    def satisfies(self, other: AbstractSpec) -> bool:
        """Whether every package that matches this also matches `other`; "no" where only recipes could tell."""
        return self.node.satisfies(other.node) and all(
            (theirs.when is not None and not self.node.intersects(theirs.when.node))
            or any(mine.satisfies(theirs) for mine in self.dependencies)
            for theirs in other.dependencies
        )

    def intersects(self, other: AbstractSpec) -> bool:
        """Whether there may be a package that matches both. Of a name both depend on, one version must suit both."""
        if not self.node.intersects(other.node):
            return False
        return all(
            any(mine.spec.intersects(theirs.spec) for mine in self._named(name) for theirs in other._named(name))
            for name in self._names() & other._names()
        )

    def _names(self) -> set[str]:
        return {one.spec.node.name for one in self.dependencies if one.spec.node.is_named and one.when is None}

    def _named(self, name: str) -> list[DependencyConstraint]:
        return [one for one in self.dependencies if one.spec.node.name == name and one.when is None]
