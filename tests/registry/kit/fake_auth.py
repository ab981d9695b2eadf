# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How the fake registry knows who asks: not at all, Basic, or Bearer with a token endpoint at its own `/token`."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from registry.kit.faults import Reply
from registry.kit.wire import Request

from core.foundation.clock import Clock

Access = frozenset[tuple[str, str]]  # (repository or "catalog", action)


@dataclass
class Authority:
    """What is asked of clients. Change the fields at any time.

    `users` maps names to passwords; `identity` maps identity tokens to names. `read_only` names users that may not
    push. Tokens last `lifetime_s` on `clock`; `expires_in` is what is said about that ("" says nothing).
    """

    url: str
    clock: Clock
    kind: Literal["none", "basic", "bearer"] = "none"
    users: dict[str, str] = field(default_factory=lambda: {"me": "pass-word"})
    identity: dict[str, str] = field(default_factory=dict)
    read_only: set[str] = field(default_factory=set)
    anonymous_pull: bool = False
    lifetime_s: float = 300
    expires_in: int | None = 300
    token_key: str = "token"
    realm: str | None = None  # instead of our own endpoint
    service: str | None = "fake"
    challenges: list[str] | None = None  # instead of the usual ones; [] is a 401 without any
    post_status: int | None = None  # the token endpoint refuses POST with this
    most_uses: int | None = None  # of a token, before it is void
    several_scopes: bool = True  # False: a token for several repositories is refused
    issued: dict[str, tuple[Access, float, str]] = field(default_factory=dict)
    uses: Counter[str] = field(default_factory=Counter)

    def refusal(self, request: Request, needed: Access) -> Reply | None:
        """The 401 or 403 this request gets, None if it may go on."""
        if self.kind == "none":
            return None
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        user: str | None = None
        if self.kind == "basic" and kind == "Basic":
            user = self._user_of(value)
            granted = needed if user is not None else frozenset()
        elif self.kind == "bearer" and kind == "Bearer" and value in self.issued:
            granted, until, user = self.issued[value]
            self.uses[value] += 1
            if self.clock.monotonic() >= until or (self.most_uses is not None and self.uses[value] > self.most_uses):
                return self._unauthorized(needed, "invalid_token")
        else:
            granted = frozenset()
        if self.kind == "basic" and user is None and not self._open_to_all(needed):
            return self._unauthorized(needed, "")
        if self.kind == "bearer" and (not needed <= granted or user is None):
            return self._unauthorized(needed, "insufficient_scope" if user is not None else "")
        if user in self.read_only and any(action != "pull" for _, action in needed):
            return error(403, "DENIED", "requested access to the resource is denied")
        return None

    def token(self, request: Request) -> Reply:
        """The token endpoint."""
        query = request.query
        if request.method == "POST":
            if self.post_status is not None:
                return Reply(self.post_status)
            form = Request("GET", f"/?{request.body.decode()}", {}, b"")
            user = self.identity.get(form.argument("refresh_token") or "")
            query = form.query
            if user is None:
                return error(401, "UNAUTHORIZED", "the refresh token is not known")
        elif "authorization" in request.headers:
            user = self._user_of(request.headers["authorization"].partition(" ")[2])
            if user is None:
                return error(401, "UNAUTHORIZED", "incorrect username or password")
        else:
            user = ""
        scopes = [scope for text in query.get("scope", []) for scope in text.split(" ") if scope]
        if len(scopes) > 1 and not self.several_scopes:
            return error(400, "UNSUPPORTED", "one scope at a time")
        text = f"opaque-token-{len(self.issued)}"
        self.issued[text] = (self._granted(scopes, user), self.clock.monotonic() + self.lifetime_s, user)
        answer: dict[str, object] = {self.token_key: text}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        return Reply(200, json.dumps(answer).encode(), (("Content-Type", "application/json"),))

    def revoke_all(self) -> None:
        """Every token given so far is worth nothing any more."""
        self.issued = {text: (access, -1.0, user) for text, (access, _, user) in self.issued.items()}

    def _granted(self, scopes: list[str], user: str) -> Access:
        granted = set()
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            for action in actions.split(","):
                if user in self.read_only and action != "pull":
                    continue
                if user != "" or (self.anonymous_pull and action == "pull" and kind == "repository"):
                    granted.add((name if kind == "repository" else "catalog", action))
        return frozenset(granted)

    def _open_to_all(self, needed: Access) -> bool:
        return self.anonymous_pull and all(action == "pull" for _, action in needed)

    def _user_of(self, basic: str) -> str | None:
        user, _, password = base64.b64decode(basic).decode().partition(":")
        if user == "<token>":
            return self.identity.get(password)
        return user if self.users.get(user) == password else None

    def _unauthorized(self, needed: Access, problem: str) -> Reply:
        reply = error(401, "UNAUTHORIZED", "authentication required")
        challenges = self.challenges
        if challenges is None and self.kind == "basic":
            challenges = ['Basic realm="fake"']
        elif challenges is None:
            parts = [f'realm="{self.realm or self.url + "/token"}"']
            parts += [f'service="{self.service}"'] if self.service is not None else []
            parts += [f'scope="{_scope_text(needed)}"'] if needed else []
            parts += [f'error="{problem}"'] if problem else []
            challenges = ["Bearer " + ",".join(parts)]
        return Reply(401, reply.body, reply.headers + tuple(("WWW-Authenticate", text) for text in challenges))


def _scope_text(needed: Access) -> str:
    if {name for name, _ in needed} == {"catalog"}:
        return "registry:catalog:*"
    names = sorted({name for name, _ in needed})
    return " ".join(
        f"repository:{name}:" + ",".join(sorted(action for other, action in needed if other == name)) for name in names
    )


def error(status: int, code: str, message: str, **detail: object) -> Reply:
    """An error as registries write it."""
    document = {"errors": [{"code": code, "message": message, **({"detail": detail} if detail else {})}]}
    return Reply(status, json.dumps(document).encode(), (("Content-Type", "application/json; charset=utf-8"),))
