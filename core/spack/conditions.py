# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The `when:` of an include, decided without running it.

Spack 1.1 evaluates these texts as Python. Here the syntax tree is walked and only what include files really use is
understood: comparisons and `in` between texts, `and`/`or`/`not`, `env`, names of the host, `env.get`, `re.match`,
`re.search` and a text's `startswith`/`endswith`.
"""

from __future__ import annotations

import ast
import operator
import re
import socket
from collections.abc import Callable, Mapping
from typing import Any

from core.spack.substitutions import host_architecture, host_platform


class ConditionError(ValueError):
    """The condition uses something that only Spack itself can evaluate."""


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}


def evaluate_condition(text: str, environ: Mapping[str, str]) -> bool:
    """Whether `text` holds here. Raises ConditionError, with the part that was not understood, otherwise."""
    if len(text) > 1000:
        raise ConditionError("the condition is too long")
    try:
        return bool(_value(ast.parse(text.strip(), mode="eval").body, environ))
    except (SyntaxError, TypeError, KeyError, RecursionError, MemoryError, re.error) as error:
        raise ConditionError(f"{type(error).__name__}: {error}") from None


def _value(node: ast.expr, environ: Mapping[str, str]) -> Any:
    match node:
        case ast.Constant(value=str() | bool() | int() | None):
            return node.value
        case ast.Name():
            return _name(node.id, environ)
        case ast.Tuple() | ast.List():
            return tuple(_value(item, environ) for item in node.elts)
        case ast.BoolOp(op=ast.And()):
            return all(_value(item, environ) for item in node.values)
        case ast.BoolOp(op=ast.Or()):
            return any(_value(item, environ) for item in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, environ)
        case ast.Compare():
            return _comparison(node, environ)
        case ast.Subscript(value=ast.Name(id="env")):
            return environ[_value(node.slice, environ)]
        case ast.Call(func=ast.Attribute(), keywords=[]):
            return _call(node.func, [_value(item, environ) for item in node.args], environ)
    raise ConditionError(ast.unparse(node))


def _name(name: str, environ: Mapping[str, str]) -> Any:
    match name:
        case "env":
            return environ
        case "platform":
            return host_platform()
        case "os":
            return host_architecture().os
        case "target":
            return host_architecture().target
        case "hostname":
            return socket.gethostname()
        case "arch_str":
            host = host_architecture()
            return f"{host.platform}-{host.os}-{host.target}"
    raise ConditionError(name)


def _comparison(node: ast.Compare, environ: Mapping[str, str]) -> bool:
    left = _value(node.left, environ)
    for symbol, right_node in zip(node.ops, node.comparators, strict=True):
        compare = _COMPARISONS.get(type(symbol))
        if compare is None:
            raise ConditionError(ast.unparse(node))
        right = _value(right_node, environ)
        if not compare(left, right):
            return False
        left = right
    return True


def _call(function: ast.expr, arguments: list[Any], environ: Mapping[str, str]) -> Any:
    match function:
        case ast.Attribute(value=ast.Name(id="re"), attr="match" | "search"):
            return getattr(re, function.attr)(*arguments)
        case ast.Attribute(value=ast.Name(id="env"), attr="get"):
            return environ.get(*arguments)
        case ast.Attribute(attr="startswith" | "endswith"):
            subject = _value(function.value, environ)
            if isinstance(subject, str):
                return getattr(subject, function.attr)(*arguments)
    raise ConditionError(ast.unparse(function))
