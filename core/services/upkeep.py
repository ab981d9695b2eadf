# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting from caches: what would go, carrying that out, and the trash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.caches.browsing import EntryKind
from core.caches.folder_upkeep import FolderUpkeep
from core.caches.freeing import Keep, plan_freeing, plan_spack_prune
from core.caches.layout3 import digest_of_key
from core.caches.opening import CacheAccess
from core.caches.protocol import BuildCache
from core.caches.removal import PLAN_VERSION, RemovalPlan, plan_deletion
from core.caches.upkeep import CacheUpkeep, Progress, UpkeepCapabilities, cannot_delete
from core.foundation.cancel import CancelToken
from core.foundation.decoding import from_json
from core.foundation.digests import is_dag_hash
from core.foundation.errors import ErrorInfo, NotFound, UsageError, from_os_error
from core.foundation.text import format_bytes, plural
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.contents import list_contents
from core.services.upkeep_values import (
    DeleteRequest,
    FreeRequest,
    FreeRule,
    KeepRules,
    RemovalOutcome,
    RestoreOutcome,
    TrashView,
    UpkeepPlan,
)
from core.spack.environments import environment_at, is_environment, managed_environment, read_lock
from core.spack.instance import Instance
from core.spack.specs import Node, PackageState
from core.transfers.history import Action, noted, record

