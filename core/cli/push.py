# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache push`: plan, queue, live bars, outcome. The sentences are Spack's where it has them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.caches.protocol import IndexUpdate
from core.cli.context import Context
from core.cli.output import Output, entry_object, error_object
from core.cli.push_options import push_options
from core.cli.running import carry_out_all
from core.cli.signing import unlock
from core.foundation.errors import ErrorInfo, UsageError
from core.foundation.files import atomic_write
from core.foundation.text import format_bytes, format_duration, plural, short_hash
from core.services.images import check_image_options
from core.services.push import plan_push
from core.services.push_roots import request_not_on, request_of_missing, requested_roots
from core.services.saved_pushes import read_saved_push, saved_push_text
from core.services.values import SavedPush
from core.spack.query_tokens import query_text_from_words
from core.transfers.model import ItemState, PushOutcome, RowKind, TransferRow
from core.transfers.plan import Decision, PlanItem, PushPlan, PushRequest

_COMMAND = "buildcache push"
_LISTED = 5
_LISTS = ("pushed", "present", "skipped", "failed", "stopped", "tagged")


def run(options: argparse.Namespace, context: Context, output: Output) -> int:
    """Exit status 0 when everything wanted is there, 1 when something failed or is not installed, 130 when stopped."""
    if not options.dry_run:
        context.check_may_change("Nothing was pushed")
    if options.plan is not None:
        if options.mirror is not None or options.missing or options.not_on or options.also:
            raise UsageError("--plan takes neither mirrors nor packages", "the plan says what goes where")
        return run_saved(read_saved_push(options.plan), options, context, output)
    if options.mirror is None:
        raise UsageError("A mirror to push to is missing")
    query = query_text_from_words(options.specs)
    request = PushRequest(options.mirror, (query,) if query else (), options=push_options(options))
    if options.save_plan is not None:
        return _save(request, options, context, output)
    if options.missing or options.not_on:
        request = _narrowed(request, options, context)
        if not request.hashes:
            output.note("Nothing is missing")
            nothing: dict[str, list[str]] = {key: [] for key in _LISTS}
            output.result(_COMMAND, mirror=options.mirror, **nothing, index=None, index_error=None)
            return 0
    return _push(request, options.also, options, context, output)


def run_saved(saved: SavedPush, options: argparse.Namespace, context: Context, output: Output) -> int:
    """As `run`, for a push that was kept; in its instance and environment unless others are named."""
    if not options.dry_run:
        context.check_may_change("Nothing was pushed")
    context.prefer(saved.instance, saved.environment)
    return _push(saved.request, saved.also, options, context, output)


