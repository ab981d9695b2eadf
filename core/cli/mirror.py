# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck mirror …`."""

from __future__ import annotations

import argparse
from typing import Any

from core.cli import mirror_access, mirror_edit, source_mirror
from core.cli.context import Context
from core.cli.output import Output
from core.foundation.text import visible
from core.mirrors.compression import Compression
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of


def add_parser(commands: Any) -> None:
    """Add `mirror` with its subcommands to `commands`."""
    parser = commands.add_parser("mirror", help="the mirrors of this Spack instance")
    actions = parser.add_subparsers(title="mirror commands", metavar="ACTION", required=True)
    listing = actions.add_parser("list", aliases=["ls"], help="mirrors in the order Spack asks them")
    listing.set_defaults(run=_list)
    mirror_edit.add_actions(actions)
    mirror_access.add_actions(actions)
    source_mirror.add_actions(actions)


def _list(_options: argparse.Namespace, context: Context, output: Output) -> int:
    found = mirrors_of(context.instance)
    for problem in found.problems:
        output.warning(problem)
    width = max((len(mirror.name) for mirror in found.mirrors), default=0)
    for mirror in found.mirrors:
        contains = f"{'s' if mirror.source else ' '}{'b' if mirror.binary else ' '}"
        output.line(visible(f"{mirror.name:<{width}} [{contains}] {_addresses(mirror)}"))
    if not found.mirrors:
        output.line("==> No mirrors configured.")
    output.result("mirror list", mirrors=[_object(mirror) for mirror in found.mirrors], problems=found.problems)
    return 0


def _addresses(mirror: Mirror) -> str:
    if mirror.fetch.url == mirror.push.url:
        return mirror.fetch.url
    return f"fetch: {mirror.fetch.url} push: {mirror.push.url or mirror.push.problem}"


def _object(mirror: Mirror) -> dict[str, Any]:
    return {
        "name": mirror.name,
        "kind": mirror.kind,
        "fetch_url": mirror.fetch.url,
        "push_url": mirror.push.url,
        "binary": mirror.binary,
        "source": mirror.source,
        "signed": mirror.signed,
        "autopush": mirror.autopush,
        "codec": Compression().of(mirror.push.url),
        "scope": mirror.scope,
    }
