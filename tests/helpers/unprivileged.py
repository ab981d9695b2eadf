# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Permission tests when the suite runs as root, who may write anywhere: a child process as an ordinary user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
PROJECT = Path(__file__).parents[2]

# Imports come first: the interpreter itself may lie where only root can read.
PREAMBLE = """
import importlib, os, sys, urllib.parse
for name in sys.argv.pop(1).split(","):
    importlib.import_module(name)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({nobody})
    os.setuid({nobody})
"""


def run_unprivileged(code: str, *arguments: str | Path, modules: tuple[str, ...]) -> str:
    """Standard output of `code`, run as an ordinary user with `arguments` in sys.argv[1:]; fails if it fails.

    `modules` are imported beforehand. A person who is not root is an ordinary user already.
    """
    script = PREAMBLE.format(nobody=NOBODY) + code
    done = subprocess.run(
        [sys.executable, "-c", script, ",".join(modules), *map(str, arguments)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def open_directory() -> Iterator[Path]:
    """A new directory that the ordinary user owns and can reach; pytest's own lie below one of mode 0700."""
    path = Path(tempfile.mkdtemp(prefix="md-"))
    try:
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        path.chmod(0o755)
        yield path
    finally:
        for directory in [path, *path.rglob("*")]:
            if directory.is_dir() and not directory.is_symlink():
                directory.chmod(0o755)
        shutil.rmtree(path)
