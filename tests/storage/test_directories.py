# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.foundation.errors import StorageFailed
from core.foundation.files import temporary_name
from core.storage import directories
from core.storage.directories import read_directories
from core.storage.folder import Folder

LONG_AGO = 1_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    for name in ("a/one", "a/two", "b/c/three"):
        (tmp_path / "top" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "top" / name).touch()
    for place in ("b/c", "b", "a", ""):
        os.utime(tmp_path / "top" / place, (LONG_AGO, LONG_AGO))
    return Folder(tmp_path)


def names(found: directories.Directories) -> dict[str, list[str]]:
    return {key: sorted(here.files) for key, here in found.items() if here.files}


def test_everything_below_is_found(folder: Folder) -> None:
    (folder.root / "top/a" / temporary_name("four")).touch()
    (folder.root / "top/a/link").symlink_to("one")
    (folder.root / "top/d").symlink_to("a")
    assert names(read_directories(folder, "top", since=0)) == {"top/a": ["one", "two"], "top/b/c": ["three"]}
    assert read_directories(folder, "nothing/there", since=0) == {}


def test_files_are_looked_at_in_directories_that_changed(folder: Folder) -> None:
    (folder.root / "top/a/five").touch()
    found = read_directories(folder, "top", since=LONG_AGO + 1)
    assert found["top/b/c"].files == {"three": 0.0}
    assert found["top/a"].files["one"] == (folder.root / "top/a/one").stat().st_mtime


def test_only_what_changed_is_read_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    since = LONG_AGO + 1
    known = read_directories(folder, "top", since=since)
    (folder.root / "top/b/c/six").touch()
    (folder.root / "top/a/one").unlink()
    real, read = os.scandir, []
    monkeypatch.setattr(
        directories.os, "scandir", lambda place: read.append(Path(f"/proc/self/fd/{place}").resolve()) or real(place)
    )
    again = read_directories(folder, "top", since=since, known=known)
    assert [place.name for place in read] == ["a", "c"]
    assert names(again) == {"top/a": ["two"], "top/b/c": ["six", "three"]}
    assert read_directories(folder, "top", since=since, known=again) == again != known


def test_what_may_have_changed_within_its_time_stamp_is_read_again(folder: Folder) -> None:
    known = read_directories(folder, "top", since=LONG_AGO)
    (folder.root / "top/a/seven").touch()
    os.utime(folder.root / "top/a", (LONG_AGO, LONG_AGO))
    assert "seven" not in read_directories(folder, "top", since=LONG_AGO + 1, known=known)["top/a"].files
    assert "seven" in read_directories(folder, "top", since=LONG_AGO, known=known)["top/a"].files


def test_links_in_the_way_are_refused(folder: Folder) -> None:
    (folder.root / "way").symlink_to("top")
    with pytest.raises(StorageFailed, match="symbolic link"):
        read_directories(folder, "way/a", since=0)
