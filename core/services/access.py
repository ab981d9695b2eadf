# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How this process gets at the caches of an instance."""

from __future__ import annotations

from pathlib import Path

from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.confirmations import Confirmations
from core.caches.opening import CacheAccess
from core.foundation.places import cache_dir
from core.foundation.settings import Settings, load_settings
from core.mirrors.credentials.commands import CommandLogins
from core.mirrors.credentials.docker import DockerLogins
from core.mirrors.credentials.facade import Credentials
from core.mirrors.credentials.keyrings import Keyring
from core.mirrors.credentials.saved_commands import SavedCommands
from core.mirrors.reading import mirrors_of
from core.mirrors.servers import Servers
from core.mirrors.token_servers import TokenServers
from core.network.offline import use_proxy, work_offline
from core.signing.gpg import Gnupg
from core.spack.instance import Instance
from core.spack.substitutions import resolve_path

_SOURCE_CACHE = "$spack/var/spack/cache"


def open_access(
    instance: Instance,
    *,
    keep: bool = True,
    docker_login: bool = False,
    plain_passwords: bool = False,
    accept_token_server: str = "",
    keyring: Keyring | None = None,
) -> CacheAccess:
    """Keys, logins and places for the caches of `instance`; close it at the end. Reads configuration files.

    Without `keep` nothing that was read over the network is kept on disk. `docker_login` also uses the logins of docker
    and podman; `plain_passwords` allows sending passwords unencrypted to `oci+http` mirrors; both hold for single
    servers where the person set it so. `accept_token_server` is a host that may have passwords from now on, though a
    registry used another one before. `keyring` stands for the desktop's.
    """
    environ = instance.environ
    source_cache = _configured_path(instance, "source_cache")
    if source_cache is None:
        source_cache = resolve_path(_SOURCE_CACHE, Path("/"), instance.path_context)
    settings = load_settings()
    servers = Servers()
    return CacheAccess(
        gnupg=Gnupg(instance.gnupg_home),
        credentials=Credentials(
            environ,
            keyring=keyring or Keyring(),
            commands=CommandLogins(SavedCommands(), environ),
            docker=DockerLogins(environ),
            docker_for=lambda host: docker_login or servers.of(host).container_login,
        ),
        mirrors=mirrors_of(instance).mirrors,
        staging=settings.packing_place,
        kept=BlobCache(cache_dir() / "blobs" if keep else None, source_cache / "blobs" / "sha256"),
        servers=servers,
        realms=TokenServers(keep=keep, accepted=accept_token_server),
        plain_passwords=plain_passwords,
        s3_endpoint=environ.get("S3_ENDPOINT_URL", ""),
        ca_file=_authorities(instance, settings),
        tries=settings.tries,
        confirmations=Confirmations(cache_dir() / "confirmed" if keep else None),
        signed=cache_dir() / "signed" if keep else None,
    )


def apply_to_process(settings: Settings) -> None:
    """Let everything in this process and its children use the network as `settings` say."""
    use_proxy(settings.proxy, settings.no_proxy)
    work_offline(wanted=settings.offline)


def apply_to_access(access: CacheAccess, instance: Instance, settings: Settings) -> None:
    """Let `access`, opened for `instance`, follow `settings` from now on. Any thread."""
    access.use(staging=settings.packing_place, ca_file=_authorities(instance, settings), tries=settings.tries)


def _authorities(instance: Instance, settings: Settings) -> Path | None:
    """The certificates a person named, else those of Spack's configuration."""
    if settings.ca_file:
        return Path(settings.ca_file)
    certificates = _configured_path(instance, "ssl_certs")
    return certificates if certificates is not None and certificates.exists() else None


def _configured_path(instance: Instance, key: str) -> Path | None:
    """A path of Spack's `config` section; None where it says nothing, or names a variable that is not set."""
    written = instance.config("config").find(key)
    if written is None or not isinstance(written.content, str) or not written.content:
        return None
    path = resolve_path(written.content, written.origin.file.parent, instance.path_context)
    return None if "$" in str(path) else path
