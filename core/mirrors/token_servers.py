# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which token server got the password of each registry, from one run to the next, in `token-servers.json`.

A registry that suddenly names another one may have been taken over: no password goes there before a person agreed.
"""

from __future__ import annotations

import logging
import threading

from core.foundation.errors import MirrordeckError
from core.foundation.places import state_dir
from core.mirrors.tables import Table

_FILE = "token-servers.json"
_log = logging.getLogger(__name__)


class TokenServers:
    """The `KnownRealms` of all runs: hosts by host of the registry. Any thread.

    Without `keep` the file is read but never written. `accepted` is a host that a person agreed to in this run.
    """

    def __init__(self, *, keep: bool = True, accepted: str = "") -> None:
        self._table = Table(state_dir() / _FILE, str, private=True)
        self._keep = keep
        self._accepted = accepted.lower()
        self._lock = threading.Lock()
        self._seen: dict[str, str] = {}

    def other_than(self, realm: str, registry: str) -> str:
        """Host that got the password of `registry` before, "" if `realm` may have it."""
        with self._lock:
            known = self._seen.get(registry)
        known = known or self._table.get(registry) or realm
        return "" if realm in (known, self._accepted) else known

    def remember(self, registry: str, realm: str) -> None:
        """`realm` took the password of `registry`. What cannot be kept in the file is kept in this process."""
        with self._lock:
            self._seen[registry] = realm
        if not self._keep:
            return
        try:
            self._table.put(registry, realm)
        except MirrordeckError as error:
            _log.warning("the token server of %s is not remembered: %s", registry, error)
