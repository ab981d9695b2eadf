# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which packages a push is about: what a person names, an environment, or all that is missing elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from core.foundation.errors import NotInstalled, UsageError
from core.services.environments import ConcreteEnvironment
from core.services.finding import single_match
from core.services.presence_memory import KnownPackages
from core.spack.closures import push_order
from core.spack.database import Database
from core.spack.environments import read_lock
from core.spack.instance import Instance
from core.spack.queries import Query, parse_query
from core.spack.spec_files import spec_file_reader
from core.spack.specs import PackageState
from core.transfers.plan import Decision, Only, PlanItem, PushOptions, PushRequest

# What `push_order` calls it.
ORDER_OF: dict[Only, Literal["package", "dependencies"] | None] = {
    Only.ALL: None,
    Only.PACKAGE: "package",
    Only.DEPENDENCIES: "dependencies",
}


def requested_roots(
    instance: Instance, database: Database, request: PushRequest, cwd: Path
) -> tuple[list[str], list[PlanItem]]:
    """Hashes of what was asked for, in order, each once; and roots of the environment that were never installed.

    In the place of those come the dependencies that are there. Raises UsageError, QueryError, NotInstalled and what
    reading the lock file raises.
    """
    if not request.queries and not request.hashes:
        if instance.environment is None:
            raise UsageError(
                "A push needs packages or an environment",
                remedies=("Name packages, or choose an environment with -e NAME or -D DIR.",),
            )
        return _environment_roots(instance, database)
    unknown = [dag_hash for dag_hash in request.hashes if dag_hash not in database.records]
    if unknown:
        raise NotInstalled(f"/{unknown[0]} matches no installed packages.")
    roots = dict.fromkeys(request.hashes)
    for text in request.queries:
        for spec in parse_query(text, read_file=spec_file_reader(cwd)).specs:
            found = single_match(Query((spec,)), database.world, database.recipes)
            if found is None:
                raise NotInstalled(f"{spec} matches no installed packages.")
            roots[found.hash] = None
    return list(roots), []


def request_of_missing(instance: Instance, database: Database, request: PushRequest) -> PushRequest:
    """The request that pushes all that is installed of the environment, or without one of everything explicit.

    What is not installed is no matter then, so that a push that is repeated every night fails only when it should.
    Without packages its `hashes` are empty.
    """
    if instance.environment is not None:
        environment = ConcreteEnvironment(instance.environment, read_lock(instance.environment))
        roots = environment.installed(database.records)
    else:
        roots = [dag_hash for dag_hash, record in database.records.items() if record.explicit]
    return _exactly(request, _selected(database, roots, request.options), database)


def request_not_on(
    database: Database,
    request: PushRequest,
    roots: Sequence[str],
    elsewhere: Iterable[KnownPackages],
) -> PushRequest:
    """The request for what belongs to `roots` and is in none of `elsewhere`; without such packages its `hashes` are
    empty. Raises UsageError for a push with a tag, whose image needs all of them."""
    if request.options.tag:
        raise UsageError("--not-on and --tag cannot be combined", "the tagged image needs every package")
    there = {dag_hash for known in elsewhere for dag_hash in known.packages}
    wanted = [each for each in _selected(database, roots, request.options) if each not in there]
    return _exactly(request, wanted, database)


def _selected(database: Database, roots: Sequence[str], options: PushOptions) -> list[str]:
    return push_order(
        database, roots, only=ORDER_OF[options.only], with_build_dependencies=options.with_build_dependencies
    )


def _exactly(request: PushRequest, hashes: Sequence[str], database: Database) -> PushRequest:
    installed = tuple(each for each in hashes if database.records[each].state is PackageState.INSTALLED)
    return replace(request, queries=(), hashes=installed, options=replace(request.options, only=Only.PACKAGE))


def _environment_roots(instance: Instance, database: Database) -> tuple[list[str], list[PlanItem]]:
    assert instance.environment is not None  # noqa: S101  asked before
    lock = read_lock(instance.environment)
    absent = [
        PlanItem(root, lock.nodes[root].name, lock.nodes[root].version, Decision.NOT_INSTALLED, "package not installed")
        for root in lock.roots
        if root not in database.records and root in lock.nodes
    ]
    return ConcreteEnvironment(instance.environment, lock).installed(database.records), absent
