# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which files are listed: checked against the regular expression the rule is written down as."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_prefix import PREFIX, STORE, Prefix

from core.foundation.errors import StorageFailed
from core.packing import relocation
from core.packing.relocation import (
    LiteralSearch,
    StorePaths,
    is_object_file,
    is_relocatable_text,
    is_relocatable_text_file,
)

PATHS = [f"{STORE}/linux/a-1", f"{STORE}/linux/a-1/more", "/other/bin/sbang", STORE]


def stands_alone(data: bytes) -> bool:
    alternatives = b"|".join(re.escape(path.encode()) for path in PATHS)
    return re.search(rb"(?<![\w\-_/])[\w\-_]*?(?:" + alternatives + rb")[\w\-_/]*", data) is not None


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("/opt/lab/spack/opt/spack/x", True),
        ("-I/opt/lab/spack/opt/spack", True),
        ("x/opt/lab/spack/opt/spack", True),
        ("=/opt/lab/spack/opt/spack", True),
        ("a:/opt/lab/spack/opt/spack", True),
        ("/opt/lab/spack/opt/spackling", True),
        ("/y/opt/lab/spack/opt/spack", False),
        ("//opt/lab/spack/opt/spack", False),
        ("file:///opt/lab/spack/opt/spack", False),
        ("file:///opt/lab/spack/opt/spack /opt/lab/spack/opt/spack", True),
        ("é/opt/lab/spack/opt/spack", True),
        ("/opt/lab/spack/opt/spac", False),
        ("#!/other/bin/sbang", True),
    ],
)
def test_places_of_a_path(text: str, listed: bool) -> None:
    data = text.encode()
    assert stands_alone(data) is listed
    assert StorePaths(PATHS).stand_alone_in(data, 0, len(data)) is listed


pieces = st.sampled_from(
    [
        STORE.encode(),
        STORE.encode()[:-3],
        b"/other/bin/sbang",
        b"/",
        b"x",
        b"-",
        b"_",
        b" ",
        b"\n",
        b"\xff",
        b"\0",
        b"7f",
    ]
)
texts = st.lists(pieces, max_size=12).map(b"".join)


@given(texts)
def test_same_verdict_as_the_expression(data: bytes) -> None:
    assert StorePaths(PATHS).stand_alone_in(data, 0, len(data)) is stands_alone(data)


@given(texts, st.integers(1, 60))
def test_same_verdict_piece_by_piece(tmp_path_factory: pytest.TempPathFactory, data: bytes, piece: int) -> None:
    paths = StorePaths(PATHS)
    whole = is_relocatable_text(bytearray(data), 0, len(data), paths)
    path = tmp_path_factory.getbasetemp() / "piecewise"
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(relocation, "_PIECE", piece)
            assert is_relocatable_text_file(descriptor, len(data), paths) is whole
    finally:
        os.close(descriptor)
    search = LiteralSearch(paths)
    for start in range(0, len(data), piece):
        search.feed(bytearray(data), start, min(start + piece, len(data)))
    assert search.found is (STORE.encode() in data or b"/other/bin/sbang" in data)


@pytest.mark.parametrize(
    ("filling", "text"),
    [
        (b"\0" * 20, True),  # valid UTF-8
        ("ü✓".encode(), True),
        ("ü".encode("latin-1"), True),
        (b"\xe9\x80", False),
        (b"\xe9\x7f", False),
        (b"\xe9\0", False),
        ("wide".encode("utf-16"), False),
    ],
)
@pytest.mark.parametrize("distance", [0, 3 << 20])
def test_what_counts_as_text(filling: bytes, text: bool, distance: int, prefix: Prefix) -> None:
    prefix.write("share/file", filling + b" " * distance + PREFIX.encode())
    prefix.pack()
    assert prefix.listed("textfiles") == (["share/file"] if text else [])


def test_character_cut_by_a_block_border_is_still_text(prefix: Prefix) -> None:
    prefix.write("share/file", PREFIX.encode() + "✓".encode() * 500_000)
    prefix.pack()
    assert prefix.listed("textfiles") == ["share/file"]


def test_half_a_character_at_the_end_is_no_utf8(prefix: Prefix) -> None:
    prefix.write("share/file", PREFIX.encode() + " ✓".encode()[:-1])
    prefix.write("share/long", b" " * (2 << 20) + PREFIX.encode() + " ✓".encode()[:-1])
    prefix.pack()
    assert prefix.listed("textfiles") == []


@pytest.mark.parametrize("shift", range(0, 120, 7))
def test_path_cut_by_a_block_border_is_found(shift: int, prefix: Prefix) -> None:
    prefix.write("share/file", b" " * ((1 << 20) - 7000 - shift) + (PREFIX + "\n").encode() * 100)
    prefix.write("share/once", b" " * ((1 << 20) - 1000 - shift) + PREFIX.encode())
    prefix.pack()
    assert prefix.listed("textfiles") == ["share/file", "share/once"]


def test_small_and_private_files_are_not_listed(prefix: Prefix) -> None:
    prefix.write("bin/elf", b"\x7fELF123")
    prefix.write(".spack/log", PREFIX.encode())
    (prefix.root / ".spack/link").symlink_to(PREFIX)
    prefix.pack()
    assert [prefix.listed(which) for which in ("binaries", "links", "textfiles")] == [[], [], []]


@pytest.mark.parametrize(
    ("head", "listed"),
    [
        ("7f454c4602010100", True),
        ("cffaedfe07000001", True),
        ("cefaedfe07000001", True),
        ("feedfacf01000007", True),
        ("feedface01000007", True),
        ("cafebabe00000002", True),
        ("cafebabe00000034", False),
        ("bebafeca00000002", True),
        ("bebafeca02000000", False),
        ("213c617263683e0a", False),
    ],
)
def test_magic_of_object_files(head: str, listed: bool) -> None:
    assert is_object_file(bytes.fromhex(head)) is listed


def test_unreadable_second_look_names_the_file(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> bytes:
        raise OSError(5, "Input/output error")

    path = prefix.write("share/long", PREFIX.encode() + b" " * (2 << 20))
    monkeypatch.setattr(os, "pread", broken)
    with pytest.raises(StorageFailed, match=re.escape(str(path))):
        prefix.pack()
    assert not prefix.target.exists()
