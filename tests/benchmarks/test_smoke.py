# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The benchmark itself works, and what it compares are equal archives. Nothing is timed here."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import baseline
import generator
import pytest
import run
from measuring import Measurement
from packing import packages_of

from core.foundation.cancel import CancelToken
from core.packing.model import Codec
from core.packing.packer import pack
from core.spack.database import read_database
from core.spack.specs import dag_hash_of

COMMAND = [sys.executable, Path(run.__file__)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    install_root = tmp_path_factory.mktemp("bench") / "opt/spack"
    generator.write_tree(install_root, generator.SIZES["tiny"])
    return install_root


def test_baseline_writes_what_spack_would(tree: Path, tmp_path: Path) -> None:
    sources = packages_of(tree)
    assert len(sources) == generator.SIZES["tiny"].packages
    theirs = baseline.pack_all([(source, tmp_path / str(number)) for number, source in enumerate(sources)], 2)
    for source, their in zip(sources, theirs, strict=True):
        ours = pack(source, tmp_path / "ours", Codec.SPACK, token=CancelToken())
        assert (their.diff_id, their.digest, their.stored_bytes) == (ours.diff_id, ours.digest, ours.stored_bytes)
        assert len(gzip.decompress((tmp_path / "ours").read_bytes())) == ours.tar_bytes == their.tar_bytes


def test_sizes_follow_their_distribution() -> None:
    import random
    import statistics

    sizes = sorted(generator.prefix_sizes(generator.SIZES["corpus"], random.Random(1)))
    assert sum(sizes) == pytest.approx(1.94e9, rel=0.01)
    assert sum(sizes[-7:]) / sum(sizes) == pytest.approx(0.56, abs=0.01)
    assert sizes[len(sizes) * 9 // 10] / statistics.median(sizes) == pytest.approx(12, rel=0.1)


@pytest.mark.parametrize(
    ("path", "folder"), [("/a/b/c/d/file", "b/c/d"), ("/usr/lib/file", "usr/lib"), ("/usr/file", "usr"), ("/file", "")]
)
def test_nothing_is_written_outside_of_a_prefix(path: str, folder: str) -> None:
    assert generator.folder_below(Path("/opt/prefix"), path) == Path("/opt/prefix", folder)


def test_a_tree_is_as_large_as_it_should_be(tree: Path) -> None:
    written = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file() and ".spack" not in path.parts)
    assert written >= generator.SIZES["tiny"].megabytes * 1_000_000


def test_database_of_many_specs(tmp_path: Path) -> None:
    generator.write_index(tmp_path, 300)
    database = read_database(tmp_path)
    assert database.problems == ()
    assert len(database.records) > 300
    assert all(dag_hash_of(record.document) == record.hash for record in database.records.values())
    top = max(database.records, key=lambda key: len(database.closure([key], ("build", "link", "run"))))
    assert len(database.closure([top], ("build", "link", "run"))) > 20


def test_seed_decides() -> None:
    one, same, other = ({record.node.hash for record in generator.made_up_records(20, seed=seed)} for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("part", run.PARTS)
def test_every_part_prints_its_lines(part: str, tmp_path: Path) -> None:
    command = [*COMMAND, "--quick", "--only", part, "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    machine, heading, *lines = done.stdout.splitlines()
    assert " cores (" in machine
    assert heading.split() == ["What", "Measured", "Target", "Verdict", "Others"]
    assert lines
    for line in lines:
        assert re.search(r"  -?\d[^ ]* \S+.*  +(?:(?:<=|>=) \S+ \S+ +(?:reached|missed by \d+%) )? +\d+%$", line), line
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_a_verdict_is_that_of_the_median() -> None:
    slow, fast = Measurement("a", "s", [1.0, 9.0, 2.0], 2.5), Measurement("b", "x", [3.0, 2.0, 9.0], 3.1, at_least=True)
    assert (slow.is_reached, fast.is_reached) == (True, False)
    assert slow.line(0.25).split() == ["a", "2", "s", "(1-9)", "<=", "2.5", "s", "reached", "25%"]
    assert Measurement("c", "s", [1.0]).is_reached is None
    assert (Measurement("d", "s", [3.0], 2.0).verdict, fast.verdict) == ("missed by 50%", "missed by 3%")


def test_the_slow_line_brings_everything_late() -> None:
    sent = b"x" * 100_000
    command = [sys.executable, Path(run.__file__).with_name("slow_link.py"), "-T", "--", "node7", "cat"]
    environment = {**os.environ, "SLOW_LINK_RTT_MS": "100", "SLOW_LINK_BPS": "1000000"}
    begin = time.monotonic()
    heard = subprocess.run(command, input=sent, stdout=subprocess.PIPE, env=environment, check=True).stdout
    assert heard == sent
    assert time.monotonic() - begin >= 0.2  # the round trip, and 0.1 s of a megabyte a second in one direction at least
