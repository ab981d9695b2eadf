# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sample instance is read like a real one."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import UsageError
from core.mirrors.reading import mirrors_of
from core.packing.model import Codec, PackSource
from core.packing.packer import pack
from core.services.sample import make_sample_instance
from core.spack.database import relocation_set
from core.spack.environments import list_environments, read_lock
from core.spack.instance import Instance, find_instance
from core.spack.recipes import Verdict, redistributable
from core.spack.specs import dag_hash_of, spec_document


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sample") / "instance"
    make_sample_instance(place)
    return place


@pytest.fixture
def instance(directory: Path) -> Instance:
    return find_instance(str(directory), environ={"HOME": "/nowhere"})


def test_it_is_a_checkout_with_packages_in_every_state(instance: Instance, directory: Path) -> None:
    database = instance.database()
    assert instance.root == directory
    assert instance.install_root == directory / "opt/spack"
    assert instance.version == "1.1.1"
    assert instance.problems == ()
    assert database.problems == ()
    states = Counter(record.state.value for record in database.records.values())
    assert states == {"installed": 25, "external": 3, "missing": 1}
    assert 5 < sum(record.explicit for record in database.records.values()) < 12
    for record in database.records.values():
        assert record.prefix is not None
        assert Path(record.prefix, ".spack/spec.json").is_file() is (record.state.value == "installed")


def test_hashes_are_right(instance: Instance) -> None:
    records = instance.database().records
    for record in records.values():
        assert dag_hash_of(record.document) == record.hash
        assert all(edge.hash in records for edge in record.node.dependencies)
    petsc = next(record for record in records.values() if record.name == "petsc")
    written = json.loads(Path(str(petsc.prefix), ".spack/spec.json").read_text())
    assert written["spec"] == json.loads(spec_document(petsc, records))["spec"]
    mpi = next(edge for edge in petsc.node.dependencies if edge.name == "openmpi")
    assert mpi.virtuals == ("mpi",)
    assert mpi.deptypes == ("build", "link")


def test_reference_counts_are_right(directory: Path) -> None:
    installs = json.loads((directory / "opt/spack/.spack-db/index.json").read_text())["database"]["installs"]
    wanted = Counter(edge["hash"] for record in installs.values() for edge in record["spec"].get("dependencies", ()))
    assert {key: record["ref_count"] for key, record in installs.items()} == {key: wanted[key] for key in installs}


def test_one_package_may_not_be_redistributed(instance: Instance) -> None:
    records = instance.database().records
    installed = [record for record in records.values() if record.state.value == "installed"]
    held_back = [record.name for record in installed if redistributable(record, records).verdict is not Verdict.YES]
    assert held_back == ["namd"]


def test_mirrors_and_scopes_stay_inside(instance: Instance, directory: Path) -> None:
    mirrors = {mirror.name: mirror for mirror in mirrors_of(instance).mirrors}
    assert {name: mirror.folder for name, mirror in mirrors.items()} == {
        "team": directory / "mirrors/team",
        "scratch": directory / "mirrors/scratch",
    }
    assert not any(mirror.signed for mirror in mirrors.values())
    assert [mirror.autopush for mirror in mirrors.values()] == [False, True]
    assert {"user", "site"} <= {scope.name for scope in instance.scopes}
    assert all(scope.directory.is_relative_to(directory) for scope in instance.scopes if scope.directory)


def test_environment(instance: Instance) -> None:
    (environment,) = list_environments(instance)
    lock = read_lock(environment)
    assert lock.specs == ("gromacs", "petsc+mpi")
    assert [instance.database().records[root].name for root in lock.roots] == ["gromacs", "petsc"]


def test_packages_can_be_packed(instance: Instance, tmp_path: Path) -> None:
    records = instance.database().records
    record = next(record for record in records.values() if record.name == "zlib-ng")
    source = PackSource(
        source=Path(str(record.prefix)),
        prefix=str(record.prefix),
        install_root=str(instance.install_root),
        sbang=f"{instance.install_root}/bin/sbang",
        spack_prefix=str(instance.root),
        hash_to_prefix=tuple(relocation_set(record, records)),
    )
    packed = pack(source, tmp_path / "archive", Codec.DEFAULT, token=CancelToken())
    assert packed.warnings == ()
    assert 0.2 < packed.stored_bytes / packed.tar_bytes < 0.5


def test_spack_in_it_refuses_clearly(directory: Path) -> None:
    done = subprocess.run([directory / "bin/spack", "install"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "has no Spack" in done.stderr


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(UsageError, match=str(tmp_path)):
        make_sample_instance(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
