# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From a mirror to the build cache behind it, and the connections that takes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, overload

from core.caches.folder_cache import FolderCache
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.confirmations import Confirmations
from core.caches.oci.holders import BlobHolders
from core.caches.oci.oci_cache import OciCache
from core.caches.protocol import BuildCache, ReadableCache
from core.caches.signed_before import SignedBefore, memory_file
from core.caches.stored_cache import StoredCache
from core.caches.web_stores import WebStores
from core.foundation.clock import Clock
from core.foundation.errors import SigningError, UsageError
from core.mirrors.compression import Compression
from core.mirrors.credentials.facade import Credentials, MirrorCredentials
from core.mirrors.credentials.states import Direction, Login
from core.mirrors.model import Connection, Mirror, MirrorKind
from core.mirrors.servers import Servers, ServerSettings
from core.mirrors.trust import MirrorTrust
from core.network.client import HostShare
from core.network.endpoints import Endpoint
from core.network.limits import TRIES
from core.registry.credentials import CredentialSource, KnownRealms, SessionRealms
from core.registry.options import TransportOptions
from core.registry.references import ImageReference, ReferenceError, parse_mirror_url
from core.registry.repository import Repository
from core.registry.transport import Transport
from core.signing.gpg import Gnupg
from core.signing.key_listing import Key
from core.signing.signatures import SignatureFacts, SignatureState
from core.storage.s3_address import public_address

OCI_KINDS = (MirrorKind.OCI, MirrorKind.OCI_HTTP)
_BUCKET_KINDS = (MirrorKind.S3, MirrorKind.GS)
_WEB_KINDS = (MirrorKind.WEB, *_BUCKET_KINDS)
_USES = {Direction.PUSH: "written as", Direction.FETCH: "opened as"}
_TRIAL_S = 20.0


