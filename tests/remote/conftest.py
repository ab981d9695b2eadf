# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A real sshd on loopback whose logins have a home of their own, and a real sudo to another account."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.ports import free_port
from remote.far_window import FarWindow, processes_with, wait_until

from core.engine.messages import Absent
from core.remote.address import Place
from core.remote.launch import engine_argv

HOST = "node7"
_SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/user_key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv HOME={home} XDG_CACHE_HOME={home}/.cache XDG_RUNTIME_DIR={home}/run GNUPGHOME={home}/.gnupg LANG=C.UTF-8
"""
_CLIENT = """\
Host {host}
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    StrictHostKeyChecking yes
"""


@dataclass(frozen=True)
class Node:
    """The other computer: `home` is that of its only account, `programs` has an `ssh` that knows it as HOST."""

    home: Path
    programs: Path


@pytest.fixture(scope="session")
def running_node(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("node")
    home = tmp_path_factory.mktemp("far")
    (home / "run").mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
        server, keygen, client = tool("sshd"), tool("ssh-keygen"), tool("ssh")
    for name in ("host_key", "user_key"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd does not start as root without it
    port = free_port()
    key = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}")
    (folder / "sshd_config").write_text(_SERVER.format(port=port, folder=folder, home=home))
    (folder / "ssh_config").write_text(_CLIENT.format(host=HOST, port=port, folder=folder, user=getpass.getuser()))
    programs = folder / "bin"
    programs.mkdir()
    (programs / "ssh").write_text(f'#!/bin/sh\nexec {client} -F {folder}/ssh_config "$@"\n')
    (programs / "ssh").chmod(0o755)
    with subprocess.Popen([server, "-D", "-q", "-f", str(folder / "sshd_config")]) as process:
        try:
            wait_until(lambda: process.poll() is not None or _listens(port))
            assert process.poll() is None, "sshd did not start"
            yield Node(home, programs)
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def node(running_node: Node, monkeypatch: pytest.MonkeyPatch) -> Node:
    """`running_node`, with its `ssh` on the PATH."""
    monkeypatch.setenv("PATH", f"{running_node.programs}:{os.environ['PATH']}")
    return running_node


class Session:
    """Windows of one session at one place, and whatever engine they leave."""

    def __init__(self, place: Place, keyring: dict[str, str], wait_s: int) -> None:
        self.id = f"test-{secrets.token_hex(8)}"
        self.keyring = keyring
        self._windows: list[FarWindow] = []
        self._argv = engine_argv(place, session=self.id, read_only=False, wait_s=wait_s)

    def window(self) -> FarWindow:
        """Connected; the engine is installed if it has to be."""
        window = FarWindow(self._argv, self.keyring)
        self._windows.append(window)
        if isinstance(window.first, Absent):
            window.install()
        assert window.hello.session == self.id
        return window

    def alive(self) -> bool:
        return bool(processes_with(self.id))

    def end(self) -> None:
        for window in self._windows:
            window.kill()
        for process in processes_with(self.id):
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(process, signal.SIGTERM)
        wait_until(lambda: not self.alive())


@pytest.fixture
def session() -> Iterator[Callable[..., Session]]:
    made: list[Session] = []

    def make(place: Place, keyring: dict[str, str] | None = None, wait_s: int = 60) -> Session:
        made.append(Session(place, {} if keyring is None else keyring, wait_s))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture(scope="session")
def other_account(tool: Callable[[str], str]) -> Iterator[str]:
    """An account that sudo may become without a password; made for the tests, and removed."""
    tool("sudo")
    if os.geteuid() != 0:
        pytest.skip("needs to be root: an account is made")
    name = f"md{secrets.token_hex(3)}"
    subprocess.run([tool("useradd"), "-m", "-s", "/bin/sh", name], check=True)
    home = Path("~" + name).expanduser()
    home.chmod(0o700)
    try:
        yield name
    finally:
        subprocess.run(["userdel", "-f", name], check=True, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
