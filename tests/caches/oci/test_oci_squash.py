# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.caches.oci.layers import Layer
from core.caches.oci.squash import LAYER_LIMIT, group_layers, squash, too_many_layers
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, Cancelled, MirrordeckError
from core.packing.blocks import BlockPool
from core.packing.model import Codec

LONG = "opt/" + "x" * 120


def tar_of(files: dict[str, bytes | None], *, form: int = tarfile.PAX_FORMAT, members: int = 1) -> bytes:
    """A gzip-compressed tar; None stands for a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.mode = 0o755
            if content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content or b""))
    data = buffer.getvalue()
    step = len(data) // members + 1
    return b"".join(gzip.compress(data[start : start + step], mtime=0) for start in range(0, len(data), step))


def joined(tmp_path: Path, *archives: bytes, codec: Codec = Codec.DEFAULT, pool: BlockPool | None = None) -> Layer:
    sources: list[Callable[[], BinaryIO]] = [partial(io.BytesIO, data) for data in archives]
    steps: list[int] = []
    target = tmp_path / "out"
    made = squash(sources, target, codec, token=CancelToken(), progress=steps.append, pool=pool)
    data = target.read_bytes()
    assert (made.digest, made.size) == (f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
    assert made.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(data)).hexdigest()}"
    assert sum(steps) == len(gzip.decompress(data))
    return made


def members(tmp_path: Path) -> list[tuple[str, bytes | None]]:
    with tarfile.open(tmp_path / "out") as archive:
        return [
            (info.name, None if info.isdir() else file.read() if (file := archive.extractfile(info)) else b"")
            for info in archive
        ]


FIRST = {"opt": None, "opt/a": None, "opt/a/f": b"1" * 700, f"{LONG}/g": b"2"}
SECOND = {"opt": None, "opt/b": None, "opt/b/f": b"3" * 2_000_000, "opt/b/empty": b""}


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("codec", [Codec.DEFAULT, Codec.SPACK])
def test_everything_is_there_in_order(tmp_path: Path, form: int, codec: Codec) -> None:
    joined(tmp_path, tar_of(FIRST, form=form, members=3), tar_of(SECOND, form=form), codec=codec)
    assert members(tmp_path) == [*FIRST.items(), *[item for item in SECOND.items() if item[0] != "opt"]]
    size = len(gzip.decompress((tmp_path / "out").read_bytes()))
    assert size % tarfile.RECORDSIZE == 0


def test_long_directories_are_kept_apart(tmp_path: Path) -> None:
    """The header alone of two long names may be the same."""
    first, second = f"{LONG}/one", f"{LONG}/two"
    joined(tmp_path, tar_of({first: None}), tar_of({second: None}))
    assert [name for name, _ in members(tmp_path)] == [first, second]


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    archives = (tar_of(FIRST), tar_of(SECOND))
    first = joined(tmp_path, *archives)
    with BlockPool(2) as pool:
        assert joined(tmp_path, *archives, pool=pool) == first
    # How the parts were compressed does not matter.
    assert joined(tmp_path, tar_of(FIRST, members=7), archives[1]) == first


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no gzip",
        gzip.compress(b"no tar at all" * 100, mtime=0),
        tar_of(FIRST)[:-20],
        gzip.compress(gzip.decompress(tar_of(FIRST))[:1024], mtime=0),
        gzip.compress(b"a" * 124 + b"\xff" * 12 + b"0" * 376, mtime=0),
    ],
)
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CacheError):
        joined(tmp_path, tar_of(FIRST), data)
    assert list(tmp_path.iterdir()) == []


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        squash(
            [partial(io.BytesIO, tar_of(SECOND))], tmp_path / "out", Codec.FAST, token=token, progress=lambda _: None
        )
    assert list(tmp_path.iterdir()) == []


def test_no_place(tmp_path: Path) -> None:
    with pytest.raises(MirrordeckError):
        squash([], tmp_path / "no" / "out", Codec.FAST, token=CancelToken(), progress=lambda _: None)


@given(st.lists(st.integers(0, 10**9), max_size=60), st.integers(1, 20))
def test_groups_are_neighbours(sizes: list[int], count: int) -> None:
    groups = group_layers(sizes, count)
    assert [position for group in groups for position in group] == list(range(len(sizes)))
    assert len(groups) <= count
    assert all(groups)


def test_groups_are_of_about_the_same_size() -> None:
    assert group_layers([10] * 8, 4) == [range(2), range(2, 4), range(4, 6), range(6, 8)]
    assert group_layers([100, 1, 1, 1], 2) == [range(1), range(1, 4)]


def test_the_warning() -> None:
    assert too_many_layers("env", LAYER_LIMIT) is None
    warning = too_many_layers("env", LAYER_LIMIT + 1)
    assert warning is not None
    assert warning.title == "env will have 128 layers"
