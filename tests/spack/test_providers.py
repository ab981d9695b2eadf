# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What recipes say about virtual packages, and where recipes are found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from lab_records import record_of

from core.spack.providers import RecipeProviders
from core.spack.specs import PackageRecord
from core.spack.versions import VersionList

IN_PREFIX = ".spack/repos/spack_repo/lab/packages/my_mpi/package.py"


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., PackageRecord]:
    """`install(*lines)` gives the package my-mpi@4.1+cuda whose class body in the recipe of its prefix has these."""

    def write(*lines: str, where: str = IN_PREFIX) -> PackageRecord:
        body = "\n".join(f"    {line}" for line in ("version('4.1')", *lines))
        file = tmp_path / where
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"class MyMpi(Package):\n{body}\n")
        record = record_of(name="my-mpi", version="4.1", cuda=True)
        return msgspec.structs.replace(record, prefix=str(tmp_path))

    return write


@pytest.mark.parametrize(
    ("lines", "versions", "verdict"),
    [
        (["provides('mpi')"], None, True),
        (["provides('mpi')"], "3", True),
        (["provides('mpi@3.1')"], None, True),
        (["provides('mpi@3.1')"], "3", True),
        (["provides('mpi@3.1')"], "3.0", False),
        (["provides('mpi@:3.1')"], "2", True),
        (["provides('blas', 'mpi')"], None, True),
        (["provides('blas', 'lapack')"], None, False),
        ([], None, False),
        (["provides('mpi@3', when='@4:')", "provides('mpi@2', when='@:3')"], "3", True),
        (["provides('mpi@3', when='@4:')", "provides('mpi@2', when='@:3')"], "2", False),
        (["provides('mpi', when='+cuda ^anything')"], None, True),
        (["provides('mpi', when='~cuda')"], None, False),
        (["with when('+cuda'):", "    provides('mpi')"], None, True),
        (["with when('~cuda'):", "    provides('mpi', when='@4')"], None, False),
        (["provides('mpi', when=CONDITION)"], None, None),
        (["provides('mpi', when=CONDITION)", "provides('mpi')"], None, True),
        (["provides('mpi@1', when=CONDITION)"], "2", False),
        (["provides('mpi', when='@@')"], None, None),
        (["provides(NAME)"], None, None),
        (["provides('mpi', **OPTIONS)"], None, None),
        (["provides('mpi', colour='red')"], None, None),
        (["for name in NAMES:", "    provides(name)"], None, None),
        (["def provides_it(self):", "    provides('mpi')"], None, False),
    ],
)
def test_directives(
    install: Callable[..., PackageRecord], lines: list[str], versions: str | None, verdict: bool | None
) -> None:
    wanted = VersionList.parse(versions) if versions is not None else None
    assert RecipeProviders({}).provides(install(*lines), "mpi", wanted) is verdict


def test_recipe_of_the_repository_comes_first(install: Callable[..., PackageRecord], tmp_path: Path) -> None:
    record = install("provides('mpi')")
    install("provides('blas')", where="repository/packages/my_mpi/package.py")
    for namespace, verdict in (("lab", False), ("other", True)):
        recipes = RecipeProviders({namespace: tmp_path / "repository"})
        assert recipes.provides(record, "mpi", None) is verdict


def test_repository_without_the_recipe(install: Callable[..., PackageRecord], tmp_path: Path) -> None:
    assert RecipeProviders({"lab": tmp_path / "nowhere"}).provides(install("provides('mpi')"), "mpi", None) is True


def test_package_without_a_recipe_is_unknown_until_another_has_one(install: Callable[..., PackageRecord]) -> None:
    recipes = RecipeProviders({})
    readable = install("provides('mpi')")
    bare = msgspec.structs.replace(readable, prefix=None)
    assert recipes.provides(bare, "mpi", None) is None
    assert recipes.provides(readable, "mpi", None) is True
    assert recipes.provides(bare, "mpi", None) is True


def test_recipe_is_read_once(install: Callable[..., PackageRecord]) -> None:
    recipes = RecipeProviders({})
    record = install("provides('mpi')")
    assert recipes.provides(record, "mpi", None) is True
    install("provides('blas')")
    assert recipes.provides(record, "mpi", None) is True
    assert RecipeProviders({}).provides(record, "mpi", None) is False
