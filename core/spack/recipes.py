# SPDX-License-Identifier: Apache-2.0 OR MIT
"""May a package be redistributed as a binary? Read from the recipe's copy in its prefix, which is parsed, never run.

A recipe says `redistribute(binary=False, when="…")`; `spack buildcache push` drops such packages unless `--private`.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.foundation.errors import QueryError
from core.spack.queries import parse_query
from core.spack.recipe_syntax import (
    Conditions,
    Undecidable,
    directive_calls,
    package_classes,
    recipe_in_prefix,
    recipe_text,
)
from core.spack.specs import PackageRecord
from core.spack.worlds import World

_PARAMETERS = ("source", "binary", "when")


_Calls = list[tuple[ast.Call, Conditions]]
_known: dict[tuple[bytes, str], _Calls | str] = {}  # by digest and name; a text says why nobody can tell


class Verdict(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # to be treated like NO


@dataclass(frozen=True, slots=True)
class Redistribution:
    """`reason` explains every verdict but YES."""

    verdict: Verdict
    reason: str = ""


def redistributable(record: PackageRecord, records: Mapping[str, PackageRecord] | None = None) -> Redistribution:
    """Whether the recipe allows to redistribute `record` as a binary; whatever cannot be decided is UNKNOWN.

    `records` holds the dependencies by hash. Never raises; reads one file of the prefix; any thread.
    """
    try:
        forbidding = _forbidding(record, records or {record.hash: record})
    except Undecidable as doubt:
        return Redistribution(Verdict.UNKNOWN, str(doubt))
    if forbidding is None:
        return Redistribution(Verdict.YES)
    return Redistribution(Verdict.NO, f"its recipe says so in line {forbidding.lineno}")


def _forbidding(record: PackageRecord, records: Mapping[str, PackageRecord]) -> ast.Call | None:
    """The call that forbids it, if any."""
    doubt: Undecidable | None = None
    for call, conditions in _calls(record):
        try:
            if _applies(call, conditions, record, records):
                return call
        except Undecidable as reason:
            doubt = reason
    if doubt is not None:
        raise doubt
    return None


def _calls(record: PackageRecord) -> _Calls:
    """All `redistribute(…)` of its recipe. Parsed once: hundreds of packages may have the same one."""
    file = recipe_in_prefix(record)
    text = recipe_text(file)
    key = (hashlib.sha256(text).digest(), record.name)
    if key not in _known:
        try:
            _known[key] = [
                call
                for package in package_classes(text, file, record.name)
                for call in directive_calls(package.body, "redistribute", method="redistribute_binary")
            ]
        except Undecidable as doubt:
            _known[key] = str(doubt)
    found = _known[key]
    if isinstance(found, str):
        raise Undecidable(found)
    return found


def _applies(
    call: ast.Call, conditions: Conditions, record: PackageRecord, records: Mapping[str, PackageRecord]
) -> bool:
    """Whether `call` forbids binaries of `record`."""
    arguments = dict(zip(_PARAMETERS, call.args, strict=False))
    arguments |= {keyword.arg or "**": keyword.value for keyword in call.keywords}
    if "**" in arguments or any(isinstance(argument, ast.Starred) for argument in call.args):
        raise Undecidable(f"its recipe decides in a way that is not understood, line {call.lineno}")
    binary = arguments.get("binary", ast.Constant(None))
    if not isinstance(binary, ast.Constant):
        raise Undecidable(f"its recipe computes the answer, line {call.lineno}")
    if binary.value is not False:
        return False
    wanted = [*conditions, arguments["when"]] if "when" in arguments else list(conditions)
    doubt: Undecidable | None = None
    for condition in wanted:
        try:
            if not _holds(condition, record, records):
                return False
        except Undecidable as reason:
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
                verdict = parse_query(text).matches(record, World(records))
            except QueryError as error:
                raise Undecidable(f"its recipe's condition {text!r} cannot be decided: {error}") from error
            if verdict is None:
                raise Undecidable(f"its recipe's condition {text!r} asks for what is not known here")
            return verdict
    raise Undecidable(f"its recipe computes a condition, line {condition.lineno}")
