# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck diff`: two packages compared over all their dependencies."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import msgspec

from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output
from core.foundation.text import visible
from core.services.comparison import compare
from core.services.package_refs import find_dag
from core.services.package_values import Comparison, DifferenceLine, PackageRef


def add_parser(commands: Any) -> None:
    """Add `diff` to `commands`."""
    parser = commands.add_parser("diff", help="why two packages have different hashes; exit status 1 if they have")
    parser.add_argument("left", metavar="A", help="an installed package: query or /hash")
    parser.add_argument("right", metavar="B", help="another one")
    parser.add_argument("--left-on", metavar="MIRROR", default="", help="A is what this mirror has, not installed")
    parser.add_argument("--right-on", metavar="MIRROR", default="", help="B is what this mirror has, not installed")
    parser.add_argument("-a", "--all", action="store_true", help="also show what follows from other differences")
    add_login_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    world = context.instance.database(context.token).world
    refs = (PackageRef(options.left, options.left_on), PackageRef(options.right, options.right_on))
    left, right = (find_dag(ref, world, context.mirrors, context.token) for ref in refs)
    found = compare(left, right)
    if found.same_hash:
        output.line(f"{visible(found.left)} and {visible(found.right)} are the same package")
    else:
        for line in _lines(found, everything=options.all):
            output.line(visible(line) if line else "")
    output.result("diff", **msgspec.to_builtins(found))
    return 0 if found.same_hash else 1


def _lines(found: Comparison, *, everything: bool) -> list[str]:
    shown = [line for line in found.lines if everything or line.is_cause]
    lines = [f"--- {found.left}", f"+++ {found.right}", f"First reason: {found.first_reason}"]
    path: Sequence[str] | None = None
    for line in shown:
        if line.path != path:
            path = line.path
            lines += ["", f"@@ {' → '.join(path) or 'the packages themselves'} @@"]
        lines += _sides(line)
    return lines


def _sides(line: DifferenceLine) -> list[str]:
    sides = [f"{sign} {line.field}: {text}" for sign, text in (("-", line.left), ("+", line.right)) if text]
    return [f"{side}{'' if line.is_cause else '  (follows)'}" for side in sides]
