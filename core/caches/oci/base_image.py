# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The image that others begin with: found and checked before anything is uploaded, its layers copied when needed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.caches.oci.architecture import runs_on
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.image import Base, diff_ids_of, family_of
from core.caches.oci.staging import staging_path
from core.foundation.cancel import CancelToken
from core.foundation.digests import parse_digest
from core.foundation.errors import NotFound, UsageError
from core.registry.manifests import Descriptor, ImageIndex, ImageManifest, RawManifest, parse_manifest
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.strict_json import decode_object
from core.registry.uploads import BlobOutcome

CONFIG_LIMIT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class BaseImage:
    """A base image for one architecture. `layers` are the descriptors of what `base` refers to, lowest first."""

    name: str
    architecture: str
    base: Base
    layers: tuple[Descriptor, ...]
    repository: Repository


def find_base_image(
    repository: Repository, reference: ImageReference, architecture: str, *, cache: BlobCache, token: CancelToken
) -> BaseImage:
    """Read the image of `reference`, of a multi-platform one the image for Linux on `architecture`. Any thread.

    Raises NotFound or UsageError saying what does not fit, CacheError for what cannot be understood, and the errors of
    the registry.
    """
    name = str(reference)
    raw = _manifest(repository, reference.target, name, token)
    parsed = parse_manifest(raw)
    if isinstance(parsed, ImageIndex):
        raw = _manifest(repository, _fitting(parsed, architecture, name).digest, name, token)
        parsed = parse_manifest(raw)
    if isinstance(parsed, ImageIndex):
        raise UsageError(f"{name} cannot be a base image", "Its index leads to another index")
    config = decode_object(cache.read(repository, parsed.config, CONFIG_LIMIT_BYTES, token), f"the config of {name}")
    _check(parsed, diff_ids_of(config), name)
    stated = str(config.get("architecture") or architecture)
    if not runs_on(architecture, stated):
        raise UsageError(f"{name} cannot be the base image", f"It is for {stated}, the packages are for {architecture}")
    layers = tuple(decode_object(raw.data, f"the manifest of {name}")["layers"])
    return BaseImage(name, architecture, Base(family_of(raw.media_type), config, layers), parsed.layers, repository)


def copy_base_layer(
    layer: Descriptor, source: Repository, target: Repository, *, staging: Path, token: CancelToken
) -> BlobOutcome:
    """Make sure that the target repository holds a layer: it is there, mounted on the same host, or copied."""
    same_host = source.reference.endpoint == target.reference.endpoint
    body = _Downloaded(layer, source, staging, token)
    try:
        mount_from = (source.reference.name,) if same_host else ()
        return target.upload(layer.digest, body, mount_from=mount_from, token=token)
    finally:
        body.discard()


class _Downloaded:
    """A blob of another repository as a body, downloaded only if its bytes are asked for."""

    def __init__(self, layer: Descriptor, source: Repository, staging: Path, token: CancelToken) -> None:
        self.size = layer.size
        self._layer = layer
        self._source = source
        self._token = token
        self._staging = staging
        self._path: Path | None = None
        self._lock = threading.Lock()

    def open(self) -> BinaryIO:
        with self._lock:
            if self._path is None:
                path = staging_path(self._staging, "base")
                self._source.download(self._layer, path, self._token)
                self._path = path
        return self._path.open("rb", buffering=0)

    def discard(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _manifest(repository: Repository, reference: str, name: str, token: CancelToken) -> RawManifest:
    raw = repository.manifest(reference, token)
    if raw is None:
        raise NotFound(f"There is no image {name}", f"{repository.reference.domain} does not know {reference}")
    return raw


def _fitting(index: ImageIndex, architecture: str, name: str) -> Descriptor:
    """The entry for Linux on that architecture; one without a variant before one with."""
    offered = [entry for entry in index.manifests if entry.platform is not None]
    fitting = [entry for entry in offered if entry.platform and entry.platform.os == "linux"]
    fitting = [entry for entry in fitting if entry.platform and runs_on(architecture, entry.platform.architecture)]
    if not fitting:
        known = sorted({f"{entry.platform.os}/{entry.platform.architecture}" for entry in offered if entry.platform})
        why = f"It is there for {', '.join(known) or 'no platform'} only"
        raise UsageError(f"{name} has no image for linux/{architecture}", why)
    return min(fitting, key=lambda entry: bool(entry.platform and entry.platform.variant))


def _check(manifest: ImageManifest, diff_ids: Sequence[str], name: str) -> None:
    title = f"{name} cannot be a base image"
    if len(diff_ids) != len(manifest.layers):
        why = f"It has {len(manifest.layers)} layers, but its config names {len(diff_ids)}"
        raise UsageError(title, why)
    for diff_id in diff_ids:
        try:
            parse_digest(str(diff_id))
        except ValueError as error:
            raise UsageError(title, str(error)) from error
