# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The guards of conftest.py: each bad test below must fail, each good one pass."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

INNER = """
import logging, os, socket, subprocess, threading, pytest

def test_good_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass

def test_bad_network():
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except OSError:
        pass

def test_bad_name_lookup():
    try:
        socket.getaddrinfo("example.org", 443)
    except OSError:
        pass

def test_bad_thread():
    threading.Thread(target=threading.Event().wait, args=(20,), daemon=True).start()

def test_bad_child():
    global child
    child = subprocess.Popen(["sleep", "20"])

def test_good_after_child():
    child.kill()
    child.wait()

def test_bad_log():
    logging.getLogger("core.x").warning("disk on fire")

def test_good_log(expected_warnings):
    expected_warnings.append("on fire$")
    logging.getLogger("core.x").error("disk on fire")

def test_bad_log_missing(expected_warnings):
    expected_warnings.append("on fire$")

def test_bad_coroutine():
    async def nothing():
        pass
    nothing()

def test_good_home(home):
    assert os.environ["HOME"] == str(home)
    assert "SPACK_ROOT" not in os.environ
    assert os.environ["GNUPGHOME"].startswith(str(home))

def test_good_tree(golden_tree):
    store = golden_tree / "opt/lab/spack/opt/spack"
    assert (store / ".spack-db/index.json").is_file()
    assert any(path.stat().st_mode & 0o2000 for path in (store / "linux-x86_64").iterdir())

def test_bad_tool(tool):
    tool("no-such-program")
"""


def test_guards_catch(tmp_path: Path, monkeypatch) -> None:
    here = Path(__file__).parent
    patient = (here / "conftest.py").read_text()
    impatient = re.sub(r"^ENDING_SECONDS = .*$", "ENDING_SECONDS = 2.0", patient, flags=re.MULTILINE)
    assert impatient != patient
    (tmp_path / "conftest.py").write_text(impatient)
    for name in ("data", "helpers", "registry"):
        (tmp_path / name).symlink_to(here / name)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\nmarkers = spack\n    root\n")
    (tmp_path / "test_inner.py").write_text(INNER)
    monkeypatch.setenv("MIRRORDECK_CI", "1")
    monkeypatch.setenv("SPACK_ROOT", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", str(here.parent))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--tb=no",
        "-rA",
        "--basetemp",
        str(tmp_path / "t"),
        "test_inner.py",
    ]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    ended_well = set(re.findall(r"^PASSED test_inner.py::test_(\w+)", output, re.MULTILINE))
    ended_badly = set(re.findall(r"^(?:FAILED|ERROR) test_inner.py::test_(\w+)", output, re.MULTILINE))
    tests = set(re.findall(r"^def test_(\w+)", INNER, re.MULTILINE))
    assert {name for name in tests if name.startswith("bad_")} == ended_badly, output
    assert {name for name in tests if name.startswith("good_")} == ended_well - ended_badly, output
