# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushing packages into a cache: decide everything first, then hand the work to the queue."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from core.caches.oci.oci_push import ImageOptions, OciPush
from core.caches.opening import OCI_KINDS, CacheAccess
from core.caches.originals import Originals
from core.caches.protocol import BuildCache, CacheEntry, CachePush, EntryName, PushScope
from core.foundation.cancel import CancelToken
from core.foundation.collector import resting_collector
from core.foundation.errors import ErrorInfo, MirrordeckError, NotInstalled, from_os_error
from core.foundation.files import new_file_mode
from core.foundation.places import cache_dir
from core.foundation.text import format_bytes
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.images import ImagePlanning, check_image_options, fitting_options
from core.services.originals import find_originals, image_warning, with_originals
from core.services.package_sizes import SizeMemory
from core.services.push_roots import ORDER_OF, requested_roots
from core.services.registry_target import RegistryTarget
from core.signing.gpg import GpgSigner
from core.signing.key_listing import Key
from core.spack.closures import push_order
from core.spack.database import Database
from core.spack.instance import Instance
from core.spack.recipes import Verdict, redistributable
from core.spack.specs import PackageRecord, PackageState
from core.transfers.job import PushJob, Store, Tagging
from core.transfers.packed_store import PackedStore
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan, PushRequest, Signing

_COMPRESSED_SHARE = 0.35
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
    mirror = resolve_mirror(request.mirror, mirrors, cwd=cwd)
    options, is_registry = request.options, mirror.push.kind in OCI_KINDS
    if request.one_of_several:
        options = fitting_options(options, is_registry=is_registry)
    check_image_options(options, is_registry=is_registry)
    codec = options.codec or access.compression.of(mirror.push.url)
    if options.recheck:
        access.confirmations.forget(mirror.push.url)
    cache = access.open(mirror, Direction.PUSH)
    database = instance.database(token)
    roots, absent = requested_roots(instance, database, request, cwd)
    records = _selected(database, roots, options)
    key = _signing_key(access, mirror, options)
    signer = GpgSigner(access.gnupg, key.fingerprint) if key is not None else None
    looked_for = [
        _entry_name(record)
        for record in records
        if not record.external and (not options.force or record.hash in confirmed)
    ]
    target = RegistryTarget.of(mirror, access)
    with target.explaining("read") if target else nullcontext():
        cache_push = cache.open_push(looked_for, signer=signer, token=token)
    there = {
        dag_hash: entry
        for dag_hash, entry in cache_push.present.items()
        if not options.force or confirmed.get(dag_hash) == entry.manifest_digest
    }
    sizes = sizes or SizeMemory(cache_dir() / "sizes", keep=probe)
    with resting_collector():
        items = [
            *absent,
            *_decide(records, database, there, cache_push=cache_push, options=options, sizes=sizes, token=token),
        ]
    originals: Mapping[str, Originals] = {}
    if options.keep_blobs:
        pushed = [database.records[item.hash] for item in items if item.decision is Decision.PUSH]
        originals = find_originals(mirrors.mirrors, access, pushed, signed=key is not None, token=token)
        items = with_originals(items, originals)
    planning = None
    if isinstance(cache_push, OciPush):
        planning = ImagePlanning(cache_push, instance, access, mirror, database, options, codec)
    if options.fail_fast and any(item.decision is Decision.NOT_INSTALLED for item in items):
        raise NotInstalled("Cannot push non-installed packages", _names(items, Decision.NOT_INSTALLED))
    plan = PushPlan(
        id=uuid.uuid4().hex,
        instance_id=instance.id,
        mirror=mirror.name or mirror.push.url,
        mirror_url=mirror.push.url,
        items=tuple(items),
        options=options,
        selected=len(roots),
        key=key.fingerprint if key is not None else "",
        key_owner=key.user_id if key is not None else "",
        key_locked=key is not None and access.gnupg.is_locked(key.fingerprint),
        registry=target.facts(token) if target else None,
        roots=tuple(roots),
        codec=codec,
    )
    if probe:
        plan = _preflight(plan, mirror.push.folder, cache, target)
    tagging = None
    if planning is not None and not plan.blockers:
        plan, tagging = _with_images(plan, planning, roots, token)
        warning = image_warning(database.records, originals)
        plan = replace(plan, warnings=(*plan.warnings, *([warning] if warning is not None else [])))
    job = PushJob(
        plan,
        cache=cache,
        cache_push=cache_push,
        database=database,
        store=_store(instance),
        kept=PackedStore(access.staging / "kept"),
        signer=signer,
        tagging=tagging,
        originals=originals,
    )
    return PreparedPush(plan, job)


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


