# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushing packages as images: archives as soon as they are packed, each image when its layers are there.

A package's image holds the layers of everything it needs to run, so it is written when it is known which of these will
be there. Where a dependency failed, its dependents are written all the same, as Spack finds packages by their images
only; they carry a mark, and the next push completes them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.caches.oci.architecture import image_architecture
from core.caches.oci.base_image import BaseImage, copy_base_layer
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.environment import FileVariables, start_of
from core.caches.oci.holders import BlobHolders
from core.caches.oci.image import (
    NO_BASE,
    Base,
    Image,
    Marks,
    archive_timestamp,
    environment_of,
    package_image,
    rest_of,
)
from core.caches.oci.layers import Layer, Needs, RunGraph, needs_of
from core.caches.oci.names import spec_tag
from core.caches.oci.staging import staging_path
from core.caches.oci.survey import FoundImage, Survey, read_image
from core.caches.protocol import CacheEntry, Completed, EntryName, Publication, PushScope
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, DatabaseError
from core.network.bodies import BytesBody, FileBody
from core.registry.early import EarlyUpload
from core.registry.manifests import Descriptor
from core.registry.repository import BlobOutcome, Repository
from core.spack.formats import default_format
from core.spack.specs import spec_document

_BASE_LANES = 4


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """What a person decided about images.

    `bases` are base images by architecture. `environments` are `KEY=value` entries by the roots of an image; what is
    not in it is found from the packages' files. `complete_left_out` also completes images that were pushed without
    their dependencies.
    """

    bases: Mapping[str, BaseImage] = field(default_factory=dict)
    environments: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    complete_left_out: bool = False


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """Everything an image of some roots is made of at this moment."""

    layers: tuple[Layer, ...]
    marks: Marks
    base: Base
    architecture: str
    environment: tuple[str, ...]

    @property
    def layer_count(self) -> int:
        """How many layers it has once nothing is missing any more."""
        return len(self.base.layers) + len(self.layers) + len(self.marks.missing)

    @property
    def digests(self) -> tuple[str, ...]:
        """Those of all its layers."""
        return (*(str(layer["digest"]) for layer in self.base.layers), *(layer.digest for layer in self.layers))


