# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Names of images: what a mirror's address or a `--base-image` argument means.

The grammar is that of Docker's references with letters of either case in the name. Which host a name without one
belongs to, and what is refused, is as seen in Spack 1.1; stricter in one point: digests are lower-case and tags ASCII,
because both become part of addresses and file names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.foundation.digests import parse_digest
from core.network.endpoints import Endpoint

DOCKER_HUB = "index.docker.io"
DEFAULT_TAG = "latest"

_LONGEST = 2048
_PART = r"[a-zA-Z0-9]+(?:(?:\.|__?|-+)[a-zA-Z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,})")
_SCHEMES = {"oci": "https", "oci+http": "http"}


class ReferenceError(ValueError):
    """The text names no image."""


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image in a registry. `domain` is host[:port], `name` the repository; `digest` wins over `tag`."""

    scheme: str
    domain: str
    name: str
    tag: str = DEFAULT_TAG
    digest: str | None = None

    def __str__(self) -> str:
        """Without scheme, as container tools take it."""
        return f"{self.repository}:{self.tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.scheme, self.domain)

    @property
    def repository(self) -> str:
        """`host/name`, without tag and digest."""
        return f"{self.domain}/{self.name}"

    @property
    def target(self) -> str:
        """What to ask the registry for: the digest, or the tag where there is none."""
        return self.digest or self.tag


def parse_mirror_url(url: str) -> ImageReference:
    """The image that `oci://…` (https) or `oci+http://…` (http) names. Raises ReferenceError."""
    prefix, separator, text = url.partition("://")
    if not separator or prefix not in _SCHEMES:
        raise ReferenceError(f"Invalid OCI URL: {url[:_LONGEST]}")
    return parse_image(text, _SCHEMES[prefix])


def parse_image(text: str, scheme: str = "https") -> ImageReference:
    """The image `[host[:port]/]name[:tag][@digest]`; without a host it is on Docker Hub. Raises ReferenceError."""
    rest, at, digest = text.partition("@")
    image, colon, tag = _split_tag(rest)
    if len(text) > _LONGEST or not _NAME.fullmatch(_without_domain(image)) or (colon and not _TAG.fullmatch(tag)):
        raise ReferenceError(f"Invalid image reference: {text[:_LONGEST]}")
    if at:
        _check_digest(digest, text)
    domain, name = _place(image)
    return ImageReference(scheme, domain, name.lower(), tag if colon else DEFAULT_TAG, digest if at else None)


def tags_among(names: Iterable[str]) -> list[str]:
    """Those an image may be tagged with, in the same order."""
    return list(filter(_TAG.fullmatch, names))


def parse_tag(text: str) -> str:
    """`text` itself if it may be a tag; raises ReferenceError otherwise."""
    if not _TAG.fullmatch(text):
        raise ReferenceError(f"Not a tag: {text[:200]!r}")
    return text


def parse_repository(name: str) -> str:
    """`name` itself if it may be a repository's name (lower case); raises ReferenceError otherwise."""
    if len(name) > _LONGEST or not _NAME.fullmatch(name) or name != name.lower():
        raise ReferenceError(f"Not a repository name: {name[:200]!r}")
    return name


def _split_tag(text: str) -> tuple[str, str, str]:
    before, slash, last = text.rpartition("/")
    image, colon, tag = last.partition(":")
    return before + slash + image, colon, tag


def _without_domain(image: str) -> str:
    first, slash, rest = image.partition("/")
    return rest if slash and _DOMAIN.fullmatch(first) else image


def _place(image: str) -> tuple[str, str]:
    """Domain and name of a valid image."""
    first, slash, rest = image.partition("/")
    if not slash or not _DOMAIN.fullmatch(first):
        return DOCKER_HUB, f"library/{image}"
    if first == "localhost" or "." in first or ":" in first or first != first.lower():
        return first, rest
    return DOCKER_HUB, image


def _check_digest(digest: str, text: str) -> None:
    found = _DIGEST.fullmatch(digest)
    if found is None:
        raise ReferenceError(f"Invalid image reference: {text[:_LONGEST]}")
    algorithm, checksum = found.groups()
    if algorithm != "sha256":
        raise ReferenceError(f"Unsupported OCI blob checksum algorithm: {algorithm}")
    if len(checksum) != 64:
        raise ReferenceError(f"Invalid OCI blob checksum length: {len(checksum)}")
    try:
        parse_digest(digest)
    except ValueError as error:
        raise ReferenceError(f"Invalid image reference: {text[:_LONGEST]}") from error
