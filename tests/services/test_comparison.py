# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Why hashes differ, on packages that Spack 1.1 installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound, UsageError
from core.services.access import open_access
from core.services.comparison import Dag, compare
from core.services.contents_memory import ContentsMemory
from core.services.package_refs import find_dag, installed_dag
from core.services.package_values import Comparison, PackageRef
from core.services.presence import Mirrors
from core.services.presence_memory import PresenceMemory
from core.spack.database import Database, read_database
from core.spack.instance import find_instance

ZED_STATIC, ZED_SHARED = "czfloomisviyu5ykh5nj7yj6fxnpf6u3", "wlw677fyxqeu436j6s3ocsnr7wsuonam"
MID_ALPHA, MID_GAMMA = "7nyg6y4armlp5ga7eb4uhgleeggidnbj", "kpmgqdx3lfpbnjhrax4xw5t77f2vrrzj"
TOP_A, TOP_B = "vl34dzlozxpjvtqesxhxucvuaovwfjfx", "2xjlh36775ifsqn5ihltmgboy6wzweks"


@pytest.fixture(scope="module")
def root(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    (folder / ".spack-db").mkdir()
    for name in ("index.json", "index_verifier", "lock"):
        (folder / ".spack-db" / name).write_bytes((golden / "db" / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def database(root: Path) -> Database:
    return read_database(root)


@pytest.fixture
def mirrors(root: Path, tmp_path: Path):
    instance = find_instance(str(root), environ={})
    access = open_access(instance)
    memory = PresenceMemory(tmp_path, ContentsMemory(tmp_path, keep=False), keep=False)
    yield Mirrors(instance, access, memory, cwd=tmp_path)
    access.close()


def installed(database: Database, left: str, right: str) -> Comparison:
    return compare(*(installed_dag(database.records[each], database.world) for each in (left, right)))


def test_the_same_package(database: Database) -> None:
    found = installed(database, TOP_A, TOP_A)
    assert (found.same_hash, found.first_reason, found.lines) == (True, "", ())


def test_variants_and_flags_in_the_order_of_the_hash(database: Database) -> None:
    found = installed(database, ZED_STATIC, ZED_SHARED)
    assert [(line.field, line.left, line.right) for line in found.lines] == [
        ("shared", "false", "true"),
        ("cflags", "-O2 -g", "none"),
    ]
    assert found.first_reason == "shared: false here, true there"
    assert (found.left, found.right) == ("labzed@1.3/czfloom", "labzed@1.3/wlw677f")


def test_the_packages_own_differences_come_before_those_below(database: Database) -> None:
    found = installed(database, MID_ALPHA, MID_GAMMA)
    assert [line.path for line in found.lines] == sorted((line.path for line in found.lines), key=len)
    features = next(line for line in found.lines if line.field == "features")
    assert (features.left, features.right) == ("alpha,beta", "alpha,gamma")
    follows = next(line for line in found.lines if line.field == "dependency labzed")
    assert (follows.path, follows.left, follows.right, follows.is_cause) == ((), "1.10/3etqutd", "1.3/wlw677f", False)
    assert any(line.path == ("labzed",) and line.field == "version" for line in found.lines)


def test_a_dependency_that_only_one_has(database: Database) -> None:
    found = installed(database, TOP_A, TOP_B)
    assert [(line.field, line.left, line.right, line.is_cause) for line in found.lines] == [
        ("dependency labmpi-a", "4.1/oh5jfye", "", True),
        ("dependency labmpi-b", "", "4.1/xwiawpr", True),
    ]


def test_a_difference_only_far_below_is_the_reason(database: Database) -> None:
    """A copy of the graph in which one flag of one package at the bottom is another."""
    changed = "3etqutdo6x2xxhffps2ikkt6ggofkhan"
    above = {changed: "z" * 32}

    def other(dag_hash: str) -> bytes | None:
        original = next((old for old, new in above.items() if new == dag_hash), dag_hash)
        document = database.records[original].document.decode()
        for old, new in above.items():
            document = document.replace(old, new)
        if original == changed:
            node = json.loads(document)
            node["parameters"]["cflags"] = ["-O3"]
            return json.dumps(node).encode()
        return document.encode()

    for parent in (MID_ALPHA, TOP_A):
        above[parent] = parent[::-1]
    found = compare(installed_dag(database.records[TOP_A], database.world), Dag(TOP_A[::-1], "changed", other))
    assert found.first_reason == "labmid → labzed: cflags: none here, -O3 there"
    assert [line.is_cause for line in found.lines].count(True) == 1


def test_what_is_used_otherwise_is_a_difference(database: Database) -> None:
    def other(dag_hash: str) -> bytes | None:
        document = database.records[TOP_A if dag_hash == "new" else dag_hash].document
        return document.replace(b'"deptypes":["run"]', b'"deptypes":["build","run"]')

    found = compare(installed_dag(database.records[TOP_A], database.world), Dag("new", "new", other))
    assert any(line.field.startswith("use of ") and line.right.startswith("build, run") for line in found.lines)


def test_a_node_nobody_knows_and_equal_texts_are_said(database: Database) -> None:
    document = database.records[ZED_STATIC].document
    gone = compare(installed_dag(database.records[ZED_STATIC], database.world), Dag("gone", "gone", lambda _: None))
    assert [line.field for line in gone.lines] == ["node"]
    same = compare(installed_dag(database.records[ZED_STATIC], database.world), Dag("x", "x", lambda _: document))
    assert "the same" in same.first_reason


class TestNaming:
    def test_an_entry_of_a_cache_by_hash_and_by_query(self, database: Database, mirrors: Mirrors, golden: Path) -> None:
        place = str(golden / "mirrors/unsigned")
        for text in (ZED_STATIC, "labzed@1.3 cflags='-O2 -g'", f"/{ZED_STATIC[:8]}"):
            found = find_dag(PackageRef(text, place), database.world, mirrors, CancelToken())
            assert found.root == ZED_STATIC
            assert compare(installed_dag(database.records[ZED_STATIC], database.world), found).same_hash
            assert found.label.startswith("labzed@1.3/czfloom on file://")

    def test_an_entry_that_no_index_knows(self, database: Database, mirrors: Mirrors, golden: Path) -> None:
        place = str(golden / "mirrors/auto-unsigned")
        entry = next((golden / "mirrors/auto-unsigned").glob("v3/manifests/spec/*/*.json"))
        dag_hash = entry.name.removesuffix(".spec.manifest.json")[-32:]
        found = find_dag(PackageRef(dag_hash, place), database.world, mirrors, CancelToken())
        other = installed_dag(database.records[ZED_STATIC], database.world)
        assert found.root == dag_hash
        assert compare(other, found).lines

    def test_what_is_not_there_or_not_one(self, database: Database, mirrors: Mirrors, golden: Path) -> None:
        place = str(golden / "mirrors/unsigned")
        with pytest.raises(NotFound, match="on file://"):
            find_dag(PackageRef("a" * 32, place), database.world, mirrors, CancelToken())
        with pytest.raises(NotFound, match="installed"):
            find_dag(PackageRef("nosuch"), database.world, mirrors, CancelToken())
        with pytest.raises(UsageError, match="multiple"):
            find_dag(PackageRef("labzed"), database.world, mirrors, CancelToken())
