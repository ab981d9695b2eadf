# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Bringing a cache of layout 2 to layout 3 in its place, and deleting what is left of layout 2 afterwards."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.caches.folder_cache import FolderCache
from core.caches.migration import LayoutMigration, OldPackage, delete_old_layout, old_layout_size, old_packages
from core.caches.opening import CacheAccess
from core.caches.protocol import CacheEntry, PushScope
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, MirrordeckError, NotFound, SigningError, UsageError
from core.foundation.text import plural, short_hash
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.copying import PreparedCopy
from core.services.upkeep_values import MigrateRequest, OldLayoutView
from core.signing.gpg import GpgSigner
from core.signing.key_listing import Key
from core.spack.instance import Instance
from core.transfers.copy_job import CopyJob
from core.transfers.history import Action, noted, record
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan

_NOT_SIGNED = "It is not signed"


@dataclass(frozen=True, slots=True)
class Migration:
    """Caches of one instance. `cwd` is what relative paths are relative to; without `probe` nothing at all is written
    while something is planned."""

    instance: Instance
    access: CacheAccess
    cwd: Path
    probe: bool = True

    def plan(self, request: MigrateRequest, token: CancelToken) -> PreparedCopy:
        """Decide what a migration would do; its job does it, and again what one that was stopped left. The old layout
        stays as it is.

        Packages that cannot be migrated are NOT_INSTALLED with the reason. Raises UsageError where nothing can be
        migrated, NotFound without an old layout, SigningError and what the folder raises.
        """
        mirror, cache = self._open(request.mirror)
        name, url = _name(mirror), mirror.push.url
        key = None if request.unsigned else self._key(url, request.key)
        found = old_packages(cache.folder, token)
        if not found:
            raise NotFound(f"Nothing in {name} has to be migrated", "It holds no package of the old layout")
        usable = {one.entry.hash: one for one in found if not one.problem and (one.signed or key is None)}
        signer = GpgSigner(self.access.gnupg, key.fingerprint) if key is not None else None
        push = cache.open_push([one.entry for one in usable.values()], signer=signer, token=token)
        push.begin(PushScope({}, frozenset(usable), frozenset(usable.keys() - push.present.keys())))
        migration = LayoutMigration(
            cache.folder, push, usable, signer=signer, verify=partial(self.access.verified, url)
        )
        items = tuple(_item(one, usable, push.present) for one in found)
        plan = PushPlan(
            id=uuid.uuid4().hex,
            instance_id=self.instance.id,
            mirror=name,
            mirror_url=cache.url,
            items=items,
            options=PushOptions(update_index=True),
            selected=len(items),
            key=key.fingerprint if key is not None else "",
            key_owner=key.user_id if key is not None else "",
            key_locked=key is not None and self.access.gnupg.is_locked(key.fingerprint),
            blockers=tuple(self._blockers(cache)),
            warnings=tuple(_warnings(found, key)),
            source=old_layout_of(name),
        )
        entries = {dag_hash: one.entry for dag_hash, one in usable.items()}
        return PreparedCopy(plan, CopyJob(plan, copy=migration, target=cache, entries=entries))

    def look(self, mirror: str, token: CancelToken) -> OldLayoutView:
        """What deleting the old layout would do. Raises UsageError and what the folder raises."""
        opened, cache = self._open(mirror)
        found = old_packages(cache.folder, token)
        there = cache.present([one.entry for one in found if not one.problem], signed=False, token=token)
        size = old_layout_size(cache.folder, token)
        only = tuple(_label(one) for one in found if one.key and one.entry.hash not in there)
        return OldLayoutView(_name(opened), len(found), size.files, size.freed_bytes, only)

    def delete_old(self, mirror: str, token: CancelToken) -> OldLayoutView:
        """Delete the old layout for good, and give what went. Raises UsageError, with nothing done, if any package is
        only there, and as `look`."""
        view = self.look(mirror, token)
        if view.only_there:
            title = f"{plural(len(view.only_there), 'package')} of {view.mirror} would be lost"
            why = f"only the old layout has them: {', '.join(view.only_there[:5])}"
            raise UsageError(title, why, remedies=("Migrate them first, or delete them.",))
        token.raise_if_cancelled()
        _, cache = self._open(mirror)
        delete_old_layout(cache.folder)
        detail = f"{plural(view.packages, 'package')}, {plural(view.files, 'file')}"
        record([noted(Action.DELETED_OLD_LAYOUT, view.mirror, url=cache.url, detail=detail)])
        return view

    def _open(self, wanted: str) -> tuple[Mirror, FolderCache]:
        mirror = resolve_mirror(wanted, mirrors_of(self.instance), cwd=self.cwd)
        cache = self.access.open(mirror, Direction.PUSH)
        if not isinstance(cache, FolderCache):
            raise UsageError(f"{_name(mirror)} cannot be migrated", f"{cache.url}: registries have no older layout")
        return mirror, cache

    def _key(self, url: str, wanted: str) -> Key:
        try:
            return self.access.choose_key(url, wanted or None)
        except SigningError as error:
            remedies = (*error.remedies[:1], "Or migrate unsigned; then signatures are dropped.")
            raise SigningError(error.title, error.why, remedies=remedies) from error

    def _blockers(self, cache: FolderCache) -> Iterator[ErrorInfo]:
        try:
            if self.probe:
                cache.check_writable()
        except MirrordeckError as error:
            yield error.info()


def old_layout_of(mirror: str) -> str:
    """What plans of migrating a mirror name as their source."""
    return f"the old layout of {mirror}"


def _name(mirror: Mirror) -> str:
    return mirror.name or mirror.push.url


def _item(package: OldPackage, usable: Mapping[str, OldPackage], present: Mapping[str, CacheEntry]) -> PlanItem:
    entry, decision, reason = package.entry, Decision.PUSH, ""
    if entry.hash in present:
        decision = Decision.PRESENT
    elif entry.hash not in usable:
        decision, reason = Decision.NOT_INSTALLED, package.problem or _NOT_SIGNED
    size = package.stored_bytes if decision is Decision.PUSH else 0
    return PlanItem(entry.hash, entry.name, entry.version, decision, reason, size, entry=present.get(entry.hash))


def _warnings(found: list[OldPackage], key: Key | None) -> Iterator[ErrorInfo]:
    signed = Counter(one.signed for one in found if not one.problem)
    if key is None and signed[True]:
        yield ErrorInfo(
            "unsigned", f"{plural(signed[True], 'signature')} will be dropped", "the migrated packages are not signed"
        )
    if key is not None and signed[False]:
        title = f"{plural(signed[False], 'package')} will not be migrated"
        remedies = ("Migrate unsigned to take them as well.",)
        yield ErrorInfo("not-signed", title, "a signed migration takes signed packages only", remedies)


def _label(package: OldPackage) -> str:
    entry = package.entry
    return f"{entry.name}@{entry.version}/{short_hash(entry.hash)}" if entry.hash and entry.version else entry.name
