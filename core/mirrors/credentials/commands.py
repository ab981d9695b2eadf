# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins from a command a person configured: short-lived tokens, kept until shortly before they expire."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from core.foundation.clock import Clock
from core.foundation.errors import CacheError, UsageError
from core.foundation.secret import Secret
from core.mirrors.credentials.children import ChildFailed, run_quietly
from core.mirrors.credentials.states import CredentialState, Login
from core.registry.credentials import Credential
from core.registry.strict_json import decode_object

# Names as in the output of docker's helpers, aws, az, gcloud and OAuth, without case and underscores.
_USERS = ("user", "username")
_SECRETS = ("secret", "password", "token", "accesstoken")
_LIFETIMES = ("expiresin",)
_DATES = ("expiresat", "expires", "expireson", "expiry", "expiration", "tokenexpiry")

_UNKNOWN_LIFETIME_S = 600.0
_RENEW_EARLY_S = 60.0
_FIRST_MILLISECONDS = 1e11


@dataclass(frozen=True, slots=True)
class CredentialCommand:
    """What to run, without a shell. `user` is for output that names none and mirrors without a user of their own.

    The repr leaves the arguments out: people write secrets there. Raises UsageError if there is no program to run.
    """

    argv: tuple[str, ...] = field(repr=False)
    user: str = ""
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise UsageError("The command that prints a password is empty")


class Commands(Protocol):
    """The command of an account, None where there is none; any thread. A dictionary will do."""

    def get(self, account: str, /) -> CredentialCommand | None: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    login: Login
    until: float


class CommandLogins:
    """The configured commands by account. Thread-safe; one that runs is waited for, not started twice."""

    def __init__(self, commands: Commands, environ: Mapping[str, str], clock: Clock | None = None) -> None:
        self._commands = commands
        self._environ = environ
        self._clock = clock or Clock()
        self._kept: dict[str, _Kept] = {}
        self._turns: dict[str, threading.Lock] = {}

    def known(self, account: str) -> Login | None:
        """The state without running anything; None where no command is configured."""
        command = self._commands.get(account)
        if command is None:
            return None
        kept = self._valid(account)
        if kept is None:
            return Login(CredentialState.COMMAND, command.user, command.argv[0])
        return Login(CredentialState.COMMAND, kept.user, kept.source, kept.note, kept.expires)

    def login(self, account: str, user: str) -> Login | None:
        """The login the command gives, run unless an answer is still good; takes at most its time limit.

        State MISSING with a note where the command fails, None where none is configured.
        """
        command = self._commands.get(account)
        if command is None:
            return None
        with self._turns.setdefault(account, threading.Lock()):
            kept = self._valid(account)
            if kept is not None:
                return kept
            login = self._run(command, user or command.user)
            if login.credential is not None:
                self._kept[account] = _Kept(login, self._clock.monotonic() + self._usable_s(login.expires))
            return login

    def forget(self, account: str) -> None:
        """Run the command again next time: its answer was not accepted, or it is another command now."""
        self._kept.pop(account, None)

    def _valid(self, account: str) -> Login | None:
        kept = self._kept.get(account)
        return kept.login if kept is not None and self._clock.monotonic() < kept.until else None

    def _run(self, command: CredentialCommand, user: str) -> Login:
        program = command.argv[0]
        try:
            status, output = run_quietly(command.argv, self._environ, timeout_s=command.timeout_s)
        except ChildFailed as error:
            return _failure(program, str(error))
        if status != 0:
            return _failure(program, f"it ended with status {status}; run it in a terminal to see why")
        return self._understood(output, program, user)

    def _understood(self, output: bytes, program: str, user: str) -> Login:
        fields, secret = _fields(output)
        user = _first_text(fields, _USERS) or user
        if not secret or not user:
            return _failure(program, "it prints no password" if not secret else "no user name is known to go with it")
        expires = self._expiry(fields, secret)
        late = expires is not None and expires <= self._clock.now()
        note = "by this machine's clock it has expired already" if late else ""
        return Login(CredentialState.COMMAND, user, program, note, expires, Credential(user, Secret(secret)))

    def _expiry(self, fields: Mapping[str, Any], secret: str) -> float | None:
        """Unix time at which `secret` ends, as far as the command or the token itself says."""
        for name in _LIFETIMES:
            seconds = _number(fields.get(name))
            if seconds is not None:
                return self._clock.now() + seconds
        for name in _DATES:
            moment = _moment(fields.get(name))
            if moment is not None:
                return moment
        return _number(_claims(secret).get("exp"))

    def _usable_s(self, expires: float | None) -> float:
        """Measured once, on arrival: the wall clock may jump later."""
        if expires is None:
            return _UNKNOWN_LIFETIME_S
        left = max(0.0, expires - self._clock.now())
        return left - min(_RENEW_EARLY_S, left / 4)


def _failure(program: str, why: str) -> Login:
    return Login(CredentialState.MISSING, source=program, note=f"{program}: {why}")


def _fields(output: bytes) -> tuple[dict[str, Any], str]:
    """What a JSON answer says, by simplified name, and the secret; a plain answer is the secret itself."""
    text = output.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        # Several lines are a message or a mistake, no password.
        return {}, "" if len(text.splitlines()) != 1 else text
    try:
        found = decode_object(output, "the answer of a command")
    except CacheError:
        return {}, ""
    fields = {key.replace("_", "").lower(): value for key, value in found.items()}
    return fields, _first_text(fields, _SECRETS)


def _first_text(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), "")


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _FIRST_MILLISECONDS * 1000:
        return None
    return float(value)


def _moment(value: Any) -> float | None:
    """Unix time from a number (seconds or milliseconds) or an ISO 8601 date, local where it names no zone."""
    number = _number(value)
    if number is not None:
        return number / 1000 if number >= _FIRST_MILLISECONDS else number
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _claims(token: str) -> dict[str, Any]:
    """What a JSON Web Token says about itself (RFC 7519), nothing if it is none. Not verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
