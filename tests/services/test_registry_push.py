# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushes of the sample packages to Debian's docker-registry: without login, with a password, with tokens."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pushed_images import TOKEN, Opened, add_mirrors, at, digest_of, layers_of, runtime_closure
from registry.asking import Login
from registry.servers import PASSWORD, USER, RunningRegistry

from core.caches.opening import CacheAccess
from core.foundation.errors import AuthRequired
from core.network.endpoints import Endpoint
from core.registry import early
from core.services.access import open_access
from core.services.contents import list_contents, update_index
from core.services.push import PreparedPush, plan_push
from core.spack.instance import Instance
from core.transfers import links
from core.transfers.model import ItemState, PushOutcome
from core.transfers.plan import Decision, PushOptions, PushRequest

REPOSITORY = Path(__file__).parents[2]
HWLOC = {"gcc-runtime", "hwloc", "libxml2", "ncurses", "xz", "zlib-ng"}

Plan = Callable[..., PreparedPush]
Look = Callable[..., Opened]
CarryOut = Callable[[PreparedPush], PushOutcome]


@pytest.fixture
def environ() -> dict[str, str]:
    return {"LAB_USER": USER, "LAB_PASSWORD": PASSWORD, "WRONG_PASSWORD": "something else"}


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A repository of its own for every test."""
    return "lab/" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")


def url(running: RunningRegistry, name: str) -> str:
    return f"{'oci' if running.scheme == 'https' else 'oci+http'}://{running.host}/{name}"


@pytest.fixture
def checkout(checkout: Path, real_registries: dict[str, RunningRegistry], name: str) -> Path:
    """With a mirror in each registry; `wrong` has the wrong password."""
    pair = {"id": USER, "secret_variable": "LAB_PASSWORD"}
    mirrors: dict[str, dict[str, object]] = {
        kind: {"url": url(running, name), "access_pair": pair} for kind, running in real_registries.items()
    }
    del mirrors["plain"]["access_pair"]
    mirrors["token"]["access_pair"] = {"id_variable": "LAB_USER", "secret_variable": "LAB_PASSWORD"}
    for kind in ("basic", "token"):
        wrong = {"id": USER, "secret_variable": "WRONG_PASSWORD"}
        mirrors[f"wrong-{kind}"] = {"url": mirrors[kind]["url"], "access_pair": wrong}
    add_mirrors(checkout, mirrors, real_registries["basic"].authority)
    return checkout


@pytest.fixture
def look(real_registries: dict[str, RunningRegistry], name: str) -> Iterator[Callable[..., Opened]]:
    """`look("basic")` opens the test's repository there."""
    opened = []

    def look(kind: str = "plain", name: str = name) -> Opened:
        running = real_registries[kind]
        endpoint = Endpoint(running.scheme, running.host)
        opened.append(at(endpoint, name, authority=running.authority, login=Login(USER, PASSWORD)))
        return opened[-1].__enter__()

    yield look
    for context in opened:
        context.__exit__(None, None, None)


def states(outcome: PushOutcome) -> set[ItemState]:
    return {row.state for row in outcome.rows}


@pytest.mark.parametrize("kind", ["plain", "basic", "token"])
def test_pushed_listed_indexed_and_found_again(
    instance: Instance, access: CacheAccess, plan: Plan, carry_out: CarryOut, tmp_path: Path, kind: str, look: Look
) -> None:
    outcome = carry_out(plan("hwloc", to=kind, update_index=True))
    assert states(outcome) == {ItemState.DONE}, outcome
    registry = look(kind)
    packages = registry.packages()
    assert packages.keys() == HWLOC
    for name, image in packages.items():
        assert set(image.layers) == layers_of(packages, runtime_closure(instance, name))
    before = {tag: registry.image(tag).digest for tag in registry.tags()}

    access = open_access(instance)  # as another run of the program
    try:
        contents = list_contents(instance, access, kind, [], cwd=tmp_path, token=TOKEN)
        assert {entry.entry.name for entry in contents.entries} == HWLOC
        assert contents.problems == ()
        again = plan_push(
            instance,
            access,
            PushRequest(kind, ("hwloc",), options=PushOptions(with_build_dependencies=False)),
            cwd=tmp_path,
            token=TOKEN,
        )
        assert {item.name for item in again.plan.of(Decision.PRESENT)} == HWLOC
        assert carry_out(again).in_state(ItemState.DONE) == ()
        update = update_index(
            instance, access, kind, full=True, cwd=tmp_path, token=TOKEN, progress=lambda _done, _all: None
        )
        assert (update.entries, update.added, update.dropped, update.skipped) == (len(HWLOC), 0, 0, ())
    finally:
        access.close()
    assert {tag: registry.image(tag).digest for tag in registry.tags()} == before


