# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What of an instance's packages mirrors have and lack; "missing" always counts link and run dependencies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, NotFound
from core.mirrors.model import Mirror
from core.services.environments import concrete_environments
from core.services.package_graph import all_dependencies
from core.services.package_values import (
    CoverageCell,
    CoverageRow,
    CoverageView,
    InstalledVersusMirror,
    MissingCount,
    MissingOn,
    RemotePackage,
)
from core.services.presence import Known, Mirrors
from core.spack.database import Database
from core.spack.instance import Instance
from core.spack.recipes import Verdict, redistributable
from core.spack.specs import PackageRecord, PackageState


class HeldBack:
    """Which packages may not be redistributed, asked of their recipes once. Thread-safe; at worst one is asked
    twice."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, float], str] = {}  # why, "" for what may be redistributed

    def among(self, hashes: Iterable[str], database: Database, token: CancelToken) -> set[str]:
        return {each for each in hashes if self.reason(database.records[each], database, token)}

    def reason(self, record: PackageRecord, database: Database, token: CancelToken) -> str:
        """Why `record` may not be redistributed, or that nobody can tell; "" if it may. Raises Cancelled."""
        key = (record.hash, record.installation_time)
        if key not in self._known:
            token.raise_if_cancelled()
            found = redistributable(record, database.records)
            self._known[key] = "" if found.verdict is Verdict.YES else found.reason
        return self._known[key]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a row is about: packages that can be pushed, dependencies first."""

    name: str
    hashes: tuple[str, ...]
    not_installed: int = 0
    problem: ErrorInfo | None = None


def view_coverage(
    instance: Instance, database: Database, mirrors: Mirrors, held_back: HeldBack, token: CancelToken, *, refresh: bool
) -> CoverageView:
    """Everything explicit and each environment, by mirrors. Raises Cancelled; a mirror's trouble is its own error."""
    rows = [_explicit(database), *_environments(instance, database)]
    chosen = mirrors.chosen()
    found = {id(known.mirror): known for known in mirrors.known(chosen, token, refresh=refresh)}
    known = [found[id(mirror)] for mirror in chosen]
    cells = tuple(tuple(_cell(row, each, database, held_back, token) for each in known) for row in rows)
    return CoverageView(
        rows=tuple(CoverageRow(row.name, len(row.hashes), row.not_installed, row.problem) for row in rows),
        mirrors=tuple(each.presence(database, with_hashes=False) for each in known),
        cells=cells,
    )


def count_missing(
    database: Database,
    mirrors: Mirrors,
    chosen: Sequence[Mirror],
    held_back: HeldBack,
    token: CancelToken,
    *,
    refresh: bool,
) -> Iterator[MissingCount]:
    """What each of `chosen` lacks of everything explicit, in the order in which that is known. Raises Cancelled."""
    wanted = _explicit(database)
    for known in mirrors.known(chosen, token, refresh=refresh):
        cell = _cell(wanted, known, database, held_back, token)
        yield MissingCount(known.presence(database, with_hashes=False), cell)


def find_missing(
    instance: Instance,
    database: Database,
    known: Known,
    held_back: HeldBack,
    token: CancelToken,
    *,
    environment: str = "",
    hashes: Sequence[str] = (),
) -> MissingOn:
    """What `known` lacks of `hashes` or, without any, of an environment ("": of everything explicit).

    Raises NotFound for an environment that is not there.
    """
    if hashes:
        wanted = _Wanted("", _pushable(database, hashes))
    elif environment:
        found = [row for row in _environments(instance, database) if row.name == environment]
        if not found:
            raise NotFound(f"No environment {environment}", "it is not among those of this instance")
        wanted = found[0]
    else:
        wanted = _explicit(database)
    present = known.packages.packages if known.packages is not None else {}
    absent = [dag_hash for dag_hash in wanted.hashes if dag_hash not in present]
    kept = held_back.among(absent, database, token)
    return MissingOn(
        hashes=tuple(dag_hash for dag_hash in absent if dag_hash not in kept),
        held_back=tuple(dag_hash for dag_hash in absent if dag_hash in kept),
        have=len(wanted.hashes) - len(absent),
        read_at=known.packages.read_at if known.packages is not None else None,
        error=known.error or wanted.problem,
    )


def compare_installed(
    database: Database,
    known: Known,
    held_back: HeldBack,
    bytes_here: Callable[[Sequence[PackageRecord]], int | None],
    token: CancelToken,
) -> InstalledVersusMirror:
    """Everything installed, whatever asked for it, against everything the mirror has.

    `bytes_here` tells what packages take on disk, None if not all are known.
    """
    there = known.packages.packages if known.packages is not None else {}
    here = [dag_hash for dag_hash, record in database.records.items() if record.state is PackageState.INSTALLED]
    absent = [dag_hash for dag_hash in here if dag_hash not in there]
    kept = held_back.among(absent, database, token)
    missing = tuple(dag_hash for dag_hash in absent if dag_hash not in kept)
    installed = set(here)
    others = tuple(package for package in there.values() if package.hash not in installed)
    return InstalledVersusMirror(
        mirror=known.presence(database, with_hashes=False),
        missing_there=missing,
        held_back=tuple(dag_hash for dag_hash in absent if dag_hash in kept),
        missing_here=others,
        both=tuple(dag_hash for dag_hash in here if dag_hash in there),
        missing_there_bytes=bytes_here([database.records[dag_hash] for dag_hash in missing]),
        missing_here_bytes=_stored_bytes(others),
    )


def _cell(
    row: _Wanted, known: Known, database: Database, held_back: HeldBack, token: CancelToken
) -> CoverageCell | None:
    if known.packages is None:
        return None
    absent = [dag_hash for dag_hash in row.hashes if dag_hash not in known.packages.packages]
    kept = held_back.among(absent, database, token)
    return CoverageCell(len(row.hashes) - len(absent), len(absent) - len(kept), len(kept))


def _explicit(database: Database) -> _Wanted:
    roots = [dag_hash for dag_hash, record in database.records.items() if record.explicit]
    return _Wanted("", _pushable(database, roots))


def _environments(instance: Instance, database: Database) -> list[_Wanted]:
    return [
        _Wanted(
            name=each.environment.name,
            hashes=_pushable(database, each.installed(database.records)),
            not_installed=sum(not _is_installed(database.records.get(root)) for root in each.lock.roots),
            problem=each.problem,
        )
        for each in concrete_environments(instance)
    ]


def _is_installed(record: PackageRecord | None) -> bool:
    return record is not None and record.state in (PackageState.INSTALLED, PackageState.EXTERNAL)


def _pushable(database: Database, roots: Sequence[str]) -> tuple[str, ...]:
    records = database.records
    return tuple(key for key in all_dependencies(database, roots) if records[key].state is PackageState.INSTALLED)


def _stored_bytes(packages: Sequence[RemotePackage]) -> int | None:
    total = 0
    for package in packages:
        if package.stored_bytes is None:
            return None
        total += package.stored_bytes
    return total
