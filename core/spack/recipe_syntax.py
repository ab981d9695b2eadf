# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Recipes (`package.py`) as syntax trees, which are read and never run: which directives a package's class calls.

Any thread.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from core.spack.specs import PackageRecord

_LIMIT_BYTES = 4_000_000

# Base classes of Spack's build systems. Those of Intel oneAPI forbid redistribution; any other name may be a recipe's.
_BUILD_SYSTEM = re.compile(r"(?!IntelOneApi)\w*Package|PythonExtension|ROCmLibrary|\w+Mixin")

Conditions = tuple[ast.expr, ...]


class Undecidable(Exception):
    """A recipe cannot be judged; the text says why."""


def recipe_in_prefix(record: PackageRecord) -> Path:
    """The copy of its recipe that an installed package has. Raises Undecidable when there is none."""
    if record.prefix is None:
        raise Undecidable("it has no prefix, so no recipe")
    repos = Path(record.prefix, ".spack", "repos")
    if not repos.is_dir():
        raise Undecidable(f"there is no copy of its recipe below {repos}")
    with_v2_layout = repos.joinpath("spack_repo", *record.node.namespace.split("."))
    for repository in (with_v2_layout, repos / record.node.namespace):
        file = recipe_in_repository(repository, record.name)
        if file is not None:
            return file
    raise Undecidable(f"there is no copy of its recipe below {repos}")


def recipe_in_repository(repository: Path, name: str) -> Path | None:
    """The recipe of the package `name` in a repository of recipes, a folder with `packages` in it."""
    module = name.replace("-", "_")
    for folder in (module, f"_{module}", name):  # modules may not begin with a digit; older layouts keep the name
        file = repository / "packages" / folder / "package.py"
        if file.is_file():
            return file
    return None


def recipe_text(file: Path) -> bytes:
    """Raises Undecidable when it cannot be read."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_LIMIT_BYTES + 1)
    except OSError as error:
        raise Undecidable(f"its recipe cannot be read: {error.filename}: {error.strerror}") from error
    if len(text) > _LIMIT_BYTES:
        raise Undecidable(f"its recipe is too large: {file}")
    return text


def package_classes(text: bytes, file: Path, name: str) -> list[ast.ClassDef]:
    """The class of the package `name` and its base classes in the same recipe. Raises Undecidable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # recipes are full of invalid escape sequences
            recipe = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Undecidable(f"its recipe cannot be parsed: {file}: {error}") from error
    classes = {item.name: item for item in recipe.body if isinstance(item, ast.ClassDef)}
    class_name = "".join(word.capitalize() for word in re.split(r"[-_.]", name))
    wanted = [f"_{class_name}" if class_name[:1].isdigit() else class_name]
    for class_name in wanted:  # grows while it is walked
        found = classes.get(class_name)
        if found is not None:
            bases = [_name(base) for base in found.bases]
            wanted += [base for base in bases if base not in wanted]
        elif class_name == wanted[0]:
            raise Undecidable(f"its recipe has no class {class_name}")
        elif not _BUILD_SYSTEM.fullmatch(class_name):
            raise Undecidable(f"its base class {class_name} is not at hand")
    return [classes[class_name] for class_name in wanted if class_name in classes]


def directive_calls(
    body: list[ast.stmt], directive: str, *, method: str = "", conditions: Conditions = ()
) -> Iterator[tuple[ast.Call, Conditions]]:
    """All calls of `directive` in a class body with the arguments of the `with when(…)` around them.

    Raises Undecidable where it meets the directive in any other place, or a definition of `method`, which Spack would
    ask instead.
    """
    for statement in body:
        match statement:
            case ast.Expr(value=ast.Call() as call) if _name(call.func) == directive:
                yield call, conditions
            case ast.With(items=[ast.withitem(context_expr=ast.Call(args=[condition], keywords=[]) as manager)]) if (
                _name(manager.func) == "when"
            ):
                inside = (*conditions, condition)
                yield from directive_calls(statement.body, directive, method=method, conditions=inside)
            case ast.FunctionDef(name=name) if name == method:
                raise Undecidable("its recipe decides by code")
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                pass
            case _ if any(directive in _name(item) for item in ast.walk(statement)):
                raise Undecidable(f"its recipe decides in a way that is not understood, line {statement.lineno}")


def _name(item: ast.AST) -> str:
    """`b` for `b` and for `a.b`, "" for everything else."""
    if isinstance(item, ast.Attribute):
        return item.attr
    return item.id if isinstance(item, ast.Name) else ""
