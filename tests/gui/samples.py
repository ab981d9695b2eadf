# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plausible values for GUI tests."""

from __future__ import annotations

from fake_client import FakeClient

from core.engine.calls.instances import FindCheckouts, ListInstances, OpenInstance, SurveyInstance
from core.engine.calls.keys import ListKeys, ListPublishedKeys
from core.engine.calls.logins import KeyringState, LastTests
from core.engine.calls.mirrors import DescribeMirror, ListMirrors, ListScopes
from core.engine.calls.packages import (
    ListEnvironments,
    ListPackages,
    ListRelatives,
    PackagesChanged,
    SummarizeSelection,
)
from core.engine.calls.presence import ListPresence
from core.engine.calls.presets import ListPresets
from core.engine.calls.transfers import ListUnfinished, WatchTransfers
from core.foundation.errors import ErrorInfo
from core.mirrors.credentials.states import CredentialState
from core.mirrors.model import Connection, KeyOrigin, Mirror
from core.services.keys_values import KeysView
from core.services.login_values import KeyringCondition, KeyringFacts
from core.services.mirror_values import (
    ConnectionForm,
    EntryText,
    MirrorDetails,
    MirrorForm,
    OriginLine,
    ScopeRow,
)
from core.services.values import (
    CopyLine,
    InstanceInfo,
    InstanceSurvey,
    LoginFacts,
    MirrorRow,
    MirrorsView,
    PackageRow,
    PackagesView,
    SelectionSummary,
)
from core.transfers.model import QueueSnapshot, Totals, Unfinished

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


def scopes() -> tuple[ScopeRow, ...]:
    """Writable user and site scopes, a locked system scope, and the defaults of the checkout."""
    return (
        ScopeRow("user", "/home/ann/.spack/mirrors.yaml", True, "", ("scratch",), "only you", False, True),
        ScopeRow("site", "/etc/spack/site/mirrors.yaml", True, "", ("nfs", "public"), "everybody here", False, False),
        ScopeRow("system", "/etc/spack/mirrors.yaml", False, "It belongs to root", (), "everybody", False, False),
        ScopeRow("defaults", "/opt/spack/etc/mirrors.yaml", True, "", (), "the checkout", True, False),
    )


def details(call: DescribeMirror) -> MirrorDetails:
    """What an engine says about one of `mirrors_view`."""
    row = next(row for row in mirrors_view().rows if row.mirror.name == call.name)
    found = row.mirror
    first = found.origin[0]
    url = found.fetch.raw
    return MirrorDetails(
        found.name,
        MirrorForm(found.name, ConnectionForm(url), autopush=found.autopush),
        (EntryText(first.scope, first.file, first.line, f"{found.name}:\n  url: {url}\n", writable=True),),
        (OriginLine("url", url, first.scope, first.file, first.line + 1),),
        (
            CopyLine("Add the mirror", f"spack mirror add {found.name} {url}"),
            CopyLine("Trust its keys", "spack buildcache keys --install --trust"),
        ),
        (),
        f"spack:\n  ci:\n    pipeline-gen: []\n  mirrors:\n    buildcache-destination: {url}\n",
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
            ListPresets: {},
            SurveyInstance: InstanceSurvey(5, 3),
            FindCheckouts: (),
            KeyringState: KeyringFacts("", KeyringCondition.ABSENT),
            ListMirrors: mirrors_view(),
            ListScopes: scopes(),
            LastTests: (),
            DescribeMirror: details,
            ListPackages: PackagesView(5, "v1"),
            PackagesChanged: False,
            ListEnvironments: (),
            ListPresence: 0,
            ListKeys: KeysView("/opt/spack/opt/spack/gpg", has_gpg=True),
            ListPublishedKeys: 0,
            ListRelatives: lambda call: call.hashes,
            SummarizeSelection: SelectionSummary(2, 40, 5_000_000_000),
            WatchTransfers: QueueSnapshot((), (), Totals(), paused=False),
            ListUnfinished: Unfinished(()),
        }
    )
    client.rows[ListPackages] = [packages()]
    return client
