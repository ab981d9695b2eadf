# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck find`: installed packages, printed as `spack find` prints them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from core.cli.context import Context
from core.cli.output import Output
from core.foundation.errors import ErrorInfo
from core.foundation.text import plural, visible
from core.services.finding import INSTALLED, Found, find_packages
from core.spack.abstract_specs import AbstractSpec
from core.spack.database import Database
from core.spack.environments import EnvironmentLock
from core.spack.listing import ListingStyle, listing, status_of, with_dependencies
from core.spack.queries import parse_query
from core.spack.query_tokens import query_text_from_words
from core.spack.specs import PackageState

_HEADER_OF_ROOTS = "-- no arch / no compilers ".ljust(65, "-")
_SHORT_HASH, _WHOLE_HASH = 7, 32


def add_parser(commands: Any) -> None:
    """Add `find` to `commands`."""
    parser = commands.add_parser("find", help="installed packages")
    parser.add_argument("specs", metavar="QUERY", nargs="*", help="only packages that match")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", metavar="FORMAT", help="a line for each package, for instance '{name} {hash}'")
    form.add_argument("-H", "--hashes", action="store_const", dest="format", const="{/hash}", help="/HASH lines only")
    # Also after the command, where Spack has it; the global --json comes before.
    form.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print Spack's JSON array")
    parser.add_argument("-l", "--long", action="store_true", help="show short hashes")
    parser.add_argument("-L", "--very-long", action="store_true", help="show full hashes")
    parser.add_argument("-p", "--paths", action="store_true", help="show prefixes")
    parser.add_argument("-v", "--variants", action="store_true", help="show variants")
    parser.add_argument("-f", "--show-flags", action="store_true", help="show compiler flags")
    parser.add_argument("-N", "--namespaces", action="store_true", help="show namespaces")
    parser.add_argument("-d", "--deps", action="store_true", help="show dependencies of each package")
    parser.add_argument("-I", "--install-status", action="store_true", help="show whether packages are installed")
    parser.add_argument("--no-groups", action="store_false", dest="groups", help="do not group by compiler and target")
    why = parser.add_mutually_exclusive_group()
    why.add_argument("-x", "--explicit", action="store_true", help="only what was asked for")
    why.add_argument("-X", "--implicit", action="store_true", help="only what was installed as a dependency")
    parser.add_argument("--external", action="store_true", help="only external packages")
    parser.add_argument("-m", "--missing", action="store_true", help="missing dependencies, too")
    parser.add_argument("--deprecated", action="store_true", help="deprecated packages, too")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("-M", "--only-missing", action="store_true", help="only missing dependencies")
    only.add_argument("--only-deprecated", action="store_true", help="only deprecated packages")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    query = query_text_from_words(options.specs)
    database = context.instance.database(context.token)
    for problem in database.problems:
        output.warning(problem)
    found = find_packages(
        context.instance,
        query,
        states=_states(options),
        explicit=True if options.explicit else False if options.implicit else None,
        cwd=context.cwd,
        token=context.token,
    )
    records = [record for record in found.records if record.external] if options.external else found.records
    if query and not records:
        why = _undecided(found).sentence() if found.unknown else ""
        output.error(ErrorInfo("not-found", f"No package matches the query: {query}", why))
        return 1
    if found.unknown:
        output.warning(_undecided(found))
    if options.json:
        if found.lock is not None:  # then Spack takes them as they come from the environment's roots
            roots = [database.records[root] for root in found.lock.roots if root in database.records]
            chosen = {record.hash for record in records}
            records = [each for each in with_dependencies(roots, database.records) if each.hash in chosen]
        shown = with_dependencies(records, database.records) if options.deps else records
        sys.stdout.write(f"[{b','.join(record.document_with_hash for record in shown).decode()}]")
        return 0
    environment = context.instance.environment
    if found.lock is not None and environment is not None and options.format is None:
        output.line(f"==> In environment {visible(environment.name)}")
        for line in _roots(found.lock, database, options):
            output.line(visible(line))
        output.line()
    for line in listing(records, database, _style(options)):
        output.line(visible(line))
    return 0


def _states(options: argparse.Namespace) -> set[PackageState]:
    if options.only_missing:
        return {PackageState.MISSING}
    if options.only_deprecated:
        return {PackageState.DEPRECATED}
    more = {PackageState.MISSING: options.missing, PackageState.DEPRECATED: options.deprecated}
    return {*INSTALLED, *(state for state, wanted in more.items() if wanted)}


def _style(options: argparse.Namespace) -> ListingStyle:
    name = "{fullname}" if options.namespaces else "{name}"
    variants = "{variants}" if options.variants else ""
    flags = " {compiler_flags}" if options.show_flags else ""
    return ListingStyle(
        template=options.format if options.format is not None else f"{name}{{@version}}{variants}{flags}",
        hash_length=_hash_length(options),
        status=options.install_status,
        paths=options.paths,
        dependencies=options.deps,
        groups=options.groups and options.format is None,
    )


def _hash_length(options: argparse.Namespace) -> int:
    return _WHOLE_HASH if options.very_long else _SHORT_HASH if options.long else 0


def _roots(lock: EnvironmentLock, database: Database, options: argparse.Namespace) -> Iterator[str]:
    """What the environment asks for, as Spack shows it above what is installed of it."""
    count = len(lock.roots)
    yield f"==> {count or 'No'} root specs"
    if count:
        yield _HEADER_OF_ROOTS
    for text, dag_hash in sorted(zip(lock.specs, lock.roots, strict=True)):
        record = database.records.get(dag_hash)
        status = status_of(record)[:-2] if record is not None else " - "
        length = _hash_length(options)
        shown = " ".join(_root_text(spec) for spec in parse_query(text).specs)
        yield " ".join(part for part in (status, dag_hash[:length], shown) if part)
        if options.deps:
            yield ""


def _root_text(spec: AbstractSpec) -> str:
    node = spec.node
    switches = "".join(str(variant) for variant in node.variants if isinstance(variant.value, bool))
    values = "".join(f" {variant}" for variant in node.variants if not isinstance(variant.value, bool))
    flags = " ".join(map(str, node.flags))
    name = f"{node.namespace}.{node.name}" if node.namespace else node.name
    head = f"{name}@{node.versions}" if node.versions is not None else name
    return f"{head}{switches}{values}{'  ' if flags else ''}{flags}"


def _undecided(found: Found) -> ErrorInfo:
    title = f"{plural(len(found.unknown), 'package')} could not be compared with the query"
    names = ", ".join(f"{record.name}@{record.version}" for record in found.unknown[:3])
    return ErrorInfo("query", title, f"only recipes that cannot be read could tell: {names}")
