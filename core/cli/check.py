# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache check`: which packages a mirror lacks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output
from core.foundation.errors import UsageError
from core.foundation.files import atomic_write
from core.foundation.text import plural, visible
from core.services.checking import Checked, check_packages
from core.services.push_roots import request_of_missing, requested_roots
from core.spack.formats import short, short_spec
from core.spack.query_tokens import query_text_from_words
from core.spack.specs import PackageRecord
from core.transfers.plan import PushRequest

_WORDS = (
    "name, path or url of a mirror; installed packages, looked for with their link and run dependencies"
    " (default: the environment's, else everything installed explicitly)"
)


def add_parser(actions: Any) -> None:
    """Add `check` to the actions of `buildcache`."""
    parser = actions.add_parser("check", help="packages a mirror lacks; exit status 1 if there are any")
    parser.add_argument("words", metavar="MIRROR [SPEC ...]", nargs="*", help=_WORDS)
    parser.add_argument("-m", "--mirror-url", metavar="URL", default="", help="the mirror, then all words are packages")
    parser.add_argument("-o", "--output-file", metavar="FILE", type=Path, help="write what is missing as JSON")
    add_login_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    place, *words = [options.mirror_url, *options.words] if options.mirror_url else options.words or [""]
    if not place:
        raise UsageError("Name a mirror", remedies=("mirrordeck buildcache check MIRROR [SPEC ...]",))
    database = context.instance.database(context.token)
    query = query_text_from_words(words)
    request = PushRequest(place, (query,) if query else ())
    if query:
        roots, _ = requested_roots(context.instance, database, request, context.cwd)
    else:
        roots = list(request_of_missing(context.instance, database, request).hashes)
    (mirror,) = context.mirrors.chosen([place])
    found = check_packages(database, roots, context.mirrors.open(mirror), context.token)
    if options.output_file is not None:
        context.check_may_change("No file was written")
        rebuild = _spacks_report(mirror.name, mirror.fetch.url, found)
        atomic_write(options.output_file, msgspec.json.encode(rebuild))
    total = found.present + len(found.missing)
    if found.missing:
        output.line(f"{len(found.missing):,} of {plural(total, 'package')} missing on {visible(place)}:")
    else:
        output.line(f"{plural(total, 'package')}, all on {visible(place)}")
    for record in found.missing:
        output.line(f"    {visible(short(record.node))}")
    if found.held_back:
        output.note(f"Not there, and not to be redistributed: {plural(len(found.held_back), 'package')}")
    output.result(
        "buildcache check",
        mirror=mirror.fetch.url,
        present=found.present,
        missing=[_object(record) for record in found.missing],
        held_back=[_object(record) for record in found.held_back],
    )
    return 1 if found.missing else 0


def _object(record: PackageRecord) -> dict[str, str]:
    return {"hash": record.hash, "name": record.name, "version": record.version}


def _spacks_report(name: str, url: str, found: Checked) -> dict[str, Any]:
    """What `spack buildcache check --output-file` of Spack 1.1 writes; nothing for a mirror that lacks nothing."""
    if not found.missing:
        return {}
    specs = [{"short_spec": short_spec(record.node), "hash": record.hash} for record in found.missing]
    return {url: {"mirrorName": name, "mirrorUrl": url, "rebuildSpecs": specs}}
