# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The copy of the engine: complete, the same every time, and made once."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from core.foundation.digests import digest_of
from core.foundation.files import is_temporary
from core.foundation.places import cache_dir
from core.remote import engine_archive
from core.remote.engine_archive import build_id, install_parts, packed_engine

TRY = (
    "import sys; sys.path.insert(0, sys.argv[1]); import core.cli.main, core.engine.dispatch, core.cli.bars; "
    "from core.foundation.release import versions; print(versions()['mirrordeck'])"
)


def test_it_runs_without_anything_else(tmp_path: Path) -> None:
    data = packed_engine("7.8.9")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            assert member.isreg()
            path = tmp_path / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(member)
            assert content is not None
            path.write_bytes(content.read())
    run = subprocess.run([sys.executable, "-I", "-S", "-c", TRY, str(tmp_path)], capture_output=True, check=True)
    assert run.stdout == b"7.8.9\n"
    assert not list(tmp_path.glob("PySide6*")) + list(tmp_path.glob("gui")) + list(tmp_path.glob("keyring"))
    assert packed_engine("7.8.9") == data


def test_it_is_made_once_and_sent_whole() -> None:
    (cache_dir() / "engine-archive").mkdir(parents=True)
    (cache_dir() / "engine-archive/older.tar.gz").touch()
    made = engine_archive.engine_archive()
    assert [path.name for path in made.path.parent.iterdir() if not is_temporary(path.name)] == [made.path.name]
    written = made.path.stat().st_mtime_ns
    assert engine_archive.engine_archive() == made
    assert made.path.stat().st_mtime_ns == written
    parts = list(install_parts(made))
    assert digest_of(b"".join(part.data for part in parts)) == made.digest == parts[-1].digest
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]


def test_a_program_without_sources_sends_what_it_brings_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = build_id()
    bundled = tmp_path / "engine.tar.gz"
    bundled.write_bytes(b"an engine")
    monkeypatch.setattr(engine_archive, "_BUNDLED", bundled)
    build_id.cache_clear()
    try:
        assert build_id() != usual
        assert engine_archive.engine_archive().path == bundled
    finally:
        build_id.cache_clear()
