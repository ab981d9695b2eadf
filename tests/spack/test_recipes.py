# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which recipes forbid redistribution of binaries."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from core.spack.database import read_database
from core.spack.recipes import Verdict, redistributable
from core.spack.specs import PackageRecord, PackageState

NODE = {
    "name": "my-lab",
    "version": "5.1",
    "arch": {"platform": "linux", "platform_os": "debian12", "target": "x86_64"},
    "namespace": "site.lab",
    "parameters": {"mpi": True, "mode": "fast"},
    "dependencies": [{"name": "zlib", "hash": "z" * 32, "parameters": {"deptypes": ["link"], "virtuals": []}}],
    "annotations": {"original_specfile_version": 5},
}
V2 = "spack_repo/site/lab/packages/my_lab/package.py"
V1 = "site.lab/packages/my-lab/package.py"


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., PackageRecord]:
    """`install(recipe or None, place)` gives a package whose prefix has that recipe."""

    def write(recipe: str | bytes | None, place: str = V2, name: str = "my-lab") -> PackageRecord:
        prefix, key = tmp_path / "prefix", "a" * 32
        if recipe is not None:
            file = prefix / ".spack/repos" / place
            file.parent.mkdir(parents=True)
            file.write_bytes(recipe if isinstance(recipe, bytes) else recipe.encode())
        record = {"spec": NODE | {"name": name}, "path": str(prefix), "installed": True}
        (tmp_path / ".spack-db").mkdir()
        index = {"database": {"version": "8", "installs": {key: record}}}
        (tmp_path / ".spack-db/index.json").write_text(json.dumps(index))
        return read_database(tmp_path).records[key]

    return write


def _recipe(*lines: str, bases: str = "Package") -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"from spack.package import *\n\n\nclass MyLab({bases}):\n    version('5.1')\n{body}\n"


def test_packages_of_the_lab(golden: Path, golden_tree: Path) -> None:
    expected = json.loads((golden / "expected/specs.json").read_bytes())
    records = read_database(golden_tree / "opt/lab/spack/opt/spack").records
    checked = []
    for key, record in records.items():
        if record.state is PackageState.INSTALLED:
            here = msgspec.structs.replace(record, prefix=f"{golden_tree}{record.prefix}")
            wanted = Verdict.YES if expected[key]["redistribute_binary"] else Verdict.NO
            assert redistributable(here, records).verdict is wanted, record.name
            checked.append(wanted)
    assert (checked.count(Verdict.YES), checked.count(Verdict.NO)) == (20, 1)


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ([], Verdict.YES),
        (["redistribute(binary=False)"], Verdict.NO),
        (["redistribute(source=False, binary=False)"], Verdict.NO),
        (["redistribute(False, False)"], Verdict.NO),
        (["spack.directives.redistribute(binary=False)"], Verdict.NO),
        (["redistribute(source=False)"], Verdict.YES),
        (["redistribute(binary=True)"], Verdict.YES),
        (["redistribute(binary=False, when='@5:')"], Verdict.NO),
        (["redistribute(binary=False, when='my-lab@5:+mpi mode=fast')"], Verdict.NO),
        (["redistribute(binary=False, when='@:4')"], Verdict.YES),
        (["redistribute(binary=False, when='')"], Verdict.NO),
        (["redistribute(binary=False, when=None)"], Verdict.NO),
        (["redistribute(binary=False, when='^cuda')"], Verdict.YES),
        (["redistribute(binary=False, when='%gcc@:8')"], Verdict.YES),
        (["redistribute(binary=False, when=True)"], Verdict.NO),
        (["redistribute(binary=False, when=False)"], Verdict.YES),
        (["redistribute(binary=False, when='@:4')", "redistribute(binary=False, when='+mpi')"], Verdict.NO),
        (["with when('@5'):", "    redistribute(binary=False)"], Verdict.NO),
        (["with when('@5'):", "    redistribute(binary=False, when='~mpi')"], Verdict.YES),
        (["with when('@5'):", "    with when('~mpi'):", "        redistribute(binary=False)"], Verdict.YES),
        (["with when('@5'):", "    with when('+mpi'):", "        redistribute(binary=False)"], Verdict.NO),
        (["def install(self):", "    redistribute(binary=False)"], Verdict.YES),
        (["with default_args(type='build'):", "    depends_on('zlib')"], Verdict.YES),
    ],
)
def test_directives(install: Callable[..., PackageRecord], lines: list[str], verdict: Verdict) -> None:
    answer = redistributable(install(_recipe(*lines)))
    assert answer.verdict is verdict
    assert bool(answer.reason) == (verdict is not Verdict.YES)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["redistribute(binary=False, when='%zlib@1.3')"], "'%zlib@1.3' asks for what is not known here"),
        (["redistribute(binary=False, when='@@')"], "'@@' cannot be decided"),
        (["redistribute(binary=False, when=CONDITION)"], "line 6"),
        (["redistribute(binary=False, when=f'@{x}')"], "line 6"),
        (["redistribute(binary=FORBIDDEN)"], "line 6"),
        (["redistribute(**OPTIONS)"], "line 6"),
        (["redistribute(*OPTIONS)"], "line 6"),
        (["for v in VERSIONS:", "    redistribute(binary=False, when=v)"], "line 6"),
        (["if FORBIDDEN:", "    redistribute(binary=False)"], "line 6"),
        (["with default_args(when='@:4'):", "    spack.redistribute(binary=False)"], "line 6"),
        (["@classmethod", "def redistribute_binary(cls, spec):", "    return False"], "by code"),
        (
            ["with when('%zlib+shared'):", "    redistribute(binary=False)"],
            "'%zlib+shared' asks for what is not known here",
        ),
    ],
)
def test_what_cannot_be_decided_is_unknown(
    install: Callable[..., PackageRecord], lines: list[str], reason: str
) -> None:
    answer = redistributable(install(_recipe(*lines)))
    assert answer.verdict is Verdict.UNKNOWN
    assert reason in answer.reason