@pytest.mark.parametrize("kind", ["basic", "token"])
def test_a_wrong_password_is_one_error_before_anything_is_packed(plan: Plan, kind: str, look: Look, home: Path) -> None:
    with pytest.raises(AuthRequired) as caught:
        plan("hwloc", to=f"wrong-{kind}")
    told = caught.value.info()
    assert told.remedies
    assert "something else" not in told.sentence()
    forced = plan("hwloc", to=f"wrong-{kind}", force=True)  # does not even look what is there
    (blocker,) = forced.plan.blockers
    assert (blocker.code, blocker.title) == (told.code, told.title)
    assert look(kind).tags() == []
    assert list(home.rglob("packing/*")) == []


def test_what_a_push_really_sent_is_measured(plan: Plan, carry_out: CarryOut, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "LEAST_BYTES", 1)
    prepared = plan("hwloc", to="plain")
    outcome, url = carry_out(prepared), prepared.plan.mirror_url
    link = links.last_link(url)
    assert link is not None
    assert link.sent == sum(row.entry.stored_bytes for row in outcome.in_state(ItemState.DONE) if row.entry)
    assert 0 < link.seconds < outcome.seconds
    carry_out(plan("hwloc", to="plain", force=True))  # the registry has every archive: nothing is sent
    assert links.last_link(url) == link


def test_the_same_package_gives_the_same_image(plan: Plan, carry_out: CarryOut, look: Look) -> None:
    carry_out(plan("hwloc", to="plain"))
    registry = look()
    before = {name: (image.digest, image.manifest) for name, image in registry.packages().items()}
    outcome = carry_out(plan("hwloc", to="plain", force=True))
    assert len(outcome.in_state(ItemState.DONE)) == len(HWLOC)
    assert {name: (image.digest, image.manifest) for name, image in registry.packages().items()} == before


def test_one_image_of_several_packages(instance: Instance, plan: Plan, carry_out: CarryOut, look: Look) -> None:
    outcome = carry_out(plan("hwloc bzip2", to="plain", tag="tools"))
    assert states(outcome) == {ItemState.DONE}
    registry = look()
    packages, image = registry.packages(), registry.image("tools")
    assert set(image.layers) == layers_of(packages, HWLOC | {"bzip2"})
    assert len(image.layers) == len(HWLOC) + 1
    assert "spec" not in image.config
    for name in ("hwloc", "bzip2"):
        prefix = next(record.prefix for record in instance.database().records.values() if record.name == name)
        assert f"{prefix}/bin" in image.environment["PATH"].split(":")
    # Also when all was there before.
    outcome = carry_out(plan("bzip2 hwloc", to="plain", tag="again"))
    (address,) = [row.image for row in outcome.rows if row.image]
    assert address.endswith(":again")
    assert outcome.in_state(ItemState.DONE) == ()
    assert set(registry.image("again").layers) == set(image.layers)


def test_squashed(plan: Plan, carry_out: CarryOut, look: Look) -> None:
    carry_out(plan("hwloc", to="plain", tag="whole"))
    carry_out(plan("hwloc", to="plain", tag="squashed", squash_to=2))
    registry = look()
    whole, squashed = registry.image("whole"), registry.image("squashed")
    assert (len(whole.layers), len(squashed.layers)) == (len(HWLOC), 2)
    assert registry.files(squashed) == registry.files(whole)
    assert squashed.environment == whole.environment
    assert set(registry.packages()["hwloc"].layers) == set(whole.layers)


# ---- base images ----

LAYER = b"any bytes will do"
BASE_ENVIRONMENT = {"PATH": "/base/bin:/bin", "LANG": "C"}


def put_base(registry: Opened, **config: object) -> str:
    entries = [f"{key}={value}" for key, value in BASE_ENVIRONMENT.items()]
    return registry.put_image("1", LAYER, digest_of(b"unpacked"), config={"Env": entries}, **config)


@pytest.mark.parametrize("kind", ["plain", "basic"])
def test_a_base_image_of_the_same_or_another_registry(
    plan: Plan,
    carry_out: CarryOut,
    look: Look,
    name: str,
    kind: str,
    real_registries: dict[str, RunningRegistry],
) -> None:
    put_base(look(kind, "bases/one"))
    address = f"{real_registries[kind].host}/bases/one:1"
    prepared = plan("zlib-ng", to="plain", base_image=f"oci+http://{address}" if kind == "plain" else address)
    assert prepared.plan.blockers == ()
    assert look().repository.blob_size(digest_of(LAYER), TOKEN) is None
    assert states(carry_out(prepared)) == {ItemState.DONE}
    packages = look().packages()
    image = packages["zlib-ng"]
    assert image.layers == [digest_of(LAYER), packages["gcc-runtime"].layers[-1], image.layers[-1]]
    assert look().repository.read_blob(digest_of(LAYER), 100, TOKEN) == LAYER
    assert image.environment["LANG"] == "C"
    assert image.environment["PATH"].endswith("/bin:/base/bin:/bin")


