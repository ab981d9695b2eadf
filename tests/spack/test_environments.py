# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Finding environments and reading their lock files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkouts import write

from core.foundation.errors import DatabaseError, NotFound
from core.spack.environments import Environment, environment_at, list_environments, managed_environment, read_lock

A, B, C, D = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)


@dataclass
class Managing:
    environments_root: Path | None


def roots(*hashes: str) -> list[dict[str, str]]:
    return [{"hash": dag_hash, "spec": f"spec-{dag_hash[0]}"} for dag_hash in hashes]


def lock(version: int = 6, **more: object) -> dict[str, object]:
    meta = {"file-type": "spack-lockfile", "lockfile-version": version, "specfile-version": 5}
    return {"_meta": meta, "roots": roots(A), "concrete_specs": {A: {"name": "x"}}, **more}


def environment(tmp_path: Path, content: object) -> Environment:
    text = content if isinstance(content, str) else json.dumps(content)
    return Environment("x", write(tmp_path / "x" / "spack.lock", text).parent)


def test_lock_written_by_spack(golden: Path) -> None:
    found = read_lock(Environment("anon", golden / "environments" / "anon"))
    assert found.roots == ("vl34dzlozxpjvtqesxhxucvuaovwfjfx", "czfloomisviyu5ykh5nj7yj6fxnpf6u3")
    assert found.specs == ("labtop", "labzed@1.3 cflags='-O2 -g' ~shared+static")


@pytest.mark.parametrize("version", [4, 5, 6])
def test_versions_that_are_read(tmp_path: Path, version: int) -> None:
    assert read_lock(environment(tmp_path, lock(version))).roots == (A,)


def test_included_environments_follow_in_order_each_root_once(tmp_path: Path) -> None:
    inner = {"/e/inner": {"roots": roots(D, A), "concrete_specs": {}}}
    included = {
        "/e/one": {"roots": roots(C), "concrete_specs": {}, "include_concrete": inner},
        "/e/two": {"roots": roots(B, C), "concrete_specs": {}},
    }
    found = read_lock(environment(tmp_path, lock(include_concrete=included)))
    assert found.roots == (A, C, D, B)
    assert found.specs == ("spec-a", "spec-c", "spec-d", "spec-b")


def test_only_included_environments(tmp_path: Path) -> None:
    content = lock(roots=[], concrete_specs={}, include_concrete={"/e": {"roots": roots(B), "concrete_specs": {}}})
    assert read_lock(environment(tmp_path, content)).roots == (B,)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "truncated"),
        ("[]", "object"),
        ("{", "truncated"),
        ('{"_meta": {}}', "lockfile-version"),
        (lock(3), "version is 3"),
        (lock(7), "version is 7"),
        (lock(roots=roots(B)), "not among its specs"),
        (lock(roots=[{"hash": 5, "spec": "x"}]), "str"),
        (lock(include_concrete={"/e": {"roots": roots("../x")}}), "not a hash"),
        ('{"_meta": ' * 100_000, ""),  # Python 3.13 allows deeper nesting and then misses the end
    ],
)
def test_locks_that_cannot_be_understood(tmp_path: Path, content: object, why: str) -> None:
    place = environment(tmp_path, content)
    with pytest.raises(DatabaseError) as caught:
        read_lock(place)
    assert str(place.lock) in caught.value.title
    assert why in caught.value.why.lower() or why in caught.value.why


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    place = environment(tmp_path, "{}")
    place.lock.write_bytes(b'{"_meta": "\xff\xfe"}')
    with pytest.raises(DatabaseError):
        read_lock(place)


def test_an_environment_that_was_never_concretized(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        read_lock(Environment("x", tmp_path))
    assert str(tmp_path / "spack.lock") in caught.value.why
    assert caught.value.remedies


def test_managed_environments_by_name(tmp_path: Path) -> None:
    for name in ("b", "a", "team/one", "team/one/deep", ".hidden", "a/.spack-env", "bad name", "team"):
        write(tmp_path / "envs" / name / "spack.yaml", "spack: {}\n")
    (tmp_path / "envs" / "empty").mkdir()
    (tmp_path / "envs" / "b" / "loop").symlink_to(tmp_path / "envs")
    (tmp_path / "envs" / "tracked").symlink_to(write(tmp_path / "else" / "spack.yaml", "spack: {}\n").parent)
    found = list_environments(Managing(tmp_path / "envs"))
    assert [place.name for place in found] == ["a", "b", "team", "team/one", "team/one/deep", "tracked"]
    assert found[3].manifest == tmp_path / "envs/team/one/spack.yaml"
    assert list_environments(Managing(None)) == list_environments(Managing(tmp_path / "nothing")) == []


def test_names_and_scopes(tmp_path: Path) -> None:
    root = tmp_path / "envs"
    for name in ("x", "team/one"):
        write(root / name / "spack.yaml", "spack: {}\n")
    anonymous = write(tmp_path / "anon" / "spack.yaml", "spack: {}\n").parent
    (root / "tracked").symlink_to(anonymous)
    assert environment_at(root / "x", root).scope_name == "env:x"
    assert environment_at(root / "team/one", root).name == "team/one"
    assert environment_at(root / "team/one", root).scope_name == f"env:{root}/team/one"
    assert environment_at(anonymous, root).name == str(anonymous)
    assert environment_at(anonymous, None).scope_name == f"env:{anonymous}"
    assert managed_environment(root, "x") == Environment("x", root / "x")
    for name in ("../anon", "nothing", "-x", "x\n", ""):
        assert managed_environment(root, name) is None
    assert managed_environment(None, "x") is None
