# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One repository of a registry: everything that can be done with its blobs, manifests and tags.

All methods may be called from any thread, block, and raise the family of errors (`RemoteError`, `CacheError` for
documents that cannot be understood) or Cancelled. Digests and tags given to them are checked before they become part
of an address: ValueError means that the caller took them from somewhere unchecked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.digests import digest_of
from core.foundation.errors import Refused, UsageError
from core.foundation.kill_points import reached
from core.network.bodies import Body
from core.network.downloads import Download, ResumingReader
from core.registry.blobs import BlobSource, blob_size, is_readable, read_blob
from core.registry.deletion import Capabilities, DeleteUnsupported, Deletion
from core.registry.early import EarlyUpload
from core.registry.hosts import name_problem
from core.registry.manifest_store import ManifestStore
from core.registry.manifests import Descriptor, RawManifest
from core.registry.media_types import ALL_FOUR
from core.registry.references import ImageReference
from core.registry.referrers import add_to_fallback, list_referrers
from core.registry.strict_json import decode_object
from core.registry.tags import list_tags
from core.registry.transport import Transport
from core.registry.uploads import BlobOutcome, Uploads

__all__ = ["BlobOutcome", "Capabilities", "DeleteUnsupported", "Repository"]


def _ignore(_count: int) -> None:
    """Progress that nobody watches."""