def _decide(
    records: Sequence[PackageRecord],
    database: Database,
    there: Mapping[str, CacheEntry],
    *,
    cache_push: CachePush,
    options: PushOptions,
    sizes: SizeMemory,
    token: CancelToken,
) -> list[PlanItem]:
    items = {}
    for record in records:
        token.raise_if_cancelled()
        entry = there.get(record.hash) if record.state is PackageState.INSTALLED else None
        items[record.hash] = _sorted_out(record, options, database, entry)
    pushed = [database.records[item.hash] for item in items.values() if item.decision is Decision.PUSH]
    measured, average = sizes.archives(pushed, token)
    for dag_hash in (record.hash for record in pushed):
        size, estimated = measured.get(dag_hash, average), dag_hash not in measured
        items[dag_hash] = replace(items[dag_hash], size_bytes=size, estimated=estimated)
    if isinstance(cache_push, OciPush):
        cache_push.use_images(ImageOptions(complete_left_out=options.complete_left_out))
    scope = PushScope(
        records=database.records,
        selected=frozenset(items),
        pushing=frozenset(item.hash for item in items.values() if item.decision is Decision.PUSH),
        held_back=frozenset(item.hash for item in items.values() if item.decision is Decision.HELD_BACK),
    )
    for dag_hash in cache_push.begin(scope):
        if items[dag_hash].decision is Decision.PRESENT:
            items[dag_hash] = replace(items[dag_hash], decision=Decision.COMPLETE)
    return list(items.values())


def _sorted_out(record: PackageRecord, options: PushOptions, database: Database, entry: CacheEntry | None) -> PlanItem:
    """The plan's item for `record`, whose `entry` is on the mirror; anything but PUSH and PRESENT has its reason."""
    decision, reason = Decision.PUSH, ""
    state = record.state
    if entry is not None:
        decision = Decision.PRESENT
    elif state is PackageState.EXTERNAL:
        decision, reason = Decision.EXTERNAL, "external: not installed by Spack"
    elif state is PackageState.MISSING:
        decision, reason = Decision.NOT_INSTALLED, "package not installed"
    elif state is PackageState.DEPRECATED:
        decision, reason = Decision.NOT_INSTALLED, f"deprecated, replaced by /{record.deprecated_for}"
    elif not os.path.isdir(record.prefix or ""):  # noqa: PTH112  a Path each would cost seconds
        decision, reason = Decision.NOT_INSTALLED, f"{record.prefix}: no such directory, though the database lists it"
    elif not options.private:
        redistribution = redistributable(record, database.records)
        if redistribution.verdict is not Verdict.YES:
            decision, reason = Decision.HELD_BACK, redistribution.reason
    return PlanItem(record.hash, record.name, record.version, decision, reason, prefix=record.prefix or "", entry=entry)


def _entry_name(record: PackageRecord) -> EntryName:
    return EntryName(record.name, record.version, record.hash)


def _preflight(plan: PushPlan, folder: Path | None, cache: BuildCache, target: RegistryTarget | None) -> PushPlan:
    """Everything that could only fail later is tried now; what would stop every package is a blocker."""
    warnings: list[ErrorInfo] = []
    free = None
    try:
        with target.explaining("push to") if target else nullcontext():
            cache.check_writable()
        if folder is not None:
            existing = next(path for path in (folder, *folder.parents) if path.exists())
            free = shutil.disk_usage(existing).free
            warnings = _folder_warnings(plan, existing, free)
    except MirrordeckError as error:
        info = error.info()
        return replace(plan, blockers=(replace(info, title=f"Cannot write to {folder}") if folder else info,))
    except OSError as error:
        return replace(plan, blockers=(from_os_error(error, f"Cannot write to {plan.mirror}", folder).info(),))
    if plan.options.private and plan.registry is not None and plan.registry.anonymous_readable:
        why = "Packages that may not be redistributed would be given away."
        warnings.append(ErrorInfo("public", f"Everybody can read what is pushed to {plan.mirror}", why))
    return replace(plan, warnings=tuple(warnings), free_bytes=free)


def _folder_warnings(plan: PushPlan, existing: Path, free: int) -> list[ErrorInfo]:
    warnings = []
    needed = int(sum(_stored_size(item) for item in plan.of(Decision.PUSH)))
    if needed > free:
        why = f"about {format_bytes(needed)} needed, {format_bytes(free)} free in {existing}"
        warnings.append(ErrorInfo("no-space", f"{plan.mirror} may be too small", why))
    if new_file_mode(existing) & 0o044 == 0:
        title = f"{plan.mirror}: others will not be able to read the new files"
        warnings.append(ErrorInfo("permission-denied", title, "the umask of this session hides them"))
    return warnings


def _stored_size(item: PlanItem) -> float:
    """About how much `item` will take there."""
    return item.size_bytes * (1.0 if item.kept else _COMPRESSED_SHARE)


def _names(items: Sequence[PlanItem], decision: Decision) -> str:
    return ", ".join(f"{item.name}@{item.version}/{item.hash[:7]}" for item in items if item.decision is decision)
