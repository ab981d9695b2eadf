# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Names and documents of layout 2, which Spack 0.16 to 0.24 wrote. Facts seen in the output of Spack 0.24 and 1.1.

build_cache/index.json, index.json.hash
build_cache/<arch>-<compiler>-<compiler version>-<name>-<version>-<hash>.spec.json, .spec.json.sig if signed
build_cache/<arch>/<compiler>-<compiler version>/<name>-<version>/<the same stem>.spack
build_cache/_pgp/index.json, <fingerprint>.pub

Names cannot be split, as there may be dashes everywhere: only the hash is certain, the rest is in the document.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import msgspec

from core.caches.index import SpecDocument, decode_spec
from core.caches.layout3 import cleaned
from core.caches.protocol import EntryName
from core.foundation.decoding import from_json
from core.foundation.digests import is_dag_hash, parse_digest
from core.foundation.errors import CacheError, MirrordeckError, SigningError
from core.signing.clearsign import is_clearsigned, signed_text
from core.spack.specs import Node, decode_node

OLD_PREFIX = "build_cache"
OLD_INDEX = f"{OLD_PREFIX}/index.json"
OLD_INDEX_HASH = f"{OLD_PREFIX}/index.json.hash"
OLD_KEY_PREFIX = f"{OLD_PREFIX}/_pgp"
OLD_KEY_INDEX = f"{OLD_KEY_PREFIX}/index.json"

OLD_INDEX_VERSIONS = ("5", "6", "7")
SIGNED_SUFFIX = ".sig"
NESTED = "Its archive has a form that Spack 1.0 and later cannot install"

_PLAIN = ".spec.json"
_SIGNED = f"{_PLAIN}{SIGNED_SUFFIX}"
_ARCHIVE = ".spack"
_NEWEST = 2


class _Checksum(msgspec.Struct, frozen=True):
    hash_algorithm: str
    hash: str


class _Document(msgspec.Struct, frozen=True):
    binary_cache_checksum: _Checksum
    buildcache_layout_version: int = 0


@dataclass(frozen=True, slots=True)
class OldEntry:
    """A package as its spec file describes it: `archive_key` and `archive_digest` are those of its archive.

    The archive of `layout` 1, as Spack wrote them before 0.20, is a tar file around the one that counts.
    """

    entry: EntryName
    spec: SpecDocument
    archive_key: str
    archive_digest: str
    layout: int


def is_old_entry(key: str) -> bool:
    """Whether `key` is that of a spec file."""
    directory, _, name = key.rpartition("/")
    return directory == OLD_PREFIX and name.endswith((_PLAIN, _SIGNED))


def old_key(fingerprint: str) -> str:
    """Where a public key lies whose fingerprint was checked."""
    return f"{OLD_KEY_PREFIX}/{fingerprint}.pub"


def is_old_archive(key: str) -> bool:
    return key.startswith(f"{OLD_PREFIX}/") and key.endswith(_ARCHIVE)


def hash_in(key: str) -> str:
    """The DAG hash in the name of a spec file or archive, "" if there is none."""
    dag_hash = _stem(key).rpartition("-")[2]
    return dag_hash if is_dag_hash(dag_hash) else ""


def entry_keys(node: Node) -> tuple[str, str]:
    """Where the spec file of a package lies, signed and unsigned. Raises CacheError if it cannot be in this layout."""
    if node.compiler is None or not is_dag_hash(node.hash):
        raise CacheError(f"{node.name}@{node.version} cannot be in a cache of the old layout", "It names no compiler")
    parts = (node.architecture, node.compiler.name, node.compiler.version, node.name, node.version, node.hash)
    stem = f"{OLD_PREFIX}/{'-'.join(cleaned(part) for part in parts)}"
    return stem + _SIGNED, stem + _PLAIN


def decode_entry(data: bytes, key: str, where: str) -> OldEntry:
    """Read a spec file, clear or clearsigned; a signature is not checked here. Raises CacheError naming `where`."""
    try:
        text = signed_text(data) if is_clearsigned(data) else data
        document = from_json(text, _Document)
        checksum = document.binary_cache_checksum
        if document.buildcache_layout_version > _NEWEST:
            raise ValueError(f"It is of cache layout {document.buildcache_layout_version}")
        if checksum.hash_algorithm != "sha256":
            raise ValueError(f"The checksum algorithm {checksum.hash_algorithm[:40]!r} is not known")
        digest = parse_digest(f"sha256:{checksum.hash}")
    except (SigningError, ValueError, RecursionError) as error:
        raise CacheError(f"Cannot understand {where}", str(error)) from error
    spec = decode_spec(text, where)
    if spec.root != hash_in(key):
        raise CacheError(f"Cannot understand {where}", f"It describes another package, {spec.root[:40]}")
    node = _node(spec, where)
    entry = EntryName(node.name, node.version, spec.root)
    return OldEntry(entry, spec, _archive_key(key, node, where), digest, max(document.buildcache_layout_version, 1))


def current_document(text: bytes, archive_bytes: int) -> bytes:
    """The spec document of the layout of today made of one of layout 2 that was understood before. The spec itself
    keeps its format."""
    document = json.loads(text)
    del document["binary_cache_checksum"]
    document["buildcache_layout_version"] = _NEWEST
    document["archive_size"] = archive_bytes
    return json.dumps(document, separators=(",", ":")).encode()


def _archive_key(key: str, node: Node, where: str) -> str:
    if node.compiler is None:
        raise CacheError(f"Cannot understand {where}", "It names no compiler")
    compiler = f"{cleaned(node.compiler.name)}-{cleaned(node.compiler.version)}"
    package = f"{cleaned(node.name)}-{cleaned(node.version)}"
    return f"{OLD_PREFIX}/{cleaned(node.architecture)}/{compiler}/{package}/{_stem(key)}{_ARCHIVE}"


def _node(spec: SpecDocument, where: str) -> Node:
    try:
        return decode_node(spec.nodes[spec.root])
    except MirrordeckError as error:
        raise CacheError(f"Cannot understand {where}", error.why) from error


def _stem(key: str) -> str:
    name = key.rpartition("/")[2]
    for suffix in (_SIGNED, _PLAIN, _ARCHIVE):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name
