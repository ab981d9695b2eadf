# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Specs as text, the way Spack 1.1 prints them (seen in the output of `spack find` and in error messages).

Pure functions; any thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from core.foundation.errors import QueryError
from core.spack.database import Database
from core.spack.specs import FLAG_NAMES, Node, PackageRecord, ParameterValue

Records = Mapping[str, PackageRecord]

_SHORT_HASH = 7
_HEADER_WIDTH = 65
_PLAIN_VALUE = re.compile(r"[a-zA-Z0-9,/_.\-\[\]]+")
_LANGUAGES = ("c", "cxx", "fortran")
_NO_RECORDS: Records = MappingProxyType({})


def short(node: Node) -> str:
    """`labzed@1.3/czfloom`, enough for a person to tell packages apart."""
    return f"{node.name}@{node.version}/{node.hash[:_SHORT_HASH]}"


def exact(node: Node) -> str:
    """`labzed@1.3/<whole hash>`, what Spack prints for a concrete spec."""
    return f"{node.name}@{node.version}/{node.hash}"


def short_spec(node: Node) -> str:
    """`labzed@1.3~shared build_system=generic platform=linux os=debian12 target=x86_64/czfloom`, without flags."""
    return f"{node.name}@{node.version}{_variants(node)}{_architecture(node)}/{node.hash[:_SHORT_HASH]}"


def default_format(node: Node) -> str:
    """Name, exact version, flags, variants and architecture; no hash."""
    return f"{node.name}@{_exact_version(node)}{_flags(node)}{_variants(node)}{_architecture(node)}"


def variants_text(node: Node) -> str:
    """`~shared+static build_system=generic`: switches first, then values, both by name; no compiler flags."""
    return _variants(node).strip()


def parameter_texts(node: Node) -> list[tuple[str, str]]:
    """Variants and compiler flags by name with their values as texts: `True`, `release`, `a,b`, `-O2 -g`."""
    texts = []
    for name, value in sorted(node.parameters.items()):
        if isinstance(value, tuple):
            texts.append((name, (" " if name in FLAG_NAMES else ",").join(value)))
        else:
            texts.append((name, str(value)))
    return texts


def compilers_of(record: PackageRecord, records: Records) -> tuple[str, ...]:
    """The compilers that are direct dependencies, by name: `("c,cxx=gcc@12.2.0",)`; () for specs before Spack 1.0."""
    return tuple(
        f"{','.join(edge.virtuals)}={records[edge.hash].name}@{records[edge.hash].version}"
        for edge in sorted(record.node.dependencies, key=lambda edge: edge.name)
        if edge.hash in records and not set(_LANGUAGES).isdisjoint(edge.virtuals)
    )


def find_groups(records: Iterable[PackageRecord], database: Database) -> list[tuple[str, list[PackageRecord]]]:
    """The groups of `spack find` with their header lines; within a group the order given is kept."""
    groups: dict[tuple[str, str], list[PackageRecord]] = {}
    for record in records:
        compilers = " ".join(f"%{text}" for text in compilers_of(record, database.records)) or "no compilers"
        groups.setdefault((record.node.architecture, compilers), []).append(record)
    # A longer list of compilers comes before the one it begins with.
    order = sorted(groups, key=lambda key: (key[0], f"{key[1]}~"))
    return [(_header(*key), groups[key]) for key in order]


def format_record(record: PackageRecord, template: str, records: Records = _NO_RECORDS) -> str:
    r"""`template` as in `spack find --format`: `{name}{@version} {hash:7}`; a backslash takes the next character as is.

    `records` are needed for `compiler` and `compilers` only. Raises QueryError for unknown attributes and loose braces.
    """
    field = partial(_field, record, records, template)
    return re.sub(r"\\(.)|\{([^{}]*)\}|([{}])", field, template, flags=re.DOTALL).strip()


def _header(architecture: str, compilers: str) -> str:
    return f"-- {architecture} / {compilers} ".ljust(_HEADER_WIDTH, "-")


def _exact_version(node: Node) -> str:
    return node.version if "=" in node.version else f"={node.version}"


def _architecture(node: Node) -> str:
    return f" platform={node.platform} os={node.os} target={node.target}"


def _variants(node: Node) -> str:
    """With the blank in front that a first `key=value` has and a first switch has not."""
    items = sorted((name, value) for name, value in node.parameters.items() if name not in FLAG_NAMES)
    switches = [_variant(name, value) for name, value in items if isinstance(value, bool)]
    values = [f" {_variant(name, value)}" for name, value in items if not isinstance(value, bool)]
    return "".join(switches + values)


