# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from helpers.unprivileged import open_directory, run_unprivileged

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, NotFound, StorageFailed
from core.storage.folder import Folder

LIMIT = 1000
BAD_KEYS = ["", ".", "..", "../x", "a/../b", "a/..", "/etc/passwd", "a//b", "a/", "./a", "a\0b"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "root").mkdir()
    return Folder(tmp_path / "root")


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_what_is_written_can_be_read_and_listed(folder: Folder) -> None:
    written = folder.write("a/b/c", b"123")
    folder.write("a/b/c", b"4567")
    folder.write("a/x", b"")
    folder.write("z", b"")
    assert folder.read("a/b/c", LIMIT) == b"4567"
    assert folder.stat("a/b/c") == folder.fetch("a/b/c", LIMIT)[1]
    assert written.size == 3
    assert list(folder.list("a")) == ["a/b/c", "a/x"]
    assert dict(folder.scan("a"))["a/b/c"] == folder.stat("a/b/c")


def test_nothing_is_there_before_the_first_write(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "not/yet")
    assert folder.stat("a") is None
    assert list(folder.list("a")) == []
    with pytest.raises(NotFound, match=str(tmp_path / "not/yet/a")):
        folder.read("a", LIMIT)
    folder.check_writable("a/b")
    folder.delete("a/b")
    assert folder.free_bytes() > 0
    assert not (tmp_path / "not").exists()
    folder.write("a", b"1")
    assert folder.read("a", LIMIT) == b"1"


def test_the_root_may_be_a_link(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder.root)
    Folder(tmp_path / "link").write("a/b", b"1")
    assert folder.read("a/b", LIMIT) == b"1"


@pytest.mark.parametrize("key", BAD_KEYS)
def test_t10_keys_cannot_lead_outside(folder: Folder, key: str) -> None:
    for act in (folder.stat, folder.delete, folder.path, folder.temporary, lambda key: folder.read(key, LIMIT)):
        with pytest.raises(StorageFailed):
            act(key)
    with pytest.raises(StorageFailed):
        folder.write(key, b"1")
    assert list(folder.root.iterdir()) == []


def test_temporary_files_are_not_listed(folder: Folder) -> None:
    folder.write("a/b", b"1")
    folder.temporary("a/b").write_bytes(b"left by a crash")
    assert list(folder.list("a")) == ["a/b"]


def test_reading_has_a_limit(folder: Folder) -> None:
    folder.write("a", bytes(LIMIT))
    assert len(folder.read("a", LIMIT)) == LIMIT
    with pytest.raises(StorageFailed, match=r"larger than 999 bytes"):
        folder.read("a", LIMIT - 1)


def test_deleting_twice_is_no_error(folder: Folder) -> None:
    folder.write("a/b", b"1")
    folder.delete("a/b")
    folder.delete("a/b")
    assert folder.stat("a/b") is None


class TestT13NothingHostileIsFollowed:
    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/secret").write_bytes(b"secret")
        return tmp_path / "outside"

    def test_t13_linked_directory(self, folder: Folder, outside: Path) -> None:
        (folder.root / "a").symlink_to(outside)
        for act in (
            lambda: folder.read("a/secret", LIMIT),
            lambda: folder.stat("a/secret"),
            lambda: folder.write("a/new", b"1"),
            lambda: folder.delete("a/secret"),
            lambda: folder.temporary("a/new"),
            lambda: list(folder.list("a")),
            lambda: folder.check_writable("a/b"),
        ):
            with pytest.raises(StorageFailed, match=str(folder.root / "a")):
                act()
        folder.write("b/c", b"1")
        (folder.root / "b/d").symlink_to(outside)
        assert list(folder.list("b")) == ["b/c"]
        assert [path.name for path in outside.iterdir()] == ["secret"]

    def test_t13_linked_file(self, folder: Folder, outside: Path) -> None:
        (folder.root / "a").symlink_to(outside / "secret")
        with pytest.raises(StorageFailed, match="symbolic link"):
            folder.read("a", LIMIT)
        assert folder.stat("a") is None
        folder.write("a", b"1")
        assert not (folder.root / "a").is_symlink()
        assert (outside / "secret").read_bytes() == b"secret"

    def test_t13_fifo(self, folder: Folder) -> None:
        os.mkfifo(folder.root / "a")
        with pytest.raises(StorageFailed, match="not a regular file"):
            folder.read("a", LIMIT)
        assert folder.stat("a") is None

    def test_t13_hard_link(self, folder: Folder, outside: Path) -> None:
        (folder.root / "a").hardlink_to(outside / "secret")
        folder.write("a", b"1")
        assert (outside / "secret").read_bytes() == b"secret"

    def test_file_where_a_directory_should_be(self, folder: Folder) -> None:
        folder.write("a", b"1")
        for act in (lambda: folder.stat("a/b"), lambda: folder.write("a/b", b"1")):
            with pytest.raises(StorageFailed, match="not a directory"):
                act()

    def test_t13_linked_temporary(self, folder: Folder, outside: Path) -> None:
        temporary = folder.temporary("a")
        temporary.symlink_to(outside / "secret")
        with pytest.raises(StorageFailed, match="symbolic link"):
            folder.adopt("a", temporary, 6)
        assert folder.stat("a") is None


