# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a push to a registry decides about images before anything is uploaded: base, variables, tag."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from core.caches.oci.architecture import image_architecture
from core.caches.oci.base_image import BaseImage, find_base_image
from core.caches.oci.environment import MadeBy, start_of
from core.caches.oci.image import environment_of
from core.caches.oci.names import check_user_tag
from core.caches.oci.oci_push import ImageOptions, OciPush
from core.caches.oci.spack_environment import SpackAnswer, environments_from_spack
from core.caches.oci.squash import too_many_layers
from core.caches.oci.tagging import write_tag
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, UsageError
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.packing.blocks import BlockPool
from core.packing.model import Codec
from core.registry.references import ImageReference, ReferenceError, parse_image, parse_mirror_url
from core.spack.database import Database
from core.spack.instance import Instance
from core.transfers.job import Tagging
from core.transfers.plan import ImageFacts, PushOptions, Signing

_SPACK_START_S = 60.0
_SPACK_PER_IMAGE_S = 1.0


def check_image_options(options: PushOptions, *, is_registry: bool) -> None:
    """Raise UsageError for options that make no sense here, before anything is looked at."""
    wanted = [name for name, value in _image_options(options).items() if value]
    if wanted and not is_registry:
        raise UsageError(f"{wanted[0]} is for OCI registries only")
    if is_registry and (options.key or options.signing is Signing.SIGNED):
        raise UsageError("Packages in OCI registries cannot be signed", "Spack has no signatures there and checks none")
    if options.tag:
        check_user_tag(options.tag)
    if options.squash_to is not None and not options.tag:
        raise UsageError(
            "--squash needs a --tag", "only the tagged image is squashed, the images of packages never are"
        )


def fitting_options(options: PushOptions, *, is_registry: bool) -> PushOptions:
    """What of `options` makes sense here, for one of several targets."""
    if is_registry:
        signing = Signing.AS_MIRROR if options.signing is Signing.SIGNED else options.signing
        return replace(options, key="", signing=signing)
    return replace(options, base_image="", tag="", squash_to=None, complete_left_out=False)


def _image_options(options: PushOptions) -> dict[str, object]:
    return {
        "--base-image": options.base_image,
        "--tag": options.tag,
        "--squash": options.squash_to is not None,
        "--complete": options.complete_left_out,
    }


@dataclass(frozen=True, slots=True)
class ImagePlanning:
    """What the images of one push need to know. `images` are those to be written, each by the hashes of its roots."""

    push: OciPush
    instance: Instance
    access: CacheAccess
    mirror: Mirror
    database: Database
    options: PushOptions
    codec: Codec

    def decide(
        self, images: Sequence[tuple[str, ...]], tagged: tuple[str, ...], token: CancelToken
    ) -> tuple[ImageFacts, list[ErrorInfo]]:
        """Find the base images, ask for the variables and tell the push. Raises what the registry of the base raises,
        UsageError and NotFound for a base that does not fit, Cancelled."""
        records = self.database.records
        by_architecture: dict[str, list[tuple[str, ...]]] = {}
        for roots in [*images, *([tagged] if tagged else [])]:
            by_architecture.setdefault(image_architecture(records[roots[0]].node.target), []).append(roots)
        bases = {name: self._base_image(name, token) for name in by_architecture} if self.options.base_image else {}
        told = self._told_by_spack(by_architecture, bases, token)
        self.push.use_images(ImageOptions(bases, told.found, self.options.complete_left_out))
        layers = self._layers_of(tagged) if tagged else 0
        limit = self.options.squash_to
        warning = too_many_layers(self.options.tag, layers) if tagged and (limit is None or layers <= limit) else None
        facts = ImageFacts(
            environment_by=(MadeBy.FILES if told.why else MadeBy.SPACK) if by_architecture else "",
            environment_note=told.why,
            base_images=tuple(base.name for base in bases.values()),
            tag_layers=layers,
        )
        return facts, [warning] if warning is not None else []

    def _told_by_spack(
        self,
        by_architecture: Mapping[str, Sequence[tuple[str, ...]]],
        bases: Mapping[str, BaseImage],
        token: CancelToken,
    ) -> SpackAnswer:
        """The variables of images. For those that are missing in it the files of the packages are asked later."""
        executable = self.instance.spack_executable
        if by_architecture and (executable is None or not executable.is_file()):
            return SpackAnswer({}, "there is no spack")
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        why = ""
        for architecture, images in by_architecture.items():
            base = bases[architecture].base.config if bases else None
            answer = environments_from_spack(
                [str(executable)],
                self.instance.environ,
                images,
                start_of(environment_of(base or {})),
                time_limit_s=_SPACK_START_S + _SPACK_PER_IMAGE_S * len(images),
                token=token,
            )
            found.update(answer.found)
            why = answer.why or why
        return SpackAnswer(found, why)

    def tagging(self, tagged: tuple[str, ...]) -> Tagging:
        """What writes the tagged image when the time has come."""
        return partial(_write_tag, self.push, self.options, self.codec, tagged)

    def _layers_of(self, tagged: tuple[str, ...]) -> int:
        return self.push.plan(tagged).layer_count

    def _base_image(self, architecture: str, token: CancelToken) -> BaseImage:
        reference = base_reference(self.options.base_image)
        repository = self.access.repository(reference, self.mirror, Direction.PUSH)
        return find_base_image(repository, reference, architecture, cache=self.access.kept, token=token)


def base_reference(text: str) -> ImageReference:
    """A base image as Spack takes it, `ubuntu:24.04`, or with `oci+http://` for a registry without TLS."""
    try:
        return parse_mirror_url(text) if "://" in text else parse_image(text)
    except ReferenceError as error:
        raise UsageError(f"{text} is not the name of an image", str(error)) from error


def _write_tag(
    push: OciPush,
    options: PushOptions,
    codec: Codec,
    roots: tuple[str, ...],
    *,
    token: CancelToken,
    progress: Callable[[int], None],
    pool: BlockPool,
) -> str:
    made = write_tag(
        push,
        options.tag,
        roots,
        squash_to=options.squash_to,
        codec=codec,
        token=token,
        progress=progress,
        pool=pool,
    )
    reference = push.repository.reference
    return f"{reference.domain}/{reference.name}:{made.tag}"
