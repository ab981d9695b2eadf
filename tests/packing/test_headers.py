# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Headers must equal those of Python's tarfile, which Spack uses."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.packing.headers import padding, tar_header, trailer


def expected(kind: bytes, name: str, mode: int, size: int, link: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


letters = st.characters(min_codepoint=1, max_codepoint=0x2FF) | st.sampled_from("/😀\udc80\udcff")
ascii_names = st.text(st.characters(min_codepoint=1, max_codepoint=126), min_size=1, max_size=400)
names = ascii_names | st.text(letters, min_size=1, max_size=150)
kinds = st.sampled_from([tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE])
sizes = st.integers(0, 8**11 + 2) | st.sampled_from([8**11 - 1, 8**11, 2**40])


@given(kind=kinds, name=names, mode=st.sampled_from([0o644, 0o755]), size=sizes, link=st.just("") | names)
def test_as_tarfile_writes_them(kind: bytes, name: str, mode: int, size: int, link: str) -> None:
    assert tar_header(kind, name, mode, size, link) == expected(kind, name, mode, size, link)


# Around 100, 1000 and 10000 the length of a pax record counts its own digits.
@pytest.mark.parametrize("length", [1, 99, 100, 101, 102, 103, 500, *range(980, 1000), *range(9980, 10000)])
def test_names_at_the_borders(length: int) -> None:
    name = "d/" + "x" * (length - 2) if length > 2 else "x"
    assert tar_header(tarfile.REGTYPE, name, 0o644, 7) == expected(tarfile.REGTYPE, name, 0o644, 7, "")
    assert tar_header(tarfile.SYMTYPE, "s", 0o755, link=name) == expected(tarfile.SYMTYPE, "s", 0o755, 0, name)


def test_directories_end_in_a_slash() -> None:
    name = "x" * 120
    assert tar_header(tarfile.DIRTYPE, f"{name}/", 0o755) == expected(tarfile.DIRTYPE, name, 0o755, 0, "")


def test_large_sizes_are_read_back() -> None:
    for size in (8**11 - 1, 8**11, 20 * 2**30):
        header = tar_header(tarfile.REGTYPE, "big", 0o644, size)
        with tarfile.TarFile.open(fileobj=io.BytesIO(header)) as archive:
            assert archive.next().size == size


def test_padding_and_trailer() -> None:
    assert [len(padding(size)) for size in (0, 1, 511, 512, 513)] == [0, 511, 1, 0, 511]
    for size in (0, 512, 9216, 9728, 10240):
        assert (size + len(trailer(size))) % 10240 == 0
        assert len(trailer(size)) >= 1024
