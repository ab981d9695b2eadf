# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an archive tells about itself when it is read once."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from core.caches.archive_facts import ArchiveFacts, read_archive
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, Cancelled


def facts_of(data: bytes, token: CancelToken | None = None) -> tuple[ArchiveFacts, int]:
    steps: list[int] = []
    facts = read_archive(io.BytesIO(data), "here", token=token or CancelToken(), progress=steps.append)
    return facts, sum(steps)


def archive(*members: tuple[str, bytes | None], end: bytes = b"") -> bytes:
    """Members by name; without content they are directories."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
    return made.getvalue() + end


BUILDINFO = ("opt/x/zed-1/.spack/binary_distribution", b"{}")


def test_archives_of_spack(golden: Path) -> None:
    blobs = [path for path in (golden / "mirrors/unsigned/blobs").rglob("*") if path.is_file()]
    archives = [path.read_bytes() for path in blobs if path.read_bytes()[:2] == b"\x1f\x8b"]
    found = 0
    for data in archives:
        text = gzip.decompress(data)
        if text[257:262] != b"ustar":
            continue
        facts, counted = facts_of(data)
        found += 1
        assert facts.digest == "sha256:" + hashlib.sha256(data).hexdigest()
        assert facts.diff_id == "sha256:" + hashlib.sha256(text).hexdigest()
        assert (facts.stored_bytes, facts.tar_bytes, counted) == (len(data), len(text), len(data))
        assert facts.prefix.startswith("/opt/lab/spack/opt/spack/linux-x86_64/")
        assert facts.prefix in facts.directories
        assert all(path == facts.prefix or path.startswith(f"{facts.prefix}/") for path in facts.directories)
    assert found >= 10


def test_only_directories_that_matter_are_kept() -> None:
    members = [("opt/x/zed-1", None), ("opt/x/zed-1/bin", None), ("opt/x/zed-1/private", None), BUILDINFO]
    facts, _ = facts_of(gzip.compress(archive(*members), mtime=0))
    assert facts.prefix == "/opt/x/zed-1"
    assert facts.directories == {"/opt/x/zed-1", "/opt/x/zed-1/bin"}


def test_several_gzip_members_and_what_follows_the_tar_count() -> None:
    tar = archive(BUILDINFO, end=bytes(20480))
    data = gzip.compress(tar[:700], mtime=0) + gzip.compress(tar[700:], mtime=0)
    facts, _ = facts_of(data)
    assert facts.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
    assert facts.tar_bytes == len(tar)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        gzip.compress(b"no tar" * 200, mtime=0),
        gzip.compress(archive(BUILDINFO), mtime=0)[:-20],
        gzip.compress(archive(("opt/x/zed-1", None)), mtime=0),
        gzip.compress(archive(("a\nb/.spack/binary_distribution", b"")), mtime=0),
    ],
)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(CacheError, match="here"):
        facts_of(data)


def test_it_stops_when_told_to() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        facts_of(gzip.compress(archive(BUILDINFO), mtime=0), token)


def test_what_an_archive_says_about_itself_has_a_digest() -> None:
    facts, _ = facts_of(
        gzip.compress(archive(("opt/x/zed-1", None), ("opt/x/zed-1/a", b"a" * 5000), BUILDINFO), mtime=0)
    )
    assert facts.buildinfo == "sha256:" + hashlib.sha256(b"{}").hexdigest()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_the_place_of_the_buildinfo_is_none(kind: bytes) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        info = tarfile.TarInfo(BUILDINFO[0])
        info.type, info.linkname = kind, "nowhere"
        tar.addfile(info)
    with pytest.raises(CacheError):
        facts_of(gzip.compress(made.getvalue(), mtime=0))
