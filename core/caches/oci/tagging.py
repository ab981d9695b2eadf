# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Images of several packages under a tag of the person's own, with as few layers as wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from core.caches.oci.image import tagged_image
from core.caches.oci.layers import Layer
from core.caches.oci.names import check_user_tag
from core.caches.oci.oci_push import OciPush
from core.caches.oci.squash import group_layers, squash
from core.caches.oci.staging import staging_path
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError
from core.network.bodies import FileBody
from core.packing.blocks import BlockPool
from core.packing.model import Codec
from core.registry.manifests import Descriptor
from core.registry.media_types import OCI_LAYER_GZIP


@dataclass(frozen=True, slots=True)
class TaggedImage:
    """An image as written. Without what is `missing` it does not run."""

    tag: str
    digest: str
    layers: int
    missing: tuple[str, ...]


def write_tag(
    push: OciPush,
    tag: str,
    roots: Sequence[str],
    *,
    squash_to: int | None = None,
    codec: Codec = Codec.DEFAULT,
    token: CancelToken,
    progress: Callable[[int], None],
    pool: BlockPool | None = None,
) -> TaggedImage:
    """Write the image of `roots` and all they need, after their own images. Any thread.

    `squash_to` is how many layers the packages may have in all; the images of the packages stay as they are. `progress`
    gets tar bytes while layers are joined. Raises UsageError for a tag that cannot be used, CacheError if no layer is
    there, and the errors of the registry.
    """
    check_user_tag(tag)
    plan = push.plan(tuple(roots))
    if not plan.layers:
        raise CacheError(f"{tag} was not written", "None of its packages is in the registry")
    layers = list(plan.layers)
    if squash_to is not None and len(layers) > squash_to:
        groups = group_layers([layer.size for layer in layers], squash_to)
        join = partial(_joined, push, codec=codec, token=token, progress=progress, pool=pool)
        layers = [join(plan.layers[group.start : group.stop]) for group in groups]
    image = tagged_image(
        layers=layers,
        architecture=plan.architecture,
        environment=plan.environment,
        base=plan.base,
        marks=plan.marks,
    )
    push.store(image, tag, token)
    return TaggedImage(tag, image.digest, len(plan.base.layers) + len(layers), plan.marks.missing)


def _joined(
    push: OciPush,
    layers: Sequence[Layer],
    *,
    codec: Codec,
    token: CancelToken,
    progress: Callable[[int], None],
    pool: BlockPool | None,
) -> Layer:
    """One layer in the registry with all that is in `layers`."""
    if len(layers) == 1:
        return layers[0]
    target = staging_path(push.staging_directory, "squashed")
    try:
        archives = [partial(_archive, push, layer, token) for layer in layers]
        made = squash(archives, target, codec, token=token, progress=progress, pool=pool)
        push.repository.upload(made.digest, FileBody(target, made.size), token=token)
    finally:
        target.unlink(missing_ok=True)
    return made


def _archive(push: OciPush, layer: Layer, token: CancelToken) -> BinaryIO:
    """The bytes of a layer: what Spack downloaded already, or a download that is gone once it is closed."""
    path = push.cache.file(layer.digest, layer.size)
    if path is not None:
        return path.open("rb", buffering=0)
    path = staging_path(push.staging_directory, "layer")
    part = Descriptor(OCI_LAYER_GZIP, layer.digest, layer.size)
    push.repository.download(part, path, token)
    try:
        return path.open("rb", buffering=0)
    finally:
        path.unlink()
