# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plausible answers about packages for GUI tests."""

from __future__ import annotations

import time
from itertools import pairwise

from fake_client import FakeClient
from samples import package

from core.engine.calls.packages import (
    DescribePackage,
    FindPackages,
    ListEnvironments,
    ListLinks,
    ListPackages,
    MeasureSizes,
    PackageGraph,
    SizeByFolder,
)
from core.engine.calls.presence import FindHoldings, FindMissing, ListPresence
from core.services.package_values import (
    EnvironmentRow,
    FolderSize,
    FoundPackages,
    Graph,
    GraphEdge,
    GraphNode,
    Holding,
    MirrorPresence,
    MissingOn,
    PackageDetails,
    PackageLink,
    RelocationOutlook,
)
from core.services.values import PackageRow, PackagesView

NOW = time.time()
TWO_DAYS_AGO = NOW - 2 * 86400 - 3600


def hash_of(name: str, version: str = "1.0") -> str:
    return package(name, version).hash


def details(row: PackageRow) -> PackageDetails:
    link = PackageLink(hash_of("zlib", "1.10"), "zlib", "1.10", ("build", "link"), ("zlib-api",), "installed")
    return PackageDetails(
        hash=row.hash,
        name=row.name,
        version=row.version,
        text=f"{row.name}@{row.version}",
        variants=(("shared", "true"),),
        flags=(("cflags", "-O3"),),
        platform="linux",
        os="debian12",
        target="zen4",
        compilers=row.compilers,
        namespace="builtin",
        package_hash="pkghash",
        build_spec="",
        prefix=row.prefix,
        install_root="/opt/spack/opt/spack",
        external_modules=(),
        installed_at=row.installed_at,
        explicit=row.explicit,
        state=row.state,
        deprecated_for="",
        upstream=False,
        specfile_version=5,
        environments=("hpc-base",),
        dependencies=(link,),
        dependents=(),
        all_dependencies=1,
        all_dependents=0,
        relocation=RelocationOutlook(21, 0, 80, "Fits below roots of up to 21 characters."),
        document=f'{{\n  "spec": {{\n    "name": "{row.name}"\n  }},\n  "name": 2\n}}',
    )


def deep_graph(levels: int = 30) -> Graph:
    """A chain with a shortcut to the bottom from every level."""
    nodes = [
        GraphNode(f"n{level:02d}".ljust(32, "x"), f"level-{level}", "1.0", "installed", level)
        for level in range(levels)
    ]
    edges = [GraphEdge(a.hash, b.hash, ("build", "link"), ()) for a, b in pairwise(nodes)]
    bottom = nodes[-1].hash
    edges += [GraphEdge(node.hash, bottom, ("run",), ("mpi",)) for node in nodes[:-2]]
    return Graph(tuple(nodes), tuple(edges), cut=12)


def fill_packages(client: FakeClient, rows: list[PackageRow]) -> FakeClient:
    """Give `client` an answer to everything the Packages page may ask."""
    by_hash = {row.hash: row for row in rows}
    client.rows[ListPackages] = [rows]
    roots = tuple(row.hash for row in rows if row.name == "hdf5")
    client.rows[ListPresence] = [
        [MirrorPresence("scratch", NOW - 7300, NOW - 7400, True, tuple(row.hash for row in rows[:1]))],
        [MirrorPresence("nfs", NOW - 7300, None, False)],
    ]
    client.rows[FindHoldings] = [
        [Holding("scratch", True, TWO_DAYS_AGO, "sha256:abc", "sha256:def", 1_200_000, NOW, True)]
    ]
    client.rows[MeasureSizes] = []
    client.answers.update(
        {
            ListPackages: PackagesView(len(rows), "v1"),
            ListPresence: 2,
            ListEnvironments: (EnvironmentRow("hpc-base", "/envs/hpc-base", roots, (*roots, hash_of("zlib", "1.9"))),),
            FindPackages: lambda call: FoundPackages(tuple(row.hash for row in rows if row.name in call.text)),
            DescribePackage: lambda call: details(by_hash[call.hash]),
            PackageGraph: deep_graph(),
            ListLinks: lambda call: () if call.dependents else details(by_hash[call.hash]).dependencies,
            SizeByFolder: (FolderSize("lib", 900_000, 4), FolderSize("", 100, 1)),
            FindHoldings: 1,
            FindMissing: lambda call: MissingOn(roots, (), 5, TWO_DAYS_AGO),
            MeasureSizes: 0,
        }
    )
    return client
