# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushing packages into a cache: decide everything first, then hand the work to the queue."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from core.caches.oci.oci_push import OciPush
from core.caches.opening import OCI_KINDS, CacheAccess
from core.caches.originals import Originals
from core.caches.protocol import BuildCache, CacheEntry, CachePush, EntryName
from core.foundation.cancel import CancelToken
from core.foundation.collector import resting_collector
from core.foundation.errors import MirrordeckError, NotInstalled
from core.foundation.places import cache_dir
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.packing.model import Codec
from core.services.images import ImagePlanning, check_image_options, fitting_options
from core.services.originals import find_originals, image_warning, with_originals
from core.services.package_sizes import SizeMemory
from core.services.push_decisions import decide
from core.services.push_preflight import preflight
from core.services.push_roots import ORDER_OF, requested_roots
from core.services.registry_target import RegistryTarget
from core.signing.gpg import GpgSigner
from core.signing.key_listing import Key
from core.spack.closures import push_order
from core.spack.database import Database
from core.spack.instance import Instance
from core.spack.specs import PackageRecord
from core.transfers.job import PushJob, Store, Tagging
from core.transfers.packed_store import PackedStore
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan, PushRequest, Signing

_NOTHING_CONFIRMED: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PreparedPush:
    """A plan together with what is needed to carry it out."""

    plan: PushPlan
    job: PushJob


