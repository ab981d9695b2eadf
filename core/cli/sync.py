# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache sync`: packages from one build cache to another, with their signatures."""

from __future__ import annotations

import argparse
import os
from typing import Any

from core.cli.bars import Words
from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output, entry_object, error_object
from core.cli.push import index_object
from core.cli.running import carry_out
from core.cli.signing import unlock
from core.foundation.digests import is_dag_hash
from core.foundation.errors import ErrorInfo, UsageError
from core.foundation.text import format_bytes, format_duration, plural, short_hash, visible
from core.services.copy_selection import manifest_copies
from core.services.copying import PreparedCopy, plan_copy
from core.services.upkeep_values import CopyRequest, CopySigning
from core.spack.query_tokens import query_text_from_words
from core.transfers.model import ItemState, PushOutcome, RowKind
from core.transfers.plan import Decision, PlanItem, PushPlan

COPYING = Words("Copying", "Copied", "Failed to copy")

_COMMAND = "buildcache sync"
_STOPPED = 130
_SHOWN = 20


def add_parser(actions: Any) -> None:
    """Add `sync` to the actions of `buildcache`."""
    parser = actions.add_parser("sync", help="copy packages from one build cache to another")
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="name, path or url of a mirror")
    parser.add_argument("target", metavar="TARGET", nargs="?", help="name, path or url of a mirror")
    parser.add_argument("specs", metavar="SPEC", nargs="*", help="packages of SOURCE (default: the environment's)")
    parser.add_argument("--manifest-glob", metavar="GLOB", help="files that say what to copy; then TARGET comes first")
    add_selection_options(parser)
    parser.add_argument("-f", "--force", action="store_true", help="replace packages that are there already")
    parser.add_argument("--no-index", action="store_true", help="do not update the index of TARGET afterwards")
    parser.add_argument("--sign", action="store_true", help="sign what is not signed yet")
    parser.add_argument("--key", metavar="KEY", default="", help="the key to sign with")
    add_job_options(parser)
    parser.set_defaults(run=_run)


def add_selection_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="all packages of SOURCE")
    parser.add_argument("--no-dependencies", action="store_true", help="only the packages named")


