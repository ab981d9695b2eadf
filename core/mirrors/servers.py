# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a person set for single servers: whom to trust there, and what may be sent. Kept in `mirror-settings.json`.

It belongs to the server and not to a mirror: whoever is trusted is the same for all mirrors on it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.foundation.errors import UsageError
from core.foundation.places import config_dir
from core.mirrors.tables import Table

_FILE = "mirror-settings.json"
_MOST_PARALLEL = 32


class ServerSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What holds for one server, `host[:port]`. The defaults are those of a server nothing was set for.

    `ca_file` holds certificate authorities to trust there. `plain_passwords` allows sending passwords unencrypted to
    `oci+http` addresses, `container_login` using the login of docker or podman. `parallel_transfers` is how many bodies
    are sent or received at once, None as usual.
    """

    ca_file: str = ""
    plain_passwords: bool = False
    container_login: bool = False
    parallel_transfers: int | None = None


NOTHING_SET = ServerSettings()


class Servers:
    """The settings of all servers. Thread-safe."""

    def __init__(self) -> None:
        self._table = Table(config_dir() / _FILE, ServerSettings, private=True)

    @property
    def problem(self) -> str:
        """Why what was set cannot be used, "" if it can."""
        return self._table.problem

    def of(self, host: str) -> ServerSettings:
        return self._table.get(host.lower()) or NOTHING_SET

    def put(self, host: str, settings: ServerSettings) -> None:
        """Keep `settings` for `host`. Raises UsageError for what cannot be, and as `Table.put` does."""
        if settings.ca_file and not Path(settings.ca_file).is_absolute():
            raise UsageError("The certificates to trust need an absolute path", settings.ca_file)
        count = settings.parallel_transfers
        if count is not None and not 1 <= count <= _MOST_PARALLEL:
            raise UsageError(f"Between 1 and {_MOST_PARALLEL} transfers can run at once", str(count))
        self._table.put(host.lower(), None if settings == NOTHING_SET else settings)
