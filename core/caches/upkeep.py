# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting from caches, whatever they are made of.

Methods may be called from any thread, block, raise the errors of `core.foundation.errors` and raise `Cancelled` soon
after their token was cancelled. Whenever they stop, every package that is still listed is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.caches.inventory import Inventory
from core.caches.removal import RemovalPlan
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, Refused

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class UpkeepCapabilities:
    """What can be cleaned up here. `delete` is None where that cannot be told for lack of permission; `why_not` says
    why something cannot be done. With `trash` deleted things can be had back until it is emptied. `frees_at_once` is
    False where bytes stay until the registry's own clean-up. `by_digest`: all tags of a manifest go together.
    `knows_ages`: when something was written is known, so that young things can be protected."""

    delete: bool | None
    trash: bool = False
    frees_at_once: bool = False
    by_digest: bool = False
    knows_ages: bool = False
    why_not: str = ""
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemovalOutcome:
    """What was deleted. `freed_bytes` is 0 while it is in the trash, in the batch `trash`, or waits for a registry's
    clean-up. `kept` names what stayed because something needed it in the last moment."""

    entries: int
    blobs: int
    removed_bytes: int
    freed_bytes: int
    trash: str = ""
    kept: tuple[ErrorInfo, ...] = ()


class CacheUpkeep(Protocol):
    def capabilities(self, token: CancelToken) -> UpkeepCapabilities: ...

    def inventory(self, token: CancelToken, progress: Progress) -> Inventory:
        """All that is there. `progress` gets (done, total) manifests."""
        ...

    def remove(self, plan: RemovalPlan, *, permanently: bool, token: CancelToken, progress: Progress) -> RemovalOutcome:
        """Carry out a plan as it stands, or raise PlanOutdated with nothing done.

        What is gone already does not matter, so an interrupted plan may be carried out again. `permanently` skips the
        trash where there is one; elsewhere it changes nothing. `progress` gets (done, total) entries and blobs.
        """
        ...


def cannot_delete(capabilities: UpkeepCapabilities) -> Refused:
    return Refused("Nothing can be deleted here", capabilities.why_not, remedies=capabilities.remedies)
