# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck preset list|run|remove`: pushes that were kept under a name in the window's push dialog."""

from __future__ import annotations

import argparse
from typing import Any

from core.cli import push
from core.cli.context import Context
from core.cli.login_options import NO_LOGIN_OPTIONS, add_login_options
from core.cli.output import Output
from core.cli.push_options import add_run_options
from core.foundation.text import plural, visible
from core.services.saved_pushes import preset_named, presets, remove_preset
from core.services.values import SavedPush


def add_parser(commands: Any) -> None:
    """Add `preset` with its subcommands to `commands`."""
    parser = commands.add_parser("preset", help="pushes that were kept under a name, for cron for instance")
    actions = parser.add_subparsers(title="preset commands", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what there is")
    listing.set_defaults(run=_list, **NO_LOGIN_OPTIONS)
    run = actions.add_parser("run", help="push; the plan is made anew, so what is there by now is skipped")
    run.add_argument("name", metavar="NAME", help="name of a preset")
    add_run_options(run)
    add_login_options(run)
    run.set_defaults(run=_run)
    remove = actions.add_parser("remove", aliases=["rm"], help="forget a preset")
    remove.add_argument("name", metavar="NAME", help="name of a preset")
    remove.set_defaults(run=_remove, **NO_LOGIN_OPTIONS)


def _list(_options: argparse.Namespace, _context: Context, output: Output) -> int:
    known = presets()
    for name, saved in known.items():
        output.line(visible(f"{name}: {_described(saved)}"))
    output.result("preset list", presets=known)
    return 0


def _described(saved: SavedPush) -> str:
    request = saved.request
    what = " ".join(request.queries) or plural(len(request.hashes), "package")
    if not request.queries and not request.hashes:
        what = f"environment {saved.environment}"
    return f"{what} to {', '.join((request.mirror, *saved.also))}"


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    return push.run_saved(preset_named(options.name), options, context, output)


def _remove(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("The preset was not removed")
    remove_preset(options.name)
    output.note(f"Preset {options.name} removed")
    output.result("preset remove", name=options.name)
    return 0