class OciPush:
    """The `CachePush` into `repository`. `found` is what a survey of the packages found; `about_to_change` gets the
    packages whose images will be written.

    Layers of the packages it does not select are left out of images; those of the others are missing while they are
    not there.
    """

    byte_phases = 2

    def __init__(
        self,
        repository: Repository,
        cache: BlobCache,
        staging: Path,
        found: Mapping[str, FoundImage],
        *,
        holders: BlobHolders,
        about_to_change: Callable[[Collection[str]], None],
    ) -> None:
        self.repository = repository
        self._holders = holders
        self._about_to_change = about_to_change
        self.cache = cache
        self.staging_directory = staging
        self.present = {dag_hash: image.entry for dag_hash, image in found.items()}
        self._scope = PushScope({}, frozenset(), frozenset())
        self._graph = RunGraph({})
        self._files = FileVariables({}, self._graph)
        self._options = ImageOptions()
        self._lock = threading.Lock()
        self._found = dict(found)
        self._layers = {dag_hash: image.own for dag_hash, image in found.items()}
        self._tar_bytes: dict[str, int] = {}
        self._documents: dict[str, bytes] = {}

    # ---------------------------------------------------------------- beginning

    def use_images(self, options: ImageOptions) -> None:
        """Before `prepare`; `complete_left_out` counts in `begin`. May be called again when more is known."""
        self._options = options

    def begin(self, scope: PushScope) -> tuple[str, ...]:
        """As the protocol says. What a person left out before is nothing that an image lacks, unless asked for."""
        self._scope = scope
        self._graph = RunGraph(scope.records)
        self._files = FileVariables(scope.records, self._graph)
        found = self._found.items()
        to_complete = [key for key, image in found if key not in scope.pushing and self._improvable(key, image)]
        self._about_to_change(scope.pushing.union(to_complete))
        return tuple(to_complete)

    def prepare(self, token: CancelToken) -> None:
        """Bring the layers of the base images into the repository, several at a time."""
        bases = self._options.bases.values()
        work = {layer.digest: (layer, base.repository) for base in bases for layer in base.layers}

        def copy(item: tuple[Descriptor, Repository]) -> None:
            copy_base_layer(*item, self.repository, staging=self.staging_directory, token=token)

        with ThreadPoolExecutor(_BASE_LANES, "base-layers") as pool:
            for _ in pool.map(copy, work.values()):
                token.raise_if_cancelled()

    # ---------------------------------------------------------------- packages

    def staging(self, entry: EntryName) -> Path:
        return staging_path(self.staging_directory, entry.hash)

    def check_there(self) -> None:
        """A registry says so itself when something is wrong."""

    def archive_path(self, _digest: str) -> None:
        """Archives go away with the upload."""

    def find(self, entry: EntryName, *, token: CancelToken) -> bool:
        """As the protocol says: an archive this push brought there, or an image that was written meanwhile."""
        with self._lock:
            uploaded = self._layers.get(entry.hash) if entry.hash in self._tar_bytes else None
        if uploaded is not None and self.repository.blob_size(uploaded.digest, token) == uploaded.size:
            return True
        image = Survey(self.repository, self.cache).find([entry], token).get(entry.hash)
        if image is None:
            return False
        with self._lock:
            self._found[entry.hash] = image
            self._layers[entry.hash] = image.own
            self._tar_bytes.pop(entry.hash, None)
        return True

    def early_upload(self, token: CancelToken, report: Callable[[int], None]) -> EarlyUpload | None:
        return self.repository.early_upload(token, report)

    def upload(
        self,
        publication: Publication,
        *,
        token: CancelToken,
        progress: Callable[[int], None],
        early: EarlyUpload | None = None,
    ) -> BlobOutcome:
        """As the protocol says. Consumes the file if it was staged here. `progress` ends at the size of the archive,
        also if the registry had it already."""
        packed = publication.packed
        dag_hash = publication.entry.hash
        done = 0

        def count(size: int) -> None:
            nonlocal done
            done += size
            progress(size)

        token.raise_if_cancelled()
        body = FileBody(packed.path, packed.stored_bytes)
        reference = self.repository.reference
        mount_from = self._holders.others(reference, packed.digest)
        outcome = self.repository.upload(
            packed.digest, body, mount_from=mount_from, token=token, progress=count, early=early
        )
        self._holders.note(reference, [packed.digest])
        progress(packed.stored_bytes - done)
        is_usual = self._is_usual(publication)
        with self._lock:
            self._layers[dag_hash] = Layer(packed.digest, packed.stored_bytes, packed.diff_id)
            self._tar_bytes[dag_hash] = packed.tar_bytes
            self._documents.pop(dag_hash, None)
            if not is_usual:
                self._documents[dag_hash] = publication.spec_document
            self._found.pop(dag_hash, None)
        if packed.path.parent == self.staging_directory:
            packed.path.unlink(missing_ok=True)
        return outcome

    def _is_usual(self, publication: Publication) -> bool:
        """Whether the records tell the spec document too. Thousands may wait for others: they are not kept then."""
        try:
            made = spec_document(self._scope.records[publication.entry.hash], self._scope.records)
        except DatabaseError:
            return False
        return made == publication.spec_document

    def needs(self, dag_hash: str) -> tuple[str, ...]:
        """The packages of this push whose layers belong in the image as well."""
        wanted = self._needs((dag_hash,)).wanted
        return tuple(one for one in wanted if one != dag_hash and one in self._scope.pushing)

    def layers_of(self, dag_hash: str) -> tuple[str, ...]:
        """All packages whose layers belong in the image, the package itself among them."""
        return self._needs((dag_hash,)).wanted

    def complete(self, dag_hash: str, *, token: CancelToken) -> Completed:
        """Write the image of a package, with all the layers that are there by now; one that has them all is left alone.

        Raises CacheError if the package's own layer is not there, DatabaseError if its spec cannot be written, and the
        errors of the registry.
        """
        record = self._scope.records[dag_hash]
        plan = self.plan((dag_hash,))
        with self._lock:
            own = self._layers.get(dag_hash)
            found = self._found.get(dag_hash)
            tar_bytes = self._tar_bytes.get(dag_hash)
            document = self._documents.get(dag_hash)
        if own is None:
            raise CacheError(f"{record.name} cannot be tagged", "Its archive is not in the registry")
        if found is not None and not found.lost:
            if all(layer.digest in found.layers for layer in plan.layers):
                return Completed(found.entry, plan.marks.missing)
            plan = self._amended(plan, found, token)
        image = package_image(
            spec_document=document or spec_document(record, self._scope.records),
            layers=plan.layers,
            architecture=plan.architecture,
            environment=plan.environment,
            timestamp=archive_timestamp(record.installation_time),
            description=default_format(record.node),
            base=plan.base,
            marks=plan.marks,
        )
        entry = EntryName(record.name, record.version, dag_hash)
        self.store(image, spec_tag(entry), token)
        self._documents.pop(dag_hash, None)
        made = CacheEntry(
            entry=entry,
            manifest_digest=image.digest,
            blob_digest=own.digest,
            spec_digest=digest_of(image.config),
            stored_bytes=own.size,
            tar_bytes=tar_bytes,
            signed=None,
            modified=record.installation_time,
        )
        if found is not None:
            with self._lock:
                self._found[dag_hash] = FoundImage(made, own, plan.digests, plan.marks)
        return Completed(made, plan.marks.missing)

    # ---------------------------------------------------------------- images

    def plan(self, roots: tuple[str, ...]) -> ImagePlan:
        """What the image of `roots` is made of, from the layers that are there by now."""
        needs = self._needs(roots)
        with self._lock:
            layers = tuple(self._layers[one] for one in needs.wanted if one in self._layers)
            missing = tuple(one for one in needs.wanted if one not in self._layers)
        architecture = image_architecture(self._scope.records[roots[0]].node.target)
        image = self._options.bases.get(architecture)
        base = image.base if image is not None else NO_BASE
        environment = self._options.environments.get(roots)
        if environment is None:
            environment = self._files.entries(roots, start_of(environment_of(base.config or {})))
        return ImagePlan(layers, Marks(missing, needs.left_out), base, architecture, environment)

    def store(self, image: Image, tag: str, token: CancelToken) -> None:
        """Config first, then the manifest, which makes it visible."""
        token.raise_if_cancelled()
        self.repository.upload(digest_of(image.config), BytesBody(image.config), token=token)
        token.raise_if_cancelled()
        self.repository.put_manifest(tag, image.manifest, image.media_type, token)
        self.cache.keep(image.config)
        self.cache.keep(image.manifest)

    # ---------------------------------------------------------------- comparing

    def _improvable(self, dag_hash: str, image: FoundImage) -> bool:
        if image.lost:
            return True
        wanted = self._needs((dag_hash,)).wanted
        with self._lock:
            digests = {one: layer.digest for one in wanted if (layer := self._layers.get(one)) is not None}
        lacking = [one for one in wanted if digests.get(one) not in image.layers]
        if not self._options.complete_left_out and set(lacking) <= set(image.marks.left_out):
            return False
        return any(one in digests or one in self._scope.pushing for one in lacking)

    def _amended(self, plan: ImagePlan, found: FoundImage, token: CancelToken) -> ImagePlan:
        """The plan on top of what the image holds besides packages: its base image and variables stay."""
        parts = read_image(self.repository, self.cache, found.entry.manifest_digest, token)
        if parts is None:
            return plan
        base = rest_of(parts.raw, parts.facts, {layer.digest for layer in plan.layers})
        # What this push does not handle is as it was before.
        missing, left_out = (
            tuple(one for one in before if one in plan.marks.left_out)
            for before in (found.marks.missing, found.marks.left_out)
        )
        marks = Marks(plan.marks.missing + missing, left_out)
        return replace(plan, base=base, marks=marks, environment=tuple(environment_of(parts.facts)))

    def _needs(self, roots: tuple[str, ...]) -> Needs:
        scope = self._scope
        return needs_of(roots, self._graph, selected=scope.selected, held_back=scope.held_back)
