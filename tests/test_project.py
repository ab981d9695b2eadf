# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rules of the project itself: floors, licence lines, locked dependencies, clean code."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for top in ("core", "gui", "resources", "tests") for path in (ROOT / top).rglob("*.py"))
SCRIPTS = [
    ROOT / name for name in ("packaging/run", "packaging/test", "packaging/lock", "packaging/common.sh", ".ci/run")
]
# A floor may import itself and floors of lower numbers; equals know nothing of each other.
FLOORS = {
    "core.foundation": 0,
    "core.network": 1,
    "core.storage": 2,
    "core.spack": 2,
    "core.packing": 2,
    "core.signing": 2,
    "core.registry": 2,
    "core.mirrors": 3,
    "core.caches": 4,
    "core.transfers": 5,
    "core.services": 6,
    "core.engine": 7,
    "core.remote": 8,
    "core.cli": 9,
    "gui": 10,
}
# Value types that an equal may use all the same.
SHARED_VALUES = {"core.packing": {"core.spack.specs"}}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor_of(module: str) -> str:
    parts = module.split(".")
    return parts[0] if parts[0] != "core" else ".".join(parts[:2])


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of every import, late ones and those for type checking too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def upward(module: str, imported: str) -> bool:
    """True if `module` may not import `imported`."""
    here, there = floor_of(module), floor_of(imported)
    if (
        there not in FLOORS
        or here == there
        or any(f"{imported}.".startswith(f"{name}.") for name in SHARED_VALUES.get(here, ()))
    ):
        return False
    return here in FLOORS and FLOORS[there] >= FLOORS[here]


def test_imports_point_downwards() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {imported}"
        for path in SOURCES
        for line, imported in imports_of(path)
        # `mirrordeck` without a command opens the window: the only door from core to gui.
        if upward(name_of(path), imported) and not (name_of(path) == "core.cli.main" and floor_of(imported) == "gui")
    ]
    assert wrong == []


def test_upward_imports_would_be_seen() -> None:
    assert upward("core.spack.specs", "core.caches.index.read")
    assert upward("core.storage.folder", "core.spack.specs.Node")
    assert upward("core.services.push", "gui.app.main")
    assert upward("core.registry.paths", "core.spack.specs.Node")
    assert not upward("core.packing.pack", "core.spack.specs.Node")
    assert not upward("gui.app", "core.engine.messages.Hello")


def test_every_core_folder_has_a_floor() -> None:
    folders = {f"core.{path.parent.name}" for path in (ROOT / "core").glob("*/__init__.py")}
    assert folders == {name for name in FLOORS if name != "gui"}


def test_versions_are_pure_values() -> None:
    assert [name for _, name in imports_of(ROOT / "core/spack/versions.py") if name.startswith(("core", "gui"))] == []


BLOCKED_IMPORT = """
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("PySide6", "shiboken6", "qasync", "gui"):
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Blocked())
import core

count = 0
for module in pkgutil.walk_packages(core.__path__, "core."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
        count += 1
print(count)
"""


def test_core_imports_without_qt() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKED_IMPORT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) >= len([path for path in SOURCES if path.parts[len(ROOT.parts)] == "core"]) - 3


def test_licence_line() -> None:
    line = "# SPDX-License-Identifier: Apache-2.0 OR MIT"
    assert [str(path) for path in SOURCES if path.read_text().split("\n", 1)[0] != line] == []
    assert [str(path) for path in SCRIPTS if line not in path.read_text().split("\n")[:2]] == []


def test_packages_are_listed() -> None:
    folders = {name_of(path) for path in SOURCES if path.name == "__init__.py"}
    assert sorted(PYPROJECT["tool"]["setuptools"]["packages"]) == sorted(folders)


def test_folders_that_must_not_be_packages() -> None:
    assert not (ROOT / "packaging/__init__.py").exists(), "it would shadow PyPI's packaging"
    assert list((ROOT / "tests").rglob("__init__.py")) == []
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names)), "pytest needs unique file names without packages"


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("requirements.lock", PYPROJECT["project"]["dependencies"]),
        ("packaging/requirements-test.lock", PYPROJECT["dependency-groups"]["test"]),
        ("packaging/requirements-build.lock", PYPROJECT["dependency-groups"]["package"]),
    ],
)
def test_t39_lock_file_holds_what_is_required(lock: str, requirements: list[str]) -> None:
    """When it does not: ./packaging/lock."""
    versions = locked(lock)
    for requirement in map(Requirement, requirements):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement
    text = (ROOT / lock).read_text()
    assert text.count("==") <= text.count("--hash=sha256:")
    assert not re.search(r"://|--(extra-)?index|--find-links", text), "no address of anybody's package server"


def test_t39_lock_files_agree() -> None:
    run, test = locked("requirements.lock"), locked("packaging/requirements-test.lock")
    assert {name: test[name] for name in run.keys() & test.keys()} == {
        name: run[name] for name in run.keys() & test.keys()
    }


def test_installed_versions_are_the_locked_ones() -> None:
    assert importlib.metadata.version("PySide6-Essentials") == locked("requirements.lock")["pyside6-essentials"]
    assert not locked("requirements.lock")["pyside6-essentials"].startswith("6.12."), "aborts Python 3.11, see below"


EMISSIONS = """
from PySide6.QtCore import QObject, Signal

class Source(QObject):
    moved = Signal(bool)

source, seen = Source(), []
source.moved.connect(seen.append)
for _ in range(5000):
    source.moved.emit(True)
assert len(seen) == 5000
"""


def test_signals_keep_their_references() -> None:
    """PySide6 6.12.0 lost a reference to True with every emission and aborted Python 3.11 after a few hundred."""
    subprocess.run([sys.executable, "-c", EMISSIONS], check=True)


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_code_is_clean(command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
