# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is known about a login: where it comes from, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.registry.credentials import Credential


class Direction(StrEnum):
    """Which of a mirror's two connections is meant."""

    FETCH = "fetch"
    PUSH = "push"


class CredentialState(StrEnum):
    """The first six have a credential, NONE_NEEDED wants none, the others lack one."""

    SESSION = "session"
    STORED = "stored"
    VARIABLE = "variable"
    COMMAND = "command"
    DOCKER = "docker"
    NONE_NEEDED = "none-needed"
    PLAIN_TEXT = "plain-text"
    MISSING = "missing"
    LOCKED = "locked"
    NO_KEYRING = "no-keyring"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Login:
    """The login of one connection. `source` names where it comes from and `note` what a person should know about it.

    `expires` is Unix time, None where it does not or nobody says. `credential` is None where there is none, and in
    answers that only tell the state.
    """

    state: CredentialState
    user: str = ""
    source: str = ""
    note: str = ""
    expires: float | None = None
    credential: Credential | None = field(default=None, repr=False, compare=False)
