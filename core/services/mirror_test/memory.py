# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The last result of each mirror's test, for as long as the mirror stays configured as it was."""

from __future__ import annotations

import hashlib
import logging
import threading
from pathlib import Path

import msgspec

from core.foundation.decoding import from_json
from core.foundation.errors import MirrordeckError
from core.foundation.files import atomic_write
from core.mirrors.model import Connection, Mirror
from core.services.login_values import TestView
from core.spack.instance import Instance

_FILE = "mirror-tests.json"
_MOST = 300

_log = logging.getLogger(__name__)


class TestMemory:
    """Thread-safe. Without `keep` nothing is written, and nothing read either."""

    def __init__(self, directory: Path, *, keep: bool = True) -> None:
        self._path = directory / _FILE
        self._keep = keep
        self._lock = threading.Lock()
        self._known = self._read() if keep else {}

    def find(self, instance: Instance, mirror: Mirror, *, as_reader: bool) -> TestView | None:
        with self._lock:
            return self._known.get(_key(instance, mirror, as_reader=as_reader))

    def put(self, instance: Instance, mirror: Mirror, view: TestView) -> None:
        with self._lock:
            key = _key(instance, mirror, as_reader=view.as_reader)
            self._known.pop(key, None)
            self._known[key] = view
            while len(self._known) > _MOST:
                del self._known[next(iter(self._known))]
            if self._keep:
                self._write()

    def _read(self) -> dict[str, TestView]:
        try:
            return from_json(self._path.read_bytes(), dict[str, TestView])
        except (OSError, ValueError, RecursionError):
            return {}

    def _write(self) -> None:
        """What cannot be kept is not worth an error: it is only remembered."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._path, msgspec.json.encode(self._known))
        except (OSError, MirrordeckError) as error:
            _log.info("results of tests are not kept: %s", error)


def _key(instance: Instance, mirror: Mirror, *, as_reader: bool) -> str:
    """A digest, because addresses may hold passwords."""
    parts = [instance.id, mirror.name, str(as_reader), *_facts(mirror.fetch), *_facts(mirror.push)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _facts(connection: Connection) -> tuple[str, ...]:
    return (
        connection.url,
        connection.user,
        connection.user_variable,
        connection.secret_variable,
        connection.endpoint_url,
    )
