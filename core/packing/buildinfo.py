# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every archive ends with, `.spack/binary_distribution`: one YAML flow mapping (Spack 1.1, seen in its output)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from core.foundation.errors import MirrordeckError
from core.packing.model import PackSource, Relocation

# Printable text of this form needs no quotes in a flow mapping; a slash keeps it from being taken for a number or a
# word.
_PLAIN = re.compile(r"[\w/.][^,:?\[\]{}#]*(?<! )")
_RESERVED = re.compile(r"y|n|yes|no|on|off|true|false|null|\.(inf|nan)|\.?[0-9].*", re.IGNORECASE)
_DAG_HASH = re.compile(r"[a-z2-7]{32}")


def buildinfo(source: PackSource, relocation: Relocation) -> bytes:
    """The document for one package. Raises MirrordeckError when a name in it is not UTF-8."""
    prefixes = ", ".join(f"{_scalar(dag_hash)}: {_scalar(prefix)}" for dag_hash, prefix in source.hash_to_prefix)
    entries = (
        f"sbang_install_path: {_scalar(source.sbang)}",
        f"buildpath: {_scalar(source.install_root)}",
        f"spackprefix: {_scalar(source.spack_prefix)}",
        f"relative_prefix: {_scalar(os.path.relpath(source.prefix, source.install_root))}",
        "hardlinks_deduped: true",
        f"hash_to_prefix: {{{prefixes}}}",
        f"relocate_binaries: {_sequence(relocation.binaries)}",
        f"relocate_links: {_sequence(relocation.links)}",
        f"relocate_textfiles: {_sequence(relocation.textfiles)}",
    )
    return f"{{{', '.join(entries)}}}\n".encode()


def _sequence(names: Iterable[str]) -> str:
    return f"[{', '.join(map(_scalar, names))}]"


def _scalar(text: str) -> str:
    if _DAG_HASH.fullmatch(text):
        return text
    if not text.isprintable():
        return _double_quoted(text)
    if _PLAIN.fullmatch(text) and ("/" in text or not _RESERVED.fullmatch(text)):
        return text
    return "'" + text.replace("'", "''") + "'"


def _double_quoted(text: str) -> str:
    if any("\udc80" <= character <= "\udcff" for character in text):
        raise MirrordeckError(
            "A package was not packed",
            f"{os.fsencode(text).decode('utf-8', 'backslashreplace')}: the name is not UTF-8, and the file mentions "
            "paths of the store. Spack could not adapt it on installation.",
            remedies=("Rename the file, or reinstall the package in a UTF-8 locale.",),
        )
    escaped = (character if character.isprintable() else f"\\U{ord(character):08X}" for character in text)
    return '"' + "".join("\\" + character if character in '"\\' else character for character in escaped) + '"'
