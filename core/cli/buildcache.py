# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache …`: options as Spack spells them; the work is in services."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from typing import Any

from core.caches.protocol import CacheEntry, EntryName
from core.cli import bundle, check, delete, download, keys, migrate, prune, push, push_options, sync, verify
from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output, entry_object, error_object
from core.foundation.errors import ErrorInfo
from core.foundation.text import plural, short_hash, visible
from core.services.contents import Contents, list_contents, update_index
from core.services.entry_records import entry_records
from core.spack.formats import format_record
from core.spack.query_tokens import query_text_from_words


def add_parser(commands: Any) -> None:
    """Add `buildcache` with its subcommands to `commands`."""
    parser = commands.add_parser("buildcache", help="push packages to build caches, list and index what they hold")
    actions = parser.add_subparsers(title="buildcache commands", metavar="ACTION", required=True)
    push_options.add_parser(actions, push.run)
    check.add_parser(actions)
    for command in (prune, delete, sync, bundle, migrate):
        command.add_parser(actions)
    verify.add_parser(actions)
    download.add_parser(actions)
    keys.add_actions(actions)
    listing = actions.add_parser("list", help="packages a build cache holds")
    listing.add_argument("mirror", metavar="MIRROR", help="name, path or url of a mirror")
    listing.add_argument("specs", metavar="SPEC", nargs="*", help="only packages that match")
    listing.add_argument("-l", "--long", action="store_true", help="show short hashes")
    listing.add_argument("-L", "--very-long", action="store_true", help="show full hashes")
    listing.add_argument("-N", "--namespaces", action="store_true", help="show namespaces")
    listing.add_argument("-v", "--variants", action="store_true", help="show variants")
    listing.add_argument("-a", "--allarch", action="store_true", help="of any architecture (this is always done)")
    add_login_options(listing)
    listing.set_defaults(run=_list)
    index = actions.add_parser("update-index", aliases=["rebuild-index"], help="make the index agree with the cache")
    index.add_argument("mirror", metavar="MIRROR", help="name, path or url of a mirror")
    index.add_argument("-k", "--keys", action="store_true", help="also the list of keys (this is always done)")
    index.add_argument("--full", action="store_true", help="read every entry again, not only what changed")
    add_login_options(index)
    index.set_defaults(run=_update_index)


def _list(options: argparse.Namespace, context: Context, output: Output) -> int:
    query = query_text_from_words(options.specs)
    contents = list_contents(
        context.instance, context.access, options.mirror, [query] if query else [], cwd=context.cwd, token=context.token
    )
    for problem in contents.problems:
        output.warning(problem)
    name_of = _names(contents, options)
    for found in contents.entries:
        name = name_of(found.entry)
        if options.very_long:
            name = f"{found.entry.hash} {name}"
        elif options.long:
            name = f"{short_hash(found.entry.hash)} {name}"
        output.line(visible(name))
    behind = contents.not_in_index
    if behind:
        title = f"The index is behind by {plural(behind, 'package')}"
        why = f"Spack does not find them before `mirrordeck buildcache update-index {shlex.quote(options.mirror)}`"
        output.warning(ErrorInfo("index-behind", title, why))
    output.result(
        "buildcache list",
        not_in_index=behind,
        packages=[_listed_object(found, contents) for found in contents.entries],
        problems=[error_object(problem) for problem in contents.problems],
    )
    return 1 if contents.problems else 0


def _names(contents: Contents, options: argparse.Namespace) -> Callable[[EntryName], str]:
    """How packages are called: what a listing does not say is taken from the index, as far as that knows them."""
    name, variants = "{fullname}" if options.namespaces else "{name}", "{variants}" if options.variants else ""
    template = f"{name}{{@version}}{variants}"
    wanted = [found.entry.hash for found in contents.entries] if options.namespaces or options.variants else []
    known = entry_records(contents.records, wanted)

    def name_of(entry: EntryName) -> str:
        record = known.get(entry.hash)
        return format_record(record, template) if record is not None else f"{entry.name}@{entry.version}"

    return name_of


def _listed_object(found: CacheEntry, contents: Contents) -> dict[str, Any]:
    listed = {**entry_object(found), "signed": found.signed}
    if contents.from_index:
        listed |= {"blob_digest": None, "manifest_digest": None, "stored_bytes": None}
    return listed


def _update_index(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("The index was not updated")
    update = update_index(
        context.instance,
        context.access,
        options.mirror,
        full=options.full,
        cwd=context.cwd,
        token=context.token,
        progress=lambda _done, _total: None,
    )
    for problem in update.skipped:
        output.warning(problem)
    output.note(f"Index: {update.entries} packages, {update.added} added, {update.dropped} dropped")
    output.result("buildcache update-index", index=push.index_object(update))
    return 1 if update.skipped else 0
