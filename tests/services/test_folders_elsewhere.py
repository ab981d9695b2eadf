# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Folders as a dialog at another computer sees them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled
from core.services import remote_files
from core.services.files_values import DirectoryView
from core.services.remote_files import list_directory

TOKEN = CancelToken()


def names(view: DirectoryView) -> list[str]:
    return [entry.name for entry in view.entries]


@pytest.fixture
def folder(home: Path) -> Path:
    folder = home / "place"
    (folder / "b-folder").mkdir(parents=True)
    (folder / "a-file").write_bytes(b"12345")
    (folder / "to-folder").symlink_to("b-folder")
    (folder / "to-nowhere").symlink_to("gone")
    (folder / "two\nlines").touch()
    (folder / os.fsdecode(b"no text \xff")).touch()
    return folder


def test_folders_first_with_sizes_and_what_links_lead_to(folder: Path) -> None:
    view = list_directory(str(folder), TOKEN)
    assert names(view) == ["b-folder", "to-folder", "a-file", "to-nowhere", "two\nlines"]
    assert [entry.is_dir for entry in view.entries] == [True, True, False, False, False]
    assert (view.path, view.parent, view.error) == (str(folder), str(folder.parent), "")
    assert view.entries[2].size_bytes == 5
    assert names(list_directory(str(folder), TOKEN, dirs_only=True)) == ["b-folder", "to-folder"]


@pytest.mark.parametrize(
    ("typed", "below"), [("", "."), ("~", "."), ("~/place", "place"), ("place/../place/", "place")]
)
def test_paths_begin_at_home(typed: str, below: str, folder: Path, home: Path) -> None:
    assert list_directory(typed, TOKEN).path == str(home / below)


@pytest.mark.parametrize("typed", ["a-file", "gone", "~nobody-of-that-name/x", "nul\0l"])
def test_what_cannot_be_read_says_why(typed: str, folder: Path) -> None:
    view = list_directory(f"{folder}/{typed}" if typed != "~nobody-of-that-name/x" else typed, TOKEN)
    assert view.error
    assert view.entries == ()
    assert view.parent


def test_the_root_has_no_parent() -> None:
    assert list_directory("/", TOKEN).parent == ""


def test_long_lists_are_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_files, "_MOST_ENTRIES", 2)
    view = list_directory(str(folder), TOKEN)
    assert names(view) == ["b-folder", "to-folder"]
    assert view.left_out == 3


def test_it_can_be_stopped(folder: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        list_directory(str(folder), token)
