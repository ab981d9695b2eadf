# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How large the pieces of an upload are, and what is read for one."""

from __future__ import annotations

import io
from typing import BinaryIO

import pytest
from registry.clients import content

from core.network.bodies import BytesBody
from core.registry.chunks import FIRST_CHUNK_BYTES, LEAST_CHUNK_BYTES, Meter, Part, smaller_chunk, stated_limit

MIB = 1 << 20


@pytest.mark.parametrize(
    ("sent", "refusal", "chunk"),
    [
        (300 * MIB, "", FIRST_CHUNK_BYTES),
        (65 * MIB, "", FIRST_CHUNK_BYTES),
        (64 * MIB, "", 16 * MIB),
        (16 * MIB, "", 4 * MIB),
        (6 * MIB, "", LEAST_CHUNK_BYTES),
        (4 * MIB, "", None),
        (300 * MIB, "the limit is 10 MiB", 10 * MIB),
        (4 * MIB, "at most 1048576 bytes", MIB),
    ],
)
def test_the_next_size_to_try(sent: int, refusal: str, chunk: int | None) -> None:
    assert smaller_chunk(sent, refusal) == chunk


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("chunk of 67108864 bytes exceeds the maximum of 4194304 bytes", 4194304),
        ("content length exceeds 4MB", 4_000_000),
        ("max 4.0 MiB", 4 * MIB),
        ("Request Entity Too Large (HTTP 413 to PUT https://host:5000/v2/x/2024)", None),
        ("v2.8.2 sha256:12345678901234567890", None),
        ("try 100 GB", None),
        ("", None),
    ],
)
def test_limits_in_words(text: str, limit: int | None) -> None:
    assert stated_limit(text, 67108864) == limit


class _Counting(io.BytesIO):
    read_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        _Counting.read_bytes += len(data)
        return data


class _Body:
    size = 3 * MIB

    def open(self) -> BinaryIO:
        return _Counting(content(3 * MIB))


def test_a_part_reads_its_own_bytes_only_and_again_for_every_try() -> None:
    part = Part(_Body(), MIB, MIB, Meter(lambda _count: None))
    for _ in range(2):
        _Counting.read_bytes = 0
        with part.open() as reader:
            pieces = iter(lambda: reader.read(61_440), b"")
            assert b"".join(pieces) == content(3 * MIB)[MIB : 2 * MIB]
        assert _Counting.read_bytes == MIB


def test_the_whole_is_read_without_a_detour() -> None:
    body = BytesBody(b"abc")
    assert Part(body, 0, 3, Meter(lambda _count: None)).open().read(9) == b"abc"


def test_each_byte_is_reported_once() -> None:
    steps: list[int] = []
    meter = Meter(steps.append)
    for start, counts in ((0, (5, 5)), (0, (4, 4, 4)), (12, (3,)), (0, (15, 1))):
        meter.at(start)
        for count in counts:
            meter.sent(count)
    assert sum(steps) == 16
    assert meter.furthest == 16
