# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How long tokens are used, what they are asked for, and token servers that are not to be trusted."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from registry.asking import PASSWORD, PLAIN, PULL, PUSH, Login, get, tags
from registry.kit.behaviour import behaving
from registry.kit.canary import CanaryHost
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry
from registry.kit.faults import Reply
from registry.kit.wire import CA_FILE

from core.foundation.cancel import CancelToken
from core.foundation.errors import (
    AuthRequired,
    BadAnswer,
    Cancelled,
    ProxyInterference,
    RemoteError,
    TokenServerChanged,
)
from core.foundation.secret import Secret
from core.network import addresses
from core.network.addresses import Reach
from core.network.bodies import BytesBody
from core.network.endpoints import Endpoint
from core.registry.credentials import Credential, SessionRealms
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


def test_tokens_are_renewed_early(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    registry.authority.kind = "bearer"
    transport = connect(Login(), PLAIN)
    tags(transport)
    clock.advance(290)
    tags(transport)
    assert len(registry.seen("GET", "/token")) == 1
    clock.advance(6)
    tags(transport)
    assert len(registry.seen("GET", "/token")) == 2
    assert {request.headers.get("authorization") for request in registry.seen("GET", "/tags/")} == {
        "Bearer opaque-token-0",
        "Bearer opaque-token-1",
    }


@pytest.mark.parametrize("said", [None, 0, -5, 30, 59])
def test_tokens_live_a_minute_at_least(
    registry: FakeRegistry, connect: Connect, clock: FakeClock, said: int | None
) -> None:
    registry.authority.kind = "bearer"
    registry.authority.expires_in = said
    transport = connect(Login(), PLAIN)
    tags(transport)
    clock.advance(54)
    tags(transport)
    assert len(registry.seen("GET", "/token")) == 1
    clock.advance(2)
    tags(transport)
    assert len(registry.seen("GET", "/token")) == 2


def test_t33_expiry_does_not_depend_on_the_wall_clock(
    registry: FakeRegistry, connect: Connect, clock: FakeClock
) -> None:
    registry.authority.kind = "bearer"
    transport = connect(Login(), PLAIN)
    for skew in (0, 5 * 3600, -9 * 3600):
        clock.skew = skew
        tags(transport)
    assert len(registry.seen("GET", "/token")) == 1


def test_q11_renewed_before_a_large_upload(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    """10 MB take two seconds by first guess: with 8 left before the margin of 5 that is enough, with 6 it is not."""
    registry.authority.kind = "bearer"
    transport = connect(Login(), PLAIN)
    put(transport)
    clock.advance(292)
    put(transport, 10_000_000)
    assert len(registry.seen("GET", "/token")) == 1
    clock.advance(2)
    put(transport)
    assert len(registry.seen("GET", "/token")) == 1
    put(transport, 10_000_000)
    assert len(registry.seen("GET", "/token")) == 2
    # Longer than any token lives: a fresh one is the best there is, and is not fetched again and again.
    put(transport, 10_000_000)
    assert len(registry.seen("GET", "/token")) == 2


def test_q11_token_that_ends_in_the_middle(registry: FakeRegistry, connect: Connect) -> None:
    """All bytes were sent when the 401 comes: once more with a new token, from the first byte."""
    registry.authority.kind = "bearer"
    transport = connect(Login(), PLAIN)
    put(transport)
    registry.authority.revoke_all()
    moved: list[int] = []
    put(transport, 300_000, progress=moved.append)
    bodies = [(len(request.body), request.headers["authorization"]) for request in registry.seen("PUT")[1:]]
    assert bodies == [(300_000, "Bearer opaque-token-0"), (300_000, "Bearer opaque-token-1")]
    assert sum(moved) == 300_000


def test_401_for_ever(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    registry.authority.kind = "bearer"
    registry.faults.add(path="/tags/", status=401, headers={"WWW-Authenticate": 'Bearer realm="/token"'}, times=None)
    with pytest.raises(AuthRequired):
        tags(connect(Login(), PLAIN))
    assert len(registry.seen("GET", "/tags/")) == 2
    assert clock.sleeps == []


def test_one_token_for_many_threads(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    transport = connect(Login(), PLAIN)
    failed: list[BaseException] = []
    ready = threading.Barrier(6)

    def work() -> None:
        try:
            ready.wait(60)
            for _ in range(5):
                assert tags(transport) == ["a"]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(registry.seen("GET", "/token")) == 1
    registry.authority.revoke_all()
    threads = [threading.Thread(target=lambda: tags(transport)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.seen("GET", "/token")) == 2


def test_q09_several_scopes_misread(registry: FakeRegistry, connect: Connect) -> None:
    """What matters most comes first; where more than that is refused, it is asked for alone."""
    registry.authority.kind = "bearer"
    registry.authority.several_scopes = False
    wide = Scope("lab/img", ("pull", "push"), extra=(Scope("lab/base"),))
    put(connect(Login(), PLAIN), scope=wide)
    assert asked_scopes(registry) == [
        ["repository:lab/img:pull,push", "repository:lab/base:pull"],
        ["repository:lab/img:pull,push"],
    ]


def test_q09_mount_has_pull_on_the_source(registry: FakeRegistry, connect: Connect) -> None:
    registry.behaviour = behaving("hub")
    registry.authority.kind = "bearer"
    digest = registry.add_blob("lab/base", b"layer")
    transport = connect(Login(), PLAIN)
    path = f"/v2/lab/img/blobs/uploads/?mount={digest}&from=lab/base"
    wide = Scope("lab/img", ("pull", "push"), extra=(Scope("lab/base"),))
    assert get(transport, path, method="POST", scope=wide, expect={201}).status == 201
    with pytest.raises(AuthRequired):
        get(connect(Login(), PLAIN), path, method="POST", scope=PUSH, expect={201})


def test_scopes_that_the_registry_adds(registry: FakeRegistry, connect: Connect) -> None:
    """A registry that wants more than the usual for a request says so in its challenge."""
    registry.authority.kind = "bearer"
    challenge = f'Bearer realm="{registry.url}/token",scope="repository:lab/img:pull repository:lab/more:pull"'
    registry.faults.add(path="/tags/", status=401, headers={"WWW-Authenticate": challenge})
    assert tags(connect(Login(), PLAIN)) == ["a"]
    assert asked_scopes(registry)[1] == ["repository:lab/img:pull", "repository:lab/more:pull"]


def test_q49_challenges_without_service_or_scope(registry: FakeRegistry, connect: Connect) -> None:
    """Good enough for us; Spack needs all three, so a test of the mirror can see what is missing."""
    registry.authority.kind = "bearer"
    registry.authority.service = None
    transport = connect(Login(), PLAIN)
    assert tags(transport) == ["a"]
    (asked,) = registry.seen("GET", "/token")
    assert "service" not in asked.query
    (challenge,) = transport.challenges()
    assert (challenge.scheme, challenge.service, challenge.scopes) == ("bearer", "", ())
    assert challenge.realm == f"{registry.url}/token"


def test_relative_realm_and_one_with_a_query(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    for realm in ("/token", "/token?tenant=7"):
        registry.authority.realm = realm
        assert tags(connect(Login(), PLAIN)) == ["a"]
    assert registry.seen("GET", "/token")[1].query["tenant"] == ["7"]


def test_token_server_fails_for_a_while(registry: FakeRegistry, connect: Connect, clock: FakeClock) -> None:
    registry.authority.kind = "bearer"
    registry.faults.add(path="/token", status=503, times=2)
    assert tags(connect(Login(), PLAIN)) == ["a"]
    registry.faults.add(path="/token", status=429, headers={"Retry-After": "9"})
    assert tags(connect(Login(), PLAIN)) == ["a"]
    assert clock.sleeps == pytest.approx([0.25, 0.5, 9.0])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", BadAnswer),
        (b'{"token": ""}', BadAnswer),
        (b'{"token": 5}', BadAnswer),
        (b'{"token": "a b"}', BadAnswer),
        (b'{"token": "a\\r\\nX-Evil: 1"}', BadAnswer),
        (b'{"token": "\\ud800"}', BadAnswer),
        (b'{"token": "one", "token": "two"}', BadAnswer),
        (b'{"token": "x", "expires_in": NaN}', BadAnswer),
        (b'{"token": "x", "expires_in": ' + b"9" * 5000 + b"}", BadAnswer),
        (b'{"a":' * 100_000, BadAnswer),
        (b"[]", BadAnswer),
        (b"token=opaque", BadAnswer),
        (b'{"token": "' + b"x" * (2 << 20) + b'"}', BadAnswer),
        (b"<html><title>Log in</title></html>", ProxyInterference),
    ],
    ids=lambda value: str(value)[:24],
)
def test_t08_answers_of_token_servers(
    registry: FakeRegistry, connect: Connect, body: bytes, kind: type[RemoteError]
) -> None:
    registry.authority.kind = "bearer"
    registry.faults.add(path="/token", body=body, times=None)
    with pytest.raises(kind):
        tags(connect(Login(), PLAIN))
    assert len(registry.seen("GET", "/token")) == 1


def test_t01_realm_on_plain_http(connect: Connect, clock: FakeClock) -> None:
    with CanaryHost() as canary, FakeRegistry(certificate="server", clock=clock) as secure:
        secure.authority.kind = "bearer"
        secure.authority.realm = f"{canary.url}/token"
        with pytest.raises(AuthRequired, match=f"unencrypted.*{canary.host}"):
            tags(connect(Login(), SECURE, endpoint=secure.endpoint))
        assert canary.requests == []


@pytest.mark.parametrize(
    "realm",
    [
        "https://169.254.169.254/latest/token",
        "https://[fe80::1]/t",
        "https://[::ffff:169.254.169.254]/t",
        "ftp://127.0.0.1/t",
        "null://127.0.0.1/t",
        "https://user:pass@127.0.0.1/t",
        "https://",
        "https://127.0.0.1:99999/t",
        "https://127.0.0.1/\r\nX: y",
    ],
)
def test_t01_realms_that_nobody_may_name(registry: FakeRegistry, connect: Connect, realm: str) -> None:
    registry.faults.add(
        path="/v2/$", status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'.replace("\r\n", "\t")}
    )
    with pytest.raises(AuthRequired, match="not to be trusted"):
        tags(connect(Login(), PLAIN))
    assert [request for request in registry.requests if "authorization" in request.headers] == []


def test_t01_private_realm_of_a_public_registry(connect: Connect, clock: FakeClock, monkeypatch) -> None:
    """By name or number; loopback stands for the world here, since tests have nothing else."""
    reaches = {"127.0.0.1": Reach.WORLD, "localhost": Reach.NETWORK}
    monkeypatch.setattr(addresses, "reach_of", reaches.get)
    with CanaryHost(certificate="server") as canary, FakeRegistry(certificate="server", clock=clock) as secure:
        canary.reply = Reply(200, b'{"token": "t"}')
        secure.authority.kind = "bearer"
        secure.authority.realm = f"https://localhost:{canary.port}/token"
        with pytest.raises(AuthRequired, match=r"localhost.*private network"):
            tags(connect(Login(), SECURE, endpoint=secure.endpoint))
        assert canary.requests == []
        allowed = TransportOptions(ca_file=CA_FILE, private_realm=True)
        with pytest.raises(AuthRequired, match="who you are"):
            tags(connect(Login(), allowed, endpoint=secure.endpoint))
        assert len(canary.requests) > 0
        reaches["localhost"] = Reach.LINK
        with pytest.raises(AuthRequired, match="local link"):
            tags(connect(Login(), allowed, endpoint=secure.endpoint))


def test_t01_plain_realm_of_a_plain_registry_only_on_its_own_host(registry: FakeRegistry, connect: Connect) -> None:
    """Where passwords may travel unencrypted to this host, they still may not to another one."""
    registry.authority.kind = "bearer"
    with CanaryHost() as canary:
        registry.authority.realm = f"{canary.url.replace('127.0.0.1', 'localhost')}/token"
        with pytest.raises(AuthRequired, match="not to be trusted"):
            tags(connect(Login(), PLAIN))
        assert canary.requests == []


def test_t01_redirecting_token_server(registry: FakeRegistry, connect: Connect) -> None:
    with CanaryHost() as canary:
        registry.authority.kind = "bearer"
        registry.faults.add(path="/token", status=307, headers={"Location": f"{canary.url}/steal"}, times=None)
        with pytest.raises(RemoteError, match="elsewhere") as caught:
            tags(connect(Login(), PLAIN))
        assert registry.host in caught.value.why
        assert canary.requests == []


def test_t02_realm_on_another_host_is_remembered(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    realms = SessionRealms()
    here = Endpoint("http", registry.host)
    assert tags(connect(Login(), PLAIN, endpoint=here, realms=realms)) == ["a"]
    assert realms.other_than(registry.host, registry.host) == ""
    assert realms.other_than("elsewhere", registry.host) == registry.host
    with CanaryHost() as canary:
        registry.authority.realm = f"{canary.url}/token"
        with pytest.raises(TokenServerChanged) as caught:
            tags(connect(Login(), PLAIN, endpoint=here, realms=realms))
        assert registry.host in caught.value.why
        assert canary.host in caught.value.why
        assert canary.requests == []
        # Without a password there is nothing to lose.
        canary.reply = Reply(200, b'{"token": "anonymous"}')
        with pytest.raises(AuthRequired, match="who you are"):
            tags(connect(None, PLAIN, endpoint=here, realms=realms))
        assert canary.leaks([PASSWORD]) == []


def test_t04_passwords_over_http_only_if_allowed(registry: FakeRegistry, connect: Connect) -> None:
    for kind in ("basic", "bearer"):
        registry.authority.kind = kind
        with pytest.raises(AuthRequired, match="unencrypted"):
            tags(connect(Login()))
    assert [request for request in registry.requests if "authorization" in request.headers] == []


def test_cancelled_while_another_one_logs_in(registry: FakeRegistry, connect: Connect) -> None:
    registry.authority.kind = "bearer"
    gate = threading.Event()
    registry.faults.add(path="/token", wait=gate)
    transport = connect(Login(), PLAIN)
    first = threading.Thread(target=lambda: tags(transport))
    first.start()
    token = CancelToken()
    threading.Timer(0.05, token.cancel).start()
    with pytest.raises(Cancelled):
        tags(transport, token=token)
    gate.set()
    first.join()


def test_scope_of_pull_is_read_only() -> None:
    assert not PULL.push
    assert PUSH.push
    assert not Scope("", ("*",)).push


@pytest.mark.parametrize("changed", [True, False])
def test_q11_a_password_that_changed_since_is_looked_up_once_more(
    registry: FakeRegistry, connect: Connect, changed: bool
) -> None:
    """Logins of commands live for hours only; the token server says when one has ended."""
    registry.authority.kind = "bearer"
    login = Changing("pass-word")
    transport = connect(login, PLAIN)
    put(transport)
    registry.authority.users = {"me": "another"}
    registry.authority.revoke_all()
    login.password = "another" if changed else "pass-word"
    before = len(registry.seen("GET", "/token"))
    if changed:
        put(transport)
    else:
        with pytest.raises(AuthRequired):
            put(transport)
    assert len(registry.seen("GET", "/token")) - before == (2 if changed else 1)


class Changing:
    def __init__(self, password: str) -> None:
        self.password = password

    def credential(self, _host: str, _repository: str, *, push: bool) -> Credential:
        return Credential("me", Secret(self.password))