def plan_push(
    instance: Instance,
    access: CacheAccess,
    request: PushRequest,
    *,
    cwd: Path,
    token: CancelToken,
    probe: bool = True,
    confirmed: Mapping[str, str] = _NOTHING_CONFIRMED,
    sizes: SizeMemory | None = None,
) -> PreparedPush:
    """Decide what a push would do, from the database, the recipes and what the target holds.

    `confirmed` are manifests (digests) by package of a forced push that was interrupted: those that are still what lies
    there are not pushed again. With `probe` the target is tried by writing and deleting an empty file; without it
    nothing is changed anywhere.
    `cwd` is what relative paths in `request.mirror` and of spec files are relative to. Raises UsageError, QueryError,
    NotInstalled, SigningError, DatabaseError and what the cache raises while it is read.
    """
    mirrors = mirrors_of(instance)
    target = _target(access, request, resolve_mirror(request.mirror, mirrors, cwd=cwd))
    options, database = target.options, instance.database(token)
    roots, absent = requested_roots(instance, database, request, cwd)
    records = _selected(database, roots, options)
    key = _signing_key(access, target.mirror, options)
    signer = GpgSigner(access.gnupg, key.fingerprint) if key is not None else None
    cache_push, there = _looked(target, records, confirmed, signer, token)
    sizes = sizes or SizeMemory(cache_dir() / "sizes", keep=probe)
    with resting_collector():
        decided = decide(records, database, there, cache_push=cache_push, options=options, sizes=sizes, token=token)
    items = [*absent, *decided]
    originals: Mapping[str, Originals] = {}
    if options.keep_blobs:
        pushed = [database.records[item.hash] for item in items if item.decision is Decision.PUSH]
        originals = find_originals(mirrors.mirrors, access, pushed, signed=key is not None, token=token)
        items = with_originals(items, originals)
    if options.fail_fast and any(item.decision is Decision.NOT_INSTALLED for item in items):
        raise NotInstalled("Cannot push non-installed packages", _names(items, Decision.NOT_INSTALLED))
    plan = _plan(instance, access, target, items, roots=roots, key=key, token=token)
    if probe:
        plan = preflight(plan, target.mirror.push.folder, target.cache, target.registry)
    tagging = None
    if isinstance(cache_push, OciPush) and not plan.blockers:
        planning = ImagePlanning(cache_push, instance, access, target.mirror, database, options, target.codec)
        plan, tagging = _with_images(plan, planning, roots, token)
        warning = image_warning(database.records, originals)
        plan = replace(plan, warnings=(*plan.warnings, *([warning] if warning is not None else [])))
    job = PushJob(
        plan,
        cache=target.cache,
        cache_push=cache_push,
        database=database,
        store=_store(instance),
        kept=PackedStore(access.staging / "kept"),
        signer=signer,
        tagging=tagging,
        originals=originals,
    )
    return PreparedPush(plan, job)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a push goes, and what holds for it there."""

    mirror: Mirror
    cache: BuildCache
    registry: RegistryTarget | None
    options: PushOptions
    codec: Codec


def _target(access: CacheAccess, request: PushRequest, mirror: Mirror) -> _Target:
    """Raises UsageError for options that do not fit the mirror."""
    options, is_registry = request.options, mirror.push.kind in OCI_KINDS
    if request.one_of_several:
        options = fitting_options(options, is_registry=is_registry)
    check_image_options(options, is_registry=is_registry)
    if options.recheck:
        access.look_again(mirror.push.url)
    codec = options.codec or access.compression.of(mirror.push.url)
    return _Target(mirror, access.open(mirror, Direction.PUSH), RegistryTarget.of(mirror, access), options, codec)


def _looked(
    target: _Target,
    records: Sequence[PackageRecord],
    confirmed: Mapping[str, str],
    signer: GpgSigner | None,
    token: CancelToken,
) -> tuple[CachePush, dict[str, CacheEntry]]:
    """The push into the cache, and what is there of `records` and need not be pushed."""
    force = target.options.force
    looked_for = [
        _entry_name(record) for record in records if not record.external and (not force or record.hash in confirmed)
    ]
    with target.registry.explaining("read") if target.registry else nullcontext():
        cache_push = target.cache.open_push(looked_for, signer=signer, token=token)
    there = {
        dag_hash: entry
        for dag_hash, entry in cache_push.present.items()
        if not force or confirmed.get(dag_hash) == entry.manifest_digest
    }
    return cache_push, there


def _plan(
    instance: Instance,
    access: CacheAccess,
    target: _Target,
    items: Sequence[PlanItem],
    *,
    roots: Sequence[str],
    key: Key | None,
    token: CancelToken,
) -> PushPlan:
    mirror = target.mirror
    return PushPlan(
        id=uuid.uuid4().hex,
        instance_id=instance.id,
        mirror=mirror.name or mirror.push.url,
        mirror_url=mirror.push.url,
        items=tuple(items),
        options=target.options,
        selected=len(roots),
        key=key.fingerprint if key is not None else "",
        key_owner=key.user_id if key is not None else "",
        key_locked=key is not None and access.gnupg.is_locked(key.fingerprint),
        registry=target.registry.facts(token) if target.registry else None,
        roots=tuple(roots),
        codec=target.codec,
    )


def _selected(database: Database, roots: Sequence[str], options: PushOptions) -> list[PackageRecord]:
    """Everything the push is about, externals among it, dependencies first."""
    order = push_order(
        database,
        roots,
        only=ORDER_OF[options.only],
        with_build_dependencies=options.with_build_dependencies,
        externals=True,
    )
    return [database.records[dag_hash] for dag_hash in order]


def _store(instance: Instance) -> Store:
    return Store(
        install_root=str(instance.install_root),
        sbang=str(instance.unpadded_root / "bin" / "sbang"),
        spack_prefix=str(instance.root or instance.install_root),
        prefix_lock=instance.install_root / ".spack-db" / "prefix_lock" if instance.locks else None,
    )


def _with_images(
    plan: PushPlan, planning: ImagePlanning, roots: Sequence[str], token: CancelToken
) -> tuple[PushPlan, Tagging | None]:
    """The plan with what its images will be; what cannot be had is a blocker, since every image would lack it."""
    here = {item.hash for item in plan.of(Decision.PUSH, Decision.COMPLETE, Decision.PRESENT)}
    tagged = tuple(dag_hash for dag_hash in roots if dag_hash in here) if plan.options.tag else ()
    images = [(item.hash,) for item in plan.of(Decision.PUSH, Decision.COMPLETE)]
    try:
        facts, warnings = planning.decide(images, tagged, token)
    except MirrordeckError as error:
        return replace(plan, blockers=(*plan.blockers, error.info())), None
    plan = replace(plan, images=facts, warnings=(*plan.warnings, *warnings))
    return plan, planning.tagging(tagged) if tagged else None


def _signing_key(access: CacheAccess, mirror: Mirror, options: PushOptions) -> Key | None:
    """The key this push signs with; found before anything is packed, so that a missing key costs nothing."""
    signed = bool(options.key) or options.signing is Signing.SIGNED
    if not signed and (options.signing is Signing.UNSIGNED or not mirror.signed or mirror.push.kind in OCI_KINDS):
        return None
    return access.choose_key(mirror.push.url, options.key or None)


def _entry_name(record: PackageRecord) -> EntryName:
    return EntryName(record.name, record.version, record.hash)


def _names(items: Sequence[PlanItem], decision: Decision) -> str:
    return ", ".join(f"{item.name}@{item.version}/{item.hash[:7]}" for item in items if item.decision is decision)
