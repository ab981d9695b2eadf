# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking at what a push left in a registry, with a connection of its own."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.asking import Login

from core.caches.oci.image import OCI, Family
from core.foundation.cancel import CancelToken
from core.network.bodies import BytesBody
from core.network.endpoints import Endpoint
from core.registry.options import TransportOptions
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.transport import Transport
from core.spack.instance import Instance

TOKEN = CancelToken()
LIMIT = 64 << 20


@dataclass(frozen=True)
class Image:
    """An image as it was read."""

    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]

    @property
    def layers(self) -> list[str]:
        return [layer["digest"] for layer in self.manifest["layers"]]

    @property
    def annotations(self) -> dict[str, str]:
        return self.manifest.get("annotations", {})

    @property
    def environment(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.config["config"]["Env"])


@contextmanager
def at(endpoint: Endpoint, name: str, *, authority: Path | None = None, login: Login | None = None) -> Iterator[Opened]:
    transport = Transport(endpoint, login, TransportOptions(ca_file=authority))
    try:
        yield Opened(Repository(ImageReference(endpoint.scheme, endpoint.host, name), transport))
    finally:
        transport.close()


@dataclass(frozen=True)
class Opened:
    repository: Repository

    def tags(self) -> list[str]:
        return self.repository.tags(TOKEN)

    def image(self, tag: str) -> Image:
        raw = self.repository.manifest(tag, TOKEN)
        assert raw is not None, tag
        manifest = json.loads(raw.data)
        config = json.loads(self.repository.read_blob(manifest["config"]["digest"], LIMIT, TOKEN))
        return Image(raw.digest, manifest, config)

    def packages(self) -> dict[str, Image]:
        """Images of packages, by the package's name."""
        found = (self.image(tag) for tag in self.tags() if tag.endswith(".spack") and tag != "index.spack")
        return {image.config["spec"]["nodes"][0]["name"]: image for image in found}

    def files(self, image: Image) -> set[str]:
        """Names of all that its layers hold but directories."""
        found: set[str] = set()
        for digest in image.layers:
            with tarfile.open(fileobj=io.BytesIO(self.repository.read_blob(digest, LIMIT, TOKEN))) as archive:
                found.update(member.name for member in archive if not member.isdir())
        return found

    def put(self, blob: bytes) -> str:
        digest = digest_of(blob)
        self.repository.upload(digest, BytesBody(blob), token=TOKEN)
        return digest

    def put_image(self, tag: str, layer: bytes, diff_id: str, *, family: Family = OCI, **config: Any) -> str:
        """An image with one layer, gzip-compressed; its digest."""
        facts = {"architecture": "amd64", "os": "linux", "config": {}, **config}
        facts["rootfs"] = {"type": "layers", "diff_ids": [diff_id]}
        data = json.dumps(facts).encode()
        self.put(layer)
        self.put(data)
        manifest = {
            "schemaVersion": 2,
            "mediaType": family.manifest,
            "config": {"mediaType": family.config, "digest": digest_of(data), "size": len(data)},
            "layers": [{"mediaType": family.layer, "digest": digest_of(layer), "size": len(layer)}],
        }
        return self.repository.put_manifest(tag, json.dumps(manifest).encode(), family.manifest, TOKEN)


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def add_mirrors(checkout: Path, mirrors: Mapping[str, Mapping[str, object]], authority: Path | None = None) -> None:
    """Replace the mirrors of the instance, and perhaps say whom it trusts."""
    site = checkout / "etc/spack/site"
    (site / "mirrors.yaml").write_text(json.dumps({"mirrors": mirrors}))
    if authority is not None:
        (site / "config.yaml").write_text(json.dumps({"config": {"ssl_certs": str(authority)}}))


def runtime_closure(instance: Instance, *names: str) -> set[str]:
    """Packages (by name) that these need to run and that Spack installed, themselves among them."""
    records = instance.database().records
    waiting = [record.hash for record in records.values() if record.name in names]
    found: set[str] = set()
    while waiting:
        record = records[waiting.pop()]
        if not record.external:
            found.add(record.name)
            waiting += [edge.hash for edge in record.node.dependencies if {"link", "run"} & set(edge.deptypes)]
    return found


def layers_of(packages: Mapping[str, Image], names: Collection[str]) -> set[str]:
    """The packages' own layers."""
    return {packages[name].layers[-1] for name in names}
