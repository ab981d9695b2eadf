# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck history`: what was changed by whom, when and where."""

from __future__ import annotations

import argparse
import time
from typing import Any

from core.cli.context import Context
from core.cli.output import Output
from core.cli.removing import age_of
from core.services.history import columns, export_history, find_history
from core.services.history_values import Action, HistoryForm, HistoryRequest


def add_parser(commands: Any) -> None:
    """Add `history` to `commands`."""
    parser = commands.add_parser("history", help="what was pushed, copied, deleted, signed and edited, newest first")
    parser.add_argument("text", metavar="TEXT", nargs="?", default="", help="only entries with this text in them")
    parser.add_argument("--action", choices=[action.value for action in Action], help="only entries of this kind")
    parser.add_argument("--since", metavar="AGE", type=age_of, help="not older than this: 30d, 12h")
    parser.add_argument("--most", metavar="N", type=int, default=100, help="at most that many entries (default: 100)")
    parser.add_argument("--csv", action="store_true", help="as a table for other programs")
    parser.set_defaults(run=_history)


def _history(options: argparse.Namespace, _context: Context, output: Output) -> int:
    since = time.time() - options.since if options.since is not None else 0.0
    action = Action(options.action) if options.action else None
    entries = find_history(HistoryRequest(options.text, action, since, options.most))
    if options.csv:
        output.line(export_history(entries, HistoryForm.CSV).decode().removesuffix("\n"))
    else:
        for one in entries:
            at, who, done, where, _, subject, dag_hash, detail = columns(one)
            what = f"{subject}/{dag_hash[:7]}" if dag_hash else subject
            output.line("  ".join(filter(None, (at, who, done, what, where, detail))))
        if not entries:
            output.note("Nothing was recorded" + (" that matches" if options.text or action or since else ""))
    output.result("history", entries=entries)
    return 0
