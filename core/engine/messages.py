# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The protocol between the window and its engine: one JSON object a line on stdin and stdout.

Window to engine: `Request`, `Cancel`. Engine to window: first `Hello`; then for each request any number of `Batch` and
exactly one `Reply`; ten times a second while something moves a `Snapshot`. A request is a `Call`: a struct whose class
names its method and the type of its answer, so both sides check the same types.
"""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

import msgspec

from core.caches.protocol import IndexUpdate
from core.foundation.errors import ErrorInfo
from core.services.values import (
    ContentsRow,
    ContentsView,
    EntryDetails,
    InstanceInfo,
    MirrorsView,
    PackageRow,
    PackagesView,
    RepositoriesView,
    SelectionSummary,
)
from core.transfers.model import QueueSnapshot
from core.transfers.plan import PushPlan, PushRequest

PROTOCOL = 1

R = TypeVar("R")


class Call(msgspec.Struct, Generic[R], frozen=True):
    """Base of all requests. `answer` is the type of the reply, `row` that of batch rows (None: never batches)."""

    method: ClassVar[str]
    answer: ClassVar[object]
    row: ClassVar[object | None] = None


class OpenInstance(Call[InstanceInfo], frozen=True):
    """Find and remember an instance; everything None means the one Spack's own rules find."""

    method = "instance.open"
    answer = InstanceInfo
    directory: str | None = None
    environment: str | None = None
    environment_directory: str | None = None
    no_environment: bool = False


class ListInstances(Call[tuple[InstanceInfo, ...]], frozen=True):
    """Instances opened in this engine and remembered from earlier ones."""

    method = "instance.list"
    answer = tuple[InstanceInfo, ...]


class ListMirrors(Call[MirrorsView], frozen=True):
    method = "mirrors.list"
    answer = MirrorsView
    instance: str


class ListPackages(Call[PackagesView], frozen=True):
    method = "packages.list"
    answer = PackagesView
    row = PackageRow
    instance: str


class SummarizeSelection(Call[SelectionSummary], frozen=True):
    method = "packages.summary"
    answer = SelectionSummary
    instance: str
    hashes: tuple[str, ...]


class ListContents(Call[ContentsView], frozen=True):
    """What a cache holds: rows by name, then the same rows again as more is known of them. `mirror` is a name or any
    address; without `refresh` what is remembered is good enough."""

    method = "contents.list"
    answer = ContentsView
    row = ContentsRow
    instance: str
    mirror: str
    refresh: bool = False


class DescribeEntry(Call[EntryDetails], frozen=True):
    """One thing of a listing, by its key."""

    method = "contents.describe"
    answer = EntryDetails
    instance: str
    mirror: str
    key: str


class ListRepositories(Call[RepositoriesView], frozen=True):
    """The repositories of a registry; `host` may have a scheme."""

    method = "contents.repositories"
    answer = RepositoriesView
    instance: str
    host: str


class UpdateIndex(Call[IndexUpdate], frozen=True):
    """Make the index of a cache agree with what it holds; `full` reads every entry again."""

    method = "contents.update-index"
    answer = IndexUpdate
    instance: str
    mirror: str
    full: bool = False


class PlanPush(Call[PushPlan], frozen=True):
    method = "push.plan"
    answer = PushPlan
    instance: str
    request: PushRequest


class StartPush(Call[str], frozen=True):
    """Queue a plan made by `PlanPush` in this engine; answers the id of the push."""

    method = "push.start"
    answer = str
    plan: str


class WatchTransfers(Call[None], frozen=True):
    """Send a full snapshot next; others follow whenever something changes. All come one after another from one place,
    so that an older one never arrives after a newer one."""

    method = "transfers.watch"
    answer = None


class StopTransfers(Call[None], frozen=True):
    """Stop the rows named, or everything when none is."""

    method = "transfers.stop"
    answer = None
    rows: tuple[str, ...] = ()


class RetryTransfers(Call[None], frozen=True):
    """Retry the rows named, or all failed and cancelled ones when none is."""

    method = "transfers.retry"
    answer = None
    rows: tuple[str, ...] = ()


class PauseTransfers(Call[None], frozen=True):
    """Start no further rows (those that move are finished), or go on."""

    method = "transfers.pause"
    answer = None
    paused: bool


class ClearTransfers(Call[None], frozen=True):
    """Forget pushes that have ended."""

    method = "transfers.clear"
    answer = None


CALLS: tuple[type[Call[object]], ...] = (
    OpenInstance,
    ListInstances,
    ListMirrors,
    ListPackages,
    SummarizeSelection,
    ListContents,
    DescribeEntry,
    ListRepositories,
    UpdateIndex,
    PlanPush,
    StartPush,
    WatchTransfers,
    StopTransfers,
    RetryTransfers,
    PauseTransfers,
    ClearTransfers,
)  # type: ignore[assignment]


class Request(msgspec.Struct, frozen=True, tag="request", tag_field="t"):
    id: int
    method: str
    params: msgspec.Raw


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="t"):
    id: int


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="t"):
    """First line of the engine. `versions` names what may differ between two ends of a connection."""

    protocol: int
    versions: dict[str, str]


class Reply(msgspec.Struct, frozen=True, tag="reply", tag_field="t"):
    """The end of a request: either `error` or `result` (which may be null)."""

    id: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorInfo | None = None


class Batch(msgspec.Struct, frozen=True, tag="batch", tag_field="t"):
    id: int
    rows: msgspec.Raw


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot", tag_field="t"):
    queue: QueueSnapshot


ToEngine = Request | Cancel
ToWindow = Hello | Reply | Batch | Snapshot
