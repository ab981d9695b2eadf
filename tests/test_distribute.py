# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the bundle leaves out, with a folder of texts for libraries: `objdump` is a stub that prints what is in them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "packaging/distribute.py"


@pytest.fixture
def distribute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    stub = tmp_path / "bin/objdump"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\n[ "$1" = -p ] && exec cat "$2"\n')
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}:{os.environ['PATH']}")
    spec = importlib.util.spec_from_file_location("distribute", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Folder:
    """Libraries below `path`, each a text that says what it needs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, name: str, *needs: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"  NEEDED               {need}\n" for need in needs)
        file.write_text(f"Dynamic Section:\n{lines}  SONAME               {file.name}\n")

    def link(self, name: str, target: str) -> None:
        (self.path / name).symlink_to(target)

    def names(self) -> set[str]:
        return {str(path.relative_to(self.path)) for path in self.path.rglob("*.so*")}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "lib")
    made.add("python3/_module.so", "libone.so.1")
    made.add("PySide6/Qt/plugins/platforms/libqxcb.so", "libQt6Gui.so.6")
    made.add("PySide6/Qt/lib/libQt6Gui.so.6", "libtwo.so.2")
    made.add("libpython3.11.so.1.0", "libc.so.6")
    made.add("libone.so.1", "libdeep.so.3")
    made.add("libtwo.so.2")
    made.add("libdeep.so.3")
    return made


def test_what_is_needed_stays(distribute: ModuleType, folder: Folder) -> None:
    before = folder.names()
    distribute.drop_unneeded(folder.path)
    assert folder.names() == before


def test_what_only_something_unneeded_needs_goes_with_it(distribute: ModuleType, folder: Folder) -> None:
    before = folder.names()
    folder.add("PySide6/Qt/lib/libQt6Network.so.6", "libssl.so.3")
    folder.link("libQt6Network.so.6", "PySide6/Qt/lib/libQt6Network.so.6")
    folder.add("libssl.so.3", "libcrypto.so.3")
    folder.add("libcrypto.so.3", "libone.so.1")
    distribute.drop_unneeded(folder.path)
    assert folder.names() == before


def test_a_library_stays_that_is_needed_by_the_name_of_its_link(distribute: ModuleType, folder: Folder) -> None:
    folder.add("python3/_other.so", "libicu.so.74")
    folder.add("libicu.so.74.2")
    folder.link("libicu.so.74", "libicu.so.74.2")
    distribute.drop_unneeded(folder.path)
    assert {"libicu.so.74", "libicu.so.74.2"} <= folder.names()
