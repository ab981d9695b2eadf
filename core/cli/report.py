# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck report`: what helps others to understand a problem, shown first, written where one wants it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.cli.context import Context
from core.cli.output import Output
from core.foundation.errors import MirrordeckError
from core.foundation.text import visible
from core.services.support import collect_support, write_support
from core.spack.instance import Instance


def add_parser(commands: Any) -> None:
    """Add `report` to `commands`."""
    parser = commands.add_parser("report", help="show, or write, what helps others to understand a problem")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write a zip archive instead of showing it")
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace, context: Context, output: Output) -> int:
    if options.output is not None:
        context.check_may_change("The report was not written")
    files = collect_support(_instance(context, output))
    if options.output is not None:
        write_support(files, context.cwd / options.output)
        output.note(f"Written: {visible(str(options.output))}. Look at it before you give it to anybody")
    else:
        for file in files:
            output.line(f"---- {visible(file.name)}")
            for line in file.text.splitlines():
                output.line(visible(line))
    output.result("report", files=files, written=str(options.output or ""))
    return 0


def _instance(context: Context, output: Output) -> Instance | None:
    """A problem with the instance itself must not keep a report from being made."""
    try:
        return context.instance
    except MirrordeckError as error:
        output.warning(error.info())
        return None
