# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Debian package, built from this checkout, installed and started in a bare Debian."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("core", "gui", "resources", "packaging")
FILES = ("pyproject.toml", "README.md", "LICENSE", "requirements.lock")
DEADLINE_S = 60


class Bare:
    """A minimal Debian in a directory, with nothing but what the package says it needs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, *arguments: str) -> list[str]:
        environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "QT_QPA_PLATFORM=offscreen"]
        return ["chroot", str(self.root), "/usr/bin/env", "-i", *environment, *arguments]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def processes(self, word: str) -> list[int]:
        """Processes inside that have `word` among their arguments."""
        found = []
        for process in Path("/proc").iterdir():
            try:
                arguments = process.joinpath("cmdline").read_bytes().split(b"\0")
                if word.encode() in arguments and str((process / "root").readlink()) == str(self.root):
                    found.append(int(process.name))
            except (OSError, ValueError):
                continue
        return found


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .deb. Everything is copied first, so that building leaves nothing in the checkout."""
    if os.environ.get("MIRRORDECK_CI") != "1" and shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not installed")
    place = tmp_path_factory.mktemp("checkout")
    for part in PARTS:
        shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, place)
    done = subprocess.run([place / "packaging/build", "deb"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = place.joinpath("dist").glob("*.deb")
    return made


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Bare]:
    root = tmp_path_factory.mktemp("bare") / "root"
    release = Path("/etc/os-release").read_text()
    codename = next(line.partition("=")[2] for line in release.splitlines() if line.startswith("VERSION_CODENAME="))
    fields = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, text=True, check=True).stdout
    needs = ",".join(need.split()[0] for need in fields.split(","))
    made = subprocess.run(
        ["mmdebstrap", "--variant=minbase", "--quiet", f"--include={needs}", codename, str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    shutil.copy(package, root / "package.deb")
    subprocess.run(["mount", "-t", "proc", "proc", str(root / "proc")], check=True)
    try:
        yield Bare(root)
    finally:
        subprocess.run(["umount", str(root / "proc")], check=True)


pytestmark = pytest.mark.root


def test_it_installs_starts_and_ends_in_a_bare_system(bare: Bare, golden: Path, wait: Callable[..., None]) -> None:
    bare.run("dpkg", "--install", "/package.deb")  # fails when what it depends on is not all there
    assert bare.run("mirrordeck", "--version").startswith("mirrordeck 0.")
    assert "gpg" in bare.run("sh", "-c", "gzip -dc /usr/share/man/man1/mirrordeck.1.gz")
    shutil.copytree(golden / "mirrors/unsigned", bare.root / "srv/mirror")
    shutil.copytree(golden / "db", bare.root / "srv/spack/.spack-db")
    listed = bare.run("mirrordeck", "--instance", "/srv/spack", "buildcache", "list", "/srv/mirror")
    assert "labzed@" in listed

    window = subprocess.Popen(
        bare.command("mirrordeck", "--demo"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        wait(lambda: bare.processes("--engine") or window.poll() is not None)
        assert window.poll() is None, window.communicate()[0]
        (inside,) = [number for number in bare.processes("--demo") if number != os.getpid()][-1:]
        os.kill(inside, signal.SIGTERM)
        said, _ = window.communicate(timeout=DEADLINE_S)
        assert window.returncode == 0, said
        assert "Traceback" not in said
        wait(lambda: not bare.processes("--engine"))
    finally:
        window.kill()


@pytest.fixture
def wait() -> Callable[..., None]:
    def until(met: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not met():
            assert time.monotonic() < deadline, "it took too long"
            time.sleep(0.1)

    return until
