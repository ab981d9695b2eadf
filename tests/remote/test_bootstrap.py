# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is found, refused and copied where no engine is yet. The login shells are real, ssh is left out."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from remote.far_window import FarWindow, processes_with, wait_until

from core.engine.messages import Absent, Hello, InstallPart
from core.foundation.digests import digest_of
from core.foundation.release import versions
from core.remote import launch
from core.remote.address import Place
from core.remote.engine_archive import build_id, engine_archive, install_parts
from core.remote.launch import engine_argv

SESSION = "bootstrap-test"


@pytest.fixture
def far_home(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "run").mkdir(mode=0o700)
    yield tmp_path
    wait_until(lambda: not processes_with(SESSION))


def command(home: Path, *, shell: str = "/bin/sh", path: str = "/usr/bin:/bin", cache: str = "") -> list[str]:
    """What sshd does with the command."""
    line = engine_argv(Place("node7"), session=SESSION, read_only=False, wait_s=1)[-1]
    environ = [
        f"HOME={home}",
        f"PATH={path}",
        f"XDG_RUNTIME_DIR={home}/run",
        f"XDG_CACHE_HOME={cache or home / '.cache'}",
    ]
    return ["env", "-i", *environ, shell, "-c", line]


def refused(argv: list[str]) -> Absent:
    window = FarWindow(argv)
    window.kill()
    assert not window.absent.can_install
    return window.absent


@contextmanager
def offered(home: Path, **options: str) -> Iterator[FarWindow]:
    """A window that was told it may install."""
    window = FarWindow(command(home, **options))
    try:
        assert window.absent.can_install, window.absent
        yield window
    finally:
        window.kill()
        wait_until(lambda: not processes_with(SESSION))
    left = [path.name for path in (home / ".cache/mirrordeck/engine").glob(".new-*")]
    assert left == []


@pytest.mark.parametrize("shell", ["sh", "bash", "tcsh", "fish"])
def test_copied_and_found_again_whatever_the_login_shell(
    shell: str, far_home: Path, tool: Callable[[str], str]
) -> None:
    with offered(far_home, shell=tool(shell)) as window:
        assert window.absent.facts["folder"] == str(far_home / ".cache/mirrordeck/engine")
        window.install()
        assert window.hello.versions["msgspec"] == versions()["msgspec"]
    again = FarWindow(command(far_home, shell=tool(shell)))
    assert isinstance(again.first, Hello)
    again.goodbye()
    places = [far_home / ".cache/mirrordeck/engine", far_home / "run/mirrordeck"]
    assert [place.stat().st_mode & 0o777 for place in places] == [0o700, 0o700]


def programs(folder: Path, *names: str, **scripts: str) -> str:
    """A PATH with these programs of the system, and scripts."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(f"/bin/{name}")
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_no_python(far_home: Path) -> None:
    assert "no Python 3.11" in refused(command(far_home, path=programs(far_home / "bin", "sh", "cat"))).why


def test_only_an_old_python(far_home: Path) -> None:
    path = programs(far_home / "bin", "sh", "cat", python3="exit 1")
    assert "no Python 3.11" in refused(command(far_home, path=path)).why


def test_another_kind_of_computer(far_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "fitting_platform", lambda: "python3.13-riscv64-musl")
    why = refused(command(far_home)).why
    assert "Python 3.13 on riscv64 with musl" in why
    assert f"Python 3.{sys.version_info[1]} on" in why
    assert "pipx" in why


def test_an_installed_program_of_this_version_is_used(far_home: Path) -> None:
    hello = '{"t":"hello","protocol":2,"versions":{},"host":"installed"}'
    number = versions()["mirrordeck"]
    script = f'[ "$1" = --version ] && echo "mirrordeck {number}" || {{ [ "$1" = --engine ] && echo \'{hello}\'; }}'
    path = f"{programs(far_home / 'bin', mirrordeck=script)}:/usr/bin:/bin"
    window = FarWindow(command(far_home, path=path))
    window.kill()
    assert window.hello.host == "installed"
    (far_home / "bin/mirrordeck").write_text('#!/bin/sh\necho "mirrordeck 0.0.1"\n')
    with offered(far_home, path=path):
        pass


def test_no_place_for_it(far_home: Path) -> None:
    assert "cannot be copied" in refused(command(far_home, cache="/dev/null/cache")).why


def test_a_damaged_copy_may_be_sent_again(far_home: Path) -> None:
    with offered(far_home) as window:
        *parts, last = install_parts(engine_archive())
        for part in parts[1:]:
            window.send(part)
        window.send(last)
        window.first = window.receive()
        assert "damaged" in window.absent.why
        window.install()
        assert window.hello.protocol


def archive_of(name: str, text: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("core/__init__.py", "does not run there"),
        ("../outside", "does not belong"),
        ("/tmp/outside", "does not belong"),
    ],
)
def test_a_copy_that_is_something_else(name: str, why: str, far_home: Path) -> None:
    with offered(far_home) as window:
        data = archive_of(name, "")
        window.send(InstallPart(data, True, digest_of(data)))
        window.first = window.receive()
        assert why in window.absent.why
    assert not list(far_home.rglob("outside"))


@pytest.mark.root
def test_a_full_disk(far_home: Path) -> None:
    (far_home / "small").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(far_home / "small")], check=True)
    try:
        window = FarWindow(command(far_home, cache=str(far_home / "small")))
        with suppress(BrokenPipeError):
            for part in install_parts(engine_archive()):
                window.send(part)
        window.first = window.receive()
        window.kill()
        wait_until(lambda: not processes_with(SESSION))
        assert not window.absent.can_install
        assert "No space left" in window.absent.why
        assert list((far_home / "small/mirrordeck/engine").iterdir()) == []
    finally:
        subprocess.run(["umount", str(far_home / "small")], check=True)


@pytest.mark.root
def test_a_folder_for_sockets_that_belongs_to_somebody_else(far_home: Path) -> None:
    with offered(far_home) as window:
        window.install()
    os.chown(far_home / "run/mirrordeck", 65534, 65534)
    absent = refused(command(far_home))
    assert f"{far_home}/run/mirrordeck belongs to somebody else" in absent.why


def test_an_engine_that_others_could_have_changed(far_home: Path) -> None:
    folder = far_home / f".cache/mirrordeck/engine/{versions()['mirrordeck']}-{build_id()}"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert "others may write into it" in refused(command(far_home)).why


def test_a_session_that_cannot_be(far_home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "core.engine", "--detach", "--session", "../../x"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b'"absent"' in done.stdout