@pytest.mark.parametrize("trouble", ["missing", "architecture", "platforms", "no-image", "not-a-name"])
def test_a_base_image_that_does_not_fit_is_refused_before_anything_is_uploaded(
    plan: Plan, look: Look, real_registries: dict[str, RunningRegistry], trouble: str
) -> None:
    base = look(name=f"bases/{trouble}")
    if trouble == "architecture":
        put_base(base, architecture="s390x")
    elif trouble == "platforms":
        digest = put_base(base, architecture="amd64")
        entries = [
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1, **more}
            for more in ({}, {"platform": {"os": "linux", "architecture": "s390x"}})
        ]
        media_type = "application/vnd.oci.image.index.v1+json"
        document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
        base.repository.put_manifest("1", json.dumps(document).encode(), media_type, TOKEN)
    elif trouble == "no-image":
        put_base(base)
        raw = base.repository.manifest("1", TOKEN)
        assert raw is not None
        config = base.put(json.dumps({"architecture": "amd64", "rootfs": {"diff_ids": []}}).encode())
        manifest = json.loads(raw.data)
        manifest["config"]["digest"] = config
        manifest["config"]["size"] = base.repository.blob_size(config, TOKEN)
        base.repository.put_manifest("1", json.dumps(manifest).encode(), raw.media_type, TOKEN)
    address = f"oci+http://{real_registries['plain'].host}/bases/{trouble}:1"
    prepared = plan("zlib-ng", to="plain", base_image="a b" if trouble == "not-a-name" else address)
    (blocker,) = prepared.plan.blockers
    assert {
        "missing": "There is no image",
        "architecture": "s390x",
        "platforms": "linux/amd64",
        "no-image": "1 layers, but its config names 0",
        "not-a-name": "a b is not the name of an image",
    }[trouble] in blocker.sentence()
    registry = look()
    assert registry.tags() == []
    assert registry.repository.blob_size(digest_of(LAYER), TOKEN) is None


# ---- sent while it is packed ----


@pytest.mark.parametrize("kind", ["plain", "basic", "token"])
def test_what_is_sent_while_it_is_packed_arrives_whole(
    plan: Plan, carry_out: CarryOut, look: Look, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "_LEAST_BYTES", 1)
    monkeypatch.setattr(early, "_LEAST_PIECE_BYTES", 1)
    monkeypatch.setattr(links, "LEAST_BYTES", 1)
    waited_for_a_piece(monkeypatch)
    prepared = plan("hwloc", to=kind)
    outcome = carry_out(prepared)
    assert states(outcome) == {ItemState.DONE}, outcome
    assert {row.blob for row in outcome.rows} == {"uploaded"}
    registry = look(kind)
    for image in registry.packages().values():
        for layer in image.layers:
            size = registry.repository.blob_size(layer, TOKEN)
            assert digest_of(registry.repository.read_blob(layer, size or 0, TOKEN)) == layer
    link, stored = links.last_link(prepared.plan.mirror_url), sum(row.entry.stored_bytes for row in outcome.rows)
    assert link is not None
    assert link.sent < stored  # how fast the line is tells only what went out while nothing else was done


def waited_for_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packing waits until something was sent, however fast the machine packs."""
    follow = early.EarlyUpload.follow

    def slowly(upload: early.EarlyUpload, path: Path, size: int) -> None:
        follow(upload, path, size)
        while not upload.meter.furthest and upload._thread is not None and upload._thread.is_alive():
            time.sleep(0.001)

    monkeypatch.setattr(early.EarlyUpload, "follow", slowly)


# ---- two at once ----


def test_two_writers_lose_nothing_of_each_other(checkout: Path, look: Look, environ: dict[str, str]) -> None:
    """Two runs of the program push different packages and update the same index."""
    environment = os.environ | environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "core.cli.main", "--instance", str(checkout), "buildcache", "push"]
    command += ["--without-build-dependencies", "--update-index", "--only", "package", "basic"]
    groups = (["xz", "ncurses", "zlib-ng"], ["bzip2", "libxml2", "gcc-runtime"])
    runs = [
        subprocess.Popen(
            [*command, *group], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for group in groups
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    registry = look("basic")
    index = registry.repository.manifest("index.spack", TOKEN)
    assert index is not None
    layer = json.loads(index.data)["layers"][0]
    installs = json.loads(registry.repository.read_blob(layer["digest"], layer["size"], TOKEN))["database"]["installs"]
    there = {record["spec"]["name"] for record in installs.values() if record["in_buildcache"]}
    assert there == {name for group in groups for name in group} == set(registry.packages())


def test_t37_what_another_repository_of_the_registry_is_known_to_hold_is_mounted(
    plan: Plan, carry_out: CarryOut, real_registries: dict[str, RunningRegistry], name: str
) -> None:
    first = carry_out(plan("hwloc", to="plain"))
    second = carry_out(plan("hwloc", to=f"{url(real_registries['plain'], name)}-second"))
    assert {row.blob for row in first.rows} == {"uploaded"}
    assert {row.blob for row in second.rows} == {"mounted"}
    assert {row.state for row in second.rows} == {ItemState.DONE}
