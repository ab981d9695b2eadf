# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which packages of a cache are copied: those named, of an environment, of manifest files, and what they need."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from core.caches.copying import read_package
from core.caches.folder_objects import read_ahead
from core.caches.layout3 import MANIFEST_PREFIX, entry_of
from core.caches.opening import CacheAccess
from core.caches.protocol import CacheEntry, EntryName, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.decoding import from_json
from core.foundation.errors import CacheError, ErrorInfo, NotFound, UsageError, from_os_error
from core.services.contents import list_contents
from core.services.upkeep import environment_nodes
from core.services.upkeep_values import CopyRequest
from core.spack.instance import Instance

_MANIFEST_FILE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Selection:
    """Packages of a source by hash; `lacking` were asked for and are not there, name by hash."""

    entries: Mapping[str, CacheEntry]
    lacking: Mapping[str, str]
    problems: tuple[ErrorInfo, ...] = ()


def select_packages(
    instance: Instance,
    access: CacheAccess,
    request: CopyRequest,
    source: ReadableCache,
    *,
    cwd: Path,
    token: CancelToken,
) -> Selection:
    """What `request` chooses from its source, with all that a plan has to know of it.

    Raises NotFound if a query matches nothing, and as `plan_copy`.
    """
    everything = list_contents(instance, access, request.source, (), cwd=cwd, token=token)
    there = {entry.entry.hash: entry for entry in everything.entries}
    if not (request.hashes or request.queries or request.environment):
        return Selection(_with_facts(source, there, token), {}, everything.problems)
    wanted = dict.fromkeys(request.hashes, "")
    if request.queries:
        found = list_contents(instance, access, request.source, request.queries, cwd=cwd, token=token)
        if not found.entries:
            raise NotFound(f"Nothing in {request.source} matches {' '.join(request.queries)}")
        wanted |= {entry.entry.hash: entry.entry.name for entry in found.entries}
    if request.environment:
        wanted |= _of_environment(instance, cwd)
    chosen = {dag_hash: there[dag_hash] for dag_hash in wanted if dag_hash in there}
    lacking = {dag_hash: name for dag_hash, name in wanted.items() if dag_hash not in there}
    if request.dependencies:
        for dag_hash in _closure(source, chosen, token):
            if dag_hash in there:
                chosen.setdefault(dag_hash, there[dag_hash])
    return Selection(_with_facts(source, chosen, token), lacking, everything.problems)


def _with_facts(source: ReadableCache, chosen: Mapping[str, CacheEntry], token: CancelToken) -> dict[str, CacheEntry]:
    """An index says neither sizes nor what is signed: manifests do. What cannot be read stays as the index has it, and
    fails with its reason when it is copied."""

    def look(dag_hash: str) -> CacheEntry:
        token.raise_if_cancelled()
        entry = chosen[dag_hash]
        if entry.manifest_digest:
            return entry
        try:
            found = source.package(entry.entry, token=token)
        except (CacheError, NotFound):
            return entry
        return replace(
            entry,
            blob_digest=found.archive.digest,
            stored_bytes=found.archive.size or 0,
            signed=found.signed,
            modified=found.modified,
            layout=found.layout,
        )

    return dict(zip(chosen, read_ahead(look, list(chosen)), strict=True))


def manifest_copies(pattern: str) -> dict[tuple[str, str], list[EntryName]]:
    """What files matching `pattern` say: packages by source and destination, as addresses of caches.

    Such a file maps hashes to objects with `src` and `dest`, addresses of manifests (as Spack 1.1 reads them). Raises
    UsageError naming the file that is none.
    """
    chosen: dict[str, tuple[str, str]] = {}
    for name in sorted(glob.glob(pattern)):  # noqa: PTH207  a person's pattern, relative or not
        try:
            data = Path(name).read_bytes()[:_MANIFEST_FILE_BYTES]
            found = from_json(data, dict[str, _Places])
        except OSError as error:
            raise from_os_error(error, f"Cannot read {name}", name) from error
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{name} does not say what to copy", str(error)) from error
        chosen |= {dag_hash: (places.src, places.dest) for dag_hash, places in found.items()}
    if not chosen:
        raise UsageError(f"No file says what to copy: {pattern}")
    copies: dict[tuple[str, str], list[EntryName]] = {}
    for src, dest in chosen.values():
        base, entry = _split(src)
        copies.setdefault((base, _split(dest)[0] if dest else ""), []).append(entry)
    return copies


class _Places(msgspec.Struct, frozen=True):
    src: str
    dest: str = ""


def _split(manifest_url: str) -> tuple[str, EntryName]:
    base, found, rest = manifest_url.partition(f"/{MANIFEST_PREFIX}/")
    entry = entry_of(f"{MANIFEST_PREFIX}/{rest}")
    if not found or entry is None:
        raise UsageError("That is not the address of a manifest", manifest_url[:200])
    return base, entry


def _of_environment(instance: Instance, cwd: Path) -> dict[str, str]:
    """Packages of the active environment, externals left out, as `spack buildcache sync` takes them."""
    if instance.environment is None:
        raise UsageError(
            "`buildcache sync` requires an environment, or packages to copy",
            remedies=("Choose an environment with -e NAME or -D DIR, name packages, or take --all.",),
        )
    nodes = environment_nodes(instance, str(instance.environment.path), cwd)
    return {dag_hash: node.name for dag_hash, node in nodes.items() if node.external is None}


def _closure(source: ReadableCache, chosen: Mapping[str, CacheEntry], token: CancelToken) -> Iterable[str]:
    """All that `chosen` depend on: from the index, and the specs of what that does not know."""
    index = None
    with suppress(CacheError):
        index = source.read_index(token=token)
    edges: dict[str, tuple[str, ...]] = {}
    if index is not None:
        for dag_hash, record in index.records.items():
            with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # its spec is read instead
                edges[dag_hash] = from_json(record.document, _Edges).hashes
    found: set[str] = set()
    waiting = list(chosen)
    for dag_hash in chosen:
        if dag_hash not in edges:
            token.raise_if_cancelled()
            found |= read_package(source, chosen[dag_hash].entry, token).spec.nodes.keys()
    while waiting:
        current = waiting.pop()
        for needed in edges.get(current, ()):
            if needed not in found:
                found.add(needed)
                waiting.append(needed)
    return found


class _Edge(msgspec.Struct, frozen=True):
    hash: str


class _Edges(msgspec.Struct, frozen=True):
    dependencies: tuple[_Edge, ...] = ()

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(edge.hash for edge in self.dependencies)
