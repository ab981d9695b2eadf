# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Bearer tokens: asking a token server for them (Docker's token and OAuth2 specifications) and keeping them.

Tokens are opaque. How long one lives is counted from before it was asked for, on a clock that does not jump.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from core.foundation.clock import Clock
from core.foundation.errors import BadAnswer, CacheError, RemoteError
from core.foundation.secret import Secret
from core.network.bodies import BytesBody
from core.network.messages import Response
from core.registry.challenges import Challenge
from core.registry.credentials import IDENTITY_TOKEN_USER, Credential
from core.registry.scopes import Scope
from core.registry.strict_json import decode_object

CLIENT_ID = "mirrordeck"
_SHORTEST_S = 60.0
_LONGEST_S = 24 * 3600.0
_EARLY_S = 5.0
_MOST_TOKENS = 200
# What may stand in a header (RFC 6750, b64token, and what Amazon and others really send).
_TOKEN = re.compile(r"[\x21-\x7e]{1,1000000}")

Access = frozenset[tuple[str, str]]
# (method, url, headers, body) -> the answer with status 200; raises RemoteError.
Ask = Callable[[str, str, dict[str, str], BytesBody | None], Response]


@dataclass(frozen=True, slots=True)
class Token:
    """`until` and `lifetime_s` in seconds of the monotonic clock."""

    secret: Secret
    access: Access
    until: float
    lifetime_s: float

    @property
    def header(self) -> str:
        return f"Bearer {self.secret.reveal()}"


class TokenCache:
    """Newest first: what was asked for last is what the next request most likely needs. Any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: list[Token] = []

    def find(self, access: Access, needed_s: float = 0.0) -> Token | None:
        """A token for `access` with `needed_s` seconds left, as far as its lifetime allows that at all."""
        now = self._clock.monotonic()
        with self._lock:
            self._tokens = [token for token in self._tokens if token.until - _EARLY_S > now]
            for token in self._tokens:
                enough = min(needed_s, token.lifetime_s - 2 * _EARLY_S)
                if access <= token.access and token.until - _EARLY_S - now > enough:
                    return token
        return None

    def add(self, token: Token) -> None:
        with self._lock:
            self._tokens = [token, *self._tokens][:_MOST_TOKENS]

    def drop(self, header: str) -> None:
        """Forget the token that `header` shows and all older ones: what voided it has most likely voided them."""
        with self._lock:
            headers = [token.header for token in self._tokens]
            if header in headers:
                del self._tokens[headers.index(header) :]


def access_of(scope: Scope) -> Access:
    parts = [scope, *scope.extra]
    return frozenset((part.repository, action) for part in parts for action in part.actions)


def scope_texts(scope: Scope) -> list[str]:
    """As token servers take them; what is wanted most comes first, for servers that read only one."""
    return [_scope_text(part) for part in (scope, *scope.extra)]


def _scope_text(scope: Scope) -> str:
    return f"repository:{scope.repository}:{','.join(scope.actions)}" if scope.repository else "registry:catalog:*"


def access_in(scopes: tuple[str, ...]) -> Access:
    """What the scopes of a challenge stand for."""
    found = set()
    for text in scopes:
        kind, _, rest = text.partition(":")
        name, _, actions = rest.rpartition(":")
        found |= {(name if kind == "repository" else "", action) for action in actions.split(",")}
    return frozenset(found)


def basic(user: str, secret: Secret) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret.reveal()}".encode()).decode()


def fetch_token(
    challenge: Challenge, realm: str, scopes: list[str], credential: Credential | None, *, ask: Ask, clock: Clock
) -> tuple[Secret, float]:
    """A new token for `scopes` and the seconds it lives from now on. Raises what `ask` raises, or BadAnswer."""
    wanted: list[tuple[str, str]] = [("service", challenge.service)] if challenge.service else []
    if credential is not None and credential.user == IDENTITY_TOKEN_USER:
        try:
            started = clock.monotonic()
            return _token_in(_refreshed(realm, wanted, scopes, credential, ask), started, clock)
        except RemoteError as error:
            if error.status not in (404, 405):
                raise
    wanted += [("scope", scope) for scope in scopes] + [("client_id", CLIENT_ID)]
    headers = {"Accept": "application/json"}
    if credential is not None:
        wanted.append(("account", credential.user))
        headers["Authorization"] = basic(credential.user, credential.secret)
    started = clock.monotonic()
    separator = "&" if urlsplit(realm).query else "?"
    return _token_in(ask("GET", f"{realm}{separator}{urlencode(wanted)}", headers, None), started, clock)


def _refreshed(
    realm: str, wanted: list[tuple[str, str]], scopes: list[str], credential: Credential, ask: Ask
) -> Response:
    form = [
        ("grant_type", "refresh_token"),
        *wanted,
        ("client_id", CLIENT_ID),
        ("scope", " ".join(scopes)),
        ("refresh_token", credential.secret.reveal()),
    ]
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    return ask("POST", realm, headers, BytesBody(urlencode(form).encode()))


def _token_in(answer: Response, started: float, clock: Clock) -> tuple[Secret, float]:
    host = urlsplit(answer.url).netloc
    try:
        document = decode_object(answer.body, f"the answer of {host}")
    except CacheError:
        # Its own words might quote the token.
        raise BadAnswer("The token server sent no token", f"{host} did not answer with JSON") from None
    text = document.get("token") or document.get("access_token")
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise BadAnswer("The token server sent no token", f"{host} answered without a usable one")
    return Secret(text), _lifetime(document) - (clock.monotonic() - started)


def _lifetime(document: dict[str, Any]) -> float:
    seconds = document.get("expires_in")
    if isinstance(seconds, str) and re.fullmatch(r"\d{1,9}", seconds):
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return _SHORTEST_S
    return min(max(float(seconds), _SHORTEST_S), _LONGEST_S)
