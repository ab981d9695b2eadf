# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What of a prefix goes into its archive, and how."""

from __future__ import annotations

import os
import socket
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from small_prefix import ELF, PREFIX, STORE, Prefix

from core.foundation.cancel import CancelToken
from core.packing.measure import measure
from core.packing.model import Codec
from core.packing.packer import pack


def test_order_and_metadata(prefix: Prefix) -> None:
    prefix.write("lib/b.txt", mode=0o600)
    prefix.write("lib/a/z")
    prefix.write("lib/a.txt", mode=0o4751)
    prefix.write("lib/Z.txt")
    prefix.write("top", mode=0o070)
    (prefix.root / "empty").mkdir(mode=0o700)
    packed = prefix.pack()
    members = prefix.members()
    expected = [
        "top",
        ".spack",
        ".spack/spec.json",
        "empty",
        "lib",
        "lib/Z.txt",
        "lib/a.txt",
        "lib/b.txt",
        "lib/a",
        "lib/a/z",
    ]
    assert list(members) == expected
    assert {name: info.mode for name, info in members.items() if info.isfile()} == {
        "top": 0o644,
        ".spack/spec.json": 0o644,
        "lib/Z.txt": 0o644,
        "lib/a.txt": 0o755,
        "lib/b.txt": 0o644,
        "lib/a/z": 0o644,
    }
    assert {(info.uid, info.gid, info.mtime, info.uname) for info in members.values()} == {(0, 0, 0, "")}
    assert members["empty"].isdir()
    assert members["empty"].mode == 0o755
    assert packed.files == 6
    assert packed.tar_bytes % 10240 == 0


def test_parents_of_the_prefix_come_first(prefix: Prefix) -> None:
    prefix.pack()
    with tarfile.open(prefix.target) as archive:
        names = [info.name for info in archive.getmembers()[:7]]
    assert names == [
        "opt",
        "opt/lab",
        "opt/lab/spack",
        "opt/lab/spack/opt",
        STORE[1:],
        f"{STORE[1:]}/linux-x86_64",
        PREFIX[1:],
    ]


def test_links(prefix: Prefix) -> None:
    text = prefix.write("share/text", f"{PREFIX}/x\n".encode(), 0o755)
    os.link(text, prefix.root / "share/second")
    os.link(text, prefix.root / "share/a-third")
    for name, target in {
        "dangling": "nowhere/at/all",
        "directory": "share",
        "own": f"{PREFIX}/share",
        "system": "/usr/lib",
        "other-store": f"{STORE}-more/x",
        "inner": f"/mnt{STORE}/x",
    }.items():
        (prefix.root / name).symlink_to(target)
    prefix.pack()
    members = prefix.members()
    assert members["share/a-third"].isreg()
    assert members["share/second"].islnk()
    assert members["share/second"].linkname == f"{PREFIX[1:]}/share/a-third"
    assert members["share/second"].size == 0
    assert members["share/second"].mode == 0o755
    assert members["directory"].issym()
    assert members["directory"].linkname == "share"
    assert members["dangling"].linkname == "nowhere/at/all"
    assert prefix.listed("links") == ["other-store", "own"]
    assert prefix.listed("textfiles") == ["share/a-third"]


def test_sockets_pipes_and_devices_are_left_out(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(prefix.root / "pipe")
    monkeypatch.chdir(prefix.root)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        packed = prefix.pack()
    assert list(prefix.members()) == [".spack", ".spack/spec.json"]
    assert packed.files == 1
    assert len(packed.warnings) == 2
    assert all(str(prefix.root / name) in text for name, text in zip(("pipe", "socket"), packed.warnings, strict=True))


@pytest.mark.parametrize("name", ["ünïcode-✓.txt", "with blank", "x" * 200, "new\nline", "quote'\"s", "a: [b], {c} #d"])
def test_odd_names(name: str, prefix: Prefix) -> None:
    prefix.write(f"share/{name}", f"in {PREFIX}\n".encode())
    prefix.pack()
    assert f"share/{name}" in prefix.members()
    assert prefix.listed("textfiles") == [f"share/{name}"]


@pytest.mark.parametrize(
    "name", ["true", "1e3", "0x1f", "null", "~", "2024-01-01", "-", "No", ".inf", "=", "!x", "1:30", "0o17"]
)
def test_names_that_look_like_other_yaml_stay_text(name: str, prefix: Prefix) -> None:
    prefix.write(name, f"in {PREFIX}\n".encode())
    prefix.pack()
    assert prefix.listed("textfiles") == [name]


def test_names_that_are_not_utf8(prefix: Prefix) -> None:
    name = os.fsdecode(b"share/latin-\xe9")
    prefix.write(name)
    (prefix.root / "link").symlink_to(name)
    prefix.pack()
    members = prefix.members()
    assert members[name].size == 8
    assert members["link"].linkname == name


def test_an_earlier_description_is_left_out_under_any_name(prefix: Prefix) -> None:
    old = prefix.write(".spack/binary_distribution", b"old")
    os.link(old, prefix.root / "copy-of-it")
    prefix.pack()
    assert list(prefix.members()) == [".spack", ".spack/spec.json"]


def test_contents_survive_at_every_place_in_a_block(prefix: Prefix) -> None:
    sizes = {
        "a": 0,
        "b": 1,
        "c": (1 << 20) - 512,
        "d": 1 << 20,
        "e": (5 << 20) + 3,
        "f": 511,
        "g": 600_000,
        "h": 600_000,
    }
    contents = {name: os.urandom(size) for name, size in sizes.items()}
    for name, data in contents.items():
        prefix.write(name, data)
    prefix.pack()
    with tarfile.open(prefix.target) as archive:
        for name, data in contents.items():
            stored = archive.extractfile(f"{PREFIX[1:]}/{name}")
            assert stored is not None
            assert stored.read() == data


def test_measure_estimates_progress(prefix: Prefix) -> None:
    for index in range(300):
        prefix.write(f"lib/file-{index}", b"x" * index * 40)
    os.link(prefix.root / "lib/file-299", prefix.root / "lib/again")
    (prefix.root / "sealed").mkdir()
    done: list[int] = []
    source = replace(prefix.source(), prefix=str(prefix.root))
    packed = pack(source, prefix.target, Codec.FAST, token=CancelToken(), progress=done.append)
    size = measure(prefix.root)
    assert size.files == packed.files
    assert sum(done) == packed.tar_bytes
    assert abs(size.archive_bytes - packed.tar_bytes) < 20_000


def test_measure_of_nothing(tmp_path: Path) -> None:
    assert measure(tmp_path / "missing").files == 0


def test_object_files_are_listed_whatever_they_hold(prefix: Prefix) -> None:
    prefix.write("bin/tool", ELF)
    prefix.write("bin/big", ELF + os.urandom(3 << 20))
    prefix.write(".spack/tool", ELF)
    os.link(prefix.root / "bin/tool", prefix.root / "bin/tool-2")
    prefix.pack()
    assert prefix.listed("binaries") == ["bin/big", "bin/tool"]
    assert prefix.listed("textfiles") == []
