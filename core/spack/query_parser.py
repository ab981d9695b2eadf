# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From the text of a query to specs: packages, their dependencies, and files (Spack 1.1, seen in what `find` accepts).

Pure but for the reader of files that is handed in; any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn

from core.foundation.errors import MirrordeckError, QueryError
from core.spack.abstract_specs import AbstractSpec, DependencyConstraint
from core.spack.node_constraints import ANYTHING, NodeConstraint
from core.spack.query_nodes import NodeBuilder, assignment_of
from core.spack.query_tokens import Token, TokenKind, query_error, tokens_of
from core.spack.spec_files import root_of
from core.spack.specs import DEPENDENCY_TYPES

ReadFile = Callable[[str], bytes]

# Names of compilers before Spack 1.0, which are still understood behind `%`.
COMPILER_ALIASES = {
    "arm": "acfl",
    "clang": "llvm",
    "intel": "intel-oneapi-compilers-classic",
    "oneapi": "intel-oneapi-compilers",
    "rocmcc": "llvm-amdgpu",
}
_NAMES = (TokenKind.NAME, TokenKind.QUALIFIED_NAME)
_EDGES = (TokenKind.EDGE, TokenKind.EDGE_ATTRIBUTES)
_ATTRIBUTES = ("deptypes", "virtuals", "when")


def parse_specs(text: str, read_file: ReadFile | None = None, *, nested: bool = False) -> tuple[AbstractSpec, ...]:
    """The specs in `text`; a package name, a file or a second hash begins a new one. Blank text has none.

    `read_file` gives the bytes of a spec file named in the text. Raises `QueryError` with the place of what is wrong.
    `nested` is for conditions inside of queries, which may not hold conditions themselves.
    """
    return _Parser(text, read_file, nested).specs()


@dataclass(slots=True)
class _Edge:
    """What was written between the sigil and the name of a dependency."""

    token: Token
    deptypes: tuple[str, ...] = ()
    virtuals: tuple[str, ...] = ()
    when: AbstractSpec | None = None

    @property
    def is_direct(self) -> bool:
        return self.token.text.startswith("%")


@dataclass(slots=True)
class _Draft:
    """A node being read. A `file` says all about it."""

    builder: NodeBuilder
    edge: _Edge | None = None
    file: NodeConstraint | None = None
    dependencies: list[DependencyConstraint] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return self.file is None and self.builder.is_empty

    def spec(self) -> AbstractSpec:
        return AbstractSpec(self.file or self.builder.node(), tuple(self.dependencies))