_PLAN_LIMIT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The cache that `mirror`, a name or any address, pushes to. `cwd` is what relative paths are relative to.

    Without `probe` it is not tried out what can be deleted, so that plans change nothing at all.
    """

    instance: Instance
    access: CacheAccess
    cwd: Path
    probe: bool = True

    def plan_delete(self, request: DeleteRequest, token: CancelToken, progress: Progress) -> UpkeepPlan:
        """Delete chosen things. Raises UsageError, QueryError, NotFound and what the cache raises."""
        found, cache = self._open(request.mirror)
        upkeep = cache.upkeep(probe=self.probe)
        inventory = upkeep.inventory(token, progress)
        hashes = {*request.hashes, *self._matching(request, token)}
        by_hash = {thing.entry.hash: thing.key for thing in inventory.packages() if thing.entry is not None}
        unknown = sorted(hashes - by_hash.keys())
        if unknown:
            raise NotFound(f"/{unknown[0]} is not in {_name(found)}", f"{len(unknown)} of {len(hashes)} are not")
        keys = [digest_of_key(key) or key for key in request.keys]  # what has no manifest goes by its digest
        keys += [by_hash[dag_hash] for dag_hash in sorted(hashes)]
        if not keys:
            raise UsageError("Nothing was named to be deleted")
        cutoff = inventory.read_at - request.grace_s
        plan = plan_deletion(inventory, list(dict.fromkeys(keys)), url=cache.url, cutoff=cutoff)
        return self._answer(found, plan, upkeep, token)

    def plan_free(self, request: FreeRequest, token: CancelToken, progress: Progress) -> UpkeepPlan:
        """Free space by a goal or rules. Raises as `plan_delete`."""
        if request.rule is FreeRule.GOAL and request.goal_bytes is None:
            raise UsageError("How much space is wanted was not said")
        found, cache = self._open(request.mirror)
        kept = frozenset() if request.rule is FreeRule.SPACK else self._kept(request.keep, token)
        upkeep = cache.upkeep(probe=self.probe)
        inventory = upkeep.inventory(token, progress)
        now, newer = inventory.read_at, request.keep.newer_than_s
        cutoff = now - request.grace_s
        if request.rule is FreeRule.SPACK:
            keep_list = frozenset(request.keep_list) if request.keep_list is not None else None
            plan = plan_spack_prune(inventory, keep_list, url=cache.url, cutoff=cutoff)
        else:
            keep = Keep(kept, now - newer if newer is not None else None)
            goal = request.goal_bytes if request.rule is FreeRule.GOAL else None
            plan = plan_freeing(inventory, keep, goal_bytes=goal, url=cache.url, cutoff=cutoff)
        return self._answer(found, plan, upkeep, token)

    def apply(
        self, mirror: str, plan: RemovalPlan, *, permanently: bool, token: CancelToken, progress: Progress
    ) -> RemovalOutcome:
        """Carry out a plan for that very cache. Raises PlanOutdated, with nothing done, if it would do anything else
        than was planned."""
        found, cache = self._open(mirror)
        if plan.url != cache.url:
            raise UsageError(f"The plan is not for {_name(found)}", f"It was made for {plan.url}")
        upkeep = cache.upkeep()
        capabilities = upkeep.capabilities(token)
        if capabilities.delete is False:
            raise cannot_delete(capabilities)
        whole = ""
        try:
            outcome = upkeep.remove(plan, permanently=permanently, token=token, progress=progress)
            whole = f"{len(outcome.kept)} kept in the last moment" if outcome.kept else ""
            return outcome
        except BaseException:
            whole = "interrupted: some of it may be there still"
            raise
        finally:
            name = _name(found)
            record(
                noted(Action.DELETED, name, url=cache.url, subject=one.title, dag_hash=one.hash, detail=whole)
                for one in plan.entries
            )

    def capabilities(self, mirror: str, token: CancelToken) -> UpkeepCapabilities:
        """What can be deleted there; a kind of cache that is only read is an answer, not an error."""
        try:
            _, cache = self._open(mirror)
        except UsageError as error:
            return UpkeepCapabilities(delete=False, why_not=error.why or error.title, remedies=error.remedies)
        return cache.upkeep(probe=self.probe).capabilities(token)

    # ---------------------------------------------------------------- trash

    def trash(self, mirror: str) -> TrashView:
        """Raises UsageError where there is no trash."""
        batches = tuple(self._trash(mirror).trash.batches())
        return TrashView(batches, sum(batch.stored_bytes for batch in batches))

    def restore(self, mirror: str, batch: str, token: CancelToken) -> RestoreOutcome:
        """Put back what one deletion moved to the trash. Raises NotFound."""
        found, cache = self._open(mirror)
        outcome = self._trash(mirror).trash.restore(batch, cache.url, token)
        detail = plural(outcome.restored, "file")
        record([noted(Action.RESTORED, _name(found), url=cache.url, subject=batch, detail=detail)])
        return outcome

    def empty_trash(self, mirror: str, batches: tuple[str, ...], token: CancelToken) -> int:
        """Delete for good, everything if no batch is named; the bytes that freed."""
        found, cache = self._open(mirror)
        freed = self._trash(mirror).trash.empty(batches, token)
        subject = ", ".join(batches) or "everything"
        record([noted(Action.EMPTIED_TRASH, _name(found), url=cache.url, subject=subject, detail=format_bytes(freed))])
        return freed

    # ---------------------------------------------------------------- parts

    def _open(self, mirror: str) -> tuple[Mirror, BuildCache]:
        found = resolve_mirror(mirror, mirrors_of(self.instance), cwd=self.cwd)
        return found, self.access.open(found, Direction.PUSH)

    def _trash(self, mirror: str) -> FolderUpkeep:
        found, cache = self._open(mirror)
        upkeep = cache.upkeep()
        if not isinstance(upkeep, FolderUpkeep):
            raise UsageError(f"{_name(found)} has no trash", "What is deleted from a registry cannot be had back")
        return upkeep

    def _answer(self, mirror: Mirror, plan: RemovalPlan, upkeep: CacheUpkeep, token: CancelToken) -> UpkeepPlan:
        capabilities = upkeep.capabilities(token)
        if not capabilities.knows_ages:
            title = "Nothing here is protected by its age"
            why = "the registry does not say when something was pushed"
            plan = msgspec.structs.replace(plan, warnings=(*plan.warnings, ErrorInfo("no-ages", title, why)))
        return UpkeepPlan(_name(mirror), plan, capabilities)

    def _matching(self, request: DeleteRequest, token: CancelToken) -> Iterable[str]:
        if not request.queries:
            return ()
        contents = list_contents(self.instance, self.access, request.mirror, request.queries, cwd=self.cwd, token=token)
        if not contents.entries:
            title = f"Nothing in {request.mirror} matches {' '.join(request.queries)}"
            raise NotFound(title, *(problem.sentence() for problem in contents.problems[:1]))
        return [entry.entry.hash for entry in contents.entries]

    def _kept(self, rules: KeepRules, token: CancelToken) -> frozenset[str]:
        """Hashes that the rules name; what these depend on is found where the plan is made."""
        for dag_hash in rules.hashes:
            if not is_dag_hash(dag_hash):
                raise UsageError(f"{dag_hash[:80]!r} is not the complete hash of a package")
        hashes = set(rules.hashes)
        for name in rules.environments:
            hashes |= environment_nodes(self.instance, name, self.cwd).keys()
        if rules.installed:
            records = self.instance.database(token).records
            hashes |= {key for key, record in records.items() if record.state is PackageState.INSTALLED}
        return frozenset(hashes)


def environment_nodes(instance: Instance, name: str, cwd: Path) -> Mapping[str, Node]:
    """Everything the lock file of an environment, by name or directory, holds. Raises NotFound, DatabaseError."""
    root = instance.environments_root
    environment = managed_environment(root, name)
    if environment is None:
        directory = cwd / Path(name).expanduser()
        if not is_environment(directory):
            raise NotFound(f"There is no environment {name}")
        environment = environment_at(directory, root)
    return read_lock(environment).nodes


def read_plan(path: Path) -> RemovalPlan:
    """A plan that was kept in a file. Raises NotFound, PermissionDenied, or UsageError if it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(_PLAN_LIMIT_BYTES + 1)
    except OSError as error:
        raise from_os_error(error, "Cannot read the plan", path) from error
    try:
        plan = from_json(data, RemovalPlan)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not a plan", str(error)) from error
    if plan.version != PLAN_VERSION:
        raise UsageError(
            f"{path} cannot be used", f"It is a plan of version {plan.version}, only {PLAN_VERSION} is known"
        )
    return plan


def plan_text(plan: RemovalPlan) -> bytes:
    """A plan as it is kept in a file."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n"


def read_keep_list(path: Path) -> tuple[str, ...]:
    """Hashes to keep, one a line, as Spack takes them: a slash before one is allowed, other lines are not.

    Raises NotFound or PermissionDenied, and UsageError naming the line that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise from_os_error(error, "Cannot read the keep list", path) from error
    hashes = [line.strip().lstrip("/") for line in text.splitlines()]
    wrong = next((line for line, dag_hash in zip(text.splitlines(), hashes, strict=True) if len(dag_hash) != 32), None)
    if wrong is not None:
        raise UsageError(f"Found malformed hash in keeplist: {wrong[:80]}")
    if not hashes:
        raise UsageError(f"No hashes found in keeplist file: {path}")
    return tuple(hashes)


def _name(mirror: Mirror) -> str:
    return mirror.name or mirror.push.url


def kinds_in(plan: RemovalPlan) -> dict[EntryKind, int]:
    """How many of each kind a plan deletes."""
    return {kind: count for kind in EntryKind if (count := sum(entry.kind is kind for entry in plan.entries))}
