# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Small packages to publish, and a signer without GnuPG."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from core.caches.protocol import BuildCache, CacheEntry, EntryName, IndexUpdate, Publication, Signer
from core.foundation.cancel import CancelToken
from core.packing.model import Codec, PackedPackage
from core.spack.specs import PackageRecord, decode_node

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def dag_hash(name: str) -> str:
    """A hash that is always the same for the same name."""
    return "".join(ALPHABET[byte % 32] for byte in hashlib.sha256(name.encode()).digest())


@dataclass(frozen=True)
class Package:
    """A package that depends on others; `external` ones are never published."""

    name: str
    version: str = "1.0"
    needs: tuple[Package, ...] = ()
    parameters: dict[str, object] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        return dag_hash(f"{self.name}@{self.version}")

    @property
    def entry(self) -> EntryName:
        return EntryName(self.name, self.version, self.hash)

    def node(self) -> dict[str, object]:
        edges = [
            {"name": need.name, "hash": need.hash, "parameters": {"deptypes": ["build", "link"], "virtuals": []}}
            for need in self.needs
        ]
        return {
            "name": self.name,
            "version": self.version,
            "arch": {"platform": "linux", "platform_os": "debian12", "target": "x86_64"},
            "namespace": "lab",
            "parameters": self.parameters,
            **({"dependencies": edges} if edges else {}),
            "annotations": {"original_specfile_version": 5},
            "hash": self.hash,
        }

    def document(self) -> bytes:
        nodes: dict[str, dict[str, object]] = {}

        def visit(package: Package) -> None:
            nodes.setdefault(package.hash, package.node())
            for need in package.needs:
                visit(need)

        visit(self)
        spec = {"_meta": {"version": 5}, "nodes": list(nodes.values())}
        return json.dumps({"spec": spec, "buildcache_layout_version": 2}, separators=(",", ":")).encode()


def record_of(package: Package) -> PackageRecord:
    document = json.dumps(package.node()).encode()
    return PackageRecord(
        node=decode_node(document),
        document=document,
        hash=package.hash,
        prefix=f"/opt/{package.name}",
        install_root="/opt",
        installed=True,
        explicit=True,
        installation_time=0.0,
        deprecated_for=None,
        upstream=False,
        specfile_version=5,
    )


def packed_at(path: Path, content: bytes) -> PackedPackage:
    path.write_bytes(content)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return PackedPackage(path, digest, digest, len(content), 10 * len(content), 3, Codec.SPACK)


def publish(
    cache: BuildCache, package: Package, *, signer: Signer | None = None, content: bytes | None = None
) -> CacheEntry:
    """Pack into the staging place and publish."""
    packed = packed_at(cache.staging(package.entry), package.name.encode() * 100 if content is None else content)
    publication = Publication(package.entry, packed, package.document(), signer, record_of(package))
    return cache.publish(publication, token=CancelToken(), progress=lambda _: None)


def present(cache: BuildCache, *packages: Package, signed: bool = False) -> dict[str, CacheEntry]:
    return cache.present([package.entry for package in packages], signed=signed, token=CancelToken())


def update(cache: BuildCache, *, full: bool = False) -> IndexUpdate:
    return cache.update_index(full=full, token=CancelToken(), progress=lambda _done, _total: None)


class PaperSigner:
    """Makes messages of the right form with a worthless signature."""

    fingerprint = "A721F1AE8B12BCA30AACF1F345CB9C6C81CA8CE8"

    def clearsign(self, text: bytes) -> bytes:
        return (
            b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + text + b"\n-----BEGIN PGP SIGNATURE-----\n\n"
            b"d29ydGhsZXNz\n=abcd\n-----END PGP SIGNATURE-----\n"
        )

    def public_key(self) -> bytes:
        return b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
