# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rows of installed packages, queries, environments, links between packages, and everything about one of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from core.foundation.errors import NotFound
from core.services.environments import ConcreteEnvironment, environment_rows
from core.services.package_details import describe_package
from core.services.package_graph import (
    all_dependencies,
    all_dependents,
    dependencies_of,
    dependents_of,
    find_record,
    package_graph,
)
from core.services.packages import changes_since, find_by_text, package_rows
from core.services.sample import make_sample_instance
from core.spack.database import Database
from core.spack.environments import read_lock
from core.spack.formats import compilers_of, variants_text
from core.spack.instance import Instance, find_instance
from core.spack.specs import PackageRecord


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample instance that all tests share. Read only."""
    directory = tmp_path_factory.mktemp("sample") / "spack"
    make_sample_instance(directory)
    return directory


@pytest.fixture
def instance(sample: Path) -> Instance:
    return find_instance(str(sample), environ={})


@pytest.fixture
def database(instance: Instance) -> Database:
    return instance.database()


def named(database: Database, name: str) -> PackageRecord:
    return next(record for record in database.records.values() if record.name == name)


def name_of(database: Database, hashes: tuple[str, ...] | list[str]) -> list[str]:
    return [database.records[dag_hash].name for dag_hash in hashes]


def test_every_row_says_what_its_record_says(database: Database) -> None:
    rows = {row.hash: row for row in package_rows(database, database.records.values())}
    assert rows.keys() == database.records.keys()
    for dag_hash, record in database.records.items():
        row = rows[dag_hash]
        assert row.compilers == " ".join(compilers_of(record, database.records))
        assert row.variants == variants_text(record.node)
        assert (row.state, row.explicit, row.prefix) == (record.state, record.explicit, record.prefix or "")
        assert row.install_root == database.root
    assert len({row.state for row in rows.values()}) == 3


def test_what_changed_since_an_earlier_reading(checkout: Path) -> None:
    instance = find_instance(str(checkout), environ={})
    database = instance.database()
    index = checkout / "opt/spack/.spack-db/index.json"
    document = json.loads(index.read_bytes())
    installs = document["database"]["installs"]
    flipped, gone = named(database, "bzip2").hash, named(database, "namd").hash
    installs[flipped]["explicit"] ^= True
    del installs[gone]
    index.write_text(json.dumps(document, separators=(",", ":")))
    now = instance.database()
    changed, lost = changes_since(database, now)
    assert [record.hash for record in changed] == [flipped]
    assert lost == (gone,)


def test_queries_find_packages_in_any_state(database: Database) -> None:
    found = find_by_text(database, "hdf5 ^openmpi")
    assert set(name_of(database, found.hashes)) == {"hdf5"}
    assert find_by_text(database, "ninja").hashes == (named(database, "ninja").hash,)
    assert find_by_text(database, "no-such-package").hashes == ()
    assert len(find_by_text(database, "").hashes) == len(database.records)


def test_a_wrong_query_is_an_answer_that_names_the_place(database: Database) -> None:
    found = find_by_text(database, "hdf5@1.2:: +mpi")
    assert found.hashes == ()
    assert found.problem is not None
    assert "hdf5@1.2:: +mpi"[found.problem.position] == ":"
    assert found.problem.title


class TestEnvironments:
    def test_roots_come_first(self, instance: Instance, database: Database) -> None:
        (row,) = environment_rows(instance, database.records)
        assert (row.name, row.problem) == ("simulation", None)
        assert name_of(database, list(row.roots)) == ["gromacs", "petsc"]
        assert row.hashes[:2] == row.roots
        assert {"openmpi", "gcc"} <= set(name_of(database, list(row.hashes)))

    def test_a_lock_file_that_cannot_be_read_is_its_own_problem(self, checkout: Path) -> None:
        instance = find_instance(str(checkout), environ={})
        database = instance.database()
        folder = checkout / "var/spack/environments"
        shutil.copytree(folder / "simulation", folder / "broken")
        (folder / "broken/spack.lock").write_text("{")
        broken, good = environment_rows(instance, database.records)
        assert broken.problem is not None
        assert broken.hashes == ()
        assert good.hashes

    def test_an_independent_environment_is_listed_while_it_is_active(self, sample: Path, tmp_path: Path) -> None:
        shutil.copytree(sample / "var/spack/environments/simulation", tmp_path / "mine")
        instance = find_instance(str(sample), environment_dir=str(tmp_path / "mine"), environ={})
        rows = environment_rows(instance, instance.database().records)
        assert [row.name for row in rows] == [str(tmp_path / "mine"), "simulation"]

    def test_of_a_root_that_is_not_installed_its_dependencies_count(self, sample: Path, database: Database) -> None:
        instance = find_instance(str(sample), environment="simulation", environ={})
        assert instance.environment is not None
        environment = ConcreteEnvironment(instance.environment, read_lock(instance.environment))
        gromacs = named(database, "gromacs")
        records = {key: record for key, record in database.records.items() if key != gromacs.hash}
        found = name_of(database, environment.installed(records))
        runtime = [edge.name for edge in gromacs.node.dependencies if {"link", "run"} & set(edge.deptypes)]
        assert found[: len(runtime)] == runtime
        assert found[-1] == "petsc"
        assert environment.installed(database.records) == list(environment.lock.roots)


class TestLinks:
    def test_direct_ones_both_ways(self, database: Database) -> None:
        openmpi = named(database, "openmpi")
        needs = {link.name: link for link in dependencies_of(openmpi, database)}
        assert needs["slurm"].state == "external"
        assert needs["hwloc"].types == ("build", "link")
        needed_by = dependents_of(openmpi, database)
        assert all("mpi" in link.virtuals for link in needed_by)
        assert {"petsc", "gromacs"} <= {link.name for link in needed_by}

    def test_a_dependency_no_database_has_is_named(self, database: Database) -> None:
        openmpi = named(database, "openmpi")
        zlib = named(database, "zlib-ng").hash
        records = {key: record for key, record in database.records.items() if key != zlib}
        links = {link.name: link for link in dependencies_of(openmpi, Database("/", 8, records))}
        assert (links["zlib-ng"].state, links["zlib-ng"].version) == ("", "")

    def test_everything_below_and_above(self, database: Database) -> None:
        hwloc = named(database, "hwloc").hash
        below = name_of(database, all_dependencies(database, [hwloc]))
        assert below[-1] == "hwloc"
        assert "compiler-wrapper" not in below
        above = name_of(database, all_dependents([hwloc], database))
        assert above[0] == "hwloc"
        assert {"openmpi", "gromacs"} <= set(above)
        assert len(above) == len(set(above))

    def test_a_package_that_is_gone(self, database: Database) -> None:
        with pytest.raises(NotFound):
            find_record(database, "a" * 32)


class TestGraph:
    def test_every_dependency_lies_lower_than_all_that_need_it(self, database: Database) -> None:
        graph = package_graph(database, named(database, "gromacs").hash, 300)
        levels = {node.hash: node.level for node in graph.nodes}
        assert graph.nodes[0].name == "gromacs"
        assert (graph.nodes[0].level, graph.cut) == (0, 0)
        assert all(levels[edge.parent] < levels[edge.child] for edge in graph.edges)
        wanted = {edge.child: 0 for edge in graph.edges}
        for edge in graph.edges:
            wanted[edge.child] = max(wanted[edge.child], levels[edge.parent] + 1)
        assert all(levels[dag_hash] == level for dag_hash, level in wanted.items())

    def test_a_large_one_is_cut_to_the_neighbourhood(self, database: Database) -> None:
        gromacs = named(database, "gromacs")
        whole = package_graph(database, gromacs.hash, 300)
        graph = package_graph(database, gromacs.hash, 5)
        assert len(graph.nodes) == 5
        assert graph.cut == len(whole.nodes) - 5
        shown = {node.hash for node in graph.nodes}
        assert {node.name for node in graph.nodes[1:]} <= {edge.name for edge in gromacs.node.dependencies}
        assert all({edge.parent, edge.child} <= shown for edge in graph.edges)

    def test_a_circle_in_a_damaged_database_does_no_harm(self, database: Database) -> None:
        zlib, openmpi = named(database, "zlib-ng"), named(database, "openmpi")
        edge = next(edge for edge in named(database, "petsc").node.dependencies if edge.hash == openmpi.hash)
        node = msgspec.structs.replace(zlib.node, dependencies=(*zlib.node.dependencies, edge))
        records = {**database.records, zlib.hash: msgspec.structs.replace(zlib, node=node)}
        graph = package_graph(Database("/", 8, records), openmpi.hash, 300)
        assert {node.name for node in graph.nodes} >= {"openmpi", "zlib-ng"}


class TestDetails:
    def test_everything_about_one_package(self, instance: Instance, database: Database) -> None:
        record = named(database, "openmpi")
        details = describe_package(instance, database, record)
        assert details.text.startswith("openmpi@=5.0.6")
        assert dict(details.variants)["fabrics"]
        assert details.environments == ("simulation",)
        assert details.all_dependents >= len(details.dependents) > 0
        assert json.loads(details.document)["spec"]["nodes"][0]["hash"] == record.hash
        assert details.relocation is not None
        assert details.relocation.root_length == len(database.root)
        assert str(len(database.root)) in details.relocation.words
        assert details.package_hash == record.node.package_hash

    def test_a_padded_root_leaves_room(self, instance: Instance, database: Database) -> None:
        record = msgspec.structs.replace(
            named(database, "bzip2"), install_root="/opt/x/__spack_path_placeholder__/__spack_path_pla"
        )
        outlook = describe_package(instance, database, record).relocation
        assert outlook is not None
        assert (outlook.root_length, outlook.padding) == (len(record.install_root), len(record.install_root) - 6)

    def test_an_external_or_incomplete_one(self, instance: Instance, database: Database) -> None:
        slurm = describe_package(instance, database, named(database, "slurm"))
        assert (slurm.state, slurm.relocation) == ("external", None)
        openmpi = named(database, "openmpi")
        alone = Database("/", 8, {openmpi.hash: openmpi})
        assert json.loads(describe_package(instance, alone, openmpi).document)["name"] == "openmpi"
