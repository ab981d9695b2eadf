# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Real Spack installs what this program pushed, and each goes on where the other stopped. As root:

    SPACK_FOR_TESTS=<checkout of Spack 1.1> [SPACK_FOR_TESTS_PYTHON=<Python with clingo>] python -m pytest -m spack

The checkout is only read: Spack runs in copies of it, see inside.py.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from registry.servers import RunningRegistry

HERE = Path(__file__).parent
# Read now, because the guards of conftest.py take variables of Spack out of a test's environment.
CHECKOUT = Path(os.environ.get("SPACK_FOR_TESTS", ""))
PYTHON = os.environ.get("SPACK_FOR_TESTS_PYTHON", "")
# Of externals and of a package that is missing in the sample tree there is no prefix with a recipe.
STAND_INS = ("gcc", "glibc", "labext", "labtool")
STAND_IN = """\
from spack.package import Package, provides, version


class {name}(Package):
    version("1")
    {provides}
"""
PROVIDES = {"gcc": 'provides("c", "cxx", when="languages=c,c++")', "glibc": 'provides("libc")'}

pytestmark = [
    pytest.mark.spack,
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() != "x86_64", reason="the sample programs need Linux on x86-64"
    ),
    pytest.mark.root,
]


@pytest.fixture(scope="module")
def folder(golden: Path, tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Path]:
    """Copies of the checkout, one with the sample packages, and the packages' recipes: what inside.py wants."""
    for program in ("gpg", "unshare", "mount"):
        tool(program)
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no mount namespace of its own: {probe.stderr.strip()}")
    assert (CHECKOUT / "bin/spack").is_file(), f"SPACK_FOR_TESTS={CHECKOUT} is no Spack checkout"

    path = tmp_path_factory.mktemp("spack")
    (path / "scratch").mkdir()
    for name in ("producer", "consumer"):
        copy_checkout(path / name)
    with tarfile.open(golden / "prefixes/install-tree.tar.gz") as archive:
        archive.extraction_filter = lambda member, _path: member  # Debian 12's Python has no filter argument yet
        for member in archive:
            member.name = member.name.removeprefix("opt/lab/spack/")
            member.linkname = member.linkname.removeprefix("opt/lab/spack/")
            archive.extract(member, path / "producer")
    collect_recipes(path / "producer/opt/spack/linux-x86_64", path / "recipes")
    yield path
    shutil.rmtree(path)


def copy_checkout(target: Path) -> None:
    """Spack's code with its defaults, but without the package repository and mirror that are somewhere in the net."""
    for name in ("bin", "etc", "lib", "share", "var"):
        shutil.copytree(CHECKOUT / name, target / name, symlinks=True)
    for section in ("mirrors", "repos"):
        # Here and not in a scope above: commands with keys read nothing but the defaults.
        (target / f"etc/spack/defaults/base/{section}.yaml").write_text(f"{section}: {{}}\n")


def collect_recipes(prefixes: Path, target: Path) -> None:
    for repository in sorted(prefixes.glob("*/.spack/repos/spack_repo/lab")):
        shutil.copytree(repository, target / "spack_repo/lab", dirs_exist_ok=True)
    for name in STAND_INS:
        recipe = target / "spack_repo/lab/packages" / name / "package.py"
        recipe.parent.mkdir()
        recipe.write_text(STAND_IN.format(name=name.capitalize(), provides=PROVIDES.get(name, "")))


def carry_out(script: str, *arguments: str) -> None:
    command = ["unshare", "--mount", sys.executable, str(HERE / script), *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parents[1])])}
    environment |= {"SPACK_FOR_TESTS_PYTHON": str(Path(PYTHON).absolute())} if PYTHON else {}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("scenario", ["unsigned", "signed", "after_spack", "before_spack", "in_turns", "listings"])
def test_with_real_spack(folder: Path, scenario: str) -> None:
    """The scenarios are functions of inside.py, which say what must be true."""
    carry_out("inside.py", scenario, str(folder))


def test_t31_at_once_with_real_spack(folder: Path) -> None:
    """Two writers of one folder, of which only one locks."""
    carry_out("inside.py", "at_once", str(folder))


def test_t31_at_once_with_real_spack_in_a_registry(folder: Path, real_registries: dict[str, RunningRegistry]) -> None:
    running = real_registries["basic"]
    carry_out("inside_registry.py", "at_once", str(folder), f"{running.host}/at-once", str(running.authority))


def test_queries_with_real_spack(folder: Path) -> None:
    """Every query finds the same packages in the same order."""
    carry_out("inside_queries.py", str(folder))


@pytest.mark.parametrize("kind", ["basic", "token"])
@pytest.mark.parametrize("scenario", ["installed", "same_images", "after_spack", "before_spack"])
def test_registries_with_real_spack(
    folder: Path, real_registries: dict[str, RunningRegistry], kind: str, scenario: str
) -> None:
    """The scenarios are functions of inside_registry.py; TLS with an authority of our own, and a password."""
    running = real_registries[kind]
    carry_out("inside_registry.py", scenario, str(folder), f"{running.host}/{kind}/{scenario}", str(running.authority))


@pytest.mark.parametrize("scenario", ["bundled", "deleted", "pruned_alike"])
def test_upkeep_with_real_spack(folder: Path, scenario: str) -> None:
    """The scenarios are functions of inside_upkeep.py."""
    carry_out("inside_upkeep.py", scenario, str(folder))


@pytest.mark.parametrize("scenario", ["copied", "deleted_there"])
def test_upkeep_of_registries_with_real_spack(
    folder: Path, real_registries: dict[str, RunningRegistry], scenario: str
) -> None:
    """The scenarios are functions of inside_upkeep.py."""
    running = real_registries["basic"]
    carry_out("inside_upkeep.py", scenario, str(folder), f"{running.host}/{scenario}", str(running.authority))


@pytest.mark.parametrize("scenario", ["migrated", "migrated_signed", "installed_here", "too_long"])
def test_old_caches_and_installing_with_real_spack(folder: Path, scenario: str) -> None:
    """The scenarios are functions of inside_migration.py."""
    carry_out("inside_migration.py", scenario, str(folder))


@pytest.mark.parametrize("scenario", ["tampered", "tampered_unsigned", "copied_from_old"])
def test_tampering_with_real_spack(folder: Path, scenario: str) -> None:
    """The scenarios are functions of inside_tampering.py."""
    carry_out("inside_tampering.py", scenario, str(folder))


@pytest.mark.parametrize("scenario", ["signed_later", "published"])
def test_keys_with_real_spack(folder: Path, scenario: str) -> None:
    """The scenarios are functions of inside_keys.py."""
    carry_out("inside_keys.py", scenario, str(folder))
