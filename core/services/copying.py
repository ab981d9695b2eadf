# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copying packages from one cache to another: decide everything first, then hand the work to the queue."""

from __future__ import annotations

import glob
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec

from core.caches.copying import FolderCopy, ImagePublishing, PackageCopy, read_package
from core.caches.folder_cache import FolderCache
from core.caches.folder_objects import read_ahead
from core.caches.layout2 import NESTED
from core.caches.layout3 import MANIFEST_PREFIX, entry_of
from core.caches.oci.attachments import attached_tags
from core.caches.oci.image_copy import ImageCopy
from core.caches.oci.oci_cache import OciCache
from core.caches.opening import CacheAccess
from core.caches.protocol import LAYOUT, BuildCache, CacheEntry, EntryName, PushScope, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, ErrorInfo, MirrordeckError, NotFound, UsageError, from_os_error
from core.foundation.text import format_bytes, plural
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.contents import list_contents
from core.services.registry_target import RegistryTarget
from core.services.upkeep import environment_nodes
from core.services.upkeep_values import CopyRequest, CopySigning
from core.signing.gpg import GpgSigner
from core.signing.key_listing import Key
from core.spack.instance import Instance
from core.storage.folder import Folder
from core.transfers.copy_job import Closing, CopyJob
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan

_MANIFEST_FILE_BYTES = 64 << 20


def _nothing() -> None:
    """Most plans leave nothing behind."""


@dataclass(frozen=True, slots=True)
class PreparedCopy:
    """A plan together with what is needed to carry it out; `discard` it if that will not happen."""

    plan: PushPlan
    job: CopyJob
    discard: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Selection:
    """Packages of a source by hash; `lacking` were asked for and are not there, name by hash."""

    entries: Mapping[str, CacheEntry]
    lacking: Mapping[str, str]
    problems: tuple[ErrorInfo, ...] = ()


def plan_copy(
    instance: Instance,
    access: CacheAccess,
    request: CopyRequest,
    *,
    cwd: Path,
    token: CancelToken,
    probe: bool = True,
) -> PreparedCopy:
    """Decide what a copy would do. Nothing is changed; with `probe` the target is tried by an empty file or upload.

    Raises UsageError, QueryError, NotFound, SigningError and what the caches raise while they are read.
    """
    mirrors = mirrors_of(instance)
    from_mirror, to_mirror = (resolve_mirror(name, mirrors, cwd=cwd) for name in (request.source, request.target))
    source, target = access.open(from_mirror, Direction.FETCH), access.open(to_mirror, Direction.PUSH)
    if source.url == target.url:
        raise UsageError("Source and target are the same", source.url)
    selection = select_packages(instance, access, request, source, cwd=cwd, token=token)
    key = _key(access, target, request)
    prepared = prepare_copy(
        instance,
        access,
        source,
        target,
        selection,
        request=request,
        names=(_name(from_mirror), _name(to_mirror)),
        key=key,
        token=token,
    )
    plan = _preflight(prepared.plan, to_mirror, target if probe else None, access, token)
    prepared.job.plan = plan
    return PreparedCopy(plan, prepared.job)


def prepare_copy(
    instance: Instance,
    access: CacheAccess,
    source: ReadableCache,
    target: BuildCache,
    selection: Selection,
    *,
    request: CopyRequest,
    names: tuple[str, str],
    key: Key | None = None,
    closing: Closing | None = None,
    token: CancelToken,
) -> PreparedCopy:
    """A plan of copying `selection`. `names` are those of source and target."""
    refused = {dag_hash: NESTED for dag_hash, found in selection.entries.items() if found.layout == 1}
    entries = {dag_hash: found.entry for dag_hash, found in selection.entries.items() if dag_hash not in refused}
    verify = partial(access.verified, source.url)
    signer = GpgSigner(access.gnupg, key.fingerprint) if key is not None else None
    looked_for = [] if request.force else list(entries.values())
    copy: PackageCopy
    completing: Collection[str] = ()
    if isinstance(target, OciCache) and isinstance(source, OciCache):
        images = ImageCopy(source.repository, target.repository, entries, blobs=access.kept, staging=access.staging)
        copy, present = images, {} if request.force else images.present(token)
    elif isinstance(target, OciCache):
        push = target.open_push(looked_for, signer=None, token=token)
        present = dict(push.present)
        publishing = ImagePublishing(source, push, entries, verify)
        completing = publishing.begin(frozenset(entries.keys() - present.keys()), token)
        refused |= publishing.refused
        copy = publishing
    elif isinstance(target, FolderCache):
        folder_push = target.open_push(looked_for, signer=signer, token=token)
        present = {
            dag_hash: there
            for dag_hash, there in folder_push.present.items()
            if there.signed or not _signature_travels(selection.entries[dag_hash])
        }
        folder_push.begin(PushScope({}, frozenset(entries), frozenset(entries.keys() - present.keys())))
        copy = FolderCopy(source, target, folder_push, signer, verify)
    else:
        raise UsageError(f"{names[1]} cannot be written", "Such addresses are only read")
    items = tuple(_items(selection, present, completing, refused, names[0]))
    pushing = [selection.entries[item.hash] for item in items if item.decision is Decision.PUSH]
    plan = PushPlan(
        id=uuid.uuid4().hex,
        instance_id=instance.id,
        mirror=names[1],
        mirror_url=target.url,
        items=items,
        options=PushOptions(force=request.force, update_index=request.update_index),
        selected=len(items),
        key=key.fingerprint if key is not None else "",
        key_owner=key.user_id if key is not None else "",
        key_locked=key is not None and access.gnupg.is_locked(key.fingerprint),
        warnings=(
            *selection.problems,
            *_signatures_lost(pushing, to_registry=isinstance(target, OciCache), key=key),
            *(() if isinstance(target, OciCache) else _attachments_lost(source, pushing, token)),
        ),
        source=names[0],
        roots=() if closing is not None else tuple(entries),
    )
    return PreparedCopy(plan, CopyJob(plan, copy=copy, target=target, entries=entries, closing=closing))


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
            found = msgspec.json.decode(data, type=dict[str, _Places])
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
                edges[dag_hash] = msgspec.json.decode(record.document, type=_Edges).hashes
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


