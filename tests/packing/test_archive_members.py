# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Archives of every age are read; what is hostile in them does no harm."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, Cancelled, UsageError
from core.packing.archive_members import MARKER, Member, MemberKind, prefix_of, read_members
from core.packing.unpack import Unpacked, unpack

PREFIX = "opt/spack/linux/labzed-1.3"
FACTS = b"{hash_to_prefix: {}}\n"


def member(name: str, data: bytes = b"", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    for key, value in facts.items():
        setattr(info, key, value)
    return info, data


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=kind, linkname=target)


def directory(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE, mode=0o755)


def plain(name: str = f"{PREFIX}/bin/zed", **facts: object) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [directory("opt"), directory(PREFIX), member(name, b"#!zed\n", mode=0o755, **facts)]


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT, marked: bool = True) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for info, data in (*members, *([member(f"{PREFIX}/{MARKER}", FACTS)] if marked else [])):
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


class Drip:
    """Gives a few bytes at a time."""

    def __init__(self, data: bytes, most: int = 1000) -> None:
        self._file = io.BytesIO(data)
        self._most = most

    def read(self, count: int, /) -> bytes:
        return self._file.read(min(count, self._most))


def members(data: bytes) -> list[Member]:
    return [found for found, _ in read_members(Drip(data))]


def contents(data: bytes) -> dict[str, bytes]:
    return {found.path: b"".join(iter(lambda c=content: c.read(3), b"")) for found, content in read_members(Drip(data))}


def unpacked(data: bytes, target: Path, **options: object) -> Unpacked:
    token = CancelToken()
    return unpack(Drip(data), target, check=lambda: None, token=token, progress=lambda _: None, **options)


LONG = f"{PREFIX}/share/{'long/' * 40}{'ü' * 50}"


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_of_all_kinds(form: int) -> None:
    found = members(tar(*plain(), member(LONG, b"x"), link(f"{PREFIX}/l", "b" * 300), form=form))
    assert found[2] == Member(f"{PREFIX}/bin/zed", MemberKind.FILE, 6, executable=True)
    assert [one.path for one in found[3:]] == [LONG, f"{PREFIX}/l", f"{PREFIX}/{MARKER}"]
    assert found[4] == Member(f"{PREFIX}/l", MemberKind.SYMLINK, 0, executable=False, link="b" * 300)
    assert prefix_of([one.path for one in found]) == PREFIX


def test_forms_of_all_ages() -> None:
    data = tar(*plain())
    absolute = tar(member("/" + PREFIX + "/bin/zed", b"#!zed\n"), member(f"/{PREFIX}/{MARKER}", FACTS), marked=False)
    relative = tar(member("./zed-1.3/bin/zed", b"#!zed\n"), member(f"./zed-1.3/{MARKER}", FACTS), marked=False)
    several = gzip.compress(data[:1000]) + gzip.compress(data[1000:])
    inner = gzip.compress(data)
    nested = tar(member("zed.spec.yaml", b"spec: []"), member("zed.tar.gz", inner), marked=False)
    for form in (data, gzip.compress(data), several, nested):
        assert contents(form)[f"{PREFIX}/bin/zed"] == b"#!zed\n"
    assert contents(gzip.compress(absolute))[f"{PREFIX}/bin/zed"] == b"#!zed\n"
    assert contents(relative)["zed-1.3/bin/zed"] == b"#!zed\n"
    assert prefix_of(list(contents(relative))) == "zed-1.3"


def test_unpacking(tmp_path: Path) -> None:
    steps: list[int] = []
    data = gzip.compress(
        tar(
            *plain(),
            directory(f"{PREFIX}/empty"),
            link(f"{PREFIX}/bin/same", f"{PREFIX}/bin/zed", tarfile.LNKTYPE),
            link(f"{PREFIX}/bin/z", "zed"),
            link(f"{PREFIX}/lib", "bin/../empty"),
            link(f"{PREFIX}/libc", "/usr/lib/libc.so"),
            link(f"{PREFIX}/share/own", f"/{PREFIX}/bin/zed"),
            link(f"{PREFIX}/own-out", f"/{PREFIX}/../../x"),
            link(f"{PREFIX}/above", "../../other"),
            link(f"{PREFIX}/dangling", "not/there"),
            member(f"{PREFIX}/setuid", b"x", mode=0o4755),
        )
    )
    target = tmp_path / "labzed"
    token = CancelToken()
    done = unpack(Drip(data), target, check=lambda: None, token=token, progress=steps.append)
    assert (target / "bin/zed").read_bytes() == b"#!zed\n"
    assert os.access(target / "bin/zed", os.X_OK)
    assert (target / "bin/same").samefile(target / "bin/zed")
    assert (target / "bin/z").samefile(target / "bin/zed")
    assert (target / "lib").resolve() == target / "empty"
    assert (target / "dangling").is_symlink()
    assert (target / "setuid").stat().st_mode & 0o7777 == 0o755
    assert (target / "share/own").readlink() == Path("../bin/zed")
    left_out = ["above -> ../../other", "libc -> /usr/lib/libc.so", f"own-out -> /{PREFIX}/../../x"]
    assert sorted(done.left_out) == left_out
    assert (done.prefix, done.bytes, sum(steps)) == (PREFIX, 6 + 1 + len(FACTS), 6 + 1 + len(FACTS))
    assert [path.name for path in tmp_path.iterdir()] == ["labzed"]


