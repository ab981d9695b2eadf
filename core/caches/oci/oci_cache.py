# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A build cache in a repository of an OCI registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import msgspec

from core.caches.folder_objects import read_ahead
from core.caches.index import decode_spec
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.confirmations import Confirmations
from core.caches.oci.holders import BlobHolders
from core.caches.oci.names import entry_of_tag, is_spec_tag, spec_tag
from core.caches.oci.oci_browser import OciBrowser
from core.caches.oci.oci_index import IndexWriter, read_index
from core.caches.oci.oci_push import OciPush
from core.caches.oci.oci_upkeep import OciUpkeep
from core.caches.oci.oci_verifier import OciVerifier
from core.caches.oci.staging import staging_path
from core.caches.oci.survey import FoundImage, Survey, cache_entry, read_image
from core.caches.protocol import (
    BlobAt,
    CacheEntry,
    CacheIndex,
    EntryName,
    IndexUpdate,
    Publication,
    PushScope,
    Signer,
    StoredPackage,
)
from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import BadAnswer, CacheError, ErrorInfo, NotFound, ServerError, UsageError
from core.foundation.process import ending_by
from core.registry.manifests import Descriptor
from core.registry.media_types import OCTETS
from core.registry.repository import Repository
from core.registry.upload_sessions import UploadSessions
from core.spack.specs import PackageRecord, decode_node
from core.storage.reading import ByteReader

# Fewer images are looked at one by one sooner than all tags are listed.
_LISTING_PAYS = 20


