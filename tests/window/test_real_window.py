# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The real program on a virtual screen, used through the accessibility bus: what a screen reader says and can do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("drive_window.py")
SYSTEM_PYTHON = "/usr/bin/python3"
# Driver first: its status is the session's. The program has to end by itself, and well, after "Quit".
SESSION = """
openbox & manager=$!
"$1" -m core.cli.main --demo & program=$!
if /usr/bin/python3 "$2" "$3"; then wait $program; else kill $program; false; fi
status=$?
kill $manager
exit $status
"""
CONTROLS = {
    *("push button", "check box", "radio button", "combo box", "text", "list", "list item", "menu item", "page tab"),
    *("table", "tree", "tree table", "table column header", "slider", "spin button", "dialog", "frame"),
}


def need(found: bool, what: str) -> None:
    if not found:
        (pytest.fail if os.environ.get("MIRRORDECK_CI") else pytest.skip)(f"{what} is not installed")


@pytest.fixture(scope="module")
def screen(tool: Callable[[str], str]) -> Iterator[str]:
    """The name of a virtual display, up while the tests of this module run."""
    tool("xauth")
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        [tool("Xvfb"), "-displayfd", str(write_end), "-screen", "0", "1440x900x24", "-nolisten", "tcp"],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as numbers:
        number = numbers.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def heard(
    screen: str, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[list[str]]]:
    """What can be heard in each place on the way from choosing a package to finding it in a cache."""
    home = tmp_path_factory.mktemp("w")
    (home / "run").mkdir(mode=0o700)
    tool("openbox")
    need(Path("/usr/libexec/at-spi-bus-launcher").exists(), "at-spi2-core")
    known = subprocess.run([SYSTEM_PYTHON, "-c", "import pyatspi"], capture_output=True, check=False)
    need(known.returncode == 0, "pyatspi for the system's Python")
    done = subprocess.run(
        [
            tool("dbus-run-session"),
            "--",
            "sh",
            "-c",
            SESSION,
            "session",
            sys.executable,
            str(DRIVER),
            str(home / "heard"),
        ],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "DISPLAY": screen,
            "QT_QPA_PLATFORM": "xcb",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"
    assert "Traceback" not in done.stderr, done.stderr
    names: dict[str, list[list[str]]] = json.loads((home / "heard").read_text())
    return names


def test_a_package_is_pushed_and_found_with_names_and_keys_only(heard: dict[str, list[list[str]]]) -> None:
    assert list(heard) == ["Mirrors", "Packages", "Push", "Transfers", "Contents", "Keys", "History", "Settings"]


def test_every_control_says_what_it_is(heard: dict[str, list[list[str]]]) -> None:
    nameless = [
        (place, role, at and words[at - 1])
        for place, words in heard.items()
        for at, (role, name) in enumerate(words)
        if role in CONTROLS and not name
    ]
    assert nameless == []
    assert sum(role in CONTROLS for words in heard.values() for role, _ in words) > 100, "they were listened to at all"


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("Mirrors", r"team, folder, .*/mirrors/team, ok"),
        ("Packages", "hdf5 1.14.5, "),
        ("Push", "Will upload, 7 packages, "),
        ("Transfers", "hdf5 1.14.5 to team, done"),
        ("Contents", "hdf5, 1 entry, "),
    ],
)
def test_rows_are_heard_as_sentences(heard: dict[str, list[list[str]]], place: str, sentence: str) -> None:
    rows = [name for role, name in heard[place] if role == "table cell"]
    assert any(re.match(sentence, row) for row in rows), rows
