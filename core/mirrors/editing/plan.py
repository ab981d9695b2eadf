# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An edit that was worked out and not carried out yet."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.foundation.errors import ErrorInfo
from core.mirrors.editing.document import Document, Entry, blanked
from core.spack.config import Scope


@dataclass(frozen=True, slots=True)
class PlannedEdit:
    """An edit worked out on `before`, the content of the scope's file (None: there is none yet).

    `name` is the entry it is about and `entry` what that becomes, None if it goes. `diff` has its secrets blanked.
    `remains` says what is still there after a removal, `meanings` pairs written paths with what they stand for.
    """

    title: str
    name: str
    document: Document
    before: bytes | None = field(repr=False)
    after: Document
    operation: Callable[[Document], str] = field(repr=False)
    entry: Entry | None = field(default=None, repr=False)
    warnings: tuple[ErrorInfo, ...] = ()
    remains: str = ""
    meanings: tuple[tuple[str, str], ...] = ()

    @property
    def scope(self) -> Scope:
        return self.document.scope

    @property
    def path(self) -> Path:
        return self.document.path

    @property
    def diff(self) -> str:
        secrets = self.document.secrets() | self.after.secrets()
        before, after = (
            blanked(found.text, secrets).splitlines(keepends=True) for found in (self.document, self.after)
        )
        lines = difflib.unified_diff(before, after, str(self.path), str(self.path))
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    @property
    def takes_secrets_out(self) -> bool:
        """Whether undoing it would write a secret into the file."""
        return not self.document.secrets() <= self.after.secrets()
