# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Image manifests and indexes (OCI image spec, manifest.md and image-index.md; Docker's version 2 schema 2).

The bytes stay what they are (`RawManifest`); what is read from them is checked completely before any of it is used.
Only sha256 digests are accepted, `urls` of layers are never followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from core.foundation.decoding import converted
from core.foundation.digests import digest_of, parse_digest
from core.foundation.errors import CacheError
from core.registry.media_types import INDEXES, MANIFESTS, OCI_INDEX, OCI_MANIFEST, bare_type
from core.registry.strict_json import decode_object

# What is read, and what is written: registries refuse more than 4 MiB (distribution 2.8 with a misleading 400).
MANIFEST_LIMIT_BYTES = 8 << 20
MANIFEST_PUSH_LIMIT_BYTES = 4 << 20
_LARGEST = 2**63 - 1


class Platform(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an entry of an index runs on."""

    architecture: str
    os: str
    variant: str | None = None


class Descriptor(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A reference to content: `size` is in bytes and always also a limit."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] | None = None
    platform: Platform | None = None
    artifact_type: str | None = None


@dataclass(frozen=True, slots=True)
class RawManifest:
    """A manifest or index as bytes; `digest` is that of `data`."""

    media_type: str
    digest: str
    data: bytes


class ImageManifest(msgspec.Struct, frozen=True, rename="camel"):
    """An image: its config and its layers in order, the lowest first."""

    schema_version: int
    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str | None = None
    artifact_type: str | None = None
    annotations: Mapping[str, str] | None = None
    subject: Descriptor | None = None


class ImageIndex(msgspec.Struct, frozen=True, rename="camel"):
    """Several images, usually one for each platform."""

    schema_version: int
    manifests: tuple[Descriptor, ...]
    media_type: str | None = None
    artifact_type: str | None = None
    annotations: Mapping[str, str] | None = None
    subject: Descriptor | None = None


def raw_manifest(data: bytes, content_type: str, where: str) -> RawManifest:
    """What a registry sent, with the media type its document or else its Content-Type states.

    Raises CacheError naming `where` if the document is none we know or the two contradict each other: other tools
    would take it for something else than we do.
    """
    document = decode_object(data, where)
    return RawManifest(_media_type(document, bare_type(content_type), where), digest_of(data), data)


def parse_manifest(raw: RawManifest) -> ImageManifest | ImageIndex:
    """Read and check a manifest or index. Any thread. Raises CacheError naming its digest."""
    where = f"the manifest {raw.digest}"
    document = decode_object(raw.data, where)
    if raw.media_type in INDEXES:
        return parse_index(document, where)
    try:
        manifest = converted(document, ImageManifest)
        _check(manifest.schema_version, (manifest.config, *manifest.layers), manifest.subject)
    except ValueError as error:
        raise CacheError(f"Cannot understand {where}", str(error)) from error
    return manifest


def parse_index(document: Mapping[str, Any], where: str) -> ImageIndex:
    """Check an index that was decoded before. Raises CacheError naming `where`."""
    try:
        index = converted(document, ImageIndex)
        _check(index.schema_version, index.manifests, index.subject)
    except ValueError as error:
        raise CacheError(f"Cannot understand {where}", str(error)) from error
    return index


def parse_image_manifest(raw: RawManifest) -> ImageManifest:
    """Like `parse_manifest`, for where an index makes no sense. Raises CacheError."""
    found = parse_manifest(raw)
    if isinstance(found, ImageIndex):
        raise CacheError(f"Cannot use the manifest {raw.digest}", "It is an index of several images, not an image")
    return found


def _media_type(document: Mapping[str, Any], sent_as: str, where: str) -> str:
    if document.get("schemaVersion") == 1:
        raise CacheError(f"Cannot use {where}", "It is a Docker manifest of schema 1, which nobody writes any more")
    if ("layers" in document) == ("manifests" in document):
        raise CacheError(f"Cannot understand {where}", "It is neither an image manifest nor an index")
    known = MANIFESTS if "layers" in document else INDEXES
    stated = document.get("mediaType")
    if stated is not None and (not isinstance(stated, str) or stated not in known):
        raise CacheError(f"Cannot understand {where}", f"Its content is not of the type {str(stated)[:200]!r}")
    if sent_as in MANIFESTS | INDEXES and (sent_as not in known or sent_as != (stated or sent_as)):
        raise CacheError(f"Cannot trust {where}", f"It was sent as {sent_as}, but that is not what it is")
    if stated is None:
        return sent_as if sent_as in known else OCI_MANIFEST if known is MANIFESTS else OCI_INDEX
    return str(stated)


def _check(schema_version: int, parts: Iterable[Descriptor], subject: Descriptor | None) -> None:
    if schema_version != 2:
        raise ValueError(f"Its schemaVersion is {schema_version}, only 2 is known")
    for part in (*parts, *((subject,) if subject else ())):
        parse_digest(part.digest)
        if not 0 <= part.size <= _LARGEST:
            raise ValueError("The size of a part is no file size")