@pytest.mark.parametrize(
    ("mask", "file_mode", "directory_mode"), [(0o077, 0o600, 0o700), (0o002, 0o664, 0o775), (0o022, 0o644, 0o755)]
)
def test_t15_modes_follow_the_umask(folder: Folder, mask: int, file_mode: int, directory_mode: int) -> None:
    before = os.umask(mask)
    try:
        folder.write("a/b", b"1")
    finally:
        os.umask(before)
    assert (folder.root / "a/b").stat().st_mode & 0o777 == file_mode
    assert (folder.root / "a").stat().st_mode & 0o7777 == directory_mode


@pytest.mark.root
def test_t15_the_group_of_a_setgid_directory_is_inherited(folder: Folder) -> None:
    os.chown(folder.root, -1, 4242)
    folder.root.chmod(0o2775)
    folder.write("a/b", b"1")
    assert (folder.root / "a").stat().st_mode & 0o2000
    assert (folder.root / "a").stat().st_gid == 4242
    assert (folder.root / "a/b").stat().st_gid == 4242


class TestAdopt:
    def test_renames(self, folder: Folder) -> None:
        temporary = folder.temporary("blobs/x")
        temporary.write_bytes(b"packed")
        inode = temporary.stat().st_ino
        assert folder.owns(temporary)
        folder.adopt("blobs/ab/abcd", temporary, 6)
        assert folder.read("blobs/ab/abcd", LIMIT) == b"packed"
        assert folder.path("blobs/ab/abcd").stat().st_ino == inode
        assert not temporary.exists()

    def test_i2_refuses_another_size(self, folder: Folder) -> None:
        temporary = folder.temporary("blobs/x")
        temporary.write_bytes(b"pack")
        with pytest.raises(StorageFailed, match="6 bytes"):
            folder.adopt("blobs/ab/abcd", temporary, 6)
        assert folder.stat("blobs/ab/abcd") is None

    def test_names_elsewhere_are_not_owned(self, folder: Folder, tmp_path: Path) -> None:
        assert not folder.owns(tmp_path / ".x.tmp")
        assert not folder.owns(folder.root / "blobs/ordinary")


class TestCopyIn:
    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        path = tmp_path / "packed"
        path.write_bytes(bytes(3_000_000))
        return path

    def test_copies_and_counts(self, folder: Folder, source: Path) -> None:
        steps: list[int] = []
        folder.copy_in("a/b", source, digest(source.read_bytes()), token=CancelToken(), progress=steps.append)
        assert folder.path("a/b").read_bytes() == source.read_bytes()
        assert sum(steps) == 3_000_000
        assert len(steps) > 1
        assert source.exists()

    def test_i2_refuses_other_bytes(self, folder: Folder, source: Path) -> None:
        with pytest.raises(StorageFailed, match="changed"):
            folder.copy_in("a/b", source, digest(b""), token=CancelToken(), progress=lambda _: None)
        assert list((folder.root / "a").iterdir()) == []

    def test_can_be_stopped(self, folder: Folder, source: Path) -> None:
        token = CancelToken()
        with pytest.raises(Cancelled):
            folder.copy_in("a/b", source, digest(b""), token=token, progress=lambda _: token.cancel())
        assert list((folder.root / "a").iterdir()) == []

    def test_names_a_source_that_is_gone(self, folder: Folder, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match=str(tmp_path / "gone")):
            folder.copy_in("a", tmp_path / "gone", digest(b""), token=CancelToken(), progress=lambda _: None)


REFUSALS = """
from pathlib import Path
from core.foundation.errors import MirrordeckError
from core.storage.folder import Folder
folder = Folder(Path(sys.argv[1]))
for act in (
    lambda: folder.write("closed/a", b"1"), lambda: folder.check_writable("closed/x/y"),
    lambda: folder.temporary("closed/x/a"),
    lambda: folder.delete("closed/there"), lambda: folder.read("hidden/a", 9), lambda: folder.stat("hidden/a"),
    lambda: list(folder.list("hidden")), lambda: folder.write("open/a", b"1"), lambda: folder.check_writable("open"),
):
    try:
        act()
        print("ok")
    except MirrordeckError as error:
        print(error.code, error.why.split(":")[0])
"""


def test_t15_refusals_name_the_path() -> None:
    with open_directory() as root:
        for name, mode in (("closed", 0o755), ("hidden", 0o700), ("open", 0o777)):
            (root / name).mkdir()
            (root / name / "there").write_bytes(b"")
            (root / name).chmod(mode)
        if os.geteuid() != 0:
            (root / "closed").chmod(0o555)
            (root / "hidden").chmod(0)
        told = run_unprivileged(REFUSALS, root, modules=("core.storage.folder",)).splitlines()
    refused = ["closed/a", "closed", "closed/x/a", "closed/there", "hidden/a", "hidden/a", "hidden"]
    assert told == [f"permission-denied {root / name}" for name in refused] + ["ok", "ok"]
