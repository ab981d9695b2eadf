# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logging in to one registry: Basic, or Bearer with a token server; credentials go nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import AuthRequired, BadAnswer, RemoteError, TokenServerChanged
from core.foundation.text import visible
from core.network.addresses import Guard
from core.network.bodies import BytesBody
from core.network.endpoints import Endpoint
from core.network.messages import Response
from core.registry.challenges import Challenge, parse_challenges
from core.registry.credentials import Credential, CredentialSource, KnownRealms
from core.registry.login_requests import LoginRequests
from core.registry.scopes import Scope
from core.registry.tokens import Token, TokenCache, access_in, access_of, basic, fetch_token, scope_texts

_POLL_S = 0.1
_SCHEMES = ("bearer", "basic")


class Authenticator:
    """Knows what to put into Authorization for requests to `endpoint`. Any thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: CredentialSource | None,
        requests: LoginRequests,
        guard: Guard,
        clock: Clock,
        *,
        realms: KnownRealms,
        private_realm: bool = False,
        plain_passwords: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._realms = realms
        self._guard = guard
        self._clock = clock
        self._requests = requests
        self._private_realm = private_realm
        self._plain_passwords = plain_passwords
        self._lock = threading.Lock()
        self._cache = TokenCache(clock)
        self._challenges: tuple[Challenge, ...] | None = None
        self._known: dict[tuple[str, bool], Credential | None] = {}
        self._secrets: set[str] = set()

    def header(self, scope: Scope, token: CancelToken, *, needed_s: float = 0.0) -> str | None:
        """Value of Authorization for `scope`, None to send none. It shall still be good in `needed_s` seconds.

        Asks the registry once what it wants, and a token server where a new token is needed. Raises AuthRequired,
        and what the network raises.
        """
        with self._alone(token):
            if self._challenges is None:
                self._challenges = parse_challenges(self._requests.ping(token))
            challenge = self._chosen(self._challenges)
            if challenge is None:
                return None
            if challenge.scheme == "basic":
                credential = self._credential(scope)
                return None if credential is None else self._basic(credential)
            found = self._cache.find(access_of(scope), needed_s) or self._fetched(challenge, scope, (), token)
            return found.header

    def renewed(self, scope: Scope, used: str | None, headers: Sequence[str], token: CancelToken) -> str | None:
        """A better value after `used` got a 401 with these WWW-Authenticate `headers`; None if there is none."""
        challenges = parse_challenges(headers)
        with self._alone(token):
            # Some send a 401 without any; then the one of the first contact still holds.
            if challenges:
                self._challenges = challenges
            challenge = self._chosen(self._challenges or ())
            if challenge is None:
                return None
            if challenge.scheme == "basic":
                credential = self._credential(scope, anew=True)
                value = None if credential is None else self._basic(credential)
                return value if value != used else None
            if used is not None:
                self._cache.drop(used)
            asked = tuple(challenge.scopes) if challenges else ()
            found = self._cache.find(access_of(scope)) or self._fetched(challenge, scope, asked, token)
            return found.header

    def challenges(self) -> tuple[Challenge, ...]:
        """What the registry asked for last."""
        return self._challenges or ()

    def redacted(self, body: bytes) -> bytes:
        """`body` without the secrets sent so far."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            body = body.replace(secret.encode(), b"***")
        return body

    def _chosen(self, challenges: tuple[Challenge, ...]) -> Challenge | None:
        """The one to answer. Raises AuthRequired if all of them are beyond us."""
        known = [found for found in challenges if found.scheme in _SCHEMES]
        usable = [found for found in known if found.scheme == "basic" or found.realm]
        if challenges and not usable:
            schemes = visible(", ".join(dict.fromkeys(found.scheme for found in challenges)))[:200]
            raise AuthRequired(
                f"{self._endpoint.host} wants a kind of login that Mirrordeck does not know", schemes, status=401
            )
        return min(usable, key=lambda found: _SCHEMES.index(found.scheme), default=None)

    def _credential(self, scope: Scope, *, anew: bool = False) -> Credential | None:
        """From the source, asked once for each repository and direction, or `anew` where the old one was refused."""
        key = (scope.repository, scope.push)
        if self._credentials is None:
            return None
        if key in self._known and not anew:
            return self._known[key]
        found = self._known[key] = self._credentials.credential(self._endpoint.host, key[0], push=scope.push)
        if found is not None:
            self._secrets |= {found.secret.reveal(), basic(found.user, found.secret).removeprefix("Basic ")} - {""}
        return found

    def _basic(self, credential: Credential) -> str:
        self._check_encryption(str(self._endpoint))
        return basic(credential.user, credential.secret)

    def _check_encryption(self, url: str) -> None:
        if url.startswith("http://") and not self._plain_passwords:
            raise AuthRequired(
                f"{urlsplit(url).netloc} wants a password over an unencrypted connection",
                "everybody on the way could read it",
                remedies=("Use the registry by https", "For tests: send passwords unencrypted (--plain-passwords)"),
                status=401,
            )

    def _fetched(self, challenge: Challenge, scope: Scope, asked: tuple[str, ...], token: CancelToken) -> Token:
        """A new token, kept for later; `asked` are the scopes the registry named."""
        before = self._credential(scope)
        try:
            return self._fetched_as(before, challenge, scope, asked, token)
        except AuthRequired:
            # The password was changed, or was a short-lived one: there may be a new one by now.
            credential = self._credential(scope, anew=True)
            if credential is None or credential == before:
                raise
        return self._fetched_as(credential, challenge, scope, asked, token)

    def _fetched_as(
        self,
        credential: Credential | None,
        challenge: Challenge,
        scope: Scope,
        asked: tuple[str, ...],
        token: CancelToken,
    ) -> Token:
        realm = self._realm(challenge, credential)
        access = access_of(scope)
        scopes = scope_texts(scope)
        # Only what is not covered anyway: servers differ in how they read several scopes.
        further = [text for text in asked if not access_in((text,)) <= access]

        def ask(method: str, url: str, headers: dict[str, str], body: BytesBody | None) -> Response:
            return self._requests.ask(method, url, headers, body, token)

        try:
            secret, lifetime_s = fetch_token(challenge, realm, scopes + further, credential, ask=ask, clock=self._clock)
        except RemoteError as error:
            if error.status not in (400, 403) or len(scopes + further) == 1:
                raise self._login_failed(error, credential, realm) from None
            # Only what matters most: the request fails by itself if it really needs the others.
            secret, lifetime_s = fetch_token(challenge, realm, scopes[:1], credential, ask=ask, clock=self._clock)
        self._secrets.add(secret.reveal())
        found = Token(secret, access, self._clock.monotonic() + lifetime_s, lifetime_s)
        self._cache.add(found)
        if credential is not None:
            self._realms.remember(self._endpoint.host, urlsplit(realm).netloc)
        return found

    def _realm(self, challenge: Challenge, credential: Credential | None) -> str:
        """Address of the token server, if it may be asked. Raises AuthRequired naming its host."""
        realm = urljoin(f"{self._endpoint}/v2/", challenge.realm)
        try:
            self._guard.check(realm, encrypted=True, private=self._private_realm)
        except BadAnswer as error:
            why = f"{error.title}: {error.why}"
            raise AuthRequired("The registry's token server is not to be trusted", why, status=401) from None
        host = urlsplit(realm).netloc
        if credential is None:
            return realm
        self._check_encryption(realm)
        known = self._realms.other_than(host, self._endpoint.host)
        if known:
            raise TokenServerChanged(
                f"{self._endpoint.host} wants the password sent to another server",
                f"it used to be {visible(known)}, now it is {visible(host)}",
                remedies=(
                    f"Check with whoever runs the registry that {visible(host)} is right",
                    f"Then allow it: mirrordeck mirror test --accept-token-server {visible(host)}",
                ),
                status=401,
            )
        return realm

    def _login_failed(self, error: RemoteError, credential: Credential | None, realm: str) -> RemoteError:
        if error.status not in (400, 401, 403):
            return error
        host = urlsplit(realm).netloc
        title = f"{host} does not accept the login" if credential else f"{host} gives nothing without a login"
        return AuthRequired(title, error.why, status=error.status, codes=error.codes)

    @contextmanager
    def _alone(self, token: CancelToken) -> Iterator[None]:
        """One at a time: the others find the token that the first one fetched."""
        while not self._lock.acquire(timeout=_POLL_S):
            token.raise_if_cancelled()
        try:
            yield
        finally:
            self._lock.release()
