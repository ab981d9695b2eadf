# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a plan says about the registry it goes to, and what refusals mean for a push."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from registry.asking import PLAIN, Login
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.foundation.cancel import CancelToken
from core.foundation.errors import AccessDenied, AuthRequired, RemoteError, RemoteNotFound
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.credentials.states import Login as LoginState
from core.mirrors.model import Connection, Mirror
from core.registry.messages import RateLimit
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.transport import Transport
from core.services.access import open_access
from core.services.mirrors import view_mirrors
from core.services.registry_target import RegistryTarget
from core.spack.instance import find_instance
from core.transfers.plan import Decision

NAME = "lab/cache"
TOKEN = CancelToken()


@dataclass
class Access:
    """Stands for `CacheAccess`, whose connections never send passwords unencrypted."""

    user: str = "me"
    state: CredentialState = CredentialState.STORED
    opened: list[Transport] = field(default_factory=list)

    def repository(self, reference: ImageReference, _mirror: Mirror, _direction: Direction) -> Repository:
        return self._open(reference, Login(self.user))

    def anonymous(self, reference: ImageReference) -> Repository:
        return self._open(reference, None)

    def login(self, _mirror: Mirror, _direction: Direction) -> LoginState:
        return LoginState(self.state, self.user)

    def _open(self, reference: ImageReference, login: Login | None) -> Repository:
        self.opened.append(Transport(reference.endpoint, login, PLAIN, clock=FakeClock()))
        return Repository(reference, self.opened[-1])


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
def access_of_test() -> Iterator[Access]:
    access = Access()
    yield access
    for transport in access.opened:
        transport.close()


@pytest.fixture
def target(registry: FakeRegistry, access_of_test: Access) -> RegistryTarget:
    side = Connection(f"oci+http://{registry.host}/{NAME}")
    reference = ImageReference("http", registry.host, NAME)
    return RegistryTarget(reference, Mirror("site", side, side), access_of_test)  # type: ignore[arg-type]


def exists(registry: FakeRegistry) -> None:
    registry.add_manifest(NAME, b"{}", tag="something")


class TestFacts:
    @pytest.mark.parametrize(
        ("kind", "anonymous_pull", "there", "expected"),
        [
            ("none", False, False, True),  # whatever will be pushed: nobody is asked for a login
            ("bearer", True, True, True),
            ("bearer", True, False, None),
            ("bearer", False, True, False),
            ("bearer", False, False, None),
            ("basic", False, True, False),
        ],
    )
    def test_who_can_read(
        self, registry: FakeRegistry, target: RegistryTarget, kind, anonymous_pull, there, expected
    ) -> None:
        registry.authority.kind = kind
        registry.authority.anonymous_pull = anonymous_pull
        if there:
            exists(registry)
        facts = target.facts(TOKEN)
        assert facts.anonymous_readable is expected
        assert facts.host == registry.host

    def test_what_cannot_be_told_stays_unknown(self, registry: FakeRegistry, target: RegistryTarget) -> None:
        registry.faults.add(path="/tags/", status=500, times=None)
        assert target.facts(TOKEN).anonymous_readable is None
        assert len(registry.seen("GET", "/tags/")) == 1

    def test_the_login_is_not_sent_to_find_out(self, registry: FakeRegistry, target: RegistryTarget) -> None:
        registry.authority.kind = "basic"
        registry.authority.anonymous_pull = True
        exists(registry)
        assert target.facts(TOKEN).anonymous_readable is True
        assert all("authorization" not in request.headers for request in registry.requests)


