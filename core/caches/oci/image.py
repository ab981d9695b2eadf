# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Configs and manifests of images, byte for byte as Spack 1.1 writes them (seen in its output). Any thread.

The config of a package's image is its spec document at the same time. What Spack never writes are two marks, both
lists of DAG hashes: which layers are missing because something failed, and which the person left out.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from core.caches.oci.layers import Layer
from core.foundation.decoding import from_json
from core.foundation.digests import digest_of, hex_of
from core.registry.manifests import RawManifest
from core.registry.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from core.registry.strict_json import decode_object

DESCRIPTION = "org.opencontainers.image.description"
INCOMPLETE = "io.github.mirrordeck.incomplete"
LEFT_OUT = "io.github.mirrordeck.left-out"

_CACHE_LAYOUT = 3
_SPACK_KEYS = (
    "spec",
    "buildcache_layout_version",
    "binary_cache_checksum",
    "archive_size",
    "archive_timestamp",
    "archive_compression",
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """Media types that belong together: some tools refuse images that mix them."""

    manifest: str
    config: str
    layer: str
    has_annotations: bool


OCI = Family(OCI_MANIFEST, OCI_CONFIG, OCI_LAYER_GZIP, has_annotations=True)
DOCKER = Family(DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER_GZIP, has_annotations=False)


@dataclass(frozen=True, slots=True)
class Base:
    """What an image begins with: the family, config and layer descriptors of its base image, to be kept as they are."""

    family: Family = OCI
    config: Mapping[str, Any] | None = None
    layers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """What is not in an image although its packages need it to run."""

    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def texts(self) -> dict[str, str]:
        pairs = ((INCOMPLETE, self.missing), (LEFT_OUT, self.left_out))
        return {key: " ".join(sorted(hashes)) for key, hashes in pairs if hashes}


NO_BASE = Base()
NO_MARKS = Marks()


@dataclass(frozen=True, slots=True)
class Image:
    """An image ready to be stored: its config and its manifest."""

    config: bytes
    manifest: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)


def package_image(
    *,
    spec_document: bytes,
    layers: Sequence[Layer],
    architecture: str,
    environment: Sequence[str],
    timestamp: str,
    description: str,
    base: Base = NO_BASE,
    marks: Marks = NO_MARKS,
) -> Image:
    """The image of a package, whose own layer is the last one. `environment` holds `KEY=value` entries.

    `spec_document` is the package's uncompressed JSON as in any cache; its nodes go in verbatim.
    """
    own = layers[-1]
    spec = from_json(spec_document, _SpecDocument).spec
    facts = {
        "buildcache_layout_version": _CACHE_LAYOUT,
        "binary_cache_checksum": {"hash_algorithm": "sha256", "hash": hex_of(own.digest)},
        "archive_size": own.size,
        "archive_timestamp": timestamp,
        "archive_compression": "gzip",
    }
    head = compact(_image_config(layers, architecture, environment, base, marks))
    config = head[:-1] + b',"spec":' + bytes(spec) + b"," + compact(facts)[1:]
    return _image(config, layers, base, {DESCRIPTION: description} | marks.texts())


def tagged_image(
    *,
    layers: Sequence[Layer],
    architecture: str,
    environment: Sequence[str],
    base: Base = NO_BASE,
    marks: Marks = NO_MARKS,
) -> Image:
    """An image of several packages under a tag of the person's own: nothing that Spack would install from."""
    config = compact(_image_config(layers, architecture, environment, base, marks))
    return _image(config, layers, base, marks.texts())


def manifest_bytes(
    family: Family, config: bytes, layers: Sequence[Mapping[str, Any]], annotations: Mapping[str, str]
) -> bytes:
    """A manifest over complete layer descriptors. The Docker family has no annotations: they are dropped there."""
    document: Json = {
        "mediaType": family.manifest,
        "schemaVersion": 2,
        "config": {"mediaType": family.config, "digest": digest_of(config), "size": len(config)},
        "layers": list(layers),
    }
    if family.has_annotations and annotations:
        document["annotations"] = dict(annotations)
    return compact(document)


def family_of(media_type: str) -> Family:
    return DOCKER if media_type == DOCKER_MANIFEST else OCI


