# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the list of mirrors says about folders without asking anybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.caches.folder_cache import FolderCache
from core.services.access import open_access
from core.services.mirrors import view_mirrors
from core.services.values import MirrorRow
from core.spack.instance import find_instance


@pytest.fixture
def folder(checkout: Path, tmp_path: Path) -> Path:
    """A folder mirror called `team` that somebody has prepared."""
    path = tmp_path / "team"
    (checkout / "etc/spack/site/mirrors.yaml").write_text(json.dumps({"mirrors": {"team": path.as_uri()}}))
    FolderCache(path).prepare(None)
    return path


def look(checkout: Path) -> MirrorRow:
    instance = find_instance(str(checkout), environ={})
    access = open_access(instance)
    try:
        (row,) = view_mirrors(instance, access).rows
    finally:
        access.close()
    return row


def test_a_prepared_folder_is_well(checkout: Path, folder: Path) -> None:
    row = look(checkout)
    assert (row.status, row.writable, row.packages) == (None, True, None)


@pytest.mark.parametrize("content", [b"", b"{", b'{"signing": 3}', b'{"signing": "cosign"}', b"\xff" * 4000])
def test_a_damaged_layout_mark(checkout: Path, folder: Path, content: bytes) -> None:
    (folder / "v3/layout.json").write_bytes(content)
    status = look(checkout).status
    assert status is not None
    assert status.code == "damaged"
    assert "v3/layout.json is damaged" in status.why
    assert "Push anything" in status.remedies[0]
    FolderCache(folder).prepare(None)  # as a push does
    assert look(checkout).status is None


def test_a_layout_mark_that_is_missing(checkout: Path, folder: Path) -> None:
    (folder / "v3/layout.json").unlink()
    assert look(checkout).status is None  # nobody has pushed anything yet
    manifest = folder / "v3/manifests/spec/zlib/zlib-1-abc.spec.manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.touch()
    status = look(checkout).status
    assert status is not None
    assert "is missing" in status.why
