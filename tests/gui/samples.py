# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plausible values for GUI tests."""

from __future__ import annotations

from fake_client import FakeClient

from core.engine.calls.instances import ListInstances, OpenInstance
from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.packages import ListPackages, SummarizeSelection
from core.engine.calls.transfers import WatchTransfers
from core.foundation.errors import ErrorInfo
from core.mirrors.credentials.states import CredentialState
from core.mirrors.model import Connection, KeyOrigin, Mirror
from core.services.values import (
    InstanceInfo,
    LoginFacts,
    MirrorRow,
    MirrorsView,
    PackageRow,
    PackagesView,
    SelectionSummary,
)
from core.transfers.model import QueueSnapshot, Totals

INSTANCE = InstanceInfo("spack-1", "/opt/spack", "/opt/spack/opt/spack", "1.1.1", "hpc-base")


def package(
    name: str,
    version: str = "1.0",
    *,
    state: str = "installed",
    explicit: bool = True,
    installed_at: float = 1_700_000_000.0,
    variants: str = "+shared",
    compilers: str = "c,cxx=gcc@13.3.0",
    target: str = "zen4",
    upstream: bool = False,
    number: int = 0,
) -> PackageRow:
    dag_hash = f"{name}{version}{number}".replace(".", "").replace("-", "").ljust(32, "x")[:32]
    prefix = "" if state == "missing" else f"/opt/spack/opt/spack/{name}-{version}-{dag_hash}"
    return PackageRow(
        dag_hash, name, version, compilers, "linux", "debian12", target, variants, "builtin", explicit,
        installed_at, state, upstream, prefix,
    )  # fmt: skip


def mirror(name: str, url: str, *, scope: str = "user", line: int = 3, autopush: bool = False) -> Mirror:
    file = "/home/ann/.spack/mirrors.yaml" if scope == "user" else f"/etc/spack/{scope}/mirrors.yaml"
    side = Connection(url=url, raw=url.removeprefix("file://"))
    origin = (KeyOrigin("", scope, file, line), KeyOrigin("url", scope, file, line + 1))
    return Mirror(name, side, side, autopush=autopush, scope=scope, origin=origin)


def mirrors_view() -> MirrorsView:
    denied = ErrorInfo("permission-denied", "Cannot write to /nfs/cache", "it belongs to root:sw, mode 2755", (), True)
    return MirrorsView(
        (
            MirrorRow(
                mirror("scratch", "file:///scratch/cache", autopush=True), None, 1204, 1.7e9, True, 4_900_000_000_000
            ),
            MirrorRow(mirror("nfs", "file:///nfs/cache", scope="site"), denied, 318, 1.7e9, False, 10**9),
            MirrorRow(
                mirror("public", "https://bin.example.org/cache", scope="site", line=9),
                login=LoginFacts(CredentialState.NONE_NEEDED),
            ),
        )
    )


def packages() -> list[PackageRow]:
    return [
        package("zlib", "1.9"),
        package("zlib", "1.10"),
        package("hdf5", "1.14.5", explicit=False),
        package("cuda", "12.6", state="external"),
        package("gone", "3.0", state="missing"),
    ]


def fill(client: FakeClient) -> FakeClient:
    """Give `client` an instance with three mirrors and five records."""
    client.answers.update(
        {
            OpenInstance: INSTANCE,
            ListInstances: (INSTANCE,),
            ListMirrors: mirrors_view(),
            ListPackages: PackagesView(5, "v1"),
            SummarizeSelection: SelectionSummary(2, 40, 5_000_000_000),
            WatchTransfers: QueueSnapshot((), (), Totals(), paused=False),
        }
    )
    client.rows[ListPackages] = [packages()]
    return client
