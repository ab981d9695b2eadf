# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Spack's YAML: what plain words mean, what is refused, and where things stand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.foundation.errors import ConfigError, NotFound
from core.spack.yaml_reader import parse_yaml, read_yaml

FILE = Path("/etc/spack/mirrors.yaml")


def data(text: str) -> object:
    return parse_yaml(text, FILE).data


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        ("tRue", "tRue"),
        ("~", None),
        ("", None),
        ("Null", None),
        ("'true'", "true"),
        ('"~"', "~"),
        ("12", 12),
        ("-1_000", -1000),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("0b11", 3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("1:30", "1:30"),
        ("1.2.3", "1.2.3"),
        ("2020-01-01", "2020-01-01"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("|\n  two\n  lines", "two\nlines\n"),
    ],
)
def test_scalars_mean_what_the_core_schema_says(written: str, meant: object) -> None:
    result = data(f"a: {written}\n")
    assert result == {"a": meant}
    assert isinstance(result, dict)
    assert type(result["a"]) is type(meant)


def test_keys_are_texts() -> None:
    assert data("1: a\ntrue: b\nnull: c\n") == {"1": "a", "true": "b", "null": "c"}


def test_double_colon_is_taken_off_and_remembered() -> None:
    root = parse_yaml("mirrors::\n  'a:': x\n  b: y\n  '@c:': z\n", FILE).root
    assert isinstance(root.content, dict)
    mirrors = root.content["mirrors"]
    assert mirrors.overrides
    assert isinstance(mirrors.content, dict)
    assert {name: node.overrides for name, node in mirrors.content.items()} == {"a": True, "b": False, "@c:": False}


def test_anchors_and_merge_keys() -> None:
    text = "base: &b {x: 1, y: 2}\nother: &o {y: 5, z: 6}\nlist: [*b, *b]\nown: {y: 3, <<: [*b, *o]}\n"
    result = data(text)
    assert isinstance(result, dict)
    assert result["list"] == [{"x": 1, "y": 2}] * 2
    assert result["own"] == {"y": 3, "x": 1, "z": 6}
    assert list(result["own"]) == ["y", "x", "z"]


def test_lines_of_keys() -> None:
    file = parse_yaml("# top\na:\n  b:\n  - 1\n  - c: 2\n\nd: x\n", FILE)
    assert file.line_of("a") == 2
    assert file.line_of("a", "b") == 3
    assert file.line_of("a", "b", 1, "c") == 5
    assert file.line_of("d") == 7
    assert file.line_of("a", "nothing") == 2


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_empty_files_hold_nothing(text: str) -> None:
    assert data(text) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", 3),
        ("a: 1\na:: 2\n", 2),
        ("a:\n\tb: 1\n", 2),
        ("a: 1\nb: !!python/object/apply:os.system [true]\n", 2),
        ("a: !secret x\n", 1),
        ("a: !!binary aGk=\n", 1),
        ("a: 1\nb: *nothing\n", 2),
        ("a: &a\n  b: *a\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("? [a, b]\n: 1\n", 1),
        ("a: [1, 2\n", 2),
        ("a: b: c\n", 1),
        ("a: 1\nb:\n  <<: 5\n", 3),
    ],
)
def test_refused_with_file_and_line(text: str, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        data(text)
    assert caught.value.title.startswith(f"{FILE}:{line}: ")
    assert caught.value.why


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "{a: " * 5000,
        "a: &a [x]\nb: [" + "*a, " * 1001 + "]\n",
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)),
        "k0: &k0 []\n" + "".join(f"k{i}: &k{i} {'[' * 50}*k{i - 1}{']' * 50}\n" for i in range(1, 30)),
        "[x" + ",x" * 500_000 + "]",
    ],
    ids=["lists", "mappings", "aliases", "laughs", "aliased depth", "values"],
)
def test_t09_hostile_files_meet_a_limit(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_yaml(text, FILE)


def test_t09_files_too_large_or_special_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_yaml(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path)
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ConfigError, match="regular file"):
        read_yaml(tmp_path / "pipe.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: not UTF-8"):
        read_yaml(tmp_path / "latin.yaml")
    (tmp_path / "nul.yaml").write_bytes(b"a: \0\n")
    with pytest.raises(ConfigError, match=r"nul\.yaml:1: "):
        read_yaml(tmp_path / "nul.yaml")
    (tmp_path / "large.yaml").write_text("a: 1\n")
    with pytest.raises(ConfigError, match="too large"):
        read_yaml(tmp_path / "large.yaml", size_limit=4)
    assert read_yaml(tmp_path / "large.yaml", size_limit=5).data == {"a": 1}


def test_content_stays_out_of_the_repr() -> None:
    assert "hunter2" not in repr(parse_yaml("a: hunter2\nb: [hunter2]\n", FILE))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab:&*<!|>{}[],'\"-?#%\t\n ~0x\ufeff", max_size=40))
def test_any_text_gives_data_or_a_config_error(text: str) -> None:
    title = f"{FILE}:"
    try:
        parse_yaml(text, FILE)
    except ConfigError as error:
        title = error.title
    assert title.startswith(f"{FILE}:")