def archive_timestamp(installation_time: float) -> str:
    """ISO 8601 in UTC. Made from the time of installation, it gives the same package the same image at every push."""
    return datetime.fromtimestamp(installation_time, UTC).isoformat(timespec="microseconds")


def compact(document: Mapping[str, Any]) -> bytes:
    """JSON without blanks, ASCII only."""
    return json.dumps(document, separators=(",", ":")).encode()


def spec_document_of(config: bytes) -> bytes:
    """The spec document that a file cache would have for the package of an image: its nodes are those of the config."""
    spec = from_json(config, _SpecDocument).spec
    return b'{"spec":' + bytes(spec) + b',"buildcache_layout_version":2}'


def diff_ids_of(config: Mapping[str, Any]) -> list[str]:
    """The digests of the unpacked layers that a config names. Those of foreign images may be no digests at all."""
    diff_ids = mapping_in(config, "rootfs").get("diff_ids")
    return [str(diff_id) for diff_id in diff_ids] if isinstance(diff_ids, list) else []


def mapping_in(document: Mapping[str, Any], key: str) -> Json:
    """The object under `key`, an empty one if there is none."""
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def rest_of(raw: RawManifest, facts: Mapping[str, Any], without: Collection[str]) -> Base:
    """An existing image without Spack's own part: what another image can begin with to replace it.

    `facts` is its decoded config. The layers `without` and our own marks are not in it.
    """
    layers = decode_object(raw.data, f"the manifest {raw.digest}")["layers"]
    kept = [pair for pair in zip(layers, diff_ids_of(facts), strict=True) if pair[0]["digest"] not in without]
    config = copy.deepcopy(dict(facts))
    config["rootfs"] = mapping_in(config, "rootfs") | {"diff_ids": [diff_id for _, diff_id in kept]}
    labels = mapping_in(mapping_in(config, "config"), "Labels")
    marks = labels.keys() & {INCOMPLETE, LEFT_OUT}
    for mark in marks:
        del labels[mark]
    if marks and not labels:
        del config["config"]["Labels"]  # it was made for the marks
    return Base(family_of(raw.media_type), config, tuple(layer for layer, _ in kept))


def environment_of(facts: Mapping[str, Any]) -> list[str]:
    """The `KEY=value` entries of a decoded config."""
    entries = mapping_in(facts, "config").get("Env")
    return [str(entry) for entry in entries] if isinstance(entries, list) else []


def marks_in(facts: Mapping[str, Any], annotations: Mapping[str, str] | None) -> Marks:
    """Our own marks, from the annotations or, where the family has none, from the labels."""
    texts = {**mapping_in(mapping_in(facts, "config"), "Labels"), **(annotations or {})}
    missing, left_out = (tuple(str(texts.get(key, "")).split()) for key in (INCOMPLETE, LEFT_OUT))
    return Marks(missing, left_out)


class _SpecDocument(msgspec.Struct, frozen=True):
    spec: msgspec.Raw


def _image_config(
    layers: Sequence[Layer], architecture: str, environment: Sequence[str], base: Base, marks: Marks
) -> Json:
    diff_ids = [layer.diff_id for layer in layers]
    if base.config is None:
        config: Json = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        config["config"] = {"Env": list(environment)}
    else:
        config = {key: copy.deepcopy(value) for key, value in base.config.items() if key not in _SPACK_KEYS}
        rootfs = mapping_in(config, "rootfs") or {"type": "layers"}
        config["rootfs"] = rootfs | {"diff_ids": [*diff_ids_of(base.config), *diff_ids]}
        config["config"] = mapping_in(config, "config") | {"Env": list(environment)}
    if not base.family.has_annotations and marks != NO_MARKS:
        config["config"]["Labels"] = mapping_in(config["config"], "Labels") | marks.texts()
    return config


def _image(config: bytes, layers: Sequence[Layer], base: Base, annotations: Mapping[str, str]) -> Image:
    family = base.family
    own = [{"mediaType": family.layer, "digest": layer.digest, "size": layer.size} for layer in layers]
    return Image(config, manifest_bytes(family, config, [*base.layers, *own], annotations), family.manifest)
