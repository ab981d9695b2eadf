# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Going on with what another process of Mirrordeck did not finish."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from core.caches.folder_cache import FolderCache
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, Conflict, ErrorInfo, MirrordeckError
from core.foundation.text import plural
from core.mirrors.arguments import resolve_mirror
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.copying import plan_copy
from core.services.migration import Migration, old_layout_of
from core.services.push import plan_push
from core.services.upkeep_values import CopyRequest, MigrateRequest
from core.spack.instance import Instance
from core.spack.substitutions import folder_of
from core.transfers.job import TransferJob
from core.transfers.journal_reader import JournalledPush, dead_journal
from core.transfers.model import Continued, ItemState
from core.transfers.plan import Only, PushOptions, PushRequest

# Nobody writes a packed file so slowly that it does not change for as long.
_LEFTOVER_S = 600.0

Opened = Callable[[str], tuple[Instance, CacheAccess]]


def continue_unfinished(
    journal_id: str,
    *,
    opened: Opened,
    add: Callable[[TransferJob], str],
    cwd: Path,
    token: CancelToken,
) -> Continued:
    """Plan the rest of every push in a journal again and `add` it to a queue.

    What the journal says is done is looked for in the cache first. `opened` gives the instance of an id, or raises
    NotFound. A push that cannot be planned stays in the journal, with the reason in the result. Raises NotFound,
    Conflict or CacheError for a journal that cannot be continued, Cancelled.
    """
    pushes: list[str] = []
    problems: list[ErrorInfo] = []
    with dead_journal(journal_id) as journal:
        for push in journal.unfinished:
            try:
                instance, access = opened(push.plan.instance_id)
                _clean(push)
                job, problem = _planned(push, instance, access, cwd, token)
                if problem is not None:
                    problems.append(problem)
                if job is not None:
                    pushes.append(add(job))
                journal.forget(push)
            except MirrordeckError as error:
                problems.append(error.info())
    return Continued(tuple(pushes), tuple(problems))


def discard_unfinished(journal_id: str) -> None:
    """Forget a journal, and delete what its process left half-written. Raises NotFound, Conflict while it lives."""
    with dead_journal(journal_id) as journal:
        for push in journal.unfinished:
            _clean(push)
            journal.forget(push)


def _planned(
    push: JournalledPush, instance: Instance, access: CacheAccess, cwd: Path, token: CancelToken
) -> tuple[TransferJob | None, ErrorInfo | None]:
    """What is left to do, None if nothing is; and what of it cannot be done any more."""
    plan = push.plan
    _check_address(push, resolve_mirror(plan.mirror, mirrors_of(instance), cwd=cwd))
    if plan.source == old_layout_of(plan.mirror) and not push.stopped:
        request = MigrateRequest(plan.mirror, unsigned=not plan.key, key=plan.key)
        migration = Migration(instance, access, cwd).plan(request, token)
        _check_blockers(migration.plan.blockers)
        return migration.job, None
    if not plan.roots:
        raise CacheError(
            f"The copy from {plan.source} to {plan.mirror} cannot be continued from here",
            remedies=("Start the export, import or migration again: what is there already is not copied again.",),
        )
    if plan.source:
        stopped = push.stopped
        wanted = tuple(dag_hash for dag_hash in plan.roots if dag_hash not in stopped)
        chosen = CopyRequest(
            source=plan.source,
            target=plan.mirror,
            hashes=wanted,
            dependencies=False,
            force=plan.options.force,
            update_index=plan.options.update_index,
            key=plan.key,
        )
        copy = plan_copy(instance, access, chosen, cwd=cwd, token=token)
        _check_blockers(copy.plan.blockers)
        return copy.job, None
    wanted, options, problem = _rest(push, instance, token)
    if not wanted:
        return None, problem
    confirmed = {item.hash: push.manifest(item) for item in push.packages if push.state(item) is ItemState.DONE}
    prepared = plan_push(
        instance,
        access,
        PushRequest(plan.mirror, hashes=wanted, options=options),
        cwd=cwd,
        token=token,
        confirmed=confirmed,
    )
    _check_blockers(prepared.plan.blockers)
    return prepared.job, problem


def _rest(
    push: JournalledPush, instance: Instance, token: CancelToken
) -> tuple[tuple[str, ...], PushOptions, ErrorInfo | None]:
    """What to ask for: the roots where an image of all of them is wanted, else exactly what was planned; without what
    a person stopped or is not installed any more."""
    plan, options = push.plan, push.plan.options
    records = instance.database(token).records
    gone = [item.hash for item in push.packages if item.hash not in records]
    problem = None
    if gone:
        why = ", ".join(sorted(item.name for item in push.packages if item.hash in gone))
        problem = ErrorInfo("not-installed", f"{plural(len(gone), 'package')} no longer installed", why)
    stopped = push.stopped
    if options.tag and not stopped and not gone:
        return plan.roots, options, None
    planned = (item.hash for item in plan.items if item.hash in records and item.hash not in stopped)
    return tuple(planned), replace(options, only=Only.PACKAGE, tag="", squash_to=None), problem


def _check_address(push: JournalledPush, mirror: Mirror) -> None:
    """Raise Conflict if the mirror of that name is somewhere else now."""
    url = mirror.push.url
    folder = mirror.push.folder
    if push.plan.mirror_url not in (url, folder.as_uri() if folder is not None else url):
        raise Conflict(
            f"The transfers to {push.plan.mirror} were not continued",
            f"They went to {push.plan.mirror_url}, but the mirror is at {url} now",
            remedies=("Push again, or discard them.",),
        )


def _check_blockers(blockers: tuple[ErrorInfo, ...]) -> None:
    if blockers:
        first = blockers[0]
        raise CacheError(first.title, first.why, remedies=first.remedies)


def _clean(push: JournalledPush) -> None:
    """Delete packed files that the dead process did not finish in a folder mirror. They are in nobody's way if that
    fails."""
    folder = folder_of(push.plan.mirror_url)
    unfinished = {item.hash for item in push.packages if not push.state(item).ended}
    if folder is not None:
        with suppress(MirrordeckError):
            FolderCache(folder).drop_leftovers(_LEFTOVER_S, unfinished)
