# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Throw-away GnuPG homes with short paths: agents cannot make sockets below long ones."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class GnupgHome:
    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.path), "--batch", "--no-tty", "--quiet", *arguments]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout

    def make_key(self, name: str, algorithm: str = "ed25519", *options: str, expires: str = "never") -> str:
        """The fingerprint of a new key without a passphrase."""
        user_id = f"{name} <{name}@example.invalid>"
        self.run(*options, "--passphrase", "", "--quick-generate-key", user_id, algorithm, "sign", expires)
        listing = self.run("--with-colons", "--list-keys", name).decode()
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))

    def public(self, *fingerprints: str) -> bytes:
        return self.run("--armor", "--export", *fingerprints)

    def forget_passphrases(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.path), "--kill", "all"], check=True)


@contextmanager
def gnupg_home() -> Iterator[GnupgHome]:
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed")
    path = Path(tempfile.mkdtemp(prefix="gh-", dir="/tmp"))
    path.chmod(0o700)
    home = GnupgHome(path)
    yield home
    home.forget_passphrases()
    shutil.rmtree(path, ignore_errors=True)
