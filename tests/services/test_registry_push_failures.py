# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushes of the sample packages to a registry that refuses, forgets or counts what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pushed_images import Opened, add_mirrors, at, layers_of, runtime_closure
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry
from registry.kit.wire import CA_FILE

import core.services.access
from core.caches.oci.image import INCOMPLETE
from core.caches.opening import CacheAccess
from core.foundation.errors import AuthRequired, NetworkDown
from core.foundation.secret import Secret
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.identity import account_of
from core.mirrors.credentials.states import Direction
from core.mirrors.reading import mirrors_of
from core.registry.credentials import Credential
from core.services.access import open_access
from core.services.push import PreparedPush
from core.spack.instance import Instance
from core.transfers.journal import Journal
from core.transfers.model import HoldReason, ItemState, PushOutcome, TransferLimits
from core.transfers.plan import Decision, Only
from core.transfers.queue import TransferQueue

NAME = "lab/cache"
PACKAGES = {"gcc-runtime", "hwloc", "libevent", "libxml2", "ncurses", "openmpi", "openssl", "pmix", "xz", "zlib-ng"}

Plan = Callable[..., PreparedPush]
CarryOut = Callable[[PreparedPush], PushOutcome]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def certificate() -> str | None:
    """Of the registry; without one it is on plain http."""
    return None


@pytest.fixture
def registry(clock: FakeClock, certificate: str | None) -> Iterator[FakeRegistry]:
    with FakeRegistry(clock=clock, certificate=certificate) as fake:
        yield fake


@pytest.fixture
def environ() -> dict[str, str]:
    return {"FAKE_PASSWORD": "pass-word"}


@pytest.fixture
def checkout(checkout: Path, registry: FakeRegistry, certificate: str | None) -> Path:
    scheme = "oci" if certificate else "oci+http"
    pair = {"id": "me", "secret_variable": "FAKE_PASSWORD"}
    mirrors: dict[str, dict[str, object]] = {
        name: {"url": f"{scheme}://{registry.host}/{path}", "access_pair": pair}
        for name, path in (("fake", NAME), ("other", "lab/other"))
    }
    add_mirrors(checkout, mirrors, CA_FILE if certificate else None)
    return checkout


