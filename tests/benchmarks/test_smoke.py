# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The benchmark itself works, and what it compares are equal archives. Nothing is timed here."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import baseline
import generator
import pytest
import queries
import run
import worlds

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
    sources = run.packages_of(tree)
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


def test_database_of_many_specs(tmp_path: Path) -> None:
    subprocess.run([*COMMAND, "database", "300", tmp_path], check=True)
    database = read_database(tmp_path)
    assert database.problems == ()
    assert len(database.records) > 300
    assert all(dag_hash_of(record.document) == record.hash for record in database.records.values())
    top = max(database.records, key=lambda key: len(database.closure([key], ("build", "link", "run"))))
    assert len(database.closure([top], ("build", "link", "run"))) > 20


def test_the_command_prints_a_verdict(tmp_path: Path) -> None:
    command = [*COMMAND, "--size", "tiny", "--pairs", "1", "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("tiny: 4 prefixes")
    assert [line.split()[0] for line in lines[2:4]] == ["default", "fast"]
    assert all(line.endswith(("reached", "MISSED")) for line in lines[2:4])
    assert list(tmp_path.iterdir()) == []


def test_queries_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator.write_index(tmp_path, 300)
    queries.table(read_database(tmp_path))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(queries.QUERIES) + 2
    assert all(line.endswith(("reached", "MISSED")) for line in lines[2:])
    found = {line.split()[0]: int(line[28:36]) for line in lines[2:]}
    assert found["%c=gcc"] > found["^openmpi"] > 0


def test_large_worlds_are_measured(tmp_path: Path) -> None:
    arguments = ["--packages", "300", "--present", "50", "--runs", "1", "--folder", str(tmp_path)]
    command = [sys.executable, str(Path(worlds.__file__)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(worlds.ROWS) + 2
    assert all(line.endswith(("reached", "MISSED")) for line in lines[2:])
    assert list(tmp_path.iterdir()) == []


def test_the_window_is_measured() -> None:
    command = [sys.executable, str(Path(run.__file__).with_name("window.py")), "--packages", "300"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("first paint after")
    assert len(lines) == 6
    assert all(line.endswith(("reached", "MISSED")) for line in (lines[0], *lines[2:]))


def test_seed_decides(tmp_path: Path) -> None:
    indices = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        subprocess.run([*COMMAND, "--seed", seed, "database", "20", tmp_path / name], check=True)
        text = (tmp_path / name / ".spack-db/index.json").read_text()
        indices.append(set(json.loads(text)["database"]["installs"]))
    assert indices[0] == indices[1] != indices[2]


def test_databases_are_measured(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(Path(run.__file__).with_name("database.py")),
        "300",
        "--runs",
        "1",
        "--folder",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    verdict, numbers = done.stdout.splitlines()
    assert verdict.startswith("300 packages")
    assert "load s" in numbers
    assert list(tmp_path.iterdir()) == []
