# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From a mirror to the build cache behind it, and the connections that takes."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from core.caches.folder_cache import FolderCache
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.holders import BlobHolders
from core.caches.oci.oci_cache import OciCache
from core.caches.protocol import BuildCache
from core.foundation.clock import Clock
from core.foundation.errors import UsageError
from core.mirrors.credentials.facade import Credentials, MirrorCredentials
from core.mirrors.credentials.states import Direction, Login
from core.mirrors.model import Mirror, MirrorKind
from core.registry.credentials import CredentialSource
from core.registry.endpoints import Endpoint
from core.registry.options import TransportOptions
from core.registry.references import ImageReference, ReferenceError, parse_mirror_url
from core.registry.repository import Repository
from core.registry.transport import HostShare, Transport
from core.signing.gpg import Gnupg

OCI_KINDS = (MirrorKind.OCI, MirrorKind.OCI_HTTP)


class CacheAccess:
    """What opening caches takes in this process: keys, logins, connections and places on disk. Thread-safe.

    Connections are kept for each registry and mirror; lanes and back-off are shared by all that goes to one registry.
    `staging` is for archives on their way, `kept` for what was read before; `ca_file` are authorities to trust beside
    the system's; `plain_passwords` allows sending passwords unencrypted to registries without TLS. Close it at the end.
    """

    def __init__(
        self,
        *,
        gnupg: Gnupg,
        credentials: Credentials,
        mirrors: Iterable[Mirror],
        staging: Path,
        kept: BlobCache,
        ca_file: Path | None = None,
        plain_passwords: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.gnupg = gnupg
        self.staging = staging
        self.kept = kept
        self._credentials = credentials
        self._mirrors = tuple(mirrors)
        self._options = TransportOptions(ca_file=ca_file, plain_passwords=plain_passwords)
        self._clock = clock or Clock()
        self._holders = BlobHolders()
        self._lock = threading.Lock()
        self._shares: dict[Endpoint, HostShare] = {}
        self._transports: dict[tuple[Endpoint, str, str, Direction], Transport] = {}

    def open(self, mirror: Mirror, direction: Direction) -> BuildCache:
        """The build cache `mirror` fetches from or pushes to. Opens nothing on disk or network yet.

        Raises UsageError for an address without a cache that could be opened, with the reason.
        """
        connection = mirror.push if direction is Direction.PUSH else mirror.fetch
        name = mirror.name or connection.url
        if connection.problem:
            raise UsageError(f"{name} cannot be used", connection.problem)
        if connection.folder is not None:
            return FolderCache(connection.folder, verify=self.gnupg.verify_clearsigned)
        if connection.kind in OCI_KINDS:
            try:
                reference = parse_mirror_url(connection.url)
            except ReferenceError as error:
                raise UsageError(f"{name} cannot be used", str(error)) from error
            repository = self.repository(reference, mirror, direction)
            return OciCache(
                repository,
                url=connection.url,
                staging=self.staging,
                blobs=self.kept,
                clock=self._clock,
                holders=self._holders,
            )
        raise UsageError(
            f"{name} cannot be opened as a build cache",
            f"{connection.url}: this version reads and writes build caches in folders and OCI registries only",
        )

    def repository(self, reference: ImageReference, mirror: Mirror, direction: Direction) -> Repository:
        """A repository reached with the logins of `mirror`; also one on another registry, for a base image."""
        source = MirrorCredentials(self._credentials, mirror, direction, self._mirrors)
        return self._repository(reference, (reference.endpoint, mirror.name, mirror.push.url, direction), source)

    def anonymous(self, reference: ImageReference) -> Repository:
        """A repository as somebody without any login reaches it."""
        return self._repository(reference, (reference.endpoint, "", "", Direction.FETCH), None)

    def login(self, mirror: Mirror, direction: Direction) -> Login:
        """Where the login of `mirror` comes from, without its secret. No network, no program; waits for the keyring,
        however many mirrors are asked for at once, no longer than that is given."""
        return self._credentials.state(mirror, direction)

    def _repository(
        self, reference: ImageReference, key: tuple[Endpoint, str, str, Direction], source: CredentialSource | None
    ) -> Repository:
        with self._lock:
            transport = self._transports.get(key)
            if transport is None:
                endpoint = reference.endpoint
                share = self._shares.setdefault(endpoint, HostShare(self._options, self._clock))
                transport = Transport(endpoint, source, self._options, clock=self._clock, share=share)
                self._transports[key] = transport
        return Repository(reference, transport, clock=self._clock)

    def close(self) -> None:
        """Close all connections; nothing may be using them any more."""
        with self._lock:
            for transport in self._transports.values():
                transport.close()
            self._transports.clear()
