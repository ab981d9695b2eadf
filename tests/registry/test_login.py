# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logging in: whether at all, Basic, and what is asked of token servers."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from registry.asking import PLAIN, PUSH, Login, get, tags
from registry.kit.fake_registry import FakeRegistry
from registry.kit.wire import CA_FILE

from core.foundation.errors import (
    AccessDenied,
    AuthRequired,
)
from core.foundation.secret import Secret
from core.network.bodies import BytesBody
from core.registry.credentials import Credential
from core.registry.options import TransportOptions
from core.registry.scopes import Scope
from core.registry.transport import Transport

Connect = Callable[..., Transport]
SECURE = TransportOptions(ca_file=CA_FILE)


@pytest.fixture(autouse=True)
def _some_tags(registry: FakeRegistry) -> None:
    registry.add_manifest("lab/img", b"{}", tag="a")


def put(transport: Transport, size: int = 2, **more: object) -> object:
    options = {"method": "PUT", "scope": PUSH, "expect": {201, 400, 413}, "body": BytesBody(bytes(size)), **more}
    return get(transport, "/v2/lab/img/manifests/x", **options)


def asked_scopes(registry: FakeRegistry) -> list[list[str]]:
    return [request.query["scope"] for request in registry.seen("GET", "/token")]


def test_open_registry_gets_nothing(registry: FakeRegistry, connect: Connect) -> None:
    login = Login()
    transport = connect(login)
    assert tags(transport) == ["a"] == tags(transport)
    assert [request.target for request in registry.requests] == [
        "/v2/",
        "/v2/lab/img/tags/list",
        "/v2/lab/img/tags/list",
    ]
    assert not [request for request in registry.requests if "authorization" in request.headers]
    assert login.asked == []


def test_basic(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "basic"
    login = Login()
    transport = connect(login, PLAIN)
    assert tags(transport) == ["a"]
    put(transport)
    expected = "Basic " + base64.b64encode(b"me:pass-word").decode()
    sent = [request.headers.get("authorization") for request in registry.requests]
    # Known from the first contact, so nothing is sent twice.
    assert sent == [None, expected, expected]
    assert login.asked == [(registry.host, "lab/img", False), (registry.host, "lab/img", True)]


def test_wrong_password(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "basic"
    login = Login(secret="wrong")
    with pytest.raises(AuthRequired, match="authentication required") as caught:
        tags(connect(login, PLAIN))
    assert (caught.value.status, caught.value.codes) == (401, ("UNAUTHORIZED",))
    # The source was asked once more, because a short-lived password may have been replaced.
    assert len(login.asked) == 2
    assert len(registry.seen("GET", "/tags/list")) == 1


def test_short_lived_password_is_replaced(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "basic"
    login = Login()
    transport = connect(login, PLAIN)
    tags(transport)
    registry.authority.users = {"me": "new"}
    login.found = Credential("me", Secret("new"))
    assert tags(transport) == ["a"]


def test_no_credentials(registry: FakeRegistry, connect: Connect) -> None:
    for kind in ("basic", "bearer"):
        registry.authority.kind = kind
        with pytest.raises(AuthRequired):
            tags(connect(None, PLAIN))


def test_who_may_read_only(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "basic"
    registry.authority.read_only = {"me"}
    with pytest.raises(AccessDenied, match="requested access to the resource is denied"):
        put(connect(Login(), PLAIN))


def test_unknown_kinds_of_login(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "basic"
    registry.authority.challenges = ["Negotiate YII=", "NTLM"]
    with pytest.raises(AuthRequired, match="negotiate, ntlm"):
        tags(connect(Login(), PLAIN))
    registry.authority.challenges = ["Negotiate YII=, Basic realm=x"]
    assert tags(connect(Login(), PLAIN)) == ["a"]


def test_a_401_without_any_challenge(registry: FakeRegistry, connect: Connect) -> None:
    """The one of the first contact still holds."""
    registry.authority.kind = "bearer"
    transport = connect(Login(), PLAIN)
    tags(transport)
    registry.authority.challenges = []
    registry.authority.revoke_all()
    assert tags(transport) == ["a"]
    with pytest.raises(AuthRequired):
        tags(connect(Login(), PLAIN))


def test_bearer(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    transport = connect(Login(), PLAIN)
    assert tags(transport) == ["a"] == tags(transport)
    (asked,) = registry.seen("GET", "/token")
    assert asked.query == {
        "service": ["fake"],
        "scope": ["repository:lab/img:pull"],
        "client_id": ["mirrordeck"],
        "account": ["me"],
    }
    assert asked.headers["authorization"].startswith("Basic ")
    assert [request.headers.get("authorization") for request in registry.seen("GET", "/tags/")] == [
        "Bearer opaque-token-0"
    ] * 2


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_both_names_of_the_token(registry: FakeRegistry, connect: Connect, key: str) -> None:
    registry.authority.kind = "bearer"
    registry.authority.token_key = key
    assert tags(connect(Login(), PLAIN)) == ["a"]


def test_anonymous_tokens(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    registry.authority.anonymous_pull = True
    transport = connect()
    assert tags(transport) == ["a"]
    (asked,) = registry.seen("GET", "/token")
    assert "authorization" not in asked.headers
    assert "account" not in asked.query
    with pytest.raises(AuthRequired):
        put(transport)


def test_tokens_are_kept_by_what_they_allow(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    transport = connect(Login(), PLAIN)
    tags(transport)
    put(transport)
    tags(transport)  # the newer token allows it too
    other = Scope("lab/other")
    get(transport, "/v2/lab/other/tags/list", scope=other, expect={404})
    tags(transport)
    put(transport, scope=Scope("lab/img", ("pull", "push"), extra=(other,)))
    get(transport, "/v2/lab/other/tags/list", scope=other, expect={404})
    assert asked_scopes(registry) == [
        ["repository:lab/img:pull"],
        ["repository:lab/img:pull,push"],
        ["repository:lab/other:pull"],
        ["repository:lab/img:pull,push", "repository:lab/other:pull"],
    ]
    used = [request.headers["authorization"][-1] for request in registry.requests if request.path.startswith("/v2/lab")]
    assert used == ["0", "1", "1", "2", "1", "3", "3"]


def test_catalogue(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    get(connect(Login(), PLAIN), "/v2/_catalog", scope=Scope("", ("*",)))
    assert asked_scopes(registry) == [["registry:catalog:*"]]


def test_identity_token(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    registry.authority.identity = {"refresh-me": "me"}
    transport = connect(Login("<token>", "refresh-me"), PLAIN)
    assert tags(transport) == ["a"]
    (asked,) = registry.seen("POST", "/token")
    assert "authorization" not in asked.headers
    assert "refresh-me" not in asked.target
    assert b"grant_type=refresh_token" in asked.body
    assert b"refresh_token=refresh-me" in asked.body
    assert b"scope=repository%3Alab%2Fimg%3Apull" in asked.body


@pytest.mark.parametrize("status", [404, 405])
def test_identity_token_where_post_is_unknown(registry: FakeRegistry, connect: Connect, status: int) -> None:
    registry.authority.kind = "bearer"
    registry.authority.identity = {"refresh-me": "me"}
    registry.authority.post_status = status
    assert tags(connect(Login("<token>", "refresh-me"), PLAIN)) == ["a"]
    assert len(registry.seen("GET", "/token")) == 1


def test_identity_token_refused(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    with pytest.raises(AuthRequired, match="refresh token is not known"):
        tags(connect(Login("<token>", "unknown-token"), PLAIN))
    assert registry.seen("GET", "/token") == []
