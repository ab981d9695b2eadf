# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache …`: options as Spack spells them; the work is in services."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.caches.protocol import CacheEntry, EntryName
from core.cli import bundle, check, delete, download, keys, migrate, prune, push, sync, verify
from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output, entry_object, error_object
from core.foundation.errors import ErrorInfo
from core.foundation.text import plural, short_hash, visible
from core.packing.model import Codec
from core.services.contents import Contents, list_contents, update_index
from core.services.entry_records import entry_records
from core.spack.formats import format_record
from core.spack.query_tokens import query_text_from_words
from core.transfers.plan import Only


def add_parser(commands: Any) -> None:
    """Add `buildcache` with its subcommands to `commands`."""
    parser = commands.add_parser("buildcache", help="push packages to build caches, list and index what they hold")
    actions = parser.add_subparsers(title="buildcache commands", metavar="ACTION", required=True)
    _add_push(actions)
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


def _add_push(actions: Any) -> None:
    parser = actions.add_parser("push", aliases=["create"], help="push installed packages to a build cache")
    parser.add_argument("mirror", metavar="MIRROR", nargs="?", help="name, path or url of a mirror")
    parser.add_argument("specs", metavar="SPEC", nargs="*", help="installed packages (default: the environment's)")
    parser.add_argument(
        "--missing",
        action="store_true",
        help="push what is installed of the environment, or without one all that was installed explicitly",
    )
    parser.add_argument(
        "--not-on", metavar="MIRROR", action="append", default=[], help="leave out what this mirror has, by its index"
    )
    parser.add_argument(
        "--also", metavar="MIRROR", action="append", default=[], help="push to this mirror, too; each is packed once"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace packages that are there already")
    parser.add_argument(
        "--recheck", action="store_true", help="look at all images again, also at those seen a short time ago"
    )
    parser.add_argument(
        "--keep-blobs",
        action="store_true",
        help="push packages that were installed from a cache with the very archive they came from, if a mirror has it",
    )
    signing = parser.add_mutually_exclusive_group()
    signing.add_argument("-u", "--unsigned", action="store_true", help="push unsigned (default: as the mirror says)")
    signing.add_argument("--signed", action="store_true", help="push signed")
    signing.add_argument("-k", "--key", metavar="KEY", default="", help="sign with this key")
    parser.add_argument(
        "--update-index", "--rebuild-index", action="store_true", help="update the index after the packages"
    )
    parser.add_argument(
        "--only",
        choices=[Only.PACKAGE.value, Only.DEPENDENCIES.value],
        default=Only.ALL.value,
        help="push only the packages named, or only their dependencies (default: both)",
    )
    build = parser.add_mutually_exclusive_group()
    build.add_argument("--with-build-dependencies", action="store_true", help="push build dependencies too (default)")
    build.add_argument("--without-build-dependencies", action="store_true", help="leave out build dependencies")
    parser.add_argument("--private", action="store_true", help="push packages that may not be redistributed, too")
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first failure (default: best effort)")
    parser.add_argument(
        "--codec",
        choices=[codec.value for codec in Codec],
        help="compression: default, fast (larger files, less time), spack (the very bytes Spack writes); counts more "
        "than what is set for the mirror",
    )
    push.add_run_options(parser)
    keeping = parser.add_mutually_exclusive_group()
    keeping.add_argument("--save-plan", metavar="FILE", type=Path, help="push nothing: write what to push, for --plan")
    keeping.add_argument(
        "--plan", metavar="FILE", type=Path, help="push what such a file says, or one of the window (-: from stdin)"
    )
    images = parser.add_argument_group("container images (OCI registries)")
    images.add_argument("--base-image", metavar="IMAGE", default="", help="begin images with this one: ubuntu:24.04")
    images.add_argument("-t", "--tag", metavar="TAG", default="", help="also tag one image of all packages named")
    images.add_argument(
        "--squash", metavar="N", type=push.positive, help="packages of the tagged image share at most N layers"
    )
    images.add_argument("--complete", action="store_true", help="complete images pushed without their dependencies")
    add_login_options(parser)
    parser.set_defaults(run=push.run)


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
