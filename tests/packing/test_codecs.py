# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every codec is read by everybody, gives the same bytes however it is computed, and needs little memory."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_prefix import PREFIX, Prefix

from core.packing.blocks import BlockPool
from core.packing.codecs import GzipStream, gzip_member
from core.packing.model import Codec

EXTRA_MEMORY = 64 << 20
PACK_A_LARGE_FILE = """
import resource, sys
from pathlib import Path
from core.foundation.cancel import CancelToken
from core.packing.blocks import BlockPool
from core.packing.model import Codec, PackSource
from core.packing.packer import pack

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
root = Path(sys.argv[1])
source = PackSource(root, "/opt/p", "/opt", "/opt/bin/sbang", "/opt", (("a" * 32, "/opt/p"),))
with BlockPool(4) as pool:
    packed = pack(source, Path(sys.argv[2]), Codec.FAST, token=CancelToken(), pool=pool)
assert packed.tar_bytes > 200 << 20
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.fixture
def filled(prefix: Prefix) -> Prefix:
    prefix.write("bin/tool", b"\x7fELF" + os.urandom(300))
    prefix.write("share/text", f"lives in {PREFIX}\n".encode() * 200_000)
    prefix.write("lib/noise", os.urandom(3 << 20))
    prefix.write("lib/zeros", bytes(9 << 20))
    (prefix.root / "lib/link").symlink_to("noise")
    return prefix


@pytest.mark.parametrize("codec", Codec)
def test_usual_readers(codec: Codec, filled: Prefix, tool: Callable[[str], str], tmp_path: Path) -> None:
    packed = filled.pack(codec)
    stored = filled.target.read_bytes()
    tar = gzip.decompress(stored)
    assert len(stored) == packed.stored_bytes
    assert len(tar) == packed.tar_bytes
    assert packed.digest == f"sha256:{hashlib.sha256(stored).hexdigest()}"
    assert packed.diff_id == f"sha256:{hashlib.sha256(tar).hexdigest()}"
    assert subprocess.run([tool("gzip"), "-dc", filled.target], capture_output=True, check=True).stdout == tar
    subprocess.run([tool("tar"), "-xzf", filled.target, "-C", tmp_path], check=True)
    for name in ("bin/tool", "share/text", "lib/zeros", "lib/link"):
        assert (tmp_path / PREFIX[1:] / name).read_bytes() == (filled.root / name).read_bytes()
    with tarfile.open(filled.target) as archive:
        assert len(archive.getmembers()) == packed.files + 5 + len(Path(PREFIX).parts[1:])


@pytest.mark.parametrize("codec", Codec)
def test_same_bytes_for_any_number_of_threads(codec: Codec, filled: Prefix) -> None:
    alone = filled.pack(codec)
    for threads in (1, 2, 4, 8):
        with BlockPool(threads) as pool:
            assert filled.pack(codec, pool=pool) == alone


@pytest.mark.parametrize("codec", Codec)
def test_same_bytes_however_much_a_call_reads_and_writes(
    codec: Codec, filled: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, stored = filled.pack(codec), filled.target.read_bytes()
    write, readv = os.write, os.readv
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, memoryview(data)[:4099]))
    monkeypatch.setattr(os, "readv", lambda descriptor, buffers: readv(descriptor, [buffers[0][:70_001]]))
    assert filled.pack(codec) == alone
    assert filled.target.read_bytes() == stored


def test_several_packages_share_a_pool(filled: Prefix, tmp_path: Path) -> None:
    alone = filled.pack()
    with BlockPool(1) as pool, ThreadPoolExecutor(3) as threads:
        packing = [threads.submit(Prefix(filled.root, tmp_path / f"{index}").pack, pool=pool) for index in range(3)]
        assert {job.result().digest for job in packing} == {alone.digest}


def test_codecs_differ_as_they_should(filled: Prefix) -> None:
    packed = {codec: filled.pack(codec) for codec in Codec}
    assert len({result.digest for result in packed.values()}) == 3
    assert len({result.diff_id for result in packed.values()}) == 1
    assert packed[Codec.FAST].stored_bytes > packed[Codec.DEFAULT].stored_bytes


def test_stream_does_not_depend_on_write_sizes() -> None:
    data = os.urandom(50_000) + b"text " * 60_000

    def compressed(size: int) -> bytes:
        stream = GzipStream()
        return b"".join(stream.compress(data[at : at + size]) for at in range(0, len(data), size)) + stream.finish()

    assert gzip.decompress(compressed(1000)) == data
    assert compressed(1000) == compressed(77_777) == compressed(len(data))


def test_member_of_every_buffer_type() -> None:
    data = b"some text " * 100
    for codec in (Codec.DEFAULT, Codec.FAST):
        member = gzip_member(data, codec)
        assert member[4:8] == bytes(4), "a time of compression would change the digest"
        assert gzip_member(bytearray(data), codec) == gzip_member(memoryview(data), codec) == member


def test_memory_is_bounded(prefix: Prefix) -> None:
    with (prefix.root / "large").open("wb") as large:
        large.truncate(180 << 20)
        large.seek(0, os.SEEK_END)
        large.write(os.urandom(1 << 20) * 20 + PREFIX.encode())
    command = [sys.executable, "-c", PACK_A_LARGE_FILE, prefix.root, prefix.target]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=True)
    assert int(done.stdout) < EXTRA_MEMORY
