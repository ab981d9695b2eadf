# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The way to a server: its name, a connection, its certificate."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.foundation.text import plural
from core.network import probe
from core.network.endpoints import Endpoint
from core.services.login_values import StepKey, StepState, TestStep
from core.services.mirror_test.steps import Finding, skipped, step, warning

_SOON_S = 14 * 86400.0


class Way:
    """Walks the way to `endpoint`; `open` tells afterwards whether it led there.

    `port` is for schemes that are not of the web: there only name and connection are tried.
    """

    def __init__(self, endpoint: Endpoint, ca_file: Path | None, token: CancelToken, *, port: int = 0) -> None:
        self.open = False
        self._endpoint = endpoint
        self._ca_file = ca_file
        self._token = token
        self._port = port

    def steps(self) -> Iterator[TestStep]:
        """Raises Cancelled."""
        host = self._endpoint.host
        found: list[tuple[probe.Route, tuple[probe.Address, ...]]] = []

        def resolve() -> str:
            route = probe.route_to(self._endpoint, port=self._port)
            found.append((route, probe.resolve(route, self._token)))
            names = ", ".join(dict.fromkeys(str(address[0]) for _, address in found[0][1]))
            return f"the proxy {route.host} has {names}" if route.proxy else f"{route.host} is {names}"

        resolved = step(StepKey.RESOLVE, f"Find {host}", resolve)
        yield resolved
        if resolved.state is StepState.FAILED:
            yield skipped(StepKey.CONNECT, f"Connect to {host}", "its address is not known")
            return
        route, addresses = found[0]
        with ExitStack() as stack:
            connections: list[socket.socket] = []

            def connect() -> str:
                connections.append(stack.enter_context(probe.connected(route, addresses, self._token)))
                place = f"{connections[0].getpeername()[0]} port {route.port}"
                return f"{place}, a proxy" if route.proxy else place

            connected = step(StepKey.CONNECT, f"Connect to {host}", connect)
            yield connected
            self.open = connected.state is StepState.OK
            if not self.open or self._port:
                return
            if self._endpoint.scheme != "https":
                yield step(StepKey.TLS, "Encryption", self._unencrypted)
                return
            secured = step(StepKey.TLS, "Certificate", lambda: self._certificate(route, connections[0]))
            yield secured
            self.open = secured.state is not StepState.FAILED

    def _certificate(self, route: probe.Route, connection: socket.socket) -> Finding:
        facts = probe.examine_certificate(route, connection, self._ca_file, self._token)
        left_s = facts.expires - time.time()
        until = datetime.fromtimestamp(facts.expires, UTC).strftime("%Y-%m-%d")
        days = plural(max(0, int(left_s / 86400)), "day")
        detail = f"{facts.version}, issued by {facts.issuer or 'nobody it names'}, valid until {until} ({days} left)"
        if left_s < _SOON_S:
            return warning(detail, "Have the certificate renewed before it expires.")
        return Finding(detail)

    def _unencrypted(self) -> Finding:
        remedy = "Use it for local tests only, or give the server TLS."
        return warning("nothing is encrypted: everybody on the way can read and change what is sent", remedy)
