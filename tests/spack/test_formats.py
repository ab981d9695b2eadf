# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Texts of specs against what Spack 1.1 printed for the same ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.foundation.errors import QueryError
from core.spack.database import Database
from core.spack.formats import (
    compilers_of,
    default_format,
    exact,
    find_groups,
    format_record,
    short,
    short_spec,
    variants_text,
)
from core.spack.index_document import parse_index, split_index
from core.spack.specs import PackageRecord

FLAGS: dict[str, list[str]] = {name: [] for name in ("cflags", "cppflags", "cxxflags", "fflags", "ldflags", "ldlibs")}
CZFLOOM = "czfloomisviyu5ykh5nj7yj6fxnpf6u3"
GCC = "a7iaj7kah4gxhopoorgdt4cde7tbrje7"
LABEXT = "rarjfeqsmhgs4iudirnxm3id7jiafb6d"
LABTOOL = "mrjm5tqvvbymficrcn7y7lwmb25eysf4"


def _database(installs: Mapping[str, Any]) -> Database:
    text = json.dumps({"database": {"version": "8", "installs": installs}}).encode()
    parsed = parse_index(split_index(text, Path("index.json")), Path("index.json"), "/opt/root", upstream=False)
    assert parsed.problems == ()
    return Database("/opt/root", 8, parsed.records)


@pytest.fixture(scope="module")
def installs(golden: Path) -> dict[str, Any]:
    contents: dict[str, Any] = json.loads((golden / "db/index.json").read_bytes())["database"]["installs"]
    return contents


@pytest.fixture(scope="module")
def database(installs: dict[str, Any]) -> Database:
    return _database(installs)


def _labzed(installs: dict[str, Any], **changes: object) -> tuple[PackageRecord, Database]:
    """A package with changed keys of its node, beside the ones it may depend on."""
    key = "3etqutdo6x2xxhffps2ikkt6ggofkhan"
    record = installs[key] | {"spec": installs[key]["spec"] | changes}
    database = _database(installs | {key: record})
    return database.records[key], database


def _edge(name: str, dag_hash: str, *virtuals: str) -> dict[str, Any]:
    return {"name": name, "hash": dag_hash, "parameters": {"deptypes": ["build"], "virtuals": list(virtuals)}}


def test_formats_of_every_package_of_the_lab(golden: Path, database: Database) -> None:
    expected = json.loads((golden / "expected/specs.json").read_bytes())
    assert set(expected) == set(database.records)
    for dag_hash, texts in expected.items():
        node = database.records[dag_hash].node
        assert exact(node) == texts["str"]
        assert short_spec(node) == texts["short_spec"]
        assert default_format(node) == texts["format_default"]
        assert short(node) == texts["format_name_version_hash7"]


@pytest.mark.parametrize(
    ("parameters", "variants", "default"),
    [
        ({"build_system": "generic"}, "build_system=generic", "@=1.10 cflags=-O2  build_system=generic platform="),
        ({}, "", "@=1.10 cflags=-O2  platform="),
        ({"x": True}, "+x", "@=1.10 cflags=-O2 +x platform="),
        ({"zz": True, "aa": False, "b": "1"}, "~aa+zz b=1", "@=1.10 cflags=-O2 ~aa+zz b=1 platform="),
    ],
)
def test_flags_stand_between_version_and_variants(
    installs: dict[str, Any], parameters: dict[str, object], variants: str, default: str
) -> None:
    record, _ = _labzed(installs, parameters=parameters | FLAGS | {"cflags": ["-O2"]})
    assert variants_text(record.node) == variants
    assert default in default_format(record.node)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x y", "v='x y'"),
        ("it's", 'v="it\'s"'),
        ('q"q', "v='q\"q'"),
        ("'\"both", 'v="\'\\"both"'),
        ("it's ünï", 'v="it\'s \\u00fcn\\u00ef"'),
        ("ünï", "v='ünï'"),
        ("", "v=''"),
        ("[x]", "v=[x]"),
        ("a+b", "v='a+b'"),
        ("back\\slash", "v='back\\slash'"),
        (["x y", "z"], "v:='x y,z'"),
        (["auto"], "v:=auto"),
        ([], "v:='*'"),
    ],
)
def test_values_are_quoted_like_spack_does(installs: dict[str, Any], value: object, text: str) -> None:
    record, _ = _labzed(installs, parameters={"v": value, **FLAGS})
    assert variants_text(record.node) == text


def test_flags_are_quoted_like_spack_does(installs: dict[str, Any]) -> None:
    flags = FLAGS | {"cxxflags": ["-g", "-DX='y'"], "fflags": ['-DQ="z"'], "ldflags": ["-Wl,-rpath,$ORIGIN"]}
    record, _ = _labzed(installs, parameters=flags)
    assert (
        format_record(record, "{compiler_flags}")
        == """cxxflags="-g -DX='y'" fflags='-DQ="z"' ldflags='-Wl,-rpath,$ORIGIN'"""
    )


