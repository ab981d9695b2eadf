# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking around in a cache: everything it lists, package or not, and what one thing consists of.

Methods may be called from any thread, block, raise the errors of `core.foundation.errors` and raise `Cancelled` soon
after their token was cancelled. Nothing is ever changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core.caches.index import SpecDocument
from core.caches.protocol import EntryName
from core.foundation.cancel import CancelToken


class EntryKind(StrEnum):
    """What something in a cache is. `UNTAGGED` is what nothing leads to any more."""

    PACKAGE = "package"
    IMAGE = "image"
    INDEX = "index"
    KEY = "key"
    UNTAGGED = "untagged"


@dataclass(frozen=True, slots=True)
class Listed:
    """Something in a cache; beyond `key`, `kind` and `entry` only what was found out already.

    `key` is a tag, or a path in a folder. `blob_digest` and `stored_bytes` are those of a package's archive; for an
    image of another kind the size is that of all its layers. `signed` is None where it is not known or there are no
    signatures. `blobs` are all digests the manifest names.
    """

    key: str
    kind: EntryKind
    entry: EntryName | None = None
    target: str = ""
    manifest_digest: str = ""
    blob_digest: str = ""
    stored_bytes: int | None = None
    modified: float | None = None
    signed: bool | None = None
    blobs: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A blob, or for an index of images one of them. `note` says more, like the platform."""

    digest: str
    size: int
    media_type: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """What one thing consists of. `missing` and `left_out` are DAG hashes of packages whose layers are not in an image.

    `spec` is that of a package, None for everything else. `media_type` is empty where manifests have none.
    """

    manifest_digest: str
    media_type: str
    parts: tuple[Part, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    spec: SpecDocument | None = None


class CacheBrowser(Protocol):
    @property
    def image(self) -> str:
        """`host/name` of the repository as container tools take it, "" where there are no images."""
        ...

    def names(self, token: CancelToken) -> list[Listed]:
        """Everything that is listed, by name alone."""
        ...

    def look(self, names: Sequence[Listed], token: CancelToken) -> Iterator[Listed]:
        """`names` in their order with all facts, then what only a look at everything brings to light.

        What `names` say already is believed as long as the manifest's digest is the same. What is wrong with one of
        them is its `problem`; other trouble is raised.
        """
        ...

    def describe(self, key: str, digest: str, token: CancelToken) -> Described:
        """What the thing under `key` consists of; with a `digest` as it was then, so that nothing is asked twice.

        Raises NotFound, or CacheError if it cannot be understood.
        """
        ...
