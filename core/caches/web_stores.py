# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Connections to caches behind web addresses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from core.foundation.clock import Clock
from core.network.client import Client
from core.network.endpoints import Endpoint
from core.storage.web import WebStore, server_of


class WebStores:
    """One client for each server, and what was read from it before. Any thread; `close` when nothing is read any more.

    `ca_file_for` names the authorities to trust beside the system's, for a host; `tries` says how often a request is
    tried.
    """

    def __init__(self, ca_file_for: Callable[[str], Path | None], tries: Callable[[], int], clock: Clock) -> None:
        self._ca_file_for = ca_file_for
        self._tries = tries
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: dict[Endpoint, Client] = {}
        self._stores: dict[str, WebStore] = {}
        self._retired: list[Client] = []

    def store(self, base: str, *, hides_missing: bool) -> WebStore:
        """What lies below `base`; see `WebStore`. Raises UsageError, and TlsError for certificates of no use."""
        server = server_of(base)
        with self._lock:
            if base not in self._stores:
                if server not in self._clients:
                    ca_file = self._ca_file_for(server.host)
                    self._clients[server] = Client(server, ca_file=ca_file, tries=self._tries(), clock=self._clock)
                self._stores[base] = WebStore(self._clients[server], base, hides_missing=hides_missing)
            return self._stores[base]

    def renew(self, host: str | None) -> None:
        """What is set for `host` (None: for all) changed: connections to it are made anew, while work that runs keeps
        its own."""
        with self._lock:
            for server in [server for server in self._clients if host in (None, server.host)]:
                self._retired.append(self._clients.pop(server))
            self._stores = {
                base: store for base, store in self._stores.items() if host not in (None, server_of(base).host)
            }

    def close(self) -> None:
        with self._lock:
            for client in (*self._clients.values(), *self._retired):
                client.close()
            self._clients.clear()
            self._stores.clear()
            self._retired.clear()
