# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache delete` and `mirrordeck buildcache trash`."""

from __future__ import annotations

import argparse
import time
from typing import Any

import msgspec

from core.cli.asking import agrees, can_ask
from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output
from core.cli.removing import add_removal_options, finish, grace_of
from core.foundation.digests import is_dag_hash
from core.foundation.errors import UsageError
from core.foundation.text import format_age, format_bytes, plural, visible
from core.services.upkeep import Upkeep
from core.services.upkeep_values import DeleteRequest
from core.spack.query_tokens import query_text_from_words

_COMMAND = "buildcache delete"
_LABELS_SHOWN = 5


def add_parser(actions: Any) -> None:
    """Add `delete` and `trash` to the actions of `buildcache`."""
    parser = actions.add_parser("delete", help="delete packages from a build cache")
    parser.add_argument("mirror", metavar="MIRROR", help="name, path or url of a mirror")
    parser.add_argument("specs", metavar="SPEC", nargs="*", help="packages it holds; /HASH means one exactly")
    parser.add_argument(
        "--key", metavar="KEY", action="append", default=[], help="a tag, or the path of a manifest in it"
    )
    add_removal_options(parser)
    add_login_options(parser)
    parser.set_defaults(run=_delete)

    trash = actions.add_parser("trash", help="what was deleted from a folder and can be had back")
    trash_actions = trash.add_subparsers(title="trash commands", metavar="ACTION", required=True)
    listing = trash_actions.add_parser("list", help="deletions, the newest first")
    listing.set_defaults(run=_list)
    restore = trash_actions.add_parser("restore", help="restore what one deletion moved there")
    restore.set_defaults(run=_restore)
    empty = trash_actions.add_parser("empty", help="delete for good, which frees the space")
    empty.add_argument("-y", "--yes-to-all", action="store_true", help="do not ask")
    empty.set_defaults(run=_empty)
    for action in (listing, restore, empty):
        action.add_argument("mirror", metavar="MIRROR", help="name, path or url of a mirror in a folder")
        add_login_options(action)
    restore.add_argument("batch", metavar="BATCH", help="as `trash list` names it")
    empty.add_argument("batches", metavar="BATCH", nargs="*", help="only these (default: everything)")


def _delete(options: argparse.Namespace, context: Context, output: Output) -> int:
    words = [word.lstrip("/") for word in options.specs]
    hashes = tuple(word for word in words if is_dag_hash(word))
    query = query_text_from_words([spec for spec in options.specs if not is_dag_hash(spec.lstrip("/"))])
    request = DeleteRequest(
        options.mirror, tuple(options.key), hashes, (query,) if query else (), grace_s=grace_of(options)
    )
    upkeep = Upkeep(context.instance, context.access, context.cwd, probe=not context.read_only)
    found = upkeep.plan_delete(request, context.token, lambda _done, _total: None)
    return finish(_COMMAND, found, options, context, output)


def _list(options: argparse.Namespace, context: Context, output: Output) -> int:
    view = Upkeep(context.instance, context.access, context.cwd, probe=not context.read_only).trash(options.mirror)
    for batch in view.batches:
        labels = ", ".join(batch.labels[:_LABELS_SHOWN])
        more = len(batch.labels) - _LABELS_SHOWN
        labels += f" and {more} more" if more > 0 else ""
        age = format_age(time.time() - batch.deleted_at) if batch.deleted_at else "some time ago"
        output.line(f"{visible(batch.id)}  {age}, {plural(batch.files, 'file')}, {format_bytes(batch.stored_bytes)}")
        output.line(f"    {visible(labels)}" if labels else "    blobs only")
    output.note(f"{format_bytes(view.stored_bytes)} in the trash" if view.batches else "The trash is empty")
    output.result("buildcache trash list", batches=[msgspec.to_builtins(batch) for batch in view.batches])
    return 0


def _restore(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("Nothing was restored")
    upkeep = Upkeep(context.instance, context.access, context.cwd, probe=not context.read_only)
    outcome = upkeep.restore(options.mirror, options.batch, context.token)
    output.note(f"Restored {plural(outcome.restored, 'file')}")
    for key in outcome.skipped:
        output.note(f"{visible(key)} was written again since, and stays as it is")
    output.result("buildcache trash restore", restored=outcome.restored, skipped=outcome.skipped)
    return 1 if outcome.skipped else 0


def _empty(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("The trash was not emptied")
    upkeep = Upkeep(context.instance, context.access, context.cwd, probe=not context.read_only)
    held = upkeep.trash(options.mirror)
    if not options.yes_to_all:
        question = f"Delete {format_bytes(held.stored_bytes)} for good?" if not options.batches else "Delete for good?"
        if not can_ask(output):
            raise UsageError("The trash was not emptied", "That cannot be undone, so it needs --yes-to-all here")
        if not agrees(question):
            output.note("The trash was not emptied")
            return 1
    freed = upkeep.empty_trash(options.mirror, tuple(options.batches), context.token)
    output.note(f"{format_bytes(freed)} freed")
    output.result("buildcache trash empty", freed_bytes=freed)
    return 0
