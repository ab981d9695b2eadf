# SPDX-License-Identifier: Apache-2.0 OR MIT
"""packaging/run on machines that lack something, with stubs for the system's commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMMANDS = "sh cat chmod dirname env flock grep mkdir mv paste readlink rm sed sha256sum sort"
LIBRARIES = (
    "libGL.so.1 libglib-2.0.so.0 libdbus-1.so.3 libfontconfig.so.1 libxkbcommon-x11.so.0 libxcb-icccm.so.4 "
    "libxcb-shape.so.0"
)
MISSING = "libegl1 libxcb-cursor0 libxcb-keysyms1"


class Machine:
    """A checkout in a path with a space, and a PATH that holds only what is put there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "my checkout"
        self.bin = folder / "bin"
        self.bin.mkdir()
        shutil.copytree(ROOT / "packaging", self.root / "packaging")
        for name in ("requirements.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root)
        for name in COMMANDS.split():
            found = shutil.which(name)
            if found is None:
                pytest.skip(f"{name} is not installed")
            (self.bin / name).symlink_to(found)
        self.command("ldconfig", "printf '\\t%s (libc6,x86-64) => /usr/lib/x\\n' " + LIBRARIES)
        self.command("python3", f'exec "{sys.executable}" "$@"')

    def command(self, name: str, body: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.bin / name).chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": str(self.bin)}
        return subprocess.run(
            [self.root / "packaging/run", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_user_is_told_what_to_install(machine: Machine) -> None:
    machine.command("id", "echo 1000")
    machine.command("apt-get", "echo called >&2")
    run = machine.run()
    assert run.returncode == 1
    assert f"    sudo apt-get install --no-install-recommends {MISSING}\n" in run.stderr
    assert "called" not in run.stderr
    assert run.stdout == ""
    assert not (machine.root / ".venv").exists()


def test_root_installs(machine: Machine, tmp_path: Path) -> None:
    machine.command("id", "echo 0")
    machine.command("apt-get", f'echo "$@" >>"{tmp_path}/calls"')
    run = machine.run()
    assert (tmp_path / "calls").read_text().splitlines() == [
        "-qq update",
        f"install -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends {MISSING}",
    ]
    assert run.returncode == 1, "the stub installs nothing"
    assert "still missing after installing: libEGL.so.1; libxcb-cursor.so.0; libxcb-keysyms.so.1\n" in run.stderr


def test_other_systems_name_the_libraries(machine: Machine) -> None:
    run = machine.run()
    assert run.returncode == 1
    assert "missing on this system: libEGL.so.1; libxcb-cursor.so.0; libxcb-keysyms.so.1. Install them" in run.stderr


def test_python_too_old(machine: Machine) -> None:
    machine.command("ldconfig", "exit 1")
    machine.command("python3", "exit 1")
    machine.command("id", "echo 1000")
    machine.command("apt-get", "exit 1")
    machine.command("apt-cache", '[ "$2" = python3.12-venv ] && echo "Package: $2"')
    assert "sudo apt-get install --no-install-recommends python3.12-venv\n" in machine.run().stderr


def make_current(machine: Machine) -> None:
    """As after a set-up: an environment with its stamp, and a program that prints its arguments."""
    (machine.root / ".venv/bin").mkdir(parents=True)
    (machine.root / ".venv/bin/python").symlink_to(machine.bin / "python3")
    program = machine.root / ".venv/bin/mirrordeck"
    program.write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    program.chmod(0o755)
    script = f'root="{machine.root}"; . "$root/packaging/common.sh"; write_stamp "$run_lock" "$run_stamp"'
    subprocess.run(["sh", "-c", script], check=True)


def test_second_start_only_compares_the_stamp(machine: Machine) -> None:
    make_current(machine)
    for name in ("ldconfig", "python3"):
        machine.command(name, "echo started >&2; exit 1")
    run = machine.run("push", "two words", "")
    assert (run.stdout, run.stderr, run.returncode) == ("<push><two words><>", "", 0)


@pytest.mark.parametrize("change", ["lock", "version", "python", "moved"])
def test_environment_out_of_date(machine: Machine, change: str) -> None:
    make_current(machine)
    if change == "lock":
        (machine.root / "requirements.lock").write_text("# newer\n")
    elif change == "version":
        project = machine.root / "pyproject.toml"
        project.write_text(project.read_text().replace('\nversion = "', '\nversion = "9'))
    elif change == "python":
        (machine.root / ".venv/bin/python").unlink()
    else:
        machine.root = machine.root.rename(machine.root.with_name("elsewhere"))
    run = machine.run()
    assert run.returncode == 1, "set-up was tried and the libraries are missing"
    assert "missing on this system" in run.stderr
