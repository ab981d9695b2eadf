# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck transfers …`: what other processes of Mirrordeck did not finish."""

from __future__ import annotations

import argparse
import time
from typing import Any

from core.caches.opening import CacheAccess
from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output, error_object
from core.cli.running import Add, carry_out_added
from core.foundation.errors import ErrorInfo, NotFound
from core.foundation.text import format_age, plural, visible
from core.services.resuming import continue_unfinished, discard_unfinished
from core.spack.instance import Instance
from core.transfers.journal_reader import unfinished
from core.transfers.model import ItemState, JournalOffer, TransferRow, UnfinishedPush

_STOPPED = 130
_SHORT = 8


def add_parser(commands: Any) -> None:
    """Add `transfers` with its subcommands to `commands`."""
    parser = commands.add_parser("transfers", help="go on with transfers that were not finished")
    actions = parser.add_subparsers(title="transfers commands", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="transfers of processes that were killed or crashed")
    listing.set_defaults(run=_list)
    proceed = actions.add_parser("continue", help="finish them; what is there already is not sent again")
    add_login_options(proceed)
    discard = actions.add_parser("discard", help="forget them")
    for each, run in ((proceed, _continue), (discard, _discard)):
        each.add_argument("ids", metavar="ID", nargs="*", help="which ones, as listed (default: all)")
        each.set_defaults(run=run)


def _list(_options: argparse.Namespace, context: Context, output: Output) -> int:
    found = unfinished(tidy=not context.read_only)
    for problem in found.problems:
        output.warning(problem)
    for offer in found.offers:
        output.line(f"{offer.id[:_SHORT]}  {format_age(time.time() - offer.written_at)}")
        for push in offer.pushes:
            output.line(f"    {_line(push)}")
    if not found.offers:
        output.note("Nothing is unfinished")
    output.result(
        "transfers list",
        transfers=[_object(offer) for offer in found.offers],
        problems=[error_object(problem) for problem in found.problems],
    )
    return 0


def _continue(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("Nothing was continued")
    offers = _chosen(options.ids)
    problems: list[ErrorInfo] = []

    def opened(instance_id: str) -> tuple[Instance, CacheAccess]:
        if instance_id == context.instance.id:
            return context.instance, context.access
        checkout, _, install_root = instance_id.partition(":")
        title = "Transfers of another Spack instance were not continued"
        raise NotFound(title, instance_id, remedies=(f"Use --instance {checkout or install_root}",))

    def fill(add: Add) -> None:
        for offer in offers:
            found = continue_unfinished(offer.id, opened=opened, add=add, cwd=context.cwd, token=context.token)
            problems.extend(found.problems)

    outcomes, stopped = carry_out_added(fill, None, output)
    for problem in problems:
        output.warning(problem)
    failed = [row for outcome in outcomes for row in outcome.in_state(ItemState.FAILED)]
    done = sum(len(outcome.in_state(ItemState.DONE)) for outcome in outcomes)
    for row in failed:
        if row.error is not None:
            output.warning(row.error)
    output.note(f"{plural(done, 'package')} done, {len(failed)} failed")
    output.result(
        "transfers continue",
        done=[_row(row) for outcome in outcomes for row in outcome.in_state(ItemState.DONE)],
        failed=[{**_row(row), "error": error_object(row.error)} for row in failed if row.error is not None],
        problems=[error_object(problem) for problem in problems],
    )
    if stopped:
        return _STOPPED
    return 1 if failed or problems else 0


def _row(row: TransferRow) -> dict[str, str]:
    return {"hash": row.hash, "name": row.name, "version": row.version, "mirror": row.mirror}


def _discard(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("Nothing was discarded")
    offers = _chosen(options.ids)
    for offer in offers:
        discard_unfinished(offer.id)
    output.note(f"{plural(sum(offer.waiting for offer in offers), 'package')} discarded")
    output.result("transfers discard", discarded=[offer.id for offer in offers])
    return 0


def _chosen(ids: list[str]) -> list[JournalOffer]:
    """Raises NotFound for an id that is none."""
    offers = unfinished().offers
    for wanted in ids:
        if not any(offer.id.startswith(wanted) for offer in offers):
            raise NotFound(f"No unfinished transfers {wanted}", remedies=("See `mirrordeck transfers list`.",))
    return [offer for offer in offers if not ids or any(offer.id.startswith(wanted) for wanted in ids)]


def _line(push: UnfinishedPush) -> str:
    what = f"copied from {visible(push.source)}" if push.source else "pushed"
    failed = f", {push.failed} failed" if push.failed else ""
    return f"{plural(push.waiting, 'package')} not {what} to {visible(push.mirror)} ({push.done} done{failed})"


def _object(offer: JournalOffer) -> dict[str, Any]:
    pushes = [
        {
            "mirror": push.mirror,
            "source": push.source,
            "waiting": push.waiting,
            "done": push.done,
            "failed": push.failed,
            "instance": push.instance_id,
        }
        for push in offer.pushes
    ]
    return {"id": offer.id, "written_at": offer.written_at, "pushes": pushes}
