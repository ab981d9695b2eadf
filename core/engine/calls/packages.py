# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about installed packages. Hashes are whole DAG hashes; `instance` is the id of an open instance."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.package_values import (
    Comparison,
    EnvironmentRow,
    FolderSize,
    FoundPackages,
    Graph,
    PackageDetails,
    PackageLink,
    PackageRef,
    ReuseView,
    SizeRow,
)
from core.services.values import PackageRow, PackagesView, SelectionSummary


class ListPackages(Call[PackagesView], frozen=True):
    """All packages; or those that changed, if `since` is the verifier of the view that was sent last."""

    method = "packages.list"
    answer = PackagesView
    row = PackageRow
    instance: str
    since: str = ""


class PackagesChanged(Call[bool], frozen=True):
    """Whether the database, or that of an upstream, is another one than when a `PackagesView` came with `verifier`.

    Looks at a few small files only, so a visible page may ask every two seconds; then it lists again.
    """

    method = "packages.changed"
    answer = bool
    instance: str
    verifier: str


class FindPackages(Call[FoundPackages], frozen=True):
    """Packages that match a query in Spack's language; a wrong one is an answer, not a failure."""

    method = "packages.find"
    answer = FoundPackages
    instance: str
    text: str


class ListEnvironments(Call[tuple[EnvironmentRow, ...]], frozen=True):
    method = "packages.environments"
    answer = tuple[EnvironmentRow, ...]
    instance: str


class MeasureSizes(Call[int], frozen=True):
    """Sizes on disk, in the order of `hashes`, as they are known; the answer is their sum. Remembered until the prefix
    changes, so cancelling and asking again costs little."""

    method = "packages.sizes"
    answer = int
    row = SizeRow
    instance: str
    hashes: tuple[str, ...]


class SizeByFolder(Call[tuple[FolderSize, ...]], frozen=True):
    """The folders of a prefix, largest first."""

    method = "packages.folders"
    answer = tuple[FolderSize, ...]
    instance: str
    hash: str


class DescribePackage(Call[PackageDetails], frozen=True):
    method = "packages.describe"
    answer = PackageDetails
    instance: str
    hash: str


class ListLinks(Call[tuple[PackageLink, ...]], frozen=True):
    """The direct dependencies of a package, or its dependents: one level of a tree."""

    method = "packages.links"
    answer = tuple[PackageLink, ...]
    instance: str
    hash: str
    dependents: bool = False


class ListRelatives(Call[tuple[str, ...]], frozen=True):
    """`hashes` and all their link and run dependencies, or all that depends on them in any way."""

    method = "packages.relatives"
    answer = tuple[str, ...]
    instance: str
    hashes: tuple[str, ...]
    dependents: bool = False


class PackageGraph(Call[Graph], frozen=True):
    method = "packages.graph"
    answer = Graph
    instance: str
    hash: str
    limit: int = 300


class ComparePackages(Call[Comparison], frozen=True):
    method = "packages.compare"
    answer = Comparison
    instance: str
    left: PackageRef
    right: PackageRef


class ExplainReuse(Call[ReuseView], frozen=True):
    """Why a binary was not used: the nearest entries of mirrors (one of them, or all) and what is against each.

    `wanted` is an installed package's hash, or a query that names a package. Indexes are read now; a mirror that cannot
    be read is named with its error.
    """

    method = "packages.explain-reuse"
    answer = ReuseView
    instance: str
    wanted: str
    mirror: str = ""


class SummarizeSelection(Call[SelectionSummary], frozen=True):
    method = "packages.summary"
    answer = SelectionSummary
    instance: str
    hashes: tuple[str, ...]
