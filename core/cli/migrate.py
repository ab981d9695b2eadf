# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache migrate`: from the layout of Spack before 1.0 to the present one, with Spack's options."""

from __future__ import annotations

import argparse
from typing import Any

from core.cli.asking import agrees, can_ask
from core.cli.bars import Words
from core.cli.context import Context
from core.cli.output import Output
from core.cli.sync import add_job_options, run_copy
from core.foundation.errors import UsageError
from core.foundation.text import format_bytes, plural, visible
from core.services.migration import Migration
from core.services.upkeep_values import MigrateRequest, OldLayoutView

_COMMAND = "buildcache migrate"
_MIGRATING = Words("Migrating", "Migrated", "Failed to migrate")


def add_parser(actions: Any) -> None:
    """Add `migrate` to the actions of `buildcache`."""
    parser = actions.add_parser("migrate", help="bring a build cache of Spack before 1.0 to the present layout")
    parser.add_argument("mirror", metavar="MIRROR", help="name, path or url of a mirror in a folder")
    signing = parser.add_mutually_exclusive_group()
    signing.add_argument(
        "-u", "--unsigned", action="store_true", help="drop signatures (default: check them, and sign anew)"
    )
    signing.add_argument("-k", "--key", metavar="KEY", default="", help="sign with this key (default: the only one)")
    parser.add_argument(
        "-d", "--delete-existing", action="store_true", help="delete the old layout afterwards (default: keep it)"
    )
    parser.add_argument("-y", "--yes-to-all", action="store_true", help="do not ask before deleting")
    add_job_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    if not options.dry_run:
        context.check_may_change("Nothing was migrated")
    service = Migration(context.instance, context.access, context.cwd, probe=not context.read_only)
    if options.delete_existing and not options.dry_run and not _may_delete(service, options, context, output):
        output.note("Nothing was migrated")
        return 1
    prepared = service.plan(MigrateRequest(options.mirror, options.unsigned, options.key), context.token)
    status = run_copy(_COMMAND, prepared, options, output, _MIGRATING)
    if not options.delete_existing:
        return status
    if options.dry_run:
        _announce(service.look(options.mirror, context.token), output)
    elif status == 0:
        gone = service.delete_old(options.mirror, context.token)
        output.note(f"Deleted the old layout: {_counts(gone)}; {format_bytes(gone.freed_bytes)} freed")
    else:
        output.note("The old layout stays, as not everything was migrated")
    return status


def _may_delete(service: Migration, options: argparse.Namespace, context: Context, output: Output) -> bool:
    if options.yes_to_all:
        return True
    if not can_ask(output):
        raise UsageError("Nothing was migrated", "Deleting the old layout cannot be undone, so it needs --yes-to-all")
    _announce(service.look(options.mirror, context.token), output)
    return agrees("Delete it once everything is migrated?")


def _announce(view: OldLayoutView, output: Output) -> None:
    output.line(f"The old layout of {visible(view.mirror)}: {_counts(view)}")


def _counts(view: OldLayoutView) -> str:
    return f"{plural(view.packages, 'package')}, {plural(view.files, 'file')}"
