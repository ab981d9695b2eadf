# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache prune`: by Spack's rule with Spack's flags, by a goal, or by rules of what to keep."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output
from core.cli.removing import add_removal_options, age_of, finish, grace_of, size_of
from core.foundation.errors import UsageError
from core.services.upkeep import Upkeep, read_keep_list, read_plan
from core.services.upkeep_values import FreeRequest, FreeRule, KeepRules, UpkeepPlan

_COMMAND = "buildcache prune"
_ABOUT = """\
Without further options as Spack does: blobs that no manifest names, and manifests that name a missing blob; with
--keeplist also all packages that are not in the list. --free and --not-kept choose by themselves, and never anything
that what stays depends on.
"""


def add_parser(actions: Any) -> None:
    """Add `prune` to the actions of `buildcache`."""
    parser = actions.add_parser("prune", help="delete what is not needed from a build cache", description=_ABOUT)
    parser.add_argument("mirror", metavar="MIRROR", help="name, path or url of a mirror")
    parser.add_argument("-k", "--keeplist", metavar="FILE", type=Path, help="hashes of packages to keep, one a line")
    rules = parser.add_argument_group("choosing by itself")
    what = rules.add_mutually_exclusive_group()
    what.add_argument(
        "--free", metavar="SIZE", type=size_of, help="superseded and oldest first, until so much is freed"
    )
    what.add_argument("--not-kept", action="store_true", help="everything that no rule below keeps")
    what.add_argument("--plan", metavar="FILE", type=Path, help="carry out exactly this plan, from --save-plan")
    rules.add_argument(
        "--keep-env", metavar="ENV", action="append", default=[], help="keep what an environment needs (name or folder)"
    )
    rules.add_argument("--keep-installed", action="store_true", help="keep what is installed here")
    rules.add_argument("--newer-than", metavar="AGE", type=age_of, help="keep what was pushed or used since: 30d, 12h")
    add_removal_options(parser)
    add_login_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    upkeep = Upkeep(context.instance, context.access, context.cwd, probe=not context.read_only)
    return finish(_COMMAND, _plan(upkeep, options, context), options, context, output)


def _plan(upkeep: Upkeep, options: argparse.Namespace, context: Context) -> UpkeepPlan:
    if options.plan is not None:
        plan = read_plan(options.plan)
        return UpkeepPlan(options.mirror, plan, upkeep.capabilities(options.mirror, context.token))
    rules = KeepRules(
        environments=tuple(options.keep_env),
        installed=options.keep_installed,
        newer_than_s=options.newer_than,
        hashes=read_keep_list(options.keeplist) if options.keeplist is not None else (),
    )
    rule = FreeRule.GOAL if options.free is not None else FreeRule.ALL_NOT_KEPT if options.not_kept else FreeRule.SPACK
    if rule is FreeRule.ALL_NOT_KEPT and rules == KeepRules():
        raise UsageError("--not-kept needs a rule of what to keep", "Without one, everything would go")
    if rule is FreeRule.SPACK and (rules.environments or rules.installed or rules.newer_than_s is not None):
        raise UsageError("These rules are for --free and --not-kept")
    request = FreeRequest(
        options.mirror,
        rule,
        options.free,
        rules,
        keep_list=rules.hashes if options.keeplist is not None else None,
        grace_s=grace_of(options),
    )
    return upkeep.plan_free(request, context.token, lambda _done, _total: None)
