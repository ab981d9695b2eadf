# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Short forms for requests in tests of the transport."""

from __future__ import annotations

import json
from typing import Any

from core.foundation.cancel import CancelToken
from core.foundation.secret import Secret
from core.network.messages import Response
from core.registry.credentials import Credential
from core.registry.options import TransportOptions
from core.registry.scopes import Scope
from core.registry.transport import Transport

PULL = Scope("lab/img")
PUSH = Scope("lab/img", ("pull", "push"))
BLOB = b"layer " * 100
# Passwords over http are allowed: the fake registry has only loopback.
PLAIN = TransportOptions(plain_passwords=True)
PASSWORD = "pass-word"


class Login:
    """A credential source; `asked` records for what."""

    def __init__(self, user: str = "me", secret: str = PASSWORD) -> None:
        self.found: Credential | None = Credential(user, Secret(secret))
        self.asked: list[tuple[str, str, bool]] = []

    def credential(self, host: str, repository: str, *, push: bool) -> Credential | None:
        self.asked.append((host, repository, push))
        return self.found


def get(transport: Transport, path: str = "/v2/lab/img/tags/list", **more: Any) -> Response:
    options: dict[str, Any] = {"scope": PULL, "expect": {200}, "limit": 1 << 20, "token": CancelToken(), **more}
    return transport.request(options.pop("method", "GET"), path, **options)


def tags(transport: Transport, **more: Any) -> Any:
    """The list of tags: a request that every registry of these tests answers."""
    return json.loads(get(transport, **more).body)["tags"]
