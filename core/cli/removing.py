# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plans of deletions in a terminal: shown in numbers, agreed to, carried out. Shared by `prune` and `delete`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import msgspec

from core.caches.removal import PlannedEntry, Reason
from core.cli.asking import agrees, ask, can_ask
from core.cli.context import Context
from core.cli.output import Output, error_object
from core.foundation.errors import ErrorInfo, UsageError
from core.foundation.files import atomic_write
from core.foundation.text import format_age, format_bytes, plural, short_hash, visible
from core.services.upkeep import Upkeep, plan_text
from core.services.upkeep_values import DEFAULT_GRACE_S, MANY_PACKAGES, RemovalOutcome, UpkeepPlan

_HOUR_S = 3600.0
_DEPENDENTS_SHOWN = 10
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", re.IGNORECASE)
_DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "": 1.0}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([hdw]?)", re.IGNORECASE)
_DAY_S = 24 * _HOUR_S
_WHY = {
    Reason.ASKED_FOR: "",
    Reason.SAME_DIGEST: "same digest as {}",
    Reason.BELONGS_TO: "belongs to {}",
    Reason.BROKEN: "broken: {}",
    Reason.SUPERSEDED: "superseded by {}",
    Reason.NOT_KEPT: "nothing keeps it",
    Reason.NOT_LISTED: "not in the keep list",
}


def add_removal_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
    parser.add_argument("--save-plan", metavar="FILE", type=Path, help="write the plan, for `prune --plan FILE`")
    parser.add_argument(
        "--permanently", action="store_true", help="do not move to the trash of a folder, but free the space at once"
    )
    parser.add_argument(
        "--grace",
        metavar="HOURS",
        type=float,
        default=DEFAULT_GRACE_S / _HOUR_S,
        help="leave alone what is younger (default: %(default)g)",
    )
    parser.add_argument("-y", "--yes-to-all", action="store_true", help="do not ask")


def grace_of(options: argparse.Namespace) -> float:
    if options.grace < 0:
        raise UsageError("--grace cannot be negative")
    return float(options.grace) * _HOUR_S


def size_of(text: str) -> int:
    """`50GB`, `1.5 T`, `1000`: bytes, in powers of 1000."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size, like 50GB")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def age_of(text: str) -> float:
    """`30d`, `12h`, `2w`: seconds."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age, like 30d")
    return float(found[1]) * _DAYS[found[2].lower()] * _DAY_S


def finish(command: str, found: UpkeepPlan, options: argparse.Namespace, context: Context, output: Output) -> int:
    """Show a plan, keep it in a file if asked to, and carry it out unless it is a dry run."""
    plan = found.plan
    show_plan(found, output)
    if options.save_plan is not None:
        context.check_may_change("The plan was not written")
        atomic_write(options.save_plan, plan_text(plan))
    if options.dry_run or plan.empty:
        output.result(command, dry_run=options.dry_run, mirror=plan.url, plan=msgspec.to_builtins(plan))
        return 0
    context.check_may_change("Nothing was deleted")
    if found.capabilities.delete is False:
        output.error(ErrorInfo("delete-unsupported", "Nothing can be deleted here", found.capabilities.why_not))
        return 1
    permanently = options.permanently or not found.capabilities.trash
    if not options.yes_to_all and not _agreed(found, permanently=permanently, output=output):
        output.note("Nothing was deleted")
        return 1
    outcome = Upkeep(context.instance, context.access, context.cwd).apply(
        found.mirror, plan, permanently=permanently, token=context.token, progress=lambda _done, _total: None
    )
    _report(command, found, outcome, output)
    return 0


def show_plan(found: UpkeepPlan, output: Output) -> None:
    """Everything that goes, why, and the sums."""
    plan = found.plan
    now = plan.made_at
    for entry in plan.entries:
        age = f", {format_age(now - entry.modified)}" if entry.modified else ""
        why = _why(entry)
        freed = format_bytes(entry.frees_bytes)
        output.line(f"    {visible(entry.label)}  {freed}{age}" + (f"  ({visible(why)})" if why else ""))
    orphans = [blob for blob in plan.blobs if blob.orphan]
    if orphans:
        size = format_bytes(sum(blob.size for blob in orphans))
        output.line(f"    {plural(len(orphans), 'blob')} that nothing needs  {size}")
    if plan.dependents:
        count = len(plan.dependents)
        title = f"{plural(count, 'package')} {'depends' if count == 1 else 'depend'} on what goes"
        shown = plan.dependents[:_DEPENDENTS_SHOWN]
        names = ", ".join(f"{one.name}@{one.version}/{short_hash(one.hash)} ({one.needs})" for one in shown)
        more = len(plan.dependents) - len(shown)
        output.warning(ErrorInfo("dependents", title, names + (f" and {more} more" if more > 0 else "")))
    for warning in plan.warnings:
        output.warning(warning)
    if plan.kept_young:
        output.note(f"{plural(plan.kept_young, 'package')} kept for being young, or needed by a young one")
    if plan.empty:
        output.note("There is nothing to delete")
        return
    things = f"{plural(len(plan.entries), 'manifest')} and {plural(len(plan.blobs), 'blob')}"
    output.note(f"{things}: {format_bytes(plan.frees_bytes)}{_when(found)}")
    if plan.waiting_bytes:
        output.note(f"{format_bytes(plan.waiting_bytes)} more follow when they are old enough (--grace)")
    if not plan.complete:
        output.note("That is all that can go, and less than was wanted")


def _when(found: UpkeepPlan) -> str:
    if found.capabilities.frees_at_once:
        return ""
    return f"; {found.capabilities.why_not}" if found.capabilities.why_not else ""


def _why(entry: PlannedEntry) -> str:
    return _WHY[entry.reason].format(entry.detail)


def _agreed(found: UpkeepPlan, *, permanently: bool, output: Output) -> bool:
    """Ask on a terminal. Elsewhere only what can be had back is done without `-y`."""
    packages = found.plan.packages
    if not can_ask(output):
        if permanently:
            raise UsageError("Nothing was deleted", "What cannot be had back needs --yes-to-all here")
        return True
    what = "Delete" if permanently else "Move to the trash"
    if packages > MANY_PACKAGES:
        typed = ask(f"{what} {plural(packages, 'package')}? Type their number to go on:")
        return typed.replace(",", "") == str(packages)
    manifests, blobs = len(found.plan.entries), len(found.plan.blobs)
    return agrees(f"{what} {plural(manifests, 'manifest')} and {plural(blobs, 'blob')}?")


def _report(command: str, found: UpkeepPlan, outcome: RemovalOutcome, output: Output) -> None:
    for kept in outcome.kept:
        output.note(kept.sentence())
    removed = f"{plural(outcome.entries, 'package')} and {plural(outcome.blobs, 'blob')}"
    if outcome.trash:
        size = format_bytes(outcome.removed_bytes)
        output.note(f"Moved {removed} to the trash ({outcome.trash}); its {size} are free once it is emptied")
    elif found.capabilities.frees_at_once:
        output.note(f"Deleted {removed}, {format_bytes(outcome.freed_bytes)} freed")
    else:
        output.note(f"Deleted {removed}; {found.capabilities.why_not}")
    result: dict[str, Any] = {
        "mirror": found.plan.url,
        "entries": outcome.entries,
        "blobs": outcome.blobs,
        "removed_bytes": outcome.removed_bytes,
        "freed_bytes": outcome.freed_bytes,
        "trash": outcome.trash,
        "kept": [error_object(kept) for kept in outcome.kept],
        "plan": msgspec.to_builtins(found.plan),
    }
    output.result(command, dry_run=False, **result)
