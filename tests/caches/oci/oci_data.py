# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What Spack 1.1 pushed into registries: images taken apart into the facts they were made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.caches.oci.image import Base, family_of
from core.caches.oci.layers import Layer
from core.spack.specs import Node, PackageRecord, decode_node

OCI_DATA = Path(__file__).parents[2] / "data/oci"
STORE = "/opt/lab-oci/store"
PUSHES = ("push-nobase", "push-only-package", "push-dep-missing-layer", "push-base-oci", "push-base-docker")

SPACK_KEYS = ("spec", "buildcache_layout_version", "binary_cache_checksum", "archive_size")
SPACK_KEYS += ("archive_timestamp", "archive_compression")


@dataclass(frozen=True)
class Pushed:
    """An image as Spack pushed it; `config` and `manifest` are its bytes."""

    push: str
    tag: str
    config: bytes
    manifest: bytes

    @property
    def facts(self) -> dict[str, Any]:
        return json.loads(self.config)

    @property
    def descriptors(self) -> list[dict[str, Any]]:
        return json.loads(self.manifest)["layers"]

    @property
    def base(self) -> Base:
        """What of it comes from the base image, which has one layer; Spack's own keys are gone."""
        family = family_of(json.loads(self.manifest)["mediaType"])
        if not self.push.startswith("push-base"):
            return Base(family)
        config = {key: value for key, value in self.facts.items() if key not in SPACK_KEYS}
        config["rootfs"]["diff_ids"] = config["rootfs"]["diff_ids"][:1]
        # Longer than the real one was, and in the same place.
        config["config"]["Env"] = ["PATH=/nowhere"]
        return Base(family, config, tuple(self.descriptors[:1]))

    @property
    def layers(self) -> list[Layer]:
        """Those of packages."""
        pairs = zip(self.descriptors, self.facts["rootfs"]["diff_ids"], strict=True)
        found = [Layer(descriptor["digest"], descriptor["size"], diff_id) for descriptor, diff_id in pairs]
        return found[len(self.base.layers) :]

    @property
    def environment(self) -> list[str]:
        return self.facts["config"]["Env"]

    @property
    def spec_document(self) -> bytes:
        document = {"spec": self.facts["spec"], "buildcache_layout_version": 2}
        return json.dumps(document, separators=(",", ":")).encode()


def pushed(push: str) -> dict[str, Pushed]:
    """Images by tag, the index not among them."""
    found = {}
    for path in sorted((OCI_DATA / push).glob("*.config.json")):
        tag = path.name.removesuffix(".config.json")
        if tag != "index.spack":
            manifest = path.with_name(f"{tag}.manifest.json").read_bytes()
            found[tag] = Pushed(push, tag, path.read_bytes(), manifest)
    assert found
    return found


def packages(push: str) -> dict[str, Pushed]:
    """Images of packages, by package name."""
    return {tag.split("-")[0]: image for tag, image in pushed(push).items() if tag.endswith(".spack")}


def lab_records() -> dict[str, PackageRecord]:
    """Every package of the lab as its install database had it, by name."""
    found = {}
    for push in PUSHES:
        for image in packages(push).values():
            for document in image.facts["spec"]["nodes"]:
                text = json.dumps(document, separators=(",", ":")).encode()
                node = decode_node(text)
                found[node.name] = record(node, text)
    return found


def record(node: Node, document: bytes) -> PackageRecord:
    external = node.external
    prefix = external.path if external is not None else f"{STORE}/{node.name}-{node.version}-{node.hash}"
    return PackageRecord(
        node=node,
        document=document,
        hash=node.hash,
        prefix=prefix,
        install_root=STORE,
        installed=True,
        explicit=True,
        installation_time=1.0,
        deprecated_for=None,
        upstream=False,
        specfile_version=5,
    )
