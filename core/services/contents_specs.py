# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a cache tells beyond its listing: which packages match a query, the picture of one, its spec and its file."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec

from core.caches.index import SpecDocument
from core.caches.protocol import IndexRecord, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, NotFound, QueryError, from_os_error
from core.foundation.files import atomic_write
from core.services.contents_memory import ContentsMemory
from core.services.contents_view import Place
from core.services.entry_records import entry_records
from core.services.package_graph import graph_of
from core.services.package_values import FoundPackages, Graph, QueryProblem
from core.services.values import FileFacts
from core.spack.queries import parse_query, select
from core.spack.specs import decode_node
from core.spack.worlds import World


def find_entries(cache: ReadableCache, text: str, token: CancelToken) -> FoundPackages:
    """Packages that match what a person has typed so far, as the index knows them; a wrong query is part of the answer.

    Raises NotFound where there is no index, and what the cache raises.
    """
    try:
        query = parse_query(text)
        index = cache.read_index(token=token)
        if index is None:
            raise NotFound("Specs cannot be looked for", "this build cache has no index")
        token.raise_if_cancelled()
        answer = select(query, World(entry_records(index.records, index.records)), any_state=True)
    except QueryError as error:
        return FoundPackages((), problem=QueryProblem(error.title, error.why, error.position, error.length))
    matched, unknown = (tuple(record.hash for record in found) for found in (answer.matched, answer.unknown))
    return FoundPackages(matched, unknown)


def entry_graph(place: Place, memory: ContentsMemory, key: str, limit: int, token: CancelToken) -> Graph:
    """All the package under `key` depends on, those that were not listed as missing. Raises NotFound, CacheError."""
    document = _spec_of(place, memory, key, token)
    known = memory.get(place.cache.url)
    listed = {row.hash for row in known.rows} if known is not None else set(document.nodes)
    listed = listed | {document.root}
    nodes = {each: IndexRecord(node, in_buildcache=each in listed) for each, node in document.nodes.items()}
    records = {
        each: msgspec.structs.replace(record, installed=record.installed or record.external)  # nobody stores those
        for each, record in entry_records(nodes, [document.root]).items()
    }
    if document.root not in records:
        raise CacheError("The spec of this package cannot be understood", key)
    return graph_of(records, document.root, limit)


def save_entry_spec(place: Place, memory: ContentsMemory, key: str, directory: Path, token: CancelToken) -> Path:
    """Write the spec of the package under `key` as `<name>.json` into `directory`, as Spack's `save-specfile` would.

    Raises NotFound, CacheError and PermissionDenied. A file of that name is replaced.
    """
    document = _spec_of(place, memory, key, token)
    root = decode_node(document.nodes[document.root])
    others = (node for dag_hash, node in document.nodes.items() if dag_hash != document.root)
    spec = {"_meta": {"version": document.node_format}, "nodes": [document.nodes[document.root], *others]}
    path = directory / f"{root.name}.json"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "The spec was not saved", directory) from error
    atomic_write(path, msgspec.json.encode({"spec": spec}))
    return path


def file_facts(place: Place, key: str) -> FileFacts | None:
    """Whose the file under `key` is; None where the cache is not in a folder or there is no such file."""
    root = place.mirror.fetch.folder
    if root is None:
        return None
    path = root / key
    try:
        facts = path.stat()
        return FileFacts(path.owner(), path.group(), stat.filemode(facts.st_mode))
    except OSError:
        return None
    except KeyError:  # an account that is not known here
        return FileFacts(str(facts.st_uid), str(facts.st_gid), stat.filemode(facts.st_mode))


def _spec_of(place: Place, memory: ContentsMemory, key: str, token: CancelToken) -> SpecDocument:
    known = memory.get(place.cache.url)
    digest = next((row.manifest_digest for row in known.rows if row.key == key), "") if known is not None else ""
    spec = place.browser.describe(key, digest, token).spec
    if spec is None:
        raise NotFound("This is not a package", key)
    return spec
