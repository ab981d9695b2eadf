# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache bundle`: packages for a site without network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from core.cli.context import Context
from core.cli.output import Output
from core.cli.sync import add_job_options, add_selection_options, run_copy, selection_of
from core.foundation.text import format_bytes, plural, visible
from core.services.bundles import describe_bundle, plan_export, plan_import
from core.services.upkeep_values import BundleRequest, BundleSummary, ImportRequest

_ITEMS_SHOWN = 10


def add_parser(actions: Any) -> None:
    """Add `bundle` to the actions of `buildcache`."""
    parser = actions.add_parser("bundle", help="packages with keys and index as one directory or file")
    commands = parser.add_subparsers(title="bundle commands", metavar="ACTION", required=True)
    create = commands.add_parser("create", help="make a bundle")
    create.add_argument("source", metavar="SOURCE", help="name, path or url of a mirror")
    create.add_argument("path", metavar="PATH", help="a directory, or a file that ends in .tar")
    create.add_argument("specs", metavar="SPEC", nargs="*", help="packages of SOURCE (default: the environment's)")
    create.add_argument(
        "--with-bootstrap", action="store_true", help="add what Spack itself needs to start (runs spack, needs network)"
    )
    create.add_argument(
        "--with-sources", action="store_true", help="add the sources of packages installed here (runs spack)"
    )
    add_selection_options(create)
    add_job_options(create)
    create.set_defaults(run=_create)
    bring_in = commands.add_parser("import", help="copy a bundle into a mirror, after checking it")
    bring_in.add_argument("path", metavar="PATH", help="a bundle")
    bring_in.add_argument("target", metavar="TARGET", help="name, path or url of a mirror")
    bring_in.add_argument("-f", "--force", action="store_true", help="replace packages that are there already")
    add_job_options(bring_in)
    bring_in.set_defaults(run=_import)
    show = commands.add_parser("show", help="what is in a bundle, and what a site needs besides")
    show.add_argument("path", metavar="PATH", help="a bundle")
    show.set_defaults(run=_show)


def _create(options: argparse.Namespace, context: Context, output: Output) -> int:
    if not options.dry_run:
        context.check_may_change("No bundle was made")
    request = BundleRequest(
        options.source,
        options.path,
        bootstrap=options.with_bootstrap,
        sources=options.with_sources,
        **selection_of(options),
    )
    prepared = plan_export(context.instance, context.access, request, cwd=context.cwd, token=context.token)
    status = run_copy("buildcache bundle create", prepared, options, output)
    if status == 0 and not options.dry_run:
        _print_summary(describe_bundle(context.cwd / options.path, context.token), output)
    return status


def _import(options: argparse.Namespace, context: Context, output: Output) -> int:
    if not options.dry_run:
        context.check_may_change("Nothing was imported")
    request = ImportRequest(options.path, options.target, options.force)
    prepared = plan_import(context.instance, context.access, request, cwd=context.cwd, token=context.token)
    return run_copy("buildcache bundle import", prepared, options, output)


def _show(options: argparse.Namespace, context: Context, output: Output) -> int:
    summary = describe_bundle(context.cwd / Path(options.path), context.token)
    _print_summary(summary, output)
    output.result("buildcache bundle show", bundle=msgspec.to_builtins(summary))
    return 0


def _print_summary(summary: BundleSummary, output: Output) -> None:
    packages = plural(summary.packages, "package")
    output.line(
        f"{packages}, {format_bytes(summary.stored_bytes)}, {summary.signed} signed, from {visible(summary.source)}"
    )
    output.line("A fresh site needs besides:")
    for need in summary.needs:
        output.line(f"  * {need.text}")
        for command in need.commands:
            output.line(f"        {command}")
        for item in need.items[:_ITEMS_SHOWN]:
            output.line(f"      - {visible(item)}")
        if len(need.items) > _ITEMS_SHOWN:
            output.line(f"      - and {len(need.items) - _ITEMS_SHOWN} more")
