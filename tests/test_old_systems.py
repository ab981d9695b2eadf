# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Enterprise Linux 8 has glibc 2.28: pip must find everything for it there, and Qt is what decides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TAGS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "any")


def test_pip_finds_everything_for_glibc_2_28(tmp_path: Path) -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--no-input"),
            *("--only-binary", ":all:", "--python-version", "3.11", "--target", str(tmp_path / "nothing")),
            *(word for tag in TAGS for word in ("--platform", tag)),
            *("--report", str(report), "--retries", "0", *wanted),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if "Could not find a version" not in done.stderr and done.returncode and os.environ.get("MIRRORDECK_CI") != "1":
        pytest.skip(f"no package index answers here: {done.stderr.strip().splitlines()[-1:]}")
    assert done.returncode == 0, done.stderr
    found = {
        part["metadata"]["name"]: part["metadata"]["version"] for part in json.loads(report.read_text())["install"]
    }
    assert tuple(map(int, found["PySide6_Essentials"].split("."))) < (6, 10)  # later ones need glibc 2.34
