# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A small prefix to pack, and a way to pack it."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.foundation.cancel import CancelToken
from core.packing.model import Codec, PackedPackage, PackSource
from core.packing.packer import pack

STORE = "/opt/lab/spack/opt/spack"
PREFIX = f"{STORE}/linux-x86_64/thing-1.0-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)


@dataclass(frozen=True)
class Prefix:
    """A prefix being filled by a test: `root` is read, `PREFIX` is what the archive says."""

    root: Path
    target: Path

    def write(self, name: str, data: bytes = b"content\n", mode: int = 0o644) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
        return path

    def source(self) -> PackSource:
        return PackSource(self.root, PREFIX, STORE, f"{STORE}/bin/sbang", "/opt/lab/spack", (("a" * 32, PREFIX),))

    def pack(self, codec: Codec = Codec.DEFAULT, **options: Any) -> PackedPackage:
        return pack(self.source(), self.target, codec, token=options.pop("token", CancelToken()), **options)

    def members(self) -> dict[str, tarfile.TarInfo]:
        """What `pack` wrote, by path below the prefix, in archive order; parents and the last member left out."""
        with tarfile.open(self.target) as archive:
            infos = archive.getmembers()
        below = PREFIX.lstrip("/") + "/"
        found = {info.name.removeprefix(below): info for info in infos if info.name.startswith(below)}
        assert infos[-1].name == f"{below}.spack/binary_distribution"
        assert list(found)[-1] == ".spack/binary_distribution"
        del found[".spack/binary_distribution"]
        return found

    def listed(self, which: str) -> list[str]:
        """One of the lists in the description: `binaries`, `links` or `textfiles`."""
        with tarfile.open(self.target) as archive:
            description = archive.extractfile(f"{PREFIX.lstrip('/')}/.spack/binary_distribution")
            assert description is not None
            return yaml.safe_load(description)[f"relocate_{which}"]
