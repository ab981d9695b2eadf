# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who we are to a registry, and to which token server its password may go."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from core.foundation.secret import Secret

# As user name: the secret is an identity token (Docker's convention).
IDENTITY_TOKEN_USER = "<token>"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Credential:
    user: str
    secret: Secret


class CredentialSource(Protocol):
    """Any thread; may block, and may raise errors of the family."""

    def credential(self, host: str, repository: str, *, push: bool) -> Credential | None:
        """For `repository` ("" for the registry as a whole) on `host`, None to go without."""
        ...


class KnownRealms(Protocol):
    """Remembers the token server of each registry. Any thread."""

    def other_than(self, realm: str, registry: str) -> str:
        """Host of the token server that got credentials of `registry` before, "" if `realm` may have them."""
        ...

    def remember(self, registry: str, realm: str) -> None: ...


class SessionRealms:
    """Remembers for as long as this process lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._realms: dict[str, str] = {}

    def other_than(self, realm: str, registry: str) -> str:
        with self._lock:
            known = self._realms.get(registry, realm)
        return "" if known == realm else known

    def remember(self, registry: str, realm: str) -> None:
        with self._lock:
            self._realms[registry] = realm
