# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Opening Spack instances and remembering them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.foundation.errors import MirrordeckError, NotFound
from core.foundation.files import atomic_write
from core.foundation.places import state_dir
from core.services.values import InstanceInfo
from core.spack.instance import Instance, find_instance
from core.spack.scopes import read_scopes

_REMEMBERED = 20


def describe_instance(instance: Instance) -> InstanceInfo:
    return InstanceInfo(
        id=instance.id,
        root=str(instance.root) if instance.root else "",
        install_root=str(instance.install_root),
        version=instance.version,
        environment=instance.environment.name if instance.environment else "",
        writable=os.access(instance.install_root, os.W_OK),
    )


class Instances:
    """Instances open in this process, and the list of those opened before. Thread-safe.

    With `read_only` the list on disk is read but never written.
    """

    def __init__(self, *, read_only: bool = False, environ: Mapping[str, str] | None = None) -> None:
        self._read_only = read_only
        self._environ = dict(os.environ if environ is None else environ)
        self._lock = threading.Lock()
        self._open: dict[str, Instance] = {}

    def open(
        self,
        directory: str | None = None,
        *,
        environment: str | None = None,
        environment_directory: str | None = None,
        no_environment: bool = False,
    ) -> Instance:
        """Find an instance by Spack's own rules and remember it; `~` begins a home. Raises NotFound and UsageError,
        naming the path."""
        instance = find_instance(
            os.path.expanduser(directory) if directory else None,  # noqa: PTH111 - leaves unknown homes as they are
            environment=environment,
            environment_dir=environment_directory,
            no_environment=no_environment,
            environ=self._environ,
            remembered=self._remembered(),
        )
        with self._lock:
            self._open[instance.id] = instance
        self._remember(_directory(instance))
        return instance

    def get(self, instance_id: str) -> Instance:
        with self._lock:
            instance = self._open.get(instance_id)
        if instance is None:
            raise NotFound("This Spack instance is not open", instance_id)
        return instance

    def forget(self, instance_id: str) -> None:
        """Close an instance, and leave it out of the list. Raises NotFound, and what writing raises."""
        directory = _directory(self.get(instance_id))
        with self._lock:
            self._open = {key: each for key, each in self._open.items() if _directory(each) != directory}
            self._write([entry for entry in self._remembered() if entry != directory])

    def refresh_scopes(self, instance_id: str) -> Instance:
        """The instance with the configuration scopes there are now. Raises NotFound."""
        instance = self.get(instance_id)
        found = read_scopes(instance.root, environment=instance.environment, environ=instance.environ)
        instance = replace(instance, scopes=found.scopes)
        with self._lock:
            self._open[instance_id] = instance
        return instance

    def known(self) -> tuple[InstanceInfo, ...]:
        """Open ones first, then those remembered that can still be read."""
        with self._lock:
            found = dict(self._open)
        for directory in self._remembered():
            try:
                instance = find_instance(directory, no_environment=True, environ=self._environ)
            except MirrordeckError:
                continue
            found.setdefault(instance.id, instance)
        with self._lock:
            self._open = {**found, **self._open}
        return tuple(describe_instance(instance) for instance in found.values())

    def _remembered(self) -> list[str]:
        try:
            loaded = json.loads(self._file().read_bytes())
        except (OSError, ValueError):
            return []
        return [entry for entry in loaded if isinstance(entry, str)] if isinstance(loaded, list) else []

    def _remember(self, directory: str) -> None:
        before = self._remembered()
        if before[:1] == [directory]:
            return
        self._write([directory, *(entry for entry in before if entry != directory)][:_REMEMBERED])

    def _write(self, entries: list[str]) -> None:
        if not self._read_only:
            self._file().parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._file(), json.dumps(entries, indent=1).encode())

    @staticmethod
    def _file() -> Path:
        return state_dir() / "instances.json"


def _directory(instance: Instance) -> str:
    return str(instance.root or instance.install_root)