def _save(request: PushRequest, options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("The plan was not written")
    if options.missing or options.not_on:
        raise UsageError("--save-plan keeps the packages named", "name packages, or an environment")
    instance = context.instance
    environment = str(instance.environment.path) if instance.environment is not None else ""
    if not request.queries and not environment:
        raise UsageError("Nothing is named that could be pushed")
    saved = SavedPush(str(instance.root or instance.install_root), environment, request, tuple(options.also))
    atomic_write(options.save_plan, saved_push_text(saved))
    output.note(f"Plan written to {options.save_plan}")
    output.result(_COMMAND, saved_plan=str(options.save_plan))
    return 0


def _push(
    request: PushRequest, also: Sequence[str], options: argparse.Namespace, context: Context, output: Output
) -> int:
    prepared = [
        plan_push(
            context.instance,
            context.access,
            each,
            cwd=context.cwd,
            token=context.token,
            probe=not context.read_only,
        )
        for each in request.to_each(also)
    ]
    plans = [each.plan for each in prepared]
    kinds = {plan.registry is not None for plan in plans}
    if len(kinds) == 1:  # of several, each has left aside what does not concern it
        check_image_options(request.options, is_registry=kinds.pop())
    if options.dry_run:
        return _print_results([_show_plan(plan, output) for plan in plans], output)
    blockers = [blocker for plan in plans for blocker in plan.blockers]
    for blocker in blockers:
        output.error(blocker)
    if blockers:
        return 1
    for plan in plans:
        for warning in plan.warnings:
            output.warning(warning)
        _announce(plan, output)
    for key in {plan.key for plan in plans if plan.key_locked}:
        unlock(key, context, output)
    outcomes, stopped = carry_out_all([each.job for each in prepared], options.jobs, output)
    results = [_conclude(plan, outcome, output) for plan, outcome in zip(plans, outcomes, strict=True)]
    status = _print_results(results, output)
    if stopped:
        output.note("Stopped")
        return 130
    return status


def _print_results(results: Sequence[tuple[int, dict[str, Any]]], output: Output) -> int:
    """The one object of `--json`: of one mirror its own, of several a list; and the exit status of all."""
    if len(results) == 1:
        output.result(_COMMAND, **results[0][1])
    else:
        output.result(_COMMAND, pushes=[fields for _, fields in results])
    return max(status for status, _ in results)


def _narrowed(request: PushRequest, options: argparse.Namespace, context: Context) -> PushRequest:
    """The request of exactly those packages that `--missing` and `--not-on` leave."""
    database = context.instance.database(context.token)
    if options.missing:
        if request.queries:
            raise UsageError("--missing takes no packages", "it pushes the environment, or everything explicit")
        request = request_of_missing(context.instance, database, request)
    if options.not_on:
        roots = list(request.hashes)
        if not options.missing:
            roots, _ = requested_roots(context.instance, database, request, context.cwd)
        elsewhere = context.mirrors.read(context.mirrors.chosen(options.not_on), context.token)
        request = request_not_on(database, request, roots, elsewhere)
    return request


def _announce(plan: PushPlan, output: Output) -> None:
    selected = list(plan.of(Decision.PUSH, Decision.COMPLETE, Decision.PRESENT, Decision.NOT_INSTALLED))
    wanted = list(plan.of(Decision.PUSH, Decision.COMPLETE))
    present = list(plan.of(Decision.PRESENT))
    if len(selected) > 1:
        output.note(f"Selected {len(selected)} specs to push to {plan.mirror_url}")
    if present and not wanted:
        one = len(present) == 1
        what = "The spec is" if one else "All specs are"
        output.note(f"{what} already in the buildcache. Use --force to overwrite {'it' if one else 'them'}.")
    elif present:
        output.note(f"{len(wanted)} specs need to be pushed to {plan.mirror_url}")
        title = f"The following {len(present)} specs were skipped as they already exist in the buildcache:"
        _list_names(title, present, output)
        output.note("Use --force to overwrite them.")
    held_back = list(plan.of(Decision.HELD_BACK))
    if plan.images is not None and plan.images.environment_note:
        note = plan.images.environment_note
        output.note(f"Variables of images come from the packages' files, without what recipes set: {note}")
    kept = [item for item in wanted if item.kept]
    if kept:
        output.note(f"Archives to be kept as they came from a cache: {len(kept)}")
    if held_back:
        title = f"{plural(len(held_back), 'package')} held back (use --private to push them to a private mirror):"
        _list_names(title, held_back, output, reasons=True)


def _list_names(title: str, items: Sequence[PlanItem], output: Output, *, reasons: bool = False) -> None:
    output.note(title)
    for item in items[:_LISTED]:
        output.note(f"    {_label(item)}" + (f": {item.reason}" if reasons else ""))
    if len(items) > _LISTED:
        output.note(f"    … and {len(items) - _LISTED} more")


def _conclude(plan: PushPlan, outcome: PushOutcome, output: Output) -> tuple[int, dict[str, Any]]:
    """Exit status and fields of the result."""
    pushed, failed = outcome.in_state(ItemState.DONE), outcome.in_state(ItemState.FAILED)
    index = next((row for row in outcome.rows if row.kind is RowKind.INDEX), None)
    missing = list(plan.of(Decision.NOT_INSTALLED))
    failures = [(f"{row.name}@{row.version}/{short_hash(row.hash)}", row.error) for row in failed if row.error]
    failures += [(_label(item), ErrorInfo("not-installed", item.reason)) for item in missing]
    closing = [row for row in outcome.rows if row.kind is not RowKind.PACKAGE]
    failures += [(row.kind.value, row.error) for row in closing if row.error is not None]
    if pushed:
        size = format_bytes(sum(row.entry.stored_bytes for row in pushed if row.entry))
        output.note(f"{plural(len(pushed), 'package')} pushed, {size} in {format_duration(outcome.seconds)}")
    _tell_originals(plan, pushed, output)
    for row in closing:
        if row.image:
            output.note(f"Tagged {row.image}")
    for row in pushed:
        if row.missing:
            names = ", ".join(_missing_names(plan, row.missing))
            output.note(f"{row.name}@{row.version}: usable as a cache, not runnable until these are pushed: {names}")
    if index is not None and index.index is not None:
        output.note(f"Index updated: {plural(index.index.entries, 'package')}")
        for problem in index.index.skipped:
            output.warning(problem)
    if failures:
        _print_failures(failures, output)
    return 1 if failures else 0, _result(outcome, plan)


def _tell_originals(plan: PushPlan, pushed: Sequence[TransferRow], output: Output) -> None:
    """What became of the archives that packages came from, where that was asked for."""
    if kept := sum(row.kept for row in pushed):
        output.note(f"Archives kept as they came from a cache: {kept}")
    notes = {row.hash: row.note for row in pushed if row.note}
    lost = [replace(item, reason=notes[item.hash]) for item in plan.items if item.hash in notes]
    if lost:
        _list_names(f"Archives that could not be kept: {len(lost)}", lost, output, reasons=True)


def _missing_names(plan: PushPlan, hashes: Sequence[str]) -> list[str]:
    labels = {item.hash: _label(item) for item in plan.items}
    return [labels.get(dag_hash, short_hash(dag_hash)) for dag_hash in hashes]


def _print_failures(failures: Sequence[tuple[str, ErrorInfo]], output: Output) -> None:
    if len(failures) == 1:
        label, error = failures[0]
        title = f"{label}: {error.title}"
        if not output.json:
            output.error(ErrorInfo(error.code, title, error.why, error.remedies))
    elif not output.json:
        lines = [f"{label}: {error.sentence()}" for label, error in failures[:_LISTED]]
        if len(failures) > _LISTED:
            lines.append(f"… and {len(failures) - _LISTED} more")
        title = f"The following {len(failures)} errors occurred while pushing specs to the buildcache"
        output.error(ErrorInfo("push", title, "\n".join(lines)))


def _result(outcome: PushOutcome, plan: PushPlan) -> dict[str, Any]:
    index = next((row for row in outcome.rows if row.kind is RowKind.INDEX), None)
    failed: list[dict[str, Any]] = [
        {"hash": row.hash, "name": row.name, "version": row.version, "error": error_object(row.error)}
        for row in outcome.in_state(ItemState.FAILED)
        if row.error is not None
    ]
    for item in plan.of(Decision.NOT_INSTALLED):
        failed.append({**_item(item), "error": error_object(ErrorInfo("not-installed", item.reason))})
    return {
        "mirror": plan.mirror_url,
        "pushed": [
            {**entry_object(row.entry), **_remarks(row)} for row in outcome.in_state(ItemState.DONE) if row.entry
        ],
        "present": [entry_object(row.entry) for row in outcome.in_state(ItemState.PRESENT) if row.entry],
        "skipped": [{**_item(item), "reason": item.reason} for item in plan.of(Decision.EXTERNAL, Decision.HELD_BACK)],
        "failed": failed,
        "stopped": [_row_object(row.hash, row.name, row.version) for row in outcome.in_state(ItemState.CANCELLED)],
        "tagged": [row.image for row in outcome.rows if row.image],
        "index": index_object(index.index) if index is not None and index.index is not None else None,
        "index_error": error_object(index.error) if index is not None and index.error is not None else None,
    }


def _remarks(row: TransferRow) -> dict[str, Any]:
    """What is not as usual about a package that was pushed."""
    remarks = {"missing": row.missing, "kept_blob": row.kept, "note": row.note}
    return {name: value for name, value in remarks.items() if value}


def _show_plan(plan: PushPlan, output: Output) -> tuple[int, dict[str, Any]]:
    """What would happen, by decision; exit status, 1 if the push could not succeed completely, and fields."""
    words = {
        Decision.PUSH: "Would push",
        Decision.COMPLETE: "Would complete",
        Decision.PRESENT: "Already there",
        Decision.HELD_BACK: "Held back",
        Decision.EXTERNAL: "External",
        Decision.NOT_INSTALLED: "Not installed",
    }
    for decision, word in words.items():
        items = list(plan.of(decision))
        if not items:
            continue
        amount = format_bytes(plan.size_bytes, exact=plan.is_measured)
        size = f", {amount} on disk" if decision is Decision.PUSH else ""
        output.line(f"{word}: {plural(len(items), 'package')}{size}")
        for item in items:
            reason = item.reason if decision is Decision.HELD_BACK else item.note
            output.line(f"    {_label(item)}" + (f"  {reason}" if reason else ""))
    output.line(f"To {plan.mirror_url}, " + (f"signed with {plan.key}" if plan.key else "unsigned"))
    if plan.key_locked:
        output.line("The passphrase of that key has to be given first")
    for blocker in plan.blockers:
        output.warning(blocker)
    groups = {decision.value: [_item(item) for item in plan.of(decision)] for decision in Decision}
    fields: dict[str, Any] = {
        "mirror": plan.mirror_url,
        "dry_run": True,
        "plan": groups,
        "size_bytes": plan.size_bytes,
        "size_is_measured": plan.is_measured,
        "key": plan.key,
        "codec": plan.codec,
        "blockers": [error_object(blocker) for blocker in plan.blockers],
    }
    return 1 if plan.blockers or any(plan.of(Decision.NOT_INSTALLED)) else 0, fields


def index_object(update: IndexUpdate) -> dict[str, Any]:
    return {
        "entries": update.entries,
        "added": update.added,
        "dropped": update.dropped,
        "digest": update.digest,
        "problems": [error_object(problem) for problem in update.skipped],
    }


def _item(item: PlanItem) -> dict[str, Any]:
    return _row_object(item.hash, item.name, item.version)


def _row_object(dag_hash: str, name: str, version: str) -> dict[str, Any]:
    return {"hash": dag_hash, "name": name, "version": version}


def _label(item: PlanItem) -> str:
    return f"{item.name}@{item.version}/{short_hash(item.hash)}"