class TestRefusals:
    def explained(self, target: RegistryTarget, error: RemoteError, action: str = "push to") -> RemoteError:
        with pytest.raises(type(error)) as raised, target.explaining(action):
            raise error
        return raised.value

    def test_401(self, target: RegistryTarget) -> None:
        error = self.explained(target, AuthRequired("it wants to know who you are", "UNAUTHORIZED", status=401))
        assert error.title == f"Could not sign in to {target.reference.domain}"
        assert error.why == "it wants to know who you are: UNAUTHORIZED"
        assert "may have expired" in error.remedies[0]

    def test_401_without_a_login_says_how_to_name_one(self, target: RegistryTarget, access_of_test: Access) -> None:
        access_of_test.state = CredentialState.NONE_NEEDED
        error = self.explained(target, AuthRequired("it wants to know who you are", status=401))
        assert "--oci-username" in error.remedies[0]

    def test_a_401_that_has_advice_of_its_own_keeps_it(self, target: RegistryTarget) -> None:
        own = ("Use the registry by https",)
        error = self.explained(target, AuthRequired("unencrypted", "readable", remedies=own, status=401))
        assert error.remedies == own

    def test_403(self, target: RegistryTarget) -> None:
        own = ("Give the account write access",)
        error = self.explained(target, AccessDenied("it denies access", "DENIED", remedies=own, status=403))
        assert error.title == f"Not allowed to push to lab/cache on {target.reference.domain}"
        assert error.why == "me may not do that. it denies access: DENIED"
        assert error.remedies[0] == own[0]
        assert error.remedies[1] == "Ask for the right to push to lab/cache."

    def test_404(self, target: RegistryTarget) -> None:
        own = ("Create the repository first: aws ecr create-repository",)
        error = self.explained(target, RemoteNotFound("it does not have it", "NAME_UNKNOWN", remedies=own, status=404))
        assert error.title == f"There is no repository lab/cache on {target.reference.domain}"
        assert "NAME_UNKNOWN" in error.why
        assert error.remedies == own

    def test_what_never_got_to_the_registry_speaks_for_itself(self, target: RegistryTarget) -> None:
        error = self.explained(target, AuthRequired("No login for it", "the keyring is locked", remedies=("Unlock",)))
        assert (error.title, error.remedies) == ("No login for it", ("Unlock",))


class TestPlanning:
    def url(self, registry: FakeRegistry) -> str:
        return f"oci+http://{registry.host}/{NAME}"

    def test_t38_the_plan_says_who_can_read_and_what_is_left(self, registry: FakeRegistry, plan) -> None:
        limits = {"RateLimit-Remaining": "76;w=21600", "RateLimit-Limit": "100;w=21600"}
        registry.faults.add(path="/manifests/", headers=limits, times=None)
        facts = plan("zlib-ng", to=self.url(registry)).plan.registry
        assert facts is not None
        assert facts.host == registry.host
        assert facts.anonymous_readable is True
        assert facts.rate_limit == RateLimit(76, 100, 21600)

    def test_folders_are_no_registries(self, plan) -> None:
        assert plan("zlib-ng").plan.registry is None

    def test_t38_what_may_not_be_redistributed_and_a_public_registry_do_not_go_together(
        self, registry: FakeRegistry, plan
    ) -> None:
        assert [one.code for one in plan("namd", to=self.url(registry), private=True).plan.warnings] == ["public"]
        assert plan("namd", to=self.url(registry)).plan.warnings == ()

    @pytest.mark.parametrize(
        ("status", "code", "title"),
        [
            (403, "DENIED", "Not allowed to push to lab/cache on "),
            (404, "NAME_UNKNOWN", "There is no repository lab/cache on "),
        ],
    )
    def test_refusals_are_blockers(self, registry: FakeRegistry, plan, status: int, code: str, title: str) -> None:
        body = f'{{"errors":[{{"code":"{code}","message":"{code} it is"}}]}}'
        headers = {"Content-Type": "application/json"}
        registry.faults.add(method="POST", path="/uploads/", status=status, body=body, headers=headers, times=None)
        made = plan("zlib-ng", to=self.url(registry)).plan
        (blocker,) = made.blockers
        assert blocker.title == title + registry.host
        assert f"{code} it is" in blocker.why
        assert blocker.remedies
        assert any(made.of(Decision.PUSH))
        assert made.registry is not None
        assert made.images is None


def test_logins_of_mirrors_are_told_without_asking_the_network(registry: FakeRegistry, checkout) -> None:
    url = f"oci+http://{registry.host}/{NAME}"
    pair = {"id": "bot", "secret_variable": "LAB_TOKEN"}
    mirrors = {
        "known": {"url": url, "access_pair": pair},
        "unknown": {"url": url, "access_pair": {**pair, "secret_variable": "NOT_SET"}},
        "open": {"url": url},
        "folder": {"url": "$spack/mirrors/team"},
    }
    (checkout / "etc/spack/site/mirrors.yaml").write_text(json.dumps({"mirrors": mirrors}))
    instance = find_instance(str(checkout), environ={"LAB_TOKEN": "s3cret"})
    access = open_access(instance)
    try:
        rows = {row.mirror.name: row.login for row in view_mirrors(instance, access).rows}
    finally:
        access.close()
    known, unknown, without, folder = (rows[name] for name in mirrors)
    assert known is not None
    assert (known.state, known.user, known.source) == (CredentialState.VARIABLE, "bot", "LAB_TOKEN")
    assert unknown is not None
    assert unknown.state in (CredentialState.NO_KEYRING, CredentialState.MISSING)
    assert "NOT_SET" in unknown.note
    assert without is not None
    assert without.state is CredentialState.NONE_NEEDED
    assert folder is None
    assert "s3cret" not in repr(rows)
    assert registry.requests == []