class Repository:
    """`reference`'s repository, over a transport to its endpoint. Raises UsageError if there can be no such one."""

    def __init__(self, reference: ImageReference, transport: Transport, *, clock: Clock | None = None) -> None:
        problem = name_problem(reference)
        if problem:
            raise UsageError(f"{reference.repository} cannot exist", problem)
        self.reference = reference
        self.transport = transport
        self._name = reference.name
        clock = clock or Clock()
        self._uploads = Uploads(transport, reference, clock)
        self._manifests = ManifestStore(transport, reference, clock)
        self._deletion = Deletion(transport, reference)

    # ---- blobs ----

    def blob_size(self, digest: str, token: CancelToken) -> int | None:
        """Size in bytes that the registry states, None if it has no such blob. One HEAD."""
        return blob_size(self.transport, self._name, digest, token)

    def unsound(self, blobs: Iterable[Descriptor], token: CancelToken, *, read: bool = False) -> list[Descriptor]:
        """Those that are not there with the size their descriptor states; registries take manifests all the same.

        `read` also makes sure that the first byte really comes.
        """
        return [
            blob
            for blob in blobs
            if self.blob_size(blob.digest, token) != blob.size
            or (read and not is_readable(self.transport, self._name, blob.digest, blob.size, token))
        ]

    def early_upload(self, token: CancelToken, report: Callable[[int], None]) -> EarlyUpload | None:
        """For a blob whose file is about to be written, to be given to `upload`; None where the registry does not take
        blobs in pieces. `report` gets the bytes that go out before that."""
        return self._uploads.early(token, report)

    def upload(
        self,
        digest: str,
        body: Body,
        *,
        mount_from: Sequence[str] = (),
        token: CancelToken,
        progress: Callable[[int], None] = _ignore,
        chunk_bytes: int | None = None,
        early: EarlyUpload | None = None,
    ) -> BlobOutcome:
        """Make sure that the blob is there, of the right size, sending as little as possible.

        `mount_from` names repositories of the same registry known to hold it, which the person configured.
        `chunk_bytes` asks for pieces; without it they are used only where the registry refuses everything at once.
        `early` has sent the beginning of the blob, perhaps.
        `progress` gets bytes sent since its last call, each byte once; nothing for what need not be sent. When this
        raises, the registry has been asked to forget the upload.
        """
        reached(f"not uploaded: {digest}")
        outcome = self._uploads.upload(
            digest,
            body,
            mount_from=mount_from,
            token=token,
            progress=progress,
            chunk_bytes=chunk_bytes,
            early=early,
        )
        reached(f"uploaded: {digest}")
        return outcome

    def read_blob(self, digest: str, limit: int, token: CancelToken) -> bytes:
        """A blob of at most `limit` bytes, verified. Raises RemoteNotFound, or BadAnswer for anything else."""
        return read_blob(self.transport, self._name, digest, limit, token)

    def open_blob(self, digest: str, token: CancelToken) -> ResumingReader:
        """A blob of any length, to be read in a `with` block; its digest is not checked."""
        return ResumingReader(BlobSource(self.transport, self._name, digest, token), digest)

    def download(
        self, blob: Descriptor, target: Path, token: CancelToken, progress: Callable[[int], None] = _ignore
    ) -> None:
        """A blob into the file `target`, which appears complete and verified or not at all.

        Broken connections are continued. Raises BadAnswer as soon as more comes than `blob.size`, and NoSpace,
        PermissionDenied or StorageFailed naming the path.
        """
        source = BlobSource(self.transport, self._name, blob.digest, token)
        Download(source, blob.digest, blob.size, target, token=token, progress=progress).run()

    # ---- manifests ----

    def manifest(
        self, target: str, token: CancelToken, *, accept: Sequence[str] = ALL_FOUR, expected: bool = False
    ) -> RawManifest | None:
        """The manifest with a tag or digest, verified; None if there is none.

        `expected` says that it was just listed: some registries do not find everything every time, so it is looked
        for again. The same happens for what this object wrote a moment ago.
        """
        return self._manifests.read(target, token, accept=accept, expected=expected)

    def manifest_digest(self, target: str, token: CancelToken) -> str | None:
        """Digest of the manifest with a tag, None if there is none. By HEAD if possible: it never counts as a pull."""
        return self._manifests.digest(target, token)

    def put_manifest(self, target: str, data: bytes, media_type: str, token: CancelToken) -> str:
        """Store a manifest under a tag or its digest and make sure of it; its digest.

        A tag that cannot be changed but has this digest already is a success. A `subject` that the registry does not
        take is left out, which changes the digest; the list of referrers is then kept by us. Raises TooLarge beyond
        4 MiB without asking.
        """
        document = decode_object(data, f"the manifest {target}")
        subject = document.get("subject")
        try:
            headers = self._manifests.write(target, data, media_type, token)
        except Refused as error:
            if subject is None or ":" in target or error.status not in (400, 405):
                raise
            del document["subject"]
            data = msgspec.json.encode(document)
            headers = self._manifests.write(target, data, media_type, token)
        reached(f"tagged: {target}")
        if subject is not None and "oci-subject" not in headers:
            kind = document.get("artifactType") or document.get("config", {}).get("mediaType")
            annotations = document.get("annotations")
            referrer = Descriptor(media_type, digest_of(data), len(data), annotations, artifact_type=kind)
            add_to_fallback(self._manifests, subject["digest"], referrer, token)
        return digest_of(data)

    def referrers(self, digest: str, token: CancelToken) -> tuple[Descriptor, ...]:
        """What states `digest` as its subject, from the registry's list or that under the fallback tag."""
        return list_referrers(self.transport, self._name, self._manifests, digest, token)

    # ---- tags and deletion ----

    def tags(self, token: CancelToken) -> list[str]:
        """All tags, sorted; none if the repository does not exist. Raises BadAnswer rather than giving a part."""
        return list_tags(self.transport, self._name, token)

    def delete_manifest(self, digest: str, token: CancelToken) -> bool:
        """Delete a manifest and with it all its tags; False if there is none. Raises DeleteUnsupported."""
        found = self._deletion.delete(digest, token)
        reached(f"deleted: {digest}")
        return found

    def delete_tag(self, tag: str, token: CancelToken) -> bool:
        """Delete a tag only; False if there is none. Raises DeleteUnsupported."""
        return self._deletion.delete(tag, token)

    def capabilities(self, token: CancelToken) -> Capabilities:
        """What can be deleted here. Asked once, by deleting what cannot exist."""
        return self._deletion.capabilities(token)
