# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The text of an install database's `index.json` (versions 5 to 8, Spack 0.16 to 1.x) made into records.

Seen in Spack's output: one JSON value, whatever follows it is ignored; the map key of a record is the hash that counts.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
from msgspec import Struct

from core.foundation.digests import is_dag_hash
from core.foundation.errors import DatabaseError, ErrorInfo
from core.spack.specs import PackageRecord, decode_node

# Node format of each database version, for specs that do not say themselves in which format they were concretised.
_NODE_FORMATS = {"5": 1, "6": 3, "7": 4, "8": 5}


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


class ParsedIndex(Struct, frozen=True, gc=False):
    version: int
    records: dict[str, PackageRecord]
    problems: tuple[ErrorInfo, ...]


_document_decoder = msgspec.json.Decoder(_Document)
_record_decoder = msgspec.json.Decoder(_StoredRecord)


def parse_index(data: bytes, file: Path, install_root: str, *, upstream: bool) -> ParsedIndex:
    """The records in `data`, which was read from `file`. A record that cannot be read becomes a problem naming it.

    Raises DatabaseError naming file, line and byte when the JSON is broken, or the version is one nobody knows.
    """
    contents = _decode_document(data, file).database
    node_format = _NODE_FORMATS.get(contents.version)
    if node_format is None:
        raise DatabaseError(
            f"{file} has version {contents.version}, which cannot be read",
            f"Versions {', '.join(_NODE_FORMATS)} are known.",
            remedies=("Update Mirrordeck if Spack is newer; run `spack reindex` if it is very old.",),
        )
    records: dict[str, PackageRecord] = {}
    problems: list[ErrorInfo] = []
    for dag_hash, text in contents.installs.items():
        try:
            records[dag_hash] = _record(dag_hash, text, node_format, install_root, upstream)
        except (DatabaseError, msgspec.MsgspecError, ValueError) as error:
            why = error.why if isinstance(error, DatabaseError) else str(error)
            problems.append(ErrorInfo(DatabaseError.code, f"A record of {file} cannot be read", f"{dag_hash}: {why}"))
    return ParsedIndex(int(contents.version), records, tuple(problems))


def _record(dag_hash: str, text: msgspec.Raw, node_format: int, install_root: str, upstream: bool) -> PackageRecord:
    if not is_dag_hash(dag_hash):
        raise DatabaseError("", "the key is no DAG hash")
    stored = _record_decoder.decode(text)
    node = decode_node(stored.spec)
    if node.hash != dag_hash:
        node = msgspec.structs.replace(node, hash=dag_hash)
    original = node.annotations.original_specfile_version if node.annotations is not None else 0
    return PackageRecord(
        node=node,
        document=bytes(stored.spec),
        hash=dag_hash,
        prefix=None if stored.path == "None" else stored.path,
        install_root=install_root,
        installed=stored.installed,
        explicit=stored.explicit,
        installation_time=stored.installation_time or 0.0,
        deprecated_for=stored.deprecated_for,
        upstream=upstream,
        specfile_version=original or node_format,
    )


def _decode_document(data: bytes, file: Path) -> _Document:
    try:
        return _document_decoder.decode(data)
    except msgspec.ValidationError as error:
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
