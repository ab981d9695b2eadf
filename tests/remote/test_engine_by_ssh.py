# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An engine on another computer, by a real sshd: what a window does with it, and what it leaves there."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from helpers.gnupg_home import gnupg_home
from registry.kit.fake_registry import FakeRegistry
from remote.conftest import HOST, Node, Session
from remote.far_window import FarWindow, traces_of, wait_until

from core.engine.calls.contents import ListContents
from core.engine.calls.files import ListDirectory
from core.engine.calls.instances import OpenInstance
from core.engine.calls.keys import SignEntries
from core.engine.calls.logins import SaveServerSettings
from core.engine.calls.mirrors import ApplyMirrorEdit, ListMirrors, PlanMirrorEdit
from core.engine.calls.push import PlanPush, StartPush
from core.engine.calls.transfers import ContinueUnfinished, ListUnfinished, StopTransfers
from core.mirrors.forms import AddMirror, ConnectionForm, MirrorForm
from core.mirrors.servers import ServerSettings
from core.remote.address import Place
from core.services.keys_values import SignRequest
from core.services.sample import make_sample_instance
from core.transfers.plan import PushOptions, PushRequest, Signing

CANARY = "c4nary-stays-home"
VARIABLE = "LAB_TOKEN"
REPOSITORY = "lab/cache"
FAR = Place(HOST)
QUERY = ("gromacs",)
Sessions = Callable[..., Session]


@pytest.fixture(scope="module")
def instance(running_node: Node) -> Iterator[Path]:
    make_sample_instance(running_node.home / "spack")
    yield running_node.home / "spack"
    shutil.rmtree(running_node.home / "spack")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        fake.authority.kind = "basic"
        fake.authority.users = {"me": CANARY}
        yield fake


def hold_after_the_first(registry: FakeRegistry) -> None:
    """One package gets there, and no other."""
    registry.faults.add(method="PUT", path="manifests", nth=2, times=None, wait=threading.Event())


def keyring_for(registry: FakeRegistry) -> dict[str, str]:
    """The window's keyring, with the login for `registry`."""
    return {f"{VARIABLE}@{registry.host}/{REPOSITORY}": json.dumps({"user": "me", "secret": CANARY})}


def configure(instance: Path, registry: FakeRegistry) -> None:
    entry = {
        "url": f"oci+http://{registry.host}/{REPOSITORY}",
        "access_pair": {"id": "me", "secret_variable": VARIABLE},
    }
    text = json.dumps({"mirrors": {"team": {"url": "$spack/mirrors/team", "signed": False}, "far": entry}})
    (instance / "etc/spack/site/mirrors.yaml").write_text(text)


def opened(window: FarWindow, registry: FakeRegistry | None = None) -> str:
    info = window.done(OpenInstance(directory="~/spack", no_environment=True))
    if registry is not None:
        window.done(SaveServerSettings(info.id, registry.host, ServerSettings(plain_passwords=True)))
    return str(info.id)


def planned(window: FarWindow, instance_id: str, mirror: str = "far") -> str:
    options = PushOptions(signing=Signing.UNSIGNED, private=True, with_build_dependencies=False)
    plan = window.done(PlanPush(instance_id, PushRequest(mirror, QUERY, options=options)))
    assert not plan.blockers, plan.blockers
    return str(plan.id)


def test_a_push_with_a_login_that_stays_at_home(
    node: Node, instance: Path, registry: FakeRegistry, session: Sessions
) -> None:
    configure(instance, registry)
    far = session(FAR, keyring_for(registry))
    window = far.window()
    assert not window.hello.attached
    window.done(StartPush(planned(window, opened(window, registry))))
    seen: dict[int, list[str]] = {}

    def ended() -> bool:
        done = sum(row.state == "done" for row in window.rows.values())
        if done not in seen:  # not at every snapshot: looking takes longer than the next one needs to come
            seen[done] = traces_of(CANARY, node.home)
        return window.ended()

    window.watch_until(ended)
    assert {row.state for row in window.rows.values()} == {"done"}, window.rows
    assert len(registry.tags[REPOSITORY]) == len(window.rows) > 3
    assert {need.account for need in window.asked} >= set(keyring_for(registry))
    assert [*chain(*seen.values()), *traces_of(CANARY, node.home)] == []
    window.goodbye()
    wait_until(lambda: not far.alive())
    assert traces_of(CANARY, node.home) == []
    assert list((node.home / "run/mirrordeck").glob(f"{far.id}*")) == []


def test_a_push_is_stopped(node: Node, instance: Path, registry: FakeRegistry, session: Sessions) -> None:
    configure(instance, registry)
    window = session(FAR, keyring_for(registry)).window()
    hold_after_the_first(registry)
    window.done(StartPush(planned(window, opened(window, registry))))
    window.watch_until(lambda: any(row.state == "done" for row in window.rows.values()))
    window.done(StopTransfers())
    window.watch_until(window.ended)
    assert "cancelled" in {row.state for row in window.rows.values()}
    window.goodbye()