def test_condition_that_does_not_hold_settles_what_another_leaves_open(install: Callable[..., PackageRecord]) -> None:
    record = install(_recipe("with when('%zlib@1'):", "    redistribute(binary=False, when='@:4')"))
    assert redistributable(record).verdict is Verdict.YES


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        (None, "no copy of its recipe"),
        ("class MyLab(Package)\n", "cannot be parsed"),
        (b"\x00", "cannot be parsed"),
        (b"# " + b"x" * 4_000_001, "too large"),
        ("class Other(Package): pass\n", "no class MyLab"),
        ("from spack.package import *\nclass MyLab(BuiltinMyLab): pass\n", "base class BuiltinMyLab"),
        ("from spack.package import *\nclass MyLab(IntelOneApiLibraryPackage): pass\n", "IntelOneApiLibraryPackage"),
    ],
)
def test_recipe_that_cannot_be_judged_is_unknown(
    install: Callable[..., PackageRecord], recipe: str | bytes | None, reason: str
) -> None:
    answer = redistributable(install(recipe))
    assert answer.verdict is Verdict.UNKNOWN
    assert reason in answer.reason


def test_package_without_a_prefix_is_unknown(install: Callable[..., PackageRecord]) -> None:
    assert redistributable(msgspec.structs.replace(install(_recipe()), prefix=None)).verdict is Verdict.UNKNOWN


def test_base_class_in_the_same_file_counts_and_other_classes_do_not(install: Callable[..., PackageRecord]) -> None:
    base = "class Licensed(CMakePackage):\n    redistribute(binary=False)\n\n\n"
    assert redistributable(install(base + _recipe(bases="Licensed, CudaPackage"))).verdict is Verdict.NO


def test_builder_classes_do_not_count(install: Callable[..., PackageRecord]) -> None:
    recipe = _recipe(bases="CMakePackage, spack.AutotoolsPackage") + "\n\nclass Builder(AnyBuilder):\n    pass\n"
    assert redistributable(install(recipe)).verdict is Verdict.YES


def test_recipe_in_the_layout_of_spack_0(install: Callable[..., PackageRecord]) -> None:
    assert redistributable(install(_recipe("redistribute(binary=False)"), V1)).verdict is Verdict.NO


def test_package_whose_name_begins_with_a_digit(install: Callable[..., PackageRecord]) -> None:
    recipe = "class _7zip(Package):\n    redistribute(binary=False)\n"
    place = "spack_repo/site/lab/packages/_7zip/package.py"
    assert redistributable(install(recipe, place, "7zip")).verdict is Verdict.NO


def test_recipe_is_not_run_and_its_warnings_stay_quiet(install: Callable[..., PackageRecord], tmp_path: Path) -> None:
    recipe = f"open({str(tmp_path / 'ran')!r}, 'w')\nPATTERN = '\\d+'\n" + _recipe()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert redistributable(install(recipe)).verdict is Verdict.YES
    assert not (tmp_path / "ran").exists()
