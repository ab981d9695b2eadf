# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A server that must never learn a secret."""

from __future__ import annotations

from collections.abc import Iterable

from registry.kit.faults import Reply
from registry.kit.wire import Request, Server


class CanaryHost(Server):
    """Answers every request with `reply`; `leaks` lists what arrived that should not have."""

    def __init__(self, reply: Reply | None = None, *, certificate: str | None = None) -> None:
        self.reply = reply or Reply(200, b"{}", (("Content-Type", "application/json"),))
        super().__init__(self._sing, certificate=certificate)

    def __enter__(self) -> CanaryHost:
        return self

    def leaks(self, secrets: Iterable[str] = ()) -> list[str]:
        """Requests with credentials or cookies, or with one of `secrets` anywhere."""
        bad = ("authorization", "proxy-authorization", "cookie")
        found = [f"{request.target}: {name}" for request in self.requests for name in bad if name in request.headers]
        for request in self.requests:
            text = f"{request.target} {request.headers} {request.body!r}"
            found += [f"{request.target}: {secret}" for secret in secrets if secret in text]
        return found

    def _sing(self, request: Request) -> Reply:
        return self.reply
