# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck find`: installed packages, printed as `spack find` prints them."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from core.cli.context import Context
from core.cli.output import Output
from core.foundation.errors import ErrorInfo
from core.foundation.text import visible
from core.services.packages import find
from core.spack.formats import find_groups, find_line, format_record
from core.spack.query_tokens import query_text_from_words


def add_parser(commands: Any) -> None:
    """Add `find` to `commands`."""
    parser = commands.add_parser("find", help="installed packages")
    parser.add_argument("specs", metavar="QUERY", nargs="*", help="only packages that match")
    parser.add_argument("-l", "--long", action="store_true", help="show short hashes")
    parser.add_argument("-L", "--very-long", action="store_true", help="show full hashes")
    parser.add_argument("-v", "--variants", action="store_true", help="show variants")
    parser.add_argument("--format", metavar="FORMAT", help="one line for each package, for instance '{name} {hash}'")
    # Also after the command, where Spack has it; the global --json comes before.
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print Spack's JSON array")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    query = query_text_from_words(options.specs)
    database = context.instance.database(context.token)
    for problem in database.problems:
        output.warning(problem)
    found = find(database, [query] if query else [])
    if query and not found:
        output.error(ErrorInfo("not-found", f"No package matches the query: {query}"))
        return 1
    if options.json:
        documents = b",".join(record.document_with_hash for record in found)
        sys.stdout.write(f"[{documents.decode()}]")
    elif options.format is not None:
        for record in found:
            output.line(visible(format_record(record, options.format, records=database.records)))
    else:
        for number, (header, records) in enumerate(find_groups(found, database)):
            if number:
                output.line()
            output.line(visible(header))
            for record in records:
                line = find_line(record, long=options.long, very_long=options.very_long, variants=options.variants)
                output.line(visible(line))
    return 0