HOSTILE = {
    "dots": [member("../evil", b"x")],
    "dots inside": [member(f"{PREFIX}/../../../../evil", b"x")],
    "device": [member(f"{PREFIX}/null", type=tarfile.CHRTYPE)],
    "fifo": [member(f"{PREFIX}/pipe", type=tarfile.FIFOTYPE)],
    "hard link out": [link(f"{PREFIX}/passwd", "/etc/passwd", tarfile.LNKTYPE)],
    "hard link up": [link(f"{PREFIX}/passwd", "../../etc/passwd", tarfile.LNKTYPE)],
    "twice": [member(f"{PREFIX}/a", b"1"), member(f"{PREFIX}/a", b"2")],
    "through a link": [link(f"{PREFIX}/d", "bin"), member(f"{PREFIX}/d/evil", b"x")],
    "file as directory": [member(f"{PREFIX}/f", b"x"), member(f"{PREFIX}/f/evil", b"x")],
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_t14_hostile_members(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(Exception) as caught:  # noqa: PT011  any of the family
        unpacked(tar(*plain(), *HOSTILE[name]), tmp_path / "in/x")
    assert type(caught.value).__module__ == "core.foundation.errors"
    assert list((tmp_path / "in").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_t14_links_that_lead_out_through_each_other(tmp_path: Path) -> None:
    """Each of them looks harmless by itself."""
    tricks = [link(f"{PREFIX}/x", "."), link(f"{PREFIX}/y", "x/.."), link(f"{PREFIX}/z", "y/..")]
    done = unpacked(tar(*plain(), *tricks), tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert path.resolve().is_relative_to(tmp_path / "out")
    assert "y -> x/.." in done.left_out


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CacheError, match="more than 5"):
        unpacked(tar(*plain()), tmp_path / "x", largest_bytes=5)
    monkeypatch.setattr("core.packing.archive_members.MOST_MEMBERS", 2)
    with pytest.raises(CacheError, match="more than 2 members"):
        members(tar(*plain()))


def pax_bomb() -> bytes:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 1 << 40
    return info.tobuf(tarfile.GNU_FORMAT)


def spoiled() -> Iterator[tuple[str, bytes]]:
    data = gzip.compress(tar(*plain()))
    yield "empty", b""
    yield "text", b"<html>" * 200
    yield "cut", data[: len(data) // 2]
    yield "cut tar", tar(*plain())[:700]
    yield "flipped", data[:40] + bytes([data[40] ^ 255]) + data[41:]
    yield "bomb", pax_bomb()
    yield "bad pax", tarfile.TarInfo("x").tobuf()[:0] + bad_pax()
    yield "no marker", tar(*plain(), marked=False)


def bad_pax() -> bytes:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 20
    return info.tobuf() + b"99 path=oops\n".ljust(512, b"\0") + bytes(1024)


@pytest.mark.parametrize(("name", "data"), list(spoiled()), ids=[name for name, _ in spoiled()])
def test_what_is_no_archive(name: str, data: bytes, tmp_path: Path) -> None:
    with pytest.raises(CacheError):
        unpacked(data, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_nothing_appears_before_the_digest_was_checked(tmp_path: Path) -> None:
    def check() -> None:
        raise CacheError("The archive is damaged")

    with pytest.raises(CacheError):
        unpack(Drip(tar(*plain())), tmp_path / "x", check=check, token=CancelToken(), progress=lambda _: None)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        unpack(Drip(tar(*plain())), tmp_path / "x", check=lambda: None, token=token, progress=lambda _: None)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x").symlink_to("nowhere")
    with pytest.raises(UsageError, match="exists already"):
        unpacked(tar(*plain()), tmp_path / "x")