@pytest.fixture
def access(instance: Instance, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[CacheAccess]:
    """Whose waiting takes no time."""
    monkeypatch.setattr(core.services.access, "CacheAccess", partial(CacheAccess, clock=clock))
    access = open_access(instance)
    yield access
    access.close()


@pytest.fixture
def opened(registry: FakeRegistry) -> Iterator[Opened]:
    with at(registry.endpoint, NAME) as opened:
        yield opened


def names(prepared: PreparedPush, decision: Decision) -> set[str]:
    return {item.name for item in prepared.plan.of(decision)}


def in_state(outcome: PushOutcome, state: ItemState) -> set[str]:
    return {row.name for row in outcome.in_state(state)}


def uploads(registry: FakeRegistry) -> list[str]:
    """What was stored, or tried to be."""
    return [request.target for request in registry.seen("PUT")]


# ---- what is asked ----


def test_what_is_there_is_looked_at_and_not_fetched_again(
    plan: Plan, carry_out: CarryOut, registry: FakeRegistry
) -> None:
    carry_out(plan("openmpi", to="fake", update_index=True))
    gets = [request.target for request in registry.seen("GET", "/blobs/")]
    assert gets == []  # it just wrote them itself
    registry.requests.clear()
    prepared = plan("openmpi", to="fake", update_index=True)
    assert names(prepared, Decision.PRESENT) == PACKAGES
    asked = [request for request in registry.requests if "/uploads/" not in request.target]
    assert {request.method for request in asked} <= {"HEAD", "GET"}
    read = [request.target for request in asked if request.method == "GET" and "/tags/list" not in request.target]
    assert read == []
    heads = [request.target for request in asked if request.method == "HEAD"]
    assert len(heads) == len(set(heads)) == 3 * len(PACKAGES)  # manifest, config, own layer: shared layers once


def test_only_the_package_asks_for_nothing_else(plan: Plan, carry_out: CarryOut, registry: FakeRegistry) -> None:
    carry_out(plan("zlib-ng", to="fake"))
    registry.requests.clear()
    carry_out(plan("openmpi", to="fake", only=Only.PACKAGE))
    asked = {request.path.rpartition("/")[2] for request in registry.requests if "/manifests/" in request.path}
    tags = {target for target in asked if not target.startswith("sha256:")}
    assert {tag.partition("-")[0] for tag in tags} == {"openmpi"}
    assert len(asked - tags) == 1


def test_only_the_package_is_nothing_to_repair(plan: Plan, carry_out: CarryOut, opened: Opened) -> None:
    outcome = carry_out(plan("openmpi", to="fake", only=Only.PACKAGE))
    assert [row.missing for row in outcome.rows if row.name == "openmpi"] == [()]
    assert len(opened.packages()["openmpi"].layers) == 1
    prepared = plan("openmpi", to="fake")
    assert names(prepared, Decision.PRESENT) == {"openmpi"}
    carry_out(prepared)
    prepared = plan("openmpi", to="fake", complete_left_out=True)
    assert names(prepared, Decision.COMPLETE) == {"openmpi"}
    carry_out(prepared)
    packages = opened.packages()
    assert set(packages["openmpi"].layers) == layers_of(packages, PACKAGES)


# ---- when something fails ----


def test_a_refused_archive_and_a_refused_image_and_the_push_after(
    instance: Instance, plan: Plan, carry_out: CarryOut, registry: FakeRegistry, opened: Opened
) -> None:
    """All others are tagged, with the layers of all that got there, and the next push makes up for the rest."""
    carry_out(plan("libxml2", to="other", only=Only.PACKAGE))
    (tag,) = registry.tags["lab/other"]
    with at(registry.endpoint, "lab/other") as other:
        refused = other.image(tag).layers[-1].removeprefix("sha256:")
    registry.faults.add(method="PUT", path=refused, status=403, times=None)
    registry.faults.add(method="POST", path=f"mount=.*{refused}", status=403, times=None)
    registry.faults.add(method="PUT", path="/manifests/openssl-", status=403, times=None)

    outcome = carry_out(plan("openmpi", to="fake", update_index=True, tag="tools"))
    assert in_state(outcome, ItemState.FAILED) >= {"libxml2", "openssl"}
    packages = opened.packages()
    assert packages.keys() == PACKAGES - {"libxml2", "openssl"}
    hashes = {record.name: record.hash for record in instance.database().records.values()}
    lacking = {"hwloc", "pmix", "openmpi"}
    openssl = packages["libevent"].layers[-2]
    for name, image in packages.items():
        there = runtime_closure(instance, name) - {"libxml2", "openssl"}
        wanted = layers_of(packages, there) | ({openssl} if "openssl" in runtime_closure(instance, name) else set())
        assert set(image.layers) == wanted, name
        assert image.annotations.get(INCOMPLETE) == (hashes["libxml2"] if name in lacking else None)
    missing = {row.name: row.missing for row in outcome.rows if row.missing}
    assert missing == dict.fromkeys(lacking, (hashes["libxml2"],))
    assert "tools" not in opened.tags()
    assert "index.spack" in opened.tags()

    registry.faults.clear()
    prepared = plan("openmpi", to="fake", update_index=True, tag="tools")
    assert names(prepared, Decision.PUSH) == {"libxml2", "openssl"}
    # The archive of openssl is there, but nothing says so before it is packed again.
    assert names(prepared, Decision.COMPLETE) == lacking | {"libevent"}
    before = opened.image(next(tag for tag in opened.tags() if tag.startswith("libevent-"))).digest
    outcome = carry_out(prepared)
    assert in_state(outcome, ItemState.FAILED) == set()
    packages = opened.packages()
    assert packages.keys() == PACKAGES
    assert packages["libevent"].digest == before
    for name, image in packages.items():
        assert set(image.layers) == layers_of(packages, runtime_closure(instance, name))
        assert INCOMPLETE not in image.annotations
    assert set(opened.image("tools").layers) == set(packages["openmpi"].layers)
    assert names(plan("openmpi", to="fake"), Decision.PRESENT) == PACKAGES


# ---- what stops a push before it begins ----


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "UNAUTHORIZED", "authentication required"),
        (403, "DENIED", "requested access to the resource is denied"),
        (404, "NAME_UNKNOWN", "repository name not known to registry"),
        (405, "UNSUPPORTED", "the registry is read-only"),
    ],
)
def test_a_registry_that_takes_nothing(
    plan: Plan, registry: FakeRegistry, status: int, code: str, words: str, home: Path
) -> None:
    body = f'{{"errors":[{{"code":"{code}","message":"{words}"}}]}}'
    registry.faults.add(method="POST", path="/blobs/uploads/", status=status, body=body, times=None)
    prepared = plan("zlib-ng", to="fake")
    (blocker,) = prepared.plan.blockers
    assert words in blocker.sentence()
    assert registry.host in blocker.sentence()
    if status == 404:
        assert f"Create the repository {NAME} on {registry.host} first" in blocker.remedies
    assert uploads(registry) == []
    assert list(home.rglob("packing/*")) == []


