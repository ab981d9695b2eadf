# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a push will do, decided before anything moves: every package with its decision, and what was checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from core.caches.protocol import CacheEntry
from core.foundation.errors import ErrorInfo
from core.packing.model import Codec
from core.registry.messages import RateLimit


class Decision(StrEnum):
    PUSH = "push"
    COMPLETE = "complete"  # its archive is there, but its entry lacks something that can be had now
    PRESENT = "present"
    EXTERNAL = "external"
    HELD_BACK = "held-back"
    NOT_INSTALLED = "not-installed"


class Only(StrEnum):
    """Spack's `--only`; ALL is its default."""

    ALL = "package,dependencies"
    PACKAGE = "package"
    DEPENDENCIES = "dependencies"


class Signing(StrEnum):
    """Who decides whether entries are signed: the mirror's `signed` setting, or the person."""

    AS_MIRROR = "as-mirror"
    SIGNED = "signed"
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What a person chose. The options from `base_image` to `complete_left_out` concern container images, and are
    refused for other mirrors: an image to begin with, a tag for an image of all roots, the most layers its packages may
    have, and whether images that were pushed without their dependencies are completed. With `recheck` nothing is
    believed of what was found on the mirror before. With `keep_blobs` packages that came from a cache keep the archive
    they came from, where it can still be had. Without a `codec` that of the mirror is used."""

    only: Only = Only.ALL
    with_build_dependencies: bool = True
    force: bool = False
    private: bool = False
    fail_fast: bool = False
    update_index: bool = False
    signing: Signing = Signing.AS_MIRROR
    key: str = ""
    codec: Codec | None = None
    base_image: str = ""
    tag: str = ""
    squash_to: int | None = None
    complete_left_out: bool = False
    recheck: bool = False
    keep_blobs: bool = False


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What a person asked for. Nothing in `queries` and `hashes` means the roots of the active environment.

    Where the mirror is one of several targets, options that only concern the others are left aside, not refused.
    """

    mirror: str
    queries: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    options: PushOptions = field(default_factory=PushOptions)
    one_of_several: bool = False

    def to_each(self, also: Sequence[str]) -> tuple[PushRequest, ...]:
        """The same for its own mirror and those of `also`, each once."""
        targets = tuple(dict.fromkeys((self.mirror, *also)))
        return tuple(replace(self, mirror=target, one_of_several=len(targets) > 1) for target in targets)


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One package of a plan. `size_bytes` is about the size of its files, 0 where nobody needs it; of the archive as it
    is stored where that is `kept`: what the package came from goes to the mirror, with every byte. `note` says where
    it was found, or why it is not kept although that was asked for. An `estimated` size is the average of others."""

    hash: str
    name: str
    version: str
    decision: Decision
    reason: str = ""
    size_bytes: int = 0
    prefix: str = ""
    entry: CacheEntry | None = None
    kept: bool = False
    note: str = ""
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a plan found out about container images. `environment_by` says who told their variables: the instance's own
    spack, or the files of the packages, which lack what recipes set; then `environment_note` says why."""

    environment_by: str = ""
    environment_note: str = ""
    base_images: tuple[str, ...] = ()
    tag_layers: int = 0


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What a plan found out about the registry it goes to. `host` is who will be contacted.

    `anonymous_readable`: whether everybody can read what is pushed, None where that is not known.
    `rate_limit` is what the registry said last, None where it says nothing.
    """

    host: str
    anonymous_readable: bool | None = None
    rate_limit: RateLimit | None = None


@dataclass(frozen=True, slots=True)
class PushPlan:
    """`items` are in pushing order, dependencies first. `blockers` would make every item fail; `warnings` would not.

    `source` names the cache that packages are copied from; it is "" for a push of installed packages. `roots` are the
    packages a push was asked for, by hash: with `options`, all it takes to plan the rest of it again. `codec` is how
    packages will be compressed.

    `key` is the fingerprint entries will be signed with, empty for an unsigned push; `key_locked` if its passphrase has
    to be given before.
    `free_bytes` is what the target has left, None where that cannot be known.
    `registry` and `images` are None where the target is no registry; `images` also where it cannot be used.
    """

    id: str
    instance_id: str
    mirror: str
    mirror_url: str
    items: tuple[PlanItem, ...]
    options: PushOptions
    selected: int
    key: str = ""
    key_owner: str = ""
    key_locked: bool = False
    free_bytes: int | None = None
    warnings: tuple[ErrorInfo, ...] = ()
    blockers: tuple[ErrorInfo, ...] = ()
    registry: RegistryFacts | None = None
    images: ImageFacts | None = None
    source: str = ""
    roots: tuple[str, ...] = ()
    codec: Codec = Codec.DEFAULT

    def of(self, *decisions: Decision) -> Iterator[PlanItem]:
        return (item for item in self.items if item.decision in decisions)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files that will be packed."""
        return sum(item.size_bytes for item in self.of(Decision.PUSH))

    @property
    def is_measured(self) -> bool:
        """Whether `size_bytes` says what is there, and not about what is likely."""
        return not any(item.estimated for item in self.of(Decision.PUSH))
