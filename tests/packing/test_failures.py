# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What stops packing, what is said about it, and that nothing is left behind."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_prefix import PREFIX, Prefix

from core.foundation.cancel import CancelToken
from core.foundation.errors import (
    Cancelled,
    MirrordeckError,
    NoSpace,
    NotFound,
    NotInstalled,
    PackageChanged,
    PermissionDenied,
)
from core.packing import blocks
from core.packing.blocks import BlockPool
from core.packing.model import Codec


@pytest.fixture(autouse=True)
def _nothing_left(prefix: Prefix) -> Iterator[None]:
    yield
    assert not prefix.target.exists()


def at_first_block(act: Callable[[], object]) -> Callable[[int], None]:
    """A progress function that acts once, in the middle of packing."""
    pending = [act]

    def progress(_size: int) -> None:
        if pending:
            pending.pop()()

    return progress


def test_missing_prefix(prefix: Prefix) -> None:
    shutil.rmtree(prefix.root)
    with pytest.raises(NotInstalled, match=re.escape(str(prefix.root))):
        prefix.pack()


def test_prefix_that_is_a_file(prefix: Prefix) -> None:
    shutil.rmtree(prefix.root)
    prefix.root.write_text("")
    with pytest.raises(NotInstalled):
        prefix.pack()


@pytest.mark.parametrize("sealed", ["lib", "lib/file"])
def test_what_may_not_be_read_is_named(sealed: str, prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix.write("lib/file")
    path = str(prefix.root / sealed)
    real = {"open": os.open, "scandir": os.scandir}

    def refusing(name: str) -> Callable[..., object]:
        def call(place: object, *rest: object, **options: object) -> object:
            if str(place) == path:
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return real[name](place, *rest, **options)  # type: ignore[operator]

        return call

    monkeypatch.setattr(os, "open", refusing("open"))
    monkeypatch.setattr(os, "scandir", refusing("scandir"))
    with pytest.raises(PermissionDenied, match=re.escape(f"{path}: Permission denied")):
        prefix.pack()


def test_file_that_vanishes(prefix: Prefix) -> None:
    prefix.write("a", b"x" * (2 << 20))
    path = prefix.write("b")
    with pytest.raises(PackageChanged, match=re.escape(str(path))) as caught:
        prefix.pack(progress=at_first_block(path.unlink))
    assert caught.value.retryable
    assert caught.value.remedies


def test_directory_that_vanishes(prefix: Prefix) -> None:
    prefix.write("a", b"x" * (2 << 20))
    prefix.write("lib/b")
    with pytest.raises(PackageChanged, match=re.escape(str(prefix.root / "lib"))):
        prefix.pack(progress=at_first_block(lambda: shutil.rmtree(prefix.root / "lib")))


def before_opening(path: Path, act: Callable[[], object], patch: pytest.MonkeyPatch) -> None:
    """Act after `path` was listed and before it is opened."""
    real = os.open

    def opening(place: str, *rest: int, **options: int) -> int:
        if str(place) == str(path):
            act()
        return real(place, *rest, **options)

    patch.setattr(os, "open", opening)


def test_file_that_changes_before_it_is_read(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    path = prefix.write("b", b"old")
    before_opening(path, lambda: os.truncate(path, 9), monkeypatch)
    with pytest.raises(PackageChanged, match=re.escape(str(path))):
        prefix.pack()


@pytest.mark.parametrize(
    "act",
    [
        lambda path: os.truncate(path, 100),
        lambda path: os.truncate(path, 9 << 20),
        lambda path: os.utime(path, (1, 1)),
    ],
    ids=["shrinks", "grows", "time"],
)
def test_file_that_changes_while_it_is_read(act: Callable[[Path], object], prefix: Prefix) -> None:
    path = prefix.write("a", b"x" * (4 << 20))
    with pytest.raises(PackageChanged, match=re.escape(str(path))):
        prefix.pack(progress=at_first_block(lambda: act(path)))


@pytest.mark.parametrize("kind", ["pipe", "link", "other file"])
def test_file_that_becomes_something_else(kind: str, prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    path = prefix.write("b")
    prefix.write("c")

    def replace() -> None:
        path.unlink()
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "link":
            path.symlink_to("c")
        else:
            prefix.write("other").rename(path)

    before_opening(path, replace, monkeypatch)
    with pytest.raises(PackageChanged, match=re.escape(str(path))):
        prefix.pack()


def test_name_that_cannot_be_described(prefix: Prefix) -> None:
    prefix.write(os.fsdecode(b"share/latin-\xe9"), PREFIX.encode())
    with pytest.raises(MirrordeckError, match=r"latin-\\xe9"):
        prefix.pack()


def test_target_that_cannot_be_written(prefix: Prefix) -> None:
    prefix.target.mkdir()
    with pytest.raises(MirrordeckError, match=re.escape(str(prefix.target))):
        prefix.pack()
    prefix.target.rmdir()
    with pytest.raises(NotFound):
        Prefix(prefix.root, prefix.target / "below").pack()


@pytest.mark.parametrize("threads", [0, 2])
def test_full_disk(threads: int, prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix.write("a", os.urandom(14 << 20))
    calls: list[int] = []

    def full(_descriptor: int, data: bytes) -> None:
        calls.append(len(data))
        if len(calls) > 9:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(blocks, "write_all", full)
    with BlockPool(threads or 1) as pool, pytest.raises(NoSpace, match=re.escape(str(prefix.target))):
        prefix.pack(pool=pool if threads else None)


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("after", [1, 12])
def test_cancelled_in_the_middle(codec: Codec, after: int, prefix: Prefix) -> None:
    prefix.write("a", os.urandom(20 << 20))
    token = CancelToken()
    done: list[int] = []

    def progress(size: int) -> None:
        done.append(size)
        if len(done) == after:
            token.cancel()

    with BlockPool(2) as pool, pytest.raises(Cancelled):
        prefix.pack(codec, token=token, progress=progress, pool=pool)
    assert len(done) == after