def _signature_travels(entry: CacheEntry) -> bool:
    return bool(entry.signed) and entry.layout == LAYOUT


def _signatures_lost(pushing: Iterable[CacheEntry], *, to_registry: bool, key: Key | None) -> Iterator[ErrorInfo]:
    """What a person has to know about signatures that cannot be taken along."""
    lost = sum(1 for entry in pushing if entry.signed and (to_registry or not _signature_travels(entry)))
    if not lost:
        return
    signatures = plural(lost, "signature")
    if to_registry:
        why = "registries hold none of Spack's; bad ones are not dropped, their packages fail"
        yield ErrorInfo("unsigned", f"{signatures} will be dropped", why)
    elif key is None:
        why = "those of the old layout do not fit the present one; packages with bad ones are not copied"
        remedies = ("Sign the packages while they are copied.",)
        yield ErrorInfo("unsigned", f"{signatures} will be dropped", why, remedies)
    else:
        why = "those of the old layout do not fit the present one; packages whose signature is not good are not copied"
        yield ErrorInfo("signed-anew", f"{signatures} will be made anew with your key", why)


def _attachments_lost(
    source: ReadableCache, pushing: Collection[CacheEntry], token: CancelToken
) -> Iterator[ErrorInfo]:
    """What is attached to images has no place beside files."""
    if not isinstance(source, OciCache) or not pushing:
        return
    tags = frozenset(source.repository.tags(token))
    count = sum(len(attached_tags(entry.manifest_digest, tags)) for entry in pushing)
    if count:
        why = "they belong to images, and files are not images"
        yield ErrorInfo("attachments", f"{plural(count, 'attachment')} of images will not be copied", why)


def _items(
    selection: Selection,
    present: Mapping[str, CacheEntry],
    completing: Collection[str],
    refused: Mapping[str, str],
    source: str,
) -> list[PlanItem]:
    items = []
    for dag_hash, found in selection.entries.items():
        item = PlanItem(dag_hash, found.entry.name, found.entry.version, Decision.PUSH, size_bytes=found.stored_bytes)
        if dag_hash in present:
            decision = Decision.COMPLETE if dag_hash in completing else Decision.PRESENT
            item = replace(item, decision=decision, entry=present[dag_hash], size_bytes=0)
        elif dag_hash in refused:
            item = replace(item, decision=Decision.NOT_INSTALLED, reason=refused[dag_hash], size_bytes=0)
        items.append(item)
    for dag_hash, name in selection.lacking.items():
        reason = f"not in {source}"
        items.append(PlanItem(dag_hash, name or "?", "", Decision.NOT_INSTALLED, reason))
    return items


def _key(access: CacheAccess, target: BuildCache, request: CopyRequest) -> Key | None:
    if request.signing is CopySigning.KEEP and not request.key:
        return None
    if isinstance(target, OciCache):
        raise UsageError("Packages in OCI registries cannot be signed", "Spack has no signatures there and checks none")
    return access.choose_key(target.url, request.key or None)


def _preflight(
    plan: PushPlan, mirror: Mirror, target: BuildCache | None, access: CacheAccess, token: CancelToken
) -> PushPlan:
    registry = RegistryTarget.of(mirror, access)
    if not any(plan.of(Decision.PUSH, Decision.COMPLETE)):
        return plan
    try:
        if target is not None:
            target.check_writable()
    except MirrordeckError as error:
        return replace(plan, blockers=(*plan.blockers, error.info()))
    if registry is not None:
        return replace(plan, registry=registry.facts(token))
    if mirror.push.folder is None:
        return plan
    free = Folder(mirror.push.folder).free_bytes()
    warnings = plan.warnings
    if plan.size_bytes > free:
        why = f"about {format_bytes(plan.size_bytes)} needed, {format_bytes(free)} free"
        warnings = (*warnings, ErrorInfo("no-space", f"{plan.mirror} may be too small", why))
    return replace(plan, free_bytes=free, warnings=warnings)


def _name(mirror: Mirror) -> str:
    return mirror.name or mirror.push.url
