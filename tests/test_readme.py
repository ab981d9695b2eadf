# SPDX-License-Identifier: Apache-2.0 OR MIT
"""README.md is true: its commands parse, its files exist, what it names in the window is there."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from core.cli.main import make_parser
from gui import actions

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for line in re.findall(r"(?:`|\$\()(mirrordeck [^`)]*)[`)]", TEXT) if "…" not in line]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_ours(command: str) -> None:
    complaints = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaints):
            make_parser().parse_args(shlex.split(command)[1:])
    except SystemExit:
        pytest.fail(complaints.getvalue())


def test_commands_were_found_at_all() -> None:
    assert len(COMMANDS) > 20


def test_links_and_files_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)]*)\)", TEXT) if "://" not in link]
    named = re.findall(r"`((?:core|gui|tests|packaging|resources|\.ci)/[\w./-]+)`", TEXT)
    floors = [
        f"core/{path}" for path in re.findall(r"`((?:spack|services|transfers|packing|signing|caches)/\w+\.py)`", TEXT)
    ]
    assert [path for path in (*links, *named, *floors) if not (ROOT / path).exists()] == []
    assert len(floors) > 5


def test_actions_with_an_ellipsis_exist() -> None:
    known = {entry.text for entry in actions._ENTRIES.values()} | {"Save…"}
    named = [name for name in re.findall(r"(?<!\*)\*([^*\n]+…)\*(?!\*)", TEXT) if name not in known]
    assert named == []
