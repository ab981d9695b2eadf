# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache verify`: whether a cache is sound, and with `--repair` what puts it right."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from core.caches.findings import Finding, FindingKind
from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output, error_object
from core.cli.removing import show_plan, size_of
from core.cli.running import carry_out
from core.foundation.errors import UsageError
from core.foundation.places import state_dir
from core.foundation.text import format_bytes, plural, visible
from core.services.push import plan_push
from core.services.upkeep import Upkeep
from core.services.verify import finish_repair, plan_repair, verify
from core.services.verify_values import RepairPlan, VerifyView
from core.transfers.model import ItemState

_COMMAND = "buildcache verify"
_ABOUT = """\
Exit status 0 only if the cache is sound. Quick looks at presence and size of everything; --full also reads and hashes
every byte, and goes on where it was when it is stopped and started again.
"""


def add_parser(actions: Any) -> None:
    """Add `verify` to the actions of `buildcache`."""
    parser = actions.add_parser("verify", help="find what is damaged or missing in a build cache", description=_ABOUT)
    parser.add_argument("mirror", metavar="MIRROR", help="name, path or url of a mirror")
    parser.add_argument("--full", action="store_true", help="read everything and compare it with its digest")
    parser.add_argument("--limit-rate", metavar="SIZE", type=size_of, help="read at most so much a second, like 50MB")
    parser.add_argument("--repair", action="store_true", help="show what puts it right, and do it after a question")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="packages pushed at the same time in a repair")
    parser.add_argument("-y", "--yes-to-all", action="store_true", help="do not ask")
    add_login_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    findings: list[Finding] = []
    view: VerifyView | None = None
    for row in verify(
        context.instance,
        context.access,
        options.mirror,
        full=options.full,
        checkpoints=None if context.read_only else state_dir() / "verify",
        cwd=context.cwd,
        token=context.token,
        bytes_per_s=options.limit_rate,
    ):
        if isinstance(row, VerifyView):
            view = row
        else:
            findings.append(row)
            if row.kind is not FindingKind.DANGLING_BLOB:
                output.line(visible(row.words))
    if view is None:
        raise AssertionError("a verification ends with its view")
    _summarize(view, findings, output)
    repair = _repair(findings, options, context, output) if options.repair and findings else None
    output.result(
        _COMMAND,
        mirror=view.url,
        full=view.full,
        sound=view.sound,
        examined={
            "packages": view.examined.packages,
            "blobs": view.examined.blobs,
            "read_bytes": view.examined.read_bytes,
            "known_bytes": view.examined.known_bytes,
        },
        findings=[_object(finding) for finding in findings],
        **({"repair": repair} if repair is not None else {}),
    )
    return 0 if view.sound or (repair is not None and repair["complete"]) else 1


def _summarize(view: VerifyView, findings: list[Finding], output: Output) -> None:
    looked_at = f"{plural(view.examined.packages, 'package')}, {plural(view.examined.blobs, 'blob')}"
    if view.full:
        read = view.examined.read_bytes + view.examined.known_bytes
        looked_at += f", {format_bytes(read)} compared with their digests"
    dangling = sum(finding.kind is FindingKind.DANGLING_BLOB for finding in findings)
    if dangling:
        output.note(f"{plural(dangling, 'blob')} that nothing needs: harmless, `buildcache prune` frees the space")
    problems = "sound" if view.sound else plural(view.findings, "finding")
    output.note(f"{visible(view.url)}: {problems} ({looked_at})")


def _repair(
    findings: list[Finding], options: argparse.Namespace, context: Context, output: Output
) -> dict[str, Any] | None:
    """Show the plan, and carry it out if the person agrees."""
    plan = plan_repair(context.instance, context.access, options.mirror, findings, cwd=context.cwd, token=context.token)
    for words in _steps(plan):
        output.note(f"Repair: {words}")
    for finding in plan.left:
        output.note(f"Nothing repairs this: {visible(finding.words)}")
    if plan.empty or not _agreed(options, output):
        return {"steps": _steps(plan), "done": False, "complete": False}
    context.check_may_change("Nothing was repaired")
    complete = not plan.left and _push(plan, options, context, output)
    _delete(plan, context, output)
    update = finish_repair(context.instance, context.access, plan, cwd=context.cwd, token=context.token)
    if update is not None:
        output.note(f"Index: {update.entries} packages, {update.added} added, {update.dropped} dropped")
    skipped = [error_object(problem) for problem in update.skipped] if update is not None else []
    return {"steps": _steps(plan), "done": True, "complete": complete and not skipped, "skipped": skipped}


def _push(plan: RepairPlan, options: argparse.Namespace, context: Context, output: Output) -> bool:
    """Push again what is installed here; False if that did not succeed completely."""
    if plan.push is None:
        return True
    prepared = plan_push(context.instance, context.access, plan.push, cwd=context.cwd, token=context.token)
    for blocker in prepared.plan.blockers:
        output.error(blocker)
    if prepared.plan.blockers:
        return False
    outcome, stopped = carry_out(prepared.job, options.jobs, output)
    failed = outcome.in_state(ItemState.FAILED)
    for row in failed:
        if row.error is not None:
            output.warning(row.error)
    return not failed and not stopped


def _delete(plan: RepairPlan, context: Context, output: Output) -> None:
    """Take out entries that nobody can use."""
    if plan.delete is None:
        return
    upkeep = Upkeep(context.instance, context.access, context.cwd)
    found = upkeep.plan_delete(plan.delete, context.token, lambda _done, _total: None)
    show_plan(found, output)
    upkeep.apply(found.mirror, found.plan, permanently=False, token=context.token, progress=lambda _done, _total: None)


def _agreed(options: argparse.Namespace, output: Output) -> bool:
    if options.yes_to_all:
        return True
    if output.json or not sys.stdin.isatty():
        raise UsageError("Nothing was repaired", "Without a terminal that needs --yes-to-all")
    print("Repair? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _steps(plan: RepairPlan) -> list[str]:
    steps = []
    if plan.push is not None:
        steps.append(f"push {plural(len(plan.push.hashes), 'package')} again from where they are installed")
    if plan.delete is not None:
        count = plural(len(plan.delete.keys), "entry").replace("entrys", "entries")
        steps.append(f"take out {count} that nobody can use and that are not installed here")
    if plan.mark:
        steps.append("write the layout mark again")
    if plan.reindex:
        steps.append("make the index anew")
    return steps


def _object(finding: Finding) -> dict[str, Any]:
    entry = finding.entry
    return {
        "kind": finding.kind,
        "key": finding.key,
        "package": {"hash": entry.hash, "name": entry.name, "version": entry.version} if entry is not None else None,
        "blob": finding.blob or None,
        "words": finding.words,
        "remedy": finding.remedy,
        "harmless": finding.harmless,
    }
