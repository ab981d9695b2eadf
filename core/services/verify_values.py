# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Verifying a cache and putting it right, as plain data; the window imports these."""

from __future__ import annotations

from dataclasses import dataclass

from core.caches.findings import Examined, Finding, FindingKind, Remedy
from core.services.upkeep_values import DeleteRequest
from core.transfers.plan import PushRequest

__all__ = ["Examined", "Finding", "FindingKind", "Remedy", "RepairPlan", "VerifyView"]


@dataclass(frozen=True, slots=True)
class VerifyView:
    """Answer after the last row of a verification. `findings` counts those that matter, `harmless` the others."""

    url: str
    full: bool
    examined: Examined
    findings: int
    harmless: int

    @property
    def sound(self) -> bool:
        return self.findings == 0


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What puts a cache right, step by step in this order: packages pushed again from where they are installed, entries
    deleted that nobody can use, then the layout mark and the index.

    Pushing and deleting are plans of their own, which are shown before they are carried out. `left` is what none of
    these steps puts right.
    """

    mirror: str
    push: PushRequest | None
    delete: DeleteRequest | None
    mark: bool
    reindex: bool
    left: tuple[Finding, ...]

    @property
    def empty(self) -> bool:
        return self.push is None and self.delete is None and not self.mark and not self.reindex
