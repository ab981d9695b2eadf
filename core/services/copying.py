# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copying packages from one cache to another: decide everything first, then hand the work to the queue."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from core.caches.copying import FolderCopy, ImagePublishing, PackageCopy
from core.caches.folder_cache import FolderCache
from core.caches.layout2 import NESTED
from core.caches.oci.attachments import attached_tags
from core.caches.oci.image_copy import ImageCopy
from core.caches.oci.oci_cache import OciCache
from core.caches.opening import CacheAccess
from core.caches.protocol import LAYOUT, BuildCache, CacheEntry, PushScope, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, MirrordeckError, UsageError
from core.foundation.text import format_bytes, plural
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.copy_selection import Selection, select_packages
from core.services.registry_target import RegistryTarget
from core.services.upkeep_values import CopyRequest, CopySigning
from core.signing.gpg import GpgSigner
from core.signing.key_listing import Key
from core.spack.instance import Instance
from core.storage.folder import Folder
from core.transfers.copy_job import Closing, CopyJob
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan


def _nothing() -> None:
    """Most plans leave nothing behind."""


@dataclass(frozen=True, slots=True)
class PreparedCopy:
    """A plan together with what is needed to carry it out; `discard` it if that will not happen."""

    plan: PushPlan
    job: CopyJob
    discard: Callable[[], None] = _nothing


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
    entries = {dag_hash: found for dag_hash, found in selection.entries.items() if dag_hash not in refused}
    signer = GpgSigner(access.gnupg, key.fingerprint) if key is not None else None
    way = _way(access, source, target, entries, signer, force=request.force, token=token)
    if way is None:
        raise UsageError(f"{names[1]} cannot be written", "Such addresses are only read")
    items = tuple(_items(selection, way, {**refused, **way.refused}, names[0]))
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
    return PreparedCopy(
        plan,
        CopyJob(
            plan,
            copy=way.copy,
            target=target,
            entries={dag_hash: found.entry for dag_hash, found in entries.items()},
            closing=closing,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """What copies between two kinds of caches. `present` need not be copied, `completing` of these only be completed;
    `refused` cannot be, with the reason."""

    copy: PackageCopy
    present: Mapping[str, CacheEntry]
    completing: Collection[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def _way(
    access: CacheAccess,
    source: ReadableCache,
    target: BuildCache,
    entries: Mapping[str, CacheEntry],
    signer: GpgSigner | None,
    *,
    force: bool,
    token: CancelToken,
) -> _Way | None:
    """None where nothing can be written."""
    names = {dag_hash: found.entry for dag_hash, found in entries.items()}
    looked_for = [] if force else list(names.values())
    verify = partial(access.verified, source.url)
    if isinstance(target, OciCache) and isinstance(source, OciCache):
        images = ImageCopy(source.repository, target.repository, names, blobs=access.kept, staging=access.staging)
        return _Way(images, {} if force else images.present(token))
    if isinstance(target, OciCache):
        push = target.open_push(looked_for, signer=None, token=token)
        present = dict(push.present)
        publishing = ImagePublishing(source, push, names, verify)
        completing = publishing.begin(frozenset(names.keys() - present.keys()), token)
        return _Way(publishing, present, completing, publishing.refused)
    if isinstance(target, FolderCache):
        folder_push = target.open_push(looked_for, signer=signer, token=token)
        present = {
            dag_hash: there
            for dag_hash, there in folder_push.present.items()
            if there.signed or not _signature_travels(entries[dag_hash])
        }
        folder_push.begin(PushScope({}, frozenset(names), frozenset(names.keys() - present.keys())))
        return _Way(FolderCopy(source, target, folder_push, signer, verify), present)
    return None


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
    way: _Way,
    refused: Mapping[str, str],
    source: str,
) -> list[PlanItem]:
    items = []
    for dag_hash, found in selection.entries.items():
        item = PlanItem(dag_hash, found.entry.name, found.entry.version, Decision.PUSH, size_bytes=found.stored_bytes)
        if dag_hash in way.present:
            decision = Decision.COMPLETE if dag_hash in way.completing else Decision.PRESENT
            item = replace(item, decision=decision, entry=way.present[dag_hash], size_bytes=0)
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
