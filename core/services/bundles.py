# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Bundles of packages for sites without network: made and imported through the transfer queue."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from core.caches.bundle import (
    FACTS,
    README,
    SUMS,
    TAR_SUFFIX,
    BundleFacts,
    check_sums,
    pack_bundle,
    read_facts,
    unpack_bundle,
    write_sums,
)
from core.caches.folder_cache import FolderCache
from core.caches.opening import CacheAccess
from core.caches.protocol import BuildCache, CacheEntry, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, ErrorInfo, MirrordeckError, NotFound, UsageError, from_os_error
from core.foundation.files import temporary_name
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.reading import mirrors_of
from core.services.bundle_text import BOOTSTRAP_PLACE, SOURCES_PLACE, needs_of, readme
from core.services.child_environment import child_environment
from core.services.copy_selection import Selection, select_packages
from core.services.copying import PreparedCopy, prepare_copy
from core.services.spack_process import SpackFailed, run_spack
from core.services.upkeep_values import BundleRequest, BundleSummary, CopyRequest, ImportRequest
from core.spack.instance import Instance
from core.spack.specs import Node, PackageState, decode_node
from core.storage.folder import Folder

_LAST_LINES = 12


def plan_export(
    instance: Instance, access: CacheAccess, request: BundleRequest, *, cwd: Path, token: CancelToken
) -> PreparedCopy:
    """Plan a bundle; its job makes it. One that was begun in the same place is gone on with.

    Raises UsageError if something else lies there, and as `plan_copy`.
    """
    path = _absolute(request.path, cwd)
    folder = path.with_name(f"{path.name}.partial") if path.suffix == TAR_SUFFIX else path
    _check_place(path, folder)
    mirror = resolve_mirror(request.source, mirrors_of(instance), cwd=cwd)
    source = access.open(mirror, Direction.FETCH)
    chosen = CopyRequest(
        source=request.source,
        target=str(folder),
        hashes=request.hashes,
        queries=request.queries,
        environment=request.environment,
        dependencies=request.dependencies,
    )
    selection = select_packages(instance, access, chosen, source, cwd=cwd, token=token)
    if not selection.entries:
        raise NotFound("There is nothing to bundle", f"{request.source} holds no such packages")
    _check_extras(instance, request, selection.entries, token)
    name = mirror.name or mirror.fetch.url
    making = _Making(instance, access, request, source, selection.entries, folder, path, name)
    return prepare_copy(
        instance,
        access,
        source,
        FolderCache(folder),
        selection,
        request=chosen,
        names=(name, str(path)),
        closing=making.close,
        token=token,
    )


def _check_extras(instance: Instance, request: BundleRequest, hashes: Iterable[str], token: CancelToken) -> None:
    """Raise UsageError before anything is copied if Spack could not add what is asked for."""
    if not (request.bootstrap or request.sources):
        return
    spack = instance.spack_executable
    if spack is None or not spack.is_file():
        raise UsageError("This needs Spack itself", "the instance is an install root without a checkout")
    if request.sources and not _installed(instance, hashes, token):
        raise UsageError("No sources can be added", "Spack knows those of installed packages, and none of these is one")


def _installed(instance: Instance, hashes: Iterable[str], token: CancelToken) -> list[str]:
    records = instance.database(token).records
    return [key for key in hashes if key in records and records[key].state is PackageState.INSTALLED]


def plan_import(
    instance: Instance, access: CacheAccess, request: ImportRequest, *, cwd: Path, token: CancelToken
) -> PreparedCopy:
    """Check a bundle against its checksums and plan the copy of all its packages, and of its keys where the target can
    have some. A tar file is unpacked beside archives on their way; that goes with the end of the copy.

    Raises NotFound, CacheError naming the file that is damaged, and as `plan_copy`.
    """
    path = _absolute(request.path, cwd)
    mirror = resolve_mirror(request.target, mirrors_of(instance), cwd=cwd)
    target = access.open(mirror, Direction.PUSH)
    unpacked = access.staging / temporary_name("bundle") if path.is_file() else None
    try:
        if unpacked is not None:
            unpack_bundle(path, unpacked, token)
        folder = unpacked or path
        read_facts(folder)
        check_sums(folder, token)
        source = FolderCache(folder)
        importing = _Importing(source, target, unpacked)
        prepared = prepare_copy(
            instance,
            access,
            source,
            target,
            _everything(source, token),
            request=CopyRequest(str(folder), request.target, force=request.force),
            names=(str(path), mirror.name or mirror.push.url),
            closing=importing.close,
            token=token,
        )
        return replace(prepared, discard=importing.discard)
    except BaseException:
        if unpacked is not None:
            shutil.rmtree(unpacked, ignore_errors=True)
        raise


def describe_bundle(path: Path, token: CancelToken) -> BundleSummary:
    """What a bundle says of itself; nothing of it is checked. Raises NotFound, or CacheError if it is none."""
    token.raise_if_cancelled()
    facts = read_facts(path)
    return BundleSummary(
        path=str(path),
        packages=facts.packages,
        stored_bytes=facts.stored_bytes,
        signed=facts.signed,
        keys=facts.keys,
        created_at=facts.created_at,
        source=facts.source,
        needs=facts.needs,
        extras=tuple(sorted(facts.extras)),
    )