def test_a_hiccup_at_the_trial_is_no_refusal(plan: Plan, registry: FakeRegistry) -> None:
    registry.faults.add(method="POST", path="/blobs/uploads/", status=503, times=2)
    assert plan("zlib-ng", to="fake").plan.blockers == ()
    assert registry.seen("DELETE", "/blobs/uploads/")  # the trial is taken back


def test_nobody_there(plan: Plan, registry: FakeRegistry, home: Path) -> None:
    registry.server.close()
    with pytest.raises(NetworkDown) as caught:
        plan("openmpi", to="fake")
    assert registry.host in caught.value.info().sentence()
    assert list(home.rglob("packing/*")) == []


@pytest.mark.parametrize("certificate", ["server"])
@pytest.mark.parametrize(("kind", "told"), [("basic", "is denied"), ("bearer", "good for reading only")])
def test_a_login_that_may_only_read(plan: Plan, registry: FakeRegistry, kind: str, told: str) -> None:
    registry.authority.kind = kind
    registry.authority.read_only = {"me"}
    (blocker,) = plan("zlib-ng", to="fake").plan.blockers
    assert told in " ".join([blocker.sentence(), *blocker.remedies])
    assert "pass-word" not in blocker.sentence()
    registry.authority.users = {"me": "another"}
    registry.authority.issued.clear()
    with pytest.raises(AuthRequired):
        plan("zlib-ng", to="fake")


@pytest.mark.parametrize("certificate", ["server"])
@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_a_password_that_is_changed_meanwhile_is_asked_for_once(
    plan: Plan, instance: Instance, access: CacheAccess, registry: FakeRegistry, tmp_path: Path, kind: str
) -> None:
    """The mirror is held, not every package failed; with the new password all goes on where it was."""
    registry.authority.kind = kind
    registry.authority.users = {"me": "pass-word"}
    prepared = plan("openmpi", to="fake")
    queue = TransferQueue(Journal(tmp_path / "journal"), workers=2, hold_mirrors=True)
    try:
        queue.pause(True)
        push_id = queue.add(prepared.job)
        queue.set_limits(TransferLimits(1))
        queue.pause(False)
        while not any(row.state is ItemState.UPLOADED or row.entry for row in queue.outcome(push_id).rows):
            assert not queue.wait(push_id, 0.001)
        registry.authority.users = {"me": "new-word"}
        registry.authority.revoke_all()
        queue.set_limits(TransferLimits(2))
        while not (holds := queue.snapshot().holds):
            assert not queue.wait(push_id, 0.01)
        assert [(hold.reason, hold.left_s) for hold in holds] == [(HoldReason.LOGIN, None)]
        assert "pass-word" not in holds[0].error.sentence()
        mirror = resolve_mirror("fake", mirrors_of(instance), cwd=tmp_path)
        account = account_of(mirror, Direction.PUSH)
        access.credentials.session.put(account, Credential("me", Secret("new-word")))
        queue.release("fake")
        assert queue.wait(push_id, 60), queue.snapshot()
        assert not queue.snapshot().holds
        outcome = queue.outcome(push_id)
        assert in_state(outcome, ItemState.DONE) == names(prepared, Decision.PUSH)
        assert registry.uploads.sessions == {}
    finally:
        queue.close()


@pytest.mark.parametrize("certificate", ["server"])
def test_q11_logins_that_live_shorter_than_the_push(plan: Plan, carry_out: CarryOut, registry: FakeRegistry) -> None:
    """Every token is void after some requests."""
    registry.authority.kind = "bearer"
    registry.authority.users = {"me": "pass-word"}
    prepared = plan("openmpi", to="fake")
    registry.authority.most_uses = 20
    outcome = carry_out(prepared)
    assert in_state(outcome, ItemState.DONE) == names(prepared, Decision.PUSH)
    assert len(registry.seen("GET", "/token")) > 3
