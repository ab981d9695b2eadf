# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Mirrors with logins, and keyrings that live in memory, hang or are locked."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from keyring.backend import KeyringBackend

from core.foundation.secret import Secret
from core.mirrors.credentials.keyrings import Keyring
from core.mirrors.model import Connection, Mirror
from core.registry.credentials import Credential

CANARY = 'c4nary-"\\ü-s3cret'


class MemoryKeyring(KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.error: Exception | None = None
        self.released = threading.Event()
        self.released.set()
        self.calls: list[str] = []

    def get_password(self, service: str, username: str) -> str | None:
        self._wait(f"get {username}")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._wait(f"set {username}")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._wait(f"delete {username}")
        del self.entries[service, username]

    def _wait(self, call: str) -> None:
        self.calls.append(call)
        self.released.wait()
        if self.error is not None:
            raise self.error


def in_memory(backend: MemoryKeyring, **options: Any) -> Keyring:
    options.setdefault("timeout_s", 60.0)
    return Keyring(lambda: backend, **options)


def login(user: str = "bot", secret: str = CANARY) -> Credential:
    return Credential(user, Secret(secret))


def shown(credential: Credential | None) -> tuple[str, str] | None:
    return None if credential is None else (credential.user, credential.secret.reveal())


def connection(url: str = "oci://reg.example.org/lab/cache", **settings: Any) -> Connection:
    return Connection(url, **{"user": "bot", "secret_variable": "TOKEN", **settings})


def anonymous(url: str = "oci://reg.example.org/lab/cache") -> Connection:
    return Connection(url)


def mirror(name: str = "site", *, fetch: Connection | None = None, push: Connection | None = None) -> Mirror:
    both = fetch or push or connection()
    return Mirror(name, fetch or both, push or both)


def script(path: Path, body: str) -> Path:
    """A program in a directory that nobody else can write to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def search_path(*directories: Path) -> str:
    return os.pathsep.join([*map(str, directories), os.environ["PATH"]])
