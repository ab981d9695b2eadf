# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Archives and spec documents written by real Spack come out again, byte for byte."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from core.foundation.cancel import CancelToken
from core.packing.model import Codec, PackSource
from core.packing.packer import pack
from core.packing.spec_blob import gzip_spec_document

MIRRORS = Path(__file__).parent.parent / "data/spack-1.1/mirrors"
STORE = "/opt/lab/spack/opt/spack"
ENTRIES = {
    f"{mirror}/{path.name.removesuffix('.spec.manifest.json')}": path
    for mirror in ("unsigned", "private", "auto-unsigned", "padded")
    for path in sorted((MIRRORS / mirror / "v3/manifests/spec").glob("*/*.json"))
}
# Built once more after its autopush, so the tree at hand is another one.
OF_THE_TREE = [name for name in ENTRIES if name.startswith(("unsigned/", "private/"))]


def blobs(name: str) -> tuple[Path, Path]:
    """Archive and spec document of an entry."""
    records = json.loads(ENTRIES[name].read_text())["data"]
    folder = MIRRORS / name.partition("/")[0] / "blobs/sha256"
    found = {record["mediaType"]: folder / record["checksum"][:2] / record["checksum"] for record in records}
    spec = found.pop("application/vnd.spack.spec.v5+json")
    (archive,) = found.values()
    return archive, spec


@pytest.fixture(scope="session")
def facts(golden: Path) -> dict[str, dict[str, object]]:
    return json.loads((golden / "expected/specs.json").read_text())


def source_in_tree(name: str, golden_tree: Path, facts: dict[str, dict[str, object]]) -> PackSource:
    entry = facts[name[-32:]]
    prefix = str(entry["path"])
    members = entry["relocate_set"]
    assert isinstance(members, list)
    return PackSource(
        source=golden_tree / prefix.lstrip("/"),
        prefix=prefix,
        install_root=STORE,
        sbang=f"{STORE}/bin/sbang",
        spack_prefix="/opt/lab/spack",
        hash_to_prefix=tuple((member, str(facts[member]["path"])) for member in members),
    )


def test_there_are_entries() -> None:
    assert len(OF_THE_TREE) == 22
    assert len(ENTRIES) == 29


@pytest.mark.parametrize("name", OF_THE_TREE)
def test_archive_is_the_one_spack_wrote(
    name: str, golden_tree: Path, facts: dict[str, dict[str, object]], tmp_path: Path
) -> None:
    archive, _ = blobs(name)
    source = source_in_tree(name, golden_tree, facts)
    packed = pack(source, tmp_path / "spack", Codec.SPACK, token=CancelToken())
    assert packed.digest == f"sha256:{archive.name}"
    assert packed.stored_bytes == archive.stat().st_size
    assert (tmp_path / "spack").read_bytes() == archive.read_bytes()
    tar = gzip.decompress(archive.read_bytes())
    for codec in (Codec.DEFAULT, Codec.FAST):
        packed = pack(source, tmp_path / codec, codec, token=CancelToken())
        assert gzip.decompress((tmp_path / codec).read_bytes()) == tar
        assert packed.diff_id == f"sha256:{hashlib.sha256(tar).hexdigest()}"
        assert packed.tar_bytes == len(tar)


@pytest.mark.parametrize("name", ENTRIES)
def test_unpacked_archive_packs_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    archive, _ = blobs(name)
    with tarfile.open(archive) as opened:
        opened.extraction_filter = lambda member, _path: member  # Debian 12's Python has no filter argument yet
        opened.extractall(tmp_path / "root")
    source = next(sources_below(tmp_path / "root"))
    packed = pack(source, tmp_path / "again", Codec.SPACK, token=CancelToken())
    assert packed.digest == f"sha256:{archive.name}"


def sources_below(root: Path) -> Iterator[PackSource]:
    """Prefixes that were unpacked, with the facts written in their description."""
    for description in root.rglob("*/.spack/binary_distribution"):
        known = yaml.safe_load(description.read_text())
        prefix = description.parent.parent
        yield PackSource(
            source=prefix,
            prefix=f"/{prefix.relative_to(root)}",
            install_root=known["buildpath"],
            sbang=known["sbang_install_path"],
            spack_prefix=known["spackprefix"],
            hash_to_prefix=tuple(known["hash_to_prefix"].items()),
        )


@pytest.mark.parametrize("name", ENTRIES)
def test_spec_document_is_compressed_as_spack_does(name: str) -> None:
    _, spec = blobs(name)
    document = gzip.decompress(spec.read_bytes())
    assert gzip_spec_document(document, Codec.SPACK) == spec.read_bytes()
    assert gzip.decompress(gzip_spec_document(document, Codec.DEFAULT)) == document
    assert gzip_spec_document(document, Codec.FAST) == gzip_spec_document(document, Codec.FAST)