@pytest.mark.parametrize(
    ("edges", "compilers", "compiler"),
    [
        ([_edge("gcc", GCC, "c", "cxx", "fortran")], ("c,cxx,fortran=gcc@12.2.0",), f"gcc@12.2.0/{GCC}"),
        ([_edge("gcc", GCC, "c", "foo")], ("c,foo=gcc@12.2.0",), f"gcc@12.2.0/{GCC}"),
        ([_edge("gcc", GCC), _edge("labtool", LABTOOL, "foo")], (), "none"),
        (
            [_edge("labtool", LABTOOL, "c"), _edge("labext", LABEXT, "cxx")],
            ("cxx=labext@7.5", "c=labtool@1.0.1"),
            f"labtool@1.0.1/{LABTOOL}",
        ),
        ([_edge("gcc", "q" * 32, "c")], (), "none"),
    ],
)
def test_compilers_are_direct_dependencies_that_provide_a_language(
    installs: dict[str, Any], edges: list[Any], compilers: tuple[str, ...], compiler: str
) -> None:
    record, database = _labzed(installs, dependencies=edges)
    assert compilers_of(record, database.records) == compilers
    assert format_record(record, "{compiler}", database.records) == compiler


def test_specs_from_before_spack_1_have_an_annotated_compiler(installs: dict[str, Any]) -> None:
    annotations = {"original_specfile_version": 4, "compiler": "gcc@=12.2.0"}
    record, database = _labzed(installs, dependencies=[], annotations=annotations)
    assert compilers_of(record, database.records) == ()
    text = format_record(record, "{compiler}|{%compiler}|{compiler.name}|{compiler.version}", database.records)
    assert text == "gcc@=12.2.0|%gcc@=12.2.0|gcc|12.2.0"


def test_find_groups_have_the_headers_of_spack_find(database: Database) -> None:
    groups = find_groups([record for record in database.records.values() if record.installed], database)
    assert [(header, len(records)) for header, records in groups] == [
        ("-- linux-debian12-x86_64 / %c,cxx=gcc@12.2.0 --------------------", 2),
        ("-- linux-debian12-x86_64 / %c=gcc@12.2.0 ------------------------", 10),
        ("-- linux-debian12-x86_64 / no compilers -------------------------", 12),
    ]


def test_group_of_a_longer_list_of_compilers_comes_first(installs: dict[str, Any]) -> None:
    edges = [_edge("gcc", GCC, "c"), _edge("labext", LABEXT, "fortran"), _edge("labtool", LABTOOL, "cxx")]
    record, database = _labzed(installs, dependencies=edges)
    groups = find_groups([database.records[CZFLOOM], record], database)
    assert [header for header, _ in groups] == [
        "-- linux-debian12-x86_64 / %c=gcc@12.2.0 %fortran=labext@7.5 %cxx=labtool@1.0.1 ",
        "-- linux-debian12-x86_64 / %c=gcc@12.2.0 ------------------------",
    ]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{name}", "labzed"),
        ("{NAME}{@version}", "labzed@1.3"),
        ("{@versions}", "@=1.3"),
        ("{hash} {hash:7}{/hash:7}{hash:99}", f"{CZFLOOM} czfloom/czfloom{CZFLOOM}"),
        ("{arch=architecture}", "arch=linux-debian12-x86_64"),
        ("x{ platform=architecture.platform}{ os=os}", "x platform=linux os=debian12"),
        ("{prefix}", f"/opt/lab/spack/opt/spack/linux-x86_64/labzed-1.3-{CZFLOOM}"),
        ("{variants}", "~shared+static build_system=generic"),
        ("{variants.shared} {variants.build_system}", "~shared build_system=generic"),
        ("{compiler} {compiler.name} {compiler.version}", f"gcc@12.2.0/{GCC} gcc 12.2.0"),
        ("{compilers}|", "%c=gcc@12.2.0|"),
        ("{fullname} {external}", "lab.labzed False"),
        ("a\\{b\\} {name}  ", "a{b} labzed"),
    ],
)
def test_templates_of_find_format(database: Database, template: str, text: str) -> None:
    assert format_record(database.records[CZFLOOM], template, database.records) == text


@pytest.mark.parametrize(
    ("template", "position"),
    [
        ("{foo}", 0),
        ("x {name", 2),
        ("name}", 4),
        ("{}", 0),
        ("{@name}", 0),
        ("{/name}", 0),
        ("{name:3}", 0),
        ("{hash:x}", 0),
        ("{ variants}", 0),
        ("{variants.nope}", 0),
        ("{name}{variants.cflags}", 6),
    ],
)
def test_templates_that_spack_refuses_are_refused(database: Database, template: str, position: int) -> None:
    with pytest.raises(QueryError) as caught:
        format_record(database.records[CZFLOOM], template, database.records)
    assert caught.value.position == position
