# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every test gets: a home of its own, no network, and checks that nothing keeps running or logs by surprise."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from registry.servers import (
    PASSWORD,
    USER,
    RunningRegistry,
    basic_auth,
    docker_registry,
    make_certificates,
    token_auth,
    token_server,
)

from core.foundation import secret

DATA = Path(__file__).parent / "data"
CI = bool(os.environ.get("MIRRORDECK_CI"))
KEPT_VARIABLES = frozenset({"MIRRORDECK_CI", "SPACK_FOR_TESTS"})
DROPPED_VARIABLES = re.compile(
    r"(SPACK_|MIRRORDECK_|XDG_|LC_|GIT_).*|LANG|LANGUAGE|GNUPGHOME|GPG_AGENT_INFO|DBUS_SESSION_BUS_ADDRESS|COLUMNS|LINES"
    r"|NO_COLOR|FORCE_COLOR|CLICOLOR.*|(https?|all|no)_proxy|PYTHONPATH"
    r"|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_FILE|SSL_CERT_DIR",
    re.IGNORECASE,
)
ENDING_SECONDS = 30.0
_LONG = ("test_installing.py", "test_whole_transfers.py", "test_power_cuts.py")

# Nobody knows how busy the machine is; what takes too long is found by the time the whole run takes.
settings.register_profile(
    "any machine",
    settings.get_profile("ci" if CI else "default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")

# Read once per process, by Qt and by the C library: too late in a fixture.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.update({"LC_ALL": "C.UTF-8", "TZ": "UTC"})
time.tzset()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of what a shell starts in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


# ---- network: loopback and Unix sockets only ----

_refused: list[str] = []


def _only_this_machine(event: str, arguments: tuple[object, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}:
        return
    target = arguments[0] if event in {"socket.getaddrinfo", "socket.gethostbyname"} else arguments[1]
    if not isinstance(target, tuple) and event in {"socket.connect", "socket.sendto"}:
        return  # a Unix socket's path
    host = target[0] if isinstance(target, tuple) else target
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in {"", "localhost", "::1", "0.0.0.0", "::"} or str(name).startswith("127."):
        return
    _refused.append(f"{event} {target!r}")
    raise OSError(f"tests may not leave this machine: {event} {target!r}")


sys.addaudithook(_only_this_machine)


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    """The attempt raises where it is made; here it also fails tests whose code swallows that error."""
    _refused.clear()
    yield
    assert not _refused, f"the test tried to leave this machine: {_refused}"


# ---- secrets of other tests ----


@pytest.fixture(autouse=True)
def _no_secrets_of_others() -> None:
    """What other tests of this process still hold would be blanked in the texts of this one."""
    secret._alive.clear()


# ---- nothing left running ----


def _children() -> dict[int, str]:
    """Child processes of this process with their command lines."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return {}
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(state[1]) == os.getpid():
                found[int(folder.name)] = (folder / "cmdline").read_text(errors="replace").replace("\0", " ").strip()
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    threads = set(threading.enumerate())
    children = _children()
    yield
    deadline = time.monotonic() + ENDING_SECONDS
    for thread in set(threading.enumerate()) - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in set(threading.enumerate()) - threads]
    assert not left, f"threads left running: {left}"
    while lost := {pid: command for pid, command in _children().items() if pid not in children}:
        assert time.monotonic() < deadline, f"child processes left over: {lost}"
        time.sleep(0.02)  # they may be about to end


# ---- warnings in the log ----


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(f"{record.levelname} {record.name}: {record.getMessage()}")


@pytest.fixture
def expected_warnings() -> list[str]:
    """Regular expressions; a test appends one per log message of level WARNING or above that it provokes.

    A message that matches none fails the test, and so does an expression that nothing matched.
    """
    return []


@pytest.fixture(autouse=True)
def _no_unexpected_warnings(expected_warnings: list[str]) -> Iterator[None]:
    records = _Records()
    root = logging.getLogger()
    root.addHandler(records)
    yield
    root.removeHandler(records)
    unexpected = [text for text in records.messages if not any(re.search(known, text) for known in expected_warnings)]
    assert not unexpected, f"unexpected log messages: {unexpected}"
    unseen = [known for known in expected_warnings if not any(re.search(known, text) for text in records.messages)]
    assert not unseen, f"expected log messages that never came: {unseen}"


# ---- a home of its own ----


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """HOME of this test, with XDG folders, MIRRORDECK_HOME and GNUPGHOME below it. Gpg's agent is ended afterwards."""
    # A short name: the paths of gpg-agent's sockets may not exceed 107 characters.
    path = tmp_path_factory.mktemp("h")
    folders = {
        "HOME": path,
        "XDG_CONFIG_HOME": path / ".config",
        "XDG_CACHE_HOME": path / ".cache",
        "XDG_DATA_HOME": path / ".local/share",
        "XDG_STATE_HOME": path / ".local/state",
        "XDG_RUNTIME_DIR": path / "run",
        "MIRRORDECK_HOME": path / "mirrordeck",
        "GNUPGHOME": path / ".gnupg",
    }
    (path / "run").mkdir(mode=0o700)
    (path / ".gnupg").mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if DROPPED_VARIABLES.fullmatch(name) and name not in KEPT_VARIABLES:
                patch.delenv(name)
        for name, folder in folders.items():
            patch.setenv(name, str(folder))
        patch.setenv("LANG", "C.UTF-8")
        patch.setenv("LC_ALL", "C.UTF-8")
        yield path
        if any((path / ".gnupg").iterdir()) and shutil.which("gpgconf"):
            subprocess.run(["gpgconf", "--homedir", str(path / ".gnupg"), "--kill", "all"], check=True)


# ---- what a machine may lack ----


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """`tool("gpg")` is the program's path; without it the test is skipped, in continuous integration it fails."""

    def path_of(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            (pytest.fail if CI else pytest.skip)(f"{name} is not installed")
        return path

    return path_of


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs to be root")
    if item.get_closest_marker("spack") and not os.environ.get("SPACK_FOR_TESTS"):
        pytest.skip("SPACK_FOR_TESTS names no Spack checkout")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first: at the end one process would wait for the other."""
    items.sort(key=lambda item: item.path.name not in _LONG)


# ---- data written by real Spack ----


@pytest.fixture(scope="session")
def golden() -> Path:
    """What Spack 1.1 wrote; see its README.md. Read only."""
    return DATA / "spack-1.1"


@pytest.fixture(scope="session")
def golden_tree(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the install tree is unpacked with all its modes: `<it>/opt/lab/spack/opt/spack`. Read only."""
    target = tmp_path_factory.mktemp("tree")
    with tarfile.open(golden / "prefixes/install-tree.tar.gz") as archive:
        # As filter="fully_trusted", an argument that Debian 12's Python 3.11.2 does not have yet.
        archive.extraction_filter = lambda member, _path: member
        archive.extractall(target)
    return target


# ---- real registries ----


@pytest.fixture(scope="session")
def real_registries(
    tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RunningRegistry]]:
    """Debian's docker-registry: `plain` http, `basic` (TLS, htpasswd) and `token` (TLS, bearer tokens)."""
    program, openssl = tool("docker-registry"), tool("openssl")
    folder = tmp_path_factory.mktemp("registries")
    for kind in ("plain", "basic", "token"):
        (folder / kind).mkdir()
    tls = make_certificates(folder, openssl)
    with ExitStack() as stack:
        realm, certificate = stack.enter_context(token_server(tls, folder, openssl))
        plain = stack.enter_context(docker_registry(program, folder / "plain"))
        basic = stack.enter_context(docker_registry(program, folder / "basic", tls=tls, auth=basic_auth(folder)))
        auth = token_auth(realm, certificate)
        bearer = stack.enter_context(docker_registry(program, folder / "token", tls=tls, auth=auth))
        known = {"user": USER, "password": PASSWORD}
        yield {"plain": plain, "basic": replace(basic, **known), "token": replace(bearer, **known)}
