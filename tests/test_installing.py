# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What people install, built from this checkout: the Debian package and the archive in a bare system, the wheel in a
fresh `venv`."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("core", "gui", "resources", "packaging")
FILES = ("pyproject.toml", "README.md", "LICENSE", "requirements.lock")
DATA = ("resources.icons", "resources.help")
DEADLINE_S = 60
APP_ID = "io.github.mirrordeck.Mirrordeck"
MOST_INSTALLED_BYTES = 260_000_000
# Only for that process and its children: a run that is killed leaves no /proc behind for whoever cleans up.
_INSIDE = 'mount -t proc proc "$0/proc" && exec chroot "$0" /usr/bin/env -i "$@"'


class Bare:
    """A minimal Debian in a directory, with nothing but what the package says it needs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, *arguments: str) -> list[str]:
        environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "QT_QPA_PLATFORM=offscreen"]
        return ["unshare", "--mount", "sh", "-c", _INSIDE, str(self.root), *environment, *arguments]

    def run(self, *arguments: str) -> str:
        return output_of(*self.command(*arguments))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is built, so that building leaves nothing in the checkout."""
    if os.environ.get("MIRRORDECK_CI") != "1" and shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not installed")
    place = tmp_path_factory.mktemp("checkout")
    for part in PARTS:
        shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, place)
    return place


def build(checkout: Path, kind: str, pattern: str) -> Path:
    output_of(str(checkout / "packaging/build"), kind)
    (made,) = checkout.joinpath("dist").glob(pattern)
    return made


def output_of(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Bare:
    package = build(checkout, "deb", "*.deb")
    root = tmp_path_factory.mktemp("bare") / "root"
    release = Path("/etc/os-release").read_text()
    codename = next(line.partition("=")[2] for line in release.splitlines() if line.startswith("VERSION_CODENAME="))
    fields = output_of("dpkg-deb", "-f", str(package), "Depends")
    needs = ",".join(need.split()[0] for need in fields.split(","))
    output_of("mmdebstrap", "--variant=minbase", "--quiet", f"--include={needs}", codename, str(root))
    shutil.copy(package, root / "package.deb")
    return Bare(root)


pytestmark = pytest.mark.root


def test_it_installs_starts_and_ends_in_a_bare_system(bare: Bare, golden: Path) -> None:
    bare.run("dpkg", "--install", "/package.deb")  # fails when what it depends on is not all there
    assert bare.run("mirrordeck", "--version").startswith("mirrordeck 0.")
    assert "gpg" in bare.run("sh", "-c", "gzip -dc /usr/share/man/man1/mirrordeck.1.gz")
    shutil.copytree(golden / "mirrors/unsigned", bare.root / "srv/mirror")
    shutil.copytree(golden / "db", bare.root / "srv/spack/.spack-db")
    listed = bare.run("mirrordeck", "--instance", "/srv/spack", "buildcache", "list", "/srv/mirror")
    assert "labzed@" in listed

    starts_and_ends_well(bare.command("mirrordeck", "--demo"))


def test_the_archive_runs_from_wherever_it_is_unpacked(bare: Bare, checkout: Path) -> None:
    archive = build(checkout, "bundle", "*.tar.xz")
    assert "-glibc" in archive.name
    place = bare.root / "srv/some where"
    place.mkdir(parents=True)
    output_of("tar", "--extract", "--file", str(archive), "--directory", str(place))
    (folder,) = place.iterdir()
    moved = folder.rename(place / "moved")
    program = "/srv/some where/moved/mirrordeck"
    assert bare.run(program, "--version").startswith("mirrordeck 0.")
    starts_and_ends_well(bare.command(program, "--demo"))
    licences = {path.name.lower() for path in (moved / "share/doc/mirrordeck/licences").iterdir()}
    assert {"lgpl-3", "pyside6_essentials", "shiboken6", "requests"} <= licences
    size = sum(path.stat().st_size for path in moved.rglob("*") if path.is_file() and not path.is_symlink())
    assert size < MOST_INSTALLED_BYTES


def test_what_desktops_and_shells_look_for_is_there_and_valid(bare: Bare) -> None:
    share = bare.root / "usr/share"
    bare.run("dpkg", "--unpack", "/package.deb")
    for shell_file in ("bash-completion/completions/mirrordeck", "zsh/site-functions/_mirrordeck"):
        assert "buildcache" in (share / shell_file).read_text()
    assert (share / "icons/hicolor/scalable/apps" / f"{APP_ID}.svg").is_file()
    output_of("desktop-file-validate", str(share / "applications" / f"{APP_ID}.desktop"))
    output_of("appstreamcli", "validate", "--no-net", str(share / "metainfo" / f"{APP_ID}.metainfo.xml"))


def test_the_sbom_lists_what_is_locked(checkout: Path) -> None:
    listed = json.loads(build(checkout, "sbom", "*.cdx.json").read_text())
    named = {(part["name"].lower(), part["version"]) for part in listed["components"]}
    locked = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    assert {(name.lower(), version) for name, version in locked} <= named


def test_the_wheel_installs_in_a_fresh_environment_and_starts(checkout: Path, tmp_path: Path) -> None:
    wheel = build(checkout, "wheel", "*.whl")
    output_of(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    output_of(str(tmp_path / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--no-input", str(wheel))
    program = str(tmp_path / "venv/bin/mirrordeck")
    assert output_of(program, "--version").startswith("mirrordeck 0.")
    script = "from importlib.resources import files; print(*(f.name for d in %r for f in files(d).iterdir()))"
    packed = output_of(str(tmp_path / "venv/bin/python"), "-I", "-c", script % (DATA,)).split()
    wanted = {path.name for part in DATA for path in ROOT.joinpath(*part.split(".")).glob("*.[sm][vd]*")}
    assert wanted
    assert wanted - set(packed) == set()
    starts_and_ends_well([program, "--demo"])


def starts_and_ends_well(command: list[str]) -> None:
    """The window comes up with its engine beside it; told to end, both do, and nothing was amiss."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    window = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd="/"
    )
    try:
        wait_until(lambda: window.poll() is not None or engines_of(window.pid))
        assert window.poll() is None, window.communicate()[0]
        engines = engines_of(window.pid)
        window.send_signal(signal.SIGTERM)
        said, _ = window.communicate(timeout=DEADLINE_S)
        assert window.returncode == 0, said
        assert "Traceback" not in said
        wait_until(lambda: not any(engine.exists() for engine in engines))
    finally:
        window.kill()
        window.wait()


def engines_of(pid: int) -> list[Path]:
    """Their folders in /proc; what mounts and unpacks before the window is there is a child of the same process."""
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [folder for folder in (Path("/proc") / number for number in numbers) if is_engine(folder)]


def is_engine(folder: Path) -> bool:
    try:
        return b"engine" in (folder / "cmdline").read_bytes()
    except OSError:
        return False  # it has ended meanwhile


def wait_until(met: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not met():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)
