# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Commands a person chose to get short-lived tokens from, in `credential-commands.json`: programs, never secrets."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.foundation.places import config_dir
from core.mirrors.credentials.commands import CredentialCommand
from core.mirrors.tables import Table

_FILE = "credential-commands.json"


@dataclass(frozen=True, slots=True)
class _Saved:
    argv: tuple[str, ...] = field(repr=False)
    user: str = ""


class SavedCommands:
    """Commands by account. Thread-safe.

    A file that others could have changed is not used: it names programs that would be started.
    """

    def __init__(self) -> None:
        self._table = Table(config_dir() / _FILE, _Saved, private=True)

    @property
    def problem(self) -> str:
        """Why the commands cannot be used, "" if they can."""
        return self._table.problem

    def get(self, account: str, /) -> CredentialCommand | None:
        saved = self._table.get(account)
        return CredentialCommand(saved.argv, saved.user) if saved is not None and saved.argv else None

    def put(self, account: str, command: CredentialCommand | None) -> None:
        """Keep `command`, or none, for `account`. Raises as `Table.put` does."""
        self._table.put(account, None if command is None else _Saved(command.argv, command.user))
