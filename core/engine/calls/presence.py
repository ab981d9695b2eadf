# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about which mirrors have what is installed.

Without `refresh` answers come from what is remembered of mirrors, each with its age. With it mirrors are read side by
side, and one that does not answer delays nobody but itself.
"""

from __future__ import annotations

from core.engine.messages import Call
from core.services.package_values import (
    CoverageView,
    HeldBackRow,
    Holding,
    InstalledVersusMirror,
    MirrorPresence,
    MissingCount,
    MissingOn,
)


class ListPresence(Call[int], frozen=True):
    """What mirrors have of the instance's packages: a row for each as soon as it is known; the answer is how many
    mirrors there are. `mirrors` are names or addresses, all with binaries if there are none."""

    method = "presence.list"
    answer = int
    row = MirrorPresence
    instance: str
    mirrors: tuple[str, ...] = ()
    refresh: bool = False


class FindHoldings(Call[int], frozen=True):
    """What each mirror has of one package, with digests: a row for each as soon as it is known; the answer is how many
    mirrors there are. With `refresh` that package alone is looked for."""

    method = "presence.holdings"
    answer = int
    row = Holding
    instance: str
    hash: str
    refresh: bool = False


class ViewCoverage(Call[CoverageView], frozen=True):
    """Environments and everything explicit by mirrors."""

    method = "presence.coverage"
    answer = CoverageView
    instance: str
    refresh: bool = False


class CountMissing(Call[int], frozen=True):
    """How much of everything explicit mirrors lack: a row for each as soon as it is known; the answer is how many
    mirrors there are. `mirrors` are names or addresses, all with binaries if there are none."""

    method = "presence.count-missing"
    answer = int
    row = MissingCount
    instance: str
    mirrors: tuple[str, ...] = ()
    refresh: bool = False


class FindHeldBack(Call[int], frozen=True):
    """Which of these packages may not be redistributed, as their recipes say: a row for each that the database has, in
    the order of `hashes`. Recipes are read once; the answer is how many rows there are."""

    method = "presence.held-back"
    answer = int
    row = HeldBackRow
    instance: str
    hashes: tuple[str, ...]


class FindMissing(Call[MissingOn], frozen=True):
    """What a mirror lacks of an environment ("" for everything explicit), or of `hashes`, with dependencies."""

    method = "presence.missing"
    answer = MissingOn
    instance: str
    mirror: str
    environment: str = ""
    hashes: tuple[str, ...] = ()


class CompareInstalled(Call[InstalledVersusMirror], frozen=True):
    """Everything installed against everything a mirror has."""

    method = "presence.compare-installed"
    answer = InstalledVersusMirror
    instance: str
    mirror: str
    refresh: bool = False