class OciCache:
    """The `BuildCache` in `repository`. Its packages are never signed: Spack has no signatures there.

    `staging` is a directory for archives on their way, made when needed. `blobs` keeps what was read before, `holders`
    knows which other repositories have a blob, `confirmations` which images were whole a short time ago.
    """

    index_only = False

    def __init__(
        self,
        repository: Repository,
        *,
        url: str,
        staging: Path,
        blobs: BlobCache,
        clock: Clock,
        holders: BlobHolders | None = None,
        confirmations: Confirmations | None = None,
    ) -> None:
        self.url = url
        self._confirmations = confirmations or Confirmations(None, clock)
        self._holders = holders or BlobHolders()
        self._repository = repository
        self._staging = staging
        self._blobs = blobs
        self._clock = clock

    @property
    def repository(self) -> Repository:
        return self._repository

    def check_writable(self) -> None:
        """Begin an upload and drop it. Raises AuthRequired, AccessDenied or what else the registry says."""
        transport, token = self._repository.transport, CancelToken()
        sessions = UploadSessions(transport, self._repository.reference)
        with ending_by(token):
            sessions.cancel(transport.retrying(lambda: sessions.open(token), token=token))

    def present(self, entries: Sequence[EntryName], *, signed: bool, token: CancelToken) -> dict[str, CacheEntry]:
        """As the protocol says, with all layers; images marked as incomplete do not count. Nothing is ever signed."""
        token.raise_if_cancelled()
        found = Survey(self._repository, self._blobs).find(entries, token)
        return {
            dag_hash: image.entry
            for dag_hash, image in found.items()
            if not (signed or image.lost or image.marks.missing)
        }

    def staging(self, entry: EntryName) -> Path:
        return staging_path(self._staging, entry.hash)

    def publish(self, publication: Publication, *, token: CancelToken, progress: Callable[[int], None]) -> CacheEntry:
        """A package on its own: its image has no layer but its own, and says so. Pushes of several use `open_push`."""
        own = publication.entry.hash
        nodes = decode_spec(publication.spec_document, publication.entry.name).nodes
        records = {key: _record(publication.record, key, bytes(node)) for key, node in nodes.items()}
        push = self.open_push((), signer=None, token=token)
        push.begin(PushScope(records, selected=frozenset({own}), pushing=frozenset({own})))
        push.upload(publication, token=token, progress=progress)
        return push.complete(own, token=token).entry

    def open_push(self, entries: Sequence[EntryName], *, signer: Signer | None, token: CancelToken) -> OciPush:  # noqa: ARG002
        """Begin a push: look which of `entries` are there, also those whose images lack layers of other packages. Of
        those that were whole within the last 24 hours only the tags are looked for.

        Layers are taken from all of `entries`, installed here or not. `signer` is ignored: Spack cannot sign there.
        """
        confirmed = self._confirmed(entries, token)
        others = [entry for entry in entries if entry.hash not in confirmed]
        looked_at = Survey(self._repository, self._blobs).find(others, token)
        self._confirmations.put(self.url, [image for image in looked_at.values() if not image.lost])
        found = confirmed | looked_at
        self._holders.note(self._repository.reference, (image.own.digest for image in found.values()))
        return OciPush(
            self._repository,
            self._blobs,
            self._staging,
            found,
            holders=self._holders,
            about_to_change=partial(self._confirmations.forget, self.url),
        )

    def _confirmed(self, entries: Sequence[EntryName], token: CancelToken) -> dict[str, FoundImage]:
        """Those that were found whole a short time ago, and are still listed."""
        known = self._confirmations.get(self.url)
        wanted = [entry for entry in entries if entry.hash in known]
        if len(wanted) < _LISTING_PAYS:
            return {}
        try:
            listed = frozenset(self._repository.tags(token))
        except (BadAnswer, ServerError):
            return {}
        return {entry.hash: known[entry.hash] for entry in wanted if spec_tag(entry) in listed}

    def prepare(self, signer: Signer | None) -> None:
        """Nothing: a repository needs no mark, and keys cannot be kept in it."""

    def entries(self, *, token: CancelToken) -> Iterator[CacheEntry | ErrorInfo]:
        token.raise_if_cancelled()
        tags = [tag for tag in self._repository.tags(token) if is_spec_tag(tag)]
        for found in read_ahead(partial(self._listed, token=token), tags):
            token.raise_if_cancelled()
            yield found

    def read_index(self, *, token: CancelToken | None = None) -> CacheIndex | None:
        return read_index(self._repository, self._blobs, token or CancelToken())

    def update_index(self, *, full: bool, token: CancelToken, progress: Callable[[int, int], None]) -> IndexUpdate:
        token.raise_if_cancelled()
        writer = IndexWriter(
            self._repository, self._blobs, staging=self._staging, clock=self._clock, token=token, progress=progress
        )
        return writer.update(self.url, full=full)

    def browser(self) -> OciBrowser:
        return OciBrowser(self._repository, self._blobs)

    def package(self, entry: EntryName, *, token: CancelToken) -> StoredPackage:
        tag = spec_tag(entry)
        parts = read_image(self._repository, self._blobs, tag, token)
        if parts is None:
            raise NotFound(f"{entry.name}@{entry.version} is not in {self.url}", f"There is no tag {tag}")
        found = cache_entry(entry, parts)
        own, config = parts.manifest.layers[-1], parts.manifest.config
        archive, spec = (BlobAt(part.digest, part.digest, part.size) for part in (own, config))
        return StoredPackage(entry, tag, parts.raw.data, found.modified, None, archive, spec)

    def open_blob(self, blob: BlobAt, *, token: CancelToken) -> AbstractContextManager[ByteReader]:
        return self._repository.open_blob(blob.digest, token)

    def save_blob(self, blob: BlobAt, target: Path, *, token: CancelToken, progress: Callable[[int], None]) -> None:
        size = self._repository.blob_size(blob.digest, token) if blob.size is None else blob.size
        if size is None:
            raise NotFound(f"Cannot download {blob.digest}", f"{self.url} does not have it")
        self._repository.download(Descriptor(OCTETS, blob.digest, size), target, token, progress)

    def public_keys(self, *, token: CancelToken) -> dict[str, bytes]:  # noqa: ARG002  there are never any
        return {}

    def published_keys(self, *, token: CancelToken) -> None:
        """Registries keep no keys."""

    def store_keys(self, keys: Mapping[str, bytes], *, listed: bool) -> None:  # noqa: ARG002  as in the protocol
        raise UsageError(f"{self.url} cannot keep keys", "Spack has no signatures in registries and checks none")

    def verifier(self, *, signatures: bool) -> OciVerifier:  # noqa: ARG002  there are no signatures
        return OciVerifier(self._repository)

    def upkeep(self, *, probe: bool = True) -> OciUpkeep:
        return OciUpkeep(
            self._repository, self._blobs, url=self.url, staging=self._staging, clock=self._clock, probe=probe
        )

    def _listed(self, tag: str, *, token: CancelToken) -> CacheEntry | ErrorInfo:
        token.raise_if_cancelled()
        try:
            entry = entry_of_tag(tag)
            parts = read_image(self._repository, self._blobs, tag, token, expected=True) if entry else None
            if entry is None or parts is None:
                raise CacheError(f"Cannot understand {self.url}:{tag}", "Its tag is not that of a package")
            return cache_entry(entry, parts)
        except (CacheError, NotFound, BadAnswer, ServerError) as error:
            return error.info()


def _record(root: PackageRecord, dag_hash: str, document: bytes) -> PackageRecord:
    """The record of a package in the spec of `root`, of which nothing else is known unless it is the root."""
    prefix = root.prefix if dag_hash == root.hash else None
    return msgspec.structs.replace(root, node=decode_node(document), document=document, hash=dag_hash, prefix=prefix)
