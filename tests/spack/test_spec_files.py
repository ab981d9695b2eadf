# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Spec files as queries."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab_records import GOLDEN, lab

from core.foundation.errors import QueryError
from core.spack.queries import parse_query, select
from core.spack.spec_files import root_of, spec_file_reader

TOP = "2xjlh36775ifsqn5ihltmgboy6wzweks"
ZED = "3etqutdo6x2xxhffps2ikkt6ggofkhan"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With spec files of labtop and labzed, one of them as YAML."""
    top = (GOLDEN / f"specs/labtop-3.1.4-{TOP}.spec.json").read_text()
    zed = (GOLDEN / f"specs/labzed-1.10-{ZED}.spec.json").read_text()
    (tmp_path / "top.json").write_text(top)
    (tmp_path / "zed.yaml").write_text(yaml.safe_dump(json.loads(zed)))
    return tmp_path


def hashes(text: str, folder: Path) -> list[str]:
    query = parse_query(text, read_file=spec_file_reader(folder))
    return [record.hash for record in select(query, lab()).matched]


def test_finds_exactly_that_package(folder: Path) -> None:
    assert hashes("./top.json", folder) == [TOP]
    assert hashes(f"{folder}/zed.yaml", folder) == [ZED]
    assert hashes("./zed.yaml ./top.json labgit@1.1", folder)[1:] == [TOP, ZED]
    assert hashes("labtop ^./zed.yaml", folder) == hashes(f"labtop ^/{ZED}", folder)
    assert len(hashes("labtop ^./zed.yaml", folder)) == 3
    assert hashes("%./zed.yaml", folder) == hashes(f"%/{ZED}", folder)


def test_parses_to_what_needs_no_file(folder: Path) -> None:
    query = parse_query("labmid ^./zed.yaml", read_file=spec_file_reader(folder))
    assert str(query) == f"labmid ^labzed /{ZED}"


@pytest.mark.parametrize(
    ("text", "position", "word"),
    [
        ("./gone.json", 0, "No such file"),
        ("labzed ./gone.json", 7, "No such file"),
        ("./pipe.json", 0, "regular file"),
        ("./abstract.json", 0, "no concrete spec"),
        ("./broken.json", 0, "no spec file"),
        ("./broken.yaml", 0, "not valid YAML"),
        ("./top.json+shared", 10, "complete"),
        ("./top.json ^labzed", 11, "complete"),
    ],
)
def test_what_is_wrong_with_a_file(folder: Path, text: str, position: int, word: str) -> None:
    os.mkfifo(folder / "pipe.json")
    (folder / "abstract.json").write_text('{"spec": {"nodes": [{"name": "a", "concrete": false}]}}')
    (folder / "broken.json").write_text("{")
    (folder / "broken.yaml").write_text("a: [")
    with pytest.raises(QueryError) as caught:
        parse_query(text, read_file=spec_file_reader(folder))
    assert caught.value.position == position
    assert word in caught.value.why


@pytest.mark.parametrize(
    "document",
    [
        {"spec": [{"zlib": {"version": "1.2", "hash": "z" * 32}}]},
        {"spec": {"_meta": {"version": 3}, "nodes": [{"name": "zlib", "hash": "z" * 32}, {"name": "other"}]}},
    ],
)
def test_older_formats(document: dict[str, Any]) -> None:
    assert root_of(json.dumps(document).encode(), "a.json") == ("zlib", "z" * 32)


@pytest.mark.parametrize("text", ["[]", "{}", '{"spec": 1}', '{"spec": []}', '{"spec": [1]}', '{"spec": [{"a": 1}]}'])
def test_no_spec_at_all(text: str) -> None:
    with pytest.raises(QueryError, match="no concrete spec"):
        parse_query("./a.json", read_file=lambda name: text.encode())
