# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a request needs to be allowed to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What a request needs to be allowed: `("pull",)`, `("pull", "push")` or `("pull", "push", "delete")`.

    An empty `repository` means the catalogue. `extra` is for mounts: ("pull",) on the repository a blob comes from.
    """

    repository: str
    actions: tuple[str, ...] = ("pull",)
    extra: tuple[Scope, ...] = ()

    @property
    def push(self) -> bool:
        """True if more than reading is wanted."""
        return self.actions != ("pull",) and self.repository != ""
