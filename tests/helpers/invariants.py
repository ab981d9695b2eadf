# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What holds in a cache after a crash at any point: I1, I2 and I3."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from helpers.verifying import verify
from registry.kit.fake_registry import FakeRegistry, digest_of

from core.caches.findings import FindingKind
from core.caches.folder_cache import FolderCache
from core.caches.layout3 import BLOB_PREFIX, SPEC_PREFIX, entry_of
from core.caches.oci.names import INDEX_TAG, is_spec_tag
from core.caches.protocol import EntryName
from core.foundation.cancel import CancelToken
from core.storage.folder import Folder

# What a crash may leave behind: all of it is found and mended by the next update, push or clean-up.
LEFT_BEHIND = {
    FindingKind.NO_INDEX,
    FindingKind.MISSING_IN_INDEX,
    FindingKind.DANGLING_BLOB,
    FindingKind.LAYOUT_MARK,
    FindingKind.KEY_INDEX_WRONG,
}


def folder_entries(root: Path) -> list[EntryName]:
    """Those of layout 3."""
    found = map(entry_of, Folder(root).list(SPEC_PREFIX))
    return [entry for entry in found if entry is not None]


def folder_indexed(root: Path) -> set[str]:
    """Hashes of the packages the index has."""
    index = FolderCache(root).read_index()
    return {key for key, record in index.records.items() if record.in_buildcache} if index else set()


def check_folder(root: Path) -> None:
    """Nothing visible is broken, and what is said to be present is complete."""
    cache = FolderCache(root)
    wrong = [finding for finding in verify(cache) if finding.kind not in LEFT_BEHIND]
    assert wrong == []
    for path in (root / BLOB_PREFIX).rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    there = folder_entries(root)
    assert set(cache.present(there, signed=False, token=CancelToken())) == {entry.hash for entry in there}
    assert not [path for path in root.rglob("*.tmp") if "manifests" in path.parts and not path.name.startswith(".")]


def registry_hashes(registry: FakeRegistry, name: str) -> set[str]:
    """Hashes of the packages in a repository."""
    return {tag.removesuffix(".spack")[-32:] for tag in registry.tags[name] if is_spec_tag(tag)}


def registry_indexed(registry: FakeRegistry, name: str) -> set[str]:
    """Hashes of the packages the index has."""
    digest = registry.tags[name].get(INDEX_TAG)
    if digest is None:
        return set()
    document = json.loads(registry.manifests[name][digest][1])
    database = json.loads(registry.blobs[name][document["layers"][0]["digest"]])["database"]["installs"]
    return {key for key, record in database.items() if record["in_buildcache"]}


def check_registry(registry: FakeRegistry, name: str) -> None:
    """All that a tag leads to is there, is what its digest says and as large as the manifest says."""
    with registry.lock:
        blobs, manifests, tags = (dict(one[name]) for one in (registry.blobs, registry.manifests, registry.tags))
    for digest, data in blobs.items():
        assert digest_of(data) == digest
    for tag, digest in tags.items():
        document = json.loads(manifests[digest][1])
        for part in (document["config"], *document["layers"]):
            assert len(blobs[part["digest"]]) == part["size"], f"{tag} lacks {part['digest']}"
    assert registry_indexed(registry, name) <= registry_hashes(registry, name)
