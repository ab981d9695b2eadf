# SPDX-License-Identifier: Apache-2.0 OR MIT
"""May a package be redistributed as a binary? Read from the recipe's copy in its prefix, which is parsed, never run.

A recipe says `redistribute(binary=False, when="…")`; `spack buildcache push` drops such packages unless `--private`.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.foundation.errors import QueryError
from core.spack.queries import Query
from core.spack.specs import PackageRecord

_RECIPE_LIMIT_BYTES = 4_000_000

# Base classes of Spack's build systems. Those of Intel oneAPI forbid redistribution; any other name may be a recipe's.
_BUILD_SYSTEM = re.compile(r"(?!IntelOneApi)\w*Package|PythonExtension|ROCmLibrary|\w+Mixin")
_PARAMETERS = ("source", "binary", "when")


class Verdict(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # to be treated like NO


@dataclass(frozen=True, slots=True)
class Redistribution:
    """`reason` explains every verdict but YES."""

    verdict: Verdict
    reason: str = ""


class _Undecidable(Exception):
    """The recipe cannot be judged; the text says why."""


def redistributable(record: PackageRecord, records: Mapping[str, PackageRecord] | None = None) -> Redistribution:
    """Whether the recipe allows to redistribute `record` as a binary; whatever cannot be decided is UNKNOWN.

    `records` holds the dependencies by hash. Never raises; reads one file of the prefix; any thread.
    """
    try:
        forbidding = _forbidding(record, records or {record.hash: record})
    except _Undecidable as doubt:
        return Redistribution(Verdict.UNKNOWN, str(doubt))
    if forbidding is None:
        return Redistribution(Verdict.YES)
    return Redistribution(Verdict.NO, f"its recipe says so in line {forbidding.lineno}")


def _forbidding(record: PackageRecord, records: Mapping[str, PackageRecord]) -> ast.Call | None:
    """The call that forbids it, if any."""
    doubt: _Undecidable | None = None
    for package in _package_classes(_recipe(record), record.name):
        for call, conditions in _redistribute_calls(package.body, ()):
            try:
                if _applies(call, conditions, record, records):
                    return call
            except _Undecidable as reason:
                doubt = reason
    if doubt is not None:
        raise doubt
    return None


def _recipe(record: PackageRecord) -> ast.Module:
    try:
        file = _recipe_file(record)
        with file.open("rb") as stream:
            text = stream.read(_RECIPE_LIMIT_BYTES + 1)
    except OSError as error:
        raise _Undecidable(f"its recipe cannot be read: {error.filename}: {error.strerror}") from error
    if len(text) > _RECIPE_LIMIT_BYTES:
        raise _Undecidable(f"its recipe is too large: {file}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # recipes are full of invalid escape sequences
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _Undecidable(f"its recipe cannot be parsed: {file}: {error}") from error


def _recipe_file(record: PackageRecord) -> Path:
    if record.prefix is None:
        raise _Undecidable("it has no prefix, so no recipe")
    repos = Path(record.prefix, ".spack", "repos")
    namespace, name = record.node.namespace, record.name
    module = name.replace("-", "_")
    with_v2_layout = repos.joinpath("spack_repo", *namespace.split("."), "packages")
    candidates = [
        with_v2_layout / module / "package.py",
        with_v2_layout / f"_{module}" / "package.py",  # modules may not begin with a digit
        repos / namespace / "packages" / name / "package.py",
    ]
    for file in candidates:
        if file.is_file():
            return file
    raise _Undecidable(f"there is no copy of its recipe below {repos}")


def _package_classes(recipe: ast.Module, name: str) -> list[ast.ClassDef]:
    """The package's class and its base classes in the same file."""
    classes = {item.name: item for item in recipe.body if isinstance(item, ast.ClassDef)}
    class_name = "".join(word.capitalize() for word in re.split(r"[-_.]", name))
    wanted = [f"_{class_name}" if class_name[:1].isdigit() else class_name]
    for class_name in wanted:  # grows while it is walked
        found = classes.get(class_name)
        if found is not None:
            bases = [_name(base) for base in found.bases]
            wanted += [base for base in bases if base not in wanted]
        elif class_name == wanted[0]:
            raise _Undecidable(f"its recipe has no class {class_name}")
        elif not _BUILD_SYSTEM.fullmatch(class_name):
            raise _Undecidable(f"its base class {class_name} is not at hand")
    return [classes[class_name] for class_name in wanted if class_name in classes]


def _name(item: ast.AST) -> str:
    """`b` for `b` and for `a.b`, "" for everything else."""
    if isinstance(item, ast.Attribute):
        return item.attr
    return item.id if isinstance(item, ast.Name) else ""


Conditions = tuple[ast.expr, ...]


def _redistribute_calls(body: list[ast.stmt], conditions: Conditions) -> Iterator[tuple[ast.Call, Conditions]]:
    """All `redistribute(…)` of a class body with the arguments of the `with when(…)` around them."""
    for statement in body:
        match statement:
            case ast.Expr(value=ast.Call() as call) if _name(call.func) == "redistribute":
                yield call, conditions
            case ast.With(items=[ast.withitem(context_expr=ast.Call(args=[condition], keywords=[]) as manager)]) if (
                _name(manager.func) == "when"
            ):
                yield from _redistribute_calls(statement.body, (*conditions, condition))
            case ast.FunctionDef(name="redistribute_binary"):
                raise _Undecidable("its recipe decides by code")
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                pass
            case _ if any("redistribute" in _name(item) for item in ast.walk(statement)):
                raise _Undecidable(f"its recipe decides in a way that is not understood, line {statement.lineno}")


def _applies(
    call: ast.Call, conditions: Conditions, record: PackageRecord, records: Mapping[str, PackageRecord]
) -> bool:
    """Whether `call` forbids binaries of `record`."""
    arguments = dict(zip(_PARAMETERS, call.args, strict=False))
    arguments |= {keyword.arg or "**": keyword.value for keyword in call.keywords}
    if "**" in arguments or any(isinstance(argument, ast.Starred) for argument in call.args):
        raise _Undecidable(f"its recipe decides in a way that is not understood, line {call.lineno}")
    binary = arguments.get("binary", ast.Constant(None))
    if not isinstance(binary, ast.Constant):
        raise _Undecidable(f"its recipe computes the answer, line {call.lineno}")
    if binary.value is not False:
        return False
    wanted = [*conditions, arguments["when"]] if "when" in arguments else list(conditions)
    doubt: _Undecidable | None = None
    for condition in wanted:
        try:
            if not _holds(condition, record, records):
                return False
        except _Undecidable as reason:
            doubt = reason
    if doubt is not None:
        raise doubt
    return True


def _holds(condition: ast.expr, record: PackageRecord, records: Mapping[str, PackageRecord]) -> bool:
    match condition:
        case ast.Constant(value=None):
            return True
        case ast.Constant(value=bool(decided)):
            return decided
        case ast.Constant(value=str(text)):
            try:
                alternatives = Query.parse(text)
            except QueryError as error:
                raise _Undecidable(f"its recipe's condition {text!r} cannot be decided: {error}") from error
            return not alternatives or any(query.matches(record, records) for query in alternatives)
    raise _Undecidable(f"its recipe computes a condition, line {condition.lineno}")
