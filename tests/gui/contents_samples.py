# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plausible contents of a registry and of a folder."""

from __future__ import annotations

import time

import msgspec

from core.caches.browsing import EntryKind
from core.services.values import (
    ContentsRow,
    ContentsView,
    CopyLine,
    EntryDependency,
    EntryDetails,
    EntryPart,
    EntrySpec,
)

IMAGE = "registry.site/hpc/cache"
READ_AT = time.time() - 3 * 86400


def entry(
    name: str,
    version: str = "1.0",
    *,
    size: int | None = 1000,
    installed: bool = False,
    in_index: bool | None = True,
    signed: bool | None = None,
    modified: float | None = 1_700_000_000.0,
    problem: str = "",
    number: int = 0,
) -> ContentsRow:
    dag_hash = f"{name}{version}{number}".replace(".", "").replace("-", "").ljust(32, "x")[:32]
    return ContentsRow(
        f"{name}-{version}-{dag_hash}.spack", EntryKind.PACKAGE, name, version, dag_hash, "zen4", size, modified,
        signed, installed, in_index, f"sha256:{dag_hash * 2}", f"sha256:b{dag_hash * 2}"[:71], problem,
    )  # fmt: skip


def other(key: str, kind: EntryKind, size: int | None = 500) -> ContentsRow:
    blob = f"sha256:{'f' * 64}" if kind is EntryKind.UNTAGGED else ""
    return ContentsRow(key, kind, "", "", "", "", size, None, None, False, None, "", blob, "")


def rows() -> list[ContentsRow]:
    return [
        entry("zlib", "1.9", size=2000),
        entry("zlib", "1.10", size=3000, installed=True),
        entry("zlib", "1.2", size=1000, in_index=False),
        entry("openmpi", "5.0.6", size=200_000_000, problem="Incomplete image: 2 layers missing"),
        other("my-env", EntryKind.IMAGE, 900_000_000),
        other("index.spack", EntryKind.INDEX),
    ]


def without_facts(full: list[ContentsRow]) -> list[ContentsRow]:
    """As rows are before anything but their names was read."""
    return [
        msgspec.structs.replace(row, stored_bytes=None, modified=None, manifest_digest="", blob_digest="")
        for row in full
    ]


def view(**changes: object) -> ContentsView:
    facts: dict[str, object] = {"count": 6, "read_at": READ_AT, "from_memory": False, "url": f"oci://{IMAGE}"}
    return ContentsView(**{**facts, "image": IMAGE, "has_index": True, **changes})  # type: ignore[arg-type]


def details(key: str) -> EntryDetails:
    digest = f"sha256:{'d' * 64}"
    return EntryDetails(
        key=key,
        manifest_digest=digest,
        media_type="application/vnd.oci.image.manifest.v1+json",
        parts=(
            EntryPart(f"sha256:{'1' * 64}", 5_000, "application/vnd.oci.image.config.v1+json", "", 1),
            EntryPart(f"sha256:{'2' * 64}", 3_000_000, "application/vnd.oci.image.layer.v1.tar+gzip", "gcc@13", 12),
        ),
        annotations=(("org.opencontainers.image.description", "zlib@1.10"),),
        missing=(),
        left_out=(),
        spec=EntrySpec(
            "zlib@=1.10+shared",
            "+shared",
            "linux-debian12-zen4",
            (
                EntryDependency("gcc", "13.3.0", "g" * 32, "build", True, True),
                EntryDependency("glibc", "2.36", "c" * 32, "link", True, None),
                EntryDependency("zstd", "1.5", "z" * 32, "", False, False),
            ),
        ),
        lines=(
            CopyLine("Install with Spack", "spack install --cache-only /abc"),
            CopyLine("Pull as a container image", f"docker pull {IMAGE}:{key}"),
        ),
    )