# How many requests the registry has seen when the connection breaks; below zero: steps before there are any.
MOMENTS = (-5, -4, -3, -2, -1, 2, 12, 30, 60, 90)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_connection_breaks_and_the_window_comes_back(
    moment: int, node: Node, instance: Path, registry: FakeRegistry, session: Sessions
) -> None:
    configure(instance, registry)
    far = session(FAR, keyring_for(registry))
    window = far.window()
    plan = ""
    if moment >= -4:
        instance_id = opened(window, registry)
    if moment == -3:
        window.begin(PlanPush(instance_id, PushRequest("far", QUERY)))
    if moment >= -2:
        plan = planned(window, instance_id)
    if moment >= -1:
        window.begin(StartPush(plan))
    if moment >= 0:
        wait_until(lambda: len(registry.requests) >= moment)
    window.kill()
    window = far.window()
    assert window.hello.attached
    instance_id = opened(window, registry)
    window.watch_until(lambda: window.queue is not None)
    if window.queue is not None and not window.queue.pushes:
        window.done(StartPush(plan or planned(window, instance_id)))
    window.watch_until(window.ended)
    assert {row.state for row in window.rows.values()} == {"done"}
    # Nothing is broken: every image is whole and the same as if nothing had happened.
    assert planned_again(window, instance_id) == 0
    assert window.done(ListUnfinished()).offers == ()
    window.goodbye()
    wait_until(lambda: not far.alive())
    assert traces_of(CANARY, node.home) == []


def planned_again(window: FarWindow, instance_id: str) -> int:
    """How many packages the mirror lacks, looking anew."""
    options = PushOptions(signing=Signing.UNSIGNED, private=True, with_build_dependencies=False, recheck=True)
    plan = window.done(PlanPush(instance_id, PushRequest("far", QUERY, options=options)))
    return sum(item.decision == "push" for item in plan.items)


def test_nobody_comes_back(node: Node, instance: Path, registry: FakeRegistry, session: Sessions) -> None:
    configure(instance, registry)
    far = session(FAR, keyring_for(registry), wait_s=1)
    window = far.window()
    hold_after_the_first(registry)
    window.done(StartPush(planned(window, opened(window, registry))))
    window.watch_until(lambda: any(row.state == "done" for row in window.rows.values()))
    window.kill()
    wait_until(lambda: not far.alive())
    tags = len(registry.tags[REPOSITORY])
    assert 0 < tags < len(window.rows)
    # A new engine finds the rest in the journal.
    later = session(FAR, keyring_for(registry)).window()
    assert not later.hello.attached
    (left,) = later.done(ListUnfinished()).offers
    registry.faults.clear()
    instance_id = opened(later, registry)
    later.done(ContinueUnfinished(left.id))
    later.watch_until(later.ended)
    assert planned_again(later, instance_id) == 0
    later.goodbye()


def test_a_window_that_is_still_there_gives_way(node: Node, instance: Path, session: Sessions) -> None:
    far = session(FAR)
    first = far.window()
    opened(first)
    second = far.window()
    assert second.hello.attached
    while first.receive() is not None:
        pass
    opened(second)
    first.kill()
    second.goodbye()


def test_a_mirror_is_edited_there(node: Node, instance: Path, session: Sessions) -> None:
    window = session(FAR).window()
    instance_id = opened(window)
    edit = AddMirror(MirrorForm("new", ConnectionForm("oci://registry.example/team/cache"), signed=False))
    plan = window.done(PlanMirrorEdit(instance_id, edit))
    window.done(ApplyMirrorEdit(instance_id, plan.id))
    assert "new" in {row.mirror.name for row in window.done(ListMirrors(instance_id)).rows}
    assert "registry.example/team/cache" in "".join(
        path.read_text() for path in (node.home / "spack/etc/spack").rglob("mirrors.yaml")
    )
    window.goodbye()


def test_entries_are_signed_there(node: Node, instance: Path, session: Sessions) -> None:
    with gnupg_home() as keys:
        keys.make_key("far")
        shutil.copytree(keys.path, instance / "opt/spack/gpg", ignore=shutil.ignore_patterns("S.*"))
    window = session(FAR).window()
    instance_id = opened(window)
    mirror = str(node.home / "cache")
    window.done(StartPush(planned(window, instance_id, mirror)))
    window.watch_until(window.ended)
    assert {row.state for row in window.rows.values()} == {"done"}
    signed = window.done(SignEntries(instance_id, SignRequest(mirror)))
    assert signed.changed == signed.total > 0
    rows: list[Any] = []
    window.ask(ListContents(instance_id, mirror, refresh=True), rows)
    assert {row.name for row in rows if row.signed} == {row.name for row in rows if row.kind == "package"}
    subprocess.run(["gpgconf", "--homedir", str(instance / "opt/spack/gpg"), "--kill", "all"], check=True)
    window.goodbye()


def test_folders_are_looked_into_there(node: Node, instance: Path, session: Sessions) -> None:
    window = session(FAR).window()
    view = window.done(ListDirectory("", dirs_only=True))
    assert view.path == str(node.home)
    assert "spack" in {entry.name for entry in view.entries}
    window.goodbye()