@dataclass(frozen=True, slots=True)
class _Making:
    """What makes a copied cache a bundle."""

    instance: Instance
    access: CacheAccess
    request: BundleRequest
    source: ReadableCache
    entries: Mapping[str, CacheEntry]
    folder: Path
    path: Path
    name: str

    def close(self, token: CancelToken) -> None:
        """Keys, what Spack adds, the description, checksums, and the tar file. May be done again after a failure."""
        cache, files = FolderCache(self.folder), Folder(self.folder)
        there = {entry.entry.hash: entry for entry in cache.entries(token=token) if isinstance(entry, CacheEntry)}
        signed = sum(bool(entry.signed) for entry in there.values())
        keys: Mapping[str, bytes] = {}
        if signed:
            with suppress(CacheError, NotFound):
                keys = self.source.public_keys(token=token)
        cache.store_keys(keys, listed=True)
        extras = self._add_extras(token)
        archives = {entry.blob_digest: entry.stored_bytes for entry in there.values()}
        facts = BundleFacts(
            packages=len(there),
            stored_bytes=sum(archives.values()),
            signed=signed,
            keys=tuple(sorted(keys)),
            created_at=time.time(),
            source=self.name,
            needs=tuple(needs_of(_nodes(cache), there.keys(), keys=keys, signed=signed, extras=extras)),
            extras=extras,
        )
        files.write(README, readme(facts).encode())
        files.write(FACTS, msgspec.json.format(msgspec.json.encode(facts)))
        write_sums(self.folder, token)
        if self.path != self.folder:
            pack_bundle(self.folder, self.path, token)
            shutil.rmtree(self.folder)

    def _add_extras(self, token: CancelToken) -> dict[str, str]:
        extras = {}
        if self.request.bootstrap:
            place = self.folder / BOOTSTRAP_PLACE
            self._spack(["bootstrap", "mirror", "--binary-packages", str(place)], token)
            extras[BOOTSTRAP_PLACE] = "what Spack itself needs to start"
        if self.request.sources:
            known = _installed(self.instance, self.entries, token)
            place = self.folder / SOURCES_PLACE
            self._spack(["mirror", "create", "--directory", str(place), *(f"/{key}" for key in known)], token)
            extras[SOURCES_PLACE] = "sources of the packages"
        return extras

    def _spack(self, arguments: Sequence[str], token: CancelToken) -> None:
        """Raises SpackFailed with Spack's last lines."""
        last: deque[str] = deque(maxlen=_LAST_LINES)
        environment = child_environment(self.instance, self.access)
        with closing(run_spack(self.instance, arguments, environment, token)) as running:
            while True:
                try:
                    last.extend(next(running))
                except StopIteration as end:
                    status: int = end.value
                    break
        if status:
            title = f"spack {arguments[0]} {arguments[1]} failed with exit status {status}"
            raise SpackFailed(title, "\n".join(last))


@dataclass(frozen=True, slots=True)
class _Importing:
    """What follows the packages of a bundle."""

    source: FolderCache
    target: BuildCache
    unpacked: Path | None

    def close(self, token: CancelToken) -> None:
        if isinstance(self.target, FolderCache):
            self.target.store_keys(self.source.public_keys(token=token), listed=True)
        self.discard()

    def discard(self) -> None:
        if self.unpacked is not None:
            shutil.rmtree(self.unpacked, ignore_errors=True)


def _everything(source: FolderCache, token: CancelToken) -> Selection:
    entries: dict[str, CacheEntry] = {}
    problems: list[ErrorInfo] = []
    for found in source.entries(token=token):
        if isinstance(found, ErrorInfo):
            problems.append(found)
        else:
            entries[found.entry.hash] = found
    return Selection(entries, {}, tuple(problems))


def _nodes(cache: FolderCache) -> dict[str, Node]:
    nodes = {}
    index = cache.read_index()
    for dag_hash, record in index.records.items() if index is not None else ():
        with suppress(MirrordeckError):
            nodes[dag_hash] = decode_node(record.document)
    return nodes


def _absolute(path: str, cwd: Path) -> Path:
    return (cwd / Path(path).expanduser()).absolute()


def _check_place(path: Path, folder: Path) -> None:
    """Raise UsageError unless a bundle may be written there."""
    try:
        if path != folder and path.exists():
            raise UsageError(f"{path} is there already", remedies=("Choose another name, or delete it.",))
        names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise from_os_error(error, "A bundle cannot be written", folder) from error
    strange = sorted(names - {"v3", "blobs", FACTS, SUMS, README, BOOTSTRAP_PLACE, SOURCES_PLACE})
    if strange:
        why = f"It holds other things: {', '.join(strange[:5])}"
        raise UsageError(f"{folder} cannot become a bundle", why, remedies=("Choose an empty directory.",))
