# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every build cache can do, whatever it is made of, and the values that go in and out.

Unless a method says otherwise it may be called from any thread, blocks while it works, raises the errors of
`core.foundation.errors` and raises `Cancelled` soon after its token was cancelled.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo
from core.packing.model import PackedPackage
from core.spack.specs import PackageRecord

if TYPE_CHECKING:
    from core.caches.browsing import CacheBrowser
    from core.caches.upkeep import CacheUpkeep
    from core.caches.verification import CacheVerifier
    from core.registry.early import EarlyUpload
    from core.storage.reading import ByteReader


# The layout of caches that is written. Before it was 2, where archives were nested in another tar in the beginning: 1.
LAYOUT = 3


@dataclass(frozen=True, slots=True)
class EntryName:
    """What an entry is filed under. `hash` is the complete DAG hash.

    From a listing, `version` is the cleaned form that appears in file names (`git.v1.0_1.0` for `git.v1.0=1.0`).
    """

    name: str
    version: str
    hash: str


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A package in a cache. Digests are of the stored bytes; `modified` is in unix seconds by the cache's clock.

    `stored_bytes` is the size of the archive as stored, `tar_bytes` its size unpacked where that is known.
    `signed` is None where the kind of cache has no signatures. An older `layout` than `LAYOUT` is only read.
    """

    entry: EntryName
    manifest_digest: str
    blob_digest: str
    spec_digest: str
    stored_bytes: int
    tar_bytes: int | None
    signed: bool | None
    modified: float
    layout: int = LAYOUT


class Signer(Protocol):
    """Signs for one key. `fingerprint` is upper-case hex; both methods raise SigningError."""

    @property
    def fingerprint(self) -> str: ...

    def clearsign(self, text: bytes) -> bytes:
        """`text` inside an OpenPGP clearsigned message."""
        ...

    def public_key(self) -> bytes:
        """The key's public half, ASCII-armored."""
        ...


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Manifest and spec blob of a package byte for byte as another cache of layout 3 has them."""

    manifest: bytes
    spec_blob: bytes


@dataclass(frozen=True, slots=True)
class Publication:
    """A packed package on its way into a cache; without a `signer` it will be unsigned.

    `spec_document` is the JSON text before compression. What is `verbatim` is stored as it is by a cache of layout 3,
    where a signer still signs it, and left alone by others.
    """

    entry: EntryName
    packed: PackedPackage
    spec_document: bytes
    signer: Signer | None
    record: PackageRecord
    verbatim: Verbatim | None = None


class IndexRecord(msgspec.Struct, frozen=True, gc=False, rename={"document": "spec"}):
    """A package in an index. `document` is its node object, byte for byte as it was read."""

    document: msgspec.Raw
    ref_count: int = 0
    in_buildcache: bool = False


@dataclass(frozen=True, slots=True)
class CacheIndex:
    """An index as read: `records` by DAG hash, `digest` of its bytes, `written_at` in unix seconds (the cache's clock).

    Its records share one buffer: keeping one of them keeps the whole index in memory.
    """

    records: Mapping[str, IndexRecord]
    digest: str
    written_at: float


@dataclass(frozen=True, slots=True)
class IndexUpdate:
    """What an index update did. `entries` packages are in the cache by the new index; `added` and `dropped` compare it
    with the one before; `skipped` names entries that could not be read."""

    entries: int
    added: int
    dropped: int
    skipped: tuple[ErrorInfo, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Completed:
    """A package that is visible now. Without the layers of what is `missing` Spack installs it, but its image does not
    run; the hashes are those of packages. Always empty where packages do not refer to each other."""

    entry: CacheEntry
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PushScope:
    """What a push is about. `selected` are all packages it handles, `pushing` those it packs; `held_back` may not be
    given away."""

    records: Mapping[str, PackageRecord]
    selected: frozenset[str]
    pushing: frozenset[str]
    held_back: frozenset[str] = frozenset()


class CachePush(Protocol):
    """One push of several packages into a cache: archives as they are packed, entries when what they need is there.

    Thread-safe. `byte_phases` is how many phases of a package move its bytes: 1 where archives are packed into the
    cache itself, 2 where they are uploaded afterwards. `present` are packages whose archives are there
    already, by hash.
    """

    @property
    def byte_phases(self) -> int: ...

    @property
    def present(self) -> Mapping[str, CacheEntry]: ...

    def begin(self, scope: PushScope) -> Collection[str]:
        """Say what the push is about, once, before anything below. Gives those of `present` whose entries lack
        something that can be had now, so that they have to be completed as well."""
        ...

    def prepare(self, token: CancelToken) -> None:
        """What must be there before the first entry. Doing it again changes nothing."""
        ...

    def staging(self, entry: EntryName) -> Path:
        """Where to pack, as `BuildCache.staging`."""
        ...

    def check_there(self) -> None:
        """Raise MirrorVanished if the place is no longer the one the push began with. Cheap."""
        ...

    def archive_path(self, digest: str) -> Path | None:
        """Where an archive lies after `upload`, None where that is no file of this machine."""
        ...

    def find(self, entry: EntryName, *, token: CancelToken) -> bool:
        """Whether the archive of `entry` is there after all, from an attempt that seemed to fail; then only `complete`
        has to follow."""
        ...

    def early_upload(self, token: CancelToken, report: Callable[[int], None]) -> EarlyUpload | None:
        """For an archive that is about to be packed and then given to `upload`: sends its beginning meanwhile, which
        `report` is told in bytes. None where nothing is won by that."""
        ...

    def upload(
        self,
        publication: Publication,
        *,
        token: CancelToken,
        progress: Callable[[int], None],
        early: EarlyUpload | None = None,
    ) -> str:
        """Bring the archive of a package there; nobody sees it yet. `progress` gets the stored bytes since its last
        call. Gives how it came there: "uploaded", or without sending it "present" or "mounted" (from another
        repository); "" where it was packed into its place."""
        ...

    def needs(self, dag_hash: str) -> Collection[str]:
        """Packages whose archives should be there, or be known not to come, before `complete`."""
        ...

    def complete(self, dag_hash: str, *, token: CancelToken) -> Completed:
        """Make a package visible whose archive is there. May be called again when more is there."""
        ...


@dataclass(frozen=True, slots=True)
class BlobAt:
    """A blob of a package and where it lies. `size` in stored bytes is None where nothing says it."""

    key: str
    digest: str
    size: int | None


@dataclass(frozen=True, slots=True)
class StoredPackage:
    """A package as its manifest describes it. `key` is the manifest's, `manifest` its bytes with the signature.

    `spec` is what `download` of Spack saves beside the archive: the spec blob, the config of an image, or in an older
    `layout` the manifest itself.
    """

    entry: EntryName
    key: str
    manifest: bytes
    modified: float
    signed: bool | None
    archive: BlobAt
    spec: BlobAt
    layout: int = LAYOUT


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """Fingerprints of the public keys in a cache. Readers go by the list of keys: they do not find what is
    `unlisted`."""

    listed: tuple[str, ...]
    unlisted: tuple[str, ...] = ()


class ReadableCache(Protocol):
    """A place that holds packages, for reading. Nothing is ever changed by these methods."""

    @property
    def url(self) -> str: ...

    @property
    def index_only(self) -> bool:
        """Whether the place cannot be listed, so that only what its index names is found."""
        ...

    def present(self, entries: Sequence[EntryName], *, signed: bool, token: CancelToken) -> dict[str, CacheEntry]:
        """Those of `entries` that are really there, by hash: manifest read, blobs there with the right size.

        With `signed` only entries with a good signature count; without it all count. What lies there in the old layout
        only does not count: a push would not find it either.
        """
        ...

    def entries(self, *, token: CancelToken) -> Iterator[CacheEntry | ErrorInfo]:
        """Every entry that is listed, without looking at its blobs; an ErrorInfo for each one that cannot be read.
        A package in two layouts comes once, in the newer one."""
        ...

    def read_index(self, *, token: CancelToken | None = None) -> CacheIndex | None:
        """The index, None if there is none. Raises CacheError if it cannot be understood."""
        ...

    def browser(self) -> CacheBrowser:
        """For looking around in it."""
        ...

    def package(self, entry: EntryName, *, token: CancelToken) -> StoredPackage:
        """What its manifest says of a package; its blobs are not looked at. Raises NotFound, or CacheError if the
        manifest cannot be understood."""
        ...

    def open_blob(self, blob: BlobAt, *, token: CancelToken) -> AbstractContextManager[ByteReader]:
        """The stored bytes of a blob, to be read while the block runs; their digest is not checked. Raises NotFound."""
        ...

    def save_blob(self, blob: BlobAt, target: Path, *, token: CancelToken, progress: Callable[[int], None]) -> None:
        """A blob into the file `target`, whose directory exists; it appears complete and with the right digest or not
        at all. `progress` gets the bytes since its last call."""
        ...

    def public_keys(self, *, token: CancelToken) -> dict[str, bytes]:
        """The public keys that its list of keys names, ASCII-armored, by fingerprint; none where there is no such list.

        Raises CacheError if the list or a key cannot be understood, NotFound if one of them is gone.
        """
        ...

    def published_keys(self, *, token: CancelToken) -> PublishedKeys | None:
        """Which public keys are there, None where this kind of cache has none. Raises CacheError if the list of keys
        cannot be understood."""
        ...

    def verifier(self, *, signatures: bool) -> CacheVerifier:
        """For finding out whether what it holds is sound; with `signatures` also those on manifests are checked."""
        ...


class BuildCache(ReadableCache, Protocol):
    """A cache that can be written as well. Nothing is deleted by its methods, except entries a publication replaces."""

    def check_writable(self) -> None:
        """Raise PermissionDenied, NoSpace or StorageFailed naming the path if nothing can be written now."""
        ...

    def staging(self, entry: EntryName) -> Path:
        """A new file name to pack `entry` into, placed so that `publish` needs no copy. The file is not made."""
        ...

    def publish(self, publication: Publication, *, token: CancelToken, progress: Callable[[int], None]) -> CacheEntry:
        """Make the package visible: blobs first, manifest last; an older entry is replaced in one step.

        The packed file is consumed if it lies where `staging` said, and left alone elsewhere. `progress` gets the
        stored bytes done since its last call. After a failure it may simply be called again.
        """
        ...

    def open_push(self, entries: Sequence[EntryName], *, signer: Signer | None, token: CancelToken) -> CachePush:
        """Begin a push: look which of `entries` are there. With a signer, entries without a good signature count as
        absent."""
        ...

    def prepare(self, signer: Signer | None) -> None:
        """Before the first publication of a push: the cache's layout mark and, with a signer, its public key."""
        ...

    def store_keys(self, keys: Mapping[str, bytes], *, listed: bool) -> None:
        """Store ASCII-armored public keys by fingerprint; with `listed` the list of keys is made to agree with what is
        there. Raises CacheError for odd fingerprints, UsageError where this kind of cache has no keys."""
        ...

    def update_index(self, *, full: bool, token: CancelToken, progress: Callable[[int, int], None]) -> IndexUpdate:
        """Make the index agree with a listing; `full` reads every entry again. `progress` gets (done, total) entries.

        Entries that cannot be read are skipped and reported; a cache without any entry raises CacheError.
        """
        ...

    def upkeep(self, *, probe: bool = True) -> CacheUpkeep:
        """For deleting from it. Without `probe` what is possible is not tried out, so that nothing is ever changed."""
        ...