def add_job_options(parser: argparse.ArgumentParser) -> None:
    jobs = min(os.cpu_count() or 1, 4)
    parser.add_argument("-j", "--jobs", type=int, default=jobs, help="packages at the same time (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
    add_login_options(parser)


def selection_of(options: argparse.Namespace) -> dict[str, Any]:
    """What of a source is wanted, as fields of a request."""
    hashes = [spec.lstrip("/") for spec in options.specs if is_dag_hash(spec.lstrip("/"))]
    query = query_text_from_words([spec for spec in options.specs if not is_dag_hash(spec.lstrip("/"))])
    if options.all and (hashes or query):
        raise UsageError("--all and packages exclude each other")
    return {
        "hashes": tuple(hashes),
        "queries": (query,) if query else (),
        "environment": not (options.all or hashes or query),
        "dependencies": not options.no_dependencies,
    }


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    if not options.dry_run:
        context.check_may_change("Nothing was copied")
    status = 0
    for request in _requests(options):
        prepared = plan_copy(
            context.instance, context.access, request, cwd=context.cwd, token=context.token, probe=not context.read_only
        )
        if prepared.plan.key_locked and not options.dry_run:
            unlock(prepared.plan.key, context, output)
        status = status or run_copy(_COMMAND, prepared, options, output)
        if status == _STOPPED:
            break
    return status


def _requests(options: argparse.Namespace) -> list[CopyRequest]:
    signing = CopySigning.SIGN if options.sign or options.key else CopySigning.KEEP
    usual = {"force": options.force, "update_index": not options.no_index, "signing": signing, "key": options.key}
    if options.manifest_glob:
        copies = manifest_copies(options.manifest_glob)
        lost = [base for base, target in copies if not (options.source or target)]
        if lost:
            raise UsageError("These files do not say where to copy to", "Name a TARGET")
        return [
            CopyRequest(base, options.source or target, tuple(one.hash for one in entries), dependencies=False, **usual)
            for (base, target), entries in copies.items()
        ]
    if not options.source or not options.target:
        raise UsageError("Provide mirrors to sync from and to.")
    return [CopyRequest(options.source, options.target, **selection_of(options), **usual)]


def run_copy(
    command: str, prepared: PreparedCopy, options: argparse.Namespace, output: Output, words: Words = COPYING
) -> int:
    """Show a plan or carry it out. Exit status 1 if something failed or cannot be had."""
    plan = prepared.plan
    _announce(plan, output, words)
    if options.dry_run:
        prepared.discard()
        output.result(command, dry_run=True, source=plan.source, mirror=plan.mirror_url, **_planned(plan))
        return 1 if plan.blockers or any(plan.of(Decision.NOT_INSTALLED)) else 0
    for blocker in plan.blockers:
        output.error(blocker)
    if plan.blockers:
        prepared.discard()
        return 1
    outcome, stopped = carry_out(prepared.job, options.jobs, output, words)
    status = _conclude(command, plan, outcome, output, words)
    return _STOPPED if stopped else status


def _announce(plan: PushPlan, output: Output, words: Words) -> None:
    wanted, present = list(plan.of(Decision.PUSH, Decision.COMPLETE)), list(plan.of(Decision.PRESENT))
    output.note(f"{words.doing} from {visible(plan.source)} to {visible(plan.mirror)}")
    output.line(f"To be {words.done.lower()}: {plural(len(wanted), 'package')}, {format_bytes(plan.size_bytes)}")
    for item in wanted[:_SHOWN]:
        output.line(f"    {visible(_label(item))}")
    if len(wanted) > _SHOWN:
        output.line(f"    … and {len(wanted) - _SHOWN} more")
    if present:
        output.line(f"Already there: {plural(len(present), 'package')}")
    for warning in plan.warnings:
        output.warning(warning)
    lacking = list(plan.of(Decision.NOT_INSTALLED))
    if lacking:
        title = f"{plural(len(lacking), 'package')} cannot be {words.done.lower()}"
        reasons = "\n".join(f"{_label(item)}: {item.reason}" for item in lacking[:_SHOWN])
        output.warning(ErrorInfo("not-found", title, reasons))


def _conclude(command: str, plan: PushPlan, outcome: PushOutcome, output: Output, words: Words) -> int:
    done, failed = outcome.in_state(ItemState.DONE), outcome.in_state(ItemState.FAILED)
    index = next((row for row in outcome.rows if row.kind is RowKind.INDEX), None)
    if done:
        size = format_bytes(sum(row.entry.stored_bytes for row in done if row.entry))
        output.note(
            f"{plural(len(done), 'package')} {words.done.lower()}, {size} in {format_duration(outcome.seconds)}"
        )
    for row in (*failed, *([index] if index is not None and index.error is not None else [])):
        if row.error is not None and not output.json:
            label = f"{row.name}@{row.version}/{short_hash(row.hash)}" if row.hash else "index"
            output.error(ErrorInfo(row.error.code, f"{label}: {row.error.title}", row.error.why, row.error.remedies))
    if index is not None and index.index is not None:
        output.note(f"Index updated: {plural(index.index.entries, 'package')}")
    lacking = list(plan.of(Decision.NOT_INSTALLED))
    output.result(
        command,
        dry_run=False,
        source=plan.source,
        mirror=plan.mirror_url,
        copied=[entry_object(row.entry) for row in done if row.entry],
        present=[_object(item) for item in plan.of(Decision.PRESENT)],
        failed=[
            {**_row(row.hash, row.name, row.version), "error": error_object(row.error)} for row in failed if row.error
        ],
        lacking=[_object(item) for item in lacking],
        stopped=[_row(row.hash, row.name, row.version) for row in outcome.in_state(ItemState.CANCELLED)],
        index=index_object(index.index) if index is not None and index.index is not None else None,
        index_error=error_object(index.error) if index is not None and index.error is not None else None,
    )
    return 1 if failed or lacking or (index is not None and index.error is not None) else 0


def _planned(plan: PushPlan) -> dict[str, Any]:
    groups = {decision.value: [_object(item) for item in plan.of(decision)] for decision in Decision}
    return {
        "plan": {name: items for name, items in groups.items() if items},
        "size_bytes": plan.size_bytes,
        "warnings": [error_object(warning) for warning in plan.warnings],
        "blockers": [error_object(blocker) for blocker in plan.blockers],
    }


def _object(item: PlanItem) -> dict[str, str]:
    return _row(item.hash, item.name, item.version)


def _row(dag_hash: str, name: str, version: str) -> dict[str, str]:
    return {"hash": dag_hash, "name": name, "version": version}


def _label(item: PlanItem) -> str:
    return (
        f"{item.name}@{item.version}/{short_hash(item.hash)}"
        if item.version
        else f"{item.name}/{short_hash(item.hash)}"
    )
