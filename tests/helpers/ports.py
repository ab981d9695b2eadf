# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Ports for servers that cannot be handed a socket."""

from __future__ import annotations

import random
import socket

# Below those that systems hand out by themselves: nobody gets it by chance before the server binds it.
_PORTS = range(15_000, 32_000)


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
