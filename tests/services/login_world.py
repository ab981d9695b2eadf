# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An instance with a mirror in a scripted registry, and a keyring in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mirrors.credential_kit import MemoryKeyring, in_memory

from core.caches.opening import CacheAccess
from core.mirrors.credentials.commands import CommandLogins
from core.mirrors.credentials.docker import DockerLogins
from core.mirrors.credentials.facade import Credentials
from core.mirrors.credentials.saved_commands import SavedCommands
from core.mirrors.servers import ServerSettings
from core.services.access import open_access
from core.services.logins import Logins
from core.spack.instance import Instance, find_instance

REPOSITORY = "lab/cache"
VARIABLE = "LAB_TOKEN"
PAIR = {"id": "me", "secret_variable": VARIABLE}


@dataclass
class World:
    """`backend` is the keyring; None in it means that there is none. Close `access` at the end."""

    instance: Instance
    access: CacheAccess
    backend: MemoryKeyring = field(default_factory=MemoryKeyring)

    @property
    def logins(self) -> Logins:
        return Logins(self.instance, self.access)

    def restarted(self, **options: Any) -> World:
        """The same instance and keyring in a program started anew."""
        return _world(self.instance, self.backend, **options)


@contextmanager
def world(
    checkout: Path, mirrors: Mapping[str, Any], environ: Mapping[str, str] | None = None, *, plain_host: str = ""
) -> Iterator[World]:
    """`mirrors` is what mirrors.yaml of the site says; `plain_host` may be sent passwords unencrypted."""
    write_mirrors(checkout, mirrors)
    instance = find_instance(str(checkout), environ=dict(environ or {}))
    made = _world(instance, MemoryKeyring())
    if plain_host:
        made.access.servers.put(plain_host, ServerSettings(plain_passwords=True))
    try:
        yield made
    finally:
        made.access.close()


def write_mirrors(checkout: Path, mirrors: Mapping[str, Any]) -> None:
    (checkout / "etc/spack/site/mirrors.yaml").write_text(json.dumps({"mirrors": mirrors}))


def _world(instance: Instance, backend: MemoryKeyring, **options: Any) -> World:
    access = open_access(instance, **options)
    access.credentials = Credentials(
        instance.environ,
        keyring=in_memory(backend),
        commands=CommandLogins(SavedCommands(), instance.environ),
        docker=DockerLogins(instance.environ),
        docker_for=lambda host: access.servers.of(host).container_login,
    )
    return World(instance, access, backend)