class CacheAccess:
    """What opening caches takes in this process: keys, logins, connections and places on disk. Thread-safe.

    Connections are kept for each registry and mirror; lanes and back-off are shared by all that goes to one registry.
    `staging` is for archives on their way, `kept` for what was read before; `ca_file` are authorities to trust beside
    the system's; `realms` remembers which token servers got passwords; `s3_endpoint` is where buckets lie whose mirror
    does not say it; `plain_passwords` allows sending passwords unencrypted to registries without TLS. What `servers`
    says of a host counts more. `tries` is how often a request is tried. `confirmations` knows which images were whole a
    short time ago, the directory `signed` which entries were well signed. Close it at the end.
    """

    def __init__(
        self,
        *,
        gnupg: Gnupg,
        credentials: Credentials,
        mirrors: Iterable[Mirror],
        staging: Path,
        kept: BlobCache,
        servers: Servers,
        realms: KnownRealms | None = None,
        ca_file: Path | None = None,
        plain_passwords: bool = False,
        clock: Clock | None = None,
        s3_endpoint: str = "",
        tries: int = TRIES,
        confirmations: Confirmations | None = None,
        signed: Path | None = None,
    ) -> None:
        self.gnupg = gnupg
        self.staging = staging
        self.kept = kept
        self.credentials = credentials
        self.servers = servers
        self._realms = realms or SessionRealms()
        self.trust = MirrorTrust()
        self.compression = Compression()
        self._mirrors = tuple(mirrors)
        self._ca_file = ca_file
        self._plain_passwords = plain_passwords
        self._s3_endpoint = s3_endpoint
        self._clock = clock or Clock()
        self.confirmations = confirmations or Confirmations(None, self._clock)
        self._signed = signed
        self._holders = BlobHolders()
        self._tries = tries
        self._stores = WebStores(lambda host: self.options(host).ca_file, lambda: self._tries, self._clock)
        self._lock = threading.Lock()
        self._shares: dict[Endpoint, HostShare] = {}
        self._transports: dict[tuple[Endpoint, str, str, Direction], Transport] = {}
        self._retired: list[Transport] = []

    @overload
    def open(self, mirror: Mirror, direction: Literal[Direction.PUSH]) -> BuildCache: ...

    @overload
    def open(self, mirror: Mirror, direction: Direction) -> ReadableCache: ...

    def open(self, mirror: Mirror, direction: Direction) -> ReadableCache:
        """The build cache `mirror` fetches from, or pushes to: that one can be written. Nothing is opened on disk or
        network yet.

        Raises UsageError for an address without a cache that could be opened so, with the reason.
        """
        connection = mirror.push if direction is Direction.PUSH else mirror.fetch
        name = mirror.name or connection.url
        if connection.problem:
            raise UsageError(f"{name} cannot be used", connection.problem)
        if connection.folder is not None:
            return FolderCache(
                connection.folder,
                verify=partial(self.verified, connection.url),
                signed_before=partial(self._signed_before, connection.url),
            )
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
                confirmations=self.confirmations,
            )
        if direction is Direction.PUSH or connection.kind not in _WEB_KINDS:
            raise UsageError(f"{name} cannot be {_USES[direction]} a build cache", _refusal(connection))
        return self._web_cache(connection)

    def choose_key(self, url: str, requested: str | None) -> Key:
        """The key to sign with for the cache at `url`: the one named, or the only one there is.

        Raises SigningError, also for one that may not sign for it.
        """
        key, allowed = self.gnupg.choose_key(requested), self.trust.of(url)
        if allowed and key.fingerprint not in allowed:
            why = f"{key.fingerprint} {key.user_id} is not one of the keys that were chosen for it"
            raise SigningError(f"This key may not sign for {url}", why)
        return key

    def signature(self, url: str, manifest: bytes) -> SignatureFacts:
        """What there is to say about the signature of a package in the cache at `url`."""
        try:
            return self.gnupg.signature(manifest, self.trust.of(url))
        except SigningError as error:
            return SignatureFacts(SignatureState.UNCHECKED, why=error.why)

    def verified(self, url: str, manifest: bytes) -> bytes:
        """The text of what is signed in the cache at `url`. Raises as `Gnupg.verify_clearsigned`."""
        return self.gnupg.verify_clearsigned(manifest, self.trust.of(url))

    def look_again(self, url: str) -> None:
        """Believe nothing any more of what is in the cache at `url`."""
        self.confirmations.forget(url)
        if self._signed is not None:
            with suppress(OSError):
                memory_file(self._signed, url).unlink()

    def _signed_before(self, url: str) -> SignedBefore:
        keys = "\n".join([str(self.gnupg.home), self.gnupg.keys_mark(), *sorted(self.trust.of(url))])
        return SignedBefore(self._signed, url, keys, self._clock)

    def web_address(self, connection: Connection) -> str:
        """Where a mirror on the web or in a bucket is read by everybody. Raises UsageError if there is no such
        address."""
        if connection.kind not in _BUCKET_KINDS:
            return connection.url
        return public_address(connection.url, connection.endpoint_url or self._s3_endpoint)

    def _web_cache(self, connection: Connection) -> StoredCache:
        store = self._stores.store(self.web_address(connection), hides_missing=connection.kind in _BUCKET_KINDS)
        verify = partial(self.verified, connection.url)
        return StoredCache(store.files, url=connection.url, index_only=True, verify=verify, kept=self.kept)

    def repository(self, reference: ImageReference, mirror: Mirror, direction: Direction) -> Repository:
        """A repository reached with the logins of `mirror`; also one on another registry, for a base image."""
        key = (reference.endpoint, mirror.name, mirror.push.url, direction)
        return self._repository(reference, key, self.source(mirror, direction))

    def anonymous(self, reference: ImageReference) -> Repository:
        """A repository as somebody without any login reaches it."""
        return self._repository(reference, (reference.endpoint, "", "", Direction.FETCH), None)

    def login(self, mirror: Mirror, direction: Direction) -> Login:
        """Where the login of `mirror` comes from, without its secret. No network, no program; waits for the keyring,
        however many mirrors are asked for at once, no longer than that is given."""
        return self.credentials.state(mirror, direction)

    def options(self, host: str, settings: ServerSettings | None = None) -> TransportOptions:
        """How to talk to `host`; `settings` stand for the ones that are kept."""
        found = settings or self.servers.of(host)
        usual = TransportOptions(plain_passwords=self._plain_passwords or found.plain_passwords)
        return replace(
            usual,
            ca_file=Path(found.ca_file) if found.ca_file else self._ca_file,
            parallel_transfers=found.parallel_transfers or usual.parallel_transfers,
        )

    def source(self, mirror: Mirror, direction: Direction) -> MirrorCredentials:
        """What a connection of `mirror` asks for its login."""
        return MirrorCredentials(self.credentials, mirror, direction, self._mirrors)

    @contextmanager
    def trial(
        self, reference: ImageReference, source: CredentialSource | None, settings: ServerSettings | None = None
    ) -> Iterator[Repository]:
        """A repository over a connection of its own, which knows nothing of earlier logins and waits for less.

        Raises TlsError for a `ca_file` that cannot be used.
        """
        options = replace(self.options(reference.domain, settings), header_timeout_s=_TRIAL_S)
        transport = Transport(reference.endpoint, source, options, clock=self._clock, realms=self._realms)
        try:
            yield Repository(reference, transport, clock=self._clock)
        finally:
            transport.close()

    def renew(self, mirrors: Iterable[Mirror], changed_host: str = "") -> None:
        """Logins or `mirrors` changed, or what is set for `changed_host`: connections are made anew, while work that
        runs keeps its own."""
        with self._lock:
            self._mirrors = tuple(mirrors)
            self._retired += self._transports.values()
            self._transports.clear()
            self._shares = {place: share for place, share in self._shares.items() if place.host != changed_host}
        self._stores.renew(changed_host)

    def use(self, *, staging: Path, ca_file: Path | None, tries: int) -> None:
        """From now on; connections are made anew, while work that runs keeps its own."""
        with self._lock:
            self.staging = staging
            if (ca_file, tries) == (self._ca_file, self._tries):
                return
            self._ca_file, self._tries = ca_file, tries
            self._retired += self._transports.values()
            self._transports.clear()
            self._shares.clear()
        self._stores.renew(None)

    def _repository(
        self, reference: ImageReference, key: tuple[Endpoint, str, str, Direction], source: CredentialSource | None
    ) -> Repository:
        with self._lock:
            transport = self._transports.get(key)
            if transport is None:
                endpoint = reference.endpoint
                options = self.options(endpoint.host)
                share = self._shares.setdefault(endpoint, self._new_share(options))
                transport = Transport(endpoint, source, options, clock=self._clock, realms=self._realms, share=share)
                self._transports[key] = transport
        return Repository(reference, transport, clock=self._clock)

    def _new_share(self, options: TransportOptions) -> HostShare:
        return HostShare(self._clock, options.parallel_transfers, self._tries)

    def close(self) -> None:
        """Close all connections; nothing may be using them any more."""
        with self._lock:
            for transport in (*self._transports.values(), *self._retired):
                transport.close()
            self._transports.clear()
            self._retired.clear()
        self._stores.close()


def _refusal(connection: Connection) -> str:
    if connection.kind is MirrorKind.WEB:
        return f"{connection.url}: web addresses can only be read"
    if connection.kind in _BUCKET_KINDS:
        return f"{connection.url}: this version only reads buckets, and writes to folders and OCI registries"
    return f"{connection.url}: this version knows build caches in folders, on the web and in OCI registries only"
