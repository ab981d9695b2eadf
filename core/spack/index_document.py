# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The text of an install database's `index.json` (versions 5 to 8, Spack 0.16 to 1.x) made into records.

Seen in Spack's output: one JSON value, whatever follows it is ignored; the map key of a record is the hash that counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct

from core.foundation.decoding import json_decoder
from core.foundation.digests import is_dag_hash
from core.foundation.errors import DatabaseError, ErrorInfo
from core.spack.node_reader import NodeReader
from core.spack.specs import PackageRecord

# Node format of each database version, for specs that do not say themselves in which format they were concretised.
_NODE_FORMATS = {"5": 1, "6": 3, "7": 4, "8": 5}
_GONE = msgspec.Raw(b"")
_NOTHING_KNOWN: Mapping[str, PackageRecord] = MappingProxyType({})


class _Contents(Struct, gc=False):
    version: str
    installs: dict[str, msgspec.Raw]


class _Document(Struct, gc=False):
    database: _Contents


class _StoredRecord(Struct, gc=False):
    spec: msgspec.Raw
    path: str | None = None
    installed: bool = False
    explicit: bool = False
    installation_time: float | None = None
    deprecated_for: str | None = None


class IndexText(Struct, frozen=True, gc=False):
    """An index of which only the nodes are still text: `records` by hash, each with its node's document."""

    version: str
    records: dict[str, tuple[_StoredRecord, bytes]]
    problems: list[ErrorInfo]


class ParsedIndex(Struct, frozen=True, gc=False):
    version: int
    records: dict[str, PackageRecord]
    problems: tuple[ErrorInfo, ...]


_document_decoder = json_decoder(_Document)
_record_decoder = json_decoder(_StoredRecord)


def split_index(data: bytes, file: Path) -> IndexText:
    """`data`, which was read from `file`, taken apart so far that nothing needs it any longer.

    `data` is the largest thing there is while a database is loaded; with it gone there is room for the nodes. A record
    that cannot be read becomes a problem naming it. Raises DatabaseError naming file, line and byte when the JSON is
    broken, or the version is one nobody knows.
    """
    contents = _decode_document(data, file).database
    if contents.version not in _NODE_FORMATS:
        raise DatabaseError(
            f"{file} has version {contents.version}, which cannot be read",
            f"Versions {', '.join(_NODE_FORMATS)} are known.",
            remedies=("Update Mirrordeck if Spack is newer; run `spack reindex` if it is very old.",),
        )
    records: dict[str, tuple[_StoredRecord, bytes]] = {}
    problems: list[ErrorInfo] = []
    for dag_hash, text in contents.installs.items():
        try:
            if not is_dag_hash(dag_hash):
                raise ValueError("the key is no DAG hash")
            stored = _record_decoder.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            problems.append(_unreadable(file, dag_hash, str(error)))
            continue
        document, stored.spec = bytes(stored.spec), _GONE
        records[dag_hash] = (stored, document)
    return IndexText(contents.version, records, problems)


def parse_index(
    text: IndexText,
    file: Path,
    install_root: str,
    *,
    upstream: bool,
    known: Mapping[str, PackageRecord] = _NOTHING_KNOWN,
) -> ParsedIndex:
    """The records in `text`. Those whose nodes cannot be read become problems naming them.

    Records that are equal in `known`, an earlier reading, are taken from there: that costs neither time nor memory.
    """
    node_format = _NODE_FORMATS[text.version]
    reader = NodeReader()
    records: dict[str, PackageRecord] = {}
    problems = list(text.problems)
    for dag_hash, (stored, document) in text.records.items():
        kept = known.get(dag_hash)
        if kept is not None and kept.document != document:
            kept = None
        try:
            node = kept.node if kept is not None else reader.read(document, dag_hash)
        except DatabaseError as error:
            problems.append(_unreadable(file, dag_hash, error.why))
            continue
        original = node.annotations.original_specfile_version if node.annotations is not None else 0
        record = PackageRecord(
            node,
            kept.document if kept is not None else document,
            node.hash,
            None if stored.path == "None" else stored.path,
            install_root,
            stored.installed,
            stored.explicit,
            stored.installation_time or 0.0,
            stored.deprecated_for,
            upstream,
            original or node_format,
        )
        records[node.hash] = kept if kept is not None and kept == record else record
    return ParsedIndex(int(text.version), records, tuple(problems))


def _unreadable(file: Path, dag_hash: str, why: str) -> ErrorInfo:
    return ErrorInfo(DatabaseError.code, f"A record of {file} cannot be read", f"{dag_hash}: {why}")


def _decode_document(data: bytes, file: Path) -> _Document:
    try:
        return _document_decoder.decode(data)
    except (msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise DatabaseError(f"{file} is no install database", str(error)) from error
    except msgspec.DecodeError as error:
        if "trailing characters" in str(error):
            return _decode_document(_first_value(data), file)
        position = _position(error, data)
        line = data.count(b"\n", 0, position) + 1
        raise DatabaseError(
            f"{file} is broken",
            f"line {line}, byte {position}: {error}",
            remedies=("Run `spack reindex` to build the database anew from the installed packages.",),
        ) from error


def _first_value(data: bytes) -> bytes:
    text = data.decode(errors="surrogateescape").lstrip()
    return text[: json.JSONDecoder().raw_decode(text)[1]].encode(errors="surrogateescape")


def _position(error: msgspec.DecodeError, data: bytes) -> int:
    """Byte offset named by `error`; the end for a truncated text, where it names none."""
    found = re.search(r"\(byte (\d+)\)", str(error))
    return int(found[1]) if found else len(data)