def _variant(name: str, value: ParameterValue) -> str:
    if isinstance(value, bool):
        return f"{'+' if value else '~'}{name}"
    if isinstance(value, str):
        return f"{name}={_quoted(value)}"
    shown = [item[:_SHORT_HASH] for item in value] if name == "patches" else value
    return f"{name}:={_quoted(','.join(shown) or '*')}"


def _flags(node: Node) -> str:
    """With a blank on either side; "" without flags."""
    shown = [
        f"{name}={_quoted(' '.join(value))}"
        for name, value in sorted(node.parameters.items())
        if name in FLAG_NAMES and isinstance(value, tuple) and value
    ]
    return f" {' '.join(shown)} " if shown else ""


def _quoted(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value):
        return value
    return json.dumps(value) if "'" in value else f"'{value}'"


def _compiler(record: PackageRecord, records: Records) -> str:
    """What `{compiler}` means: the dependency that compiles C, else C++, else Fortran; "none" without."""
    if record.node.annotated_compiler:
        return record.node.annotated_compiler
    for language in _LANGUAGES:
        for edge in record.node.dependencies:
            if language in edge.virtuals and edge.hash in records:
                return exact(records[edge.hash].node)
    return "none"


def _compiler_part(record: PackageRecord, records: Records, part: str) -> str:
    name, _, version = _compiler(record, records).partition("@")
    return name if part == "name" or not version else version.removeprefix("=").partition("/")[0]


_ATTRIBUTES: dict[str, Callable[[PackageRecord, Records], str]] = {
    "name": lambda record, _: record.name,
    "namespace": lambda record, _: record.node.namespace,
    "fullname": lambda record, _: f"{record.node.namespace}.{record.name}".lstrip("."),
    "version": lambda record, _: record.version,
    "versions": lambda record, _: _exact_version(record.node),
    "hash": lambda record, _: record.hash,
    "prefix": lambda record, _: record.prefix or "",
    "architecture": lambda record, _: record.node.architecture,
    "arch": lambda record, _: record.node.architecture,
    "platform": lambda record, _: record.node.platform,
    "os": lambda record, _: record.node.os,
    "target": lambda record, _: record.node.target,
    "architecture.platform": lambda record, _: record.node.platform,
    "architecture.os": lambda record, _: record.node.os,
    "architecture.target": lambda record, _: record.node.target,
    "variants": lambda record, _: _variants(record.node),
    "compiler_flags": lambda record, _: _flags(record.node),
    "short_spec": lambda record, _: short_spec(record.node),
    "external": lambda record, _: str(record.external),
    "compiler": _compiler,
    "compiler.name": partial(_compiler_part, part="name"),
    "compiler.version": partial(_compiler_part, part="version"),
    "compilers": lambda record, records: " " + " ".join(f"%{text}" for text in compilers_of(record, records)),
}
_SIGILS = {"@": ("version", "versions"), "/": ("hash",), "%": ("compiler",)}


def _field(record: PackageRecord, records: Records, template: str, match: re.Match[str]) -> str:
    escaped, field, brace = match.groups()
    if escaped is not None:
        return str(escaped)
    if brace is not None:
        raise _template_error("A brace of the format has no partner", template, match)
    parts = re.fullmatch(r"( ?\w+=)?([@/%]?)(\w+(?:\.\w+)*)(?::(\d+))?", field)
    if parts is None:
        raise _template_error(f"The format's {{{field}}} cannot be understood", template, match)
    label, sigil, name, length = parts.groups(default="")
    name = name.lower()
    if (sigil and name not in _SIGILS[sigil]) or (length and name != "hash"):
        raise _template_error(f"The format's {{{field}}} makes no sense", template, match)
    value = _attribute(record, records, name, partial(_template_error, template=template, match=match))
    value = value[: int(length)] if length else value
    return label + sigil + value if value else ""


def _attribute(record: PackageRecord, records: Records, name: str, error: Callable[..., QueryError]) -> str:
    if name in _ATTRIBUTES:
        return _ATTRIBUTES[name](record, records)
    kind, _, variant = name.partition(".")
    if kind != "variants":
        raise error(f"The format's attribute {name} is not known")
    if variant in FLAG_NAMES or variant not in record.node.parameters:
        raise error(f"{short(record.node)} has no variant {variant}")
    return _variant(variant, record.node.parameters[variant])


def _template_error(title: str, template: str, match: re.Match[str]) -> QueryError:
    return QueryError(
        title, f"at character {match.start() + 1} of {template!r}", query=template, position=match.start()
    )
