# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Small files of what a person set: a JSON object of typed values, read again whenever the file changed."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from core.foundation.decoding import from_json
from core.foundation.errors import ConfigError, from_os_error
from core.foundation.files import atomic_write
from core.spack.substitutions import folder_of

T = TypeVar("T")

_PRIVATE = 0o600


def address_key(url: str) -> str:
    """The name in a table of a mirror at `url`: the same for every way to write the address of one folder."""
    folder = folder_of(url)
    return folder.as_uri() if folder is not None else url.rstrip("/")


class Table(Generic[T]):
    """Values by name in the file `path`, of the type `kind`. Thread-safe.

    A file that cannot be used counts as empty, and `problem` says why; it is never overwritten. With `private` the file
    is for this user alone, and one that others can change is not used.
    """

    def __init__(self, path: Path, kind: type[T], *, private: bool = False) -> None:
        self._path = path
        self._kind = kind
        self._private = private
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, T] = {}
        self._problem = ""

    @property
    def problem(self) -> str:
        """Why the file cannot be used, "" if it can."""
        with self._lock:
            self._read()
            return self._problem

    def get(self, name: str, /) -> T | None:
        with self._lock:
            self._read()
            return self._known.get(name)

    def put(self, name: str, value: T | None) -> None:
        """Keep `value`, or nothing, under `name`. Raises ConfigError if the file cannot be used, PermissionDenied,
        NoSpace and StorageFailed."""
        with self._lock:
            self._read()
            if self._problem:
                raise ConfigError("That setting was not saved", self._problem)
            known = {key: kept for key, kept in self._known.items() if key != name}
            if value is not None:
                known[name] = value
            if known == self._known:
                return
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise from_os_error(error, "That setting was not saved", self._path) from error
            text = msgspec.json.format(msgspec.json.encode(known), indent=1) + b"\n"
            atomic_write(self._path, text, mode=_PRIVATE if self._private else None)
            self._stamp = None

    def _read(self) -> None:
        try:
            facts = self._path.stat()
            stamp = (facts.st_mtime_ns, facts.st_ino)
            if stamp == self._stamp:
                return
            self._known, self._stamp, self._problem = {}, stamp, self._intrusion(facts)
            if not self._problem:
                self._known = from_json(self._path.read_bytes(), dict[str, self._kind])  # type: ignore[name-defined]
        except FileNotFoundError:
            self._known, self._stamp, self._problem = {}, None, ""
        except OSError as error:
            self._known, self._stamp, self._problem = {}, None, f"{self._path}: {error.strerror}"
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._problem = f"{self._path}: {error}"

    def _intrusion(self, facts: os.stat_result) -> str:
        if not self._private:
            return ""
        if facts.st_mode & 0o022:
            return f"{self._path} can be changed by others (mode {stat.S_IMODE(facts.st_mode):04o})"
        return "" if facts.st_uid in (0, os.geteuid()) else f"{self._path} belongs to another user"
