# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.foundation import files
from core.foundation.digests import digest_of
from core.foundation.errors import NoSpace, NotFound, StorageFailed
from core.foundation.files import (
    atomic_write,
    flush_directory,
    fsync_directory,
    is_temporary,
    new_file_mode,
    replacing,
    write_pieces,
)


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_new_files_get_the_usual_mode(tmp_path: Path, mask: int, expected: int) -> None:
    with umask(mask):
        atomic_write(tmp_path / "a", b"1")
        assert mode(tmp_path / "a") == expected
        assert new_file_mode(tmp_path) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_replacing_keeps_the_mode(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    file.chmod(0o640)
    atomic_write(file, b"new")
    assert (file.read_bytes(), mode(file)) == (b"new", 0o640)


def test_a_mode_can_be_asked_for(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a", b"1", mode=0o600)
    atomic_write(tmp_path / "b", b"1", mode=0o666)
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o600, 0o666)


def test_a_symbolic_link_stays(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles"
    real.mkdir()
    (real / "mirrors.yaml").write_bytes(b"old")
    link = tmp_path / "mirrors.yaml"
    link.symlink_to(real / "mirrors.yaml")
    atomic_write(link, b"new")
    assert link.is_symlink()
    assert (real / "mirrors.yaml").read_bytes() == b"new"


def test_failure_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(NoSpace, match=str(file)):
        atomic_write(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=str(tmp_path / "no/a")):
        atomic_write(tmp_path / "no/a", b"1")
    with pytest.raises(NotFound, match=str(tmp_path / "no")):
        new_file_mode(tmp_path / "no")
    with pytest.raises(NotFound, match=str(tmp_path / "no")):
        fsync_directory(tmp_path / "no")


def test_an_exception_in_the_block_leaves_nothing(tmp_path: Path) -> None:
    def fail_half_way(directory: int) -> None:
        with replacing(directory, "a") as descriptor:
            os.write(descriptor, b"half")
            assert [is_temporary(path.name) for path in tmp_path.iterdir()] == [True]
            raise KeyError

    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(KeyError):
            fail_half_way(directory)
    finally:
        os.close(directory)
    assert list(tmp_path.iterdir()) == []


def test_long_names_can_be_written(tmp_path: Path) -> None:
    name = "ä" * 127
    atomic_write(tmp_path / name, b"1")
    assert (tmp_path / name).read_bytes() == b"1"


def test_directories_without_flush_are_tolerated_but_errors_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = errno.EINVAL

    def fsync(_descriptor: int) -> None:
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(files.os, "fsync", fsync)
    flush_directory(0)
    answer = errno.EIO
    with pytest.raises(StorageFailed, match=str(tmp_path)):
        fsync_directory(tmp_path)


class TestPieces:
    def test_digest_and_size_are_those_of_the_whole(self, tmp_path: Path) -> None:
        found = write_pieces(tmp_path / "new", iter([b"ab", b"", b"c"]))
        assert found == (digest_of(b"abc"), 3)
        assert (tmp_path / "new").read_bytes() == b"abc"

    def test_nothing_is_left_of_a_failure(self, tmp_path: Path) -> None:
        def pieces() -> Iterator[bytes]:
            yield b"a"
            raise RuntimeError("no more")

        with pytest.raises(RuntimeError, match="no more"):
            write_pieces(tmp_path / "new", pieces())
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(NotFound):
            write_pieces(tmp_path / "no/such/place", [b"a"])
