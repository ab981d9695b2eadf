# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Finding an instance and knowing its places."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from checkouts import write

from core.foundation.errors import ConfigError, NotFound, UsageError
from core.spack import instance as instance_module
from core.spack.install_trees import pad_root, unpad_root
from core.spack.instance import Instance, find_instance

PLACEHOLDER = "__spack_path_placeholder__"


def found(checkout, **options: object) -> Instance:
    return find_instance(str(checkout.root), environ=checkout.environ, **options)


# ---- finding ----


def test_by_directory(checkout) -> None:
    instance = found(checkout)
    assert instance.root == checkout.root
    assert instance.version == "1.1.1"
    assert instance.spack_executable == checkout.root / "bin" / "spack"
    assert instance.install_root == instance.unpadded_root == checkout.root / "opt" / "spack"
    assert instance.gnupg_home == checkout.root / "opt" / "spack" / "gpg"
    assert instance.environments_root == checkout.root / "var" / "spack" / "environments"
    assert instance.id == f"{checkout.root}:{checkout.root}/opt/spack"
    assert (instance.environment, instance.upstream_roots, instance.problems) == (None, (), ())
    assert (instance.locks, instance.lock_timeout_s) == (True, 60.0)


def test_a_link_is_the_same_instance(checkout, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(checkout.root)
    assert find_instance(str(tmp_path / "link"), environ=checkout.environ).id == found(checkout).id


def test_order_of_the_ways_to_find_one(checkout, tmp_path: Path) -> None:
    others = {name: tmp_path / name for name in ("given", "root", "path", "remembered")}
    for place in others.values():
        shutil.copytree(checkout.root, place)
        (place / "bin" / "spack").chmod(0o755)
    bin_directory = tmp_path / "bin"
    bin_directory.mkdir()
    (bin_directory / "spack").symlink_to(others["path"] / "bin" / "spack")
    environ = checkout.environ | {"SPACK_ROOT": str(others["root"]), "PATH": f"/nowhere:{bin_directory}"}
    remembered = [str(tmp_path / "gone"), str(others["remembered"])]
    assert find_instance(str(others["given"]), environ=environ, remembered=remembered).root == others["given"]
    assert find_instance(None, environ=environ, remembered=remembered).root == others["root"]
    del environ["SPACK_ROOT"]
    assert find_instance(None, environ=environ, remembered=remembered).root == others["path"]
    environ["PATH"] = ""
    assert find_instance(None, environ=environ, remembered=remembered).root == others["remembered"]


def test_a_wrapper_on_the_path_is_no_checkout(checkout, tmp_path: Path) -> None:
    wrapper = write(tmp_path / "usr" / "bin" / "spack", "#!/bin/sh\n")
    wrapper.chmod(0o755)
    environ = checkout.environ | {"PATH": str(wrapper.parent)}
    assert find_instance(None, environ=environ, remembered=[str(checkout.root)]).root == checkout.root
    with pytest.raises(NotFound, match=str(wrapper)):
        find_instance(None, environ=environ)


@pytest.mark.parametrize("way", ["directory", "SPACK_ROOT"])
@pytest.mark.parametrize(("exists", "why"), [(True, "neither bin/spack"), (False, "does not exist")])
def test_a_wrong_place_is_named(tmp_path: Path, way: str, exists: bool, why: str) -> None:
    place = tmp_path / "wrong"
    if exists:
        place.mkdir()
    environ = {"PATH": ""} if way == "directory" else {"PATH": "", "SPACK_ROOT": str(place)}
    with pytest.raises(NotFound) as caught:
        find_instance(str(place) if way == "directory" else None, environ=environ)
    assert str(place) in caught.value.title
    assert why in caught.value.why


def test_none_anywhere() -> None:
    with pytest.raises(NotFound) as caught:
        find_instance(None, environ={"PATH": ""})
    assert caught.value.remedies


def test_a_bare_install_root(golden_tree: Path, checkout) -> None:
    root = golden_tree / "opt/lab/spack/opt/spack"
    write(checkout.user / "config.yaml", "config: {install_tree: {root: /elsewhere}, locks: false}\n")
    instance = find_instance(str(root), environ=checkout.environ)
    assert (instance.root, instance.install_root, instance.unpadded_root) == (None, root, root)
    assert (instance.spack_executable, instance.version, instance.locks) == (None, "", False)
    assert instance.gnupg_home == root / "gpg"
    assert instance.environments_root is None
    assert all(not scope.writable for scope in instance.scopes)
    assert len(instance.database().records) == 26


# ---- places ----


@pytest.mark.parametrize(
    ("tree", "root"),
    [
        ("/srv/tree", "/srv/tree"),
        ("{root: /srv/tree/}", "/srv/tree"),
        ("{root: ~/tree}", "HOME/tree"),
        ("{root: rel}", "USER/rel"),
        ("{projections: {all: x}}", "SPACK/opt/spack"),
        ("{root: $SCRATCH/t, padded_length: false}", "/scratch/t"),
        ("{root: /srv/tree, padded_length: 0}", "/srv/tree"),
    ],
)
def test_install_root(checkout, tree: str, root: str) -> None:
    write(checkout.user / "config.yaml", f"config: {{install_tree: {tree}}}\n")
    instance = find_instance(str(checkout.root), environ=checkout.environ | {"SCRATCH": "/scratch"})
    expected = root.replace("HOME", checkout.environ["HOME"]).replace("USER", str(checkout.user))
    assert str(instance.install_root) == expected.replace("SPACK", str(checkout.root))
    assert instance.unpadded_root == instance.install_root


def test_padded_install_root(checkout) -> None:
    write(checkout.user / "config.yaml", "config: {install_tree: {root: /opt/lab/padroot, padded_length: 160}}\n")
    instance = found(checkout)
    assert str(instance.install_root).startswith(f"/opt/lab/padroot/{PLACEHOLDER}/{PLACEHOLDER}/")
    assert len(str(instance.install_root)) == 160
    assert instance.unpadded_root == Path("/opt/lab/padroot")


def test_padding_as_far_as_possible(checkout) -> None:
    write(checkout.user / "config.yaml", "config: {install_tree: {root: /srv, padded_length: true}}\n")
    assert len(str(found(checkout).install_root)) == os.pathconf("/", "PC_PATH_MAX") - 300


@pytest.mark.parametrize("length", range(11, 130))
def test_every_length_is_reached_exactly_and_undone(length: int) -> None:
    padded = pad_root("/opt/tree", length)
    assert len(padded) == length
    assert os.path.normpath(padded) == padded
    names = padded.removeprefix("/opt/tree/").split("/")
    assert all(name == PLACEHOLDER for name in names[:-1])
    assert (PLACEHOLDER + "_").startswith(names[-1])
    if len(names) > 1:
        assert unpad_root(Path(padded)) == Path("/opt/tree")


@pytest.mark.parametrize("length", [1, 9, 10])
def test_lengths_that_cannot_be_reached(length: int) -> None:
    assert pad_root("/opt/tree", length) == "/opt/tree"


@pytest.mark.parametrize("tree", ["{root: 5}", "{root: 'https://host/x'}", "{root: /x, padded_length: long}"])
def test_an_install_root_that_cannot_be_known(checkout, tree: str) -> None:
    file = write(checkout.user / "config.yaml", f"config:\n  install_tree: {tree}\n")
    with pytest.raises(ConfigError) as caught:
        found(checkout)
    assert caught.value.title.startswith(f"{file}:2: ")


def test_upstreams_in_their_order(checkout) -> None:
    lines = ["one: {install_tree: /up/one}", "bad: {install_tree: 5}", "two: {install_tree: ./two}", "three: {}"]
    file = write(checkout.user / "upstreams.yaml", "\n  ".join(["upstreams:", *lines]))
    instance = found(checkout)
    assert instance.upstream_roots == (Path("/up/one"), checkout.user / "two")
    assert [problem.title.split(": ")[0] for problem in instance.problems] == [f"{file}:3"]


def test_locks_keys_and_problems(checkout) -> None:
    write(checkout.user / "config.yaml", "config: {locks: false, db_lock_timeout: 3}\n")
    write(checkout.etc / "config.yaml", "config: [\n")
    instance = find_instance(str(checkout.root), environ=checkout.environ | {"SPACK_GNUPGHOME": "/keys"})
    assert (instance.locks, instance.lock_timeout_s, instance.gnupg_home) == (False, 3.0, Path("/keys"))
    assert instance.config("config").get("locks") is False
    assert [problem.title.split(": ")[0] for problem in instance.problems] == [f"{checkout.etc}/config.yaml:2"]


def test_environment_values_stay_out_of_the_repr(checkout) -> None:
    instance = find_instance(str(checkout.root), environ=checkout.environ | {"SECRET": "hunter2"})
    assert instance.environ["SECRET"] == "hunter2"
    assert "hunter2" not in repr(instance)


# ---- environments ----


@pytest.fixture
def managed(checkout) -> Path:
    path = checkout.root / "var/spack/environments/team/x"
    write(path / "spack.yaml", "spack:\n  config:\n    install_tree: $env/tree\n")
    return path


def test_environment_by_name(checkout, managed: Path) -> None:
    instance = found(checkout, environment="team/x")
    assert instance.environment is not None
    assert (instance.environment.name, instance.environment.path) == ("team/x", managed)
    assert instance.install_root == managed / "tree"
    assert instance.scopes[0].name == f"env:{managed}"


def test_environment_by_directory_and_variable(checkout, managed: Path, tmp_path: Path) -> None:
    anonymous = write(tmp_path / "anon" / "spack.yaml", "spack: {}\n").parent
    by_directory = found(checkout, environment_dir=str(anonymous)).environment
    by_name = found(checkout, environment=str(anonymous)).environment
    assert by_directory is not None
    assert by_directory == by_name
    assert by_directory.path == anonymous
    checkout.environ["SPACK_ENV"] = str(managed)
    by_variable = found(checkout).environment
    assert by_variable is not None
    assert by_variable.name == "team/x"
    assert found(checkout, no_environment=True).environment is None
    assert found(checkout, environment_dir=str(anonymous)).environment == by_directory


def test_a_relative_environment_directory(checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "anon" / "spack.yaml", "spack: {}\n")
    monkeypatch.chdir(tmp_path)
    environment = found(checkout, environment_dir="./anon/../anon").environment
    assert environment is not None
    assert environment.path == tmp_path / "anon"


def test_environments_may_live_elsewhere(checkout, tmp_path: Path) -> None:
    write(tmp_path / "envs" / "y" / "spack.yaml", "spack: {}\n")
    write(checkout.user / "config.yaml", f"config: {{environments_root: {tmp_path}/envs}}\n")
    environment = found(checkout, environment="y").environment
    assert environment is not None
    assert environment.path == tmp_path / "envs" / "y"


@pytest.mark.parametrize("way", ["environment", "environment_dir", "SPACK_ENV"])
def test_environments_that_do_not_exist(checkout, way: str) -> None:
    options = {way: "/nothing/here"} if way != "SPACK_ENV" else {}
    if way == "SPACK_ENV":
        checkout.environ["SPACK_ENV"] = "/nothing/here"
    with pytest.raises(NotFound, match="/nothing/here"):
        found(checkout, **options)


def test_only_one_environment_option(checkout) -> None:
    with pytest.raises(UsageError):
        found(checkout, environment="x", no_environment=True)


# ---- packages ----


@pytest.fixture
def reads(checkout, golden: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The databases read, in order; the checkout gets the golden one."""
    shutil.copytree(golden / "db", checkout.root / "opt/spack/.spack-db")
    done: list[Path] = []
    read = instance_module.read_database

    def counting(root: Path, **options: object) -> object:
        done.append(root)
        return read(root, **options)

    monkeypatch.setattr(instance_module, "read_database", counting)
    return done


def test_the_database_is_read_again_only_when_it_changed(checkout, reads: list[Path]) -> None:
    instance = found(checkout)
    first = instance.database()
    assert instance.database() is first
    assert len(first.records) == 26
    write(checkout.root / "opt/spack/.spack-db/index_verifier", "2d8b6a0e-0000-4000-8000-000000000000")
    assert instance.database() is not first
    assert len(reads) == 2


def test_a_changed_upstream_is_read_again(checkout, reads: list[Path], golden: Path, tmp_path: Path) -> None:
    shutil.copytree(golden / "db", tmp_path / "up" / ".spack-db")
    write(checkout.user / "upstreams.yaml", f"upstreams: {{u: {{install_tree: {tmp_path}/up}}}}\n")
    instance = found(checkout)
    first = instance.database()
    assert instance.database() is first
    write(tmp_path / "up" / ".spack-db" / "index_verifier", "another")
    assert instance.database() is not first


def test_threads_share_one_reading(checkout, reads: list[Path]) -> None:
    instance = found(checkout)
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(instance.database())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1
    assert len({id(result) for result in results}) == 1