class _Parser:
    """`_open` are the nodes that still grow: the root, its last `^` and the last `%`, or fewer of them."""

    def __init__(self, query: str, read_file: ReadFile | None, nested: bool) -> None:
        self._query = query
        self._read_file = read_file
        self._nested = nested
        self._tokens: Iterator[Token] = tokens_of(query)
        self._open: list[_Draft] = []
        self._specs: list[AbstractSpec] = []

    def specs(self) -> tuple[AbstractSpec, ...]:
        for token in self._tokens:
            self._take(token)
        self._close(0)
        return tuple(self._specs)

    def _take(self, token: Token) -> None:
        if token.kind in _EDGES:
            self._begin_dependency(token)
            return
        if token.kind is TokenKind.END_OF_ATTRIBUTES:
            self._refuse("“]” closes nothing", token)
        if not self._open or self._starts_another(token, self._open[-1]):
            self._close(0)
            self._open.append(_Draft(NodeBuilder(self._query)))
        current = self._open[-1]
        if token.kind is TokenKind.FILE:
            current.file = self._from_file(token)
        elif current.file is not None:
            self._refuse(f"“{token.text}” says more about the spec in a file, which is complete", token)
        else:
            current.builder.add(token)

    def _starts_another(self, token: Token, current: _Draft) -> bool:
        if token.kind is TokenKind.HASH:
            return current.file is not None or current.builder.has_hash
        if token.kind is not TokenKind.FILE and token.kind not in _NAMES:
            return False
        names_dependency = current.edge is not None and current.is_empty
        if not token.after_space and not names_dependency:
            self._refuse(f"“{token.text}” needs a space before it; there are no patterns in names", token)
        return not names_dependency

    def _begin_dependency(self, token: Token) -> None:
        direct = token.text.startswith("%")
        if not self._open:
            self._open.append(_Draft(NodeBuilder(self._query)))
        below = self._open[1].edge if len(self._open) > 1 else None
        self._close(2 if direct and below is not None and not below.is_direct else 1)
        if self._open[-1].file is not None:
            self._refuse("the spec in a file is complete, dependencies included", token)
        edge = _Edge(token)
        if token.kind is TokenKind.EDGE_ATTRIBUTES:
            token = self._attributes(edge)
        provided = token.text.lstrip("^%]").strip().removesuffix("=")
        edge.virtuals = tuple(sorted({*edge.virtuals, *provided.split(",")} - {""}))
        self._open.append(_Draft(NodeBuilder(self._query), edge))

    def _attributes(self, edge: _Edge) -> Token:
        """Reads up to the closing bracket, which is given back."""
        seen: set[str] = set()
        for token in self._tokens:
            if token.kind is TokenKind.END_OF_ATTRIBUTES:
                return token
            if token.kind is not TokenKind.VALUE:
                self._refuse("in “[…]” only “deptypes=”, “virtuals=” and “when=” may stand", token)
            key, _, value = assignment_of(token)
            if key not in _ATTRIBUTES or key in seen or not value:
                self._refuse("in “[…]” may stand, each once and with a value: “deptypes=”, “virtuals=”, “when=”", token)
            seen.add(key)
            if key == "when":
                edge.when = self._condition(value, token)
            elif key == "virtuals":
                edge.virtuals = tuple(part.strip() for part in value.split(","))
            else:
                edge.deptypes = self._deptypes(value, token)
        raise query_error("“[” is never closed", self._query, edge.token.position, len(edge.token.text))

    def _deptypes(self, value: str, token: Token) -> tuple[str, ...]:
        types = {part.strip() for part in value.split(",")}
        if types == {"all"}:
            return tuple(sorted(DEPENDENCY_TYPES))
        if not types.issubset(DEPENDENCY_TYPES):
            self._refuse(f"types of dependencies are {', '.join(DEPENDENCY_TYPES)}, or all", token)
        return tuple(sorted(types))

    def _condition(self, value: str, token: Token) -> AbstractSpec:
        if self._nested:
            self._refuse("a condition cannot have conditions itself", token)
        try:
            specs = parse_specs(value, nested=True)
        except QueryError as error:
            self._refuse(f"the condition is wrong: {error.why}", token)
        if len(specs) != 1:
            self._refuse("a condition is one spec", token)
        return specs[0]

    def _from_file(self, token: Token) -> NodeConstraint:
        if self._read_file is None:
            self._refuse("spec files cannot be read here; write the query itself, or the hash as “/hash”", token)
        try:
            name, dag_hash = root_of(self._read_file(token.text), token.text)
        except (MirrordeckError, OSError) as error:
            self._refuse(f"“{token.text}” cannot be read: {error}", token)
        return NodeConstraint(name=name, hash_prefix=dag_hash)

    def _close(self, depth: int) -> None:
        """Finish the nodes from `depth` on: dependencies become parts of the node before them, roots become specs."""
        while len(self._open) > depth:
            draft = self._open.pop()
            if draft.edge is None:
                self._specs.append(draft.spec())
            elif draft.is_empty:
                self._refuse(f"what belongs behind “{draft.edge.token.text}” is missing", draft.edge.token)
            else:
                self._attach(draft.spec(), draft.edge, self._open[-1].dependencies)

    def _attach(self, spec: AbstractSpec, edge: _Edge, dependencies: list[DependencyConstraint]) -> None:
        direct, name = edge.is_direct, spec.node.name or ANYTHING
        if direct:
            name = COMPILER_ALIASES.get(name, name)
        spec = replace(spec, node=replace(spec.node, name=name))
        preferred = edge.token.text.startswith("%%")
        new = DependencyConstraint(spec, direct, edge.deptypes, edge.virtuals, edge.when, preferred)
        for place, known in enumerate(dependencies):
            if spec.node.is_named and _same_edge(known, new):
                merged = known.merged(new)
                if merged is None:
                    self._refuse(f"“{known}” and “{new}” cannot be the same package", edge.token)
                dependencies[place] = merged
                return
        dependencies.append(new)

    def _refuse(self, reason: str, token: Token) -> NoReturn:
        raise query_error(reason, self._query, token.position, len(token.text))


def _same_edge(one: DependencyConstraint, other: DependencyConstraint) -> bool:
    return (one.spec.node.name, one.deptypes, one.when) == (other.spec.node.name, other.deptypes, other.when)
