# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages asked for on a command line: by query, state and environment, as `spack find` of Spack 1.1 chooses them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.foundation.errors import UsageError
from core.spack.environments import EnvironmentLock, read_lock
from core.spack.formats import short
from core.spack.instance import Instance
from core.spack.queries import Query, parse_query, select
from core.spack.query_tests import Recipes
from core.spack.spec_files import spec_file_reader
from core.spack.specs import PackageRecord, PackageState
from core.spack.worlds import World

_SHOWN = 10
INSTALLED = frozenset({PackageState.INSTALLED, PackageState.EXTERNAL})


@dataclass(frozen=True, slots=True)
class Found:
    """Packages in Spack's order. Whether those in `unknown` match only recipes could tell, which cannot be read.

    `lock` is that of the instance's environment, to whose packages the search was limited; None without one.
    """

    records: list[PackageRecord]
    unknown: list[PackageRecord]
    lock: EnvironmentLock | None


def find_packages(
    instance: Instance,
    query: str,
    *,
    states: Collection[PackageState] = INSTALLED,
    explicit: bool | None = None,
    cwd: Path,
    token: CancelToken,
) -> Found:
    """Packages in one of `states` that match `query` ("" for all), in the instance's environment if it has one.

    `cwd` is what names of spec files are relative to. Raises QueryError, DatabaseError, NotFound if there is no lock
    file.
    """
    database = instance.database(token)
    parsed = parse_query(query, read_file=spec_file_reader(cwd))
    answer = select(parsed, database.world, recipes=database.recipes, any_state=True)
    lock = read_lock(instance.environment) if instance.environment is not None else None

    def chosen(records: list[PackageRecord]) -> list[PackageRecord]:
        return [
            record
            for record in records
            if record.state in states
            and (explicit is None or record.explicit is explicit)
            and (lock is None or record.hash in lock.nodes or record.hash in lock.roots)
        ]

    return Found(chosen(answer.matched), chosen(answer.unknown), lock)


def single_match(query: Query, world: World, recipes: Recipes | None = None) -> PackageRecord | None:
    """The one package in any state that `query` means, None if it means none. Raises UsageError naming several."""
    found = select(query, world, recipes=recipes, any_state=True).matched
    if len(found) > 1:
        shown = [short(record.node) for record in found[:_SHOWN]]
        more = [f"and {len(found) - len(shown)} more"] if len(found) > len(shown) else []
        raise UsageError(
            f"{query} matches multiple packages.",
            "\n".join([*shown, *more]),
            remedies=("Use a more specific spec (e.g., prepend '/' to the hash).",),
        )
    return found[0] if found else None
