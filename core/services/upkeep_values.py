# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting from caches, copying between them and bundles, as plain data; the window imports these."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.caches.bundle import Need, NeedKind
from core.caches.folder_trash import RestoreOutcome, TrashBatch
from core.caches.removal import (
    DEFAULT_GRACE_S,
    Dependent,
    PlannedBlob,
    PlannedEntry,
    Reason,
    RemovalPlan,
)
from core.caches.upkeep import RemovalOutcome, UpkeepCapabilities

__all__ = [
    "DEFAULT_GRACE_S",
    "MANY_PACKAGES",
    "BundleRequest",
    "BundleSummary",
    "CopyRequest",
    "CopySigning",
    "DeleteRequest",
    "Dependent",
    "FreeRequest",
    "FreeRule",
    "ImportRequest",
    "KeepRules",
    "MigrateRequest",
    "Need",
    "NeedKind",
    "OldLayoutView",
    "PlannedBlob",
    "PlannedEntry",
    "Reason",
    "RemovalOutcome",
    "RemovalPlan",
    "RestoreOutcome",
    "TrashBatch",
    "TrashView",
    "UpkeepCapabilities",
    "UpkeepPlan",
]

# Deleting more asks for the number itself.
MANY_PACKAGES = 20


class FreeRule(StrEnum):
    """How to decide what goes: oldest first until the goal is reached; everything that no rule keeps; or as
    `spack buildcache prune` does."""

    GOAL = "goal"
    ALL_NOT_KEPT = "all-not-kept"
    SPACK = "spack"


@dataclass(frozen=True, slots=True)
class KeepRules:
    """Packages that stay, with all they depend on: those of `environments` (names or directories), those installed
    here, those pushed or used in the last `newer_than_s` seconds, and `hashes`."""

    environments: tuple[str, ...] = ()
    installed: bool = False
    newer_than_s: float | None = None
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FreeRequest:
    """`mirror` is a name or any address. By Spack's rule only `keep_list` counts, None being no list.

    Nothing younger than `grace_s` seconds goes.
    """

    mirror: str
    rule: FreeRule = FreeRule.GOAL
    goal_bytes: int | None = None
    keep: KeepRules = field(default_factory=KeepRules)
    keep_list: tuple[str, ...] | None = None
    grace_s: float = DEFAULT_GRACE_S


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """What to delete: `keys` of a listing, or packages by `hashes` and `queries`. Blobs that then nobody needs go with
    them if they are older than `grace_s` seconds."""

    mirror: str
    keys: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    grace_s: float = DEFAULT_GRACE_S


@dataclass(frozen=True, slots=True)
class UpkeepPlan:
    """A plan, and what can be done with it at `mirror`."""

    mirror: str
    plan: RemovalPlan
    capabilities: UpkeepCapabilities

    @property
    def must_type_number(self) -> bool:
        return self.plan.packages > MANY_PACKAGES


@dataclass(frozen=True, slots=True)
class TrashView:
    """The newest batch first; `stored_bytes` is what emptying frees."""

    batches: tuple[TrashBatch, ...]
    stored_bytes: int


class CopySigning(StrEnum):
    """Signatures are kept as they are where both caches have the same layout. SIGN signs what is not signed yet."""

    KEEP = "keep"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """Copy packages from one cache to another; names or any addresses.

    All of them, unless `hashes`, `queries` or the active `environment` say which, then with all they depend on as far
    as that is in the source, unless `dependencies` is off. What is there is skipped without `force`.
    """

    source: str
    target: str
    hashes: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    environment: bool = False
    dependencies: bool = True
    force: bool = False
    update_index: bool = True
    signing: CopySigning = CopySigning.KEEP
    key: str = ""


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """Packages for a site without network: a directory, or one file if `path` ends in `.tar`. What goes in is chosen
    as in `CopyRequest`; `bootstrap` adds what Spack itself needs to start, `sources` the sources of the packages."""

    source: str
    path: str
    hashes: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    environment: bool = False
    dependencies: bool = True
    bootstrap: bool = False
    sources: bool = False


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """Bring a bundle into the cache `target`. Nothing is believed before its checksums are right."""

    path: str
    target: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class BundleSummary:
    """What is in a bundle. `created_at` is in unix seconds; `keys` are fingerprints, `extras` what it holds besides
    packages, `needs` what a fresh site has to have besides."""

    path: str
    packages: int
    stored_bytes: int
    signed: int
    keys: tuple[str, ...]
    created_at: float
    source: str
    needs: tuple[Need, ...]
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MigrateRequest:
    """Bring what `mirror` has in the layout of Spack before 1.0 to the present one.

    Signatures are checked and made anew with `key`, "" being the only one there is; `unsigned` drops them instead.
    """

    mirror: str
    unsigned: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class OldLayoutView:
    """What a cache has in the old layout. Deleting it frees `freed_bytes`; `only_there` are packages that the present
    layout does not have, for which it is refused."""

    mirror: str
    packages: int
    files: int
    freed_bytes: int
    only_there: tuple[str, ...] = ()
