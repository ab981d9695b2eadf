# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which package a spec file is about: `spec.json` of any format, or the same as YAML.

Spack 1.1 compares a concrete spec by nothing but its hash, so name and hash are all that a query needs. Any thread.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.foundation.digests import is_dag_hash
from core.foundation.errors import DatabaseError
from core.foundation.text import format_bytes
from core.spack.yaml_reader import parse_yaml, plain

_LIMIT_BYTES = 50_000_000


def spec_file_reader(folder: Path) -> Callable[[str], bytes]:
    """Reads the spec files that queries name, relative to `folder`. It raises DatabaseError and OSError."""

    def read(name: str) -> bytes:
        # O_NONBLOCK: opening a pipe must not wait for a writer.
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise DatabaseError(f"{name} is no spec file", "it is not a regular file")
            data = stream.read(_LIMIT_BYTES + 1)
        if len(data) > _LIMIT_BYTES:
            raise DatabaseError(f"{name} is no spec file", f"it is larger than {format_bytes(_LIMIT_BYTES)}")
        return data

    return read


def root_of(data: bytes, file: str) -> tuple[str, str]:
    """Name and DAG hash of the spec in `data`, read from `file`. Raises DatabaseError or, for YAML, ConfigError."""
    try:
        text = data.decode()
        document = json.loads(text) if file.endswith(".json") else plain(parse_yaml(text, Path(file)).root)
    except (ValueError, RecursionError) as error:
        raise DatabaseError(f"{file} is no spec file", str(error)) from error
    name, node = _root_node(document)
    dag_hash = node.get("hash")
    if not isinstance(name, str) or not isinstance(dag_hash, str) or not is_dag_hash(dag_hash):
        raise DatabaseError(f"{file} is no spec file", "it names no concrete spec with a hash")
    return name, dag_hash


def _root_node(document: Any) -> tuple[Any, dict[str, Any]]:
    """The first node with its name; formats before 2 have one-key objects `{name: {…}}`."""
    spec = document.get("spec") if isinstance(document, dict) else None
    nodes = spec.get("nodes") if isinstance(spec, dict) else spec
    node = nodes[0] if isinstance(nodes, list) and nodes else None
    if not isinstance(node, dict):
        return None, {}
    if "name" not in node and len(node) == 1:
        name, inner = next(iter(node.items()))
        return name, inner if isinstance(inner, dict) else {}
    return node.get("name"), node
