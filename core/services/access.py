# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How this process gets at the caches of an instance."""

from __future__ import annotations

from pathlib import Path

from core.caches.oci.blob_cache import BlobCache
from core.caches.opening import CacheAccess
from core.foundation.places import cache_dir
from core.mirrors.credentials.commands import CommandLogins
from core.mirrors.credentials.docker import DockerLogins
from core.mirrors.credentials.facade import Credentials
from core.mirrors.credentials.keyrings import Keyring
from core.mirrors.credentials.saved_commands import SavedCommands
from core.mirrors.reading import mirrors_of
from core.mirrors.servers import Servers
from core.signing.gpg import Gnupg
from core.spack.instance import Instance
from core.spack.substitutions import resolve_path

_SOURCE_CACHE = "$spack/var/spack/cache"


def open_access(
    instance: Instance, *, keep: bool = True, docker_login: bool = False, plain_passwords: bool = False
) -> CacheAccess:
    """Keys, logins and places for the caches of `instance`; close it at the end. Reads configuration files.

    Without `keep` nothing that was read over the network is kept on disk. `docker_login` also uses the logins of docker
    and podman; `plain_passwords` allows sending passwords unencrypted to `oci+http` mirrors; both hold for single
    servers where the person set it so.
    """
    environ = instance.environ
    source_cache = _configured_path(instance, "source_cache")
    if source_cache is None:
        source_cache = resolve_path(_SOURCE_CACHE, Path("/"), instance.path_context)
    certificates = _configured_path(instance, "ssl_certs")
    servers = Servers()
    return CacheAccess(
        gnupg=Gnupg(instance.gnupg_home),
        credentials=Credentials(
            environ,
            keyring=Keyring(),
            commands=CommandLogins(SavedCommands(), environ),
            docker=DockerLogins(environ),
            docker_for=lambda host: docker_login or servers.of(host).container_login,
        ),
        mirrors=mirrors_of(instance).mirrors,
        staging=cache_dir() / "packing",
        kept=BlobCache(cache_dir() / "blobs" if keep else None, source_cache / "blobs" / "sha256"),
        servers=servers,
        plain_passwords=plain_passwords,
        s3_endpoint=environ.get("S3_ENDPOINT_URL", ""),
        ca_file=certificates if certificates is not None and certificates.exists() else None,
    )


def _configured_path(instance: Instance, key: str) -> Path | None:
    """A path of Spack's `config` section; None where it says nothing, or names a variable that is not set."""
    written = instance.config("config").find(key)
    if written is None or not isinstance(written.content, str) or not written.content:
        return None
    path = resolve_path(written.content, written.origin.file.parent, instance.path_context)
    return None if "$" in str(path) else path
